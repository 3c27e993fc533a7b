//! What a run says in one line, and what a set of runs says in a few.

use std::fmt::Write as _;

use serde_json::Value;

use crate::stats::{covers, errors, is_silent_error, quantile, share_within, sorted, valid};

/// One run in one line, for the person who watches.
pub fn line(run: &Value) -> String {
    let side = |name: &str| {
        let d = &run[name];
        let error = d["error"].as_f64().map_or("–".into(), |e| format!("{:+.2} %", e * 100.0));
        let flags: Vec<_> = d["flags"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        format!(
            "{name} {error} in {:.2} s ({}{}{})",
            d["duration_ms"].as_f64().unwrap_or(0.0) / 1e3,
            d["stop_reason"].as_str().unwrap_or("–"),
            if flags.is_empty() { "" } else { " " },
            flags.join(","),
        )
    };
    let megabytes = run["wire_bytes"].as_array().into_iter().flatten().filter_map(Value::as_f64).sum::<f64>() / 1e6;
    let void = run["void"].as_str().map_or(String::new(), |why| format!(" VOID {why}"));
    format!(
        "{:28} {} | {} | {:.1} s, {megabytes:.1} MB{void}",
        run["cell"].as_str().unwrap_or("?"),
        side("down"),
        side("up"),
        run["seconds"].as_f64().unwrap_or(0.0),
    )
}

/// The summary of all runs.
pub fn text(runs: &[Value]) -> String {
    let mut out = String::new();
    let valid = valid(runs);
    let _ = writeln!(out, "{} runs, {} void", runs.len(), runs.len() - valid.len());
    for side in ["down", "up"] {
        let errors = errors(&valid, side);
        let seconds = sorted(&valid, |r| r[side]["duration_ms"].as_f64().map(|ms| ms / 1e3));
        let covered = valid.iter().filter(|r| covers(&r[side])).count();
        let silent = valid.iter().filter(|r| is_silent_error(&r[side])).count();
        let percent = |q| quantile(&errors, q).unwrap_or(f64::NAN) * 100.0;
        let time = |q| quantile(&seconds, q).unwrap_or(f64::NAN);
        let _ = writeln!(
            out,
            "{side:4}: error median {:.2} %, p90 {:.2} %, worst {:.2} %; {:.1} % within 3 %; \
             {:.1} % of intervals hold the truth; {silent} silent above 5 %; {:.2} s median, {:.2} s p90",
            percent(0.5),
            percent(0.9),
            percent(1.0),
            share_within(&errors, 0.03) * 100.0,
            covered as f64 / valid.len().max(1) as f64 * 100.0,
            time(0.5),
            time(0.9),
        );
    }
    let whole = sorted(&valid, |r| r["seconds"].as_f64());
    let at = |q| quantile(&whole, q).unwrap_or(f64::NAN);
    let _ = writeln!(out, "whole sample: {:.2} s median, {:.2} s worst", at(0.5), at(1.0));
    out
}
