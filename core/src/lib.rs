//! The engine on a phone: plan, run, sockets, outbox, planner.
//!
//! A shell (command line, Android, iOS) calls [`Ispeed`]: records in, records out, one [`Error`] with stable kinds. Below it
//! each part stands alone:
//!
//! - [`engine`] measures: a plan in, what was measured out, whatever happened.
//! - [`consent`], [`facts`], [`place`], [`assemble`]: from what was measured to a signed sample that holds no more than the
//!   person agreed to share.
//! - [`outbox`]: every attempt until a collector's receipt, in one SQLite file; decides what is sent and when.
//! - [`plan`], [`bundle`]: what the collector says of where to measure, and the borders it resolves with.
//! - [`upload`]: the reqwest driver of that decision. [`history`], [`me`], [`budget`]: what the device's owner may ask.
#![warn(missing_docs)]

pub mod assemble;
pub mod budget;
pub mod bundle;
pub mod clock;
pub mod consent;
pub mod desk;
pub mod engine;
pub mod error;
pub mod facts;
mod files;
pub mod history;
pub mod http;
pub mod identity;
mod ispeed;
pub mod me;
pub mod outbox;
pub mod place;
pub mod plan;
mod run;
mod settings;
pub mod share_text;
pub mod upload;

// What the records of this crate are made of, for those who may depend on nothing else (bindings).
pub use ispeed_commune as commune;
pub use ispeed_protocol as protocol;
pub use ispeed_verdict as verdict;

pub use error::{Error, Result};
pub use ispeed::Ispeed;
pub use run::{Engine, Measure, Run, RunPlan, RunResult};
pub use settings::Settings;
