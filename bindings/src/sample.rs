//! A sample as screens show it. Everything that is in it is in its JSON, byte for byte as signed.

use ispeed_core::protocol::{direction, latency, sample as core, verdict};
use ispeed_core::verdict::operators::serving_operator;

use crate::facts::Surroundings;
use crate::mirror::mirror_enum;
use crate::place::Place;
use crate::radio::{RadioSpan, Transport};

mirror_enum! {
    /// How an attempt ended.
    Outcome = core::Outcome {
        /// Both directions were measured.
        Complete,
        /// One direction was.
        Partial,
        /// No route or no radio.
        NoService,
        /// There was a route and no answer, a refusal, or a run lost too early.
        ServerFailed,
        /// The person, a network change, a limit or the death of the process ended it.
        Aborted,
    }
}

mirror_enum! {
    /// Why the measurement of a direction ended.
    StopReason = direction::StopReason {
        /// The interval became narrow enough.
        Converged,
        /// The time cap came first.
        Time,
        /// The byte budget came first.
        Bytes,
        /// The person, a network change or the system ended it.
        Aborted,
        /// The server ended it.
        ServerEnded,
        /// Nothing arrived any more.
        Lost,
    }
}

mirror_enum! {
    /// What a reader must know about a figure before using it.
    Flag = direction::Flag {
        /// No evidence that the link was full.
        Unsaturated,
        /// The device's CPU was the bottleneck.
        CpuLimited,
        /// The rate fell after a burst; the figure is the part after it.
        Burst,
        /// A proxy sits in the path.
        Proxy,
        /// The server was the bottleneck.
        ServerLimited,
        /// Stopped by the byte budget before it converged.
        ByteCapped,
        /// A gap of at most 2 s without arrivals lies in the window.
        Outage,
        /// The link itself varied.
        Variable,
        /// The receive window was the bottleneck.
        RwndLimited,
    }
}

mirror_enum! {
    /// What counted the arrivals.
    CounterKind = direction::CounterKind {
        /// Segments, by the kernel.
        TcpInfoSegments,
        /// Payload bytes, by the kernel.
        TcpInfoBytes,
        /// Bytes the program read.
        AppBytes,
    }
}

mirror_enum! {
    /// How round trips were taken.
    EchoTransport = latency::EchoTransport {
        /// UDP echo.
        Udp,
        /// WebSocket echo, where UDP did not answer.
        Websocket,
    }
}

/// Whether a sample counts towards the 300, and if not why.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct Verdict {
    /// It counts.
    pub counts: bool,
    /// Reason codes, the most severe first; see [`crate::detail::explain_reason`].
    pub reasons: Vec<String>,
    /// Version of the rule set that judged.
    pub rules: u32,
}

impl From<verdict::Verdict> for Verdict {
    fn from(core: verdict::Verdict) -> Self {
        Self { counts: core.counts, reasons: core.reasons, rules: core.rules }
    }
}

/// The result of one direction, its series left out.
#[derive(Clone, PartialEq, Debug, uniffi::Record)]
pub struct DirectionResult {
    /// Goodput; absent when nothing could be estimated.
    pub goodput_bps: Option<f64>,
    /// Lower end of its 95 % interval.
    pub low_bps: Option<f64>,
    /// Upper end of its 95 % interval.
    pub high_bps: Option<f64>,
    /// IP-layer rate in the window (RFC 9097).
    pub ip_rate_bps: Option<f64>,
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
    /// Payload bytes that arrived until the stop.
    pub bytes: u64,
    /// Retransmitted segments as the sender counted them.
    pub retransmits: Option<u64>,
    /// Segments as the sender counted them.
    pub segments_sent: Option<u64>,
    /// Congestion control of the sender.
    pub congestion_control: Option<String>,
    /// Smoothed round trip of the load flows at the end.
    pub tcp_rtt_ms: Option<f64>,
}

impl From<direction::DirectionResult> for DirectionResult {
    fn from(core: direction::DirectionResult) -> Self {
        Self {
            goodput_bps: core.goodput_bps,
            low_bps: core.interval_bps.map(|[low, _]| low),
            high_bps: core.interval_bps.map(|[_, high]| high),
            ip_rate_bps: core.ip_rate_bps,
            window_ms: core.window_ms,
            duration_ms: core.duration_ms,
            stop_reason: core.stop_reason.into(),
            flags: core.flags.into_iter().map(Into::into).collect(),
            flows: core.flows,
            counter: core.counter.into(),
            bytes: core.bytes,
            retransmits: core.retransmits,
            segments_sent: core.segments_sent,
            congestion_control: core.congestion_control,
            tcp_rtt_ms: core.tcp_rtt_ms,
        }
    }
}

