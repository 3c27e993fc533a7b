//! Measurement messages, as the specification names their members, and the times at which they are due.

use std::net::SocketAddr;
use std::time::Duration;

use ispeed_protocol::time::UtcMicros;
use ispeed_wire::{Probe, SocketCounters};
use serde::Serialize;
use tokio::time::Instant;
use uuid::Uuid;

/// Gaps between messages are exponential, so that no periodic event of the network is met again and again ...
const GAP_MEAN_S: f64 = 0.250;
/// ... within these bounds, which the specification's reference has as well.
const GAP_BOUNDS_S: (f64, f64) = (0.025, 0.625);

/// Which of the two tests.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Test {
    Download,
    Upload,
}

/// Makes the messages of one test.
#[derive(Debug)]
pub(super) struct Measurer {
    test: Test,
    probe: Probe,
    pub(super) started: Instant,
    /// Told in the first message only.
    connection: Option<ConnectionInfo>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Measurement {
    app_info: AppInfo,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection_info: Option<ConnectionInfo>,
    origin: &'static str,
    test: Test,
    #[serde(rename = "TCPInfo")]
    tcp_info: TcpInfo,
}

/// Bytes of messages, and microseconds of the test.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct AppInfo {
    elapsed_time: u64,
    num_bytes: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ConnectionInfo {
    client: String,
    server: String,
    #[serde(rename = "UUID")]
    uuid: String,
    start_time: String,
}

/// Counters of the kernel since the connection opened; times in microseconds. What a system does not count is left out.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct TcpInfo {
    elapsed_time: u64,
    #[serde(flatten)]
    counted: Counted,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Counted {
    #[serde(skip_serializing_if = "Option::is_none")]
    busy_time: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_acked: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_received: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_sent: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_retrans: Option<u64>,
    #[serde(rename = "MinRTT", skip_serializing_if = "Option::is_none")]
    min_rtt: Option<u32>,
    #[serde(rename = "RTT", skip_serializing_if = "Option::is_none")]
    rtt: Option<u32>,
    #[serde(rename = "RTTVar", skip_serializing_if = "Option::is_none")]
    rtt_var: Option<u32>,
    #[serde(rename = "RWndLimited", skip_serializing_if = "Option::is_none")]
    rwnd_limited: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    snd_buf_limited: Option<u64>,
}

impl Measurer {
    /// Begins now. `ends` are the client's and the server's address.
    pub(super) fn new(test: Test, probe: Probe, ends: (SocketAddr, SocketAddr), now: UtcMicros) -> Self {
        let connection = ConnectionInfo {
            client: ends.0.to_string(),
            server: ends.1.to_string(),
            uuid: Uuid::now_v7().to_string(),
            start_time: now.to_string(),
        };
        Self { test, probe, started: Instant::now(), connection: Some(connection) }
    }

    /// The next message.
    pub(super) fn take(&mut self, num_bytes: u64) -> Vec<u8> {
        let elapsed_time = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        let measurement = Measurement {
            app_info: AppInfo { elapsed_time, num_bytes },
            connection_info: self.connection.take(),
            origin: "server",
            test: self.test,
            tcp_info: TcpInfo { elapsed_time, counted: self.probe.counters().into() },
        };
        // Strings and numbers always become JSON.
        serde_json::to_vec(&measurement).unwrap_or_default()
    }

    /// Bytes the client acknowledged, where the system counts them.
    pub(super) fn acknowledged_bytes(&self) -> Option<u64> {
        self.probe.counters().bytes_acked
    }
}

impl From<SocketCounters> for Counted {
    fn from(counters: SocketCounters) -> Self {
        Self {
            busy_time: counters.busy_us,
            bytes_acked: counters.bytes_acked,
            bytes_received: counters.bytes_received,
            bytes_sent: counters.bytes_sent,
            bytes_retrans: counters.bytes_retransmitted,
            min_rtt: counters.min_rtt_us,
            rtt: counters.rtt_us,
            rtt_var: counters.rtt_var_us,
            rwnd_limited: counters.rwnd_limited_us,
            snd_buf_limited: counters.sndbuf_limited_us,
        }
    }
}

/// Time until the next message.
pub(super) fn gap() -> Duration {
    // Without random numbers the gaps are even, which measures as well on nearly every network.
    let uniform = getrandom::u64().map_or(0.5, |bits| (bits >> 11) as f64 / (1u64 << 53) as f64);
    gap_of(uniform)
}

/// `uniform` is in [0, 1).
fn gap_of(uniform: f64) -> Duration {
    let (least, most) = GAP_BOUNDS_S;
    Duration::from_secs_f64((-(1.0 - uniform).ln() * GAP_MEAN_S).clamp(least, most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_memoryless_within_their_bounds() {
        assert_eq!(gap_of(0.0), Duration::from_millis(25));
        assert_eq!(gap_of(0.999_999), Duration::from_millis(625));
        // The median of an exponential distribution is its mean times ln 2.
        assert!((gap_of(0.5).as_secs_f64() - 0.250 * std::f64::consts::LN_2).abs() < 1e-9);
        let mean = (0..2_000).map(|_| gap().as_secs_f64()).sum::<f64>() / 2_000.0;
        // Clamped: 0.025·P(below) + … = 0.228 s; standard deviation of the mean 0.0043.
        assert!((0.20..0.26).contains(&mean), "{mean}");
    }

    #[test]
    fn members_have_the_names_of_the_specification() {
        let counters = SocketCounters {
            busy_us: Some(1),
            bytes_acked: Some(2),
            bytes_received: Some(3),
            bytes_sent: Some(4),
            bytes_retransmitted: Some(5),
            min_rtt_us: Some(6),
            rtt_us: Some(7),
            rtt_var_us: Some(8),
            rwnd_limited_us: Some(9),
            sndbuf_limited_us: None,
            ..SocketCounters::default()
        };
        let info = TcpInfo { elapsed_time: 10, counted: counters.into() };
        let expected = serde_json::json!({
            "ElapsedTime": 10, "BusyTime": 1, "BytesAcked": 2, "BytesReceived": 3, "BytesSent": 4, "BytesRetrans": 5,
            "MinRTT": 6, "RTT": 7, "RTTVar": 8, "RWndLimited": 9,
        });
        assert_eq!(serde_json::to_value(info).unwrap(), expected);
    }
}
