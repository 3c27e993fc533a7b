//! Other speed tests' clients, in the shape of their requests, over real loopback sockets with TLS.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "interop/client.rs"]
mod client;
#[path = "interop/cloudflare.rs"]
mod cloudflare;
#[path = "interop/edges.rs"]
mod edges;
#[path = "interop/librespeed.rs"]
mod librespeed;
#[path = "interop/ndt7.rs"]
mod ndt7;
#[path = "interop/nq.rs"]
mod nq;
