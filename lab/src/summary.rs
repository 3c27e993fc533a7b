//! What a run says in one line, and what a set of runs says in a few.

use std::fmt::Write as _;

use serde_json::Value;

use crate::stats::Scenario;
use crate::view::{Run, SIDES, Side, latest};

/// One run in one line, for the person who watches.
pub fn line(line: &Value) -> String {
    let run = Run::new(line);
    let megabytes = run.wire_bytes().map_or("–".into(), |bytes| format!("{:.1}", bytes / 1e6));
    let seconds = run.seconds().map_or("–".into(), |s| format!("{s:.1}"));
    let void = run.void().map_or(String::new(), |why| format!(" VOID {why}"));
    format!("{:28} {} | {} | {seconds} s, {megabytes} MB{void}", run.cell(), side(run, Side::Down), side(run, Side::Up),)
}

fn side(run: Run, side: Side) -> String {
    let direction = run.side(side);
    let error = direction.error().map_or("–".into(), |e| format!("{:+.2} %", e * 100.0));
    let flags = direction.flags();
    format!(
        "{} {error} in {} s ({}{}{})",
        side.name(),
        direction.duration_s().map_or("–".into(), |s| format!("{s:.2}")),
        direction.stop_reason().unwrap_or("–"),
        if flags.is_empty() { "" } else { " " },
        flags.join(","),
    )
}

/// The summary of all runs.
pub fn text(lines: &[Value]) -> String {
    let mut out = String::new();
    let all = Scenario::of(&latest(lines), |_| true);
    let _ = writeln!(out, "{} runs, {} void", all.runs(), all.void);
    for side in SIDES {
        let errors = all.errors(side);
        let seconds = all.values(|run| run.side(side).duration_s());
        let percent = |q| errors.quantile(q).unwrap_or(f64::NAN) * 100.0;
        let time = |q| seconds.quantile(q).unwrap_or(f64::NAN);
        let _ = writeln!(
            out,
            "{:4}: error median {:.2} %, p90 {:.2} %, worst {:.2} %; {:.1} % within 3 %; \
             {:.1} % of intervals hold the truth; {} silent above 5 %; {:.2} s median, {:.2} s p90",
            side.name(),
            percent(0.5),
            percent(0.9),
            percent(1.0),
            errors.within(0.03) * 100.0,
            all.share(|run| run.side(side).covers()).unwrap_or(0.0) * 100.0,
            all.count(|run| run.is_silent_error(side)),
            time(0.5),
            time(0.9),
        );
    }
    let whole = all.values(Run::seconds);
    let at = |value: Option<f64>| value.unwrap_or(f64::NAN);
    let (median, worst) = (at(whole.median()), at(whole.worst()));
    let _ = writeln!(out, "whole sample: {median:.2} s median, {worst:.2} s worst");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_last_line_of_a_run_is_summarised_and_void_ones_are_counted() {
        let run = |seed: u64, error: f64, void: Option<&str>| {
            let side = json!({"error": error, "duration_ms": 900.0, "interval_bps": [90, 110], "truth_bps": 100});
            json!({"cell": "a", "seed": seed, "void": void, "seconds": 2.5, "down": side, "up": side})
        };
        let said = text(&[run(1, 0.9, None), run(1, 0.01, None), run(2, 0.5, Some("starved"))]);
        assert!(said.starts_with("2 runs, 1 void\ndown: error median 1.00 %, p90 1.00 %, worst 1.00 %"), "{said}");
        assert!(said.contains("100.0 % of intervals") && said.contains("2.50 s worst"), "{said}");
    }

    #[test]
    fn a_line_says_what_is_missing() {
        let said = line(&json!({"tool": "iperf3", "cell": "48/24", "down": {"error": -0.015}, "void": "starved"}));
        assert!(said.starts_with("48/24"), "{said}");
        assert!(said.contains("down -1.50 % in – s (–)") && said.contains("up – in – s"), "{said}");
        assert!(said.ends_with("– s, – MB VOID starved"), "{said}");
    }
}
