//! The method over simulated TCP: fixed links, loss, steps and chance.
//!
//! `cargo test -p ispeed-meter --release -- --ignored --nocapture` prints the tables.
#![cfg(feature = "sim")]

use ispeed_meter::sim::{Capacity, Control, Outcome, Path, Rng, Shape, Tcp, run};
use ispeed_meter::{Config, CounterKind, Direction, Flag, StopReason};

struct Link {
    rate_bps: f64,
    rtt_us: u64,
    queue_bdp: f64,
    loss: f64,
    control: Control,
    direction: Direction,
    counter: Option<CounterKind>,
}

fn measure(seed: u64, link: &Link, capacity: Capacity) -> Outcome {
    let path = Path { loss: link.loss, ..Path::new(link.rate_bps, link.rtt_us, link.queue_bdp) };
    let mut tcp = Tcp::new(seed, capacity, path, link.control, 1);
    let config = Config {
        idle_rtt_us: Some(link.rtt_us),
        sender_bbr: link.control == Control::Bbr,
        forced_counter: link.counter,
        ..Config::new(link.direction)
    };
    run(&mut Rng::new(seed ^ 0xABCD), &mut tcp, config)
}

fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * share).round() as usize]
}

fn row(name: &str, outcomes: &[Outcome]) {
    let mut errors: Vec<f64> = outcomes.iter().map(|o| o.error().map_or(9.99, f64::abs)).collect();
    let mut seconds: Vec<f64> = outcomes.iter().map(Outcome::seconds).collect();
    let mut megabytes: Vec<f64> = outcomes.iter().map(|o| o.estimate.bytes as f64 / 1e6).collect();
    let n = outcomes.len() as f64;
    let share = |test: &dyn Fn(&Outcome) -> bool| outcomes.iter().filter(|o| test(o)).count() as f64 / n * 100.0;
    let covered = share(&|o| o.window_truth_bps.is_some_and(|truth| o.covers(truth)));
    let converged = share(&|o| o.estimate.stop_reason == StopReason::Converged);
    let flagged = share(&|o| !o.estimate.flags.is_empty());
    let silent = share(&|o| {
        o.error().is_some_and(|e| e.abs() > 0.05)
            && o.estimate.flags.is_empty()
            && !o.window_truth_bps.is_some_and(|truth| o.covers(truth))
    });
    println!(
        "{name:44} err p50 {:5.2} p99 {:6.2} max {:6.2} % | {:.2} s p90 {:.2} | {:6.1} MB | conv {converged:3.0} cover {covered:3.0} flag {flagged:3.0} silent {silent:.1} % | flows {}",
        100.0 * quantile(&mut errors, 0.5),
        100.0 * quantile(&mut errors, 0.99),
        100.0 * quantile(&mut errors, 1.0),
        quantile(&mut seconds, 0.5),
        quantile(&mut seconds, 0.9),
        quantile(&mut megabytes, 0.5),
        outcomes.iter().map(|o| o.estimate.flows).max().unwrap_or(0),
    );
}

#[test]
#[ignore = "prints tables"]
fn print_fixed_links() {
    for control in [Control::Bbr, Control::Cubic, Control::Reno] {
        for rtt_us in [10_000, 40_000, 100_000, 300_000] {
            let mut all = Vec::new();
            for rate in [0.5e6, 2e6, 5e6, 20e6, 50e6, 100e6, 300e6] {
                for queue in [0.5, 1.0, 0.25e6 / rtt_us as f64] {
                    let link = Link {
                        rate_bps: rate,
                        rtt_us,
                        queue_bdp: queue,
                        loss: 0.0,
                        control,
                        direction: if control == Control::Bbr { Direction::Down } else { Direction::Up },
                        counter: None,
                    };
                    let outcomes: Vec<Outcome> =
                        (0..5).map(|seed| measure(seed, &link, Capacity::constant(rate))).collect();
                    let o = &outcomes[0];
                    if o.error().is_none_or(|e| e.abs() > 0.02) || !o.estimate.flags.is_empty() || o.seconds() > 2.0 {
                        row(
                            &format!(
                                "{control:?} {} ms {} Mbit/s q {queue:.1} {:?} {:?}",
                                rtt_us / 1000,
                                rate / 1e6,
                                o.estimate.flags,
                                o.estimate.stop_reason
                            ),
                            &outcomes,
                        );
                    }
                    all.extend(outcomes);
                }
            }
            row(&format!("ALL {control:?} {} ms", rtt_us / 1000), &all);
        }
    }
}

