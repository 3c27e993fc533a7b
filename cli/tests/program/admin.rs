use std::path::Path;

use ispeed_protocol::receipt::Receipt;
use ispeed_server::store::{DeletedSample, StoredSample};
use serde_json::Value;

use crate::postgres_server::Postgres;
use crate::{ispeed, run, stdout_of, text};

/// A store with a sample, a deleted one, a record and a key, in the folder `name`.
async fn fill(folder: &Path) {
    use ispeed_protocol::receipt::ReceiptKind;
    use ispeed_protocol::signing::{SecretKey, sha256_hex};
    std::fs::create_dir_all(folder).unwrap();
    let store = ispeed_server::store::open(None, folder).await.unwrap();
    let key = SecretKey::from_bytes(&[3; 32]);
    let body = include_bytes!("../../../protocol/vectors/sample.json").to_vec();
    let sample: ispeed_protocol::Sample = serde_json::from_slice(&body).unwrap();
    let sha256 = sha256_hex(&body);
    let receipt = |kind, sequence, previous: String, id, sha256: &str| {
        let vector: Value = serde_json::from_str(include_str!("../../../protocol/vectors/receipt.json")).unwrap();
        let template: Receipt = serde_json::from_value(vector["receipt"].clone()).unwrap();
        let sample_sha256 = sha256.to_owned();
        Receipt { kind, sequence, previous, sample_id: id, sample_sha256, ..template }.sign(&key).unwrap()
    };
    let first = receipt(ReceiptKind::Sample, 1, "0".repeat(64), sample.id, &sha256);
    let found = ispeed_server::facts::Found {
        sha256: &sha256,
        started_at: sample.started_at,
        received_at: first.received_at,
        attested: first.attested,
        commune: Some("25195"),
        province: Some("75"),
        upload_asn: None,
    };
    let verdict = ispeed_protocol::verdict::Verdict { counts: true, reasons: Vec::new(), rules: 1 };
    let row = ispeed_server::facts::decided(ispeed_server::facts::of(&sample, &found), &verdict, &first);
    let place = Some(sample.place.clone());
    let stored = StoredSample { row, body, receipt: first.clone(), verdict, place };
    assert_eq!(store.import(vec![stored]).await.unwrap().stored, 1);
    let (gone, gone_sha256) = (uuid::Uuid::from_u128(9), sha256_hex(b"gone"));
    let given = receipt(ReceiptKind::Sample, 2, first.sha256(), gone, &gone_sha256);
    let deletion = receipt(ReceiptKind::Deletion, 3, given.sha256(), gone, &gone_sha256);
    let deleted = DeletedSample { id: gone, sha256: gone_sha256, deleted_at: first.received_at, given, deletion };
    assert_eq!(store.import_deleted(vec![deleted]).await.unwrap().stored, 1);
    store.put_record("campaign", "đợt 1", "{\"quota\":300}".into(), Some(0)).await.unwrap();
    let used = ispeed_server::store::UsedKey {
        purpose: ispeed_server::store::KeyUse::Receipt,
        key: key.public().text(),
        since: first.received_at,
    };
    store.register_key(used).await.unwrap();
    store.close().await.unwrap();
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(future)
}

fn hash(output: &str, what: &str) -> String {
    let line = output.lines().find(|line| line.starts_with(what)).unwrap_or_else(|| panic!("{what}: {output}"));
    assert!(line.contains("1 samples, 1 deleted, 1 records, 1 keys"), "{line}");
    line.rsplit(' ').next().unwrap().to_owned()
}

fn failure(home: &Path, args: &[&str]) -> String {
    let output = run(home, args);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {}", text(&output.stdout));
    let line = text(&output.stderr);
    assert_eq!(line.trim_end().lines().count(), 1, "{line}");
    line
}

#[test]
fn a_store_moves_by_a_file_and_nothing_of_a_broken_one_is_taken_in() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    block_on(fill(&home.join("one")));
    let exported = hash(&stdout_of(&run(home, &["admin", "export", "--data", "one", "--out", "x"])), "exported");
    let again = failure(home, &["admin", "export", "--data", "one", "--out", "x"]);
    assert!(again.contains("x is there already"), "{again}");

    let imported = stdout_of(&run(home, &["admin", "import", "--data", "two", "x"]));
    assert_eq!((hash(&imported, "file"), hash(&imported, "store")), (exported.clone(), exported.clone()));
    assert!(imported.contains("taken in: 3, held already: 0"), "{imported}");
    let imported = stdout_of(&run(home, &["admin", "import", "--data", "two", "x"]));
    assert!(imported.contains("taken in: 0, held already: 3"), "the same again is nothing: {imported}");
    let back = hash(&stdout_of(&run(home, &["admin", "export", "--data", "two", "--out", "y"])), "exported");
    assert_eq!(back, exported);
    let status = stdout_of(&run(home, &["month", "status", "--data", "two", "--month", "2026-11", "--format", "json"]));
    assert_eq!(serde_json::from_str::<Value>(&status).unwrap()["counted"], 1, "tallies are rebuilt");

    let whole = std::fs::read(home.join("x")).unwrap();
    for (name, bytes) in [("short", &whole[..whole.len() - 9]), ("text", b"this is no archive".as_slice())] {
        std::fs::write(home.join(name), bytes).unwrap();
        let line = failure(home, &["admin", "import", "--data", "three", name]);
        assert!(line.contains(name) && line.contains("nothing was taken in"), "{line}");
    }
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    std::fs::write(home.join("flipped"), flipped).unwrap();
    failure(home, &["admin", "import", "--data", "three", "flipped"]);
    let empty = stdout_of(&run(home, &["admin", "export", "--data", "three", "--out", "z"]));
    assert!(empty.contains("0 samples, 0 deleted, 0 records, 0 keys"), "{empty}");
    let absent = failure(home, &["admin", "export", "--data", "four", "--out", "w"]);
    assert!(absent.contains("is not there") && !home.join("four").exists(), "looking makes no store: {absent}");

    let output = run(home, &["admin", "export", "--database", "postgres://a:s3cret@", "--out", "w"]);
    let line = text(&output.stderr);
    assert!(line.contains("is not the address of a database") && !line.contains("s3cret"), "{line}");
}

#[test]
#[ignore = "needs PostgreSQL: cargo xtask store"]
fn sqlite_to_postgres_to_sqlite_is_the_same() {
    let server = Postgres::start();
    let address = server.database("moved");
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    block_on(fill(&home.join("one")));
    let exported = hash(&stdout_of(&run(home, &["admin", "export", "--data", "one", "--out", "x"])), "exported");
    let imported = stdout_of(&run(home, &["admin", "import", "--database", &address, "x"]));
    assert_eq!(hash(&imported, "store"), exported);
    // The address may come by the environment, and is what every command that reads a store goes by.
    let with_env =
        |args: &[&str]| stdout_of(&ispeed(home).env("ISPEED_DATABASE", &address).args(args).output().unwrap());
    assert_eq!(hash(&with_env(&["admin", "export", "--out", "y"]), "exported"), exported);
    let status = with_env(&["month", "status", "--month", "2026-11", "--format", "json"]);
    assert_eq!(serde_json::from_str::<Value>(&status).unwrap()["counted"], 1);
    let imported = stdout_of(&run(home, &["admin", "import", "--data", "two", "y"]));
    assert_eq!(hash(&imported, "store"), exported);
    stdout_of(&run(home, &["admin", "export", "--data", "two", "--out", "z"]));
    let bytes = |name: &str| std::fs::read(home.join(name)).unwrap();
    assert!(bytes("z") == bytes("x"), "byte for byte");
}
