//! From boards to a plan: which commune is short, which operator is under-sampled, where to go next. Pure.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use ispeed_commune::{Cell, Point};
use ispeed_protocol::campaign::Campaign;
use ispeed_protocol::plan::{
    CELLS_DEVICES_MIN, CommunePlan, GroupProgress, NextMeasurement, OPERATOR_SAMPLES_MIN, OperatorShortfall, Plan,
    PlanCalendar, QUOTA_PER_COMMUNE, Spacing,
};
use ispeed_protocol::{Day, Month, UtcMicros};
use ispeed_report::OperatorGroup;

use super::board::Board;
use super::{cells, round_to_10_m};
use crate::collect::CommuneName;

/// Operators a plan looks after: those with a licence for the whole country.
const OPERATORS: [OperatorGroup; 4] =
    [OperatorGroup::Viettel, OperatorGroup::Vinaphone, OperatorGroup::Mobifone, OperatorGroup::Vietnamobile];

/// What is asked of the planner.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    /// Month.
    pub(crate) month: Month,
    /// Now.
    pub(crate) now: UtcMicros,
    /// Last day of the next month on which samples are merged.
    pub(crate) cutoff_day: u8,
    /// What counts of one device.
    pub(crate) spacing: Spacing,
    /// The point asked for. It is in no answer.
    pub(crate) point: Option<Point>,
    /// The campaign asked for.
    pub(crate) campaign: Option<Campaign>,
    /// Communes listed at most, the one asked for not counted.
    pub(crate) communes: usize,
    /// Cells listed of each.
    pub(crate) cells: usize,
    /// The answer is for everybody: what could point at one device is left out.
    pub(crate) public: bool,
    /// Boundary table; `None`: no borders.
    pub(crate) table: Option<String>,
}

/// A commune that may be in the plan.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    /// Its names.
    pub(crate) commune: CommuneName,
    /// It is the one asked for, or the one the point lies in.
    pub(crate) asked: bool,
    /// Metres from the point.
    pub(crate) distance_m: Option<f64>,
    /// Its month.
    pub(crate) board: Arc<Board>,
}

/// The cells of a commune; `None`: no borders.
pub(crate) type Cells = Option<Arc<[Cell]>>;

impl Candidate {
    /// What is still wanted of it: to the quota, and of a campaign also of each operator.
    fn wanted(&self, question: &Question) -> u32 {
        match question.campaign {
            Some(_) => operators(question, &self.board).iter().map(|operator| operator.missing).sum(),
            None => self.board.total.missing,
        }
    }
}

/// The plan; `cells_of` is asked for the communes that are in it only.
pub(crate) fn plan(
    question: &Question,
    mut candidates: Vec<Candidate>,
    mut cells_of: impl FnMut(&str) -> Cells,
) -> Plan {
    let here = candidates.iter().find(|c| c.asked).map(|c| c.commune.code.clone());
    candidates.retain(|candidate| candidate.asked || candidate.wanted(question) > 0);
    // Nearest first; without a point the one with most missing; the code decides between equals.
    candidates.sort_by(|a, b| {
        let near = |c: &Candidate| c.distance_m.unwrap_or(0.0);
        (!a.asked)
            .cmp(&!b.asked)
            .then(near(a).total_cmp(&near(b)))
            .then(b.wanted(question).cmp(&a.wanted(question)))
            .then(a.commune.code.cmp(&b.commune.code))
    });
    let keep = question.communes + usize::from(here.is_some());
    let left_off = candidates.len().saturating_sub(keep);
    candidates.truncate(keep);
    let each = candidates.iter().map(|candidate| {
        let cells = cells_of(&candidate.commune.code);
        commune_plan(question, candidate, cells.as_deref())
    });
    let communes: Vec<CommunePlan> = each.collect();
    Plan {
        month: question.month,
        at: question.now,
        calendar: PlanCalendar::of(question.month, question.cutoff_day, question.now),
        quota: QUOTA_PER_COMMUNE,
        spacing: question.spacing,
        campaign: question.campaign.as_ref().map(|campaign| campaign.code.clone()),
        here,
        approximate: question.table.is_none(),
        table: question.table.clone(),
        next: next(question, &communes),
        communes,
        left_off: u32::try_from(left_off).unwrap_or(u32::MAX),
    }
}

