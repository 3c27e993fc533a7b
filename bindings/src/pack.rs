//! Campaigns, packs for a day without a network, the guide and pairs.

use ispeed_core::desk::{Guided, PairHere};
use ispeed_core::plan::{guide, packs};
use ispeed_core::protocol::UtcMicros;
use ispeed_core::protocol::campaign as core;

use crate::place::{Place, Point};
use crate::plan::{CommunePlan, OperatorShortfall, PlanCalendar, Spacing};

/// Samples a campaign wants of one operator in each of its communes and months.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct OperatorQuota {
    /// Operator.
    pub operator: String,
    /// Samples that count.
    pub samples: u32,
}

/// A campaign.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct Campaign {
    /// Code people type.
    pub code: String,
    /// Title.
    pub title: String,
    /// Commune codes.
    pub communes: Vec<String>,
    /// What is wanted of each operator; empty: 30 of each.
    pub quotas: Vec<OperatorQuota>,
    /// First day (UTC+7).
    pub starts_on: String,
    /// Last day (UTC+7).
    pub ends_on: String,
    /// Role codes of those who measure.
    pub roles: Vec<String>,
    /// It was ended before its last day.
    pub closed: bool,
}

impl From<core::Campaign> for Campaign {
    fn from(core: core::Campaign) -> Self {
        let quota = |quota: core::OperatorQuota| OperatorQuota { operator: quota.operator, samples: quota.samples };
        Self {
            code: core.code,
            title: core.title,
            communes: core.communes,
            quotas: core.quotas.into_iter().map(quota).collect(),
            starts_on: core.starts_on.to_string(),
            ends_on: core.ends_on.to_string(),
            roles: core.roles,
            closed: core.closed,
        }
    }
}

/// How far a campaign is in one commune.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct CampaignProgress {
    /// Commune code.
    pub code: String,
    /// Full name.
    pub name: String,
    /// Each operator with what is wanted of it.
    pub operators: Vec<OperatorShortfall>,
}

/// A campaign as the collector knows it.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct CampaignView {
    /// The campaign.
    pub campaign: Campaign,
    /// It can be measured for today.
    pub open: bool,
    /// Text of its QR code.
    pub join: String,
    /// How far it is.
    pub progress: Vec<CampaignProgress>,
}

impl From<core::CampaignView> for CampaignView {
    fn from(core: core::CampaignView) -> Self {
        let progress = |progress: core::CampaignProgress| CampaignProgress {
            code: progress.code,
            name: progress.name,
            operators: progress.operators.into_iter().map(Into::into).collect(),
        };
        Self {
            campaign: core.campaign.into(),
            open: core.open,
            join: core.join,
            progress: core.progress.into_iter().map(progress).collect(),
        }
    }
}

/// What the QR code of a campaign says.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct CampaignJoin {
    /// Code of the campaign.
    pub code: String,
    /// Title.
    pub title: String,
    /// First day.
    pub starts_on: String,
    /// Last day.
    pub ends_on: String,
    /// Communes; empty when there are more than twelve: ask the collector.
    pub communes: Vec<String>,
    /// Role code for this phone, if the sheet is for one role.
    pub role: Option<String>,
    /// Base URL of the collector, if the organiser named one.
    pub url: Option<String>,
    /// Public key of the collector, which signed.
    pub key: String,
}

impl From<core::Join> for CampaignJoin {
    fn from(core: core::Join) -> Self {
        Self {
            code: core.code,
            title: core.title,
            starts_on: core.starts_on.to_string(),
            ends_on: core.ends_on.to_string(),
            communes: core.communes,
            role: core.role,
            url: core.url,
            key: core.key,
        }
    }
}

/// A plan for a day without a network.
#[derive(Clone, PartialEq, Debug, uniffi::Record)]
pub struct PlanPack {
    /// Public name of the collector.
    pub collector: String,
    /// Campaign it is for.
    pub campaign: Option<Campaign>,
    /// Month (UTC+7).
    pub month: String,
    /// When it was made.
    pub made_at_micros: i64,
    /// Until when it holds.
    pub valid_until_micros: i64,
    /// Its time is over: others may have measured already what it asks for.
    pub outdated: bool,
    /// The dates of the month.
    pub calendar: PlanCalendar,
    /// What counts of one device.
    pub spacing: Spacing,
    /// Boundary table it was made with.
    pub boundaries: Option<String>,
    /// Communes with shortfall and unmeasured cells.
    pub communes: Vec<CommunePlan>,
}

