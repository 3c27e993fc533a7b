//! Tables of the matrix: by link, by queue and congestion control, by fault, by forced counter.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::Evidence;
use super::format::{number, pair, percent, share, signed_percent};
use crate::stats::Scenario;
use crate::view::{Run, SIDES, SILENT_ABOVE, Side, own_flags};

/// (rate towards the client in tenths of Mbit/s, RTT in tenths of ms): a link in order.
type Link = (u64, u64);

fn link(run: Run) -> Link {
    let tenths = |value: Option<f64>| (value.unwrap_or(0.0) * 10.0).round() as u64;
    (tenths(run.mbit(Side::Down)), tenths(run.rtt_ms()))
}

fn links(runs: &[Run]) -> BTreeSet<Link> {
    runs.iter().map(|run| link(*run)).collect()
}

const COLUMNS: &str = "runs | void | median error | worst error | within 3 % | interval holds | seconds | MB |";

fn header(keys: &[&str]) -> String {
    format!("| {} | {COLUMNS}\n|{}\n", keys.join(" | "), " --- |".repeat(keys.len() + 8))
}

/// Runs, void, and unless too many are void the figures of [`COLUMNS`].
fn figures(scenario: &Scenario) -> String {
    let counts = format!("{} | {}", scenario.runs(), scenario.void);
    if !scenario.is_measured() {
        return format!("{counts} | NOT MEASURED | | | | | |");
    }
    let of = |figure: &dyn Fn(Side) -> String| pair(SIDES.map(figure));
    format!(
        "{counts} | {} | {} | {} | {} | {} | {} |",
        of(&|side| signed_percent(scenario.values(|run| run.side(side).error()).median())),
        of(&|side| percent(scenario.errors(side).worst())),
        of(&|side| share(Some(scenario.errors(side).within(0.03)))),
        of(&|side| share(scenario.share(|run| run.side(side).covers()))),
        of(&|side| number(scenario.values(|run| run.side(side).duration_s()).median())),
        number(scenario.values(|run| run.wire_bytes().map(|bytes| bytes / 1e6)).median()),
    )
}

fn of_tenths(tenths: u64) -> f64 {
    tenths as f64 / 10.0
}

pub(super) fn by_link(evidence: &Evidence) -> String {
    let mut out = "## Fixed links, by rate and round trip\n\nAll queues, congestion controls and seeds together, down / \
                   up; the upload has half the rate. Median of the signed error, largest absolute error, median seconds \
                   of load, median MB on the wire of a whole sample.\n\n"
        .to_owned();
    out += &header(&["down Mbit/s", "RTT ms"]);
    let grid: Vec<Run> = evidence.ours.iter().copied().filter(|run| run.is_grid()).collect();
    for here in links(&grid) {
        let scenario = Scenario::of(&grid, |run| link(run) == here);
        let _ = writeln!(out, "| {} | {} | {}", of_tenths(here.0), of_tenths(here.1), figures(&scenario));
    }
    out + "\n"
}

pub(super) fn by_queue(evidence: &Evidence) -> String {
    let mut out =
        "## Fixed links, by queue and congestion control of the phone\n\nThe congestion control is the phone's: \
                   it decides the upload; the server's is BBR.\n\n"
            .to_owned();
    out += &header(&["queue", "phone"]);
    let grid: Vec<Run> = evidence.ours.iter().copied().filter(|run| run.is_grid()).collect();
    for here in grid.iter().map(|run| run.queue_and_cc()).collect::<BTreeSet<_>>() {
        let scenario = Scenario::of(&grid, |run| run.queue_and_cc() == here);
        let _ = writeln!(out, "| {} | {} | {}", depth(here.0), here.1, figures(&scenario));
    }
    out + "\n"
}

pub(super) fn by_seed(evidence: &Evidence) -> String {
    let mut out =
        "## Fixed links, by seed\n\nA seed that was never used while the engine was made shall give the same.\n\n"
            .to_owned();
    out += &header(&["seed"]);
    let grid: Vec<Run> = evidence.ours.iter().copied().filter(|run| run.is_grid()).collect();
    for seed in grid.iter().map(|run| run.seed()).collect::<BTreeSet<_>>() {
        let scenario = Scenario::of(&grid, |run| run.seed() == seed);
        let _ = writeln!(out, "| {seed} | {}", figures(&scenario));
    }
    out + "\n"
}

/// A queue as a person writes it.
fn depth(queue: &str) -> &str {
    match queue {
        "HalfBdp" => "0.5 BDP",
        "OneBdp" => "1 BDP",
        "Ms250" => "250 ms",
        other => other,
    }
}

pub(super) fn counters(evidence: &Evidence) -> String {
    if evidence.counters.is_empty() {
        return "## Forced counters\n\nNot measured.\n\n".to_owned();
    }
    let mut out =
        "## Forced counters\n\nThe fixed grid as a kernel would have it that lacks the best counter; apart from \
                   everything above.\n\n"
            .to_owned();
    let mut by_counter: BTreeMap<&str, Vec<Run>> = BTreeMap::new();
    for run in &evidence.counters {
        by_counter.entry(run.forced_counter().unwrap_or("?")).or_default().push(*run);
    }
    out += &header(&["counter", "down Mbit/s", "RTT ms"]);
    for (counter, runs) in by_counter {
        let _ = writeln!(out, "| {counter} | all | all | {}", figures(&Scenario::of(&runs, |_| true)));
        for here in links(&runs) {
            let scenario = Scenario::of(&runs, |run| link(run) == here);
            let (mbit, rtt) = (of_tenths(here.0), of_tenths(here.1));
            let _ = writeln!(out, "| {counter} | {mbit} | {rtt} | {}", figures(&scenario));
        }
    }
    out + "\n"
}

