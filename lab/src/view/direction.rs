//! One direction of a run.

use serde_json::Value;

/// What a tool said about a direction, and the truth beside it.
#[derive(Clone, Copy, Debug)]
pub struct Direction<'a>(&'a Value);

impl<'a> Direction<'a> {
    pub(super) fn new(member: &'a Value) -> Self {
        Self(member)
    }

    fn number(self, member: &str) -> Option<f64> {
        self.0[member].as_f64()
    }

    /// Result over truth, less one.
    pub fn error(self) -> Option<f64> {
        self.number("error")
    }

    /// A direction without a figure is an infinite error, not a missing one.
    pub fn abs_error(self) -> f64 {
        self.error().map_or(f64::INFINITY, f64::abs)
    }

    /// What the link could have carried in the window.
    pub fn truth_bps(self) -> Option<f64> {
        self.number("truth_bps")
    }

    /// The figure.
    pub fn goodput_bps(self) -> Option<f64> {
        self.number("goodput_bps")
    }

    /// The 95 % interval.
    pub fn interval_bps(self) -> Option<(f64, f64)> {
        let at = |i: usize| self.0["interval_bps"][i].as_f64();
        Some((at(0)?, at(1)?))
    }

    fn holds(self, truth: Option<f64>) -> Option<bool> {
        let truth = truth?;
        Some(self.interval_bps().is_some_and(|(low, high)| (low..=high).contains(&truth)))
    }

    /// Whether the interval holds the truth of the window.
    pub fn covers(self) -> bool {
        self.holds(self.truth_bps()).unwrap_or(false)
    }

    /// Whether the interval holds the truth of the following 10 s; `None` where nobody knows it.
    pub fn covers_next(self) -> Option<bool> {
        self.holds(self.number("next_10s_truth_bps"))
    }

    /// Seconds of load.
    pub fn duration_s(self) -> Option<f64> {
        self.number("duration_ms").map(|ms| ms / 1e3)
    }

    /// The averaged window.
    pub fn window_ms(self) -> Option<f64> {
        self.number("window_ms")
    }

    /// What a reader must know of the figure.
    pub fn flags(self) -> Vec<&'a str> {
        self.0["flags"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// Why load ended.
    pub fn stop_reason(self) -> Option<&'a str> {
        self.0["stop_reason"].as_str()
    }

    /// The most flows, and the counter used.
    pub fn flows_and_counter(self) -> (Option<u64>, Option<&'a str>) {
        (self.0["flows"].as_u64(), self.0["counter"].as_str())
    }
}
