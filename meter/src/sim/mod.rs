//! Simulated links: what the method is tested, tuned and judged on without a network.
//!
//! Two kinds. [`Open`] plays a capacity process as arrivals of whole packets, the link always full: thousands of runs a
//! second, for the statistics of interval and stop rule. [`Tcp`] runs senders (CUBIC, Reno, BBR) against a queue packet
//! by packet: for ramp, holes in the order, saturation and the growth of flows. Both are deterministic in their seed.

mod capacity;
mod open;
mod rng;
mod run;
mod tcp;

pub use capacity::{Capacity, Shape};
pub use open::Open;
pub use rng::Rng;
pub use run::{Outcome, Source, run};
pub use tcp::{Control, Path, Tcp};