pub(super) fn probes(evidence: &Evidence) -> String {
    let mut out = "## Latency, delay variation, loss\n\nMedian and largest distance to the log, ms; of the delay variation \
                   (95th percentile) that of the phase and direction that is farthest off. Loss: directions of which the \
                   counts of sent and lost probes are the log's.\n\n\
                   | scenario | runs | void | idle | loaded down | loaded up | variation | loss equal |\n\
                   | --- | --- | --- | --- | --- | --- | --- | --- |\n"
        .to_owned();
    for group in evidence.groups() {
        let scenario = evidence.group(group);
        let counts = format!("| {group} | {} | {}", scenario.runs(), scenario.void);
        if !scenario.is_measured() {
            let _ = writeln!(out, "{counts} | NOT MEASURED | | | | |");
            continue;
        }
        let off = |of: &dyn Fn(Run) -> Option<f64>| {
            let all = scenario.values(|run| of(run).map(f64::abs));
            pair([all.median(), all.worst()].map(number))
        };
        let known = scenario.valid.iter().flat_map(|run| SIDES.map(|side| run.loss_is_exact(side)));
        let known: Vec<bool> = known.flatten().collect();
        let _ = writeln!(
            out,
            "{counts} | {} | {} | {} | {} | {} of {} |",
            off(&|run| run.latency_difference_ms("idle_ms", "idle_truth_ms")),
            off(&|run| run.latency_difference_ms("loaded_down_ms", "loaded_down_truth_ms")),
            off(&|run| run.latency_difference_ms("loaded_up_ms", "loaded_up_truth_ms")),
            off(&|run| run.variation_difference_ms()),
            known.iter().filter(|equal| **equal).count(),
            known.len()
        );
    }
    out + "\n"
}

pub(super) fn faults(evidence: &Evidence) -> String {
    let mut out = format!(
        "## Loss, cellular links, faults\n\nA row a link. \"Errors\": directions off by more than {:.0} %, or without a \
         figure; \"answered\": of these, those that carry a flag that answers for this fault (`FAULT_FLAGS` in \
         `meter/src/params.rs`) or whose interval holds the truth; what is left is silent.\n\n\
         | link | fault | its flags | runs | void | median error | worst error | errors | answered | silent | flags seen |\n\
         |{}\n",
        SILENT_ABOVE * 100.0,
        " --- |".repeat(11)
    );
    for group in evidence.groups().into_iter().filter(|group| *group != "fixed") {
        let here: Vec<Run> = evidence.ours.iter().copied().filter(|run| run.group() == group).collect();
        for cell in here.iter().map(|run| run.cell()).collect::<BTreeSet<_>>() {
            let scenario = Scenario::of(&here, |run| run.cell() == cell);
            let faults: BTreeSet<&str> = here
                .iter()
                .filter(|run| run.cell() == cell)
                .flat_map(|run| [run.fault(), run.fault_of(Side::Down), run.fault_of(Side::Up)])
                .flatten()
                .collect();
            let own: BTreeSet<String> = faults.iter().flat_map(|fault| own_flags(fault)).collect();
            let (faults, own) = (joined(&faults), joined(&own));
            let _ = writeln!(out, "| {cell} | {faults} | {own} | {}", answers(&scenario));
        }
    }
    out + "\n"
}

fn answers(scenario: &Scenario) -> String {
    let counts = format!("{} | {}", scenario.runs(), scenario.void);
    if !scenario.is_measured() {
        return format!("{counts} | NOT MEASURED | | | | | |");
    }
    let directions: Vec<(Run, Side)> = scenario.valid.iter().flat_map(|run| SIDES.map(|side| (*run, side))).collect();
    let errors = directions.iter().filter(|(run, side)| run.side(*side).abs_error() > SILENT_ABOVE).count();
    let silent = directions.iter().filter(|(run, side)| run.is_silent_error(*side)).count();
    let answered = if errors == 0 { "–".to_owned() } else { format!("{} of {errors}", errors - silent) };
    format!(
        "{counts} | {} | {} | {errors} | {answered} | {silent} | {} |",
        pair(SIDES.map(|side| signed_percent(scenario.values(|run| run.side(side).error()).median()))),
        pair(SIDES.map(|side| percent(scenario.errors(side).worst()))),
        flags_seen(&directions)
    )
}

fn joined<T: AsRef<str>>(words: &BTreeSet<T>) -> String {
    if words.is_empty() {
        return "–".to_owned();
    }
    words.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join(", ")
}

/// Each flag with the number of directions that carried it.
fn flags_seen(directions: &[(Run, Side)]) -> String {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (run, side) in directions {
        for flag in run.side(*side).flags() {
            *seen.entry(flag).or_default() += 1;
        }
    }
    seen.into_iter().map(|(flag, count)| format!("{flag} {count}")).collect::<Vec<_>>().join(", ")
}