#[test]
#[ignore = "prints tables"]
fn print_loss() {
    for control in [Control::Bbr, Control::Cubic] {
        for rate in [5e6, 20e6, 100e6] {
            for rtt_us in [20_000, 60_000] {
                for loss in [0.001, 0.005, 0.01, 0.02] {
                    for counter in [None, Some(CounterKind::TcpInfoBytes)] {
                        let link = Link {
                            rate_bps: rate,
                            rtt_us,
                            queue_bdp: 1.0,
                            loss,
                            control,
                            direction: if control == Control::Bbr { Direction::Down } else { Direction::Up },
                            counter,
                        };
                        let outcomes: Vec<Outcome> =
                            (0..20).map(|seed| measure(seed, &link, Capacity::constant(rate))).collect();
                        let o = &outcomes[0].estimate;
                        row(
                            &format!(
                                "{control:?} {} Mbit/s {} ms loss {loss} {:?} {:?} {:?}",
                                rate / 1e6,
                                rtt_us / 1000,
                                o.counter,
                                o.flags,
                                o.stop_reason
                            ),
                            &outcomes,
                        );
                    }
                }
            }
        }
    }
}

/// A link drawn by chance, and the flags that would answer for an error on it.
fn draw(seed: u64) -> (String, Link, Capacity, Vec<Flag>) {
    let mut rng = Rng::new(seed);
    let rate_bps = 0.5e6 * (600f64).powf(rng.uniform());
    let rtt_us = rng.pick(&[10_000, 20_000, 40_000, 70_000, 100_000, 200_000, 300_000]);
    let control = rng.pick(&[Control::Bbr, Control::Bbr, Control::Cubic, Control::Reno]);
    let mut loss = 0.0;
    let kind = rng.pick(&["fixed", "fixed", "loss", "loss", "varies", "bucket", "outage", "step"]);
    let mut flags = vec![Flag::ByteCapped];
    let capacity = match kind {
        "loss" => {
            loss = rng.pick(&[0.001, 0.005, 0.01, 0.02]);
            flags.push(Flag::Unsaturated);
            Capacity::constant(rate_bps)
        }
        "varies" => {
            flags.extend([Flag::Variable, Flag::Unsaturated]);
            let (cv, phi) = (rng.between(0.02, 0.8), rng.between(0.0, 0.8));
            Capacity::ar1(&mut rng, rate_bps, cv, phi, Shape::LogNormal)
        }
        "bucket" => {
            flags.extend([Flag::Burst, Flag::Variable]);
            let seconds = rng.between(0.1, 1.5);
            Capacity::token_bucket(rate_bps / 4.0, rate_bps, rate_bps / 8.0 * seconds * 0.75)
        }
        "outage" => {
            flags.push(Flag::Outage);
            let at = (rng.between(0.3, 2.0) * 1e6) as u64;
            let length = (rng.between(0.3, 1.9) * 1e6) as u64;
            Capacity::constant(rate_bps).with_outage(at, length)
        }
        "step" => {
            flags.extend([Flag::Burst, Flag::Variable, Flag::Unsaturated]);
            let at = (rng.between(0.3, 2.0) * 1e6) as u64;
            let factor: f64 = rng.pick(&[0.33, 0.5, 2.0, 3.0]);
            Capacity::constant(rate_bps / factor.max(1.0)).with_step(at, factor)
        }
        _ => Capacity::constant(rate_bps),
    };
    let queue_bdp = rng.pick(&[0.5, 1.0, 250_000.0 / rtt_us as f64]);
    let direction = if control == Control::Bbr { Direction::Down } else { Direction::Up };
    let link = Link { rate_bps, rtt_us, queue_bdp, loss, control, direction, counter: None };
    (kind.to_owned(), link, capacity, flags)
}

