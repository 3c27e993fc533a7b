//! The collector over a real SQLite file: what it takes in, gives back and refuses.
#![allow(clippy::unwrap_used, reason = "a failed unwrap here is a failed test, in helpers too")]

mod common;

use std::collections::HashSet;

use axum::body::Body;
use common::{MINUTE_US, Options, World, at, attest, chain, device, sample, sign_bytes, signed, stored};
use http::Request;
use ispeed_protocol::direction::StopReason;
use ispeed_protocol::mine::PublishedKeys;
use ispeed_protocol::place::Place;
use ispeed_protocol::plan::{CommuneQuota, MonthStatus};
use ispeed_protocol::receipt::{CHAIN_START, verify_chain};
use ispeed_protocol::sample::Outcome;
use ispeed_protocol::servers::{Info, ServerList};
use ispeed_protocol::signing::SecretKey;

const START: &str = "2026-11-23T07:04:05.000123Z";

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
    let table: [(&str, bool, Change, bool); 17] = [
        ("evidence_missing", false, |s| s.evidence.clear(), false),
        ("evidence_missing", false, |s| drop(s.evidence.pop()), false),
        ("evidence_mismatch", false, |s| s.evidence[0].bytes += 1, false),
        ("evidence_mismatch", false, |s| attest(s, &SecretKey::from_bytes(&[99; 32])), false),
        ("evidence_mismatch", false, |s| s.evidence[1] = s.evidence[0].clone(), false),
        ("evidence_mismatch", false, |s| s.evidence[0].bytes /= 2, true),
        ("evidence_mismatch", false, |s| s.evidence[1].bytes += 300_000_000, true),
        ("evidence_mismatch", false, shift_evidence, true),
        ("evidence_mismatch", false, |s| s.evidence[1].token_id = uuid::Uuid::from_u128(7), true),
        ("evidence_mismatch", false, |s| s.down_sender_series = None, false),
        ("evidence_mismatch", false, |s| s.up.as_mut().unwrap().series.app_bytes[3] += 1, false),
        ("recompute_mismatch", true, |s| s.down.as_mut().unwrap().goodput_bps = Some(46.2e6), true),
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
    assert_eq!((status.counted, status.excluded.values().sum::<u32>()), (0, 17));
    assert_eq!(status.unattested, 11);
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
    world.set_clock("2026-12-08T16:59:00Z");
    let in_time = stored(&world, &signed(&sample(1, at(START), &key), &key)).await;
    assert!(in_time.verdict.counts, "{:?}", in_time.verdict);
    world.set_clock("2026-12-08T17:00:01Z");
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
