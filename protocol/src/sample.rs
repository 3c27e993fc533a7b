//! The sample (mẫu đo): one attempt to measure, whatever came of it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::cell::Cell;
use crate::consent::Consent;
use crate::device::{Device, Measurer, Program, RadioSpan, Surroundings, Transport};
use crate::direction::{DirectionResult, Series};
use crate::evidence::Evidence;
use crate::latency::Latency;
use crate::place::{Fixes, Place};
use crate::servers::UsedServer;
use crate::time::UtcMicros;
use crate::verdict::Verdict;

/// How an attempt ended. Every attempt is a sample.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Both directions were measured.
    Complete,
    /// One direction was measured; the other was lost, or a limit left nothing to estimate it from.
    Partial,
    /// No route or no radio: evidence of a coverage hole. Has no evidence of a measuring end: `unattested`.
    NoService,
    /// There was a route, but no answer, a refusal, or the run was lost before a direction was valid.
    ServerFailed,
    /// The person, a network change or the death of the process ended it; or a limit did, the person's or the method's,
    /// before anything could be estimated.
    Aborted,
}

/// The client's clock against the server's.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Clock {
    /// Server minus client, ms; already applied to `started_at` is `false` unless `corrected`.
    pub offset_ms: f64,
    /// Round trip of the exchange it was taken from: the error is at most half of it, ms.
    pub round_trip_ms: f64,
    /// The client's monotonic elapsed time rests on a wall clock that was corrected by `offset_ms`.
    pub corrected: bool,
}

/// What else the machine did.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct MachineContext {
    /// Part of all cores busy just before the run, all programs.
    #[serde(default)]
    pub cpu_share_before: Option<f64>,
    /// Interface the load ran over.
    #[serde(default)]
    pub interface: Option<String>,
    /// Bytes per second the interface received in the second before the run: cross-traffic.
    #[serde(default)]
    pub cross_down_bps_before: Option<f64>,
    /// Bits per second the interface sent just before the run.
    #[serde(default)]
    pub cross_up_bps_before: Option<f64>,
    /// Bits per second the interface received just after the run.
    #[serde(default)]
    pub cross_down_bps_after: Option<f64>,
    /// Bits per second the interface sent just after the run.
    #[serde(default)]
    pub cross_up_bps_after: Option<f64>,
    /// Bytes the interface received during the run, headers and other programs included.
    #[serde(default)]
    pub interface_bytes_down: Option<u64>,
    /// Bytes the interface sent during the run, headers and other programs included.
    #[serde(default)]
    pub interface_bytes_up: Option<u64>,
}

/// One sample, as it is stored on the device, sent, signed, received and kept.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Sample {
    /// Version of this record ([`crate::PROTOCOL_VERSION`]).
    pub protocol: u32,
    /// UUIDv7 made on the device.
    pub id: Uuid,
    /// How the attempt ended.
    pub outcome: Outcome,
    /// Stable kind of what went wrong: `no_route`, `connection_refused`, `timeout`, `tls`, `token_refused`, `busy`,
    /// `lost_mid_run`, `network_changed`, `cancelled`, `process_died`, `permission`, …
    #[serde(default)]
    pub outcome_reason: Option<String>,
    /// Start of the attempt; every window is relative to it.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: UtcMicros,
    /// End of the attempt.
    #[schema(value_type = String, format = DateTime)]
    pub ended_at: UtcMicros,
    /// Clock difference, if a server answered.
    #[serde(default)]
    pub clock: Option<Clock>,
    /// Consent it was made under.
    pub consent: Consent,
    /// Device.
    pub device: Device,
    /// Role of the person.
    #[serde(default)]
    pub measurer: Measurer,
    /// Campaign.
    #[serde(default)]
    pub campaign: Option<String>,
    /// Pair of a paired measurement.
    #[serde(default)]
    pub pair_id: Option<String>,
    /// Commune and its doubt, as the device resolved it.
    pub place: Place,
    /// 200 m cell of the position; `null` without consent to share the commune.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "c6423_58211")]
    pub cell: Option<Cell>,
    /// Positions; their points only with consent to share them.
    #[serde(default)]
    pub fixes: Fixes,
    /// Radio.
    #[serde(default)]
    pub radio: RadioSpan,
    /// Network.
    #[serde(default)]
    pub transport: Transport,
    /// Indoor, outdoor, moving.
    #[serde(default)]
    pub surroundings: Option<Surroundings>,
    /// Server.
    #[serde(default)]
    pub server: Option<UsedServer>,
    /// Latency, PDV, loss.
    #[serde(default)]
    pub latency: Latency,
    /// Download.
    #[serde(default)]
    pub down: Option<DirectionResult>,
    /// Upload.
    #[serde(default)]
    pub up: Option<DirectionResult>,
    /// What the server had acknowledged while it sent the download: preimage of its evidence's hash.
    #[serde(default)]
    pub down_sender_series: Option<Series>,
    /// All bytes received, tail included, as the sender counted them at close.
    pub bytes_down: u64,
    /// All bytes sent, tail included.
    pub bytes_up: u64,
    /// What else the machine did.
    #[serde(default)]
    pub machine: MachineContext,
    /// Signed by the measuring end.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
    /// The device's own verdict; the collector's stands.
    pub verdict: Verdict,
    /// Position, radio or operator were made up (demo): counts in the demo's own database only.
    #[serde(default)]
    pub simulated: bool,
    /// The whole sample was made up (load tests): a real collector refuses it.
    #[serde(default)]
    pub synthetic: bool,
    /// Version of the method (`meter`).
    pub method: u32,
    /// Program that measured.
    pub program: Program,
}

/// A sample and its receipt: the document `ispeed test --format json` prints and `ispeed verify` reads.
#[derive(Debug, Serialize, Deserialize)]
pub struct SampleWithReceipt<'a> {
    /// The sample's body, byte for byte.
    #[serde(borrow)]
    pub sample: &'a serde_json::value::RawValue,
    /// Its receipt, byte for byte; `null` while it waits.
    #[serde(borrow, default)]
    pub receipt: Option<&'a serde_json::value::RawValue>,
}
