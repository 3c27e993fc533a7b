//! The method over simulated TCP: fixed links, loss, chance.

mod common;

use std::collections::BTreeMap;

use common::{Link, draw, errors, is_silent, percent, quantile, runs};
use ispeed_meter::sim::{Control, Outcome};
use ispeed_meter::{CounterKind, Flag, StopReason};

const CONTROLS: [Control; 3] = [Control::Bbr, Control::Cubic, Control::Reno];

#[test]
fn clean_links_are_measured_within_three_percent() {
    let mut seconds = Vec::new();
    for (rate, rtt_us) in [(5e6, 40_000), (20e6, 10_000), (20e6, 40_000), (50e6, 40_000), (100e6, 20_000)] {
        for control in [Control::Bbr, Control::Cubic] {
            let outcome = Link::new(rate, rtt_us, control).measure_fixed(1);
            let error = outcome.error().unwrap();
            assert!(error.abs() < 0.03, "{control:?} {rate} {rtt_us}: {error}");
            assert!(outcome.estimate.flags.is_empty(), "{control:?} {rate} {rtt_us}: {:?}", outcome.estimate.flags);
            seconds.push(outcome.seconds());
        }
    }
    assert!(quantile(&seconds, 0.5) <= 1.3, "{seconds:?}");
}

#[test]
fn loss_hardly_moves_arrivals_while_in_order_bytes_stumble() {
    let link = Link { loss: 0.005, ..Link::new(20e6, 20_000, Control::Bbr) };
    let arrivals: Vec<Outcome> = (0..runs(100)).map(|seed| link.measure_fixed(seed)).collect();
    let bytes = Link { counter: Some(CounterKind::TcpInfoBytes), ..link };
    let in_order: Vec<Outcome> = (0..runs(100)).map(|seed| bytes.measure_fixed(seed)).collect();
    assert!(arrivals.iter().all(|outcome| outcome.estimate.counter == CounterKind::TcpInfoSegments));
    assert!(in_order.iter().all(|outcome| outcome.estimate.counter == CounterKind::TcpInfoBytes));
    assert!(quantile(&errors(&arrivals), 0.9) < 0.03);
    let seconds = |outcomes: &[Outcome]| quantile(&outcomes.iter().map(Outcome::seconds).collect::<Vec<_>>(), 0.5);
    assert!(seconds(&arrivals) * 1.5 < seconds(&in_order));
    assert!(quantile(&errors(&arrivals), 0.5) <= quantile(&errors(&in_order), 0.5));
}

#[test]
fn a_loss_based_sender_on_a_lossy_link_is_right_or_flagged() {
    for (rate, rtt_us, loss) in [(20e6, 60_000, 0.01), (100e6, 60_000, 0.01), (100e6, 20_000, 0.02)] {
        let link = Link { loss, ..Link::new(rate, rtt_us, Control::Cubic) };
        for seed in 0..runs(40) {
            let outcome = link.measure_fixed(seed);
            let owned = outcome.error().unwrap().abs() <= 0.05
                || outcome.covers(outcome.window_truth_bps.unwrap())
                || outcome.estimate.flags.contains(Flag::Unsaturated);
            assert!(owned, "{rate} {rtt_us} {loss} seed {seed}: {:?} {:?}", outcome.error(), outcome.estimate.flags);
            assert!(outcome.estimate.flows > 4, "flows grow on loss with a flat round trip");
        }
    }
}

/// The goal is none; what is left are long paths on which the link changes before slow start has found it.
#[test]
fn hardly_any_error_is_silent_on_links_by_chance() {
    let n = runs(4000);
    let silent = (0..n).filter(|&seed| {
        let drawn = draw(seed);
        is_silent(&drawn.link.measure(seed, drawn.capacity), &drawn.answering)
    });
    let silent: Vec<u64> = silent.collect();
    assert!(silent.len() as f64 <= 0.003 * n as f64, "{silent:?} of {n}");
}

