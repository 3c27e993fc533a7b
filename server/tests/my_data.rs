//! What the owner of a key sees and takes back.
#![allow(clippy::unwrap_used, reason = "a failed unwrap here is a failed test, in helpers too")]

mod common;

use std::collections::HashSet;

use axum::body::Body;
use common::{MINUTE_US, World, at, chain, device, sample, sign_bytes, signed, stored};
use http::Request;
use ispeed_protocol::identity::{OwnershipProof, PROOF_HEADER};
use ispeed_protocol::mine::{Deleted, OwnSamples};
use ispeed_protocol::plan::CommuneQuota;
use ispeed_protocol::receipt::{ReceiptKind, verify_chain};
use ispeed_protocol::signing::SecretKey;

const START: &str = "2026-11-23T07:04:05.000123Z";

async fn me(world: &World, action: &str, key: &SecretKey, query: &str) -> common::Answer {
    let proof = OwnershipProof::header(key, action, &world.receipt_key(), at("2026-11-23T08:00:00Z")).unwrap();
    let request = Request::builder().method(action).uri(format!("/v1/me{query}")).header(PROOF_HEADER, proof);
    world.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn an_owner_sees_and_deletes_their_own_and_the_chain_goes_on() {
    let world = World::new().await;
    let (mine, other) = (device(1), device(2));
    let mut bodies = Vec::new();
    for i in 0..3 {
        let start = at(START).plus_micros(i * 3 * MINUTE_US);
        bodies.push(signed(&sample(i as u128, start, &mine), &mine));
        stored(&world, &bodies[i as usize]).await;
        stored(&world, &signed(&sample(100 + i as u128, start, &other), &other)).await;
    }
    let seen: OwnSamples = me(&world, "GET", &mine, "").await.json();
    assert_eq!((seen.samples.len(), seen.next), (3, None));
    assert!(seen.samples.iter().all(|s| s.verdict.counts));

    let answer = me(&world, "DELETE", &mine, "").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let deleted: Deleted = answer.json();
    assert_eq!(deleted.receipts.len(), 3);
    for (receipt, body) in deleted.receipts.iter().zip(&bodies) {
        assert_eq!(receipt.kind, ReceiptKind::Deletion);
        receipt.covers(body.id, &body.bytes).unwrap();
        assert_eq!(world.put(body).await.problem(), (410, "sample_deleted".into()));
    }
    let receipts = chain(&world).await;
    assert_eq!(receipts.len(), 9);
    verify_chain(&receipts).unwrap();

    let left: OwnSamples = me(&world, "GET", &mine, "").await.json();
    assert_eq!(left.samples.len(), 0);
    let again: Deleted = me(&world, "DELETE", &mine, "").await.json();
    assert_eq!(again.receipts.len(), 0);
    let quota: CommuneQuota = world.get("/v1/communes/25195/quota?month=2026-11").await.json();
    assert_eq!((quota.counted, quota.devices), (3, 1), "the other one's samples stay");

    world.collector.close().await.unwrap();
    let file = std::fs::read(common::store_path(world.folder.path())).unwrap();
    let own_id = ispeed_protocol::identity::device_id(&mine.public());
    let holds = |needle: &[u8]| file.windows(needle.len()).any(|w| w == needle);
    assert!(!holds(own_id.as_bytes()), "no trace of the deleted device is in the file");
    assert!(holds(ispeed_protocol::identity::device_id(&other.public()).as_bytes()));
}

#[tokio::test]
async fn my_data_needs_a_proof_for_this_key_action_collector_and_time() {
    let world = World::new().await;
    let key = device(1);
    let audience = world.receipt_key();
    let now = at("2026-11-23T08:00:00Z");
    let header = |action: &str, audience: &str, at| OwnershipProof::header(&key, action, audience, at).unwrap();
    for (method, proof) in [
        ("GET", None),
        ("DELETE", Some(header("GET", &audience, now))),
        ("GET", Some(header("GET", "another collector", now))),
        ("GET", Some(header("GET", &audience, now.plus_micros(-6 * MINUTE_US)))),
        ("GET", Some("e30".to_owned())),
    ] {
        let mut request = Request::builder().method(method).uri("/v1/me");
        if let Some(proof) = &proof {
            request = request.header(PROOF_HEADER, proof);
        }
        let answer = world.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.problem(), (401, "proof_invalid".into()), "{method} {proof:?}");
        assert_ne!(answer.header("www-authenticate"), "");
    }
    assert_eq!(me(&world, "GET", &key, "?after=x").await.problem(), (400, "parameter_invalid".into()));
}

#[tokio::test]
async fn my_data_comes_in_pages() {
    let world = World::new().await;
    let key = device(1);
    let count = 105;
    for i in 0..count {
        let start = at("2026-11-20T00:00:00Z").plus_micros(i * 3 * MINUTE_US);
        stored(&world, &signed(&sample(i as u128, start, &key), &key)).await;
    }
    let first: OwnSamples = me(&world, "GET", &key, "").await.json();
    assert_eq!(first.samples.len(), 100);
    let rest: OwnSamples = me(&world, "GET", &key, &format!("?after={}", first.next.unwrap())).await.json();
    assert_eq!((rest.samples.len(), rest.next), (5, None));
    let ids: HashSet<_> = first.samples.iter().chain(&rest.samples).map(|s| s.id).collect();
    assert_eq!(ids.len(), count as usize);
}

#[tokio::test]
async fn unknown_members_are_kept_byte_for_byte() {
    let world = World::new().await;
    let key = device(1);
    let good = sample(1, at(START), &key);
    let text =
        serde_json::to_string_pretty(&good).unwrap().replacen('{', "{ \"of_tomorrow\" : [1.50, \"\\u00e9\"] ,", 1);
    let body = sign_bytes(good.id, text.clone().into_bytes(), &key);
    assert!(stored(&world, &body).await.verdict.counts);
    let answer = me(&world, "GET", &key, "").await;
    let mine: OwnSamples = answer.json();
    assert_eq!(mine.samples[0].sample.get(), text);
    mine.samples[0].receipt.covers(good.id, mine.samples[0].sample.get().as_bytes()).unwrap();
}
