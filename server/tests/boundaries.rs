//! What a collector with borders finds out by itself: the commune of a shared point, and cells that do not fit.
#![allow(clippy::unwrap_used, reason = "a failed unwrap here is a failed test, in helpers too")]

mod common;

use axum::body::Body;
use common::{Options, World, at, attest, device, sample, signed};
use http::Request;
use ispeed_commune::build::{BuildOptions, build};
use ispeed_protocol::Sample;
use ispeed_protocol::consent::Share;
use ispeed_protocol::place::PlaceVerdict;
use ispeed_protocol::receipt::Submitted;
use ispeed_protocol::servers::Info;
use ispeed_protocol::signing::sha256_hex;

const START: &str = "2026-11-23T07:04:05.000123Z";
/// The border of the two communes of the bundle.
const BORDER_LON: f64 = 106.90;
const LAT: f64 = 11.52;

/// Two communes of 11 km by 11 km side by side: 25195 in the west, 25198 in the east.
fn bundle() -> Vec<u8> {
    let square = |code: &str, west: f64, east: f64| {
        format!(
            r#"{{"type":"Feature","id":"{code}","properties":{{"code":"{code}","name":"Phường Thử {code}","province":"75"}},
                "geometry":{{"type":"Polygon","coordinates":[[[{west},11.47],[{east},11.47],[{east},11.57],[{west},11.57],[{west},11.47]]]}}}}"#
        )
        .replace('\n', " ")
    };
    let lines =
        [square("25195", BORDER_LON - 0.1, BORDER_LON), square("25198", BORDER_LON, BORDER_LON + 0.1)].join("\n");
    build(lines.as_bytes(), &BuildOptions::default()).unwrap().0
}

async fn world() -> World {
    World::with(Options { boundaries: Some(bundle()), ..Options::default() }).await
}

/// A sample that shares its points: start, middle and end at these longitudes.
fn precise(n: u128, lons: [f64; 3]) -> Sample {
    let mut sample = sample(n, at(START), &device(n as u8 + 1));
    sample.consent.share = Share::Precise;
    let fixes = [&mut sample.fixes.start, &mut sample.fixes.mid, &mut sample.fixes.end];
    for (fix, lon) in fixes.into_iter().flatten().zip(lons) {
        (fix.lat, fix.lon) = (Some(LAT), Some(lon));
    }
    attest(&mut sample, &common::remote_evidence_key());
    sample
}

async fn submit(world: &World, n: u128, sample: &Sample) -> Submitted {
    let answer = world.put(&signed(sample, &device(n as u8 + 1))).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[tokio::test]
async fn with_a_point_the_collectors_answer_stands() {
    let world = world().await;
    let west = BORDER_LON - 0.05;
    let mut wrong = precise(1, [west; 3]);
    wrong.place.code = Some("25198".into());
    let submitted = submit(&world, 1, &wrong).await;
    let place = submitted.place.unwrap();
    assert_eq!((place.verdict, place.code.as_deref()), (PlaceVerdict::Certain, Some("25195")));
    assert!(submitted.verdict.counts, "{:?}", submitted.verdict);
    let quota: ispeed_protocol::plan::CommuneQuota = world.get("/v1/communes/25195/quota?month=2026-11").await.json();
    assert_eq!((quota.counted, quota.name.as_str()), (1, "Phường Thử 25195"), "tallied where it was");

    let near = submit(&world, 2, &precise(2, [BORDER_LON + 0.0001; 3])).await;
    assert_eq!(near.verdict.reasons, ["place_ambiguous"], "11 m from the border with a radius of 8 m");
    let outside = submit(&world, 3, &precise(3, [BORDER_LON + 0.2; 3])).await;
    assert_eq!(outside.verdict.reasons, ["place_outside"]);
    let crossing = submit(&world, 4, &precise(4, [west, west, BORDER_LON + 0.05])).await;
    assert_eq!(crossing.verdict.reasons, ["place_ambiguous", "place_left"]);
    let candidates: Vec<_> = crossing.place.unwrap().candidates.into_iter().map(|c| c.code).collect();
    assert_eq!(candidates, ["25195", "25198"]);
}

#[tokio::test]
async fn an_old_fix_that_claims_a_metre_does_not_decide() {
    let world = world().await;
    let mut sample = precise(1, [BORDER_LON + 0.05, BORDER_LON - 0.05, BORDER_LON - 0.05]);
    let old = sample.fixes.start.as_mut().unwrap();
    (old.accuracy_m, old.age_ms) = (Some(1.0), Some(600_000));
    let submitted = submit(&world, 1, &sample).await;
    assert_eq!(submitted.place.unwrap().code.as_deref(), Some("25195"));
    assert!(submitted.verdict.counts, "{:?}", submitted.verdict);
}

#[tokio::test]
async fn without_a_point_the_cell_has_to_meet_the_commune() {
    let world = world().await;
    for (n, lon, code, reasons) in [
        (1, BORDER_LON - 0.05, "25195", &[][..]),
        (2, BORDER_LON - 0.05, "25198", &["place_inconsistent"]),
        (3, BORDER_LON - 0.05, "00004", &["place_inconsistent"]),
    ] {
        let mut sample = sample(n, at(START), &device(n as u8 + 1));
        sample.cell = Some(ispeed_commune::cell(LAT, lon));
        sample.place.code = Some(code.into());
        sample.place.candidates[0].code = code.into();
        let submitted = submit(&world, n, &sample).await;
        assert_eq!(submitted.verdict.reasons, reasons, "{code}");
        assert_eq!(submitted.place, None, "the phone's answer is kept");
    }
}

#[tokio::test]
async fn the_bundle_is_handed_on_with_its_hash() {
    let world = world().await;
    let answer = world.get("/v1/boundaries").await;
    assert_eq!(answer.bytes, bundle());
    let etag = format!("\"{}\"", sha256_hex(&answer.bytes));
    assert_eq!(answer.header("etag"), etag);
    for (tag, status) in [(etag.as_str(), 304), (&format!("\"x\", W/{etag}"), 304), ("*", 304), ("\"x\"", 200)] {
        let request = Request::get("/v1/boundaries").header("if-none-match", tag);
        assert_eq!(world.send(request.body(Body::empty()).unwrap()).await.status, status, "{tag}");
    }
    for (tag, status, bytes) in [(etag.as_str(), 206, &answer.bytes[100..]), ("\"x\"", 200, &answer.bytes[..])] {
        let request = Request::get("/v1/boundaries").header("range", "bytes=100-").header("if-range", tag);
        let part = world.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!((part.status.as_u16(), &part.bytes[..]), (status, bytes), "{tag}");
    }
    let beyond = Request::get("/v1/boundaries").header("range", "bytes=99999999-").body(Body::empty()).unwrap();
    assert_eq!(world.send(beyond).await.status, 416);
    let info: Info = world.get("/v1/info").await.json();
    let table = info.boundaries.unwrap();
    assert!(table.contains('@') && table.contains('#'), "{table}");
    assert!(world.get("/").await.text().contains(&table), "the page names its table");

    let without = World::new().await;
    assert_eq!(without.get("/v1/boundaries").await.problem(), (404, "not_found".into()));
    assert_eq!(without.get("/v1/info").await.json::<Info>().boundaries, None);
}
