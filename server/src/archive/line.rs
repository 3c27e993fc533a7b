//! The lines of an archive.

use std::borrow::Cow;

use ispeed_protocol::UtcMicros;
use ispeed_protocol::place::Place;
use ispeed_protocol::receipt::Receipt;
use ispeed_protocol::signing::hex;
use ispeed_protocol::verdict::Verdict;
use ispeed_report::MonthSample;
use serde::{Deserialize, Serialize};

use crate::store::{DeletedSample, KeyUse, Record, StoredSample, UsedKey};

/// One line.
#[allow(clippy::large_enum_variant, reason = "one at a time is read and written")]
#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Line<'a> {
    /// The first.
    Archive {
        /// Form of the file.
        version: u32,
    },
    /// A public key.
    Key { purpose: Purpose, key: Cow<'a, str>, since: UtcMicros },
    /// A sample.
    Sample {
        row: Cow<'a, MonthSample>,
        receipt: Cow<'a, Receipt>,
        place: Option<Cow<'a, Place>>,
        /// The body; exactly one of the two.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<Cow<'a, str>>,
        /// A body that is no text, byte for byte in hex. No collector takes one in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body_hex: Option<String>,
    },
    /// What is left of a deleted sample.
    Deleted {
        #[serde(flatten)]
        deleted: Cow<'a, DeletedSample>,
    },
    /// A record.
    Record { record: Cow<'a, str>, key: Cow<'a, str>, revision: u64, json: Cow<'a, str>, at: UtcMicros },
    /// The last.
    End {
        /// Lines between the first and this one.
        lines: u64,
        /// Hash of what they hold.
        sha256: String,
    },
}

/// [`KeyUse`] as text.
#[derive(Serialize, Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub(super) enum Purpose {
    Receipt,
    Evidence,
}

impl<'a> Line<'a> {
    pub(super) fn key(key: &'a UsedKey) -> Self {
        let purpose = match key.purpose {
            KeyUse::Receipt => Purpose::Receipt,
            KeyUse::Evidence => Purpose::Evidence,
        };
        Self::Key { purpose, key: Cow::Borrowed(&key.key), since: key.since }
    }

    pub(super) fn sample(sample: &'a StoredSample) -> Self {
        let text = std::str::from_utf8(&sample.body).ok();
        Self::Sample {
            row: Cow::Borrowed(&sample.row),
            receipt: Cow::Borrowed(&sample.receipt),
            place: sample.place.as_ref().map(Cow::Borrowed),
            body: text.map(Cow::Borrowed),
            body_hex: text.is_none().then(|| hex(&sample.body)),
        }
    }

    pub(super) fn record(record: &'a Record) -> Self {
        Self::Record {
            record: Cow::Borrowed(&record.kind),
            key: Cow::Borrowed(&record.key),
            revision: record.revision,
            json: Cow::Borrowed(&record.json),
            at: record.at,
        }
    }
}

pub(super) fn used_key(purpose: Purpose, key: String, since: UtcMicros) -> UsedKey {
    let purpose = match purpose {
        Purpose::Receipt => KeyUse::Receipt,
        Purpose::Evidence => KeyUse::Evidence,
    };
    UsedKey { purpose, key, since }
}

/// A sample of the parts of its line.
pub(super) fn stored_sample(
    row: MonthSample,
    receipt: Receipt,
    place: Option<Place>,
    body: Option<Cow<'_, str>>,
    body_hex: Option<String>,
) -> Result<StoredSample, String> {
    let body = match (body, body_hex) {
        (Some(text), None) => text.into_owned().into_bytes(),
        (None, Some(hex)) => unhex(&hex).ok_or("body_hex is not hexadecimal")?,
        _ => return Err("a sample has either body or body_hex".into()),
    };
    let verdict = Verdict { counts: row.counts, reasons: row.reasons.clone(), rules: row.rules };
    Ok(StoredSample { row, body, receipt, verdict, place })
}

/// The body is the one the row and the receipt speak of, and the receipt's signature holds.
pub(super) fn check_sample(sample: &StoredSample) -> Result<(), String> {
    let StoredSample { row, receipt, body, .. } = sample;
    receipt.covers(row.id, body).map_err(|e| format!("sample {}: {e}", row.id))?;
    receipt.verify(&[]).map_err(|e| format!("sample {}: its receipt does not hold: {e}", row.id))?;
    sample.check().map_err(|e| e.to_string())
}

/// What is left of a deleted sample, checked.
pub(super) fn check_deleted(deleted: &DeletedSample) -> Result<(), String> {
    for receipt in [&deleted.given, &deleted.deletion] {
        receipt.verify(&[]).map_err(|e| format!("deleted sample {}: a receipt does not hold: {e}", deleted.id))?;
        if receipt.sample_id != deleted.id || receipt.sample_sha256 != deleted.sha256 {
            return Err(format!("deleted sample {}: a receipt is for another sample", deleted.id));
        }
    }
    Ok(())
}

fn unhex(hex: &str) -> Option<Vec<u8>> {
    if !hex.is_ascii() || !hex.len().is_multiple_of(2) {
        return None;
    }
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).ok()).collect()
}
