//! Quota and shortfall: what flows back to those who measure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::cell::Cell;
use crate::day::Day;
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

/// Counted samples an operator needs in a commune before its figure is shown in black and ranked (`vietnam.md` 5.3): below it
/// an operator is under-sampled, unless a campaign sets a quota of its own.
pub const OPERATOR_SAMPLES_MIN: u32 = 30;

/// Devices that must have measured in a commune before anybody is told which cells are unmeasured: the others are the measured
/// ones, and of one or two devices they would tell where somebody was.
pub const CELLS_DEVICES_MIN: u32 = 5;

/// Last day of the next month on which samples are still merged, unless the collector is set otherwise.
pub const UPLOAD_CUTOFF_DAY: u8 = 8;

/// Communes report before this day of the next month (letter 2731/BTTTT-CVT and its local forms).
pub const REPORT_BEFORE_DAY: u8 = 10;

/// Said wherever a person reads a plan.
pub const NOT_I_SPEED_VI: &str = "ispeed không phải là ứng dụng i-Speed của VNNIC; mẫu của ispeed không được cộng vào \
                                  chỉ tiêu 300 mẫu của VNNIC.";

/// The same in English.
pub const NOT_I_SPEED_EN: &str = "ispeed is not VNNIC's i-Speed app; its samples do not enter VNNIC's count of 300.";

/// What counts of one device in one commune: a rule of the collector, so that 300 taps at one desk are not 300 samples.
/// Surplus is stored and not counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Spacing {
    /// Least seconds between the starts of two counted samples.
    pub seconds: u32,
    /// Least metres between the 200 m cells of two counted samples of a day; 0: no such rule. Cells are 200 m apart from
    /// centre to centre, so 200 means "another cell".
    pub metres: u32,
    /// Most counted samples in one commune on one day (UTC+7).
    pub per_day: u32,
}

/// The three dates of a month, in Vietnam's time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct PlanCalendar {
    /// First instant at which nothing can be measured for the month any more.
    #[schema(value_type = String, format = DateTime)]
    pub measure_until: UtcMicros,
    /// Days on which a sample of the month can still be taken, today included; 0 when it is over.
    pub days_left: u32,
    /// First instant at which a sample that comes in is late.
    #[schema(value_type = String, format = DateTime)]
    pub upload_until: UtcMicros,
    /// Last day on which the report is in time (before the 10th).
    #[schema(value_type = String, format = Date)]
    pub report_by: Day,
}

impl PlanCalendar {
    /// The dates of a month; samples are merged until the end of `cutoff_day` of the next month.
    pub fn of(month: Month, cutoff_day: u8, now: UtcMicros) -> Self {
        let next = month.next();
        let day = |day: u8| Day::in_month(next, day).unwrap_or(Day::of(next.start()));
        Self {
            measure_until: month.end(),
            days_left: days_left(month, now),
            upload_until: day(cutoff_day).end(),
            report_by: day(REPORT_BEFORE_DAY - 1),
        }
    }
}

/// Days on which a sample of the month can still be taken, today included.
pub fn days_left(month: Month, now: UtcMicros) -> u32 {
    const DAY_MICROS: i64 = 86_400_000_000;
    let from = now.max(month.start());
    let left = month.end().micros_since(from).max(0);
    u32::try_from((left + DAY_MICROS - 1) / DAY_MICROS).unwrap_or(0)
}

/// How many samples, and how well spread: 300 taps from one desk are one observation.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Progress {
    /// Samples that count.
    pub counted: u32,
    /// Samples that do not, by first reason.
    pub excluded: BTreeMap<String, u32>,
    /// 300 less the counted, not below 0. The letters ask 300 of the commune as a whole; of an operator and a technology it is
    /// said for whoever reads them otherwise.
    pub missing: u32,
    /// Distinct devices among the counted.
    pub devices: u32,
    /// Distinct 200 m cells among the counted.
    pub cells: u32,
    /// Distinct days (UTC+7) among the counted.
    pub days: u32,
    /// Part of the counted that the busiest device gave, in thousandths; `null` when nothing counts.
    pub top_device_permille: Option<u32>,
}

/// Progress of one operator and technology in a commune.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct GroupProgress {
    /// `viettel`, `vinaphone`, `mobifone`, `vietnamobile`, `other`.
    pub operator: String,
    /// `4g`, `5g`, `3g`, `other`.
    pub technology: String,
    /// How far it is.
    #[serde(flatten)]
    pub progress: Progress,
}

/// An operator of which there are too few samples in a commune.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct OperatorShortfall {
    /// `viettel`, `vinaphone`, `mobifone`, `vietnamobile`.
    pub operator: String,
    /// Samples that count; in the plan of a campaign only those of the campaign.
    pub counted: u32,
    /// The quota of the campaign, else 30: below it a figure is grey and not ranked.
    pub wanted: u32,
    /// What is missing of it.
    pub missing: u32,
}

