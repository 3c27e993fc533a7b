//! Measuring end, collector, store and public pages: everything `ispeed serve` runs.
//!
//! - [`accept`]: the accept loop, TLS, connection limits, graceful shutdown; composes the two halves below.
//! - [`measure`]: the measuring end: control channel, load flows, UDP echo, budgets, evidence. Knows no database.
//! - [`collect`]: the collector: tokens, samples, receipts, months, my data; an axum router over a [`store::Store`].
//! - [`facts`]: what the month needs of a sample: the narrow row. Pure.
//! - [`interop`]: the other side of other speed tests, off unless asked for.
//! - [`archive`]: a whole store as one file.
//! - [`pages`]: what a person sees at `/`.
//! - [`synth`]: months of made-up samples, for load tests and rehearsals.
//! - [`raw`]: the rows of a month as Parquet in a folder or an S3-compatible store.
//! - [`server`]: all of it together, from a folder and a few addresses.
#![warn(missing_docs)]

pub mod accept;
pub mod archive;
pub mod collect;
pub mod facts;
pub mod interop;
pub mod limits;
pub mod measure;
pub mod pages;
pub mod raw;
pub mod server;
pub mod store;
pub mod synth;

/// The peer of a connection; in the extensions of every request.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// Address and port, as accepted.
    pub addr: std::net::SocketAddr,
}
