//! The other tools on the same links and seeds.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use super::format::{number, pair, percent, signed_percent};
use super::{Evidence, OURS};
use crate::peers::{self, baselines, baselines::Validity};
use crate::stats::{Ordered, Scenario};
use crate::view::{Run, SIDES, Side};

/// Tools in the order of the tables: ours first.
pub(super) fn tools<'a>(evidence: &Evidence<'a>) -> Vec<&'a str> {
    let mut tools: Vec<&str> =
        evidence.peers.iter().map(|run| run.tool()).collect::<BTreeSet<_>>().into_iter().collect();
    tools.sort_by_key(|tool| (*tool != OURS, *tool));
    tools
}

/// Links at a constant rate without loss, the server on BBR: those that are pooled.
pub(super) fn is_plain(run: Run) -> bool {
    !["loss", "server-cubic", "trace"].iter().any(|other| run.cell().contains(other))
}

pub(super) fn section(evidence: &Evidence) -> String {
    let mut out = "## The other tools on the same links and seeds\n\n".to_owned();
    if evidence.peers.iter().all(|run| run.tool() == OURS) {
        return out + "Not measured.\n\n";
    }
    out.push_str(
        "Real, unmodified clients against `ispeed serve`; truth is that of the stretch of time the tool loaded the link.\n\n",
    );
    pooled(&mut out, evidence);
    by_cell(&mut out, evidence);
    validity(&mut out, evidence);
    out
}

/// Whether our server handicaps them: each tool against what it did elsewhere.
fn validity(out: &mut String, evidence: &Evidence) {
    let lines: Vec<Value> = evidence.peers.iter().map(|run| run.line().clone()).collect();
    let all = baselines::validity(&lines);
    let known: Vec<&Validity> = all.iter().filter(|one| one.our_error.is_some()).collect();
    let outside: Vec<&&Validity> = known.iter().filter(|one| !one.within).collect();
    let points = baselines::TOLERANCE * 100.0;
    let _ = write!(
        out,
        "### Whether the table is valid\n\nIt is only if every tool does here what it did against its own server on an \
         independent emulator: within ±{points} points. Of {} published figures {} were measured here, {} are within.",
        all.len(),
        known.len(),
        known.len() - outside.len()
    );
    let complete = known.len() == all.len();
    out.push_str(match (outside.is_empty(), complete) {
        (true, true) => " **The table is valid.**\n\n",
        (true, false) => " **The table is valid as far as it goes.**\n\n",
        (false, _) => " **The table is NOT VALID for these:**\n\n",
    });
    if !outside.is_empty() {
        out.push_str("| tool | link | direction | published | here |\n| --- | --- | --- | --- | --- |\n");
        for one in outside {
            let (published, here) = (signed_percent(Some(one.baseline_error)), signed_percent(one.our_error));
            let _ = writeln!(out, "| {} | {} | {} | {published} | {here} |", one.tool, one.cell, one.side);
        }
        out.push('\n');
    }
}

fn pooled(out: &mut String, evidence: &Evidence) {
    out.push_str(
        "### Pooled over the constant links without loss, server on BBR\n\nMedian / p90 / worst absolute error.\n\n\
         | tool | runs | void | error down | error up | seconds, both directions | seconds, whole | MB | CPU-s per Gbit |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for tool in tools(evidence) {
        let all = Scenario::of(&evidence.peers, |run| run.tool() == tool && is_plain(run));
        let counts = format!("| {tool} | {} | {}", all.runs(), all.void);
        if !all.is_measured() {
            let _ = writeln!(out, "{counts} | NOT MEASURED | | | | | |");
            continue;
        }
        let error = |side: Side| {
            let errors = all.errors(side);
            [errors.median(), errors.quantile(0.9), errors.worst()].map(percent).join(" / ")
        };
        let _ = writeln!(
            out,
            "{counts} | {} | {} | {} | {} | {} | {} |",
            error(Side::Down),
            error(Side::Up),
            number(all.values(both_directions_s).median()),
            number(all.values(Run::seconds).median()),
            number(all.values(megabytes).median()),
            number(all.values(Run::client_cpu_s_per_gbit).median())
        );
    }
    out.push('\n');
}

fn by_cell(out: &mut String, evidence: &Evidence) {
    out.push_str(
        "### By link\n\nMean over the runs; errors signed. MB on the wire and CPU of the client are those of the whole \
         sample.\n\n\
         | link | tool | runs | void | error down / up | worst down / up | seconds down / up | whole | MB | CPU-s per Gbit | idle latency error, ms |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for cell in cells(evidence) {
        for tool in tools(evidence) {
            let here = Scenario::of(&evidence.peers, |run| run.tool() == tool && run.cell() == cell);
            if here.runs() > 0 {
                row(out, cell, tool, &here);
            }
        }
    }
    out.push('\n');
}

fn row(out: &mut String, cell: &str, tool: &str, here: &Scenario) {
    let counts = format!("| {cell} | {tool} | {} | {}", here.runs(), here.void);
    if !here.is_measured() {
        let _ = writeln!(out, "{counts} | NOT MEASURED | | | | | | |");
        return;
    }
    let mean = |of: Ordered| of.mean();
    let _ = writeln!(
        out,
        "{counts} | {} | {} | {} | {} | {} | {} | {} |",
        pair(SIDES.map(|side| signed_percent(mean(here.values(|run| run.side(side).error()))))),
        pair(SIDES.map(|side| percent(here.errors(side).worst()))),
        pair(SIDES.map(|side| number(mean(here.values(|run| run.side(side).duration_s()))))),
        number(mean(here.values(Run::seconds))),
        number(mean(here.values(megabytes))),
        number(mean(here.values(Run::client_cpu_s_per_gbit))),
        here.values(Run::idle_difference_ms).mean().map_or("–".into(), |ms| format!("{ms:+.1}"))
    );
}

/// Links in the order of their list.
fn cells<'a>(evidence: &Evidence<'a>) -> Vec<&'a str> {
    let listed = peers::cells::all();
    let place = |name: &&str| listed.iter().position(|cell| cell.name == *name).unwrap_or(usize::MAX);
    let mut names: Vec<&str> =
        evidence.peers.iter().map(|run| run.cell()).collect::<BTreeSet<_>>().into_iter().collect();
    names.sort_by_key(place);
    names
}

fn both_directions_s(run: Run) -> Option<f64> {
    Some(run.side(Side::Down).duration_s()? + run.side(Side::Up).duration_s()?)
}

pub(super) fn megabytes(run: Run) -> Option<f64> {
    run.wire_bytes().map(|bytes| bytes / 1e6)
}
