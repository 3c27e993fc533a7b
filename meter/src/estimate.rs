//! What comes out: the picture of a running measurement and its final result.

use ispeed_protocol::direction::{Burst, CounterKind, Series, StopReason};

use crate::{ChangePoint, Flags, Reading};

/// How far a run is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Nothing has arrived yet.
    Waiting,
    /// The rate still climbs.
    Ramp,
    /// The rate is being averaged.
    Window,
}

/// The running measurement, for display and for the counters that an upload's server pushes.
#[derive(Clone, PartialEq, Debug)]
pub struct Snapshot {
    /// Time of the last reading, microseconds after the start of load.
    pub t_us: u64,
    /// How far the run is.
    pub phase: Phase,
    /// Mean of the window once there is one, else the trailing rate of the ramp.
    pub rate_bps: Option<f64>,
    /// 95 % interval of the mean.
    pub interval_bps: Option<[f64; 2]>,
    /// Payload bytes so far.
    pub bytes: u64,
    /// Load flows that carry load.
    pub flows: u8,
    /// Whether the rate varies as a radio's does.
    pub varies: bool,
    /// Closed bins; when it grows, `last_edge` is new. Feeding another estimator exactly these readings (and the same
    /// first one) gives it the same series.
    pub edges: usize,
    /// The reading at which the last bin closed.
    pub last_edge: Option<Reading>,
}

/// The result of one direction. Everything but `stop_reason`, `bytes`, `flows`, `duration_us` and those flags that come
/// from hints is a function of `series` and the [`RecomputeContext`](crate::RecomputeContext).
#[derive(Clone, PartialEq, Debug)]
pub struct Estimate {
    /// Goodput in the window: TCP payload bits a second (RFC 3148); `None` when no window opened.
    pub goodput_bps: Option<f64>,
    /// 95 % interval of the goodput; `None` when the window holds fewer than two bins.
    pub interval_bps: Option<[f64; 2]>,
    /// The same window with IP and TCP headers (RFC 9097); `None` without a segment counter.
    pub ip_rate_bps: Option<f64>,
    /// Start of the window, microseconds after the start of load.
    pub window_start_us: Option<u64>,
    /// Length of the window.
    pub window_us: Option<u64>,
    /// Time of the last reading.
    pub duration_us: u64,
    /// Why it ended.
    pub stop_reason: StopReason,
    /// What a reader must know.
    pub flags: Flags,
    /// Load flows at the end.
    pub flows: u8,
    /// What counted.
    pub counter: CounterKind,
    /// Payload bytes per data segment; `None` when another counter counted.
    pub alpha: Option<f64>,
    /// Payload bytes that arrived until the last reading.
    pub bytes: u64,
    /// The readings everything is computed from.
    pub series: Series,
    /// The burst before the window.
    pub burst: Option<Burst>,
    /// Every change-point found, the first first.
    pub changepoints: Vec<ChangePoint>,
}
