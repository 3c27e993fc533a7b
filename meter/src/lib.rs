//! The arithmetic of measuring: arrivals to estimate, interval, stop rule.
//!
//! Pure: no clock, no socket, no file. The same code runs where the receiver is (the phone for a download, the server
//! for an upload), in the collector, which [`recompute()`]s every stated figure from the series that travels with the
//! sample, and in simulation. The method in words is `docs/METHOD.md`; its numbers are [`params`].
//!
//! ```
//! use ispeed_meter::{Config, Decision, Direction, Estimator, Reading};
//!
//! let mut estimator = Estimator::new(Config { idle_rtt_us: Some(20_000), ..Config::new(Direction::Down) });
//! // A link of 48 Mbit/s that is full from the first moment, polled every 10 ms: 40 segments a poll.
//! let reason = (0..).find_map(|poll: u64| {
//!     let segments = poll * 40;
//!     let bytes = segments * 1448;
//!     let reading =
//!         Reading { t_us: poll * 10_000, segments: Some(segments), kernel_bytes: Some(bytes), app_bytes: bytes };
//!     match estimator.on_reading(&reading) {
//!         Decision::Stop(reason) => Some(reason),
//!         Decision::Continue | Decision::Flows(_) => None,
//!     }
//! });
//! let estimate = estimator.finish(None);
//! assert_eq!(reason, Some(estimate.stop_reason));
//! let goodput_bps = estimate.goodput_bps.expect("three seconds of data");
//! assert!((goodput_bps / 46_336_000.0 - 1.0).abs() < 0.01);
//! ```
#![warn(missing_docs)]

mod analysis;
mod bins;
mod caps;
mod changes;
mod counter;
mod estimate;
mod estimator;
mod flags;
mod flows;
mod input;
mod interval;
pub mod latency;
pub mod loss;
pub mod params;
pub mod pdv;
mod ramp;
mod recompute;
mod recovery;
mod saturation;
#[cfg(any(test, feature = "sim"))]
pub mod sim;
pub mod stats;

pub use analysis::ChangePoint;
pub use bins::closes_bin;
pub use estimate::{Estimate, Phase, Snapshot};
pub use estimator::{Decision, Estimator};
pub use flags::Flags;
pub use flows::{flows_to_start_with, upload_needs_cubic, upload_needs_reno};
pub use input::{Config, Hint, Reading};
pub use ispeed_protocol::direction::{Burst, CounterKind, Direction, Flag, FlowStep, Series, StopReason};
pub use recompute::{RecomputeContext, RecomputeError, Recomputed, recompute};
