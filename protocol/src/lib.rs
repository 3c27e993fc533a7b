//! Every type that is sent or stored: sample, place, radio, token, receipt, plan; their versions and JSON Schema.
//!
//! Pure: no clock, no socket, no file. What crosses the network or lands on a disk has exactly one definition, and it
//! is here. JSON member names are the Rust names in `snake_case`; units are part of names; an absent measurement is
//! `null`, never 0. Unknown members are ignored when reading, and kept because bodies are stored as received.
#![warn(missing_docs)]

pub mod campaign;
pub mod cell;
pub mod consent;
pub mod control;
pub mod day;
pub mod device;
pub mod direction;
pub mod duty;
pub mod echo;
pub mod evidence;
pub mod facts;
pub mod identity;
pub mod latency;
pub mod mine;
pub mod place;
pub mod plan;
pub mod problem;
pub mod receipt;
pub mod sample;
pub mod schema;
pub mod servers;
pub mod signing;
pub mod time;
pub mod token;
pub mod validate;
pub mod verdict;

pub use cell::Cell;
pub use day::Day;
pub use sample::Sample;
pub use time::{Month, UtcMicros};

/// Version of everything in this crate. A reader refuses a higher one and says so.
pub const PROTOCOL_VERSION: u32 = 1;
