//! The store: everything the collector must not lose, behind one trait.
//!
//! [`Store`] names no database. Whatever implements it gives three promises, which the suite in
//! `tests/store_conformance/` checks:
//!
//! 1. What a call returned is on the disk: power may fail after it and the receipt still has its sample.
//! 2. [`Store::submit`] is one transaction: the place in the chain, the sample, its verdict and the tallies, or nothing.
//!    Its `decide` runs inside, alone for its chain, so that "the 20th of this device today" is counted once.
//! 3. The tallies of a month equal what a count over all verdicts would give, and its rows are those of the samples.

mod columns;
mod month;
mod open;
pub mod postgres;
pub mod sqlite;
mod words;

use std::error::Error;
use std::future::Future;
use std::pin::Pin;

use ispeed_protocol::Cell;
use ispeed_protocol::place::Place;
use ispeed_protocol::receipt::Receipt;
use ispeed_protocol::signing::SignatureError;
use ispeed_protocol::verdict::Verdict;
use ispeed_protocol::{Month, UtcMicros};
use ispeed_report::MonthSample;
use ispeed_report::sample::ChainHead;
use thiserror::Error;
use tokio::sync::mpsc;
use uuid::Uuid;

pub use month::{DeletedSample, Imported, MonthQuery, Record, StoredSample, each_month_sample};
use month::{deleted_conflict, receipt_conflict, record_conflict, sample_conflict};
pub use open::open;
pub use postgres::PostgresStore;
pub use sqlite::SqliteStore;

/// The system's clock, for the moment a record was changed.
fn now() -> UtcMicros {
    UtcMicros(jiff::Timestamp::now().as_microsecond())
}

/// Samples of a device this near are shown to `decide`: a day.
const NEARBY_MICROS: i64 = 86_400_000_000;

/// What every call of the store returns.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Why the store did not do what was asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Too many writes wait; ask again.
    #[error("the store is busy")]
    Busy,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// The database does not answer. Whether a write that was under way is kept is not known: find out by its id.
    #[error("{database} does not answer: {cause}")]
    Unreachable {
        /// Which, without its password.
        database: String,
        /// What happened.
        cause: String,
    },
    /// No database has this address.
    #[error("{address:?} is not the address of a database: {cause}")]
    Address {
        /// What was given, without its password.
        address: String,
        /// What was expected.
        cause: String,
    },
    /// What is held is not what the caller goes by; nothing was changed.
    #[error("{what}: {held} is held, not {expected}; nothing was changed")]
    Conflict {
        /// Of what: kind and key.
        what: String,
        /// What is held.
        held: String,
        /// What the caller goes by.
        expected: String,
    },
    /// The file belongs to another program.
    #[error("{0} is a database of another program, not a store of ispeed")]
    Foreign(String),
    /// A newer program wrote the store.
    #[error("the store has schema {found}, this program knows up to {known}: use the newer program")]
    TooNew {
        /// Schema found.
        found: i64,
        /// Newest schema this program knows.
        known: i64,
    },
    /// A stored value is not of the form in which it was written.
    #[error("the store holds an unreadable {what}: {cause}")]
    Unreadable {
        /// What was read.
        what: &'static str,
        /// Why it cannot be read.
        cause: String,
    },
    /// A receipt could not be signed.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(#[source] Box<dyn Error + Send + Sync>),
    /// The work panicked; nothing of it was kept.
    #[error("the write was given up: it panicked")]
    Panicked,
}

/// The next free place in a key's chain of receipts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChainLink {
    /// Sequence of the receipt to come, from 1.
    pub sequence: u64,
    /// Hash of the receipt before it; [`ispeed_protocol::receipt::CHAIN_START`] for the first.
    pub previous: String,
}

/// A sample that is about to be kept.
#[derive(Clone, Debug)]
pub struct NewSample {
    /// Its row in the month ([`crate::facts::of`]); verdict and receipt are filled in when they are decided.
    pub facts: MonthSample,
    /// The body as received.
    pub body: Vec<u8>,
}

