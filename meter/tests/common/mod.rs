//! What the tests over simulated links share.
#![allow(dead_code, reason = "each test binary uses its part")]

use ispeed_meter::sim::{Capacity, Control, Open, Outcome, Path, Rng, Shape, Tcp, run};
use ispeed_meter::{Config, CounterKind, Direction, Flag};

/// Runs of a statistical test: all of them where the compiler optimises, a part where it does not.
pub(crate) fn runs(all: u64) -> u64 {
    if cfg!(debug_assertions) { all / 10 } else { all }
}

/// A run over a full link, with or without a queue that shows it.
pub(crate) fn open(seed: u64, rtt_us: u64, link: &dyn Fn(&mut Rng) -> Capacity, queue: bool) -> Outcome {
    let mut rng = Rng::new(seed);
    let capacity = link(&mut rng);
    let source = Open::new(&mut rng, capacity, rtt_us);
    let mut source = if queue { source } else { source.without_queue() };
    let config = Config { idle_rtt_us: Some(rtt_us), ..Config::new(Direction::Down) };
    run(&mut rng, &mut source, config)
}

/// A path with TCP on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    pub(crate) rate_bps: f64,
    pub(crate) rtt_us: u64,
    pub(crate) queue_bdp: f64,
    pub(crate) loss: f64,
    pub(crate) control: Control,
    pub(crate) counter: Option<CounterKind>,
}

impl Link {
    pub(crate) fn new(rate_bps: f64, rtt_us: u64, control: Control) -> Self {
        Self { rate_bps, rtt_us, queue_bdp: 1.0, loss: 0.0, control, counter: None }
    }

    /// A download from a server with BBR, or an upload from a phone with what phones have.
    pub(crate) fn config(&self) -> Config {
        let bbr = self.control == Control::Bbr;
        Config {
            idle_rtt_us: Some(self.rtt_us),
            sender_bbr: bbr,
            forced_counter: self.counter,
            ..Config::new(if bbr { Direction::Down } else { Direction::Up })
        }
    }

    pub(crate) fn path(&self) -> Path {
        Path { loss: self.loss, ..Path::new(self.rate_bps, self.rtt_us, self.queue_bdp) }
    }

    pub(crate) fn measure(&self, seed: u64, capacity: Capacity) -> Outcome {
        let mut tcp = Tcp::new(seed, capacity, self.path(), self.control, 1);
        run(&mut Rng::new(seed ^ 0xABCD), &mut tcp, self.config())
    }

    /// The same at the link's own constant rate.
    pub(crate) fn measure_fixed(&self, seed: u64) -> Outcome {
        self.measure(seed, Capacity::constant(self.rate_bps))
    }
}

/// A link by chance.
#[derive(Debug)]
pub(crate) struct Drawn {
    pub(crate) kind: &'static str,
    pub(crate) link: Link,
    pub(crate) capacity: Capacity,
    /// Flags that answer for an error on it, as `params::FAULT_FLAGS` has them.
    pub(crate) answering: Vec<Flag>,
}

/// 0.5-300 Mbit/s, 10-300 ms, three queues, three senders; two in eight fixed, two lossy, one each that varies, has a
/// token bucket, an outage, or a step.
pub(crate) fn draw(seed: u64) -> Drawn {
    let mut rng = Rng::new(seed);
    let rate_bps = 0.5e6 * 600f64.powf(rng.uniform());
    let rtt_us = rng.pick(&[10_000, 20_000, 40_000, 70_000, 100_000, 200_000, 300_000]);
    let control = rng.pick(&[Control::Bbr, Control::Bbr, Control::Cubic, Control::Reno]);
    let kind = rng.pick(&["fixed", "fixed", "loss", "loss", "varies", "bucket", "outage", "step"]);
    // On every link the byte budget may come first, and over a long path a loss-based sender may not fill it in time.
    let mut answering = vec![Flag::ByteCapped, Flag::Unsaturated];
    let mut loss = 0.0;
    let at_us = (rng.between(0.3, 2.0) * 1e6) as u64;
    let capacity = match kind {
        "loss" => {
            loss = rng.pick(&[0.001, 0.005, 0.01, 0.02]);
            Capacity::constant(rate_bps)
        }
        "varies" => {
            answering.push(Flag::Variable);
            let (cv, phi) = (rng.between(0.02, 0.8), rng.between(0.0, 0.8));
            Capacity::ar1(&mut rng, rate_bps, cv, phi, Shape::LogNormal)
        }
        "bucket" => {
            answering.extend([Flag::Burst, Flag::Variable]);
            let seconds = rng.between(0.1, 1.5);
            Capacity::token_bucket(rate_bps / 4.0, rate_bps, rate_bps / 8.0 * seconds * 0.75)
        }
        "outage" => {
            answering.extend([Flag::Outage, Flag::Variable]);
            let length_us = (rng.between(0.3, 1.9) * 1e6) as u64;
            Capacity::constant(rate_bps).with_outage(at_us, length_us)
        }
        "step" => {
            answering.extend([Flag::Burst, Flag::Variable]);
            let factor: f64 = rng.pick(&[0.33, 0.5, 2.0, 3.0]);
            Capacity::constant(rate_bps / factor.max(1.0)).with_step(at_us, factor)
        }
        _ => Capacity::constant(rate_bps),
    };
    let queue_bdp = rng.pick(&[0.5, 1.0, 250_000.0 / rtt_us as f64]);
    let link = Link { rate_bps, rtt_us, queue_bdp, loss, control, counter: None };
    Drawn { kind, link, capacity, answering }
}

/// An error above 5 % that neither the interval nor a flag for that fault owns up to. Where a link changes under a sender
/// that still climbs, the rate it settled on is no error.
pub(crate) fn is_silent(outcome: &Outcome, answering: &[Flag]) -> bool {
    let near = |truth: Option<f64>| {
        truth.zip(outcome.estimate.goodput_bps).is_none_or(|(truth, goodput)| (goodput / truth - 1.0).abs() <= 0.05)
    };
    let owned = near(outcome.window_truth_bps)
        || near(outcome.settled_truth_bps)
        || outcome.window_truth_bps.is_some_and(|truth| outcome.covers(truth));
    !owned && !answering.iter().any(|&flag| outcome.estimate.flags.contains(flag))
}

/// A quantile of values in any order.
pub(crate) fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}

/// Part of the outcomes for which a test holds, in percent.
pub(crate) fn percent(outcomes: &[Outcome], test: impl Fn(&Outcome) -> bool) -> f64 {
    100.0 * outcomes.iter().filter(|outcome| test(outcome)).count() as f64 / outcomes.len() as f64
}

/// Absolute errors against the same window, of those that state a figure.
pub(crate) fn errors(outcomes: &[Outcome]) -> Vec<f64> {
    outcomes.iter().filter_map(Outcome::error).map(f64::abs).collect()
}
