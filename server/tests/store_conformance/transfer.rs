//! Whole samples out of a store and into another.

use ispeed_server::store::{Imported, Known, MonthQuery, Store, StoreError, StoredSample};

use super::support::*;

async fn fill(store: &dyn Store) {
    for n in 1..=5_u128 {
        let reason = (n == 2).then_some("vpn");
        let device = if n.is_multiple_of(2) { "b" } else { "a" };
        let commune = (n != 4).then_some("25195");
        keep(store, &sample(n, device, commune, start().plus_micros(n as i64 * MINUTE_US)), reason).await;
    }
}

async fn exported(store: &dyn Store) -> Vec<StoredSample> {
    let first = store.export(0, 3).await.unwrap();
    let rest = store.export(first.last().map_or(0, |(position, _)| *position), 100).await.unwrap();
    first.into_iter().chain(rest).map(|(_, sample)| sample).collect()
}

pub(crate) async fn exports_what_it_kept(store: &dyn Store) {
    assert_eq!(store.export(0, 10).await.unwrap(), []);
    fill(store).await;
    let all = exported(store).await;
    assert_eq!(all.iter().map(|s| s.row.id.as_u128()).collect::<Vec<_>>(), [1, 2, 3, 4, 5], "in order");
    for sample in &all {
        sample.check().unwrap();
        let Some(Known::Held(held)) = store.find(sample.row.id).await.unwrap() else { panic!() };
        assert_eq!((&held.receipt, &held.verdict, &held.place), (&sample.receipt, &sample.verdict, &sample.place));
        sample.receipt.covers(sample.row.id, &sample.body).unwrap();
    }
    assert_eq!(all[0].place, Some(place()), "with every bit of its numbers");
}

fn counts(imported: Imported) -> (u64, u64, u64) {
    (imported.stored, imported.held, imported.deleted)
}

