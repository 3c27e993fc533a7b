//! Goals of what a sample costs: seconds, bytes, CPU.

use std::collections::BTreeSet;

use super::super::format::{number, one_of, pair};
use super::super::{Evidence, OURS, grid_cells};
use super::{Found, Goal, Words, larger};
use crate::stats::{Ordered, Scenario};
use crate::view::{Run, SIDES};

/// The peer that costs are compared with.
const NDT7: &str = "ndt7-client";
/// The peers' link on which the cost of a bit shows most and that of the start least.
const FASTEST: &str = "300/150";

pub(super) fn seconds_near(evidence: &Evidence) -> Goal {
    let words = (
        "seconds per direction, fixed, 5–1000 Mbit/s, RTT ≤ 40 ms",
        "median ≤ 1.0, p90 ≤ 1.5",
        "median ≤ 0.8, p90 ≤ 1.2",
    );
    seconds(evidence, words, |mbit, rtt| mbit >= 5.0 && rtt <= 40.0, [(1.0, 1.5), (0.8, 1.2)])
}

pub(super) fn seconds_far(evidence: &Evidence) -> Goal {
    let words = ("… RTT 100 ms", "median ≤ 2.0, p90 ≤ 2.5", "median ≤ 1.5, p90 ≤ 2.0");
    seconds(evidence, words, |mbit, rtt| mbit >= 5.0 && rtt == 100.0, [(2.0, 2.5), (1.5, 2.0)])
}

fn seconds(evidence: &Evidence, words: Words, here: impl Fn(f64, f64) -> bool + Copy, limits: [(f64, f64); 2]) -> Goal {
    let scenario = evidence.grid(here);
    let seconds = SIDES.map(|side| scenario.values(|run| Some(run.side(side).duration_s().unwrap_or(f64::INFINITY))));
    let at = |q: f64| [seconds[0].quantile(q), seconds[1].quantile(q)];
    let result = format!(
        "median {}, p90 {} ({} runs)",
        pair(at(0.5).map(number)),
        pair(at(0.9).map(number)),
        scenario.valid.len()
    );
    let [met, stretch] = limits.map(|(median, p90)| larger(at(0.5)) <= median && larger(at(0.9)) <= p90);
    Goal::judged(words, &[&scenario], Some((scenario.cells, grid_cells(here))), Found { result, met, stretch })
}

pub(super) fn whole_sample(evidence: &Evidence) -> Goal {
    let words = (
        "whole sample (latency, both directions, loss), RTT ≤ 40 ms, seconds",
        "median ≤ 4, never above 10",
        "median ≤ 3",
    );
    let here = |_: f64, rtt: f64| rtt <= 40.0;
    let of =
        |scenario: &Scenario| scenario.values(|run| Some(run.sample_s().or(run.seconds()).unwrap_or(f64::INFINITY)));
    let scenario = evidence.grid(here);
    let fixed = of(&scenario);
    let matrix = Scenario::of(&evidence.ours, |run| run.rtt_ms().is_some_and(|rtt| rtt <= 40.0));
    let (median, worst) = (fixed.median(), of(&matrix).worst());
    let delivered = [&scenario, &matrix].map(|scenario| scenario.values(Run::seconds));
    let result = format!(
        "fixed links: median {}, worst {} ({} runs); worst of the whole matrix {}; with start of the program and delivery of the \
         sample: median {}, worst {}, of the whole matrix {}",
        number(median),
        number(fixed.worst()),
        fixed.len(),
        number(worst),
        number(delivered[0].median()),
        number(delivered[0].worst()),
        number(delivered[1].worst())
    );
    let never = worst.is_some_and(|s| s <= 10.0);
    let met = never && median.is_some_and(|s| s <= 4.0);
    let found = Found { result, met, stretch: median.is_some_and(|s| s <= 3.0) };
    Goal::judged(words, &[&scenario], Some((scenario.cells, grid_cells(here))), found)
}

/// Ours over the ndt7 client's on each link both ran on: the quotient of the medians.
fn against_ndt7<'a>(evidence: &Evidence<'a>, cell: Option<&str>, of: impl Fn(Run<'a>) -> Option<f64>) -> Ordered {
    let here = |tool: &str, cell: &str| {
        Scenario::of(&evidence.peers, |run| run.tool() == tool && run.cell() == cell).values(&of).median()
    };
    let cells: BTreeSet<&str> = evidence.peers.iter().map(|run| run.cell()).collect();
    let cells = cells.into_iter().filter(|name| cell.is_none_or(|only| only == *name));
    Ordered::equal(cells.filter_map(|cell| Some(here(OURS, cell)? / here(NDT7, cell).filter(|theirs| *theirs > 0.0)?)))
}

