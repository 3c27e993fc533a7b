//! The outbox: every attempt from its first moment until a collector's receipt, in one SQLite file.
//!
//! ```text
//! begin ─► attempt ─finish─► waiting ◄──────► sending ─receipt─► sent
//!             │                 ▲   └► local      │
//!        process died           └── requeue ── quarantined ◄─ refusal (4xx), changed key
//!             └─ adopt ─finish─► waiting (aborted, process_died)
//! ```
//!
//! - A sample is `sent` only by a receipt that carries its id and the hash of its body and verifies with the pinned key of
//!   its collector. Nothing else removes it from the queue: no status code, no age, no lack of room.
//! - `local` is a sample made without consent to upload; it is history and never handed in.
//! - The core decides what is sent and when ([`Outbox::next_upload`], [`Outbox::upload_answered`]); the shell owns the socket.
//! - Time is passed in. A clock that jumps back does not make a sample wait for the old future.
//! - Several programs may share one file; a run belongs to the process that began it until that process is dead.

mod answer;
mod attempts;
mod before;
mod caps;
mod collectors;
mod erase;
mod lease;
mod ledger;
mod retry;
mod samples;
mod schema;
mod sending;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ispeed_protocol::UtcMicros;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::error::{Error, Result};
use crate::identity::Identity;

pub use answer::{Answer, NetworkFailure, ProblemKind, UploadProblem};
pub use attempts::DeadAttempt;
pub(crate) use attempts::{signed, unsigned};
pub use before::Before;
pub use caps::{Caps, MAX_UNSENT_BYTES, MAX_UNSENT_SAMPLES, Stock};
pub use collectors::{CollectorKey, KeySource, collector_url};
pub use ledger::{Event, LedgerEntry};
pub use retry::{
    BACKOFF_BASE_MICROS, BACKOFF_CAP_MICROS, BACKOFF_FLOOR_MICROS, CREDENTIALS_WAIT_MICROS, MAX_WAIT_MICROS,
};
pub use samples::{Filter, State, StoredSample};
pub use sending::{AfterUpload, NextUpload, SEND_LEASE_MICROS, UploadRequest};

/// An open outbox. Cheap to share behind an `Arc`; every call locks, and may wait for another program's transaction
/// (milliseconds), so asynchronous callers use a blocking thread.
#[derive(Debug)]
pub struct Outbox {
    // The connection closes before the lease is given up: fields drop in this order.
    connection: Mutex<Connection>,
    session: lease::Session,
    identity: Identity,
    path: PathBuf,
    caps: Caps,
}

impl Outbox {
    /// Opens the outbox at `path`, making it (mode 0600) and the device's secret if there is none.
    ///
    /// Errors: `storage` when the file cannot be opened, is of another program, damaged, or of a newer version; it is
    /// then left as it was.
    pub fn open(path: impl AsRef<Path>, now: UtcMicros) -> Result<Self> {
        Self::open_with(path, now, Caps::default())
    }

    /// The same with other caps on what may wait.
    pub fn open_with(path: impl AsRef<Path>, now: UtcMicros, caps: Caps) -> Result<Self> {
        let path = std::path::absolute(path.as_ref()).map_err(Error::storage)?;
        let mut connection = schema::open(&path)?;
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let identity = Identity::load_or_make(&tx, now)?;
        tx.commit()?;
        let session = lease::Session::new(&path);
        Ok(Self { connection: Mutex::new(connection), session, identity, path, caps })
    }

    /// The device's secret and keys.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Where the file lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Asks SQLite to check every page and constraint; `storage` with what it found otherwise.
    pub fn check(&self) -> Result<()> {
        self.read(|connection| {
            let answer: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
            if answer == "ok" { Ok(()) } else { Err(Error::Storage { reason: format!("integrity check: {answer}") }) }
        })
    }

    pub(crate) fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        work(&self.lock())
    }

    /// One immediate transaction: all of it or nothing, and no other program in between.
    pub(crate) fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let mut connection = self.lock();
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = work(&tx)?;
        tx.commit()?;
        Ok(done)
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic inside a transaction rolled it back, so the connection is as good as before.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
