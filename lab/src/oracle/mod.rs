//! What the per-packet log says of figures other than rates: the truth beside a sample's latency and loss.

mod echoes;
mod latency;

pub use latency::latency;

use ispeed_protocol::UtcMicros;
use serde_json::Value;

use crate::emulator::LinkLog;

/// A moment that a sample states, microseconds of Unix time.
pub(crate) fn stated_us(sample: &Value, member: &str) -> Option<i64> {
    Some(sample[member].as_str()?.parse::<UtcMicros>().ok()?.as_micros())
}

/// A moment so long after the start of a sample, on the clock of the log.
pub(crate) fn on_clock(sample: &Value, after_start_ns: f64, log: &LinkLog) -> Option<u64> {
    let at_ns = (stated_us(sample, "started_at")? - log.base_utc_us) as f64 * 1e3 + after_start_ns;
    (at_ns >= 0.0).then_some(at_ns as u64)
}