impl From<packs::KeptPack> for PlanPack {
    fn from(core: packs::KeptPack) -> Self {
        let packs::KeptPack { pack, outdated, .. } = core;
        Self {
            collector: pack.collector,
            campaign: pack.campaign.map(Into::into),
            month: pack.month.to_string(),
            made_at_micros: pack.made_at.as_micros(),
            valid_until_micros: pack.valid_until.as_micros(),
            outdated,
            calendar: pack.calendar.into(),
            spacing: pack.spacing.into(),
            boundaries: pack.boundaries.map(|bundle| bundle.table),
            communes: pack.communes.into_iter().map(Into::into).collect(),
        }
    }
}

/// A cell to go to.
#[derive(Clone, PartialEq, Debug, uniffi::Record)]
pub struct NextCell {
    /// The cell.
    pub cell: String,
    /// Its commune.
    pub commune: String,
    /// Its centre.
    pub centre: Point,
    /// Metres to its centre.
    pub distance_m: Option<f64>,
    /// Degrees from north over east; absent without a point, or inside the cell.
    pub bearing_deg: Option<f64>,
}

/// What a commune lacks still, this device's own samples taken off.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct Remaining {
    /// Commune code.
    pub code: String,
    /// Full name.
    pub name: String,
    /// Samples of this device that the plan does not know.
    pub own: u32,
    /// What it lacks.
    pub missing: u32,
    /// Operators of which there are too few.
    pub operators: Vec<OperatorShortfall>,
    /// Cells without a sample.
    pub cells_unmeasured: Option<u32>,
}

/// When and where a run of this device counts again.
#[derive(Clone, Copy, PartialEq, Debug, uniffi::Record)]
pub struct Repeat {
    /// Not before this; absent: now.
    pub not_before_micros: Option<i64>,
    /// Metres to go first; 0: none.
    pub metres_to_go: f64,
    /// Runs that still count in this commune today; absent where the commune is not known.
    pub left_today: Option<u32>,
}

/// Where to go, what is short, and when a run counts again.
#[derive(Clone, PartialEq, Debug, uniffi::Record)]
pub struct Guide {
    /// Cells nobody measured, the nearest first.
    pub next: Vec<NextCell>,
    /// The communes of the pack.
    pub communes: Vec<Remaining>,
    /// What has to be waited for or left first.
    pub repeat: Repeat,
    /// Where the device stands.
    pub here: Option<Place>,
    /// The time of the pack is over.
    pub outdated: bool,
}

impl From<Guided> for Guide {
    fn from(core: Guided) -> Self {
        let Guided { guide: guide::Guide { next, communes, repeat }, here, outdated } = core;
        let cell = |cell: guide::NextCell| NextCell {
            cell: cell.cell.to_string(),
            commune: cell.commune,
            centre: cell.centre.into(),
            distance_m: cell.distance_m,
            bearing_deg: cell.bearing_deg,
        };
        let remaining = |left: guide::Remaining| Remaining {
            code: left.code,
            name: left.name,
            own: left.own,
            missing: left.missing,
            operators: left.operators.into_iter().map(Into::into).collect(),
            cells_unmeasured: left.cells_unmeasured,
        };
        Self {
            next: next.into_iter().map(cell).collect(),
            communes: communes.into_iter().map(remaining).collect(),
            repeat: Repeat {
                not_before_micros: repeat.not_before.map(UtcMicros::as_micros),
                metres_to_go: repeat.metres_to_go,
                left_today: repeat.left_today,
            },
            here: here.map(Into::into),
            outdated,
        }
    }
}

/// A paired measurement: two phones that start at one moment.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct RunPair {
    /// `pair_id` of both samples.
    pub id: String,
    /// What the other phone reads, as a QR code.
    pub text: String,
    /// When to start, on this device's own clock.
    pub start_here_micros: i64,
}

impl From<PairHere> for RunPair {
    fn from(core: PairHere) -> Self {
        let PairHere { pair, start_here } = core;
        Self { text: pair.text(), id: pair.id, start_here_micros: start_here.as_micros() }
    }
}
