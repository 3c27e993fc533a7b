//! A made-up month in a store: real receipts, rows as planned, kept apart from other samples; and its raw export.
#![allow(clippy::unwrap_used, reason = "a failed unwrap in a test is a failed test")]

use std::path::Path;
use std::sync::Arc;

use futures_util::TryStreamExt as _;
use ispeed_protocol::Month;
use ispeed_protocol::receipt::verify_chain;
use ispeed_protocol::signing::{SecretKey, sha256_hex};
use ispeed_report::MonthSample;
use ispeed_server::collect::Communes;
use ispeed_server::raw::{MANIFEST, RawError, export_month};
use ispeed_server::store::{MonthQuery, SqliteStore, Store};
use ispeed_server::synth::{MonthSpec, Synth, SynthError, write};
use object_store::memory::InMemory;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore as _, ObjectStoreExt as _, PutPayload};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::RowAccessor as _;

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

fn key() -> SecretKey {
    SecretKey::from_bytes(&[1; 32])
}

fn plan(month: Month, samples: u64, seed: u64) -> Arc<Synth> {
    let spec = MonthSpec { month, samples, seed, province: Some("75".to_owned()) };
    Arc::new(Synth::plan(spec, &Communes::new(None).unwrap()).unwrap())
}

fn open(folder: &Path) -> SqliteStore {
    SqliteStore::open(&folder.join("ispeed.sqlite")).unwrap()
}

async fn rows(store: &dyn Store, month: Month) -> Vec<MonthSample> {
    store.month_samples(MonthQuery::new(month, 100_000)).await.unwrap()
}

#[tokio::test]
async fn what_was_planned_is_kept_with_a_chain_of_real_receipts() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let synth = plan(month("2026-10"), 900, 4);
    let mut told = 0;
    let written = write(&store, &key(), "test", Arc::clone(&synth), |done| told = done).await.unwrap();
    assert_eq!((written.samples, told), (900, 900));
    let kept = rows(&store, month("2026-10")).await;
    assert_eq!(kept.len(), 900);
    assert!(kept.windows(2).all(|pair| pair[0].order() < pair[1].order()));
    for made in synth.samples(0..synth.len()) {
        let row = kept.iter().find(|row| row.id == made.facts.id).unwrap();
        assert_eq!(
            (row.counts, &row.reasons, &row.sha256),
            (made.verdict.counts, &made.verdict.reasons, &made.facts.sha256)
        );
        assert_eq!(
            (row.commune.clone(), row.down_bps, row.cell),
            (made.facts.commune, made.facts.down_bps, made.facts.cell)
        );
        assert!(row.synthetic);
    }
    let public = key().public().text();
    let receipts = store.receipts(public.clone(), 0, 1_000).await.unwrap();
    assert_eq!(receipts.len(), 900);
    assert_eq!(verify_chain(&receipts), Ok(()));
    assert!(receipts.iter().all(|receipt| receipt.verify(&[key().public()]).is_ok()));

    write(&store, &key(), "test", plan(month("2026-11"), 50, 4), |_| {}).await.unwrap();
    let receipts = store.receipts(public, 0, 1_000).await.unwrap();
    assert_eq!(verify_chain(&receipts), Ok(()), "the next month goes on in the chain");
    assert_eq!(store.chain_heads().await.unwrap()[0].sequence, 950);
    let tallies = store.tallies(month("2026-10"), None).await.unwrap();
    assert_eq!(tallies.tallies.iter().map(|tally| tally.samples).sum::<u32>(), 900);
}

#[tokio::test]
async fn a_month_is_made_once_and_never_beside_other_samples() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    write(&store, &key(), "test", plan(month("2026-10"), 40, 1), |_| {}).await.unwrap();
    let again = write(&store, &key(), "test", plan(month("2026-10"), 40, 1), |_| {}).await;
    assert!(matches!(again, Err(SynthError::Again(_, 1))), "{again:?}");
    assert_eq!(rows(&store, month("2026-10")).await.len(), 40);

    // Samples that came another way: another store's, by import.
    let other_folder = tempfile::tempdir().unwrap();
    let other = open(other_folder.path());
    let batch = store.export(0, 10).await.unwrap().into_iter().map(|(_, sample)| sample).collect();
    other.import(batch).await.unwrap();
    let refused = write(&other, &key(), "test", plan(month("2026-11"), 40, 1), |_| {}).await;
    assert!(matches!(refused, Err(SynthError::Real(_))), "{refused:?}");
    assert!(rows(&other, month("2026-11")).await.is_empty(), "nothing was written");
}

async fn exported(store: &dyn Store, out: &InMemory, month: Month) -> Vec<(String, String)> {
    export_month(store, out, &ObjectPath::from("months"), month).await.unwrap();
    let mut files: Vec<(String, String)> = Vec::new();
    let held: Vec<_> = out.list(None).try_collect().await.unwrap();
    for object in held {
        let bytes = out.get(&object.location).await.unwrap().bytes().await.unwrap();
        files.push((object.location.to_string(), sha256_hex(&bytes)));
    }
    files.sort();
    files
}

#[tokio::test]
async fn the_raw_export_is_partitioned_whole_and_the_same_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let this = month("2026-10");
    write(&store, &key(), "test", plan(this, 600, 9), |_| {}).await.unwrap();
    let out = InMemory::new();
    let stale = ObjectPath::from("months/month=2026-10/province=75/part-7.parquet");
    out.put(&stale, PutPayload::from(b"old".to_vec())).await.unwrap();
    let files = exported(&store, &out, this).await;
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "months/month=2026-10/_manifest.json",
            "months/month=2026-10/province=75/part-0.parquet",
            "months/month=2026-10/province=none/part-0.parquet",
        ],
        "what an earlier export left is gone"
    );
    assert_eq!(files, exported(&store, &InMemory::new(), this).await);

    let kept = rows(&store, this).await;
    let mut read = 0;
    for name in &names[1..] {
        let bytes = out.get(&ObjectPath::from(*name)).await.unwrap().bytes().await.unwrap();
        let file = SerializedFileReader::new(bytes).unwrap();
        for row in file.get_row_iter(None).unwrap() {
            let row = row.unwrap();
            let of_id = kept.iter().find(|kept| kept.id.to_string() == *row.get_string(0).unwrap()).unwrap();
            assert_eq!(row.get_string(1).unwrap(), &of_id.sha256);
            assert_eq!(row.get_bool(8).unwrap(), of_id.counts);
            assert_eq!(row.get_string(9).unwrap(), &of_id.reasons.join(" "));
            assert_eq!(row.get_string(12).ok(), of_id.commune.as_ref());
            assert_eq!(row.get_double(23).ok(), of_id.down_bps);
            read += 1;
        }
    }
    assert_eq!(read, kept.len());
    let manifest = out.get(&ObjectPath::from(format!("months/month=2026-10/{MANIFEST}"))).await.unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest.bytes().await.unwrap()).unwrap();
    assert_eq!(manifest["rows"], 600);
    let empty = export_month(&store, &out, &ObjectPath::default(), month("2026-09")).await;
    assert!(matches!(empty, Err(RawError::Empty(_))));
}
