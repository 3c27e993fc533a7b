//! Tables and their migrations.

use tokio_postgres::Transaction;

use super::{Connection, advisory};
use crate::store::StoreError;

/// One entry a schema version, with the number of the same state of the SQLite store; never edited once released. This
/// database came with version 2.
///
/// - What grows with the samples lies in partitions, one a month (`part` = `YYYY-MM`): an old month is detached, archived or
///   dropped without touching the others. Samples whose clock was far from the collector's go to the part `other`, so that
///   nobody can make a table for each month of two centuries.
/// - `sample` is the narrow row of a month and all that is looked up; `body` is apart, 20 KB each.
/// - A key over all partitions has to hold the partition's own; `sample_id` is what makes ids unique.
/// - `chain` holds the newest receipt of each key. Its row is the lock under which a chain grows.
/// - Codes and ids compare as bytes (COLLATE "C"), whatever language the database speaks: months are read in one order
///   everywhere.
/// - '' stands for "none" in what is part of a key.
const MIGRATIONS: [(i64, &str); 1] = [(
    2,
    "
    CREATE TABLE chain (
        key      text COLLATE \"C\" PRIMARY KEY,
        sequence bigint NOT NULL,
        sha256   text NOT NULL
    ) WITH (fillfactor = 50);

    CREATE TABLE receipt (
        key       text COLLATE \"C\" NOT NULL,
        sequence  bigint NOT NULL,
        sample_id uuid NOT NULL,
        deletion  boolean NOT NULL,
        sha256    text NOT NULL,
        json      text NOT NULL,
        PRIMARY KEY (key, sequence)
    );
    CREATE UNIQUE INDEX receipt_sample ON receipt (sample_id, deletion);

    CREATE SEQUENCE sample_position;

    CREATE TABLE sample_id (
        id       uuid PRIMARY KEY,
        part     text COLLATE \"C\" NOT NULL,
        position bigint NOT NULL
    );

    CREATE TABLE sample (
        part             text COLLATE \"C\" NOT NULL,
        position         bigint NOT NULL,
        month            text COLLATE \"C\" NOT NULL,
        province         text COLLATE \"C\" NOT NULL,
        commune          text COLLATE \"C\" NOT NULL,
        id               uuid NOT NULL,
        sha256           text NOT NULL,
        device_id        text COLLATE \"C\" NOT NULL,
        started_us       bigint NOT NULL,
        received_us      bigint NOT NULL,
        receipt_key      text COLLATE \"C\" NOT NULL,
        receipt_sequence bigint NOT NULL,
        outcome          text NOT NULL,
        counts           boolean NOT NULL,
        reasons          text NOT NULL,
        rules            bigint NOT NULL,
        attested         boolean NOT NULL,
        cell             text,
        operator         text NOT NULL,
        brand            text,
        technology       text NOT NULL,
        measurer         text NOT NULL,
        campaign         text,
        pair_id          text,
        surroundings     text,
        first_run        boolean NOT NULL,
        down_bps         double precision,
        up_bps           double precision,
        byte_capped      boolean NOT NULL,
        idle_ms          double precision,
        loaded_down_ms   double precision,
        loaded_up_ms     double precision,
        pdv_ms           double precision,
        echo_sent        bigint NOT NULL,
        echo_lost        bigint NOT NULL,
        bytes            bigint NOT NULL,
        simulated        boolean NOT NULL,
        synthetic        boolean NOT NULL,
        place            text,
        judged_us        bigint NOT NULL,
        PRIMARY KEY (position, part)
    ) PARTITION BY LIST (part);
    CREATE UNIQUE INDEX sample_order ON sample (month, province, commune, id, part);
    CREATE INDEX sample_commune ON sample (month, commune);
    CREATE INDEX sample_device ON sample (device_id, started_us);

    CREATE TABLE body (
        part     text COLLATE \"C\" NOT NULL,
        position bigint NOT NULL,
        bytes    bytea NOT NULL,
        PRIMARY KEY (position, part)
    ) PARTITION BY LIST (part);

    CREATE TABLE sample_other PARTITION OF sample FOR VALUES IN ('other');
    CREATE TABLE body_other PARTITION OF body FOR VALUES IN ('other');

    CREATE TABLE tombstone (
        id         uuid PRIMARY KEY,
        sha256     text NOT NULL,
        deleted_us bigint NOT NULL
    );

    CREATE TABLE tally (
        month      text COLLATE \"C\" NOT NULL,
        commune    text COLLATE \"C\" NOT NULL,
        reason     text COLLATE \"C\" NOT NULL,
        unattested boolean NOT NULL,
        samples    bigint NOT NULL,
        PRIMARY KEY (month, commune, reason, unattested)
    ) WITH (fillfactor = 70);

    CREATE TABLE device_tally (
        month     text COLLATE \"C\" NOT NULL,
        commune   text COLLATE \"C\" NOT NULL,
        device_id text COLLATE \"C\" NOT NULL,
        samples   bigint NOT NULL,
        PRIMARY KEY (month, commune, device_id)
    ) WITH (fillfactor = 70);

    CREATE TABLE used_key (
        purpose  text COLLATE \"C\" NOT NULL,
        key      text COLLATE \"C\" NOT NULL,
        since_us bigint NOT NULL,
        PRIMARY KEY (purpose, key)
    );

    CREATE TABLE record (
        kind       text COLLATE \"C\" NOT NULL,
        key        text COLLATE \"C\" NOT NULL,
        revision   bigint NOT NULL,
        json       text NOT NULL,
        changed_us bigint NOT NULL,
        PRIMARY KEY (kind, key)
    );
",
)];

