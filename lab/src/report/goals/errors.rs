//! Goals of the rates: errors, flags and intervals.

use super::super::format::{pair, percent, share};
use super::super::{Evidence, grid_cells};
use super::{Found, Goal, Verdict, Words, larger};
use crate::stats::Scenario;
use crate::view::{Run, SIDES, Side};

/// Share of runs that a bound speaks of where it says no other.
const MOST_RUNS: f64 = 0.99;

pub(super) fn fixed(evidence: &Evidence) -> Goal {
    let words = (
        "fixed links, error against the same window, both directions",
        "≥ 99 % of runs within 3 %, median ≤ 0.5 %",
        "99 % within 2 %",
    );
    let scenario = evidence.grid(|_, _| true);
    let both = |limit: f64| scenario.share(|run| run.worst_error() <= limit).unwrap_or(0.0);
    let errors = SIDES.map(|side| scenario.errors(side));
    let medians = [errors[0].median(), errors[1].median()];
    let result = format!(
        "{} of {} runs within 3 % ({}), {} within 2 %; median {}",
        share(Some(both(0.03))),
        scenario.valid.len(),
        pair([&errors[0], &errors[1]].map(|side| share(Some(side.within(0.03))))),
        share(Some(both(0.02))),
        pair(medians.map(percent)),
    );
    let met = both(0.03) >= MOST_RUNS && larger(medians) <= 0.005;
    let found = Found { result, met, stretch: both(0.02) >= MOST_RUNS };
    Goal::judged(words, &[&scenario], Some((scenario.cells, grid_cells(|_, _| true))), found)
}

pub(super) fn flagged_clean(evidence: &Evidence) -> Goal {
    let words = ("runs flagged on clean links ≤ 100 Mbit/s, RTT ≤ 100 ms", "≤ 1 %", "0");
    let here = |mbit: f64, rtt: f64| mbit <= 100.0 && rtt <= 100.0;
    let scenario = evidence.grid(here);
    let is_flagged = |run: Run| SIDES.iter().any(|side| !run.side(*side).flags().is_empty());
    let flagged = scenario.share(is_flagged);
    let count = scenario.count(is_flagged);
    let result = format!("{} ({count} of {} runs)", percent(flagged), scenario.valid.len());
    let found = Found { result, met: flagged.is_some_and(|s| s <= 0.01), stretch: count == 0 };
    Goal::judged(words, &[&scenario], Some((scenario.cells, grid_cells(here))), found)
}

pub(super) fn traces(evidence: &Evidence) -> Goal {
    let words = ("cellular traces, error against the averaged window", "p90 ≤ 2 %", "p90 ≤ 1.5 %");
    let scenario = evidence.group("trace");
    let p90 = SIDES.map(|side| scenario.errors(side).quantile(0.9));
    let result = format!("p90 {} ({} runs)", pair(p90.map(percent)), scenario.valid.len());
    let found = Found { result, met: larger(p90) <= 0.02, stretch: larger(p90) <= 0.015 };
    Goal::judged(words, &[&scenario], None, found)
}

pub(super) fn silent(evidence: &Evidence) -> Goal {
    let words = ("unflagged errors above 5 % in the whole matrix and 10,000 random simulations", "0", "0");
    let all = Scenario::of(&evidence.ours, |_| true);
    let silent = silent_errors(&all.valid);
    let forced = Scenario::of(&evidence.counters, |_| true);
    let simulated = evidence.bench.and_then(|bench| bench.simulation.as_ref());
    let mut result = format!("lab {}", counted(&silent));
    if forced.runs() > 0 {
        result += &format!("; forced counters, apart: {}", counted(&silent_errors(&forced.valid)));
    }
    match simulated {
        Some(s) => result += &format!("; {} in {} simulations", s.silent_above_5_percent, s.runs),
        None => result += "; simulations: not given here, see METHOD.md section 15",
    }
    let unmeasured: Vec<&str> =
        evidence.groups().into_iter().filter(|group| !evidence.group(group).is_measured()).collect();
    if !unmeasured.is_empty() {
        result += &format!("; NOT MEASURED: {}", unmeasured.join(", "));
    }
    let none_simulated = simulated.map(|s| s.silent_above_5_percent == 0);
    let met = silent.is_empty() && none_simulated == Some(true);
    let mut goal = Goal::judged(words, &[&all], None, Found { result, met, stretch: met });
    let nothing_found = silent.is_empty() && none_simulated != Some(false);
    if nothing_found && (!unmeasured.is_empty() || none_simulated.is_none()) {
        goal.verdict = Verdict::NotMeasured;
    }
    goal
}

fn silent_errors<'a>(runs: &[Run<'a>]) -> Vec<(Run<'a>, Side)> {
    let both = runs.iter().flat_map(|run| SIDES.map(|side| (*run, side)));
    both.filter(|(run, side)| run.is_silent_error(*side)).collect()
}

