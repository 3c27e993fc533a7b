//! Asserts behaviour with wide margins: what a build machine can hold a measurement to. Figures are for `report`.

use serde_json::Value;

use crate::stats::is_silent_error;

/// An error up to this is a noisy machine's; goals are judged by `report`, not here.
const MARGIN: f64 = 0.10;
/// More void runs than this share: the machine cannot judge, and says so as a failure.
const VOID_SHARE_MOST: f64 = 0.34;

/// One line a run in the words of a test program, and whether all passed.
pub fn lines(runs: &[Value]) -> (Vec<String>, bool) {
    let mut out = vec![format!("running {} tests", runs.len())];
    let (mut passed, mut failed, mut ignored) = (0, 0, 0);
    for run in runs {
        let name = format!("{}::seed_{}", run["cell"].as_str().unwrap_or("?"), run["seed"]);
        match (run["void"].as_str(), why_wrong(run)) {
            (Some(why), _) => {
                ignored += 1;
                out.push(format!("void {name}: {why}"));
            }
            (None, None) => {
                passed += 1;
                out.push(format!("test {name} ... ok"));
            }
            (None, Some(why)) => {
                failed += 1;
                out.push(format!("{name}: {why}"));
                out.push(format!("test {name} ... FAILED"));
            }
        }
    }
    if f64::from(ignored) > VOID_SHARE_MOST * runs.len() as f64 || runs.is_empty() {
        failed += 1;
        out.push(format!("test emulator_was_not_starved ... FAILED ({ignored} of {} runs are void)", runs.len()));
    }
    let word = if failed == 0 { "ok" } else { "FAILED" };
    out.push(format!("test result: {word}. {passed} passed; {failed} failed; {ignored} ignored"));
    (out, failed == 0)
}

fn why_wrong(run: &Value) -> Option<String> {
    if run["outcome"] != "complete" {
        return Some(format!("the outcome is {}", run["outcome"]));
    }
    ["down", "up"].into_iter().find_map(|side| {
        let direction = &run[side];
        let error = direction["error"].as_f64();
        let large = error.is_none_or(|e| e.abs() > MARGIN);
        if large && is_silent_error(direction) {
            return Some(format!("{side} is wrong and does not say so: {direction}"));
        }
        (large && run["grid"] == true).then(|| format!("{side} is off by {error:?} on a fixed link: {direction}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn run(error: f64, flags: &[&str]) -> Value {
        let side = json!({"error": error, "flags": flags, "truth_bps": 100.0, "interval_bps": [1e3, 1e4]});
        json!({"cell": "x", "seed": 1, "grid": false, "void": null, "outcome": "complete", "down": side, "up": side})
    }

    #[test]
    fn a_silent_error_fails_and_a_flagged_one_does_not() {
        assert!(lines(&[run(0.02, &[])]).1);
        assert!(lines(&[run(0.2, &["unsaturated"])]).1);
        assert!(!lines(&[run(0.2, &[])]).1);
        let mut fixed = run(0.2, &["unsaturated"]);
        fixed["grid"] = json!(true);
        assert!(!lines(&[fixed]).1, "a fixed link can be measured");
    }

    #[test]
    fn a_machine_that_can_emulate_nothing_is_no_success() {
        let mut void = run(0.0, &[]);
        void["void"] = json!("starved");
        assert!(!lines(&[void]).1);
        assert!(!lines(&[]).1);
    }
}
