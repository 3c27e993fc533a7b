//! What every store promises, written against the trait. A new implementation adds one `#[tokio::test]` that calls
//! [`suite`] with a maker of its own.
#![allow(clippy::unwrap_used, reason = "a failed unwrap here is a failed test, in helpers too")]

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use ispeed_protocol::receipt::{CHAIN_START, Receipt, ReceiptKind, verify_chain};
use ispeed_protocol::signing::{SecretKey, SignatureError, sha256_hex};
use ispeed_protocol::verdict::Verdict;
use ispeed_protocol::{Month, UtcMicros};
use ispeed_server::store::{
    ChainLink, Decide, Decision, KeyUse, Known, MonthTallies, NewSample, SignDeletion, SqliteStore, Store, StoreError,
    Submission, UsedKey,
};
use uuid::Uuid;

const MINUTE_US: i64 = 60_000_000;

fn key() -> SecretKey {
    SecretKey::from_bytes(&[5; 32])
}

fn chain_key() -> String {
    key().public().text()
}

fn start() -> UtcMicros {
    "2026-11-23T07:00:00Z".parse().unwrap()
}

fn november() -> Month {
    "2026-11".parse().unwrap()
}

fn sample(n: u128, device: &str, commune: Option<&str>, started_at: UtcMicros) -> NewSample {
    let body = format!("{{\"n\":{n}}}").into_bytes();
    NewSample {
        id: Uuid::from_u128(n),
        sha256: sha256_hex(&body),
        body,
        device_id: device.into(),
        started_at,
        received_at: started_at,
        commune: commune.map(str::to_owned),
        unattested: false,
    }
}

fn receipt(kind: ReceiptKind, sample: &NewSample, link: &ChainLink) -> Result<Receipt, SignatureError> {
    Receipt {
        v: 1,
        kind,
        sample_id: sample.id,
        sample_sha256: sample.sha256.clone(),
        device_signature: None,
        evidence_sha256: sha256_hex(b"[]"),
        attested: !sample.unattested,
        received_at: sample.received_at,
        collector: "suite".into(),
        sequence: link.sequence,
        previous: link.previous.clone(),
        key: String::new(),
        signature: String::new(),
    }
    .sign(&key())
}

/// Counts unless there is a reason.
fn decide(sample: &NewSample, reason: Option<&str>) -> Decide {
    let (sample, reasons) = (sample.clone(), reason.map(str::to_owned).into_iter().collect::<Vec<_>>());
    Box::new(move |standing| {
        let verdict = Verdict { counts: reasons.is_empty(), reasons, rules: 1 };
        Ok(Decision { verdict, place: None, receipt: receipt(ReceiptKind::Sample, &sample, &standing.link)? })
    })
}

async fn keep(store: &dyn Store, sample: &NewSample, reason: Option<&str>) -> Submission {
    store.submit(chain_key(), sample.clone(), decide(sample, reason)).await.unwrap()
}

fn deletion() -> SignDeletion {
    Box::new(|given, link| {
        Receipt {
            kind: ReceiptKind::Deletion,
            sequence: link.sequence,
            previous: link.previous.clone(),
            ..given.clone()
        }
        .sign(&key())
    })
}

async fn chain(store: &dyn Store) -> Vec<Receipt> {
    store.receipts(chain_key(), 0, 10_000).await.unwrap()
}

fn sums(tallies: &MonthTallies) -> BTreeMap<(String, String), u32> {
    let mut sums = BTreeMap::new();
    for t in &tallies.tallies {
        *sums.entry((t.commune.clone().unwrap_or_default(), t.reason.clone().unwrap_or_default())).or_default() +=
            t.samples;
    }
    sums
}

/// Runs every check on a fresh store each.
async fn suite<M, F>(make: M)
where
    M: Fn() -> F,
    F: Future<Output = Arc<dyn Store>>,
{
    keeps_once(&*make().await).await;
    fails_as_a_whole(&*make().await).await;
    shows_the_standing(&*make().await).await;
    tallies_equal_the_verdicts(&*make().await).await;
    lists_in_order_and_in_pages(&*make().await).await;
    deletes_and_leaves_tombstones(&*make().await).await;
    remembers_keys(&*make().await).await;
    chains_under_load(make().await).await;
    closes(&*make().await).await;
}