/// An earlier sample of the same device that counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CountedSample {
    /// Corrected start.
    pub started_at: UtcMicros,
    /// Commune.
    pub commune: Option<String>,
    /// 200 m cell.
    pub cell: Option<Cell>,
}

/// What only the store knows at the moment of keeping a sample.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    /// Where its receipt goes.
    pub link: ChainLink,
    /// The device has a sample that started at the very same moment: the same measurement under another id.
    pub same_start: bool,
    /// Samples of the device that count and started within 24 hours of this one, by start.
    pub counted_nearby: Vec<CountedSample>,
}

/// What the collector decides inside the transaction.
#[derive(Clone, Debug)]
pub struct Decision {
    /// Verdict.
    pub verdict: Verdict,
    /// The collector's place, where it resolved one.
    pub place: Option<Place>,
    /// Signed receipt for the link of the [`Standing`].
    pub receipt: Receipt,
}

/// Judges and signs inside the transaction of [`Store::submit`].
pub type Decide = Box<dyn FnOnce(&Standing) -> Result<Decision, SignatureError> + Send>;

/// Makes the receipt of a deletion out of the sample's receipt and the next link, inside the transaction.
pub type SignDeletion = Box<dyn Fn(&Receipt, &ChainLink) -> Result<Receipt, SignatureError> + Send>;

/// A sample that is kept.
#[derive(Clone, PartialEq, Debug)]
pub struct Held {
    /// SHA-256 of the body.
    pub sha256: String,
    /// Its receipt.
    pub receipt: Receipt,
    /// Its verdict.
    pub verdict: Verdict,
    /// The collector's place, where it resolved one.
    pub place: Option<Place>,
}

/// What became of an id.
#[allow(clippy::large_enum_variant, reason = "one at a time is read and answered; boxing buys nothing")]
#[derive(Clone, PartialEq, Debug)]
pub enum Known {
    /// It is kept.
    Held(Held),
    /// Its owner had it deleted.
    Deleted {
        /// SHA-256 of the body that was deleted.
        sha256: String,
    },
}

/// Result of [`Store::submit`].
#[derive(Clone, PartialEq, Debug)]
pub enum Submission {
    /// It was new and is kept now.
    Stored(Held),
    /// The id was known; nothing was changed.
    Known(Known),
}

/// A kept sample with its body, for its owner.
#[derive(Clone, PartialEq, Debug)]
pub struct OwnedSample {
    /// Position in the list: pass the last one as `after` to go on.
    pub position: i64,
    /// Id.
    pub id: Uuid,
    /// Body as received.
    pub body: Vec<u8>,
    /// Receipt, verdict and place.
    pub held: Held,
}

/// Samples of one month that share commune, reason and attestation.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Tally {
    /// Commune; `None` for samples without one.
    pub commune: Option<String>,
    /// First reason of the verdict; `None` for samples that count.
    pub reason: Option<String>,
    /// They have no evidence.
    pub unattested: bool,
    /// How many.
    pub samples: u32,
}

/// The tallies of a month.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MonthTallies {
    /// Samples.
    pub tallies: Vec<Tally>,
    /// Communes with their number of distinct devices among the counted samples.
    pub devices: Vec<(String, u32)>,
}

/// What a published key is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyUse {
    /// Receipts and tokens.
    Receipt,
    /// Evidence of the measuring end that runs with this collector.
    Evidence,
}

/// A public key this collector has used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UsedKey {
    /// What for.
    pub purpose: KeyUse,
    /// Text form.
    pub key: String,
    /// Since when.
    pub since: UtcMicros,
}

