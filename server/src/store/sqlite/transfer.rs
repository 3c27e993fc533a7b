//! Whole samples out of the store and into it.

use ispeed_protocol::UtcMicros;
use ispeed_protocol::receipt::Receipt;
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::{database, read, write};
use crate::store::columns::{COUNT, names_of, of_row};
use crate::store::words::parse;
use crate::store::{DeletedSample, Imported, Known, StoreError, StoredSample, sample_conflict};

pub(super) fn export(db: &Connection, after: i64, limit: u32) -> Result<Vec<(i64, StoredSample)>, StoreError> {
    let mut statement = db
        .prepare_cached(&format!(
            "SELECT {}, sample.position, body.bytes, {} FROM sample JOIN verdict USING (position)
             JOIN body USING (position) JOIN month_row USING (position)
             JOIN receipt ON receipt.sample_id = sample.id AND receipt.deletion = 0
             WHERE sample.position > ?1 ORDER BY sample.position LIMIT ?2",
            names_of("month_row"),
            read::HELD
        ))
        .map_err(database)?;
    let mut found_rows = statement.query(params![after, limit]).map_err(database)?;
    let mut found = Vec::new();
    while let Some(row) = found_rows.next().map_err(database)? {
        let held = read::held(row, COUNT + 2)?;
        let sample = StoredSample {
            row: of_row(row)?,
            body: row.get(COUNT + 1).map_err(database)?,
            receipt: held.receipt,
            verdict: held.verdict,
            place: held.place,
        };
        found.push((row.get(COUNT).map_err(database)?, sample));
    }
    Ok(found)
}

pub(super) fn import(tx: &Connection, batch: &[StoredSample]) -> Result<Imported, StoreError> {
    let mut imported = Imported::default();
    for sample in batch {
        sample.check()?;
        match read::find(tx, sample.row.id)? {
            None => {
                expect_free(tx, &sample.receipt)?;
                write::insert_receipt(tx, &sample.receipt)?;
                write::insert_sample(tx, &sample.row, &sample.body, &sample.verdict, sample.place.as_ref())?;
                write::tally(tx, &sample.row, 1)?;
                imported.stored += 1;
            }
            Some(Known::Held(held)) if held.sha256 == sample.row.sha256 && held.receipt == sample.receipt => {
                imported.held += 1;
            }
            Some(Known::Deleted { sha256 }) if sha256 == sample.row.sha256 => imported.deleted += 1,
            Some(Known::Held(held)) => return Err(sample_conflict(&sample.row, &held.sha256)),
            Some(Known::Deleted { sha256 }) => return Err(sample_conflict(&sample.row, &sha256)),
        }
    }
    Ok(imported)
}

/// A place in a chain is taken once.
fn expect_free(tx: &Connection, receipt: &Receipt) -> Result<(), StoreError> {
    let held: Option<String> = tx
        .prepare_cached("SELECT sha256 FROM receipt WHERE key = ?1 AND sequence = ?2")
        .and_then(|mut s| {
            s.query_row(params![receipt.key, receipt.sequence.cast_signed()], |row| row.get(0)).optional()
        })
        .map_err(database)?;
    match held {
        None => Ok(()),
        Some(sha256) => Err(crate::store::receipt_conflict(receipt, &sha256)),
    }
}

pub(super) fn import_deleted(tx: &Connection, batch: &[DeletedSample]) -> Result<Imported, StoreError> {
    let mut imported = Imported::default();
    for gone in batch {
        let conflict = |held: &str| crate::store::deleted_conflict(gone, held);
        match read::find(tx, gone.id)? {
            Some(Known::Deleted { sha256 }) if sha256 == gone.sha256 => {
                imported.held += 1;
                continue;
            }
            Some(Known::Deleted { sha256 }) => return Err(conflict(&sha256)),
            Some(Known::Held(held)) if held.receipt == gone.given => {
                expect_free(tx, &gone.deletion)?;
                write::bury_by_id(tx, gone.id, gone.deleted_at)?;
            }
            Some(Known::Held(held)) => return Err(conflict(&held.sha256)),
            None => {
                expect_free(tx, &gone.given)?;
                expect_free(tx, &gone.deletion)?;
                write::insert_receipt(tx, &gone.given)?;
                write::insert_tombstone(tx, gone.id, &gone.sha256, gone.deleted_at)?;
            }
        }
        write::insert_receipt(tx, &gone.deletion)?;
        imported.stored += 1;
    }
    Ok(imported)
}

pub(super) fn deleted(db: &Connection, after: Option<Uuid>, limit: u32) -> Result<Vec<DeletedSample>, StoreError> {
    let mut statement = db
        .prepare_cached(
            "SELECT tombstone.id, tombstone.sha256, deleted_us, given.json, deletion.json FROM tombstone
             JOIN receipt AS given ON given.sample_id = tombstone.id AND given.deletion = 0
             JOIN receipt AS deletion ON deletion.sample_id = tombstone.id AND deletion.deletion = 1
             WHERE tombstone.id > ?1 ORDER BY tombstone.id LIMIT ?2",
        )
        .map_err(database)?;
    // The empty blob comes before every id.
    let after = after.map_or_else(Vec::new, |id| id.as_bytes().to_vec());
    let mut rows = statement.query(params![after, limit]).map_err(database)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(database)? {
        let text = |i: usize| row.get::<_, String>(i).map_err(database);
        found.push(DeletedSample {
            id: read::uuid(row.get(0).map_err(database)?)?,
            sha256: text(1)?,
            deleted_at: UtcMicros(row.get(2).map_err(database)?),
            given: parse("receipt", &text(3)?)?,
            deletion: parse("receipt", &text(4)?)?,
        });
    }
    Ok(found)
}
