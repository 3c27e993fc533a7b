//! Goals of latency and loss, and those that no emulated link gives: simulation and loopback.

use super::super::Evidence;
use super::super::format::{number, share};
use super::{Found, Goal};
use crate::stats::Scenario;
use crate::view::SIDES;

pub(super) fn latency(evidence: &Evidence) -> Goal {
    let words = ("latency, idle and loaded, ms", "median ±0.5 of the log", "");
    let all = Scenario::of(&evidence.ours, |_| true);
    let off = |measured: &str, truth: &str| {
        let of = all.values(|run| run.latency_difference_ms(measured, truth).map(f64::abs));
        (of.median(), format!("{} ({} runs)", number(of.median()), of.len()))
    };
    let judged = [
        ("idle", off("idle_ms", "idle_truth_ms")),
        ("loaded down", off("loaded_down_ms", "loaded_down_truth_ms")),
        ("loaded up", off("loaded_up_ms", "loaded_up_truth_ms")),
    ];
    let configured = off("idle_ms", "idle_configured_ms").1;
    if judged.iter().all(|(_, (median, _))| median.is_none()) {
        return Goal::not_measured(words, "no run says what the log saw of the probes");
    }
    let parts: Vec<String> = judged.iter().map(|(name, (_, said))| format!("{name} {said}")).collect();
    let result = format!("{}; idle against the configured delay {configured}", parts.join(", "));
    let met = judged.iter().all(|(_, (median, _))| median.is_some_and(|ms| ms <= 0.5));
    Goal::judged(words, &[&all], None, Found { result, met, stretch: met })
}

pub(super) fn loss(evidence: &Evidence) -> Goal {
    let words = ("loss", "counts equal to the log's", "");
    let all = Scenario::of(&evidence.ours, |_| true);
    let known: Vec<bool> =
        all.valid.iter().flat_map(|run| SIDES.map(|side| run.loss_is_exact(side))).flatten().collect();
    if known.is_empty() {
        return Goal::not_measured(words, "no run says what the log saw of the probes");
    }
    let equal = known.iter().filter(|equal| **equal).count();
    let result = format!("equal in {equal} of {} directions", known.len());
    let met = equal == known.len();
    Goal::judged(words, &[&all], None, Found { result, met, stretch: met })
}

pub(super) fn simulated_coverage(evidence: &Evidence) -> Goal {
    let words = ("95 % interval: simulation, stationary process mean", "93–99 % coverage", "");
    let Some(simulation) = evidence.bench.and_then(|bench| bench.simulation.as_ref()) else {
        return Goal::not_measured(words, "not given here, see METHOD.md section 15");
    };
    let [pooled, low, high] =
        [simulation.coverage_pooled, simulation.coverage_lowest, simulation.coverage_highest].map(|of| share(Some(of)));
    let result = format!("{pooled} over all kinds of process ({low} to {high} of each), METHOD.md section 15");
    // Intervals that are too wide everywhere would show in all together; one too narrow somewhere only there.
    let met = (0.93..=0.99).contains(&simulation.coverage_pooled) && simulation.coverage_lowest >= 0.93;
    Goal::judged(words, &[], None, Found { result, met, stretch: met })
}

pub(super) fn loopback(evidence: &Evidence) -> Goal {
    let words = (
        "rate the client can measure on this machine over loopback TLS, no link, Gbit/s",
        "≥ 8 down, ≥ 6 up, with `cpu_limited` set when it is the limit",
        "",
    );
    let Some(loopback) = evidence.bench.and_then(|bench| bench.loopback.as_ref()) else {
        return Goal::not_measured(words, "not given here, see `cargo xtask bench`");
    };
    // Client and server share the machine: the result has to say which of the two it was that could do no more.
    let limits = [&loopback.down_limit, &loopback.up_limit];
    let [down, up] = limits.map(|limit| limit.as_ref().map_or("no limit named".into(), |flag| format!("`{flag}`")));
    let result = format!("{:.1} ({down}) / {:.1} ({up})", loopback.down_gbps, loopback.up_gbps);
    let met = loopback.down_gbps >= 8.0 && loopback.up_gbps >= 6.0 && limits.iter().all(|limit| limit.is_some());
    Goal::judged(words, &[], None, Found { result, met, stretch: met })
}
