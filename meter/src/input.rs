//! What the estimator is told: counter readings, side observations, and the conditions of the run.

use ispeed_protocol::direction::{CounterKind, Direction};

use crate::params;

/// One poll of the receiver: totals since connect, summed over **all** load flows, also those opened but not yet
/// started and those already closed, so that no total ever jumps when a flow joins or leaves.
///
/// The first reading is the zero line; take it at the start of load. Then about every 10 ms.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reading {
    /// When the counters were read: microseconds after the start of load, receiver's monotonic clock.
    pub t_us: u64,
    /// `tcpi_data_segs_in`: data segments that arrived, out-of-order ones included; `None` where the kernel is silent.
    pub segments: Option<u64>,
    /// `tcpi_bytes_received`: payload delivered in order; `None` where the kernel is silent.
    pub kernel_bytes: Option<u64>,
    /// Bytes the program took from the socket, TLS records included.
    pub app_bytes: u64,
}

/// A side observation; each kind arrives at its own pace, times are those of [`Reading::t_us`].
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Hint {
    /// A round trip under load (UDP echo; or the load flows' own where UDP is blocked and the idle one is TCP's too).
    LoadedRttUs {
        /// When the answer came.
        t_us: u64,
        /// The round trip.
        rtt_us: u64,
    },
    /// The sender's totals over all load flows.
    Retransmits {
        /// When they were read.
        t_us: u64,
        /// `tcpi_total_retrans`.
        retransmitted_segments_total: u64,
        /// `tcpi_data_segs_out`.
        sent_segments_total: u64,
    },
    /// CPU seconds per second of the receiving thread since the last such hint.
    CpuShare {
        /// End of the stretch.
        t_us: u64,
        /// 1.0 is one core.
        share: f64,
    },
    /// Load flows that carry load from now on; answers [`Decision::Flows`](crate::Decision::Flows).
    FlowsActive {
        /// When the last of them started.
        t_us: u64,
        /// How many.
        flows: u8,
    },
    /// How the sender was held back since the last such hint, as parts of its busy time.
    SendLimited {
        /// End of the stretch.
        t_us: u64,
        /// By the receive window (`tcpi_rwnd_limited` over `tcpi_busy_time`).
        rwnd_share: f64,
        /// By its own send buffer (`tcpi_sndbuf_limited` over `tcpi_busy_time`).
        sndbuf_share: f64,
    },
    /// The sender's program had nothing to send (`tcpi_delivery_rate_app_limited`).
    AppLimited {
        /// When it was seen.
        t_us: u64,
    },
    /// The sender says that it is the limit: its own CPU, its own cap.
    ServerLimited,
    /// TCP connect time of a load flow; compared with the idle UDP RTT it betrays a proxy.
    ConnectRttUs {
        /// The SYN round trip.
        rtt_us: u64,
    },
}

/// The conditions of one direction's run.
#[derive(Clone, PartialEq, Debug)]
pub struct Config {
    /// Which way the load goes.
    pub direction: Direction,
    /// Median idle RTT; `None` where neither UDP nor the fallback answered.
    pub idle_rtt_us: Option<u64>,
    /// Count with this counter (or the next one there is), whatever the readings offer.
    pub forced_counter: Option<CounterKind>,
    /// The person's budget for this direction, tail included: hard.
    pub max_bytes: Option<u64>,
    /// The person's time for this direction: hard.
    pub max_seconds: Option<f64>,
    /// Long mode: runs to [`params::TIME_CAP_LONG_US`], convergence does not end it.
    pub long: bool,
    /// Load flows at the start.
    pub flows_start: u8,
    /// Most load flows.
    pub flows_max: u8,
    /// IP and TCP header bytes of a data segment: [`params::HEADER_BYTES_IPV4`] or [`params::HEADER_BYTES_IPV6`].
    pub header_bytes: u16,
    /// The sender does not yield to loss (BBR), so loss with a flat rate means a full link.
    pub sender_bbr: bool,
    /// An upload that is sent by Reno because of [`crate::upload_needs_reno`]: no delay ends its slow start.
    pub sender_reno: bool,
}

impl Config {
    /// The method's defaults for a direction: one flow growing to sixteen, IPv4, nothing known of path or sender.
    pub fn new(direction: Direction) -> Self {
        Self {
            direction,
            idle_rtt_us: None,
            forced_counter: None,
            max_bytes: None,
            max_seconds: None,
            long: false,
            flows_start: params::FLOW_STEPS[0],
            flows_max: params::FLOW_STEPS[params::FLOW_STEPS.len() - 1],
            header_bytes: params::HEADER_BYTES_IPV4,
            sender_bbr: false,
            sender_reno: false,
        }
    }
}
