//! The store in one file: the suite, and what only a file can do wrong.

use std::sync::Arc;

use ispeed_protocol::receipt::{Receipt, verify_chain};
use ispeed_server::store::{Known, MonthQuery, SqliteStore, Store, StoreError, Submission};
use uuid::Uuid;

use super::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sqlite_keeps_every_promise() {
    let folder = tempfile::tempdir().unwrap();
    let made = std::sync::atomic::AtomicUsize::new(0);
    super::suite(|| {
        let n = made.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = folder.path().join(format!("{n}.sqlite"));
        async move { Arc::new(SqliteStore::open(&path).unwrap()) as Arc<dyn Store> }
    })
    .await;
}

#[tokio::test]
async fn what_a_sqlite_call_returned_is_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sqlite");
    let store = SqliteStore::open(&path).unwrap();
    let Submission::Stored(held) = keep(&store, &sample(1, "a", None, start()), None).await else { panic!() };
    // A second opener, as after a power cut: the first never closed.
    let again = SqliteStore::open(&path).unwrap();
    assert_eq!(again.find(Uuid::from_u128(1)).await.unwrap(), Some(Known::Held(held)));
    // Two processes on one file share one chain.
    keep(&again, &sample(2, "a", None, start()), None).await;
    keep(&store, &sample(3, "a", None, start()), None).await;
    let receipts = chain(&again).await;
    assert_eq!(receipts.len(), 3);
    verify_chain(&receipts).unwrap();
}

#[tokio::test]
async fn a_load_into_a_sqlite_file_is_all_or_nothing_and_ends_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("to.sqlite");
    let from = SqliteStore::open(&folder.path().join("from.sqlite")).unwrap();
    let to = SqliteStore::open(&path).unwrap();
    super::transfer::a_load_that_fails_changes_nothing(&from, &to).await;
    to.close().await.unwrap();
    let db = rusqlite::Connection::open(&path).unwrap();
    let mode: String = db.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    let sound: String = db.pragma_query_value(None, "integrity_check", |row| row.get(0)).unwrap();
    assert_eq!((mode.as_str(), sound.as_str()), ("wal", "ok"));
}

#[tokio::test]
async fn a_foreign_or_newer_file_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let foreign = folder.path().join("foreign.sqlite");
    let db = rusqlite::Connection::open(&foreign).unwrap();
    db.execute_batch("CREATE TABLE song (title TEXT)").unwrap();
    drop(db);
    let error = SqliteStore::open(&foreign).err().unwrap();
    assert!(matches!(error, StoreError::Foreign(_)), "{error}");

    let text = folder.path().join("text.sqlite");
    std::fs::write(&text, "this is not a database, it is a text of more than a hundred bytes. ".repeat(20)).unwrap();
    let error = SqliteStore::open(&text).err().unwrap();
    assert!(matches!(error, StoreError::Foreign(_)), "{error}");

    let newer = folder.path().join("newer.sqlite");
    SqliteStore::open(&newer).unwrap().close().await.unwrap();
    rusqlite::Connection::open(&newer).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let error = SqliteStore::open(&newer).err().unwrap();
    assert!(matches!(error, StoreError::TooNew { found: 99, .. }), "{error}");
}

#[tokio::test]
async fn the_months_status_reads_tallies_and_no_sample() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sqlite");
    SqliteStore::open(&path).unwrap().close().await.unwrap();
    let db = rusqlite::Connection::open(&path).unwrap();
    for sql in [
        "SELECT commune, reason, unattested, samples FROM tally WHERE month = '2026-11' AND commune = '25195'",
        "SELECT commune, count(*) FROM device_tally WHERE month = '2026-11' GROUP BY commune",
        "SELECT started_us FROM sample WHERE device_id = 'a' AND started_us BETWEEN 1 AND 2",
        "SELECT sequence FROM receipt WHERE key = 'k' ORDER BY sequence DESC LIMIT 1",
    ] {
        let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let plan: Vec<String> = statement.query_map([], |row| row.get(3)).unwrap().map(Result::unwrap).collect();
        assert!(plan.iter().all(|step| step.starts_with("SEARCH")), "{sql}: {plan:?}");
    }
}

