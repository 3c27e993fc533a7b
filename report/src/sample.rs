//! One sample as the month sees it: what a statistic, an exclusion or a sealed set needs, and nothing else.
//!
//! The store keeps this narrow row beside the 20 KB body, so that a nation's month is read in seconds.

use ispeed_protocol::cell::Cell;
use ispeed_protocol::device::{MeasurerKind, RadioTechnology, Surroundings};
use ispeed_protocol::sample::Outcome;
use ispeed_protocol::{Month, UtcMicros};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Packets of an echo, for losses that are pooled over samples.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct PacketCounts {
    /// Sent.
    pub sent: u32,
    /// Lost.
    pub lost: u32,
}

/// One sample of a month. Everything is the collector's answer: its place, its verdict, its clock.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct MonthSample {
    /// Id.
    pub id: Uuid,
    /// SHA-256 of the body, lower-case hex.
    pub sha256: String,
    /// Monthly id of the device.
    pub device_id: String,
    /// Start on the server's clock.
    pub started_at: UtcMicros,
    /// When the collector took it in.
    pub received_at: UtcMicros,
    /// Public key of the chain its receipt is in.
    pub receipt_key: String,
    /// Place of its receipt in that chain: a month is frozen at a head per chain.
    pub receipt_sequence: u64,
    /// How the attempt ended.
    pub outcome: Outcome,
    /// It counts towards the 300.
    pub counts: bool,
    /// Reason codes in the order of the rule table; empty when it counts.
    pub reasons: Vec<String>,
    /// Rule set that judged.
    pub rules: u32,
    /// A measuring end signed for it.
    pub attested: bool,
    /// Commune; `None` outside and unknown.
    pub commune: Option<String>,
    /// Province of the commune.
    pub province: Option<String>,
    /// 200 m cell, where the person agreed to hand it in.
    pub cell: Option<Cell>,
    /// Code of the serving operator (`ispeed_verdict::Operator::code`).
    pub operator: String,
    /// Name of the SIM's brand, where it differs (an MVNO).
    pub brand: Option<String>,
    /// Radio technology at the start of the run.
    pub technology: RadioTechnology,
    /// Role of the person.
    pub measurer: MeasurerKind,
    /// Campaign.
    pub campaign: Option<String>,
    /// Pair of a paired measurement.
    pub pair_id: Option<String>,
    /// Indoor, outdoor, moving.
    pub surroundings: Option<Surroundings>,
    /// First sample of an installation.
    pub first_run: bool,
    /// Download goodput.
    pub down_bps: Option<f64>,
    /// Upload goodput.
    pub up_bps: Option<f64>,
    /// A direction was ended by the byte budget: left out of 5G means (`vietnam.md` 14.3 rule 9).
    pub byte_capped: bool,
    /// Median idle round trip.
    pub idle_ms: Option<f64>,
    /// Median round trip while downloading.
    pub loaded_down_ms: Option<f64>,
    /// Median round trip while uploading.
    pub loaded_up_ms: Option<f64>,
    /// PDV (RFC 5481, p95 minus minimum), server to client, without load.
    pub pdv_ms: Option<f64>,
    /// Echo packets without load, both ways together.
    pub echo: PacketCounts,
    /// Bytes both ways.
    pub bytes: u64,
    /// Facts were made up (demo).
    pub simulated: bool,
    /// The whole sample was made up (load tests).
    pub synthetic: bool,
}

impl MonthSample {
    /// The order in which a store hands out a month: province, commune, id, each as bytes; what lies in no commune comes
    /// first. Equal for every store, so that documents are equal to the byte.
    pub fn order(&self) -> (&str, &str, Uuid) {
        (self.province.as_deref().unwrap_or_default(), self.commune.as_deref().unwrap_or_default(), self.id)
    }

    /// The same, to be kept: the place after which to go on.
    pub fn owned_order(&self) -> (String, String, Uuid) {
        let (province, commune, id) = self.order();
        (province.to_owned(), commune.to_owned(), id)
    }

    /// Month it belongs to.
    pub fn month(&self) -> Month {
        self.started_at.month()
    }
}

/// A chain of receipts up to one of them: the samples in a frozen month are those whose receipts it covers.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct ChainHead {
    /// Public key of the chain.
    pub key: String,
    /// Newest sequence it covers.
    pub sequence: u64,
    /// SHA-256 of that receipt.
    pub sha256: String,
}
