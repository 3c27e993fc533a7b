//! The document of made-up runs, every rule once; here the runs.

mod document;
mod goals;

use serde_json::{Value, json};

use super::bench::Bench;
use super::*;

/// The whole fixed grid with two seeds, without a fault: every goal that rests on it is met.
fn perfect_grid() -> Vec<Value> {
    let cells = cells::full().into_iter().filter(|cell| cell.is_grid());
    cells
        .flat_map(|cell| {
            let (down, up) = (side(cell.down_mbit), side(cell.up_mbit));
            [1, 2].map(|seed| {
                json!({"tool": "ispeed", "cell": cell.name, "seed": seed, "grid": true, "group": "fixed", "fault": null,
                       "link": {"down_mbit": cell.down_mbit, "up_mbit": cell.up_mbit, "rtt_ms": cell.rtt_ms,
                                "queue": format!("{:?}", cell.queue), "client_cc": cell.client_cc},
                       "void": null, "outcome": "complete", "seconds": 2.4, "client_cpu_s": 0.2,
                       "wire_bytes": [7e6, 3e6], "latency": latency(0.2), "down": down, "up": up})
            })
        })
        .collect()
}

fn side(mbit: f64) -> Value {
    let truth = mbit * 1e6;
    json!({"truth_bps": truth, "goodput_bps": truth * 1.001, "error": 0.001, "flags": [],
           "interval_bps": [truth * 0.99, truth * 1.01], "next_10s_truth_bps": truth * 1.5, "window_ms": 500,
           "duration_ms": 700, "stop_reason": "converged", "flows": 4, "counter": "segments"})
}

fn latency(off_ms: f64) -> Value {
    let loss = json!({"sent": 50, "lost": 1, "truth_sent": 50, "truth_lost": 1});
    json!({"idle_ms": 40.0 + off_ms, "idle_truth_ms": 40.0, "idle_configured_ms": 39.0,
           "loaded_down_ms": 60.0, "loaded_down_truth_ms": 60.0 + off_ms,
           "loaded_up_ms": 70.0, "loaded_up_truth_ms": 70.0, "loss": {"down": loss, "up": loss}})
}

/// A run of another kind of link.
fn other(cell: &str, group: &str, fault: Value, seed: u64) -> Value {
    json!({"cell": cell, "seed": seed, "grid": false, "group": group, "fault": fault, "void": null,
           "link": {"down_mbit": 48.0, "up_mbit": 24.0, "rtt_ms": 40.0}, "outcome": "complete", "seconds": 3.0,
           "down": side(48.0), "up": side(24.0)})
}

fn bench() -> Bench {
    Bench::parse(
        r#"{"loopback": {"down_gbps": 9.0, "up_gbps": 6.5, "down_limit": "server_limited", "up_limit": "cpu_limited"},
            "cpu_s_per_gbit": {"cipher": "AES", "ispeed": {"down": 0.04, "up": 0.06}, "ndt7": {"down": 0.05, "up": 0.07}},
            "simulation": {"runs": 10000, "silent_above_5_percent": 0, 
                "coverage_pooled": 0.97, "coverage_lowest": 0.94, "coverage_highest": 0.998}}"#,
    )
    .unwrap()
}

/// Result and verdict of a row.
fn row_of(input: &Input, quantity: &str) -> (String, String) {
    super::goals::row(&Evidence::new(input), quantity)
}

fn row(runs: &[Value], quantity: &str) -> (String, String) {
    row_of(&Input { runs, ..Input::default() }, quantity)
}

fn verdict(runs: &[Value], quantity: &str) -> String {
    row(runs, quantity).1
}

fn set(runs: &mut [Value], which: impl Fn(&Value) -> bool, pointer: &str, value: &Value) {
    for run in runs.iter_mut().filter(|run| which(run)) {
        *run.pointer_mut(pointer).expect("a member of the run") = value.clone();
    }
}

const FIXED: &str = "fixed links, error";

fn peers() -> Vec<Value> {
    let run = |tool: &str, cell: &str, megabytes: f64, cpu_s: f64| {
        json!({"tool": tool, "cell": cell, "seed": 1, "void": null, "seconds": 3.0, "client_cpu_s": cpu_s,
               "wire_bytes": [megabytes * 5e5, megabytes * 5e5], "idle_ms": 43.0, "link": {"rtt_ms": 42.6},
               "down": {"error": -0.02, "duration_ms": 10_000}, "up": {"error": -0.025, "duration_ms": 10_000}})
    };
    vec![
        run("ndt7-client", "300/150", 560.0, 1.0),
        run("ispeed", "300/150", 50.0, 0.15),
        run("ndt7-client", "100/50", 190.0, 0.5),
        run("ispeed", "100/50", 21.0, 0.1),
        run("ndt7-client", "1/1", 2.0, 0.1),
        run("ispeed", "1/1", 0.5, 0.1),
    ]
}

fn made(input: &Input) -> Document {
    let origin = Origin {
        machine: "a machine".into(),
        program: "ispeed at abc".into(),
        command: "cargo xtask lab --full --seeds 1,2".into(),
    };
    document(input, &origin)
}