/// Newest schema this program knows.
const NEWEST: i64 = MIGRATIONS[MIGRATIONS.len() - 1].0;

/// Brings the database to the newest schema in one transaction, alone; refuses foreign databases and newer schemas.
pub(super) async fn migrate(connection: &mut Connection, shown: &str) -> Result<(), StoreError> {
    let failed = |error| super::failure::of(shown, error);
    let tx = connection.build_transaction().start().await.map_err(failed)?;
    // Collectors that start together wait for the first.
    tx.execute("SELECT pg_advisory_xact_lock($1)", &[&advisory("schema", "")]).await.map_err(failed)?;
    let version = version(&tx, shown).await?;
    if version > NEWEST {
        return Err(StoreError::TooNew { found: version, known: NEWEST });
    }
    for (next, statements) in MIGRATIONS.iter().filter(|(next, _)| *next > version) {
        tx.batch_execute(statements).await.map_err(failed)?;
        tx.execute("UPDATE ispeed_schema SET version = $1", &[next]).await.map_err(failed)?;
    }
    tx.commit().await.map_err(failed)
}

/// The schema's version, 0 of an empty database, in which the table of the version is made.
async fn version(tx: &Transaction<'_>, shown: &str) -> Result<i64, StoreError> {
    let failed = |error| super::failure::of(shown, error);
    let tables = "SELECT count(*) FILTER (WHERE relname = 'ispeed_schema'), count(*) FROM pg_class
                  WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')";
    let row = tx.query_one(tables, &[]).await.map_err(failed)?;
    match (row.get::<_, i64>(0), row.get::<_, i64>(1)) {
        (0, 0) => {
            tx.batch_execute(
                "CREATE TABLE ispeed_schema (version bigint NOT NULL); INSERT INTO ispeed_schema VALUES (0)",
            )
            .await
            .map_err(failed)?;
            Ok(0)
        }
        (0, _) => Err(StoreError::Foreign(shown.to_owned())),
        _ => Ok(tx.query_one("SELECT version FROM ispeed_schema", &[]).await.map_err(failed)?.get(0)),
    }
}