fn counted(silent: &[(Run, Side)]) -> String {
    let without = silent.iter().filter(|(run, side)| run.side(*side).error().is_none()).count();
    match (silent.len(), without) {
        (all, 0) => all.to_string(),
        (all, without) => format!("{all}, of these {without} directions without a figure"),
    }
}

pub(super) fn coverage(evidence: &Evidence) -> Goal {
    let words = ("95 % interval: lab, fixed links and traces, same-window truth", "≥ 93 %", "");
    let scenarios = [evidence.grid(|_, _| true), evidence.group("trace")];
    let covers = |run: Run, side: Side| run.side(side).covers();
    let sides = |scenario: &Scenario| SIDES.map(|side| scenario.share(|run| covers(run, side)));
    let pooled = |scenario: &Scenario| {
        let of_run = |run: Run| SIDES.iter().filter(|side| covers(run, **side)).count() as f64 / 2.0;
        scenario.values(|run| Some(of_run(run))).mean()
    };
    let said = |scenario: &Scenario| format!("{} ({})", share(pooled(scenario)), pair(sides(scenario).map(share)));
    let result = format!("fixed {}, traces {}", said(&scenarios[0]), said(&scenarios[1]));
    let met = scenarios.iter().all(|scenario| pooled(scenario).is_some_and(|s| s >= 0.93));
    let cells = Some((scenarios[0].cells, grid_cells(|_, _| true)));
    Goal::judged(words, &[&scenarios[0], &scenarios[1]], cells, Found { result, met, stretch: met })
}

pub(super) fn coverage_of_the_next(evidence: &Evidence) -> Goal {
    let words = ("95 % interval: truth of the following 10 s", "no goal", "");
    let said = |scenario: &Scenario| {
        let of = |side: Side| {
            let known = |run: Run| run.side(side).covers_next().map(|covers| if covers { 1.0 } else { 0.0 });
            scenario.values(known).mean()
        };
        pair(SIDES.map(|side| share(of(side))))
    };
    let (fixed, traces) = (evidence.grid(|_, _| true), evidence.group("trace"));
    Goal::printed(words, format!("fixed {}, traces {}", said(&fixed), said(&traces)))
}

pub(super) fn slow_upload(evidence: &Evidence) -> Goal {
    let words = ("upload at 0.5–5 Mbit/s (rate of the upload, fixed links)", "within 3 %", "within 1 %");
    let slow = |run: Run| run.mbit(Side::Up).is_some_and(|mbit| (0.5..=5.0).contains(&mbit));
    let scenario = Scenario::of(&evidence.ours, |run| run.is_grid() && slow(run));
    let of = crate::cells::full().iter().filter(|c| c.is_grid() && (0.5..=5.0).contains(&c.up_mbit)).count();
    within(words, &scenario, Some((scenario.cells, of)), |run| run.side(Side::Up).abs_error())
}

pub(super) fn long_paths(evidence: &Evidence) -> Goal {
    let words = ("RTT 100 and 300 ms, fixed links, both directions", "within 3 %", "within 1 %");
    let here = |_: f64, rtt: f64| rtt >= 100.0;
    let scenario = evidence.grid(here);
    within(words, &scenario, Some((scenario.cells, grid_cells(here))), Run::worst_error)
}

/// A bound of 3 %, and 1 % as the stretch, on most runs.
fn within<'a>(
    words: Words,
    scenario: &Scenario<'a>,
    cells: Option<(usize, usize)>,
    error: impl Fn(Run<'a>) -> f64,
) -> Goal {
    let errors = scenario.values(|run| Some(error(run)));
    let result = format!(
        "{} of {} runs within 3 %, {} within 1 %; median {}, worst {}",
        share(Some(errors.within(0.03))),
        errors.len(),
        share(Some(errors.within(0.01))),
        percent(errors.median()),
        percent(errors.worst()),
    );
    let found = Found { result, met: errors.within(0.03) >= MOST_RUNS, stretch: errors.within(0.01) >= MOST_RUNS };
    Goal::judged(words, &[scenario], cells, found)
}

pub(super) fn upload_under_loss(evidence: &Evidence) -> Goal {
    let words = (
        "upload with 1 % random loss, phone on CUBIC",
        "within 3 %, or flagged `unsaturated` and wide (the interval holds the truth)",
        "within 3 % always",
    );
    let scenario = Scenario::of(&evidence.ours, |run| run.cell() == "loss-1-cubic");
    let near = |run: Run| run.side(Side::Up).abs_error() <= 0.03;
    let owned = |run: Run| run.side(Side::Up).flags().contains(&"unsaturated") && run.side(Side::Up).covers();
    let (runs, within, wide) =
        (scenario.valid.len(), scenario.count(near), scenario.count(|run| !near(run) && owned(run)));
    let errors = scenario.errors(Side::Up);
    let (median, worst) = (percent(errors.median()), percent(errors.worst()));
    let result = format!("{within} of {runs} runs within 3 %, {wide} flagged and wide; median {median}, worst {worst}");
    Goal::judged(words, &[&scenario], None, Found { result, met: within + wide == runs, stretch: within == runs })
}
