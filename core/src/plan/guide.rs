//! From a plan, a point and what was measured here since: where to go, what is short, and when a run counts again. Pure.

use std::collections::{BTreeSet, HashMap};

use ispeed_commune::{Point, cell};
use ispeed_protocol::plan::{CommunePlan, OperatorShortfall, Spacing};
use ispeed_protocol::{Cell, Day, UtcMicros};
use ispeed_verdict::limits::SPACING_SLACK_M;

use super::own::OwnSample;

/// What a guide is made of.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// Communes of the plan or pack.
    pub communes: &'a [CommunePlan],
    /// When the plan was made.
    pub made_at: UtcMicros,
    /// What counts of one device.
    pub spacing: Spacing,
    /// Campaign the operators' quotas are of.
    pub campaign: Option<&'a str>,
    /// What this device measured.
    pub own: &'a [OwnSample],
    /// Where it stands.
    pub at: Option<Point>,
    /// Commune it stands in.
    pub here: Option<&'a str>,
    /// Now.
    pub now: UtcMicros,
    /// Cells named at most.
    pub cells: usize,
}

/// The answer.
#[derive(Clone, PartialEq, Debug)]
pub struct Guide {
    /// Cells nobody measured, the nearest first; without a point in the order of the plan.
    pub next: Vec<NextCell>,
    /// The communes of the plan, this device's own samples taken off.
    pub communes: Vec<Remaining>,
    /// What has to be waited for or left before a run counts.
    pub repeat: Repeat,
}

/// A cell to go to.
#[derive(Clone, PartialEq, Debug)]
pub struct NextCell {
    /// The cell.
    pub cell: Cell,
    /// Its commune.
    pub commune: String,
    /// Its centre.
    pub centre: Point,
    /// Metres to its centre.
    pub distance_m: Option<f64>,
    /// Direction to its centre, degrees from north over east; `None` without a point, or inside the cell.
    pub bearing_deg: Option<f64>,
}

/// What a commune lacks still.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Remaining {
    /// Commune code.
    pub code: String,
    /// Full name.
    pub name: String,
    /// Samples of this device that the plan does not know.
    pub own: u32,
    /// What it lacks to its quota, those taken off.
    pub missing: u32,
    /// Operators of which there are too few, those taken off.
    pub operators: Vec<OperatorShortfall>,
    /// Cells without a sample, those measured here taken off; `None` where the plan does not tell.
    pub cells_unmeasured: Option<u32>,
}

/// When and where a run of this device counts again.
#[derive(Clone, PartialEq, Debug)]
pub struct Repeat {
    /// Not before this; `None`: now.
    pub not_before: Option<UtcMicros>,
    /// Metres to go from the nearest cell measured today; 0: none.
    pub metres_to_go: f64,
    /// Runs that still count in this commune today; `None` where the commune is not known.
    pub left_today: Option<u32>,
}

/// Makes the guide.
pub fn guide(question: &Question<'_>) -> Guide {
    let unknown: Vec<&OwnSample> = question.own.iter().filter(|own| own.unknown_to(question.made_at)).collect();
    let measured: BTreeSet<Cell> = unknown.iter().filter_map(|own| own.cell).collect();
    Guide {
        next: next_cells(question, &measured),
        communes: question.communes.iter().map(|commune| remaining(commune, question.campaign, &unknown)).collect(),
        repeat: repeat(question),
    }
}

