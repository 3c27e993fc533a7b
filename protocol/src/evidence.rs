//! Evidence: what a measuring end saw, signed with its own key, so that a collector elsewhere can check a sample.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::direction::{Direction, Series};
use crate::signing::{PublicKey, SecretKey, SignatureError, canonical_json, sha256_hex, signed_bytes};
use crate::time::UtcMicros;

/// Domain of the signature.
pub const EVIDENCE_DOMAIN: &str = "ispeed evidence v1";

/// What a measuring end saw of one direction. It proves traffic, time and network of origin; it does not prove
/// position, radio, or that the device is a phone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Evidence {
    /// Version of this record.
    pub v: u32,
    /// Token that paid for the bytes.
    pub token_id: Uuid,
    /// Sample the token was issued for.
    pub sample_id: Uuid,
    /// Id of the measuring end.
    pub server_id: String,
    /// Direction.
    pub direction: Direction,
    /// Down: bytes sent, the unacknowledged tail included. Up: payload bytes that arrived.
    pub bytes: u64,
    /// First byte.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: UtcMicros,
    /// Last byte.
    #[schema(value_type = String, format = DateTime)]
    pub ended_at: UtcMicros,
    /// Network of origin: IPv4 /24 or IPv6 /48.
    pub network_prefix: String,
    /// Autonomous system of the origin, if the server has a table.
    pub asn: Option<u32>,
    /// Load flows used.
    pub flows: u8,
    /// SHA-256 of the canonical JSON of the server's [`Series`]: what it received (up) or had acknowledged (down).
    pub series_sha256: String,
    /// Public key that signed.
    pub key: String,
    /// Signature over the canonical form of the other members.
    pub signature: String,
}

impl Evidence {
    /// Fills in key and signature.
    pub fn sign(mut self, key: &SecretKey) -> Result<Self, SignatureError> {
        self.key = key.public().text();
        self.signature = key.sign(EVIDENCE_DOMAIN, &signed_bytes(&self)?);
        Ok(self)
    }

    /// Checks the signature against the key it names; whether that key is approved is the caller's question.
    pub fn verify(&self) -> Result<(), SignatureError> {
        PublicKey::parse(&self.key)?.verify(EVIDENCE_DOMAIN, &signed_bytes(self)?, &self.signature)
    }
}

/// The hash of a series as evidence states it.
pub fn series_sha256(series: &Series) -> String {
    sha256_hex(&canonical_json(series).expect("a series holds only integers"))
}

/// The hash of all evidence of a sample as receipts state it: SHA-256 of the canonical JSON of the array.
pub fn evidence_sha256(evidence: &[Evidence]) -> String {
    sha256_hex(&canonical_json(&evidence).expect("evidence holds only strings and integers"))
}