/// Runs of both tools, on one link or on all.
fn both_tools<'a>(evidence: &Evidence<'a>, cell: Option<&str>) -> [Scenario<'a>; 2] {
    [OURS, NDT7].map(|tool| {
        Scenario::of(&evidence.peers, |run| run.tool() == tool && cell.is_none_or(|only| run.cell() == only))
    })
}

pub(super) fn bytes_against_ndt7(evidence: &Evidence) -> Goal {
    let words = ("bytes against ndt7 on the same links", "≤ 1/10", "≤ 1/15");
    let ratios = against_ndt7(evidence, None, Run::wire_bytes);
    let median = ratios.median();
    let result = format!(
        "median {} over {} links ({} to {})",
        one_of(median),
        ratios.len(),
        one_of(ratios.quantile(0.0)),
        one_of(ratios.worst())
    );
    let [ours, ndt7] = both_tools(evidence, None);
    let up_to = |limit: f64| median.is_some_and(|ratio| ratio <= limit);
    Goal::judged(words, &[&ours, &ndt7], None, Found { result, met: up_to(0.1), stretch: up_to(1.0 / 15.0) })
}

pub(super) fn megabytes(evidence: &Evidence) -> Goal {
    let words = ("MB per sample at 100/50 Mbit/s, on the wire, both directions", "≤ 20", "≤ 12");
    let here = |mbit: f64, rtt: f64| mbit == 100.0 && rtt <= 40.0;
    let megabytes = |scenario: &Scenario| scenario.values(|run| run.wire_bytes().map(|bytes| bytes / 1e6));
    let scenario = evidence.grid(here);
    let fixed = megabytes(&scenario);
    let peers = megabytes(&Scenario::of(&evidence.peers, |run| run.tool() == OURS && run.cell() == "100/50"));
    let result = format!(
        "RTT ≤ 40 ms: median {}, worst {} ({} runs); peers' link, RTT 42.6 ms: median {}",
        number(fixed.median()),
        number(fixed.worst()),
        fixed.len(),
        number(peers.median())
    );
    let worst_median = larger([fixed.median(), peers.median().or(fixed.median())]);
    let found = Found { result, met: worst_median <= 20.0, stretch: worst_median <= 12.0 };
    Goal::judged(words, &[&scenario], Some((scenario.cells, grid_cells(here))), found)
}

pub(super) fn cpu_per_gbit(evidence: &Evidence) -> Goal {
    let words = (
        "client CPU-s per Gbit over TLS at full speed, against the Rust ndt7 client in the same run",
        "≤ 0.9",
        "≤ 0.8 down, ≤ 0.7 up",
    );
    let on_link = against_ndt7(evidence, Some(FASTEST), Run::client_cpu_s_per_gbit).median();
    let said = format!("on the peers' link {FASTEST}, start of the program included: {}", number(on_link));
    if let Some(cost) = evidence.bench.and_then(|bench| bench.cpu_s_per_gbit.as_ref()) {
        let ratios = [cost.ispeed.down / cost.ndt7.down, cost.ispeed.up / cost.ndt7.up];
        let met = ratios.iter().all(|ratio| *ratio <= 0.9);
        let result = format!(
            "{} ({} against {}; {}); {said}",
            pair(ratios.map(|r| number(Some(r)))),
            pair([cost.ispeed.down, cost.ispeed.up].map(|s| format!("{s:.3}"))),
            pair([cost.ndt7.down, cost.ndt7.up].map(|s| format!("{s:.3}"))),
            cost.cipher
        );
        let verdict =
            Goal::judged(words, &[], None, Found { result, met, stretch: ratios[0] <= 0.8 && ratios[1] <= 0.7 });
        return verdict;
    }
    let [ours, ndt7] = both_tools(evidence, Some(FASTEST));
    let up_to = |limit: f64| on_link.is_some_and(|ratio| ratio <= limit);
    let result = format!("{said}; at full speed: `cargo xtask bench`, not given here");
    Goal::judged(words, &[&ours, &ndt7], None, Found { result, met: up_to(0.9), stretch: up_to(0.7) })
}

pub(super) fn cpu_per_sample(evidence: &Evidence) -> Goal {
    let words = ("client CPU-s per sample against the same", "≤ 1/6", "≤ 1/10");
    let ratio = against_ndt7(evidence, Some(FASTEST), Run::client_cpu_s).median();
    let [ours, ndt7] = both_tools(evidence, Some(FASTEST));
    let seconds = [&ours, &ndt7].map(|tool| number(tool.values(Run::client_cpu_s).median()));
    let result = format!("{} on the peers' link {FASTEST} ({} s against {} s)", one_of(ratio), seconds[0], seconds[1]);
    let up_to = |limit: f64| ratio.is_some_and(|ratio| ratio <= limit);
    Goal::judged(words, &[&ours, &ndt7], None, Found { result, met: up_to(1.0 / 6.0), stretch: up_to(0.1) })
}
