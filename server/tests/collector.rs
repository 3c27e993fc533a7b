//! The collector over a real SQLite file: what it takes in, gives back and refuses.

mod common;

use std::collections::HashSet;

use axum::body::Body;
use common::{MINUTE_US, Options, SignedBody, World, at, attest, device, sample, sign_bytes, signed, with};
use http::Request;
use ispeed_protocol::direction::StopReason;
use ispeed_protocol::identity::{OwnershipProof, PROOF_HEADER};
use ispeed_protocol::mine::{Deleted, OwnSamples, PublishedKeys};
use ispeed_protocol::place::Place;
use ispeed_protocol::plan::{CommuneQuota, MonthStatus};
use ispeed_protocol::receipt::{CHAIN_START, Receipt, ReceiptKind, Submitted, verify_chain};
use ispeed_protocol::sample::Outcome;
use ispeed_protocol::servers::{Info, ServerList};
use ispeed_protocol::signing::{PublicKey, SecretKey};
use ispeed_server::store::Store as _;
use serde_json::{Value, json};

const START: &str = "2026-11-23T07:04:05.000123Z";

async fn stored(world: &World, body: &SignedBody) -> Submitted {
    let answer = world.put(body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let submitted: Submitted = answer.json();
    let key = PublicKey::parse(&world.receipt_key()).unwrap();
    submitted.receipt.verify(&[key]).unwrap();
    submitted.receipt.covers(body.id, &body.bytes).unwrap();
    submitted
}

async fn chain(world: &World) -> Vec<Receipt> {
    world.store.receipts(world.receipt_key(), 0, 100_000).await.unwrap()
}

#[tokio::test]
async fn a_good_sample_counts_and_its_receipt_verifies() {
    let world = World::new().await;
    let key = device(1);
    let submitted = stored(&world, &signed(&sample(1, at(START), &key), &key)).await;
    assert_eq!(submitted.verdict.reasons, Vec::<String>::new());
    assert!(submitted.verdict.counts);
    assert!(submitted.receipt.attested);
    assert_eq!(submitted.receipt.previous, CHAIN_START);
    assert_eq!(submitted.receipt.collector, "test.example");
    assert!(submitted.receipt.device_signature.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_hand_ins_of_one_sample_make_one_row_and_one_receipt() {
    let world = std::sync::Arc::new(World::new().await);
    let key = device(1);
    let body = signed(&sample(1, at(START), &key), &key);
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let (world, body) = (std::sync::Arc::clone(&world), body.clone());
            tokio::spawn(async move {
                let mut answers = HashSet::new();
                for _ in 0..20 {
                    let answer = world.put(&body).await;
                    assert_eq!(answer.status, 200, "{}", answer.text());
                    answers.insert(answer.bytes);
                }
                answers
            })
        })
        .collect();
    let mut answers = HashSet::new();
    for task in tasks {
        answers.extend(task.await.unwrap());
    }
    assert_eq!(answers.len(), 1, "every answer is the same, byte for byte");
    assert_eq!(chain(&world).await.len(), 1);
    let status: MonthStatus = world.get("/v1/months/2026-11").await.json();
    assert_eq!(status.counted, 1);
}

#[tokio::test]
async fn another_body_under_the_id_is_a_conflict_and_changes_nothing() {
    let world = World::new().await;
    let key = device(1);
    let mut one = sample(1, at(START), &key);
    let first = stored(&world, &signed(&one, &key)).await;
    one.campaign = Some("other".into());
    assert_eq!(world.put(&signed(&one, &key)).await.problem(), (409, "sample_conflict".into()));
    one.campaign = sample(1, at(START), &key).campaign;
    assert_eq!(stored(&world, &signed(&one, &key)).await, first);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn receipts_of_many_devices_form_one_chain_without_gaps() {
    let world = std::sync::Arc::new(World::new().await);
    let tasks: Vec<_> = (1..=20_u8)
        .map(|d| {
            let world = std::sync::Arc::clone(&world);
            tokio::spawn(async move {
                let key = device(d);
                for i in 0..10 {
                    let start = at(START).plus_micros(i64::from(i) * 3 * MINUTE_US - 60 * MINUTE_US);
                    stored(&world, &signed(&sample(u128::from(d) * 100 + i as u128, start, &key), &key)).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let receipts = chain(&world).await;
    assert_eq!(receipts.len(), 200);
    verify_chain(&receipts).unwrap();
    assert_eq!((receipts[0].sequence, receipts[0].previous.as_str()), (1, CHAIN_START));
    let quota: CommuneQuota = world.get("/v1/communes/25195/quota?month=2026-11").await.json();
    assert_eq!((quota.counted, quota.missing, quota.devices), (200, 100, 20));
    assert_eq!(quota.name, "Phường Bình Phước");
}

#[tokio::test]
async fn what_got_a_receipt_is_there_after_the_store_is_opened_again() {
    let world = World::new().await;
    let key = device(1);
    let body = signed(&sample(1, at(START), &key), &key);
    let before = stored(&world, &body).await;
    let folder = std::sync::Arc::clone(&world.folder);
    // Not closed in order: the process is gone with its log not yet copied into the file.
    std::mem::forget(world);
    let world = World::open(folder, Options::default()).await;
    assert_eq!(stored(&world, &body).await, before);
    let next = stored(&world, &signed(&sample(2, at(START).plus_micros(3 * MINUTE_US), &key), &key)).await;
    verify_chain([&before.receipt, &next.receipt]).unwrap();
    world.collector.close().await.unwrap();
    assert_eq!(world.put(&body).await.problem(), (503, "busy".into()));
    assert_ne!(world.put(&body).await.header("retry-after"), "");
}

#[tokio::test]
async fn a_sample_that_does_not_hold_is_kept_and_does_not_count() {
    let world = World::new().await;
    let key = device(1);
    type Change = fn(&mut ispeed_protocol::Sample);
    let reattest = |s: &mut ispeed_protocol::Sample| attest(s, &common::remote_evidence_key());
    let table: [(&str, bool, Change, bool); 16] = [
        ("evidence_missing", false, |s| s.evidence.clear(), false),
        ("evidence_missing", false, |s| drop(s.evidence.pop()), false),
        ("evidence_mismatch", false, |s| s.evidence[0].bytes += 1, false),
        ("evidence_mismatch", false, |s| attest(s, &SecretKey::from_bytes(&[99; 32])), false),
        ("evidence_mismatch", false, |s| s.evidence[1] = s.evidence[0].clone(), false),
        ("evidence_mismatch", false, |s| s.evidence[0].bytes /= 2, true),
        ("evidence_mismatch", false, |s| s.evidence[1].bytes += 300_000_000, true),
        ("evidence_mismatch", false, shift_evidence, true),
        ("evidence_mismatch", false, |s| s.down_sender_series = None, false),
        ("evidence_mismatch", false, |s| s.up.as_mut().unwrap().series.app_bytes[3] += 1, false),
        ("recompute_mismatch", true, |s| s.down.as_mut().unwrap().goodput_bps = Some(47e6), true),
        ("recompute_mismatch", true, |s| *s.down.as_mut().unwrap().window_ms.as_mut().unwrap() -= 50.0, true),
        ("not_cellular", true, |s| s.transport.kind = ispeed_protocol::device::TransportKind::Wifi, true),
        ("position_declared", true, declare, true),
        ("place_ambiguous", true, |s| s.place.verdict = ispeed_protocol::place::PlaceVerdict::Ambiguous, true),
        ("method_unknown", true, |s| s.method = 7, true),
    ];
    for (i, (reason, attested, change, again)) in table.into_iter().enumerate() {
        let mut sample = sample(i as u128, at(START).plus_micros(i as i64 * 3 * MINUTE_US), &key);
        change(&mut sample);
        if again {
            reattest(&mut sample);
        }
        let submitted = stored(&world, &signed(&sample, &key)).await;
        let first = submitted.verdict.reasons.first().map(String::as_str);
        assert_eq!(first, Some(reason), "row {i}: {:?}", submitted.verdict);
        assert_eq!(submitted.receipt.attested, attested, "row {i}");
    }
    let status: MonthStatus = world.get("/v1/months/2026-11").await.json();
    assert_eq!((status.counted, status.excluded.values().sum::<u32>()), (0, 16));
    assert_eq!(status.unattested, 10);
}

fn shift_evidence(sample: &mut ispeed_protocol::Sample) {
    sample.evidence[0].started_at = at("2026-11-23T06:00:00Z");
    sample.evidence[0].ended_at = at("2026-11-23T06:00:02Z");
}

fn declare(sample: &mut ispeed_protocol::Sample) {
    for fix in [&mut sample.fixes.start, &mut sample.fixes.mid, &mut sample.fixes.end].into_iter().flatten() {
        fix.source = ispeed_protocol::place::FixSource::Declared;
    }
}

#[tokio::test]
async fn a_sample_of_no_service_is_kept_unattested_and_without_commune() {
    let world = World::new().await;
    let key = device(1);
    let mut sample = sample(1, at(START), &key);
    sample.outcome = Outcome::NoService;
    sample.outcome_reason = Some("no_route".into());
    (sample.down, sample.up, sample.down_sender_series, sample.server) = (None, None, None, None);
    sample.evidence.clear();
    sample.place = Place::unknown();
    sample.clock = None;
    let submitted = stored(&world, &signed(&sample, &key)).await;
    assert!(submitted.verdict.reasons.contains(&"no_service".into()), "{:?}", submitted.verdict);
    assert!(!submitted.receipt.attested);
    let status: MonthStatus = world.get("/v1/months/2026-11").await.json();
    assert_eq!((status.unattested, status.without_commune, status.counted), (1, 1, 0));
}

#[tokio::test]
async fn the_second_sample_within_two_minutes_and_the_twenty_first_of_a_day_are_surplus() {
    let world = World::new().await;
    let key = device(1);
    let first = at("2026-11-23T03:00:00Z");
    for i in 0..22 {
        let submitted =
            stored(&world, &signed(&sample(i, first.plus_micros(i as i64 * 3 * MINUTE_US), &key), &key)).await;
        let expected = if i < 20 { None } else { Some("surplus_day") };
        assert_eq!(submitted.verdict.reasons.first().map(String::as_str), expected, "sample {i}");
    }
    // Out of order, between two that count.
    let between = stored(&world, &signed(&sample(50, first.plus_micros(100_000_000), &key), &key)).await;
    assert_eq!(between.verdict.reasons[0], "surplus_interval");
    let other = stored(&world, &signed(&sample(51, first.plus_micros(100_000_000), &device(2)), &device(2))).await;
    assert!(other.verdict.counts, "another device is not concerned");
    let again = stored(&world, &signed(&sample(52, first, &key), &key)).await;
    assert_eq!(again.verdict.reasons[0], "duplicate");
}

#[tokio::test]
async fn what_arrives_after_the_cut_off_is_flagged_late() {
    let world = World::new().await;
    let key = device(1);
    world.set_clock("2026-12-09T16:59:00Z");
    let in_time = stored(&world, &signed(&sample(1, at(START), &key), &key)).await;
    assert!(in_time.verdict.counts, "{:?}", in_time.verdict);
    world.set_clock("2026-12-09T17:00:01Z");
    let late = stored(&world, &signed(&sample(2, at(START).plus_micros(3 * MINUTE_US), &key), &key)).await;
    assert_eq!(late.verdict.reasons, ["late"]);
}

#[tokio::test]
async fn an_unsigned_sample_does_not_count_and_a_wrong_signature_is_refused() {
    let world = World::new().await;
    let key = device(1);
    let mut body = signed(&sample(1, at(START), &key), &key);
    body.signature = Some(device(2).sign("ispeed sample v1", &body.bytes));
    assert_eq!(world.put(&body).await.problem(), (422, "signature_invalid".into()));
    body.signature = Some("x".into());
    assert_eq!(world.put(&body).await.problem(), (422, "signature_invalid".into()));
    assert_eq!(chain(&world).await.len(), 0, "nothing was kept");
    body.signature = None;
    let submitted = stored(&world, &body).await;
    assert_eq!(submitted.verdict.reasons, ["signature_missing"]);
    assert_eq!(submitted.receipt.device_signature, None);
}

#[tokio::test]
async fn malformed_samples_are_refused_with_every_pointer() {
    let world = World::new().await;
    let key = device(1);
    let good = sample(1, at(START), &key);
    let table: Vec<(&str, Value, &str)> = vec![
        ("/protocol", json!(2), "/protocol"),
        ("/protocol", json!("1"), "/protocol"),
        ("/id", json!("x"), "/id"),
        ("/id", json!("01a20738-1094-7c3e-9d21-000000000002"), "/id"),
        ("/outcome", json!("great"), "/outcome"),
        ("/outcome", json!(null), "/outcome"),
        ("/started_at", json!("yesterday"), "/started_at"),
        ("/started_at", json!(17), "/started_at"),
        ("/ended_at", json!("2026-11-23T07:00:00Z"), "/ended_at"),
        ("/consent/share", json!("all"), "/consent/share"),
        ("/consent/upload", json!(false), "/consent/upload"),
        ("/device/key", json!("AAAA"), "/device/key"),
        ("/device/id", json!("00000000000000000000000000000000"), "/device/id"),
        ("/place/code", json!(25195), "/place/code"),
        ("/cell", json!("6423_58211"), "/cell"),
        ("/fixes/start/lat", json!(11.5), "/fixes/start/lat"),
        ("/transport/kind", json!("5g"), "/transport/kind"),
        ("/transport/serving_plmn", json!("45204"), "/transport/serving_plmn"),
        ("/down/goodput_bps", json!("fast"), "/down/goodput_bps"),
        ("/down/goodput_bps", json!(-1.0), "/down/goodput_bps"),
        ("/down/flags", json!(["shiny"]), "/down/flags/0"),
        ("/down/interval_bps", json!([1.0]), "/down/interval_bps"),
        ("/up/series/t_us/3", json!(-4), "/up/series/t_us/3"),
        ("/up/series/t_us/3", json!(1), "/up/series/t_us/3"),
        ("/up/series/app_bytes", json!([1, 2]), "/up/series/app_bytes"),
        ("/evidence/0/v", json!(null), "/evidence/0/v"),
        ("/evidence/1/started_at", json!({}), "/evidence/1/started_at"),
        ("/bytes_down", json!(-1), "/bytes_down"),
        ("/method", json!(1.5), "/method"),
        ("/verdict/counts", json!(1), "/verdict/counts"),
        ("/program", json!([]), "/program"),
    ];
    for (pointer, value, expected) in table {
        let answer = world.put(&with(&good, pointer, value.clone(), &key)).await;
        assert_eq!(answer.problem(), (422, "sample_invalid".into()), "{pointer} = {value}");
        assert!(answer.pointers().iter().any(|p| p == expected), "{pointer} = {value}: {}", answer.text());
    }
    let mut document = serde_json::to_value(&good).unwrap();
    document["outcome"] = json!("great");
    document["down"]["goodput_bps"] = json!("fast");
    document["device"]["platform"] = json!(3);
    document["evidence"][1]["flows"] = json!(-1);
    document.as_object_mut().unwrap().remove("program");
    let answer = world.put(&sign_bytes(good.id, serde_json::to_vec(&document).unwrap(), &key)).await;
    let pointers: HashSet<_> = answer.pointers().into_iter().collect();
    let expected =
        ["/outcome", "/down/goodput_bps", "/device/platform", "/evidence/1/flows", "/program"].map(str::to_owned);
    assert_eq!(pointers, HashSet::from(expected), "all at once: {}", answer.text());
    assert_eq!(chain(&world).await.len(), 0, "nothing was kept");
}

#[tokio::test]
async fn bodies_that_are_no_samples_are_refused_by_their_form() {
    let world = World::new().await;
    let key = device(1);
    let good = signed(&sample(1, at(START), &key), &key);
    for bytes in ["", "{", "[]", "null", "{}", "\u{0}", "{\"id\":1}"] {
        let answer = world.put(&sign_bytes(good.id, bytes.into(), &key)).await;
        assert_eq!(answer.problem(), (422, "sample_invalid".into()), "{bytes}");
        assert!(!answer.pointers().is_empty());
    }
    let mut twice = String::from_utf8(good.bytes.clone()).unwrap();
    twice.insert_str(1, "\"method\":1,");
    let answer = world.put(&sign_bytes(good.id, twice.into(), &key)).await;
    assert_eq!(answer.problem(), (422, "sample_invalid".into()), "a member that stands there twice");

    let padded = [good.bytes.clone(), vec![b' '; 70_000]].concat();
    assert_eq!(world.put(&sign_bytes(good.id, padded, &key)).await.problem(), (413, "too_large".into()));
    for (name, value) in [("content-type", "text/plain"), ("content-encoding", "gzip")] {
        let mut request = good.request();
        request.headers_mut().insert(name, value.parse().unwrap());
        assert_eq!(world.send(request).await.problem(), (415, "media_type".into()), "{name}");
    }
    for id in ["x", "01A20738-1094-7C3E-9D21-000000000001", "01a20738109478"] {
        let request = Request::put(format!("/v1/samples/{id}")).header("content-type", "application/json");
        let answer = world.send(request.body(Body::from(good.bytes.clone())).unwrap()).await;
        assert_eq!(answer.problem(), (422, "sample_invalid".into()), "{id}");
    }
    assert_eq!(world.send(Request::put("/v1/samples/%ff").body(Body::empty()).unwrap()).await.problem().0, 400);
    assert_eq!(world.get("/v1/samples/x").await.problem(), (405, "method_not_allowed".into()));
    assert_eq!(world.get("/nothing").await.problem(), (404, "not_found".into()));
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

#[tokio::test]
async fn made_up_facts_are_for_a_demo_only() {
    let key = device(1);
    let mut sample = sample(1, at(START), &key);
    sample.simulated = true;
    let real = World::new().await;
    let answer = real.put(&signed(&sample, &key)).await;
    assert_eq!(answer.problem(), (422, "simulated".into()));
    assert_eq!(answer.pointers(), ["/simulated"]);
    let demo = World::with(Options { accept_simulated: true, ..Options::default() }).await;
    assert!(stored(&demo, &signed(&sample, &key)).await.verdict.counts);
    sample.simulated = false;
    sample.synthetic = true;
    assert_eq!(real.put(&signed(&sample, &key)).await.problem(), (422, "synthetic".into()));
}

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
async fn the_month_lists_what_was_measured_and_a_province_lists_all() {
    let world = World::new().await;
    for d in 1..=3 {
        let key = device(d);
        stored(&world, &signed(&sample(u128::from(d), at(START), &key), &key)).await;
    }
    let mut stopped = sample(9, at(START), &device(4));
    stopped.outcome = Outcome::Aborted;
    stopped.down.as_mut().unwrap().stop_reason = StopReason::Aborted;
    stored(&world, &signed(&stopped, &device(4))).await;

    let country: MonthStatus = world.get("/v1/months/2026-11").await.json();
    assert_eq!((country.communes_total, country.communes.len(), country.counted), (3321, 1, 3));
    assert_eq!((country.excluded["aborted"], country.days_left), (1, 8));
    let province: MonthStatus = world.get("/v1/months/2026-11?province=75").await.json();
    assert_eq!((province.communes_total, province.communes.len(), province.counted), (95, 95, 3));
    let elsewhere: MonthStatus = world.get("/v1/months/2026-11?province=01").await.json();
    assert_eq!((elsewhere.counted, elsewhere.communes_total), (0, 126));
    let before: MonthStatus = world.get("/v1/months/2026-10").await.json();
    assert_eq!((before.counted, before.days_left), (0, 0));

    assert_eq!(world.get("/v1/months/2026-13").await.problem(), (400, "parameter_invalid".into()));
    assert_eq!(world.get("/v1/months/2026-11?province=00").await.problem(), (404, "not_found".into()));
    assert_eq!(world.get("/v1/communes/99999/quota").await.problem(), (404, "not_found".into()));
    assert_eq!(world.get("/v1/communes/25195/quota?month=x").await.problem(), (400, "parameter_invalid".into()));
}

#[tokio::test]
async fn it_says_who_it_is() {
    let world = World::new().await;
    world.collector.listening("https://localhost:8443".into(), 9443);
    let info: Info = world.get("/v1/info").await.json();
    assert_eq!((info.server_id.as_str(), info.udp_port, info.simulated_accepted), ("local", 9443, false));
    assert_eq!((info.public_key.clone(), info.oldest_method), (world.receipt_key(), 1));
    let list: ServerList = world.get("/v1/servers").await.json();
    let local = list.servers.iter().find(|s| s.id == "local").unwrap();
    assert_eq!((list.servers.len(), local.url.as_str(), local.udp_port), (2, "https://localhost:8443", Some(9443)));
    let keys: PublishedKeys = world.get("/v1/keys").await.json();
    assert_eq!((keys.receipt.len(), keys.evidence.len()), (1, 1));
    assert!(keys.receipt[0].current && keys.receipt[0].key == info.public_key);

    let folder = std::sync::Arc::clone(&world.folder);
    world.collector.close().await.unwrap();
    std::fs::remove_file(folder.path().join("receipt.key")).unwrap();
    let world = World::open(folder, Options::default()).await;
    let keys: PublishedKeys = world.get("/v1/keys").await.json();
    assert_eq!(keys.receipt.len(), 2, "a former key stays published");
    assert_eq!(keys.receipt.iter().filter(|k| k.current).count(), 1);
}

#[tokio::test]
async fn health_and_metrics_speak_in_base_units_and_fixed_labels() {
    let world = World::new().await;
    let key = device(1);
    stored(&world, &signed(&sample(1, at(START), &key), &key)).await;
    world.put(&sign_bytes(sample(2, at(START), &key).id, b"{}".to_vec(), &key)).await;
    assert_eq!(world.get("/healthz").await.text(), "ok\n");
    let text = world.get("/metrics").await.text();
    for line in [
        "ispeed_up 1",
        "ispeed_submissions_total{outcome=\"stored\"} 1",
        "ispeed_submissions_total{outcome=\"malformed\"} 1",
        "ispeed_samples_judged_total{verdict=\"counts\"} 1",
        "ispeed_submission_seconds_count 2",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} in\n{text}");
    }
    assert!(text.contains("ispeed_build_info{version=\""));
    for secret in ["25195", "203.0.113", &ispeed_protocol::identity::device_id(&key.public())] {
        assert!(!text.contains(secret), "{secret} is no label");
    }
    let mut helped = HashSet::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            assert!(helped.insert(rest.split(' ').next().unwrap().to_owned()), "{line} twice");
        }
    }
    world.collector.close().await.unwrap();
    assert_eq!(world.get("/healthz").await.status, 503);
    assert!(world.get("/metrics").await.text().lines().any(|l| l == "ispeed_up 0"));
}

#[tokio::test]
async fn who_asks_is_the_peer_and_no_header() {
    let world = World::new().await;
    let mut request = Request::post("/v1/tokens").header("content-type", "application/json");
    request = request.header("x-forwarded-for", "198.51.100.1");
    let mut request = request.body(Body::from("{}")).unwrap();
    request.extensions_mut().clear();
    let response = tower::ServiceExt::oneshot(world.router.clone(), request).await.unwrap();
    assert_eq!(response.status(), 500, "without a peer nothing is granted");
}
