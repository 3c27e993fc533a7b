//! The result of one direction: throughput with window, interval, stop reason, flags and the series it comes from.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Download or upload, as the person sees it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Server to client.
    Down,
    /// Client to server.
    Up,
}

/// What counted the arrivals at the receiver.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CounterKind {
    /// `tcpi_data_segs_in` × bytes per segment: arrivals, out-of-order ones included (Linux ≥ 4.6).
    TcpInfoSegments,
    /// `tcpi_bytes_received`: payload delivered in order by the kernel (Linux ≥ 4.1).
    TcpInfoBytes,
    /// Bytes the program read: portable, later than arrival by up to a read.
    AppBytes,
}

/// Why the measurement of a direction ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// The interval became narrow enough.
    Converged,
    /// The time cap came first; the interval says how far it got.
    Time,
    /// The byte budget came first.
    Bytes,
    /// The person, a network change or the system ended it.
    Aborted,
    /// The server ended it (its budget or shutdown).
    ServerEnded,
    /// Nothing arrived any more.
    Lost,
}

/// What a reader must know about a figure before using it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// No evidence that the link was full; the link may be faster.
    Unsaturated,
    /// The device's CPU was the bottleneck.
    CpuLimited,
    /// The rate fell after a burst (token bucket); the figure is the part after it.
    Burst,
    /// A performance-enhancing proxy sits in the path (SYN RTT much below UDP RTT).
    Proxy,
    /// The server was the bottleneck.
    ServerLimited,
    /// Stopped by the byte budget before it converged.
    ByteCapped,
    /// A gap of at most 2 s without arrivals lies in the window.
    Outage,
    /// The link itself varied: the interval is wider than the goal at the time cap.
    Variable,
    /// The receive window was the bottleneck.
    RwndLimited,
}

/// A burst before the window (RFC 9097 would call it a type C step; PowerBoost and token buckets do this).
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Burst {
    /// Goodput before the change.
    pub rate_bps: f64,
    /// Bytes before the change.
    pub bytes: u64,
    /// Goodput after it.
    pub sustained_bps: f64,
}

/// Load flows joined: from this edge of a bin on, this many load the link.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct FlowStep {
    /// The edge of a bin, microseconds since the start of load.
    pub t_us: u32,
    /// Load flows from here on.
    pub flows: u8,
}

/// Counter readings at the receiver, one entry a bin; bins are about 50 ms and carry their real end.
///
/// Integers only, so that its canonical JSON (RFC 8785) can be hashed into the evidence.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Series {
    /// End of each bin, microseconds since the start of load. The first bin starts at 0.
    pub t_us: Vec<u32>,
    /// Data segments that arrived in each bin, all flows; `null` where the kernel does not tell.
    pub segments: Option<Vec<u32>>,
    /// In-order payload bytes in each bin as the kernel counted them; `null` where it does not tell.
    pub kernel_bytes: Option<Vec<u64>>,
    /// Bytes the program read in each bin.
    pub app_bytes: Vec<u64>,
    /// When load flows joined; the window never straddles a step that raised the rate.
    #[serde(default)]
    pub flow_steps: Vec<FlowStep>,
}

/// The result of one direction.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub struct DirectionResult {
    /// Goodput in the window: TCP payload bits a second (RFC 3148); `null` when nothing could be estimated.
    pub goodput_bps: Option<f64>,
    /// 95 % interval of `goodput_bps`.
    pub interval_bps: Option<[f64; 2]>,
    /// IP-layer rate in the window (RFC 9097), derived from arrivals.
    #[serde(default)]
    pub ip_rate_bps: Option<f64>,
    /// When load started in this direction, microseconds after `started_at` of the sample.
    pub load_start_us: u64,
    /// Start of the averaged window, milliseconds after `started_at` of the sample.
    pub window_start_ms: Option<f64>,
    /// Length of the averaged window.
    pub window_ms: Option<f64>,
    /// How long load ran.
    pub duration_ms: f64,
    /// Why it ended.
    pub stop_reason: StopReason,
    /// What a reader must know.
    pub flags: Vec<Flag>,
    /// Load flows at the end.
    pub flows: u8,
    /// What counted.
    pub counter: CounterKind,
    /// Payload bytes per data segment (calibration of the segment counter).
    #[serde(default)]
    pub bytes_per_segment: Option<f64>,
    /// Payload bytes that arrived until the stop.
    pub bytes: u64,
    /// A burst before the window.
    #[serde(default)]
    pub burst: Option<Burst>,
    /// Congestion control of the sender: `bbr`, `cubic`.
    #[serde(default)]
    pub congestion_control: Option<String>,
    /// Maximum segment size, bytes.
    #[serde(default)]
    pub mss_bytes: Option<u32>,
    /// Retransmitted segments as the sender counted them.
    #[serde(default)]
    pub retransmits: Option<u64>,
    /// Segments sent as the sender counted them.
    #[serde(default)]
    pub segments_sent: Option<u64>,
    /// Smoothed RTT of the load flows at the end, sender's view.
    #[serde(default)]
    pub tcp_rtt_ms: Option<f64>,
    /// The part of one CPU the client used while loading (1.0 = one core), and whether it was the limit is a flag.
    #[serde(default)]
    pub client_cpu_share: Option<f64>,
    /// The readings everything above is computed from.
    pub series: Series,
}
