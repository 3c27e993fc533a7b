//! The store in one SQLite file: WAL, `synchronous=FULL`, one writer, a few readers.

mod backfill;
mod load;
mod read;
mod records;
mod rows;
mod schema;
mod transfer;
mod write;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ispeed_protocol::receipt::Receipt;
use ispeed_protocol::{Month, UtcMicros};
use ispeed_report::MonthSample;
use ispeed_report::sample::ChainHead;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use tokio::sync::{Semaphore, mpsc};
use uuid::Uuid;

use self::writer::{Writer, lock};
use super::words::json;
use super::{
    Decide, DeletedSample, Imported, Known, MonthQuery, MonthTallies, NewSample, OwnedSample, Record, SignDeletion,
    Store, StoreError, StoreFuture, StoredSample, Submission, UsedKey,
};
use crate::limits;

/// Another process may hold the write lock for the length of a commit; longer than this is a fault.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

fn database(error: rusqlite::Error) -> StoreError {
    StoreError::Database(Box::new(error))
}

/// A store in one file.
pub struct SqliteStore {
    writer: Writer,
    readers: Arc<Readers>,
}

struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    permits: Semaphore,
}

impl SqliteStore {
    /// Opens or creates the file and brings it to the newest schema.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        make_private(path).map_err(|e| StoreError::Database(Box::new(e)))?;
        let mut connection = connect(path)?;
        schema::migrate(&mut connection, &path.display().to_string())?;
        let readers = Readers {
            path: path.to_owned(),
            idle: Mutex::new(Vec::new()),
            permits: Semaphore::new(limits::STORE_READERS),
        };
        Ok(Self { writer: Writer::start(connection)?, readers: Arc::new(readers) })
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let _permit = self.readers.permits.acquire().await.map_err(|_| StoreError::Closed)?;
        let readers = Arc::clone(&self.readers);
        let done = tokio::task::spawn_blocking(move || {
            let idle = lock(&readers.idle).pop();
            let connection = idle.map_or_else(|| connect(&readers.path), Ok)?;
            let result = work(&connection);
            lock(&readers.idle).push(connection);
            result
        });
        done.await.unwrap_or(Err(StoreError::Panicked))
    }
}

/// Makes the file readable by its owner only before anything is in it; SQLite gives its log the same mode.
fn make_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        other => other.map(drop),
    }
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open(path).map_err(database)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(database)?;
    connection.set_prepared_statement_cache_capacity(64);
    // Without it, SQLite compiles a statement anew whenever another id is looked for.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(database)?;
    let foreign = |e: rusqlite::Error| match e.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => StoreError::Foreign(path.display().to_string()),
        _ => database(e),
    };
    // secure_delete: what an owner deleted is overwritten, not left in free pages.
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
             PRAGMA secure_delete = ON; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;",
        )
        .map_err(foreign)?;
    Ok(connection)
}

