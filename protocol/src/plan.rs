//! Quota and shortfall: what flows back to those who measure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::time::{Month, UtcMicros};

/// Samples a commune owes each month (letter 4459/BTTTT-CVT and its local forms).
pub const QUOTA_PER_COMMUNE: u32 = 300;

/// Progress of one commune in one month.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct CommuneQuota {
    /// Commune code.
    pub code: String,
    /// Full name, such as `Phường Bình Phước`.
    pub name: String,
    /// Province code.
    pub province_code: String,
    /// Province name.
    pub province: String,
    /// Samples that count.
    pub counted: u32,
    /// Samples that do not, by first reason.
    pub excluded: BTreeMap<String, u32>,
    /// `300 − counted`, not below 0.
    pub missing: u32,
    /// Distinct devices among the counted.
    pub devices: u32,
}

/// `GET /v1/months/{month}`: progress of a month.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct MonthStatus {
    /// Month (UTC+7).
    #[schema(value_type = String, example = "2026-11")]
    pub month: Month,
    /// When it was computed.
    #[schema(value_type = String, format = DateTime)]
    pub at: UtcMicros,
    /// Province the list is limited to.
    #[serde(default)]
    pub province_code: Option<String>,
    /// Communes in scope, measured or not.
    pub communes_total: u32,
    /// Communes that reached the quota.
    pub communes_reached: u32,
    /// Samples that count.
    pub counted: u32,
    /// Samples that do not count, by first reason.
    pub excluded: BTreeMap<String, u32>,
    /// Samples without a commune (outside, unknown), by first reason; part of `excluded`.
    pub without_commune: u32,
    /// Samples without evidence (no service): part of the failed attempts.
    pub unattested: u32,
    /// Communes with at least one sample, and, when limited to a province, all of it; by code.
    pub communes: Vec<CommuneQuota>,
    /// Days left to measure, today included; 0 when the month is over.
    pub days_left: u32,
}
