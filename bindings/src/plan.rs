//! What to measure next, as the collector says.

use ispeed_core::plan::fetch::About;
use ispeed_core::protocol::plan as core;

use crate::error::{IspeedError, Result};
use crate::place::Point;

/// About what a plan is asked.
#[derive(Clone, PartialEq, Debug, uniffi::Enum)]
pub enum PlanAbout {
    /// The communes around a point. The collector is told the centre of its 200 m cell and no more.
    Around {
        /// The point.
        point: Point,
        /// How far to look, metres; at most 20,000.
        radius_m: u32,
    },
    /// A commune.
    Commune {
        /// Its code.
        code: String,
    },
    /// A campaign.
    Campaign {
        /// Its code.
        code: String,
    },
}

impl TryFrom<PlanAbout> for About {
    type Error = IspeedError;

    fn try_from(ours: PlanAbout) -> Result<Self> {
        Ok(match ours {
            PlanAbout::Around { point, radius_m } => Self::Point { point: point.checked()?, radius_m },
            PlanAbout::Commune { code } => Self::Commune(code),
            PlanAbout::Campaign { code } => Self::Campaign(code),
        })
    }
}

impl From<About> for PlanAbout {
    fn from(core: About) -> Self {
        match core {
            About::Point { point, radius_m } => Self::Around { point: point.into(), radius_m },
            About::Commune(code) => Self::Commune { code },
            About::Campaign(code) => Self::Campaign { code },
        }
    }
}

/// What counts of one device.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Record)]
pub struct Spacing {
    /// Least seconds between the starts of two counted samples.
    pub seconds: u32,
    /// Least metres between the cells of two counted samples of a day; 0: no such rule.
    pub metres: u32,
    /// Most counted samples in one commune on one day.
    pub per_day: u32,
}

impl From<core::Spacing> for Spacing {
    fn from(core: core::Spacing) -> Self {
        Self { seconds: core.seconds, metres: core.metres, per_day: core.per_day }
    }
}

/// The dates of a month, in Vietnam's time.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct PlanCalendar {
    /// First instant at which nothing can be measured for the month any more.
    pub measure_until_micros: i64,
    /// Days on which a sample can still be taken, today included.
    pub days_left: u32,
    /// First instant at which a sample that comes in is late.
    pub upload_until_micros: i64,
    /// Last day on which the report is in time, `2026-12-09`.
    pub report_by: String,
}

impl From<core::PlanCalendar> for PlanCalendar {
    fn from(core: core::PlanCalendar) -> Self {
        Self {
            measure_until_micros: core.measure_until.as_micros(),
            days_left: core.days_left,
            upload_until_micros: core.upload_until.as_micros(),
            report_by: core.report_by.to_string(),
        }
    }
}

/// An operator of which there are too few samples in a commune.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct OperatorShortfall {
    /// `viettel`, `vinaphone`, `mobifone`, `vietnamobile`.
    pub operator: String,
    /// Samples that count.
    pub counted: u32,
    /// How many are wanted.
    pub wanted: u32,
    /// What is missing.
    pub missing: u32,
}

impl From<core::OperatorShortfall> for OperatorShortfall {
    fn from(core: core::OperatorShortfall) -> Self {
        let core::OperatorShortfall { operator, counted, wanted, missing } = core;
        Self { operator, counted, wanted, missing }
    }
}

/// A 200 m cell that nobody measured this month.
#[derive(Clone, PartialEq, Debug, uniffi::Record)]
pub struct PlanCell {
    /// The cell.
    pub cell: String,
    /// Its centre.
    pub centre: Point,
    /// Metres from the point asked for, to 10 m.
    pub distance_m: Option<u32>,
}

impl From<core::PlanCell> for PlanCell {
    fn from(core: core::PlanCell) -> Self {
        let centre = Point { lat: f64::from(core.lat_e6) / 1e6, lon: f64::from(core.lon_e6) / 1e6 };
        Self { cell: core.cell.to_string(), centre, distance_m: core.distance_m }
    }
}

/// What a commune still needs this month.
#[derive(Clone, PartialEq, Debug, uniffi::Record)]
pub struct CommunePlan {
    /// Commune code.
    pub code: String,
    /// Full name.
    pub name: String,
    /// Province code.
    pub province_code: String,
    /// Province name.
    pub province: String,
    /// Metres from the point asked for, to 10 m: 0 inside.
    pub distance_m: Option<u32>,
    /// Samples that count.
    pub counted: u32,
    /// What is missing to the quota.
    pub missing: u32,
    /// Distinct devices among the counted.
    pub devices: u32,
    /// Distinct cells among the counted.
    pub cells: u32,
    /// Distinct days among the counted.
    pub days: u32,
    /// Operators of which there are too few.
    pub under_sampled: Vec<OperatorShortfall>,
    /// Cells of the commune; absent where the collector has no borders.
    pub cells_total: Option<u32>,
    /// Cells without a sample; absent where that is not told.
    pub cells_unmeasured: Option<u32>,
    /// Too few devices measured here, and where they were is not told: `unmeasured` may name measured cells.
    pub cells_hidden: bool,
    /// Some cells without a sample.
    pub unmeasured: Vec<PlanCell>,
}