impl Store for SqliteStore {
    fn register_key(&self, key: UsedKey) -> StoreFuture<'_, ()> {
        Box::pin(self.writer.write(move |tx| write::register_key(tx, &key)))
    }

    fn keys(&self) -> StoreFuture<'_, Vec<UsedKey>> {
        Box::pin(self.read(read::keys))
    }

    fn find(&self, id: Uuid) -> StoreFuture<'_, Option<Known>> {
        Box::pin(self.read(move |db| read::find(db, id)))
    }

    fn submit(&self, chain_key: String, sample: NewSample, decide: Decide) -> StoreFuture<'_, Submission> {
        Box::pin(self.writer.write(move |tx| write::submit(tx, &chain_key, &sample, decide)))
    }

    fn of_device(&self, device_id: String, after: i64, limit: u32) -> StoreFuture<'_, Vec<OwnedSample>> {
        Box::pin(self.read(move |db| read::of_device(db, &device_id, after, limit)))
    }

    fn delete_device(
        &self,
        chain_key: String,
        device_id: String,
        at: UtcMicros,
        sign: SignDeletion,
    ) -> StoreFuture<'_, Vec<Receipt>> {
        Box::pin(async move {
            let receipts =
                self.writer.write(move |tx| write::delete_device(tx, &chain_key, &device_id, at, &sign)).await?;
            if !receipts.is_empty() {
                // The log still holds the deleted pages. Deletion is done even if a reader holds the checkpoint up:
                // SQLite's own next one overwrites them.
                let tidied =
                    self.read(|db| db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").map_err(database)).await;
                if let Err(e) = tidied {
                    tracing::warn!(error = %e, "the log still holds deleted bodies until the next checkpoint");
                }
            }
            Ok(receipts)
        })
    }

    fn tallies(&self, month: Month, commune: Option<String>) -> StoreFuture<'_, MonthTallies> {
        Box::pin(self.read(move |db| read::tallies(db, month, commune.as_deref())))
    }

    fn receipts(&self, chain_key: String, after: u64, limit: u32) -> StoreFuture<'_, Vec<Receipt>> {
        Box::pin(self.read(move |db| read::receipts(db, &chain_key, after, limit)))
    }

    fn chain_heads(&self) -> StoreFuture<'_, Vec<ChainHead>> {
        Box::pin(self.read(read::chain_heads))
    }

    fn month_samples(&self, query: MonthQuery) -> StoreFuture<'_, Vec<MonthSample>> {
        Box::pin(self.read(move |db| rows::month_samples(db, &query)))
    }

    fn put_record(&self, kind: &str, key: &str, json: String, expect_revision: Option<u64>) -> StoreFuture<'_, u64> {
        let record = Record { kind: kind.to_owned(), key: key.to_owned(), revision: 0, json, at: super::now() };
        Box::pin(self.writer.write(move |tx| records::put(tx, record, expect_revision)))
    }

    fn record(&self, kind: &str, key: &str) -> StoreFuture<'_, Option<Record>> {
        let (kind, key) = (kind.to_owned(), key.to_owned());
        Box::pin(self.read(move |db| records::get(db, &kind, &key)))
    }

    fn records(&self, kind: &str, prefix: &str) -> StoreFuture<'_, Vec<Record>> {
        let (kind, prefix) = (kind.to_owned(), prefix.to_owned());
        Box::pin(self.read(move |db| records::list(db, &kind, &prefix)))
    }

    fn every_record(&self) -> StoreFuture<'_, Vec<Record>> {
        Box::pin(self.read(records::all))
    }

    fn import(&self, batch: Vec<StoredSample>) -> StoreFuture<'_, Imported> {
        Box::pin(self.writer.write(move |tx| transfer::import(tx, &batch)))
    }

    fn import_all(&self, samples: u64, batches: mpsc::Receiver<Vec<StoredSample>>) -> StoreFuture<'_, Imported> {
        Box::pin(async move {
            // No other connection of ours may hold the log open.
            lock(&self.readers.idle).clear();
            self.writer.alone(move |db| load::import_all(db, samples, batches)).await
        })
    }

    fn import_deleted(&self, batch: Vec<DeletedSample>) -> StoreFuture<'_, Imported> {
        Box::pin(self.writer.write(move |tx| transfer::import_deleted(tx, &batch)))
    }

    fn import_records(&self, batch: Vec<Record>) -> StoreFuture<'_, Imported> {
        Box::pin(self.writer.write(move |tx| records::import(tx, &batch)))
    }

    fn export(&self, after: i64, limit: u32) -> StoreFuture<'_, Vec<(i64, StoredSample)>> {
        Box::pin(self.read(move |db| transfer::export(db, after, limit)))
    }

    fn deleted(&self, after: Option<Uuid>, limit: u32) -> StoreFuture<'_, Vec<DeletedSample>> {
        Box::pin(self.read(move |db| transfer::deleted(db, after, limit)))
    }

    fn check(&self) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            self.read(|db| db.query_row("SELECT 1", [], |_| Ok(())).map_err(database)).await?;
            self.writer.write(|_| Ok(())).await
        })
    }

    fn close(&self) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            self.readers.permits.close();
            lock(&self.readers.idle).clear();
            if let Some(thread) = self.writer.close() {
                let joined = tokio::task::spawn_blocking(move || thread.join()).await;
                if !matches!(joined, Ok(Ok(()))) {
                    return Err(StoreError::Panicked);
                }
            }
            Ok(())
        })
    }
}