/// A 200 m cell that nobody measured this month.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct PlanCell {
    /// The cell.
    #[schema(value_type = String, example = "c6423_58211")]
    pub cell: Cell,
    /// Latitude of its centre, 10⁻⁶ degree north.
    pub lat_e6: i32,
    /// Longitude of its centre, 10⁻⁶ degree east.
    pub lon_e6: i32,
    /// Metres from the point asked for to its centre, to 10 m; `null` where no point was asked for.
    pub distance_m: Option<u32>,
}

/// What a commune still needs this month.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct CommunePlan {
    /// Commune code.
    pub code: String,
    /// Full name, such as `Phường Bình Phước`.
    pub name: String,
    /// Province code.
    pub province_code: String,
    /// Province name.
    pub province: String,
    /// Metres from the point asked for to the commune, to 10 m: 0 inside; `null` where no point was asked for. Without borders
    /// (`approximate`) to its centre.
    pub distance_m: Option<u32>,
    /// The commune as a whole.
    #[serde(flatten)]
    pub progress: Progress,
    /// By operator and technology; only those with samples.
    pub groups: Vec<GroupProgress>,
    /// Operators of which there are too few, the one with most missing first.
    pub under_sampled: Vec<OperatorShortfall>,
    /// 200 m cells of the commune; `null` where the collector has no borders.
    pub cells_total: Option<u32>,
    /// Cells without a sample this month; `null` where the collector has no borders, or `cells_hidden`.
    pub cells_unmeasured: Option<u32>,
    /// Fewer than five devices measured here this month, and where they were is not told: `unmeasured` may name measured cells.
    pub cells_hidden: bool,
    /// Some of them: the nearest to the point asked for, else those furthest from everything measured. The grid does not know
    /// roads and houses; a cell nobody can reach is passed over.
    pub unmeasured: Vec<PlanCell>,
}

/// The one thing to do next.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct NextMeasurement {
    /// Commune to measure in.
    pub commune: String,
    /// What it lacks to 300.
    pub missing: u32,
    /// Operator to measure with, if one is under-sampled.
    pub operator: Option<String>,
    /// Cell to go to, if one is unmeasured.
    #[schema(value_type = Option<String>, example = "c6423_58211")]
    pub cell: Option<Cell>,
}

/// `GET /v1/plan`: what to measure next. ispeed is not VNNIC's i-Speed app; its samples do not enter VNNIC's count of 300.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Plan {
    /// Month (UTC+7).
    #[schema(value_type = String, example = "2026-11")]
    pub month: Month,
    /// When it was computed.
    #[schema(value_type = String, format = DateTime)]
    pub at: UtcMicros,
    /// When to measure, to hand in and to report.
    pub calendar: PlanCalendar,
    /// Samples a commune owes.
    pub quota: u32,
    /// What counts of one device.
    pub spacing: Spacing,
    /// Campaign asked for.
    #[serde(default)]
    pub campaign: Option<String>,
    /// Commune asked for, or the one the point asked for lies in, or seems to.
    #[serde(default)]
    pub here: Option<String>,
    /// The collector has no borders: communes near a point are guessed by their centres, and cells are not known.
    pub approximate: bool,
    /// Boundary table that answered.
    #[serde(default)]
    pub table: Option<String>,
    /// What to do next; `null` when nothing is short.
    pub next: Option<NextMeasurement>,
    /// The commune of the point or the one asked for, then those that are short: nearest first for a point, else the one with
    /// most missing first.
    pub communes: Vec<CommunePlan>,
    /// Short communes beyond the limit.
    pub left_off: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_dates_of_a_month_are_vietnams() {
        let month: Month = "2026-12".parse().unwrap();
        let calendar = PlanCalendar::of(month, UPLOAD_CUTOFF_DAY, month.end().plus_micros(-1));
        assert_eq!(calendar.measure_until.to_string(), "2026-12-31T17:00:00.000000Z");
        assert_eq!(calendar.upload_until.to_string(), "2027-01-08T17:00:00.000000Z", "day 8, 24:00");
        assert_eq!(calendar.report_by.to_string(), "2027-01-09", "before the 10th");
        assert_eq!(calendar.days_left, 1);
        assert_eq!(PlanCalendar::of(month, 3, month.end()).upload_until.to_string(), "2027-01-03T17:00:00.000000Z");
    }

    #[test]
    fn days_left_count_today_and_follow_vietnam() {
        let month: Month = "2026-11".parse().unwrap();
        let left = |now: &str| days_left(month, now.parse().unwrap());
        assert_eq!(left("2026-10-31T17:00:00Z"), 30, "the first morning");
        assert_eq!(left("2026-11-29T16:59:59Z"), 2, "the 29th is not over in Vietnam");
        assert_eq!(left("2026-11-29T17:00:00Z"), 1, "the 30th has begun in Vietnam");
        assert_eq!(left("2026-11-30T17:00:00Z"), 0);
        assert_eq!(left("2026-01-01T00:00:00Z"), 30, "a month to come");
    }
}
