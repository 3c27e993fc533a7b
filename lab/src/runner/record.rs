//! One JSON line a run: all inputs, truth of the same window from the log, result, costs.

use std::ops::Range;

use serde_json::{Value, json};

use super::capacity::Capacity;
use super::client::Finished;
use super::params;
use crate::cells::{Cell, fault_name};
use crate::emulator::{Fate, LinkConfig, LinkLog};
use crate::oracle;

/// How far the capacity behind the window is looked at: whether a figure says what the link does next.
const NEXT_NS: u64 = 10_000_000_000;

/// What was measured with; the same in all lines of a session.
#[derive(Clone, Debug)]
pub(super) struct Versions {
    pub(super) program: String,
    pub(super) commit: String,
    pub(super) kernel: String,
}

/// One run that took place.
#[derive(Clone, Copy)]
pub(super) struct Ran<'a> {
    pub(super) cell: &'a Cell,
    pub(super) link: &'a LinkConfig,
    pub(super) client: &'a Finished,
    pub(super) server_cpu_s: Option<f64>,
    /// What the run took beside the client: setting up, and waiting for queues to drain.
    pub(super) overhead_s: f64,
    pub(super) log: &'a LinkLog,
}

/// The line of a run.
pub(super) fn line(ran: Ran, versions: &Versions) -> Value {
    let Ran { cell, link, client, log, .. } = ran;
    let sample = &client.document["sample"];
    let mut line = inputs(cell, link, versions);
    let results = json!({
        "void": log.void(&between_loads(sample, log)),
        "failure": client.failure,
        "emulator_cpu": [log.down.cpu_share, log.up.cpu_share],
        "outcome": sample["outcome"],
        "seconds": client.seconds, "sample_s": sample_s(sample), "client_cpu_s": client.cpu_s, "server_cpu_s": ran.server_cpu_s,
        "wire_bytes": [log.down.served_bytes(0, u64::MAX), log.up.served_bytes(0, u64::MAX)],
        "bytes": [sample["bytes_down"], sample["bytes_up"]],
        "overhead_s": ran.overhead_s,
        "idle_ms": sample["latency"]["idle_ms"], "latency": oracle::latency(log, &client.document),
        "down": direction(ran, true), "up": direction(ran, false),
    });
    join(&mut line, results);
    line
}

/// From the first to the last moment of the measurement: without the start of the program, and the delivery of the sample, which a
/// phone does later.
fn sample_s(sample: &Value) -> Option<f64> {
    let length_us = oracle::stated_us(sample, "ended_at")? - oracle::stated_us(sample, "started_at")?;
    Some(length_us as f64 / 1e6)
}

/// The line of a run that this machine cannot do.
pub(super) fn not_measured(cell: &Cell, link: &LinkConfig, versions: &Versions, why: &str) -> Value {
    let mut line = inputs(cell, link, versions);
    join(&mut line, json!({"void": format!("NOT MEASURED: {why}"), "unavailable": true, "down": {}, "up": {}}));
    line
}

fn inputs(cell: &Cell, link: &LinkConfig, versions: &Versions) -> Value {
    json!({
        "tool": "ispeed", "cell": cell.name, "seed": link.seed, "grid": cell.is_grid(), "group": cell.group.name(),
        "fault": params::fault(cell), "forced_counter": cell.forced_counter,
        "versions": {"program": versions.program, "commit": versions.commit, "kernel": versions.kernel},
        "link": {
            "down_mbit": cell.down_mbit, "up_mbit": cell.up_mbit, "rtt_ms": cell.rtt_ms, "kind": cell.group.name(),
            "queue": format!("{:?}", cell.queue), "client_cc": cell.client_cc,
        },
        "params": params::of_link(cell, link),
    })
}

fn join(line: &mut Value, more: Value) {
    if let (Value::Object(line), Value::Object(more)) = (line, more) {
        line.extend(more);
    }
}

