//! The emulator is judged before it judges. Needs root and /dev/net/tun: `cargo xtask netns`.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a failed unwrap is a failed test; figures are printed")]

mod packets;
mod rates;
mod transfers;

mod traffic;
