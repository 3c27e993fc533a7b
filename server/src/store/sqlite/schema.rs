//! Tables and their migrations.

use rusqlite::{Connection, TransactionBehavior};

use super::{backfill, database};
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
/// - `month_row` is what a month's statistics need of a sample, 400 bytes beside 20 KB, lying in the order in which months
///   are read; '' stands for "none" in what is part of its key.
const MIGRATIONS: [Migration; 2] = [Migration { statements: FIRST, then: None }, MONTHS];

/// One step from a schema version to the next.
struct Migration {
    statements: &'static str,
    /// What SQL alone cannot do, in the same transaction.
    then: Option<Step>,
}

type Step = fn(&Connection) -> Result<(), StoreError>;

const FIRST: &str = "
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
";

/// Version 2: months are read from narrow rows, and records are kept beside the samples.
const MONTHS: Migration = Migration {
    statements: "
    CREATE TABLE month_row (
        month            TEXT NOT NULL,
        province         TEXT NOT NULL,
        commune          TEXT NOT NULL,
        id               BLOB NOT NULL,
        position         INTEGER NOT NULL REFERENCES sample (position),
        sha256           TEXT NOT NULL,
        device_id        TEXT NOT NULL,
        started_us       INTEGER NOT NULL,
        received_us      INTEGER NOT NULL,
        receipt_key      TEXT NOT NULL,
        receipt_sequence INTEGER NOT NULL,
        outcome          TEXT NOT NULL,
        counts           INTEGER NOT NULL,
        reasons          TEXT NOT NULL,
        rules            INTEGER NOT NULL,
        attested         INTEGER NOT NULL,
        cell             TEXT,
        operator         TEXT NOT NULL,
        brand            TEXT,
        technology       TEXT NOT NULL,
        measurer         TEXT NOT NULL,
        campaign         TEXT,
        pair_id          TEXT,
        surroundings     TEXT,
        first_run        INTEGER NOT NULL,
        down_bps         REAL,
        up_bps           REAL,
        byte_capped      INTEGER NOT NULL,
        idle_ms          REAL,
        loaded_down_ms   REAL,
        loaded_up_ms     REAL,
        pdv_ms           REAL,
        echo_sent        INTEGER NOT NULL,
        echo_lost        INTEGER NOT NULL,
        bytes            INTEGER NOT NULL,
        simulated        INTEGER NOT NULL,
        synthetic        INTEGER NOT NULL,
        PRIMARY KEY (month, province, commune, id)
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX month_row_position ON month_row (position);
    CREATE INDEX month_row_commune ON month_row (month, commune);

    CREATE TABLE record (
        kind       TEXT NOT NULL,
        key        TEXT NOT NULL,
        revision   INTEGER NOT NULL,
        json       TEXT NOT NULL,
        changed_us INTEGER NOT NULL,
        PRIMARY KEY (kind, key)
    ) STRICT, WITHOUT ROWID;
    ",
    then: Some(backfill::rows),
};

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
        let Some(migration) = usize::try_from(version).ok().and_then(|v| MIGRATIONS.get(v)) else {
            return tx.commit().map_err(database);
        };
        tx.execute_batch(migration.statements).map_err(database)?;
        if let Some(then) = migration.then {
            then(&tx)?;
        }
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
