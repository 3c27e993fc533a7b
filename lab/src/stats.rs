//! The few statistics tables are made of.

use serde_json::Value;

/// Runs that may judge: the emulator was not starved.
pub fn valid(runs: &[Value]) -> Vec<&Value> {
    runs.iter().filter(|r| r["void"].is_null()).collect()
}

/// Values in order, the missing ones left out.
pub fn sorted(runs: &[&Value], of: impl Fn(&Value) -> Option<f64>) -> Vec<f64> {
    let mut all: Vec<f64> = runs.iter().filter_map(|r| of(r)).collect();
    all.sort_by(f64::total_cmp);
    all
}

/// Absolute errors in order; a direction without a figure is an infinite error, not a missing one.
pub fn errors(runs: &[&Value], side: &str) -> Vec<f64> {
    sorted(runs, |r| Some(r[side]["error"].as_f64().map_or(f64::INFINITY, f64::abs)))
}

/// Nearest-rank quantile of ordered values.
pub fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    sorted.get(((sorted.len() as f64 - 1.0).max(0.0) * q).round() as usize).copied()
}

/// Share of ordered values up to `limit`.
pub fn share_within(sorted: &[f64], limit: f64) -> f64 {
    sorted.iter().filter(|v| **v <= limit).count() as f64 / sorted.len().max(1) as f64
}

/// Whether the stated interval holds the truth.
pub fn covers(direction: &Value) -> bool {
    let at = |i: usize| direction["interval_bps"][i].as_f64();
    match (at(0), at(1), direction["truth_bps"].as_f64()) {
        (Some(low), Some(high), Some(truth)) => (low..=high).contains(&truth),
        _ => false,
    }
}

/// Whether the result carries a flag.
pub fn flagged(direction: &Value) -> bool {
    direction["flags"].as_array().is_some_and(|flags| !flags.is_empty())
}

/// An error above 5 % that nothing in the result warns of.
pub fn is_silent_error(direction: &Value) -> bool {
    direction["error"].as_f64().is_some_and(|e| e.abs() > 0.05) && !flagged(direction) && !covers(direction)
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

    #[test]
    fn a_missing_figure_is_an_infinite_error() {
        let runs = [json!({"down": {"error": 0.01}}), json!({"down": {"error": null}})];
        let all: Vec<&Value> = runs.iter().collect();
        assert_eq!(errors(&all, "down"), [0.01, f64::INFINITY]);
        assert_eq!(share_within(&errors(&all, "down"), 0.03), 0.5);
        assert_eq!(quantile(&[], 0.5), None);
    }
}
