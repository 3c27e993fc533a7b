//! What a set of runs says: errors, seconds, bytes and flags beside the goals.

use std::fmt::Write as _;

use serde_json::Value;

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
        "{:34} {} | {} | {:.1} s, {megabytes:.1} MB{void}",
        run["cell"].as_str().unwrap_or("?"),
        side("down"),
        side("up"),
        run["seconds"].as_f64().unwrap_or(0.0),
    )
}

/// The summary of all runs.
pub fn text(runs: &[Value]) -> String {
    let mut out = String::new();
    let valid: Vec<&Value> = runs.iter().filter(|r| r["void"].is_null()).collect();
    let _ = writeln!(out, "{} runs, {} void", runs.len(), runs.len() - valid.len());
    for side in ["down", "up"] {
        let mut errors: Vec<f64> =
            valid.iter().map(|r| r[side]["error"].as_f64().map_or(f64::INFINITY, f64::abs)).collect();
        errors.sort_by(f64::total_cmp);
        let seconds = sorted(&valid, |r| r[side]["duration_ms"].as_f64().map(|ms| ms / 1e3));
        let within = |limit: f64| errors.iter().filter(|e| **e <= limit).count() as f64 / errors.len().max(1) as f64;
        let covered = valid.iter().filter(|r| covers(&r[side])).count();
        let silent = valid.iter().filter(|r| is_silent_error(&r[side])).count();
        let _ = writeln!(
            out,
            "{side:4}: median error {:.2} %, p90 {:.2} %, worst {:.2} %; {:.1} % within 3 %, {:.1} % within 2 %; \
             {:.1} % of intervals hold the truth; {silent} unflagged above 5 %; median {:.2} s, p90 {:.2} s",
            quantile(&errors, 0.5) * 100.0,
            quantile(&errors, 0.9) * 100.0,
            quantile(&errors, 1.0) * 100.0,
            within(0.03) * 100.0,
            within(0.02) * 100.0,
            covered as f64 / valid.len().max(1) as f64 * 100.0,
            quantile(&seconds, 0.5),
            quantile(&seconds, 0.9),
        );
    }
    let whole = sorted(&valid, |r| r["seconds"].as_f64());
    let _ = writeln!(out, "whole sample: median {:.2} s, worst {:.2} s", quantile(&whole, 0.5), quantile(&whole, 1.0));
    out
}

/// Whether the stated interval holds the truth.
pub fn covers(direction: &Value) -> bool {
    let at = |i: usize| direction["interval_bps"][i].as_f64();
    match (at(0), at(1), direction["truth_bps"].as_f64()) {
        (Some(low), Some(high), Some(truth)) => (low..=high).contains(&truth),
        _ => false,
    }
}

/// An error above 5 % that nothing in the result warns of.
pub fn is_silent_error(direction: &Value) -> bool {
    let large = direction["error"].as_f64().is_some_and(|e| e.abs() > 0.05);
    let flagged = direction["flags"].as_array().is_some_and(|flags| !flags.is_empty());
    large && !flagged && !covers(direction)
}

fn sorted(runs: &[&Value], of: impl Fn(&Value) -> Option<f64>) -> Vec<f64> {
    let mut all: Vec<f64> = runs.iter().filter_map(|r| of(r)).collect();
    all.sort_by(f64::total_cmp);
    all
}

fn quantile(sorted: &[f64], q: f64) -> f64 {
    sorted.get(((sorted.len() as f64 - 1.0) * q).round() as usize).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_error_is_silent_only_without_flag_and_without_cover() {
        let base = json!({"error": 0.1, "flags": [], "interval_bps": [105.0, 115.0], "truth_bps": 100.0});
        assert!(is_silent_error(&base));
        let with = |key: &str, value: Value| {
            let mut changed = base.clone();
            changed[key] = value;
            changed
        };
        assert!(!is_silent_error(&with("flags", json!(["unsaturated"]))));
        assert!(!is_silent_error(&with("interval_bps", json!([90.0, 130.0]))));
        assert!(!is_silent_error(&with("error", json!(0.04))));
        assert!(covers(&with("truth_bps", json!(110.0))));
    }
}
