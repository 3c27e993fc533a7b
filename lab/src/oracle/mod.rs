//! What the per-packet log says of figures other than rates: the truth beside a sample's latency and loss.

mod echoes;
mod latency;

pub use latency::latency;
