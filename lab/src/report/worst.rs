//! The worst runs, with all that is needed to run them again.

use std::fmt::Write as _;

use super::Evidence;
use super::format::signed_percent;
use crate::view::{Run, SIDES, Side};

/// So many are shown.
const SHOWN: usize = 10;

pub(super) fn section(evidence: &Evidence) -> String {
    let valid = evidence.ours.iter().copied().filter(|run| run.void().is_none());
    let (mut wrong, without): (Vec<Run>, Vec<Run>) =
        valid.partition(|run| SIDES.iter().all(|side| run.side(*side).error().is_some()));
    // What nothing warns of is worse than what is flagged.
    let rank = |run: &Run| (SIDES.iter().any(|side| run.is_silent_error(*side)), run.worst_error());
    wrong.sort_by(|a, b| rank(b).0.cmp(&rank(a).0).then(rank(b).1.total_cmp(&rank(a).1)));
    let mut out = format!(
        "## The worst {SHOWN} runs\n\nSilent ones first, then by the larger error of the two directions. Any of them \
         again: `cargo xtask lab --only NAME --seeds SEED`.\n\n"
    );
    for run in wrong.iter().take(SHOWN) {
        entry(&mut out, *run);
    }
    if wrong.is_empty() {
        out.push_str("None.\n");
    }
    let _ = write!(out, "\n## Runs without a figure\n\n{} runs lack a direction's figure", without.len());
    out.push_str(if without.is_empty() { ".\n" } else { "; the first of them:\n\n" });
    for run in without.iter().take(SHOWN) {
        entry(&mut out, *run);
    }
    out
}

fn entry(out: &mut String, run: Run) {
    let inputs: Vec<String> = run.inputs().iter().filter(|v| !v.is_null()).map(|v| format!("`{v}`")).collect();
    let _ = writeln!(
        out,
        "- **{}**, seed {}, outcome {}{}, inputs {}",
        run.cell(),
        run.seed(),
        run.outcome().unwrap_or("unknown"),
        run.failure().map_or(String::new(), |why| format!(" ({})", why.replace('\n', " "))),
        inputs.join(" ")
    );
    for side in SIDES {
        let _ = writeln!(out, "  - {}", described(run, side));
    }
}

fn described(run: Run, side: Side) -> String {
    let direction = run.side(side);
    let mbit = |bps: Option<f64>| bps.map_or("–".into(), |bps| format!("{:.3}", bps / 1e6));
    let interval = direction.interval_bps();
    let (flows, counter) = direction.flows_and_counter();
    let flags = direction.flags();
    format!(
        "{} {}{}: {} Mbit/s, truth {}, interval {} to {}; window {} ms of {} s, stopped by {}, {} flows, counter {}, \
         fault {}, flags: {}",
        side.name(),
        direction.error().map_or("no figure".into(), |error| signed_percent(Some(error))),
        if run.is_silent_error(side) { " (silent)" } else { "" },
        mbit(direction.goodput_bps()),
        mbit(direction.truth_bps()),
        mbit(interval.map(|i| i.0)),
        mbit(interval.map(|i| i.1)),
        direction.window_ms().map_or("–".into(), |ms| format!("{ms:.0}")),
        direction.duration_s().map_or("–".into(), |s| format!("{s:.2}")),
        direction.stop_reason().unwrap_or("–"),
        flows.map_or("–".into(), |n| n.to_string()),
        counter.unwrap_or("–"),
        run.fault_of(side).unwrap_or("none"),
        if flags.is_empty() { "none".to_owned() } else { flags.join(", ") },
    )
}
