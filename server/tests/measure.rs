//! The measuring end over real loopback sockets with TLS, from a small hand-written client.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "measure/admission.rs"]
mod admission;
#[path = "measure/client.rs"]
mod client;
#[path = "measure/echo.rs"]
mod echo;
#[path = "measure/edges.rs"]
mod edges;
#[path = "measure/flows.rs"]
mod flows;
#[path = "measure/load.rs"]
mod load;
