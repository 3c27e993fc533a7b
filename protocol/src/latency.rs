//! Latency, delay variation and loss. A figure that was not measured is `null`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How round trips were taken; the two are never mixed in one statistic.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EchoTransport {
    /// Authenticated UDP echo.
    Udp,
    /// WebSocket echo on its own TLS connection, where UDP did not answer.
    Websocket,
}

/// Packets one way: `lost` of `sent`, with Wilson's 95 % interval of the loss ratio.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Loss {
    /// Packets sent that way.
    pub sent: u32,
    /// Packets that did not arrive within 1 s; reordered ones are not lost.
    pub lost: u32,
    /// Wilson 95 % interval of lost / sent.
    pub interval: [f64; 2],
}

/// Loss and delay variation of one phase, both ways apart.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct PathQuality {
    /// Loss from server to client.
    #[serde(default)]
    pub loss_down: Option<Loss>,
    /// Loss from client to server.
    #[serde(default)]
    pub loss_up: Option<Loss>,
    /// PDV (RFC 5481): p95 minus minimum of the one-way delay from server to client, ms.
    #[serde(default)]
    pub pdv95_down_ms: Option<f64>,
    /// PDV (RFC 5481): p95 minus minimum of the one-way delay from client to server, ms.
    #[serde(default)]
    pub pdv95_up_ms: Option<f64>,
    /// Final value of the interarrival jitter of RFC 3550 section 6.4.1 (server to client), ms.
    #[serde(default)]
    pub jitter_rfc3550_ms: Option<f64>,
    /// Mean absolute difference of successive round trips, ms.
    #[serde(default)]
    pub mean_abs_difference_ms: Option<f64>,
}

/// Round trips of one phase.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub struct RoundTrips {
    /// Answers in time.
    pub n: u32,
    /// Least, ms.
    pub min_ms: f64,
    /// Median, ms.
    pub median_ms: f64,
    /// 95th percentile, ms.
    pub p95_ms: f64,
    /// 95 % interval of the median by order statistics, ms.
    #[serde(default)]
    pub median_interval_ms: Option<[f64; 2]>,
}

/// All latency figures of a sample.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Latency {
    /// How round trips were taken.
    #[serde(default)]
    pub transport: Option<EchoTransport>,
    /// Median round trip without load, ms.
    pub idle_ms: Option<f64>,
    /// Median round trip while downloading, ms.
    pub loaded_down_ms: Option<f64>,
    /// Median round trip while uploading, ms.
    pub loaded_up_ms: Option<f64>,
    /// First round trip of a sleeping radio, ms; apart from all statistics.
    #[serde(default)]
    pub radio_wake_ms: Option<f64>,
    /// Round trips without load.
    #[serde(default)]
    pub idle: Option<RoundTrips>,
    /// Round trips while downloading.
    #[serde(default)]
    pub loaded_down: Option<RoundTrips>,
    /// Round trips while uploading.
    #[serde(default)]
    pub loaded_up: Option<RoundTrips>,
    /// `60000 / mean of the best 95 % of loaded round trips`; a short form, not draft-ietf-ippm-responsiveness.
    #[serde(default)]
    pub rpm_short: Option<f64>,
    /// Loss and PDV without load.
    #[serde(default)]
    pub idle_path: Option<PathQuality>,
    /// Loss and PDV while downloading.
    #[serde(default)]
    pub loaded_down_path: Option<PathQuality>,
    /// Loss and PDV while uploading.
    #[serde(default)]
    pub loaded_up_path: Option<PathQuality>,
    /// TCP connect (SYN) round trip of the load flows, ms: much below the UDP one means a proxy.
    #[serde(default)]
    pub tcp_connect_ms: Option<f64>,
}
