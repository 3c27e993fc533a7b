//! Receipts: the collector's signed, chained word that it holds a sample.

use serde::{Deserialize, Serialize};
use thiserror::Error;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::signing::{PublicKey, SecretKey, SignatureError, canonical_json, is_sha256_hex, sha256_hex, signed_bytes};
use crate::time::UtcMicros;

/// Domain of a receipt's signature.
pub const RECEIPT_DOMAIN: &str = "ispeed receipt v1";
/// `previous` of the first receipt of a key.
pub const CHAIN_START: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What a receipt is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptKind {
    /// The collector holds the sample.
    Sample,
    /// The collector deleted the body at its owner's request and keeps id and hash.
    Deletion,
}

/// A receipt. Signed form: canonical JSON of all members but `signature`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Version of this record.
    pub v: u32,
    /// What it is for.
    pub kind: ReceiptKind,
    /// Sample.
    pub sample_id: Uuid,
    /// SHA-256 of the sample's body, byte for byte as received.
    pub sample_sha256: String,
    /// The device's signature over the body, base64url; `null` for a sample without one.
    pub device_signature: Option<String>,
    /// [`crate::evidence::evidence_sha256`] of the evidence in the body.
    pub evidence_sha256: String,
    /// The evidence was checked against the keys of approved servers and matches the sample.
    pub attested: bool,
    /// When the collector took it in.
    #[schema(value_type = String, format = DateTime)]
    pub received_at: UtcMicros,
    /// Public name of the collector.
    pub collector: String,
    /// Position in the chain of `key`, from 1.
    pub sequence: u64,
    /// SHA-256 of the previous receipt of `key` ([`Receipt::sha256`]); 64 zeros for the first.
    pub previous: String,
    /// Public key that signed.
    pub key: String,
    /// Signature, base64url.
    pub signature: String,
}

/// Why a receipt does not hold.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReceiptError {
    /// The signature or a key is wrong.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// It is for another sample.
    #[error("the receipt is for sample {receipt}, this is {sample}")]
    OtherSample {
        /// Id in the receipt.
        receipt: Uuid,
        /// Id of the sample at hand.
        sample: Uuid,
    },
    /// The body was changed after the receipt was given.
    #[error("the sample's SHA-256 is {actual}, the receipt says {expected}")]
    OtherBody {
        /// Hash in the receipt.
        expected: String,
        /// Hash of the body at hand.
        actual: String,
    },
    /// Signed by a key that is not trusted here.
    #[error("the receipt is signed by {0}, which is not among the trusted keys")]
    UntrustedKey(String),
    /// Not the JSON of a receipt.
    #[error("not a receipt: {0}")]
    Unreadable(String),
    /// A member is not of its form.
    #[error("member {0} of the receipt is not of the expected form")]
    Malformed(&'static str),
    /// Two receipts do not follow each other.
    #[error("the chain breaks at sequence {0}")]
    Chain(u64),
}

impl Receipt {
    /// Reads a receipt and refuses every spelling but the one that was signed (an upper-case id, another form of a
    /// time): what a person sees is what the signature covers.
    pub fn parse(json: &[u8]) -> Result<Self, ReceiptError> {
        let value: serde_json::Value =
            serde_json::from_slice(json).map_err(|e| ReceiptError::Unreadable(e.to_string()))?;
        let receipt = Self::deserialize(&value).map_err(|e| ReceiptError::Unreadable(e.to_string()))?;
        match serde_json::to_value(&receipt) {
            Ok(again) if again == value => Ok(receipt),
            _ => Err(ReceiptError::Unreadable("a member is not in the form in which receipts are signed".into())),
        }
    }

    /// Fills in key and signature.
    pub fn sign(mut self, key: &SecretKey) -> Result<Self, SignatureError> {
        self.key = key.public().text();
        self.signature = key.sign(RECEIPT_DOMAIN, &signed_bytes(&self)?);
        Ok(self)
    }

    /// Checks form and signature; `trusted` empty means: by the key it names.
    pub fn verify(&self, trusted: &[PublicKey]) -> Result<(), ReceiptError> {
        for (name, text) in [
            ("sample_sha256", &self.sample_sha256),
            ("evidence_sha256", &self.evidence_sha256),
            ("previous", &self.previous),
        ] {
            if !is_sha256_hex(text) {
                return Err(ReceiptError::Malformed(name));
            }
        }
        let key = PublicKey::parse(&self.key)?;
        if !trusted.is_empty() && !trusted.contains(&key) {
            return Err(ReceiptError::UntrustedKey(self.key.clone()));
        }
        Ok(key.verify(RECEIPT_DOMAIN, &signed_bytes(self)?, &self.signature)?)
    }

