//! What the document is, how it is made again, and how many runs it rests on.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::format::share;
use super::{Evidence, Origin, grid_cells};
use crate::stats::Scenario;
use crate::view::Run;

pub(super) fn section(evidence: &Evidence, origin: &Origin) -> String {
    let mut out = format!(
        "# Accuracy\n\n\
         What `ispeed` measures on emulated links whose capacity is known, beside what it is meant to reach. Generated; \
         do not edit.\n\n\
         Truth is what the link could have carried in the averaged window, every opportunity to send used or not, times \
         the payload share of a full packet (`lab/src/truth.rs`); an error holds what was counted wrongly and what was \
         left unused. A direction without a figure is an infinite error. Latency and loss are judged against the log of \
         the emulator, which is itself judged by `lab/tests/emulator.rs`. A run is void when the emulator was starved of \
         CPU, or handed packets over late (p99 above 1 ms) while something was measured; a scenario with more than 5 % void runs is NOT MEASURED, and its goal counts as missed. Of several lines of \
         the same tool, link and seed the last one counts. Every link has the same weight however many runs it has.\n\n\
         - made again by: `{}`\n- document written on: {}\n- with: {}\n",
        origin.command, origin.machine, origin.program
    );
    for of in ["program", "commit", "kernel"] {
        let said: BTreeSet<&str> = all(evidence).filter_map(|run| run.version(of)).collect();
        if !said.is_empty() {
            let _ = writeln!(out, "- {of} of the runs: {}", joined(said));
        }
    }
    if let Some(bench) = evidence.bench {
        let known = |value: &Option<String>| value.clone().unwrap_or_else(|| "not said".into());
        let _ = writeln!(out, "- bench: machine {}, commit {}", known(&bench.machine), known(&bench.commit));
    }
    let _ = writeln!(out, "- seeds: {}", joined(evidence.ours.iter().map(|run| run.seed()).collect::<BTreeSet<_>>()));
    let _ = writeln!(
        out,
        "- links of the fixed grid: {} of {}\n",
        evidence.grid(|_, _| true).cells,
        grid_cells(|_, _| true)
    );
    counts(&mut out, evidence);
    out
}

fn all<'a>(evidence: &Evidence<'a>) -> impl Iterator<Item = Run<'a>> {
    let every = [&evidence.ours, &evidence.counters, &evidence.peers];
    every.into_iter().flatten().copied().collect::<Vec<_>>().into_iter()
}

fn counts(out: &mut String, evidence: &Evidence) {
    out.push_str("| scenario | links | runs | void | |\n| --- | --- | --- | --- | --- |\n");
    let mut row = |name: &str, scenario: &Scenario| {
        let _ = writeln!(
            out,
            "| {name} | {} | {} | {} ({}) | {} |",
            scenario.cells,
            scenario.runs(),
            scenario.void,
            share(Some(scenario.void_share())),
            if scenario.is_measured() { "" } else { "NOT MEASURED" }
        );
    };
    for group in evidence.groups() {
        row(group, &evidence.group(group));
    }
    for (name, runs) in
        [("fixed grid, forced counters", &evidence.counters), ("peers' links, all tools", &evidence.peers)]
    {
        if !runs.is_empty() {
            row(name, &Scenario::of(runs, |_| true));
        }
    }
    out.push('\n');
    let unavailable: BTreeSet<String> = all(evidence)
        .filter_map(|run| Some(format!("{}: {}", run.cell(), run.void()?.strip_prefix("NOT MEASURED: ")?)))
        .collect();
    if !unavailable.is_empty() {
        let _ =
            writeln!(out, "Not possible on this machine, counted as void:\n\n- {}\n", joined_by(unavailable, "\n- "));
    }
}

fn joined<T: ToString>(values: impl IntoIterator<Item = T>) -> String {
    joined_by(values, ", ")
}

fn joined_by<T: ToString>(values: impl IntoIterator<Item = T>, between: &str) -> String {
    values.into_iter().map(|value| value.to_string()).collect::<Vec<_>>().join(between)
}
