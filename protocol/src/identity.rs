//! Identity without an account: one secret on the device, one key a month.
//!
//! `key(month) = Ed25519 seed = HKDF-SHA256(secret, info = "ispeed device key v1 " + YYYY-MM)` (RFC 5869). Two months of
//! one device cannot be linked without the secret; with it, the owner proves every month's samples to be theirs.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use hkdf::Hkdf;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use crate::signing::{PublicKey, SecretKey, SignatureError, sha256_hex, signed_bytes};
use crate::time::{Month, UtcMicros};

/// Domain of the signature under a sample body.
pub const SAMPLE_DOMAIN: &str = "ispeed sample v1";
/// Domain of an ownership proof.
pub const PROOF_DOMAIN: &str = "ispeed ownership proof v1";
/// HTTP header with the device's signature over the sample body, base64url.
pub const SIGNATURE_HEADER: &str = "ispeed-signature";
/// HTTP header with the base64url of an [`OwnershipProof`].
pub const PROOF_HEADER: &str = "ispeed-proof";
/// An ownership proof is refused when it is older or newer than this.
pub const PROOF_MAX_AGE_MICROS: i64 = 300_000_000;

/// The device's key of a month.
pub fn device_key(secret: &[u8; 32], month: Month) -> SecretKey {
    let mut seed = Zeroizing::new([0u8; 32]);
    Hkdf::<Sha256>::new(None, secret)
        .expand(format!("ispeed device key v1 {month}").as_bytes(), seed.as_mut())
        .expect("32 bytes are within HKDF's limit of 255 × 32");
    SecretKey::from_bytes(&seed)
}

/// The identifier of a monthly key: the first 16 bytes of its SHA-256 in hex.
pub fn device_id(key: &PublicKey) -> String {
    sha256_hex(key.bytes())[..32].to_owned()
}

/// Proof of ownership of a monthly key, for `GET` and `DELETE /v1/me`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct OwnershipProof {
    /// The monthly public key.
    pub key: String,
    /// `GET` or `DELETE`: a proof for reading cannot be replayed to delete.
    pub action: String,
    /// Public key of the collector it is meant for.
    pub audience: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub at: UtcMicros,
    /// Signature by `key` over the canonical form of the other members.
    pub signature: String,
}

impl OwnershipProof {
    /// Makes a proof; returns the header's value.
    pub fn header(key: &SecretKey, action: &str, audience: &str, at: UtcMicros) -> Result<String, SignatureError> {
        let mut proof = Self {
            key: key.public().text(),
            action: action.to_owned(),
            audience: audience.to_owned(),
            at,
            signature: String::new(),
        };
        proof.signature = key.sign(PROOF_DOMAIN, &signed_bytes(&proof)?);
        let json = serde_json::to_vec(&proof).map_err(|e| SignatureError::Shape(e.to_string()))?;
        Ok(B64.encode(json))
    }

    /// Reads and checks a header; the proven key on success, else what was wrong.
    pub fn check(header: &str, action: &str, audience: &str, now: UtcMicros) -> Result<PublicKey, String> {
        let wrong = |e: &dyn std::fmt::Display| format!("the header {PROOF_HEADER} is not an ownership proof: {e}");
        let json = B64.decode(header).map_err(|e| wrong(&e))?;
        let proof: Self = serde_json::from_slice(&json).map_err(|e| wrong(&e))?;
        if proof.action != action {
            return Err(format!("the proof is for {:?}; expected {action:?}", proof.action));
        }
        if proof.audience != audience {
            return Err(format!("the proof is for the collector {:?}; this is {audience:?}", proof.audience));
        }
        if now.micros_since(proof.at).abs() > PROOF_MAX_AGE_MICROS {
            return Err(format!("the proof was made at {}; expected within 5 minutes of {now}", proof.at));
        }
        let key = PublicKey::parse(&proof.key).map_err(|e| wrong(&e))?;
        let message = signed_bytes(&proof).map_err(|e| wrong(&e))?;
        key.verify(PROOF_DOMAIN, &message, &proof.signature).map_err(|e| wrong(&e))?;
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_have_unlinkable_keys() {
        let secret = [7u8; 32];
        let november = device_key(&secret, "2026-11".parse().unwrap());
        let december = device_key(&secret, "2026-12".parse().unwrap());
        assert_ne!(november.public(), december.public());
        assert_eq!(november.public(), device_key(&secret, "2026-11".parse().unwrap()).public());
        assert_eq!(device_id(&november.public()).len(), 32);
    }

    #[test]
    fn a_proof_is_for_one_action_one_collector_and_five_minutes() {
        let key = SecretKey::from_bytes(&[1; 32]);
        let now = UtcMicros(1_790_000_000_000_000);
        let header = OwnershipProof::header(&key, "GET", "collector", now).unwrap();
        assert_eq!(OwnershipProof::check(&header, "GET", "collector", now), Ok(key.public()));
        assert!(OwnershipProof::check(&header, "DELETE", "collector", now).is_err());
        assert!(OwnershipProof::check(&header, "GET", "other", now).is_err());
        assert!(OwnershipProof::check(&header, "GET", "collector", now.plus_micros(301_000_000)).is_err());
        assert!(OwnershipProof::check("e30", "GET", "collector", now).is_err());
    }
}