    /// Checks that the receipt is for exactly this body.
    pub fn covers(&self, sample_id: Uuid, body: &[u8]) -> Result<(), ReceiptError> {
        if self.sample_id != sample_id {
            return Err(ReceiptError::OtherSample { receipt: self.sample_id, sample: sample_id });
        }
        let actual = sha256_hex(body);
        if actual != self.sample_sha256 {
            return Err(ReceiptError::OtherBody { expected: self.sample_sha256.clone(), actual });
        }
        Ok(())
    }

    /// Hash that the next receipt names as `previous`: SHA-256 of the canonical form with the signature.
    pub fn sha256(&self) -> String {
        sha256_hex(&canonical_json(self).expect("a receipt holds only strings, integers and booleans"))
    }
}

/// Checks that receipts, in order, form one unbroken chain of one key.
pub fn verify_chain<'a>(receipts: impl IntoIterator<Item = &'a Receipt>) -> Result<(), ReceiptError> {
    let mut last: Option<&Receipt> = None;
    for receipt in receipts {
        receipt.verify(&[])?;
        if let Some(previous) = last
            && (receipt.sequence != previous.sequence + 1
                || receipt.previous != previous.sha256()
                || receipt.key != previous.key)
        {
            return Err(ReceiptError::Chain(receipt.sequence));
        }
        last = Some(receipt);
    }
    Ok(())
}

/// Answer to `PUT /v1/samples/{id}`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Submitted {
    /// The receipt; the same for the same body, however often it is handed in.
    pub receipt: Receipt,
    /// The collector's verdict, which stands.
    pub verdict: crate::verdict::Verdict,
    /// The collector's place, where it resolved one.
    #[serde(default)]
    pub place: Option<crate::place::Place>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(sequence: u64, previous: &str) -> Receipt {
        Receipt {
            v: 1,
            kind: ReceiptKind::Sample,
            sample_id: Uuid::from_u128(0xabcdef5),
            sample_sha256: sha256_hex(b"body"),
            device_signature: None,
            evidence_sha256: sha256_hex(b"[]"),
            attested: false,
            received_at: UtcMicros(1_790_000_000_000_000),
            collector: "test".into(),
            sequence,
            previous: previous.into(),
            key: String::new(),
            signature: String::new(),
        }
        .sign(&SecretKey::from_bytes(&[9; 32]))
        .unwrap()
    }

    #[test]
    fn covers_one_body() {
        let receipt = receipt(1, CHAIN_START);
        assert_eq!(receipt.verify(&[]), Ok(()));
        assert_eq!(receipt.covers(Uuid::from_u128(0xabcdef5), b"body"), Ok(()));
        assert!(receipt.covers(Uuid::from_u128(0xabcdef5), b"bodY").is_err());
        assert!(receipt.covers(Uuid::from_u128(6), b"body").is_err());
        let other = SecretKey::from_bytes(&[8; 32]).public();
        assert!(matches!(receipt.verify(&[other]), Err(ReceiptError::UntrustedKey(_))));
    }

    #[test]
    fn every_changed_byte_of_the_json_is_refused() {
        let json = serde_json::to_vec(&receipt(1, CHAIN_START)).unwrap();
        for i in 0..json.len() {
            for replacement in [b'1', b'x', b' ', json[i].to_ascii_uppercase()] {
                if json[i] == replacement {
                    continue;
                }
                let mut changed = json.clone();
                changed[i] = replacement;
                let holds = Receipt::parse(&changed).is_ok_and(|r| r.verify(&[]).is_ok());
                assert!(!holds, "byte {i}: {}", String::from_utf8_lossy(&changed));
            }
        }
    }

    #[test]
    fn a_gap_in_the_chain_is_reported() {
        let first = receipt(1, CHAIN_START);
        let second = receipt(2, &first.sha256());
        let fourth = receipt(4, &second.sha256());
        assert_eq!(verify_chain([&first, &second]), Ok(()));
        assert_eq!(verify_chain([&first, &second, &fourth]), Err(ReceiptError::Chain(4)));
    }
}
