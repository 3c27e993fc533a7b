//! What is refused, and what the refusal says.
#![allow(clippy::unwrap_used, reason = "a failed unwrap here is a failed test, in helpers too")]

mod common;

use std::collections::HashSet;

use axum::body::Body;
use common::{Options, World, at, chain, device, sample, sign_bytes, signed, stored, with};
use http::Request;
use serde_json::{Value, json};

const START: &str = "2026-11-23T07:04:05.000123Z";

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

#[test]
fn the_longest_run_fits_into_a_body_even_indented() {
    let mut longest = sample(1, at(START), &device(1));
    let bins = ispeed_meter::params::BINS_MAX;
    let series = ispeed_protocol::direction::Series {
        t_us: (1..=bins as u32).map(|i| i * 50_123).collect(),
        // 5 Gbit/s in each bin.
        segments: Some(vec![21_600; bins]),
        kernel_bytes: Some(vec![31_250_000; bins]),
        app_bytes: vec![31_250_000; bins],
        flow_steps: longest.up.as_ref().unwrap().series.flow_steps.clone(),
    };
    longest.down.as_mut().unwrap().series = series.clone();
    longest.up.as_mut().unwrap().series = series.clone();
    longest.down_sender_series = Some(series);
    let most = ispeed_server::limits::SAMPLE_MAX_BYTES;
    let (compact, indented) = (serde_json::to_vec(&longest).unwrap(), serde_json::to_vec_pretty(&longest).unwrap());
    assert!(compact.len() < most * 3 / 4, "{}", compact.len());
    assert!(indented.len() < most, "{}", indented.len());
}