async fn keeps_once(store: &dyn Store) {
    let one = sample(1, "a", Some("25195"), start());
    assert_eq!(store.find(one.id).await.unwrap(), None);
    let Submission::Stored(held) = keep(store, &one, None).await else { panic!("it is new") };
    assert_eq!((held.receipt.sequence, held.receipt.previous.as_str()), (1, CHAIN_START));
    assert_eq!(store.find(one.id).await.unwrap(), Some(Known::Held(held.clone())));

    let mut other = one.clone();
    other.body = b"{}".to_vec();
    other.sha256 = sha256_hex(&other.body);
    let again = keep(store, &other, Some("late")).await;
    assert_eq!(again, Submission::Known(Known::Held(held.clone())), "the first stands, its verdict too");
    assert_eq!(chain(store).await, [held.receipt]);
    assert_eq!(store.of_device("a".into(), 0, 10).await.unwrap()[0].body, one.body);
}

async fn fails_as_a_whole(store: &dyn Store) {
    let one = sample(1, "a", Some("25195"), start());
    let refuse: Decide = Box::new(|_| Err(SignatureError::Shape("no".into())));
    assert!(matches!(store.submit(chain_key(), one.clone(), refuse).await, Err(StoreError::Signature(_))));
    let panics: Decide = Box::new(|_| panic!("a fault in a rule"));
    assert!(matches!(store.submit(chain_key(), one.clone(), panics).await, Err(StoreError::Panicked)));
    assert_eq!(store.find(one.id).await.unwrap(), None);
    assert!(chain(store).await.is_empty());
    assert_eq!(store.tallies(november(), None).await.unwrap(), MonthTallies::default());
    assert!(matches!(keep(store, &one, None).await, Submission::Stored(_)), "the store goes on");
}

async fn shows_the_standing(store: &dyn Store) {
    for (n, minutes, reason) in [(1, 0, None), (2, 5, Some("vpn")), (3, 10, None), (4, 25 * 60, None)] {
        keep(store, &sample(n, "a", Some("25195"), start().plus_micros(minutes * MINUTE_US)), reason).await;
    }
    keep(store, &sample(5, "b", Some("25195"), start()), None).await;
    let new = sample(6, "a", None, start().plus_micros(5 * MINUTE_US));
    let (seen, standing) = std::sync::mpsc::channel();
    let inner = decide(&new, Some("x"));
    let spying: Decide = Box::new(move |standing| {
        seen.send(standing.clone()).unwrap();
        inner(standing)
    });
    store.submit(chain_key(), new, spying).await.unwrap();
    let standing = standing.recv().unwrap();
    let starts: Vec<_> =
        standing.counted_nearby.iter().map(|c| c.started_at.micros_since(start()) / MINUTE_US).collect();
    assert_eq!(starts, [0, 10], "of this device, counted, within a day, by start");
    assert_eq!(standing.counted_nearby[0].commune.as_deref(), Some("25195"));
    assert!(standing.same_start, "sample 2 started at the same moment, counted or not");
    assert_eq!(standing.link.sequence, 6);
}

async fn tallies_equal_the_verdicts(store: &dyn Store) {
    let last_in_november: UtcMicros = "2026-11-30T16:59:59.999999Z".parse().unwrap();
    let rows = [
        (1, "a", Some("25195"), start(), None),
        (2, "a", Some("25195"), start(), None),
        (3, "b", Some("25195"), start(), None),
        (4, "b", Some("25195"), start(), Some("vpn")),
        (5, "b", Some("00004"), last_in_november, None),
        (6, "c", Some("00004"), last_in_november.plus_micros(1), None),
        (7, "c", None, start(), Some("place_outside")),
    ];
    for (n, device, commune, at, reason) in rows {
        let mut new = sample(n, device, commune, at);
        new.unattested = n == 4;
        keep(store, &new, reason).await;
    }
    let all = store.tallies(november(), None).await.unwrap();
    let expected = [(("25195", ""), 3), (("25195", "vpn"), 1), (("00004", ""), 1), (("", "place_outside"), 1)];
    assert_eq!(sums(&all), expected.map(|((c, r), n)| ((c.to_owned(), r.to_owned()), n)).into());
    let devices: BTreeMap<_, _> = all.devices.clone().into_iter().collect();
    assert_eq!(devices, BTreeMap::from([("25195".into(), 2), ("00004".into(), 1)]));
    let unattested: u32 = all.tallies.iter().filter(|t| t.unattested).map(|t| t.samples).sum();
    assert_eq!(unattested, 1);
    let one = store.tallies(november(), Some("25195".into())).await.unwrap();
    assert_eq!(sums(&one).values().sum::<u32>(), 4);
    assert_eq!(one.devices, [("25195".to_owned(), 2)]);
    let december = store.tallies(november().next(), None).await.unwrap();
    assert_eq!(sums(&december).values().sum::<u32>(), 1, "months turn in Vietnam");
}