#[test]
#[ignore = "prints tables"]
fn print_chance() {
    let runs: u64 = std::env::var("RUNS").ok().and_then(|n| n.parse().ok()).unwrap_or(4000);
    let mut by_kind: std::collections::BTreeMap<String, Vec<Outcome>> = std::collections::BTreeMap::new();
    for seed in 0..runs {
        let (kind, link, capacity, answering) = draw(seed);
        let outcome = measure(seed, &link, capacity);
        // A link that changes under a sender which still climbs: the rate it settled on is no error.
        let settled = outcome.settled_truth_bps.zip(outcome.estimate.goodput_bps);
        let settled = settled.is_some_and(|(truth, goodput)| (goodput / truth - 1.0).abs() < 0.05);
        let covered = settled || outcome.window_truth_bps.is_some_and(|truth| outcome.covers(truth));
        let answered = answering.iter().any(|&flag| outcome.estimate.flags.contains(flag));
        if outcome.error().is_some_and(|e| e.abs() > 0.05) && !covered && !answered {
            let o = &outcome.estimate;
            println!(
                "SILENT seed {seed} {kind} {:.2} Mbit/s {} ms q {:.1} loss {} {:?}: err {:.1} % {:?} {:?} w {:?}+{:?} flows {}",
                link.rate_bps / 1e6,
                link.rtt_us / 1000,
                link.queue_bdp,
                link.loss,
                link.control,
                100.0 * outcome.error().unwrap(),
                o.flags,
                o.stop_reason,
                o.window_start_us,
                o.window_us,
                o.flows
            );
        }
        by_kind.entry(kind).or_default().push(outcome);
    }
    for (kind, outcomes) in &by_kind {
        let (some, none): (Vec<Outcome>, Vec<Outcome>) = outcomes.iter().cloned().partition(|o| o.error().is_some());
        row(&format!("{kind} ({} runs, {} without estimate)", outcomes.len(), none.len()), &some);
    }
}

#[test]
#[ignore = "prints one run"]
fn print_one() {
    let seed: u64 = std::env::var("SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(3257);
    let (kind, link, capacity) = if seed < 1_000_000 {
        let (kind, link, capacity, _) = draw(seed);
        (kind, link, capacity)
    } else {
        let rate = std::env::var("RATE").unwrap().parse::<f64>().unwrap() * 1e6;
        let rtt_us = std::env::var("RTT").unwrap().parse::<u64>().unwrap() * 1000;
        let control = if std::env::var("CC").is_ok_and(|c| c == "bbr") { Control::Bbr } else { Control::Cubic };
        let direction = if control == Control::Bbr { Direction::Down } else { Direction::Up };
        let queue_bdp = std::env::var("Q").unwrap().parse().unwrap();
        (
            "own".into(),
            Link { rate_bps: rate, rtt_us, queue_bdp, loss: 0.0, control, direction, counter: None },
            Capacity::constant(rate),
        )
    };
    let outcome = measure(seed, &link, capacity);
    let o = &outcome.estimate;
    println!(
        "{kind} {:.2} Mbit/s {} ms q {} loss {} {:?} err {:?} {:?} {:?} w {:?}+{:?} flows {:?} alpha {:?} {:?}",
        link.rate_bps / 1e6,
        link.rtt_us / 1000,
        link.queue_bdp,
        link.loss,
        link.control,
        outcome.error(),
        o.flags,
        o.stop_reason,
        o.window_start_us,
        o.window_us,
        o.series.flow_steps,
        o.alpha,
        o.interval_bps
    );
    let mut last = 0;
    for (i, &t) in o.series.t_us.iter().enumerate() {
        println!(
            "{t} seg {} kb {} rate {:.2}",
            o.series.segments.as_ref().unwrap()[i],
            o.series.kernel_bytes.as_ref().unwrap()[i],
            f64::from(o.series.segments.as_ref().unwrap()[i]) * 1500.0 * 8.0 / f64::from(t - last)
        );
        last = t;
    }
}
