//! The table of figures to reach: goal, stretch, result and verdict, every row by its own definition.

mod costs;
mod errors;
mod probes;

use std::fmt::Write as _;

use super::Evidence;
use super::format::share;
use crate::stats::Scenario;

/// One row.
struct Goal {
    quantity: &'static str,
    goal: &'static str,
    stretch: &'static str,
    result: String,
    verdict: Verdict,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Verdict {
    Stretch,
    Met,
    /// Met on those links of the fixed grid that were run.
    Partly,
    Missed,
    /// Counts as missed.
    NotMeasured,
    /// Printed only.
    NoGoal,
}

/// What was found, and what of it holds.
struct Found {
    result: String,
    met: bool,
    stretch: bool,
}

/// The words of a row: quantity, goal, stretch.
type Words = (&'static str, &'static str, &'static str);

impl Goal {
    /// A row that rests on `scenarios`; none of them may be unmeasured. `cells` are the links of the fixed grid there are
    /// and those there should be.
    fn judged(words: Words, scenarios: &[&Scenario], cells: Option<(usize, usize)>, found: Found) -> Self {
        let Found { mut result, met, stretch } = found;
        let unmeasured = scenarios.iter().find(|scenario| !scenario.is_measured());
        let mut verdict = if met && stretch {
            Verdict::Stretch
        } else if met {
            Verdict::Met
        } else {
            Verdict::Missed
        };
        if let Some(scenario) = unmeasured {
            verdict = Verdict::NotMeasured;
            result = if scenario.runs() == 0 {
                "NOT MEASURED: no run".to_owned()
            } else if scenario.valid.is_empty() {
                format!("NOT MEASURED: all {} runs void", scenario.runs())
            } else {
                let void = share(Some(scenario.void_share()));
                format!("NOT MEASURED: {void} of {} runs void; the others: {result}", scenario.runs())
            };
        }
        if let Some((here, of)) = cells.filter(|(here, of)| here < of) {
            let _ = write!(result, " (on {here} of {of} links)");
            if met && unmeasured.is_none() {
                verdict = Verdict::Partly;
            }
        }
        let (quantity, goal, stretch) = words;
        Self { quantity, goal, stretch, result, verdict }
    }

    fn not_measured((quantity, goal, stretch): Words, why: &str) -> Self {
        Self { quantity, goal, stretch, result: format!("NOT MEASURED: {why}"), verdict: Verdict::NotMeasured }
    }

    fn printed((quantity, goal, stretch): Words, result: String) -> Self {
        Self { quantity, goal, stretch, result, verdict: Verdict::NoGoal }
    }
}

impl Verdict {
    fn words(&self, has_stretch: bool) -> &'static str {
        match self {
            Self::Stretch if has_stretch => "met, stretch too",
            Self::Stretch | Self::Met => "met",
            Self::Partly => "met on a part",
            Self::Missed => "missed",
            Self::NotMeasured => "not measured: missed",
            Self::NoGoal => "–",
        }
    }
}

fn all(evidence: &Evidence) -> Vec<Goal> {
    vec![
        errors::fixed(evidence),
        errors::flagged_clean(evidence),
        costs::seconds_near(evidence),
        costs::seconds_far(evidence),
        costs::whole_sample(evidence),
        costs::bytes_against_ndt7(evidence),
        costs::megabytes(evidence),
        errors::traces(evidence),
        errors::silent(evidence),
        probes::simulated_coverage(evidence),
        errors::coverage(evidence),
        errors::coverage_of_the_next(evidence),
        errors::slow_upload(evidence),
        probes::latency(evidence),
        probes::loss(evidence),
        errors::upload_under_loss(evidence),
        errors::long_paths(evidence),
        costs::cpu_per_gbit(evidence),
        costs::cpu_per_sample(evidence),
        probes::loopback(evidence),
    ]
}

/// The section.
pub(super) fn section(evidence: &Evidence) -> String {
    let goals = all(evidence);
    let count = |verdicts: &[Verdict]| goals.iter().filter(|goal| verdicts.contains(&goal.verdict)).count();
    let mut out = format!(
        "## Figures to reach\n\nDown before up. Where a goal says \"within\" and no share of the runs, it is judged like the \
         first: 99 % of the runs. Where it speaks of both directions, a run counts only if both hold.\n\nMet {}, met on a \
         part of the links {}, missed {}, not measured and so missed {}.\n\n| quantity | goal | stretch | result | |\n| --- | --- | --- | --- | --- |\n",
        count(&[Verdict::Met, Verdict::Stretch]),
        count(&[Verdict::Partly]),
        count(&[Verdict::Missed]),
        count(&[Verdict::NotMeasured]),
    );
    for goal in &goals {
        let verdict = goal.verdict.words(!goal.stretch.is_empty());
        let _ = writeln!(out, "| {} | {} | {} | {} | {verdict} |", goal.quantity, goal.goal, goal.stretch, goal.result);
    }
    out.push('\n');
    out
}

/// The larger of two; infinite where one is not there.
fn larger(values: [Option<f64>; 2]) -> f64 {
    values.into_iter().map(|value| value.unwrap_or(f64::INFINITY)).fold(f64::NEG_INFINITY, f64::max)
}

/// The row of the table a test asks about by a part of its name, its beginning first.
#[cfg(test)]
pub(super) fn row(evidence: &Evidence, quantity: &str) -> (String, String) {
    let goals = all(evidence);
    let begins = goals.iter().find(|goal| goal.quantity.starts_with(quantity));
    let goal = begins.or(goals.iter().find(|goal| goal.quantity.contains(quantity))).expect("a row of that name");
    (goal.result.clone(), goal.verdict.words(!goal.stretch.is_empty()).to_owned())
}
