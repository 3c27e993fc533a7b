//! Asserts behaviour with wide margins: what a build machine can hold a measurement to. Figures are for `report`.

use serde_json::Value;

use crate::view::{Run, SIDES, Side, latest};

/// An error up to this is a noisy machine's; goals are judged by `report`, not here.
const MARGIN: f64 = 0.10;
/// Idle latency may be this far from the log's; a machine that is late by more was starved.
const IDLE_MARGIN_MS: f64 = 5.0;
/// More void runs than this share: the machine cannot judge, and says so as a failure.
const VOID_SHARE_MOST: f64 = 0.34;

/// One line a run in the words of a test program, and whether all passed.
pub fn lines(lines: &[Value]) -> (Vec<String>, bool) {
    let runs = latest(lines);
    let mut out = vec![format!("running {} tests", runs.len())];
    let (mut passed, mut failed, mut ignored) = (0, 0, 0);
    for run in &runs {
        let name = name(*run);
        match (run.void(), why_wrong(*run)) {
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

fn name(run: Run) -> String {
    let counter = run.forced_counter().map_or(String::new(), |counter| format!("::{counter}"));
    let tool = if run.tool() == "ispeed" { String::new() } else { format!("{}::", run.tool()) };
    format!("{tool}{}{counter}::seed_{}", run.cell(), run.seed())
}

fn why_wrong(run: Run) -> Option<String> {
    if run.tool() != "ispeed" {
        // What another tool makes of a link is not ours to assert, only that it made something.
        return SIDES.iter().all(|side| run.side(*side).error().is_none()).then(|| "it gave no figure".to_owned());
    }
    // A fault may cost a part of the sample, but not all of it.
    let expected: &[&str] = if run.group() == "fixed" { &["complete"] } else { &["complete", "partial"] };
    if !run.outcome().is_some_and(|outcome| expected.contains(&outcome)) {
        return Some(format!("the outcome is {:?}, expected one of {expected:?}", run.outcome()));
    }
    SIDES.into_iter().find_map(|side| why_rate_wrong(run, side)).or_else(|| why_latency_wrong(run))
}

fn why_rate_wrong(run: Run, side: Side) -> Option<String> {
    let direction = run.side(side);
    if direction.abs_error() <= MARGIN {
        return None;
    }
    let (name, error) = (side.name(), direction.error());
    if run.is_silent_error(side) {
        return Some(format!("{name} is off by {error:?} and does not say so: {direction:?}"));
    }
    let fixed = run.group() == "fixed";
    fixed.then(|| format!("{name} is off by {error:?} on a fixed link: {direction:?}"))
}

fn why_latency_wrong(run: Run) -> Option<String> {
    let idle = run.latency_difference_ms("idle_ms", "idle_truth_ms").filter(|ms| ms.abs() > IDLE_MARGIN_MS);
    if let Some(ms) = idle {
        return Some(format!("idle latency is {ms:+.1} ms off the log, expected within {IDLE_MARGIN_MS} ms"));
    }
    let side = SIDES.into_iter().find(|side| run.loss_is_exact(*side) == Some(false) && !is_late_only(run, *side))?;
    Some(format!("loss {} is not the log's: {}", side.name(), run.loss(side)))
}

/// Whether all that is wrong are probes the log delivered and the sample lost, on a link that can hold one for the second
/// after which it counts as lost (METHOD.md section 13).
fn is_late_only(run: Run, side: Side) -> bool {
    let counts = run.loss(side);
    let count = |member: &str| counts[member].as_u64();
    let may_be_late = ["trace", "outage"].contains(&run.group());
    may_be_late && count("sent") == count("truth_sent") && count("lost") > count("truth_lost")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn run(group: &str, error: f64, flags: &[&str]) -> Value {
        let side = json!({"error": error, "flags": flags, "truth_bps": 100.0, "interval_bps": [1e3, 1e4]});
        json!({"cell": "x", "seed": 1, "group": group, "void": null, "outcome": "complete", "down": side, "up": side})
    }

    fn passes(line: Value) -> bool {
        lines(&[line]).1
    }

    #[test]
    fn a_fault_is_answered_by_its_own_flag_only() {
        let lossy = |error: f64, flags: &[&str]| {
            let mut line = run("loss", error, flags);
            line["fault"] = json!("random_loss");
            line
        };
        assert!(passes(lossy(0.02, &[])));
        assert!(passes(lossy(-0.5, &["unsaturated"])));
        assert!(!passes(lossy(-0.5, &[])));
        assert!(!passes(lossy(-0.5, &["outage"])));
        let mut covered = lossy(-0.5, &[]);
        covered["down"]["interval_bps"] = json!([40.0, 110.0]);
        covered["up"]["interval_bps"] = json!([40.0, 110.0]);
        assert!(passes(covered));
    }

    #[test]
    fn a_fixed_link_can_be_measured() {
        assert!(passes(run("fixed", 0.09, &[])));
        let mut covered = run("fixed", 0.2, &["unsaturated"]);
        for side in ["down", "up"] {
            covered[side]["interval_bps"] = json!([0.0, 1e9]);
        }
        assert!(!passes(covered));
        let mut without = run("fixed", 0.0, &[]);
        without["up"]["error"] = Value::Null;
        assert!(!passes(without), "a missing figure is an error");
        let mut failed = run("fixed", 0.0, &[]);
        failed["outcome"] = json!("partial");
        assert!(!passes(failed));
    }

    #[test]
    fn latency_and_loss_are_asserted_where_the_log_knows() {
        let with = |latency: Value| {
            let mut line = run("fixed", 0.0, &[]);
            line["latency"] = latency;
            line
        };
        assert!(passes(with(json!({"idle_ms": 44.0, "idle_truth_ms": 40.0}))));
        assert!(passes(with(json!({"idle_ms": 90.0, "idle_truth_ms": null}))));
        assert!(!passes(with(json!({"idle_ms": 46.0, "idle_truth_ms": 40.0}))));
        assert!(!passes(with(json!({"idle_ms": null, "idle_truth_ms": 40.0}))));
        let loss = |lost: u64| json!({"loss": {"up": {"sent": 90, "lost": lost, "truth_sent": 90, "truth_lost": 1}}});
        assert!(passes(with(loss(1))));
        assert!(!passes(with(loss(0))));
        assert!(!passes(with(loss(2))));
        let late = |lost: u64| {
            let mut line = with(loss(lost));
            line["group"] = json!("outage");
            line
        };
        assert!(passes(late(2)), "an outage of a second makes probes late");
        assert!(!passes(late(0)), "but none arrives that the link dropped");
    }

    #[test]
    fn another_tool_may_be_wrong_but_not_silent() {
        let mut peer = run("fixed", -0.9, &[]);
        peer["tool"] = json!("iperf3");
        assert!(passes(peer.clone()));
        peer["down"]["error"] = Value::Null;
        peer["up"]["error"] = Value::Null;
        assert!(!passes(peer));
    }

    #[test]
    fn a_machine_that_can_emulate_nothing_is_no_success() {
        let mut void = run("fixed", 0.0, &[]);
        void["void"] = json!("starved");
        assert!(!lines(&[void.clone()]).1);
        assert!(!lines(&[]).1);
        assert!(lines(&[void, run("fixed", 0.0, &[])]).1, "the run made again counts");
    }

    #[test]
    fn the_words_are_those_of_a_test_program() {
        let (said, passed) = lines(&[run("fixed", 0.0, &[])]);
        assert!(passed);
        assert_eq!(
            said,
            ["running 1 tests", "test x::seed_1 ... ok", "test result: ok. 1 passed; 0 failed; 0 ignored"]
        );
    }
}
