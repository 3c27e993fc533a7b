//! RMBT over real loopback sockets, from a small hand-written client; the real one is in `tests/interop_clients.rs`.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "interop_rmbt/client.rs"]
mod client;
#[path = "interop_rmbt/commands.rs"]
mod commands;
#[path = "interop_rmbt/control.rs"]
mod control;
#[path = "interop_rmbt/refusals.rs"]
mod refusals;
