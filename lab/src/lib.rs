//! The laboratory: a link emulator with a per-packet log as the oracle, and what is judged by it.
//!
//! - [`emulator`]: one process, a TUN device in each of two network namespaces, and between them a link of known rate,
//!   delay, queue and loss. Every packet is logged on the shared monotonic clock.
//! - [`truth`]: what the link could have carried in a window, from its configuration and the log.
//!
//! The emulator is judged before it judges: `tests/emulator.rs`.
#![warn(missing_docs)]

pub mod cells;
pub mod cgroup;
pub mod check;
pub mod emulator;
pub mod oracle;
pub mod peers;
pub mod plot;
pub mod report;
pub mod runner;
pub mod session;
pub mod stats;
pub mod summary;
pub mod traces;
pub mod truth;
pub mod view;