/// The first commune that lacks samples; what it lacks most of, and the first cell. A campaign that is over asks for nothing.
fn next(question: &Question, communes: &[CommunePlan]) -> Option<NextMeasurement> {
    let of_campaign = question.campaign.is_some();
    if question.campaign.as_ref().is_some_and(|c| c.closed || Day::of(question.now) > c.ends_on) {
        return None;
    }
    let short = |c: &&CommunePlan| if of_campaign { !c.under_sampled.is_empty() } else { c.progress.missing > 0 };
    communes.iter().find(short).map(|commune| NextMeasurement {
        commune: commune.code.clone(),
        missing: commune.progress.missing,
        operator: commune.under_sampled.first().map(|operator| operator.operator.clone()),
        cell: commune.unmeasured.first().map(|cell| cell.cell),
    })
}

/// What one commune needs.
pub(crate) fn commune_plan(question: &Question, candidate: &Candidate, all: Option<&[Cell]>) -> CommunePlan {
    let (commune, board) = (&candidate.commune, &candidate.board);
    // Told apart from the measured ones, the unmeasured cells of one device's commune would say where that device was.
    let cells_hidden = question.public && (1..CELLS_DEVICES_MIN).contains(&board.measured_by);
    let nothing = BTreeSet::new();
    let measured = if cells_hidden { &nothing } else { &board.measured };
    let open = all.map(|all| cells::unmeasured(all, measured));
    let count = |cells: &[Cell]| u32::try_from(cells.len()).unwrap_or(u32::MAX);
    let unmeasured = open.as_deref().map(|open| match question.point {
        Some(point) => cells::nearest(open, point, question.cells),
        None => cells::spread(open, measured, question.cells),
    });
    CommunePlan {
        code: commune.code.clone(),
        name: commune.name.clone(),
        province_code: commune.province_code.clone(),
        province: commune.province.clone(),
        distance_m: candidate.distance_m.map(round_to_10_m),
        progress: board.total.clone(),
        groups: groups(board),
        under_sampled: operators(question, board).into_iter().filter(|operator| operator.missing > 0).collect(),
        cells_total: all.map(count),
        cells_unmeasured: open.as_deref().filter(|_| !cells_hidden).map(count),
        cells_hidden,
        unmeasured: unmeasured.unwrap_or_default(),
    }
}

fn groups(board: &Board) -> Vec<GroupProgress> {
    let entries = board.groups.iter().map(|((operator, technology), progress)| GroupProgress {
        operator: operator.code().to_owned(),
        technology: technology.code().to_owned(),
        progress: progress.clone(),
    });
    entries.collect()
}

/// Each operator that is looked after, with what is wanted of it; the one with most missing first.
pub(crate) fn operators(question: &Question, board: &Board) -> Vec<OperatorShortfall> {
    let shortfall = |operator: OperatorGroup| {
        let (counted, wanted) = match &question.campaign {
            Some(campaign) => (
                board.counted_in(&campaign.code, operator, |day| campaign.covers(day)),
                campaign.wanted(operator.code())?,
            ),
            None => (board.operators.get(&operator).copied().unwrap_or(0), OPERATOR_SAMPLES_MIN),
        };
        let missing = wanted.saturating_sub(counted);
        Some(OperatorShortfall { operator: operator.code().to_owned(), counted, wanted, missing })
    };
    let mut operators: Vec<OperatorShortfall> = OPERATORS.into_iter().filter_map(shortfall).collect();
    // Stable: of equals the order of reports stays.
    operators.sort_by_key(|operator| Reverse(operator.missing));
    operators
}

#[cfg(test)]
#[path = "planner_tests.rs"]
mod tests;
