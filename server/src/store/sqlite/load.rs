//! A whole month at once: one transaction, without the log.
//!
//! The log (WAL) would hold every page a second time, and each small transaction would write again the pages all over the
//! file to which narrow rows and indexes are added. A rollback journal holds only what was there before, which is nothing in
//! a new file, and a cache in which these pages have room writes most of them once. A load that fails or is killed leaves
//! the file as it was.

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::mpsc;

use super::{database, transfer};
use crate::store::{Imported, StoreError, StoredSample};

/// Cache for each sample, in bytes: its narrow row, its entries in indexes, and the bodies that pass by until the same page
/// is written to again.
const CACHE_BYTES: u64 = 600;
/// Least and most cache, in bytes.
const CACHE_LIMITS: (u64, u64) = (32 << 20, 4 << 30);
/// Bytes in a page of a new file. Of bodies without series, 2 KB, seven share one; of SQLite's 4,096 each takes its own.
const PAGE_BYTES: u32 = 16_384;

/// Imports batches until there are no more, about `samples` in all. Fails while another connection has the file open.
pub(super) fn import_all(
    connection: &mut Connection,
    samples: u64,
    batches: mpsc::Receiver<Vec<StoredSample>>,
) -> Result<Imported, StoreError> {
    let cache: i64 = connection.pragma_query_value(None, "cache_size", |row| row.get(0)).map_err(database)?;
    set_journal(connection, "DELETE")?;
    if is_new(connection)? {
        // Only VACUUM changes the size, and only outside of WAL.
        connection.execute_batch(&format!("PRAGMA page_size = {PAGE_BYTES}; VACUUM")).map_err(database)?;
    }
    let bytes = samples.saturating_mul(CACHE_BYTES).clamp(CACHE_LIMITS.0, CACHE_LIMITS.1);
    // A negative size is in KiB.
    connection.pragma_update(None, "cache_size", -(bytes / 1_024).cast_signed()).map_err(database)?;
    let imported = in_one_transaction(connection, batches);
    connection.pragma_update(None, "cache_size", cache).map_err(database)?;
    set_journal(connection, "WAL")?;
    imported
}

fn is_new(connection: &Connection) -> Result<bool, StoreError> {
    // What was deleted left its receipts.
    connection.query_row("SELECT NOT EXISTS (SELECT 1 FROM receipt)", [], |row| row.get(0)).map_err(database)
}

fn in_one_transaction(
    connection: &mut Connection,
    mut batches: mpsc::Receiver<Vec<StoredSample>>,
) -> Result<Imported, StoreError> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(database)?;
    let mut imported = Imported::default();
    while let Some(batch) = batches.blocking_recv() {
        imported += transfer::import(&tx, &batch)?;
    }
    tx.commit().map_err(database)?;
    Ok(imported)
}

fn set_journal(connection: &Connection, mode: &str) -> Result<(), StoreError> {
    connection.pragma_update_and_check(None, "journal_mode", mode, |_| Ok(())).map_err(database)
}