/// A direction's name in the sample, and what its link could carry.
fn side(ran: Ran<'_>, down: bool) -> (&'static str, Capacity<'_>) {
    let (side, config, log) =
        if down { ("down", &ran.link.down, &ran.log.down) } else { ("up", &ran.link.up, &ran.log.up) };
    (side, Capacity { cell: ran.cell, down, config, log })
}

fn direction(ran: Ran, down: bool) -> Value {
    let (side, capacity) = side(ran, down);
    let Capacity { config, log, .. } = capacity;
    let sample = &ran.client.document["sample"];
    let result = &sample[side];
    let window = window_ns(sample, side, ran.log);
    let served =
        window.map(|(from, to)| (capacity.served_ns(from), capacity.served_ns(to))).filter(|(from, to)| from < to);
    let truth = served.map(|(from, to)| capacity.payload_bps(from, to));
    let goodput = result["goodput_bps"].as_f64();
    json!({
        "truth_bps": truth, "delivered_bps": served.map(|(from, to)| capacity.delivered_bps(from, to)),
        "next_10s_truth_bps": served.map(|(_, to)| capacity.payload_bps(to, to + NEXT_NS)),
        "goodput_bps": goodput, "error": goodput.zip(truth).map(|(g, t)| g / t - 1.0),
        "fault": ran.cell.fault(down).map(fault_name),
        "interval_bps": result["interval_bps"], "window_ms": result["window_ms"],
        "window_ns": served.map(|(from, to)| [from, to]),
        "duration_ms": result["duration_ms"], "stop_reason": result["stop_reason"], "flags": result["flags"],
        "flows": result["flows"], "counter": result["counter"], "offset_ms": params::offset_ms(config),
        "queue_drops": log.count(Fate::QueueFull), "lost": log.count(Fate::Lost),
    })
}

/// What the program printed, with what the link could have carried in each bin of its series beside it: where an error lies.
pub(super) fn document(ran: Ran) -> Value {
    let mut document = ran.client.document.clone();
    for down in [true, false] {
        let (side, capacity) = side(ran, down);
        let truth = truth_of_bins(ran, side, capacity);
        if let (Some(truth), Value::Object(result)) = (truth, &mut document["sample"][side]) {
            result.insert("truth_bps".into(), truth.into());
        }
    }
    document
}

fn truth_of_bins(ran: Ran, side: &str, capacity: Capacity) -> Option<Vec<f64>> {
    let sample = &ran.client.document["sample"];
    let start_us = sample[side]["load_start_us"].as_f64()?;
    let edges_us = sample[side]["series"]["t_us"].as_array()?.iter().filter_map(Value::as_f64);
    let edges_ns: Option<Vec<u64>> = std::iter::once(0.0)
        .chain(edges_us)
        .map(|t_us| Some(capacity.served_ns(oracle::on_clock(sample, (start_us + t_us) * 1e3, ran.log)?)))
        .collect();
    let bin = |edges: &[u64]| if edges[0] < edges[1] { capacity.payload_bps(edges[0], edges[1]) } else { 0.0 };
    Some(edges_ns?.windows(2).map(bin).collect())
}

/// From the end of a window to the next load: the flows are reset, and nothing is measured.
fn between_loads(sample: &Value, log: &LinkLog) -> Vec<Range<u64>> {
    let end = |side| window_ns(sample, side, log).map(|(_, to)| to);
    let upload = sample["up"]["load_start_us"].as_f64().and_then(|us| oracle::on_clock(sample, us * 1e3, log));
    let behind_download = end("down").map(|end| end..upload.unwrap_or(u64::MAX));
    behind_download.into_iter().chain(end("up").map(|end| end..u64::MAX)).collect()
}

/// The averaged window on the emulator's clock.
fn window_ns(sample: &Value, side: &str, log: &LinkLog) -> Option<(u64, u64)> {
    let result = &sample[side];
    let length = result["window_ms"].as_f64()?;
    let from = oracle::on_clock(sample, result["window_start_ms"].as_f64()? * 1e6, log)?;
    (length > 0.0).then_some((from, from + (length * 1e6) as u64))
}