fn next_cells(question: &Question<'_>, measured: &BTreeSet<Cell>) -> Vec<NextCell> {
    let mut next: Vec<NextCell> = question
        .communes
        .iter()
        .flat_map(|commune| commune.unmeasured.iter().map(move |open| (commune, open.cell)))
        .filter(|(_, here)| !measured.contains(here))
        .map(|(commune, here)| {
            let centre = cell::centre(here);
            let inside = question.at.is_some_and(|at| ispeed_commune::cell(at.lat, at.lon) == here);
            NextCell {
                cell: here,
                commune: commune.code.clone(),
                centre,
                distance_m: question.at.map(|at| at.distance_m(centre)),
                bearing_deg: question.at.filter(|_| !inside).map(|at| bearing_deg(at, centre)),
            }
        })
        .collect();
    if question.at.is_some() {
        let far = |cell: &NextCell| cell.distance_m.unwrap_or(f64::INFINITY);
        next.sort_by(|a, b| far(a).total_cmp(&far(b)).then(a.cell.cmp(&b.cell)));
    }
    next.truncate(question.cells);
    next
}

fn remaining(commune: &CommunePlan, campaign: Option<&str>, unknown: &[&OwnSample]) -> Remaining {
    let here: Vec<&&OwnSample> =
        unknown.iter().filter(|own| own.commune.as_deref() == Some(commune.code.as_str())).collect();
    let own = count(here.len());
    let mut by_operator: HashMap<&str, u32> = HashMap::new();
    for sample in here.iter().filter(|own| campaign.is_none() || own.campaign.as_deref() == campaign) {
        *by_operator.entry(sample.operator).or_default() += 1;
    }
    let operators = commune.under_sampled.iter().filter_map(|short| {
        let more = by_operator.get(short.operator.as_str()).copied().unwrap_or(0);
        let missing = short.missing.saturating_sub(more);
        (missing > 0).then(|| OperatorShortfall { counted: short.counted + more, missing, ..short.clone() })
    });
    let cells: BTreeSet<Cell> = here.iter().filter_map(|own| own.cell).collect();
    let newly = commune.unmeasured.iter().filter(|open| cells.contains(&open.cell)).count();
    Remaining {
        code: commune.code.clone(),
        name: commune.name.clone(),
        own,
        missing: commune.progress.missing.saturating_sub(own),
        operators: operators.collect(),
        cells_unmeasured: commune.cells_unmeasured.map(|cells| cells.saturating_sub(count(newly))),
    }
}

fn repeat(question: &Question<'_>) -> Repeat {
    let Spacing { seconds, metres, per_day } = question.spacing;
    let today = Day::of(question.now);
    let of_today = || question.own.iter().filter(|own| Day::of(own.started_at) == today);
    let free_at = |own: &OwnSample| own.started_at.plus_micros(i64::from(seconds) * 1_000_000);
    let not_before = question.own.iter().map(free_at).max().filter(|at| *at > question.now);
    let here = question.at.map(|at| cell::centre(ispeed_commune::cell(at.lat, at.lon)));
    let nearest = here.and_then(|here| {
        of_today().filter_map(|own| Some(here.distance_m(cell::centre(own.cell?)))).min_by(f64::total_cmp)
    });
    let metres_to_go = match nearest {
        Some(nearest) if metres > 0 && nearest + SPACING_SLACK_M < f64::from(metres) => f64::from(metres) - nearest,
        _ => 0.0,
    };
    let in_commune = |code: &str| of_today().filter(|own| own.commune.as_deref() == Some(code)).count();
    Repeat {
        not_before,
        metres_to_go,
        left_today: question.here.map(|code| per_day.saturating_sub(count(in_commune(code)))),
    }
}

/// Initial bearing of the great circle, degrees from north over east, 0 to below 360.
pub fn bearing_deg(from: Point, to: Point) -> f64 {
    let (lat, to_lat) = (from.lat.to_radians(), to.lat.to_radians());
    let east = (to.lon - from.lon).to_radians();
    let y = east.sin() * to_lat.cos();
    let x = lat.cos() * to_lat.sin() - lat.sin() * to_lat.cos() * east.cos();
    let degrees = y.atan2(x).to_degrees().rem_euclid(360.0);
    // A hair west of north rounds up to the full circle.
    if degrees < 360.0 { degrees } else { 0.0 }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[path = "guide_tests.rs"]
mod tests;