/// Packets one way.
#[derive(Clone, PartialEq, Debug, uniffi::Record)]
pub struct Loss {
    /// Sent.
    pub sent: u32,
    /// Not arrived within 1 s.
    pub lost: u32,
    /// Lower end of the 95 % interval of lost / sent.
    pub low: f64,
    /// Upper end of it.
    pub high: f64,
}

impl From<latency::Loss> for Loss {
    fn from(core: latency::Loss) -> Self {
        let [low, high] = core.interval;
        Self { sent: core.sent, lost: core.lost, low, high }
    }
}

/// Latency figures of a sample. What was not measured is absent, never 0.
#[derive(Clone, PartialEq, Debug, uniffi::Record)]
pub struct Latency {
    /// How round trips were taken.
    pub transport: Option<EchoTransport>,
    /// Median round trip without load.
    pub idle_ms: Option<f64>,
    /// Median round trip while downloading.
    pub loaded_down_ms: Option<f64>,
    /// Median round trip while uploading.
    pub loaded_up_ms: Option<f64>,
    /// First round trip of a sleeping radio.
    pub radio_wake_ms: Option<f64>,
    /// PDV (RFC 5481) without load, server to client.
    pub pdv95_down_ms: Option<f64>,
    /// PDV without load, client to server.
    pub pdv95_up_ms: Option<f64>,
    /// Loss without load, server to client.
    pub loss_down: Option<Loss>,
    /// Loss without load, client to server.
    pub loss_up: Option<Loss>,
    /// Round trips a minute under load, short form.
    pub rpm_short: Option<f64>,
}

impl From<latency::Latency> for Latency {
    fn from(core: latency::Latency) -> Self {
        let idle = core.idle_path.unwrap_or_default();
        Self {
            transport: core.transport.map(Into::into),
            idle_ms: core.idle_ms,
            loaded_down_ms: core.loaded_down_ms,
            loaded_up_ms: core.loaded_up_ms,
            radio_wake_ms: core.radio_wake_ms,
            pdv95_down_ms: idle.pdv95_down_ms,
            pdv95_up_ms: idle.pdv95_up_ms,
            loss_down: idle.loss_down.map(Into::into),
            loss_up: idle.loss_up.map(Into::into),
            rpm_short: core.rpm_short,
        }
    }
}

/// A sample.
#[derive(Clone, PartialEq, Debug, uniffi::Record)]
pub struct SampleView {
    /// Id.
    pub id: String,
    /// How the attempt ended.
    pub outcome: Outcome,
    /// Stable kind of what went wrong.
    pub outcome_reason: Option<String>,
    /// Start.
    pub started_at_micros: i64,
    /// End.
    pub ended_at_micros: i64,
    /// Commune and its doubt, as the device resolved it and may share it.
    pub place: Place,
    /// 200 m cell.
    pub cell: Option<String>,
    /// Network.
    pub transport: Transport,
    /// Radio.
    pub radio: RadioSpan,
    /// Operator it is reported under: `viettel`, `vinaphone`, `mobifone`, `vietnamobile`, `gmobile`, `other`, `unknown`.
    pub operator: String,
    /// Indoor, outdoor or moving.
    pub surroundings: Option<Surroundings>,
    /// Campaign.
    pub campaign: Option<String>,
    /// Pair.
    pub pair_id: Option<String>,
    /// Id of the server.
    pub server: Option<String>,
    /// Latency, PDV, loss.
    pub latency: Latency,
    /// Download.
    pub down: Option<DirectionResult>,
    /// Upload.
    pub up: Option<DirectionResult>,
    /// All bytes received.
    pub bytes_down: u64,
    /// All bytes sent.
    pub bytes_up: u64,
    /// The device's own verdict.
    pub verdict: Verdict,
    /// Position, radio or operator were made up.
    pub simulated: bool,
    /// Version of the method.
    pub method: u32,
}

impl From<core::Sample> for SampleView {
    fn from(core: core::Sample) -> Self {
        Self {
            operator: serving_operator(&core).code().to_owned(),
            id: core.id.to_string(),
            outcome: core.outcome.into(),
            outcome_reason: core.outcome_reason,
            started_at_micros: core.started_at.as_micros(),
            ended_at_micros: core.ended_at.as_micros(),
            place: core.place.into(),
            cell: core.cell.map(|cell| cell.to_string()),
            transport: core.transport.into(),
            radio: core.radio.into(),
            surroundings: core.surroundings.map(Into::into),
            campaign: core.campaign,
            pair_id: core.pair_id,
            server: core.server.map(|server| server.id),
            latency: core.latency.into(),
            down: core.down.map(Into::into),
            up: core.up.map(Into::into),
            bytes_down: core.bytes_down,
            bytes_up: core.bytes_up,
            verdict: core.verdict.into(),
            simulated: core.simulated,
            method: core.method,
        }
    }
}
