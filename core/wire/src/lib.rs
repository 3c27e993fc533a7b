//! What both ends of a load connection share: socket counters, payload, receiver and sender loops.
//!
//! - [`sys`]: what the kernel knows of a socket and a thread; the only place of the workspace with `unsafe`.
//! - [`LoadSocket`], [`LoadStream`]: a TCP connection, with or without TLS, that counts what passes and can be reset.
//! - [`Records`]: the TLS records of a connection that carries load and nothing else, handled without a copy.
//! - [`Probe`]: a handle that reads the counters of a socket which another task owns.
//! - [`Meter`], [`Poller`]: the counters of all load flows at one instant, relative to the start of load.
//! - [`drain`], [`send`]: the two loops that move load.
//! - [`tls`]: rustls configurations of both ends, always with ring.
//!
//! Everything is counted at one layer: **TCP payload**, which is goodput as RFC 3148 has it and what a data plan is
//! charged for but for headers. TLS records (22 bytes in 16,406) are part of it, the kernel's counters and the program's
//! agree, and a budget in bytes means the same at both ends.
#![warn(missing_docs)]

mod budget;
mod meter;
mod payload;
mod probe;
mod receiver;
mod records;
mod sender;
mod socket;
mod stream;
pub mod sys;
pub mod tls;

pub use budget::Budget;
pub use meter::{Meter, POLL_PERIOD, Poller};
pub use payload::{PAYLOAD_BYTES, Payload, RECORD_BYTES};
pub use probe::Probe;
pub use receiver::{DrainEnd, drain, drain_load};
pub use records::Records;
pub use sender::{NOTSENT_LOWAT_BYTES, SendEnd, SendLimits, send};
pub use socket::LoadSocket;
pub use stream::LoadStream;
pub use sys::SocketCounters;
