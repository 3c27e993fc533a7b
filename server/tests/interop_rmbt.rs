//! RMBT over real loopback sockets: a small hand-written client, and the real one where it is installed.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

#[path = "interop_rmbt/client.rs"]
mod client;
#[path = "interop_rmbt/commands.rs"]
mod commands;
#[path = "interop_rmbt/control.rs"]
mod control;
#[path = "interop_rmbt/real.rs"]
mod real;
#[path = "interop_rmbt/refusals.rs"]
mod refusals;
