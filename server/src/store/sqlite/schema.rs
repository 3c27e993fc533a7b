//! Tables and their migrations.

use rusqlite::{Connection, TransactionBehavior};

use super::database;
use crate::store::StoreError;

/// `application_id` of the file, "iSPD": tells a store from any other SQLite file.
const APPLICATION_ID: i64 = 0x6953_5044;

/// One entry a schema version; never edited once released.
///
/// - `body` is apart from `sample`, so that looking for ids and devices does not walk over 20 KB rows.
/// - `verdict` is apart from both: judging again replaces it and touches nothing the device signed.
/// - `tally` and `device_tally` are written in the transaction of the sample, so that the month's status is read from a
///   few thousand rows and not from a million. '' stands for "no commune" and "counts", because parts of a primary key
///   cannot be compared when NULL.
/// - A tombstone keeps no device: id and hash are all a chain needs.
const MIGRATIONS: [&str; 1] = ["
    CREATE TABLE sample (
        position    INTEGER PRIMARY KEY,
        id          BLOB NOT NULL UNIQUE,
        sha256      TEXT NOT NULL,
        device_id   TEXT NOT NULL,
        month       TEXT NOT NULL,
        started_us  INTEGER NOT NULL,
        received_us INTEGER NOT NULL,
        commune     TEXT NOT NULL,
        unattested  INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX sample_device ON sample (device_id, started_us);

    CREATE TABLE body (
        position INTEGER PRIMARY KEY REFERENCES sample (position),
        bytes    BLOB NOT NULL
    ) STRICT;

    CREATE TABLE verdict (
        position  INTEGER PRIMARY KEY REFERENCES sample (position),
        counts    INTEGER NOT NULL,
        reasons   TEXT NOT NULL,
        rules     INTEGER NOT NULL,
        place     TEXT,
        judged_us INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE tombstone (
        id         BLOB PRIMARY KEY,
        sha256     TEXT NOT NULL,
        deleted_us INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE receipt (
        key       TEXT NOT NULL,
        sequence  INTEGER NOT NULL,
        sample_id BLOB NOT NULL,
        deletion  INTEGER NOT NULL,
        sha256    TEXT NOT NULL,
        json      TEXT NOT NULL,
        PRIMARY KEY (key, sequence)
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX receipt_sample ON receipt (sample_id, deletion);

    CREATE TABLE tally (
        month      TEXT NOT NULL,
        commune    TEXT NOT NULL,
        reason     TEXT NOT NULL,
        unattested INTEGER NOT NULL,
        samples    INTEGER NOT NULL,
        PRIMARY KEY (month, commune, reason, unattested)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE device_tally (
        month     TEXT NOT NULL,
        commune   TEXT NOT NULL,
        device_id TEXT NOT NULL,
        samples   INTEGER NOT NULL,
        PRIMARY KEY (month, commune, device_id)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE used_key (
        purpose  TEXT NOT NULL,
        key      TEXT NOT NULL,
        since_us INTEGER NOT NULL,
        PRIMARY KEY (purpose, key)
    ) STRICT, WITHOUT ROWID;
"];

/// Newest schema this program knows.
pub(super) const NEWEST: i64 = MIGRATIONS.len() as i64;

/// Brings the file to the newest schema, one transaction a version; refuses foreign files and newer schemas.
pub(super) fn migrate(connection: &mut Connection, path: &str) -> Result<(), StoreError> {
    let pragma = |c: &Connection, name: &str| c.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let application = pragma(connection, "application_id").map_err(|e| foreign_or(e, path))?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(database)?;
    if application != APPLICATION_ID && (application != 0 || tables > 0) {
        return Err(StoreError::Foreign(path.to_owned()));
    }
    loop {
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(database)?;
        let version = pragma(&tx, "user_version").map_err(database)?;
        if version > NEWEST {
            return Err(StoreError::TooNew { found: version, known: NEWEST });
        }
        let Some(statements) = usize::try_from(version).ok().and_then(|v| MIGRATIONS.get(v)) else {
            return tx.commit().map_err(database);
        };
        tx.execute_batch(statements).map_err(database)?;
        tx.pragma_update(None, "application_id", APPLICATION_ID).map_err(database)?;
        tx.pragma_update(None, "user_version", version + 1).map_err(database)?;
        tx.commit().map_err(database)?;
    }
}

fn foreign_or(error: rusqlite::Error, path: &str) -> StoreError {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => StoreError::Foreign(path.to_owned()),
        _ => database(error),
    }
}