async fn lists_in_order_and_in_pages(store: &dyn Store) {
    for n in 1..=5 {
        keep(store, &sample(n, "a", None, start()), Some("x")).await;
        keep(store, &sample(100 + n, "b", None, start()), Some("x")).await;
    }
    let first = store.of_device("a".into(), 0, 3).await.unwrap();
    let rest = store.of_device("a".into(), first[2].position, 3).await.unwrap();
    let ids: Vec<_> = first.iter().chain(&rest).map(|s| s.id.as_u128()).collect();
    assert_eq!(ids, [1, 2, 3, 4, 5]);
    let second = store.receipts(chain_key(), 1, 1).await.unwrap();
    assert_eq!((second.len(), second[0].sequence), (1, 2));
}

async fn deletes_and_leaves_tombstones(store: &dyn Store) {
    for n in 1..=3 {
        keep(store, &sample(n, "a", Some("25195"), start()), None).await;
    }
    keep(store, &sample(4, "b", Some("25195"), start()), None).await;
    let given = store.delete_device(chain_key(), "a".into(), start(), deletion()).await.unwrap();
    assert_eq!(given.len(), 3);
    let receipts = chain(store).await;
    verify_chain(&receipts).unwrap();
    assert_eq!(receipts[4..], given[..]);

    let gone = sample(1, "a", Some("25195"), start());
    let known = Known::Deleted { sha256: gone.sha256.clone() };
    assert_eq!(store.find(gone.id).await.unwrap(), Some(known.clone()));
    assert_eq!(keep(store, &gone, None).await, Submission::Known(known), "it does not come back");
    assert!(store.of_device("a".into(), 0, 10).await.unwrap().is_empty());
    let left = store.tallies(november(), None).await.unwrap();
    assert_eq!(sums(&left), BTreeMap::from([(("25195".into(), String::new()), 1)]));
    assert_eq!(left.devices, [("25195".to_owned(), 1)]);
    assert!(store.delete_device(chain_key(), "a".into(), start(), deletion()).await.unwrap().is_empty());
    assert!(matches!(keep(store, &sample(9, "a", None, start()), None).await, Submission::Stored(_)));
}

async fn remembers_keys(store: &dyn Store) {
    let used = |key: &str, minutes: i64| UsedKey {
        purpose: KeyUse::Receipt,
        key: key.into(),
        since: start().plus_micros(minutes * MINUTE_US),
    };
    for key in [used("one", 0), used("two", 1), used("one", 2)] {
        store.register_key(key).await.unwrap();
    }
    store.register_key(UsedKey { purpose: KeyUse::Evidence, ..used("one", 3) }).await.unwrap();
    let keys = store.keys().await.unwrap();
    assert_eq!(keys[..2], [used("one", 0), used("two", 1)], "the first use stands");
    assert_eq!(keys[2].purpose, KeyUse::Evidence);
}

async fn chains_under_load(store: Arc<dyn Store>) {
    let tasks: Vec<_> = (0..16_u128)
        .map(|task| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for n in 0..25 {
                    // Every id is handed in by two tasks.
                    let one = sample((task / 2) * 100 + n, "a", Some("25195"), start());
                    keep(&*store, &one, None).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let receipts = chain(&*store).await;
    assert_eq!(receipts.len(), 200);
    verify_chain(&receipts).unwrap();
    assert_eq!(sums(&store.tallies(november(), None).await.unwrap()).values().sum::<u32>(), 200);
}

async fn closes(store: &dyn Store) {
    keep(store, &sample(1, "a", None, start()), None).await;
    store.check().await.unwrap();
    store.close().await.unwrap();
    assert!(matches!(store.check().await, Err(StoreError::Closed)));
    let two = sample(2, "a", None, start());
    assert!(matches!(store.submit(chain_key(), two.clone(), decide(&two, None)).await, Err(StoreError::Closed)));
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sqlite_keeps_every_promise() {
    let folder = tempfile::tempdir().unwrap();
    let made = std::sync::atomic::AtomicUsize::new(0);
    suite(|| {
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