impl From<core::CommunePlan> for CommunePlan {
    fn from(core: core::CommunePlan) -> Self {
        Self {
            code: core.code,
            name: core.name,
            province_code: core.province_code,
            province: core.province,
            distance_m: core.distance_m,
            counted: core.progress.counted,
            missing: core.progress.missing,
            devices: core.progress.devices,
            cells: core.progress.cells,
            days: core.progress.days,
            under_sampled: core.under_sampled.into_iter().map(Into::into).collect(),
            cells_total: core.cells_total,
            cells_unmeasured: core.cells_unmeasured,
            cells_hidden: core.cells_hidden,
            unmeasured: core.unmeasured.into_iter().map(Into::into).collect(),
        }
    }
}

/// The one thing to do next.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct NextMeasurement {
    /// Commune to measure in.
    pub commune: String,
    /// What it lacks.
    pub missing: u32,
    /// Operator to measure with, if one is under-sampled.
    pub operator: Option<String>,
    /// Cell to go to, if one is unmeasured.
    pub cell: Option<String>,
}

/// What to measure next.
#[derive(Clone, PartialEq, Debug, uniffi::Record)]
pub struct Plan {
    /// Month (UTC+7), `2026-11`.
    pub month: String,
    /// When it was computed.
    pub at_micros: i64,
    /// The dates of the month.
    pub calendar: PlanCalendar,
    /// Samples a commune owes.
    pub quota: u32,
    /// What counts of one device.
    pub spacing: Spacing,
    /// Campaign asked for.
    pub campaign: Option<String>,
    /// Commune asked for, or that of the point.
    pub here: Option<String>,
    /// The collector has no borders.
    pub approximate: bool,
    /// What to do next; absent when nothing is short.
    pub next: Option<NextMeasurement>,
    /// The communes that are short.
    pub communes: Vec<CommunePlan>,
    /// Short communes beyond the limit.
    pub left_off: u32,
}

impl From<core::Plan> for Plan {
    fn from(core: core::Plan) -> Self {
        let next = |next: core::NextMeasurement| NextMeasurement {
            commune: next.commune,
            missing: next.missing,
            operator: next.operator,
            cell: next.cell.map(|cell| cell.to_string()),
        };
        Self {
            month: core.month.to_string(),
            at_micros: core.at.as_micros(),
            calendar: core.calendar.into(),
            quota: core.quota,
            spacing: core.spacing.into(),
            campaign: core.campaign,
            here: core.here,
            approximate: core.approximate,
            next: core.next.map(next),
            communes: core.communes.into_iter().map(Into::into).collect(),
            left_off: core.left_off,
        }
    }
}

/// Samples that do not count, by their first reason.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct Excluded {
    /// Reason code.
    pub reason: String,
    /// How many.
    pub samples: u32,
}

/// Progress of one commune in one month.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct CommuneQuota {
    /// Commune code.
    pub code: String,
    /// Full name.
    pub name: String,
    /// Province code.
    pub province_code: String,
    /// Province name.
    pub province: String,
    /// Samples that count.
    pub counted: u32,
    /// Samples that do not.
    pub excluded: Vec<Excluded>,
    /// What is missing.
    pub missing: u32,
    /// Distinct devices among the counted.
    pub devices: u32,
}

impl From<core::CommuneQuota> for CommuneQuota {
    fn from(core: core::CommuneQuota) -> Self {
        Self {
            code: core.code,
            name: core.name,
            province_code: core.province_code,
            province: core.province,
            counted: core.counted,
            excluded: excluded(core.excluded),
            missing: core.missing,
            devices: core.devices,
        }
    }
}

fn excluded(core: impl IntoIterator<Item = (String, u32)>) -> Vec<Excluded> {
    core.into_iter().map(|(reason, samples)| Excluded { reason, samples }).collect()
}

/// Progress of a month.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct MonthStatus {
    /// Month (UTC+7).
    pub month: String,
    /// When it was computed.
    pub at_micros: i64,
    /// Province the list is limited to.
    pub province_code: Option<String>,
    /// Communes in scope.
    pub communes_total: u32,
    /// Communes that reached the quota.
    pub communes_reached: u32,
    /// Samples that count.
    pub counted: u32,
    /// Samples that do not.
    pub excluded: Vec<Excluded>,
    /// By commune.
    pub communes: Vec<CommuneQuota>,
    /// Days left to measure, today included.
    pub days_left: u32,
}

impl From<core::MonthStatus> for MonthStatus {
    fn from(core: core::MonthStatus) -> Self {
        Self {
            month: core.month.to_string(),
            at_micros: core.at.as_micros(),
            province_code: core.province_code,
            communes_total: core.communes_total,
            communes_reached: core.communes_reached,
            counted: core.counted,
            excluded: excluded(core.excluded),
            communes: core.communes.into_iter().map(Into::into).collect(),
            days_left: core.days_left,
        }
    }
}
