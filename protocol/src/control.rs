//! The control channel of a run: JSON text messages on a WebSocket (`GET /v1/measure`, `Authorization: Bearer <token>`).
//!
//! The channel admits the run (it consumes the token), starts and stops directions, carries the server's counters
//! while it receives, and brings the signed evidence. Load runs on other connections, so that a full queue does not
//! delay these messages more than it must:
//!
//! 1. Client opens `GET /v1/measure` with the token; the server answers [`ServerMessage::Welcome`].
//! 2. Client opens load flows: `GET /v1/load/{down|up}/{flow}` with `Authorization: Bearer <session>`, `Connection:
//!    Upgrade`, `Upgrade: ispeed-load/1`; the server answers `101` and the connection is silent. From here on
//!    it carries raw payload, no framing.
//! 3. Download: client sends [`ClientMessage::Start`] with `direction: down`, then one byte `G` on each flow it wants
//!    filled (first flow at once, more as it grows), or `C` on one it wants filled by CUBIC; the server writes random
//!    payload on a flow as soon as it has read that byte. [`ClientMessage::SendByCubic`] puts CUBIC on those that are
//!    filled already. Upload: [`ClientMessage::Start`] with `up`, then the client
//!    writes payload; the server sends [`ServerMessage::Arrivals`] each 50 ms from the first byte on, on a slow link
//!    several together.
//! 4. Client decides, resets its load sockets (RST) and sends [`ClientMessage::Stop`]; the server answers
//!    [`ServerMessage::Stopped`] with what it sent or received, the tail included, and the signed evidence.
//! 5. [`ClientMessage::Finish`] ends the run; the server answers [`ServerMessage::Echoes`] and closes.

use serde::{Deserialize, Serialize};

use crate::direction::{Direction, Series};
use crate::evidence::Evidence;
use crate::time::UtcMicros;

/// `Upgrade` token of load flows.
pub const LOAD_UPGRADE: &str = "ispeed-load/1";
/// The byte a client writes on a download flow to have it filled.
pub const GO: u8 = b'G';
/// The same, and the sender shall use [`CUBIC`] on it, whatever its own is.
pub const GO_CUBIC: u8 = b'C';
/// The congestion control that may be asked for (RFC 9438): it keeps a queue filled, which a link that varies draws on.
pub const CUBIC: &str = "cubic";

/// From the client.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum ClientMessage {
    /// A direction begins.
    Start {
        /// Which.
        direction: Direction,
    },
    /// The download that runs shall be sent by [`CUBIC`] from here on, on the flows that are filled already too.
    SendByCubic,
    /// The client has decided and reset its load sockets of this direction.
    Stop {
        /// Which.
        direction: Direction,
        /// Why, as in the sample's `stop_reason`.
        reason: crate::direction::StopReason,
    },
    /// Nothing more will come.
    Finish,
}

/// From the server.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
#[allow(clippy::large_enum_variant, reason = "one message at a time is decoded and consumed; boxing buys nothing")]
pub enum ServerMessage {
    /// The run is admitted.
    Welcome {
        /// Secret of the run: bearer of its load flows.
        session: String,
        /// Public id of the run in echo packets.
        echo_id: u64,
        /// Key of the echo packets' MAC, base64url (32 bytes).
        echo_key: String,
        /// UDP port of the echo.
        udp_port: u16,
        /// Id of the measuring end.
        server_id: String,
        /// Its evidence key.
        evidence_key: String,
        /// Its clock.
        server_time: UtcMicros,
        /// Client's network as seen here, /24 or /48.
        network_prefix: String,
        /// Its autonomous system, if known here.
        asn: Option<u32>,
        /// Congestion control of the server's load sockets.
        congestion_control: Option<String>,
    },
    /// Counters of the receiver while it receives an upload, cumulative over all flows. One message closes one bin.
    Arrivals {
        /// Microseconds since the first payload byte's poll.
        t_us: u64,
        /// Data segments.
        segments: Option<u64>,
        /// In-order bytes.
        kernel_bytes: Option<u64>,
        /// Bytes read.
        app_bytes: u64,
        /// The server itself is the limit.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        server_limited: bool,
    },
    /// Counters of the sender while it sends a download, cumulative over all flows, each 100 ms.
    Sender {
        /// Microseconds since start.
        t_us: u64,
        /// Payload bytes handed to TCP.
        bytes_sent: u64,
        /// Retransmitted segments.
        retransmits: Option<u64>,
        /// Segments sent.
        segments_sent: Option<u64>,
        /// Smoothed RTT, mean over flows, microseconds.
        rtt_us: Option<u32>,
        /// Part of the time TCP was limited by the receiver's window.
        rwnd_limited: Option<f64>,
        /// The server itself was the limit (CPU or its egress ceiling).
        server_limited: bool,
    },
    /// A direction ended here.
    Stopped {
        /// Which.
        direction: Direction,
        /// Bytes sent or received, tail included.
        bytes: u64,
        /// What the server counted, one entry a 50 ms bin: the received (up) or acknowledged (down) bytes.
        series: Series,
        /// Signed.
        evidence: Evidence,
        /// Sender's summary, down only.
        sender: Option<SenderSummary>,
        /// Congestion control in use on the flows, as seen here.
        congestion_control: Option<String>,
        /// MSS of the flows.
        mss_bytes: Option<u32>,
    },
    /// What the echo saw.
    Echoes {
        /// One entry a train.
        trains: Vec<EchoTrain>,
    },
    /// The run ends with an error.
    Error {
        /// Stable kind: `token_used`, `budget`, `busy`, `protocol`, `shutdown`.
        kind: String,
        /// One sentence.
        detail: String,
    },
}

/// Totals of a sender.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SenderSummary {
    /// Retransmitted segments.
    pub retransmits: Option<u64>,
    /// Segments sent.
    pub segments_sent: Option<u64>,
    /// Smoothed RTT, microseconds.
    pub rtt_us: Option<u32>,
}

/// What arrived of one train of echo requests.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EchoTrain {
    /// Train number, chosen by the client (one a phase).
    pub train: u16,
    /// Requests that arrived: inclusive ranges of sequence numbers.
    pub received: Vec<[u32; 2]>,
}