fn row(name: &str, outcomes: &[Outcome]) -> String {
    let errors = errors(outcomes);
    if errors.is_empty() {
        return format!("  {name:44} no estimate in {} runs", outcomes.len());
    }
    let of = |value: &dyn Fn(&Outcome) -> f64, share| quantile(&outcomes.iter().map(value).collect::<Vec<_>>(), share);
    format!(
        "  {name:44} {:6} {:6.2} {:6.2} {:6.2} {:6.2} {:6.2} {:7.2} {:5.0} {:5.0} {:5.0} {:5.0}",
        outcomes.len() - errors.len(),
        100.0 * quantile(&errors, 0.5),
        100.0 * quantile(&errors, 0.99),
        100.0 * quantile(&errors, 1.0),
        of(&Outcome::seconds, 0.5),
        of(&Outcome::seconds, 0.9),
        of(&|outcome| outcome.estimate.bytes as f64 / 1e6, 0.5),
        percent(outcomes, |o| o.estimate.stop_reason == StopReason::Converged),
        percent(outcomes, |o| o.window_truth_bps.is_some_and(|truth| o.covers(truth))),
        percent(outcomes, |o| !o.estimate.flags.is_empty()),
        percent(outcomes, |o| o.estimate.flags.contains(Flag::Unsaturated)),
    )
}

fn head(title: &str) -> String {
    format!(
        "\n{title}\n  {:44} {:>6} {:>6} {:>6} {:>6} {:>6} {:>6} {:>7} {:>5} {:>5} {:>5} {:>5}",
        "", "none", "e50 %", "e99 %", "max %", "s50", "s90", "MB", "conv", "cover", "flag", "unsat"
    )
}

#[test]
#[ignore = "prints tables"]
fn print_fixed_links() {
    println!("{}", head("fixed links, 0.5-300 Mbit/s, queues 0.5 BDP, 1 BDP, 250 ms"));
    for control in CONTROLS {
        for rtt_us in [10_000, 40_000, 100_000, 300_000] {
            let mut all = Vec::new();
            for rate in [0.5e6, 2e6, 5e6, 20e6, 50e6, 100e6, 300e6] {
                for queue_bdp in [0.5, 1.0, 250_000.0 / rtt_us as f64] {
                    let link = Link { queue_bdp, ..Link::new(rate, rtt_us, control) };
                    all.extend((0..5).map(|seed| link.measure_fixed(seed)));
                }
            }
            println!("{}", row(&format!("{control:?} {} ms", rtt_us / 1000), &all));
        }
    }
}

#[test]
#[ignore = "prints tables"]
fn print_loss() {
    println!("{}", head("random loss, queue 1 BDP: arrivals against in-order bytes"));
    for control in [Control::Bbr, Control::Cubic] {
        for (rate, rtt_us) in [(5e6, 20_000), (20e6, 60_000), (100e6, 20_000), (100e6, 60_000)] {
            for loss in [0.001, 0.005, 0.01, 0.02] {
                for counter in [None, Some(CounterKind::TcpInfoBytes)] {
                    let link = Link { loss, counter, ..Link::new(rate, rtt_us, control) };
                    let outcomes: Vec<Outcome> = (0..20).map(|seed| link.measure_fixed(seed)).collect();
                    let counted = if counter.is_some() { "bytes" } else { "segments" };
                    let name = format!("{control:?} {} Mbit/s {} ms {loss} {counted}", rate / 1e6, rtt_us / 1000);
                    println!("{}", row(&name, &outcomes));
                }
            }
        }
    }
}

#[test]
#[ignore = "prints tables"]
fn print_chance() {
    let n: u64 = std::env::var("RUNS").ok().and_then(|n| n.parse().ok()).unwrap_or(10_000);
    let mut by_kind: BTreeMap<&str, Vec<Outcome>> = BTreeMap::new();
    let mut silent = 0;
    for seed in 0..n {
        let drawn = draw(seed);
        let outcome = drawn.link.measure(seed, drawn.capacity);
        if is_silent(&outcome, &drawn.answering) {
            silent += 1;
            let (error, flags) = (100.0 * outcome.error().unwrap_or(f64::NAN), outcome.estimate.flags);
            println!("  silent: seed {seed} {} {:?} error {error:.1} % {flags:?}", drawn.kind, drawn.link);
        }
        by_kind.entry(drawn.kind).or_default().push(outcome);
    }
    println!("{}", head(&format!("links by chance: {silent} silent errors above 5 % in {n} runs")));
    for (kind, outcomes) in &by_kind {
        println!("{}", row(kind, outcomes));
    }
    println!("bench: {{\"simulation\": {{\"runs\": {n}, \"silent_above_5_percent\": {silent}}}}}");
}
