//! A run: an estimator over a simulated source, with the truth beside its result.

use super::Rng;
use crate::{Config, Decision, Estimate, Estimator, Hint, Reading};

/// A simulated receiver.
pub trait Source {
    /// The counters at a time; called with ascending times.
    fn reading(&mut self, t_us: u64) -> Reading;
    /// Side observations up to a time.
    fn hints(&mut self, t_us: u64) -> Vec<Hint>;
    /// Grows to this many load flows.
    fn set_flows(&mut self, flows: u8);
    /// Goodput the link could have carried between two times.
    fn goodput_truth_bps(&self, from_us: u64, to_us: u64) -> f64;
    /// Long-run mean goodput of the link.
    fn process_mean_bps(&self) -> f64;
}

/// A result beside the truth.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What the estimator said.
    pub estimate: Estimate,
    /// Goodput the link could have carried in the window the estimate averages.
    pub window_truth_bps: Option<f64>,
    /// The same in the second half of that window.
    pub settled_truth_bps: Option<f64>,
    /// Long-run mean goodput of the link.
    pub process_mean_bps: f64,
}

impl Outcome {
    /// Error against the same window.
    pub fn error(&self) -> Option<f64> {
        Some(self.estimate.goodput_bps? / self.window_truth_bps? - 1.0)
    }

    /// Whether the interval holds a value.
    pub fn covers(&self, truth_bps: f64) -> bool {
        self.estimate.interval_bps.is_some_and(|[low, high]| (low..=high).contains(&truth_bps))
    }

    /// Seconds of load.
    pub fn seconds(&self) -> f64 {
        self.estimate.duration_us as f64 / 1e6
    }
}

/// Runs an estimator over a source, polled every 10 ms with up to 1 ms of delay.
pub fn run(rng: &mut Rng, source: &mut impl Source, config: Config) -> Outcome {
    let mut estimator = Estimator::new(config);
    let mut poll = 0u64;
    loop {
        let t_us = if poll == 0 { 0 } else { poll * 10_000 + (rng.uniform() * 1000.0) as u64 };
        poll += 1;
        let reading = source.reading(t_us);
        for hint in source.hints(t_us) {
            estimator.on_hint(hint);
        }
        match estimator.on_reading(&reading) {
            Decision::Continue => {}
            Decision::Flows(flows) => {
                source.set_flows(flows);
                estimator.on_hint(Hint::FlowsActive { t_us, flows });
            }
            Decision::Stop(_) => break,
        }
    }
    let estimate = estimator.finish(None);
    let window = estimate.window_start_us.zip(estimate.window_us);
    Outcome {
        window_truth_bps: window.map(|(start, length)| source.goodput_truth_bps(start, start + length)),
        settled_truth_bps: window.map(|(start, length)| source.goodput_truth_bps(start + length / 2, start + length)),
        process_mean_bps: source.process_mean_bps(),
        estimate,
    }
}
