//! The core for Kotlin and Swift.
//!
//! A thin mirror: records and enums of its own with `From` either way, one object [`Ispeed`], one handle [`Run`], one error
//! [`IspeedError`] with stable kinds. No rule, no arithmetic of measuring and no text for people lives here; what is missing
//! belongs into `ispeed-core`.
//!
//! - Work runs on a runtime of this library; an exported `async fn` awaits one join of it, so that no shell polls a transfer.
//! - Methods that are not async touch one SQLite file and take milliseconds: shells call them off their main thread.
//! - A panic in here is caught by uniffi and arrives as its internal exception; the profile keeps `panic = "unwind"` for it.

uniffi::setup_scaffolding!();

#[cfg_attr(not(unix), path = "android_absent.rs")]
mod android;
mod consent;
mod detail;
mod error;
mod facts;
mod field;
mod history;
mod ispeed;
mod mirror;
mod observer;
mod pack;
mod place;
mod plan;
mod radio;
mod run;
mod run_plan;
mod runtime;
mod sample;
mod settings;
mod upload;

pub use android::can_bind_network;
pub use detail::explain_reason;
pub use error::{IspeedError, error_kind, error_text};
pub use ispeed::Ispeed;
pub use place::cell_outline;
pub use run::Run;

/// Version of the core, semantic.
#[uniffi::export]
pub fn core_version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}
