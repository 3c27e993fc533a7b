//! Everything about one sample.

use ispeed_core::history as core;
use ispeed_core::protocol::receipt;
use ispeed_core::verdict::{Lang, explain};

use crate::error::{IspeedError, Result};
use crate::history::HistoryEntry;
use crate::mirror::mirror_enum;
use crate::place::Place;
use crate::sample::SampleView;

mirror_enum! {
    /// Language of a text for people.
    Language = Lang {
        /// Vietnamese.
        Vi,
        /// English.
        En,
    }
}

/// What a reason of a verdict means and what to do; absent for a code this version does not know.
#[uniffi::export]
pub fn explain_reason(code: String, language: Language) -> Option<String> {
    explain(&code, language.into()).map(str::to_owned)
}

/// A collector's receipt.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct Receipt {
    /// Sample.
    pub sample_id: String,
    /// It is for a deletion.
    pub deletion: bool,
    /// When the collector took it in.
    pub received_at_micros: i64,
    /// Public name of the collector.
    pub collector: String,
    /// Position in the chain of `key`.
    pub sequence: u64,
    /// The evidence was checked and matches the sample.
    pub attested: bool,
    /// SHA-256 of the sample's body.
    pub sample_sha256: String,
    /// Public key that signed.
    pub key: String,
    /// Signature.
    pub signature: String,
}

impl From<receipt::Receipt> for Receipt {
    fn from(core: receipt::Receipt) -> Self {
        Self {
            sample_id: core.sample_id.to_string(),
            deletion: core.kind == receipt::ReceiptKind::Deletion,
            received_at_micros: core.received_at.as_micros(),
            collector: core.collector,
            sequence: core.sequence,
            attested: core.attested,
            sample_sha256: core.sample_sha256,
            key: core.key,
            signature: core.signature,
        }
    }
}

/// One sample with everything known of it.
#[derive(Clone, PartialEq, Debug, uniffi::Record)]
pub struct SampleDetail {
    /// Its line in the history.
    pub entry: HistoryEntry,
    /// Its figures.
    pub sample: SampleView,
    /// Commune as the collector resolved it, where it did.
    pub collector_place: Option<Place>,
    /// Its receipt.
    pub receipt: Option<Receipt>,
    /// `{"sample":…,"receipt":…}`, both byte for byte as signed: what `ispeed verify` reads.
    pub document: String,
    /// SHA-256 of the sample's body.
    pub sha256: String,
    /// The device's signature.
    pub signature: String,
    /// Uploads that failed since it began to wait.
    pub tries: u32,
}

impl TryFrom<core::Detail> for SampleDetail {
    type Error = IspeedError;

    fn try_from(core: core::Detail) -> Result<Self> {
        let document = core::document(&core.stored)?;
        let receipt = core.stored.receipt.as_deref().map(receipt::Receipt::parse).transpose();
        let broken = |reason: String| IspeedError::Storage { reason };
        Ok(Self {
            entry: core.entry.into(),
            sample: core.sample.into(),
            collector_place: core.answer.and_then(|answer| answer.place).map(Into::into),
            receipt: receipt.map_err(|e| broken(e.to_string()))?.map(Into::into),
            document: String::from_utf8(document).map_err(|e| broken(e.to_string()))?,
            sha256: core.stored.sha256,
            signature: core.stored.signature,
            tries: core.stored.tries,
        })
    }
}
