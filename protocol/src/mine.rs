//! My data: what `GET` and `DELETE /v1/me` answer to the owner of a monthly key, and the keys a collector publishes.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::place::Place;
use crate::receipt::Receipt;
use crate::time::UtcMicros;
use crate::verdict::Verdict;

/// One sample as its collector holds it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct OwnSample {
    /// Id.
    pub id: Uuid,
    /// The body, byte for byte as it was handed in.
    #[schema(value_type = Object)]
    pub sample: Box<RawValue>,
    /// Its receipt.
    pub receipt: Receipt,
    /// The collector's verdict.
    pub verdict: Verdict,
    /// The collector's place, where it resolved one.
    #[serde(default)]
    pub place: Option<Place>,
}

/// Answer to `GET /v1/me`: the samples of one monthly key, in the order in which they came.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct OwnSamples {
    /// Monthly id of the device.
    pub device_id: String,
    /// Samples, at most 100.
    pub samples: Vec<OwnSample>,
    /// Value of `?after=` for the rest; `null` when this was all.
    #[serde(default)]
    pub next: Option<i64>,
}

/// Answer to `DELETE /v1/me`: one receipt a deleted sample, in the order of the chain.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Deleted {
    /// Monthly id of the device.
    pub device_id: String,
    /// Receipts of kind `deletion`; empty when nothing was held.
    pub receipts: Vec<Receipt>,
}

/// One public key of a collector.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct PublishedKey {
    /// Ed25519 public key, base64url.
    pub key: String,
    /// First use.
    #[schema(value_type = String, format = DateTime)]
    pub since: UtcMicros,
    /// In use now; a former key still verifies what it signed.
    pub current: bool,
}

/// Answer to `GET /v1/keys`: present and former keys, oldest first.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct PublishedKeys {
    /// Keys of receipts and tokens.
    pub receipt: Vec<PublishedKey>,
    /// Keys of the evidence of the measuring end at this address.
    pub evidence: Vec<PublishedKey>,
}
