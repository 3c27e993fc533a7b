//! Duties outside measuring: what a commune did to spread the word, what stood in its way, what it proposes, and VNNIC's own
//! count beside ours. Typed in by officials, kept as records beside the samples.

use serde::{Deserialize, Serialize};

use crate::day::Day;
use crate::time::Month;

/// Version of the records of this module.
pub const DUTY_VERSION: u32 = 1;

/// Communication work (công tác tuyên truyền) of one form.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Communication {
    /// Form (hình thức), such as `Bài trên cổng thông tin điện tử`.
    pub form: String,
    /// News items, posts, broadcasts (số lượng tin, bài, lượt).
    pub items: u32,
}

/// What a commune reports of a month beside its measurements.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Duty {
    /// Version of this record.
    pub v: u32,
    /// Month (UTC+7).
    pub month: Month,
    /// Commune code.
    pub commune: String,
    /// Communication work.
    #[serde(default)]
    pub communication: Vec<Communication>,
    /// Difficulties (khó khăn, vướng mắc).
    #[serde(default)]
    pub difficulties: Vec<String>,
    /// Proposals (đề xuất, kiến nghị).
    #[serde(default)]
    pub proposals: Vec<String>,
    /// Role code of who typed it in; never a name.
    #[serde(default)]
    pub role: Option<String>,
}

/// VNNIC's own published count of a commune and month, typed in or imported: it stands beside ours and is never mixed with it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ISpeedCount {
    /// Version of this record.
    pub v: u32,
    /// Month (UTC+7).
    pub month: Month,
    /// Commune code.
    pub commune: String,
    /// Samples of i-Speed, as published.
    pub count: u32,
    /// Where it was published.
    pub source: String,
    /// Day on which it was read there.
    pub date: Day,
}

/// Key of a record of a commune and month: `2026-11/25195`.
pub fn record_key(month: Month, commune: &str) -> String {
    format!("{month}/{commune}")
}
