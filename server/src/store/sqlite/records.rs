//! Small documents beside the samples.

use ispeed_protocol::UtcMicros;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};

use super::database;
use crate::store::{Imported, Record, StoreError, record_conflict};

const COLUMNS: &str = "kind, key, revision, json, changed_us";

fn of_row(row: &Row<'_>) -> rusqlite::Result<Record> {
    Ok(Record {
        kind: row.get(0)?,
        key: row.get(1)?,
        revision: row.get::<_, i64>(2)?.cast_unsigned(),
        json: row.get(3)?,
        at: UtcMicros(row.get(4)?),
    })
}

pub(super) fn get(db: &Connection, kind: &str, key: &str) -> Result<Option<Record>, StoreError> {
    db.prepare_cached(&format!("SELECT {COLUMNS} FROM record WHERE kind = ?1 AND key = ?2"))
        .and_then(|mut s| s.query_row([kind, key], of_row).optional())
        .map_err(database)
}

pub(super) fn list(db: &Connection, kind: &str, prefix: &str) -> Result<Vec<Record>, StoreError> {
    // `substr` compares bytes as they are; LIKE would fold case and take % for a wildcard.
    query(db, "WHERE kind = ?1 AND key >= ?2 AND substr(key, 1, length(?2)) = ?2 ORDER BY key", &[&kind, &prefix])
}

pub(super) fn all(db: &Connection) -> Result<Vec<Record>, StoreError> {
    query(db, "ORDER BY kind, key", &[])
}

fn query(db: &Connection, rest: &str, parameters: &[&dyn ToSql]) -> Result<Vec<Record>, StoreError> {
    let mut statement = db.prepare_cached(&format!("SELECT {COLUMNS} FROM record {rest}")).map_err(database)?;
    let rows = statement.query_map(parameters, of_row).map_err(database)?;
    rows.collect::<Result<_, _>>().map_err(database)
}

fn write(tx: &Connection, record: &Record) -> Result<(), StoreError> {
    tx.prepare_cached(&format!("INSERT OR REPLACE INTO record ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5)"))
        .and_then(|mut s| {
            s.execute(params![
                record.kind,
                record.key,
                record.revision.cast_signed(),
                record.json,
                record.at.as_micros()
            ])
        })
        .map_err(database)?;
    Ok(())
}

/// Writes a record whose `revision` is not decided yet.
pub(super) fn put(tx: &Connection, mut record: Record, expect_revision: Option<u64>) -> Result<u64, StoreError> {
    let held = get(tx, &record.kind, &record.key)?.map_or(0, |held| held.revision);
    if let Some(expected) = expect_revision.filter(|expected| *expected != held) {
        return Err(record_conflict(&record.kind, &record.key, held, expected));
    }
    record.revision = held + 1;
    write(tx, &record)?;
    Ok(record.revision)
}

pub(super) fn import(tx: &Connection, batch: &[Record]) -> Result<Imported, StoreError> {
    let mut imported = Imported::default();
    for record in batch {
        match get(tx, &record.kind, &record.key)? {
            None => {
                write(tx, record)?;
                imported.stored += 1;
            }
            Some(held) if held == *record => imported.held += 1,
            Some(held) => return Err(record_conflict(&record.kind, &record.key, held.revision, record.revision)),
        }
    }
    Ok(imported)
}
