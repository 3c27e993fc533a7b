//! What a tool said, in the same words for all of them, and the line of a run made of it.

use serde_json::{Map, Value, json};

use super::cells::{CLIENT_CC, PeerCell, QUEUE_BDP};
use super::phases::{self, Stretch};
use crate::emulator::{DirectionConfig, DirectionLog, Fate, LinkConfig, LinkLog};
use crate::truth::{PAYLOAD_SHARE_IPV4, ip_capacity_bps};

/// Which time a tool's figure is an average over.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Window {
    /// From the first to the last packet of the direction's load.
    Phase,
    /// The last so many seconds of it: a trial before the test is not in the figure.
    LastSeconds(f64),
    /// The stretches in which the direction was loaded: one request at a time, and pauses between.
    Stretches,
    /// Stated by the tool: start in microseconds since 1970 (UTC), and length in microseconds.
    Utc(i64, i64),
}

/// One direction of a result.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Side {
    pub(super) goodput_bps: Option<f64>,
    /// Payload the tool counted.
    pub(super) bytes: Option<u64>,
    pub(super) window: Window,
    /// Connections that carried load at once.
    pub(super) flows: Option<u64>,
    /// More members of the line, such as the interval of a tool that states one.
    pub(super) more: Map<String, Value>,
}

impl Side {
    pub(super) fn new(goodput_bps: Option<f64>, bytes: Option<u64>, window: Window, flows: u64) -> Self {
        Self { goodput_bps, bytes, window, flows: Some(flows), more: Map::new() }
    }
}

/// A result.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Reading {
    pub(super) down: Side,
    pub(super) up: Side,
    pub(super) idle_ms: Option<f64>,
    pub(super) outcome: String,
}

/// What a run cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Costs {
    pub(super) seconds: f64,
    pub(super) client_cpu_s: f64,
    pub(super) server_cpu_s: Option<f64>,
}

/// The line of a run.
pub(super) fn record(
    tool: &str,
    cell: &PeerCell,
    link: &LinkConfig,
    reading: &Reading,
    log: &LinkLog,
    costs: Costs,
) -> Value {
    let [down, up] = phases::stretches(log);
    json!({
        "tool": tool, "cell": cell.name, "seed": link.seed, "grid": false,
        "link": {
            "down_mbit": cell.down_mbit, "up_mbit": cell.up_mbit, "rtt_ms": cell.rtt_ms, "kind": cell.kind(),
            "queue": format!("{QUEUE_BDP}bdp"), "client_cc": CLIENT_CC, "server_cc": cell.server_cc,
        },
        "void": log.void(&[]),
        "emulator_cpu": [log.down.cpu_share, log.up.cpu_share],
        "outcome": reading.outcome,
        "seconds": costs.seconds, "client_cpu_s": costs.client_cpu_s, "server_cpu_s": costs.server_cpu_s,
        "wire_bytes": [log.down.served_bytes(0, u64::MAX), log.up.served_bytes(0, u64::MAX)],
        "bytes": [reading.down.bytes, reading.up.bytes],
        "idle_ms": reading.idle_ms,
        "down": direction(&reading.down, &link.down, &log.down, &down, log),
        "up": direction(&reading.up, &link.up, &log.up, &up, log),
    })
}

fn direction(
    side: &Side,
    config: &DirectionConfig,
    lane: &DirectionLog,
    stretches: &[Stretch],
    log: &LinkLog,
) -> Value {
    let windows = windows(side.window, config, stretches, log.base_utc_us);
    let length_ns = windows.iter().map(|(from, to)| to - from).sum::<u64>() as f64;
    let averaged = |bits_of: &dyn Fn(u64, u64) -> f64| {
        (length_ns > 0.0).then(|| windows.iter().map(|(from, to)| bits_of(*from, *to)).sum::<f64>() * 1e9 / length_ns)
    };
    let carried = |from, to| {
        let tokens = lane.tokens_bytes(&config.rate, from);
        ip_capacity_bps(&config.rate, from, to, tokens) * (to - from) as f64 / 1e9
    };
    let truth = averaged(&carried).map(|bps| bps * PAYLOAD_SHARE_IPV4);
    let delivered = averaged(&|from, to| lane.served_bytes(from, to) as f64 * 8.0).map(|bps| bps * PAYLOAD_SHARE_IPV4);
    let loaded_ns = match side.window {
        Window::Stretches => stretches.iter().map(|(from, to)| to - from).sum(),
        _ => phases::whole(stretches).map_or(0, |(from, to)| to - from),
    };
    let wire_bytes: u64 = stretches.iter().map(|(from, to)| lane.served_bytes(*from, *to + 1)).sum();
    let mut line = json!({
        "truth_bps": truth, "delivered_bps": delivered, "goodput_bps": side.goodput_bps,
        "error": side.goodput_bps.zip(truth).map(|(g, t)| g / t - 1.0),
        "interval_bps": null, "window_ms": length_ns / 1e6, "duration_ms": loaded_ns as f64 / 1e6,
        "stop_reason": null, "flags": [], "flows": side.flows, "counter": null, "load_wire_bytes": wire_bytes,
        "queue_drops": lane.count(Fate::QueueFull), "lost": lane.count(Fate::Lost),
    });
    for (key, value) in &side.more {
        line[key.as_str()] = value.clone();
    }
    line
}

/// The averaged time on the emulator's clock, at the moment of service.
fn windows(window: Window, config: &DirectionConfig, stretches: &[Stretch], base_utc_us: i64) -> Vec<Stretch> {
    let whole = phases::whole(stretches);
    match window {
        Window::Phase => whole.into_iter().collect(),
        Window::Stretches => stretches.to_vec(),
        Window::LastSeconds(seconds) => {
            whole.map(|(from, to)| (to.saturating_sub((seconds * 1e9) as u64).max(from), to)).into_iter().collect()
        }
        Window::Utc(start_us, length_us) => {
            // A bit that arrives in the window was served one delay earlier.
            let delay_ns = config.delay_ns[0].1;
            let from_us = u64::try_from(start_us - base_utc_us).ok();
            let length_us = u64::try_from(length_us).ok().filter(|length| *length > 0);
            from_us
                .zip(length_us)
                .map(|(from, length)| (from * 1000, (from + length) * 1000))
                .map(|(from, to)| (from.saturating_sub(delay_ns), to.saturating_sub(delay_ns)))
                .into_iter()
                .collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_those_the_tool_averaged() {
        let config = DirectionConfig::fixed(10e6, 20.0, 40.0);
        let stretches = [(1_000_000_000, 3_000_000_000), (4_000_000_000, 12_000_000_000)];
        let of = |window| windows(window, &config, &stretches, 5_000_000);
        assert_eq!(of(Window::Phase), [(1_000_000_000, 12_000_000_000)]);
        assert_eq!(of(Window::Stretches), stretches);
        assert_eq!(of(Window::LastSeconds(7.0)), [(5_000_000_000, 12_000_000_000)]);
        assert_eq!(of(Window::LastSeconds(70.0)), [(1_000_000_000, 12_000_000_000)]);
        assert_eq!(of(Window::Utc(6_000_000, 500_000)), [(980_000_000, 1_480_000_000)]);
        assert_eq!(of(Window::Utc(4_000_000, 500_000)), []);
    }
}