/// A database as the first release left it, with one sample.
fn schema_1(path: &std::path::Path, body: &str, receipt: &Receipt) {
    let db = rusqlite::Connection::open(path).unwrap();
    db.execute_batch(include_str!("schema_1.sql")).unwrap();
    let id = receipt.sample_id;
    let sample = "INSERT INTO sample VALUES (7, ?1, ?2, 'a', '2026-11', ?3, ?4, '25195', 0)";
    let (started, received) = (start().as_micros(), receipt.received_at.as_micros());
    db.execute(sample, rusqlite::params![id.as_bytes(), receipt.sample_sha256, started, received]).unwrap();
    db.execute("INSERT INTO body VALUES (7, ?1)", [body.as_bytes()]).unwrap();
    db.execute("INSERT INTO verdict VALUES (7, 0, '[\"vpn\",\"late\"]', 4, NULL, 0)", []).unwrap();
    db.execute(
        "INSERT INTO receipt VALUES (?1, 1, ?2, 0, ?3, ?4)",
        rusqlite::params![receipt.key, id.as_bytes(), receipt.sha256(), serde_json::to_string(receipt).unwrap()],
    )
    .unwrap();
}

#[tokio::test]
async fn rows_of_a_database_of_the_first_release_are_made_of_its_bodies() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sqlite");
    let body = include_str!("../../../protocol/vectors/sample.json");
    let vector: serde_json::Value =
        serde_json::from_str(include_str!("../../../protocol/vectors/receipt.json")).unwrap();
    let receipt: Receipt = serde_json::from_value(vector["receipt"].clone()).unwrap();
    schema_1(&path, body, &receipt);

    let store = SqliteStore::open(&path).unwrap();
    let rows = store.month_samples(MonthQuery::new(november(), 10)).await.unwrap();
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!((row.id, &row.sha256, row.started_at), (receipt.sample_id, &receipt.sample_sha256, start()));
    assert_eq!((&row.receipt_key, row.receipt_sequence), (&receipt.key, 1));
    assert_eq!((row.province.as_deref(), row.commune.as_deref()), (Some("75"), Some("25195")));
    assert_eq!((row.reasons.join(" "), row.rules, row.attested), ("vpn late".into(), 4, true));
    assert_eq!((row.operator.as_str(), row.idle_ms, row.echo.sent), ("viettel", Some(27.4), 200));
    assert_eq!(store.export(0, 10).await.unwrap()[0].1.body, body.as_bytes(), "the body is left as it was");
    store.put_record("campaign", "a", "{}".into(), Some(0)).await.unwrap();
}

#[tokio::test]
async fn a_database_whose_rows_cannot_be_made_stays_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sqlite");
    let vector: serde_json::Value =
        serde_json::from_str(include_str!("../../../protocol/vectors/receipt.json")).unwrap();
    schema_1(&path, "no sample", &serde_json::from_value(vector["receipt"].clone()).unwrap());
    let error = SqliteStore::open(&path).err().unwrap().to_string();
    assert!(error.contains("sample body") && error.contains("position 7"), "{error}");
    let db = rusqlite::Connection::open(&path).unwrap();
    let version: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    let rows: i64 =
        db.query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'month_row'", [], |row| row.get(0)).unwrap();
    assert_eq!((version, rows), (1, 0));
}

#[tokio::test]
async fn a_month_is_read_along_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sqlite");
    SqliteStore::open(&path).unwrap().close().await.unwrap();
    let db = rusqlite::Connection::open(&path).unwrap();
    for condition in ["", "AND province = '75'", "AND (province, commune, id) > ('75', '25195', x'00')"] {
        let sql = format!(
            "EXPLAIN QUERY PLAN SELECT * FROM month_row WHERE month = '2026-11' {condition}
             ORDER BY province, commune, id LIMIT 10"
        );
        let mut statement = db.prepare(&sql).unwrap();
        let plan: Vec<String> = statement.query_map([], |row| row.get(3)).unwrap().map(Result::unwrap).collect();
        let [step] = plan.as_slice() else { panic!("{condition}: {plan:?}") };
        assert!(step.starts_with("SEARCH month_row USING PRIMARY KEY"), "{condition}: {plan:?}");
    }
}
