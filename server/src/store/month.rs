//! What the store hands out and takes in for months: rows, records beside the samples, whole samples of another store.

use ispeed_protocol::place::Place;
use ispeed_protocol::receipt::Receipt;
use ispeed_protocol::verdict::Verdict;
use ispeed_protocol::{Month, UtcMicros};
use ispeed_report::MonthSample;
use ispeed_report::sample::ChainHead;
use uuid::Uuid;

use super::{Store, StoreError};

/// Which rows of a month. Start from [`MonthQuery::new`].
#[derive(Clone, PartialEq, Debug)]
pub struct MonthQuery {
    /// The month.
    pub month: Month,
    /// Only this province.
    pub province: Option<String>,
    /// Only this commune.
    pub commune: Option<String>,
    /// Only samples whose receipts these heads cover; a key that is not among them covers nothing. `None`: all.
    pub upto: Option<Vec<ChainHead>>,
    /// Only rows after this place in [`MonthSample::order`].
    pub after: Option<(String, String, Uuid)>,
    /// At most so many.
    pub limit: u32,
}

impl MonthQuery {
    /// The whole month, from its first row, in pages of this size.
    pub fn new(month: Month, limit: u32) -> Self {
        Self { month, province: None, commune: None, upto: None, after: None, limit }
    }
}

/// Every row of a query, in order; read in pages of the query's size, so that no more than one is held.
///
/// # Errors
/// The store fails.
pub async fn each_month_sample(
    store: &dyn Store,
    mut query: MonthQuery,
    mut each: impl FnMut(MonthSample),
) -> Result<(), StoreError> {
    loop {
        let page = store.month_samples(query.clone()).await?;
        let full = page.len() >= query.limit as usize;
        let last = page.last().filter(|_| full).map(MonthSample::owned_order);
        page.into_iter().for_each(&mut each);
        if last.is_none() {
            return Ok(());
        }
        query.after = last;
    }
}

/// A small JSON document beside the samples. Kinds in use: `campaign`, `duty`, `closed_month`, `ispeed_count`,
/// `plan_settings`.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Kind.
    pub kind: String,
    /// Key within the kind.
    pub key: String,
    /// 1 when it was made, and one more at each change.
    pub revision: u64,
    /// The document.
    pub json: String,
    /// When it was last changed.
    pub at: UtcMicros,
}

/// A sample that has everything a store keeps of it.
#[derive(Clone, PartialEq, Debug, serde::Serialize, serde::Deserialize)]
pub struct StoredSample {
    /// Its row in the month.
    pub row: MonthSample,
    /// Body as received.
    pub body: Vec<u8>,
    /// Receipt.
    pub receipt: Receipt,
    /// Verdict.
    pub verdict: Verdict,
    /// The collector's place, where it resolved one.
    pub place: Option<Place>,
}

impl StoredSample {
    /// Its parts speak of one sample: what a store takes in must be what it would have written itself. The body's hash is
    /// the caller's to check.
    ///
    /// # Errors
    /// Names the first member that differs.
    pub fn check(&self) -> Result<(), StoreError> {
        let (row, receipt) = (&self.row, &self.receipt);
        let differs = [
            ("id", row.id != receipt.sample_id),
            ("sha256", row.sha256 != receipt.sample_sha256),
            ("receipt_key", row.receipt_key != receipt.key),
            ("receipt_sequence", row.receipt_sequence != receipt.sequence),
            ("received_at", row.received_at != receipt.received_at),
            ("attested", row.attested != receipt.attested),
            ("kind", receipt.kind != ispeed_protocol::receipt::ReceiptKind::Sample),
            ("counts", row.counts != self.verdict.counts),
            ("reasons", row.reasons != self.verdict.reasons),
            ("rules", row.rules != self.verdict.rules),
        ];
        match differs.into_iter().find(|(_, differs)| *differs) {
            None => Ok(()),
            Some((member, _)) => Err(StoreError::Unreadable {
                what: "sample to import",
                cause: format!("{}: its row and its receipt or verdict differ in {member}", row.id),
            }),
        }
    }
}

/// What is left of a sample that its owner had deleted.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeletedSample {
    /// Id.
    pub id: Uuid,
    /// SHA-256 of the body that was.
    pub sha256: String,
    /// When it was deleted.
    pub deleted_at: UtcMicros,
    /// The receipt it had been given.
    pub given: Receipt,
    /// The receipt of the deletion.
    pub deletion: Receipt,
}

/// What became of an import.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Imported {
    /// New and kept now.
    pub stored: u64,
    /// Held already, the same to the byte.
    pub held: u64,
    /// Not taken in, because their owner had them deleted here.
    pub deleted: u64,
}

impl std::ops::AddAssign for Imported {
    fn add_assign(&mut self, other: Self) {
        self.stored += other.stored;
        self.held += other.held;
        self.deleted += other.deleted;
    }
}

/// Another revision of a record is held.
pub(super) fn record_conflict(kind: &str, key: &str, held: u64, expected: u64) -> StoreError {
    let revision = |n: u64| if n == 0 { "none".to_owned() } else { format!("revision {n}") };
    StoreError::Conflict {
        what: format!("record {kind}/{key}"),
        held: revision(held),
        expected: if held == expected { "the same with this content".to_owned() } else { revision(expected) },
    }
}

/// Another body or another receipt is held under the id of a sample to import.
pub(super) fn sample_conflict(row: &MonthSample, held_sha256: &str) -> StoreError {
    let expected = if held_sha256 == row.sha256 {
        "one with the receipt of the import".to_owned()
    } else {
        format!("SHA-256 {}", row.sha256)
    };
    StoreError::Conflict { what: format!("sample {}", row.id), held: format!("SHA-256 {held_sha256}"), expected }
}

/// As [`sample_conflict`], of a deletion.
pub(super) fn deleted_conflict(gone: &DeletedSample, held_sha256: &str) -> StoreError {
    StoreError::Conflict {
        what: format!("deleted sample {}", gone.id),
        held: format!("SHA-256 {held_sha256}"),
        expected: format!("SHA-256 {} with the receipts of the import", gone.sha256),
    }
}

/// The place of a receipt in its chain is taken by another.
pub(super) fn receipt_conflict(receipt: &Receipt, held_sha256: &str) -> StoreError {
    StoreError::Conflict {
        what: format!("receipt {} of key {}", receipt.sequence, receipt.key),
        held: format!("SHA-256 {held_sha256}"),
        expected: format!("SHA-256 {}", receipt.sha256()),
    }
}