pub(crate) async fn imports_once_and_refuses_conflicts(from: &dyn Store, to: &dyn Store) {
    fill(from).await;
    let all = exported(from).await;
    assert_eq!(counts(to.import(all[..3].to_vec()).await.unwrap()), (3, 0, 0));
    assert_eq!(counts(to.import(all.clone()).await.unwrap()), (2, 3, 0), "what is held is skipped");
    assert_eq!(counts(to.import(all.clone()).await.unwrap()), (0, 5, 0), "the same again is nothing");
    assert_eq!(exported(to).await, all);
    let was = from.tallies(november(), None).await.unwrap();
    assert_eq!(to.tallies(november(), None).await.unwrap(), was, "tallies are rebuilt");
    let query = || MonthQuery::new(november(), 100);
    assert_eq!(to.month_samples(query()).await.unwrap(), from.month_samples(query()).await.unwrap());
    assert_eq!(to.chain_heads().await.unwrap(), from.chain_heads().await.unwrap());
    assert_eq!(chain(to).await, chain(from).await);

    // Another body under a known id, and with it a new sample: neither is taken in.
    let conflict = |result: Result<Imported, StoreError>| match result {
        Err(error @ StoreError::Conflict { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    };
    let next = keep(from, &sample(6, "a", Some("25195"), start()), None).await;
    assert!(matches!(next, ispeed_server::store::Submission::Stored(_)));
    let newest = exported(from).await.pop().unwrap();
    let mut other = all[1].clone();
    other.row.sha256 = "ab".repeat(32);
    other.receipt.sample_sha256.clone_from(&other.row.sha256);
    let error = conflict(to.import(vec![newest.clone(), other]).await);
    assert!(error.contains(&format!("sample {}", all[1].row.id)) && error.contains("abab"), "{error}");
    assert_eq!(to.find(newest.row.id).await.unwrap(), None, "all or nothing");
    assert_eq!(exported(to).await, all);

    // Another sample at a place of the chain that is taken.
    let mut usurper = newest.clone();
    usurper.row.receipt_sequence = 2;
    usurper.receipt.sequence = 2;
    let error = conflict(to.import(vec![usurper]).await);
    assert!(error.contains("receipt 2 of key"), "{error}");

    let mut crooked = newest.clone();
    crooked.row.counts = !crooked.row.counts;
    let error = to.import(vec![crooked]).await.unwrap_err().to_string();
    assert!(error.contains("differ in counts"), "{error}");

    // The chain goes on after what was imported.
    assert_eq!(counts(to.import(vec![newest]).await.unwrap()), (1, 0, 0));
    keep(to, &sample(7, "a", None, start()), None).await;
    let receipts = chain(to).await;
    ispeed_protocol::receipt::verify_chain(&receipts).unwrap();
    assert_eq!(receipts.len(), 7);
}

async fn load(to: &dyn Store, all: &[StoredSample]) -> Result<Imported, StoreError> {
    let (sender, batches) = tokio::sync::mpsc::channel(1);
    let send = async move {
        for batch in all.chunks(2) {
            if sender.send(batch.to_vec()).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(to.import_all(all.len() as u64, batches), send).0
}

pub(crate) async fn imports_batch_after_batch(from: &dyn Store, to: &dyn Store) {
    fill(from).await;
    let all = exported(from).await;
    assert_eq!(to.chain_heads().await.unwrap(), []);
    assert_eq!(counts(load(to, &all[..3]).await.unwrap()), (3, 0, 0));
    assert_eq!(counts(load(to, &all).await.unwrap()), (2, 3, 0), "what is held is skipped");
    assert_eq!(exported(to).await, all);
    assert_eq!(to.tallies(november(), None).await.unwrap(), from.tallies(november(), None).await.unwrap());
    keep(to, &sample(6, "a", None, start()), None).await;
    ispeed_protocol::receipt::verify_chain(&chain(to).await).unwrap();
}

/// For stores that take in all or none.
pub(crate) async fn a_load_that_fails_changes_nothing(from: &dyn Store, to: &dyn Store) {
    fill(from).await;
    let mut all = exported(from).await;
    all[4].row.counts = !all[4].row.counts;
    let error = load(to, &all).await.unwrap_err().to_string();
    assert!(error.contains("differ in counts"), "{error}");
    assert_eq!(exported(to).await, []);
    assert_eq!(counts(load(to, &all[..4]).await.unwrap()), (4, 0, 0), "and can be tried again");
}

pub(crate) async fn moves_deletions(from: &dyn Store, to: &dyn Store) {
    fill(from).await;
    let before = exported(from).await;
    from.delete_device(chain_key(), "a".into(), start().plus_micros(5), deletion()).await.unwrap();
    let gone = from.deleted(None, 100).await.unwrap();
    assert_eq!(gone.iter().map(|gone| gone.id.as_u128()).collect::<Vec<_>>(), [1, 3, 5], "by id");
    assert_eq!(gone[0].deleted_at, start().plus_micros(5));
    assert_eq!(
        (gone[1].given.clone(), gone[1].sha256.clone()),
        (before[2].receipt.clone(), before[2].row.sha256.clone())
    );
    assert_eq!(gone[1].deletion.sequence, 7);
    assert_eq!(from.deleted(Some(gone[0].id), 1).await.unwrap(), [gone[1].clone()]);

    // One of them is held here still, and goes too.
    to.import(before[..3].to_vec()).await.unwrap();
    let left = exported(from).await;
    assert_eq!(counts(to.import(left).await.unwrap()), (1, 1, 0));
    assert_eq!(counts(to.import_deleted(gone.clone()).await.unwrap()), (3, 0, 0));
    assert_eq!(counts(to.import_deleted(gone.clone()).await.unwrap()), (0, 3, 0));
    assert_eq!(counts(to.import(before.clone()).await.unwrap()), (0, 2, 3), "what was deleted does not come back");
    assert_eq!(to.deleted(None, 100).await.unwrap(), gone);
    assert_eq!(to.tallies(november(), None).await.unwrap(), from.tallies(november(), None).await.unwrap());
    assert_eq!(chain(to).await, chain(from).await);
    assert_eq!(to.chain_heads().await.unwrap(), from.chain_heads().await.unwrap());

    for (key, revision) in [("a", 1), ("b", 1), ("b", 2)] {
        from.put_record("campaign", key, "{}".into(), Some(revision - 1)).await.unwrap();
    }
    let records = from.every_record().await.unwrap();
    assert_eq!(counts(to.import_records(records.clone()).await.unwrap()), (2, 0, 0));
    assert_eq!(counts(to.import_records(records.clone()).await.unwrap()), (0, 2, 0));
    assert_eq!(to.every_record().await.unwrap(), records, "with revision and time");
    to.put_record("campaign", "b", "{}".into(), Some(2)).await.unwrap();
    assert!(matches!(to.import_records(records).await, Err(StoreError::Conflict { .. })));
}