/// The collector's memory.
pub trait Store: Send + Sync + 'static {
    /// Remembers a public key; keeps the earliest `since` when it is known.
    fn register_key(&self, key: UsedKey) -> StoreFuture<'_, ()>;

    /// Every public key that was ever registered, oldest first.
    fn keys(&self) -> StoreFuture<'_, Vec<UsedKey>>;

    /// What became of an id; `None` when it was never seen.
    fn find(&self, id: Uuid) -> StoreFuture<'_, Option<Known>>;

    /// Keeps a sample under the next link of the chain of `chain_key`, unless its id is known.
    fn submit(&self, chain_key: String, sample: NewSample, decide: Decide) -> StoreFuture<'_, Submission>;

    /// Samples of a device in the order in which they came, after a position (0: from the first), at most `limit`.
    fn of_device(&self, device_id: String, after: i64, limit: u32) -> StoreFuture<'_, Vec<OwnedSample>>;

    /// Deletes every sample of a device, leaving id and hash; the receipts of the deletions.
    fn delete_device(
        &self,
        chain_key: String,
        device_id: String,
        at: UtcMicros,
        sign: SignDeletion,
    ) -> StoreFuture<'_, Vec<Receipt>>;

    /// The tallies of a month, of one commune or of all; samples without a commune only in the latter.
    fn tallies(&self, month: Month, commune: Option<String>) -> StoreFuture<'_, MonthTallies>;

    /// Receipts of a key after a sequence, at most `limit`.
    fn receipts(&self, chain_key: String, after: u64, limit: u32) -> StoreFuture<'_, Vec<Receipt>>;

    /// The newest receipt of every chain, by key.
    fn chain_heads(&self) -> StoreFuture<'_, Vec<ChainHead>>;

    /// Rows of a month in [`MonthSample::order`].
    fn month_samples(&self, query: MonthQuery) -> StoreFuture<'_, Vec<MonthSample>>;

    /// Writes a record; its new revision. `expect_revision`: `Some(0)` when none may be there yet, `Some(n)` when this
    /// revision must be held, `None` whatever is held. [`StoreError::Conflict`] when another one is.
    fn put_record(&self, kind: &str, key: &str, json: String, expect_revision: Option<u64>) -> StoreFuture<'_, u64>;

    /// A record.
    fn record(&self, kind: &str, key: &str) -> StoreFuture<'_, Option<Record>>;

    /// The records of a kind whose keys begin with `prefix`, by key.
    fn records(&self, kind: &str, prefix: &str) -> StoreFuture<'_, Vec<Record>>;

    /// Every record, by kind and key.
    fn every_record(&self) -> StoreFuture<'_, Vec<Record>>;

    /// Takes in samples that have verdict and receipt already, in one transaction: all or, on a conflict, none. Ids that
    /// are held with the same hash are skipped and counted.
    fn import(&self, batch: Vec<StoredSample>) -> StoreFuture<'_, Imported>;

    /// [`Self::import`] of every batch that comes, about so many samples in all. On the disk when it returns. A store in a
    /// file is faster so: it takes in all or none, and nothing else may use it until the last.
    fn import_all(&self, _samples: u64, mut batches: mpsc::Receiver<Vec<StoredSample>>) -> StoreFuture<'_, Imported> {
        Box::pin(async move {
            let mut imported = Imported::default();
            while let Some(batch) = batches.recv().await {
                imported += self.import(batch).await?;
            }
            Ok(imported)
        })
    }

    /// Takes in deletions: a sample that is still held here goes too.
    fn import_deleted(&self, batch: Vec<DeletedSample>) -> StoreFuture<'_, Imported>;

    /// Takes in records with their revisions; one that is held with another content is a conflict.
    fn import_records(&self, batch: Vec<Record>) -> StoreFuture<'_, Imported>;

    /// Samples in the order in which they were kept, each with its position, after one (0: from the first).
    fn export(&self, after: i64, limit: u32) -> StoreFuture<'_, Vec<(i64, StoredSample)>>;

    /// What is left of deleted samples, by id.
    fn deleted(&self, after: Option<Uuid>, limit: u32) -> StoreFuture<'_, Vec<DeletedSample>>;

    /// Answers when the store can read and write.
    fn check(&self) -> StoreFuture<'_, ()>;

    /// Finishes what was begun and closes. Later calls fail with [`StoreError::Closed`].
    fn close(&self) -> StoreFuture<'_, ()>;
}
