//! Rows of a month, heads of chains, records.

use ispeed_protocol::signing::SecretKey;
use ispeed_report::MonthSample;
use ispeed_report::sample::ChainHead;
use ispeed_server::store::{MonthQuery, Store, StoreError, Submission};

use super::support::*;

async fn rows(store: &dyn Store, change: impl FnOnce(&mut MonthQuery)) -> Vec<MonthSample> {
    let mut query = MonthQuery::new(november(), 1_000);
    change(&mut query);
    store.month_samples(query).await.unwrap()
}

fn ids(rows: &[MonthSample]) -> Vec<u128> {
    rows.iter().map(|row| row.id.as_u128()).collect()
}

pub(crate) async fn hands_out_rows_in_order(store: &dyn Store) {
    let communes = [Some("25195"), None, Some("00004"), Some("25195"), Some("24769"), Some("00004"), None];
    let mut expected = Vec::new();
    for (i, commune) in communes.into_iter().enumerate() {
        // Ids that fall while they come in, and one whose first byte is high.
        let n = if i == 3 { u128::MAX - 1 } else { 100 - i as u128 };
        let new = sample(n, "a", commune, start().plus_micros(i as i64));
        let reason = (i == 1).then_some("vpn");
        let Submission::Stored(held) = keep(store, &new, reason).await else { panic!() };
        expected.push(ispeed_server::facts::decided(new.facts, &held.verdict, &held.receipt));
    }
    keep(store, &sample(7, "a", Some("25195"), november().end()), None).await;
    // A clock that is years off has its month all the same.
    let ancient = sample(8, "a", Some("25195"), "2021-02-03T00:00:00Z".parse().unwrap());
    let mut ancient = ancient;
    ancient.facts.received_at = start();
    keep(store, &ancient, None).await;
    let february = MonthQuery::new("2021-02".parse().unwrap(), 10);
    assert_eq!(ids(&store.month_samples(february).await.unwrap()), [8]);

    expected.sort_by(|a, b| a.order().cmp(&b.order()));
    let all = rows(store, |_| ()).await;
    assert_eq!(all, expected, "every member comes back, in order, of this month only");
    assert_eq!(ids(&all), [94, 99, 95, 98, 96, 100, u128::MAX - 1]);

    let mut paged = Vec::new();
    loop {
        let after = paged.last().map(MonthSample::owned_order);
        let page = rows(store, |query| (query.after, query.limit) = (after, 2)).await;
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged, expected, "pages join without gap or overlap");
    assert_eq!(ids(&rows(store, |query| query.province = Some("75".into())).await), [96, 100, u128::MAX - 1]);
    assert_eq!(ids(&rows(store, |query| query.commune = Some("00004".into())).await), [95, 98]);
    assert_eq!(rows(store, |query| query.commune = Some("99999".into())).await, []);

    store.delete_device(chain_key(), "a".into(), start(), deletion()).await.unwrap();
    assert_eq!(rows(store, |_| ()).await, [], "a deleted sample has no row");
}

pub(crate) async fn freezes_at_heads(store: &dyn Store) {
    assert_eq!(store.chain_heads().await.unwrap(), []);
    let other = SecretKey::from_bytes(&[6; 32]);
    for n in 1..=3 {
        keep(store, &sample(n, &format!("d{n}"), Some("25195"), start()), None).await;
        keep_by(store, &sample(10 + n, &format!("d{n}"), Some("25195"), start()), &other).await;
    }
    let heads = store.chain_heads().await.unwrap();
    let mut keys = [chain_key(), other.public().text()];
    keys.sort();
    assert_eq!(heads.iter().map(|head| &head.key).collect::<Vec<_>>(), [&keys[0], &keys[1]], "by key");
    let newest = chain(store).await.pop().unwrap();
    let own = ChainHead { key: newest.key.clone(), sequence: 3, sha256: newest.sha256() };
    assert!(heads.contains(&own), "{heads:?}");

    keep(store, &sample(4, "d4", Some("25195"), start()), None).await;
    let frozen = rows(store, |query| query.upto = Some(heads.clone())).await;
    assert_eq!(ids(&frozen), [1, 2, 3, 11, 12, 13], "what came later is outside");
    let earlier = ChainHead { sequence: 2, ..own };
    assert_eq!(ids(&rows(store, |query| query.upto = Some(vec![earlier])).await), [1, 2], "a key apart");
    assert_eq!(rows(store, |query| query.upto = Some(Vec::new())).await, []);

    store.delete_device(chain_key(), "d1".into(), start(), deletion()).await.unwrap();
    let frozen = rows(store, |query| query.upto = Some(heads)).await;
    assert_eq!(ids(&frozen), [2, 3, 12, 13], "a deletion shows");
    let head = store.chain_heads().await.unwrap().into_iter().find(|head| head.key == chain_key()).unwrap();
    assert_eq!(head.sequence, 6, "and has its place in the chain");
}

pub(crate) async fn compares_and_sets_records(store: &dyn Store) {
    assert_eq!(store.record("campaign", "a").await.unwrap(), None);
    assert_eq!(store.put_record("campaign", "a", "{\"n\":1}".into(), Some(0)).await.unwrap(), 1);
    let again = store.put_record("campaign", "a", "{}".into(), Some(0)).await;
    let Err(error @ StoreError::Conflict { .. }) = again else { panic!("{again:?}") };
    assert!(error.to_string().contains("record campaign/a: revision 1 is held"), "{error}");
    assert!(matches!(
        store.put_record("campaign", "new", "{}".into(), Some(3)).await,
        Err(StoreError::Conflict { .. })
    ));
    assert_eq!(store.record("campaign", "a").await.unwrap().unwrap().json, "{\"n\":1}", "nothing was changed");
    assert_eq!(store.put_record("campaign", "a", "{\"n\":2}".into(), Some(1)).await.unwrap(), 2);
    assert_eq!(store.put_record("campaign", "a", "{\"n\":3}".into(), None).await.unwrap(), 3);
    assert_eq!(store.put_record("campaign", "z", "{}".into(), None).await.unwrap(), 1);

    for key in ["2026-11/75", "2026-11/01", "2026-1%/x", "2026-12/75", "Đ"] {
        store.put_record("duty", key, format!("{{\"key\":\"{key}\"}}"), Some(0)).await.unwrap();
    }
    let keys =
        |records: &[ispeed_server::store::Record]| records.iter().map(|record| record.key.clone()).collect::<Vec<_>>();
    assert_eq!(keys(&store.records("duty", "2026-11/").await.unwrap()), ["2026-11/01", "2026-11/75"]);
    assert_eq!(keys(&store.records("duty", "2026-1%").await.unwrap()), ["2026-1%/x"], "no wildcard");
    assert_eq!(keys(&store.records("duty", "Đ").await.unwrap()), ["Đ"]);
    let all = store.records("duty", "").await.unwrap();
    assert_eq!(keys(&all), ["2026-1%/x", "2026-11/01", "2026-11/75", "2026-12/75", "Đ"], "as bytes");
    assert_eq!(store.every_record().await.unwrap().len(), 7);
    assert_eq!(store.records("duties", "").await.unwrap(), []);
    let one = store.record("campaign", "a").await.unwrap().unwrap();
    assert_eq!((one.kind.as_str(), one.revision, one.json.as_str()), ("campaign", 3, "{\"n\":3}"));
    assert_ne!(one.at.as_micros(), 0);
}
