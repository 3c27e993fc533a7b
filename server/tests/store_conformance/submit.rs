//! What has always been promised: samples, standing, tallies, deletion, chains.

use std::collections::BTreeMap;
use std::sync::Arc;

use ispeed_protocol::UtcMicros;
use ispeed_protocol::receipt::{CHAIN_START, verify_chain};
use ispeed_protocol::signing::{SignatureError, sha256_hex};
use ispeed_server::store::{Decide, KeyUse, Known, MonthTallies, Store, StoreError, Submission, UsedKey};

use super::support::*;

pub(crate) async fn keeps_once(store: &dyn Store) {
    let one = sample(1, "a", Some("25195"), start());
    assert_eq!(store.find(one.facts.id).await.unwrap(), None);
    let Submission::Stored(held) = keep(store, &one, None).await else { panic!("it is new") };
    assert_eq!((held.receipt.sequence, held.receipt.previous.as_str()), (1, CHAIN_START));
    assert_eq!(store.find(one.facts.id).await.unwrap(), Some(Known::Held(held.clone())));

    let mut other = one.clone();
    other.body = b"{}".to_vec();
    other.facts.sha256 = sha256_hex(&other.body);
    let again = keep(store, &other, Some("late")).await;
    assert_eq!(again, Submission::Known(Known::Held(held.clone())), "the first stands, its verdict too");
    assert_eq!(chain(store).await, [held.receipt]);
    assert_eq!(store.of_device("a".into(), 0, 10).await.unwrap()[0].body, one.body);
}

pub(crate) async fn fails_as_a_whole(store: &dyn Store) {
    let one = sample(1, "a", Some("25195"), start());
    let refuse: Decide = Box::new(|_| Err(SignatureError::Shape("no".into())));
    assert!(matches!(store.submit(chain_key(), one.clone(), refuse).await, Err(StoreError::Signature(_))));
    let panics: Decide = Box::new(|_| panic!("a fault in a rule"));
    assert!(matches!(store.submit(chain_key(), one.clone(), panics).await, Err(StoreError::Panicked)));
    assert_eq!(store.find(one.facts.id).await.unwrap(), None);
    assert!(chain(store).await.is_empty());
    assert_eq!(store.tallies(november(), None).await.unwrap(), MonthTallies::default());
    assert!(matches!(keep(store, &one, None).await, Submission::Stored(_)), "the store goes on");
}

pub(crate) async fn shows_the_standing(store: &dyn Store) {
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
    assert_eq!(standing.counted_nearby[0].cell, sample(1, "a", None, start()).facts.cell, "spacing is judged by it");
    assert!(standing.same_start, "sample 2 started at the same moment, counted or not");
    assert_eq!(standing.link.sequence, 6);
}

pub(crate) async fn tallies_equal_the_verdicts(store: &dyn Store) {
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
        new.facts.attested = n != 4;
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

pub(crate) async fn lists_in_order_and_in_pages(store: &dyn Store) {
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

pub(crate) async fn deletes_and_leaves_tombstones(store: &dyn Store) {
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
    let known = Known::Deleted { sha256: gone.facts.sha256.clone() };
    assert_eq!(store.find(gone.facts.id).await.unwrap(), Some(known.clone()));
    assert_eq!(keep(store, &gone, None).await, Submission::Known(known), "it does not come back");
    assert!(store.of_device("a".into(), 0, 10).await.unwrap().is_empty());
    let left = store.tallies(november(), None).await.unwrap();
    assert_eq!(sums(&left), BTreeMap::from([(("25195".into(), String::new()), 1)]));
    assert_eq!(left.devices, [("25195".to_owned(), 1)]);
    assert!(store.delete_device(chain_key(), "a".into(), start(), deletion()).await.unwrap().is_empty());
    assert!(matches!(keep(store, &sample(9, "a", None, start()), None).await, Submission::Stored(_)));
}

pub(crate) async fn remembers_keys(store: &dyn Store) {
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

pub(crate) async fn chains_under_load(store: Arc<dyn Store>) {
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

pub(crate) async fn closes(store: &dyn Store) {
    keep(store, &sample(1, "a", None, start()), None).await;
    store.check().await.unwrap();
    store.close().await.unwrap();
    assert!(matches!(store.check().await, Err(StoreError::Closed)));
    let two = sample(2, "a", None, start());
    assert!(matches!(store.submit(chain_key(), two.clone(), decide(&two, None)).await, Err(StoreError::Closed)));
    store.close().await.unwrap();
}
