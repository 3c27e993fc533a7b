//! Plan, campaigns, packs and spacing over HTTP, with a real store and real borders.
#![allow(clippy::unwrap_used, reason = "a failed unwrap here is a failed test, in helpers too")]

mod common;

use std::io;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use common::{MINUTE_US, Options, World, at, attest, device, remote_evidence_key, sample, signed, stored};
use http::Request;
use ispeed_commune::build::{BuildOptions, build};
use ispeed_commune::{Cell, Point, cell};
use ispeed_protocol::campaign::{Campaign, CampaignView, Join, OperatorQuota, PlanPack};
use ispeed_protocol::duty::{Communication, Duty, ISpeedCount};
use ispeed_protocol::plan::{Plan, Spacing};
use ispeed_protocol::signing::PublicKey;
use ispeed_server::collect::{
    PlanSettings, duties, duty_texts, keep_campaign, keep_duty, keep_ispeed_count, plan_settings,
};
use ispeed_server::store::Store;
use serde_json::Value;

const START: &str = "2026-11-23T02:00:00Z";

/// Two communes of 11 km by 11 km side by side: 25195 in the west, 25198 in the east; the border is at 106.90.
fn bundle() -> Vec<u8> {
    let square = |code: &str, west: f64, east: f64| {
        format!(
            r#"{{"type":"Feature","id":"{code}","properties":{{"code":"{code}","name":"Phường Thử {code}","province":"75"}},"geometry":{{"type":"Polygon","coordinates":[[[{west},11.47],[{east},11.47],[{east},11.57],[{west},11.57],[{west},11.47]]]}}}}"#
        )
    };
    let lines = [square("25195", 106.80, 106.90), square("25198", 106.90, 107.00)].join("\n");
    build(lines.as_bytes(), &BuildOptions::default()).unwrap().0
}

async fn world(plan: PlanSettings) -> World {
    World::with(Options { boundaries: Some(bundle()), plan, ..Options::default() }).await
}

/// Hands in a sample in a cell; the reasons why it does not count.
async fn hand_in(world: &World, n: u128, minutes: i64, by: u8, cell: Cell) -> Vec<String> {
    let mut one = sample(n, at(START).plus_micros(minutes * MINUTE_US), &device(by));
    one.cell = Some(cell);
    attest(&mut one, &remote_evidence_key());
    stored(world, &signed(&one, &device(by))).await.verdict.reasons
}

fn first_cell() -> Cell {
    "c6413_58224".parse().unwrap()
}

fn beside(cell: Cell, columns: i32) -> Cell {
    Cell { column: cell.column - columns, ..cell }
}

#[tokio::test]
async fn a_commune_is_told_what_it_lacks_and_how_well_it_is_spread() {
    let world = world(PlanSettings::default()).await;
    for (n, by) in [1, 1, 2, 3, 4, 5].into_iter().enumerate() {
        let cell = beside(first_cell(), n as i32 % 3);
        assert!(hand_in(&world, n as u128, n as i64 * 3, by, cell).await.is_empty());
    }
    let mut vpn = sample(20, at(START).plus_micros(60 * MINUTE_US), &device(7));
    vpn.transport.vpn = Some(true);
    stored(&world, &signed(&vpn, &device(7))).await;

    let answer = world.get("/v1/plan?commune=25195&cells=7").await;
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, "no-store"), "{}", answer.text());
    let plan: Plan = answer.json();
    assert_eq!((plan.communes.len(), plan.left_off, plan.approximate), (1, 0, false));
    let commune = &plan.communes[0];
    assert_eq!((commune.name.as_str(), commune.province_code.as_str()), ("Phường Thử 25195", "75"));
    let progress = &commune.progress;
    assert_eq!((progress.counted, progress.missing, progress.devices, progress.cells), (6, 294, 5, 3));
    assert_eq!((progress.days, progress.top_device_permille, progress.excluded["vpn"]), (1, Some(333), 1));
    assert_eq!(commune.groups.len(), 1);
    assert_eq!((commune.groups[0].operator.as_str(), commune.groups[0].technology.as_str()), ("viettel", "5g"));
    let under: Vec<_> = commune.under_sampled.iter().map(|o| (o.operator.as_str(), o.missing)).collect();
    assert_eq!(under, [("vinaphone", 30), ("mobifone", 30), ("vietnamobile", 30), ("viettel", 24)]);
    // 121 km² are 3,030 cells of 200 m.
    let total = commune.cells_total.unwrap();
    assert!((2_950..3_110).contains(&total), "{total}");
    assert_eq!((commune.cells_unmeasured, commune.unmeasured.len()), (Some(total - 3), 7));
    assert_eq!(plan.next.as_ref().unwrap().operator.as_deref(), Some("vinaphone"));
    assert_eq!((plan.calendar.days_left, plan.calendar.report_by.to_string()), (8, "2026-12-09".to_owned()));
    assert_eq!(plan.calendar.upload_until, at("2026-12-08T17:00:00Z"));
    let earlier: Plan = world.get("/v1/plan?commune=25195&month=2026-10").await.json();
    assert_eq!((earlier.communes[0].progress.counted, earlier.calendar.days_left), (0, 0));
}

#[tokio::test]
async fn where_one_device_measured_nobody_is_told() {
    let world = world(PlanSettings::default()).await;
    assert!(hand_in(&world, 1, 0, 1, first_cell()).await.is_empty());
    let centre = cell::centre(first_cell());
    let path = format!("/v1/plan?at={:.5},{:.5}&cells=1", centre.lat, centre.lon);
    let plan: Plan = world.get(&path).await.json();
    let here = &plan.communes[0];
    assert_eq!((here.progress.counted, here.cells_hidden, here.cells_unmeasured), (1, true, None));
    assert_eq!(here.unmeasured[0].cell, first_cell(), "as though nobody had been there");
}

#[tokio::test]
async fn around_a_point_the_nearest_communes_and_cells_come_first() {
    let world = world(PlanSettings::default()).await;
    let plan: Plan = world.get("/v1/plan?at=11.52,106.88&radius_m=5000&cells=3").await.json();
    let communes: Vec<_> = plan.communes.iter().map(|c| (c.code.as_str(), c.distance_m)).collect();
    assert_eq!(communes[0], ("25195", Some(0)));
    assert_eq!(communes[1].0, "25198");
    let apart = communes[1].1.unwrap();
    assert!((2_150..2_210).contains(&apart) && apart % 10 == 0, "{apart}");
    assert_eq!(plan.here.as_deref(), Some("25195"));
    let here = Point { lat: 11.52, lon: 106.88 };
    let nearest = plan.communes[0].unmeasured[0].cell;
    assert_eq!((nearest, plan.next.unwrap().cell), (cell::cell(here.lat, here.lon), Some(nearest)));
    let near: Plan = world.get("/v1/plan?at=11.52,106.88&radius_m=1000").await.json();
    assert_eq!(near.communes.len(), 1, "the other one is beyond the radius");
    let sea: Plan = world.get("/v1/plan?at=11.52,107.05&radius_m=0").await.json();
    assert_eq!((sea.here, sea.communes[0].code.as_str()), (None, "25198"), "outside, the nearest");

    let guessing = World::new().await;
    let guess: Plan = guessing.get("/v1/plan?at=11.5209,106.899&radius_m=20000&limit=20").await.json();
    assert!(guess.approximate && guess.communes.len() > 2, "{}", guess.communes.len());
    assert_eq!((guess.here.as_deref(), guess.communes[0].cells_total), (Some("25195"), None));
    assert!(guess.communes[1..].is_sorted_by_key(|c| c.distance_m));
}

#[tokio::test]
async fn wrong_questions_are_named() {
    let world = world(PlanSettings::default()).await;
    for (path, status, said) in [
        ("/v1/plan", 400, "exactly one"),
        ("/v1/plan?at=11.5,106.9&commune=25195", 400, "exactly one"),
        ("/v1/plan?at=here", 400, "latitude and longitude"),
        ("/v1/plan?at=91,106.9", 400, "latitude and longitude"),
        ("/v1/plan?at=NaN,106.9", 400, "latitude and longitude"),
        ("/v1/plan?commune=99999", 404, "99999"),
        ("/v1/plan?campaign=no-such", 404, "no-such"),
        ("/v1/plan?commune=25195&month=soon", 400, "month"),
        ("/v1/plan?commune=25195&cells=101", 400, "0 to 100"),
        ("/v1/plan?commune=25195&limit=0", 400, "1 to 20"),
        ("/v1/plan?at=11.5,106.9&radius_m=20001", 400, "0 to 20000"),
        ("/v1/plan/pack?at=11.5,106.9", 400, "commune or campaign"),
        ("/v1/campaigns/no-such", 404, "no-such"),
        ("/v1/campaigns/%C4%90", 404, "campaign"),
    ] {
        let answer = world.get(path).await;
        assert_eq!(answer.problem().0, status, "{path}");
        assert!(answer.text().contains(said), "{path}: {}", answer.text());
    }
    let wrong = world.get("/v1/plan?at=11.123456,206.9").await.text();
    assert!(!wrong.contains("11.123456"), "not even a wrong point is repeated: {wrong}");
}

#[tokio::test]
async fn one_network_may_not_ask_without_end() {
    let world = World::new().await;
    let mut refused = None;
    for n in 0..2_000 {
        let answer = world.get("/v1/plan?commune=25195&cells=0").await;
        if answer.status == 429 {
            assert!(n >= 300, "refused after {n}");
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("300 at once and ten a second");
    assert_eq!((refused.problem().1.as_str(), refused.header("retry-after")), ("too_many_plans", "1"));
    let mut other = Request::get("/v1/plan?commune=25195").body(Body::empty()).unwrap();
    other.extensions_mut().insert(ispeed_server::Peer { addr: "198.51.100.7:40000".parse().unwrap() });
    assert_eq!(world.send(other).await.status, 200, "another network is not kept waiting");
}

/// Takes what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_point_asked_about_is_neither_stored_nor_logged_nor_answered() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let world = world(PlanSettings::default()).await;
    tracing::info!("the log is read");
    for query in ["at=11.517283,106.871829", "at=11.517283,106.871829&radius_m=99999", "at=11.517283,1106.871829"] {
        let answer = world.get(&format!("/v1/plan?{query}")).await;
        for digits in ["517283", "871829"] {
            assert!(!answer.text().contains(digits), "{query}: {}", answer.text());
        }
    }
    let plan: Plan = world.get("/v1/plan?at=11.517283,106.871829").await.json();
    let metres = plan.communes.iter().flat_map(|c| c.unmeasured.iter().filter_map(|cell| cell.distance_m));
    assert!(metres.into_iter().all(|m| m % 10 == 0), "distances do not give the point away to the metre");
    world.store.close().await.unwrap();
    let mut kept = log.0.lock().unwrap().clone();
    assert!(String::from_utf8_lossy(&kept).contains("the log is read"));
    for entry in std::fs::read_dir(world.folder.path()).unwrap() {
        kept.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }
    for digits in ["517283", "871829"] {
        assert!(!kept.windows(digits.len()).any(|window| window == digits.as_bytes()), "{digits}");
    }
}

fn campaign() -> Campaign {
    Campaign {
        v: 1,
        code: "dong-nai-2026-11".into(),
        title: "Đợt đo tháng 11".into(),
        communes: vec!["25195".into(), "25198".into()],
        quotas: vec![
            OperatorQuota { operator: "viettel".into(), samples: 2 },
            OperatorQuota { operator: "mobifone".into(), samples: 5 },
        ],
        starts_on: "2026-11-10".parse().unwrap(),
        ends_on: "2026-11-25".parse().unwrap(),
        roles: vec!["TO-01".into()],
        closed: false,
    }
}

#[tokio::test]
async fn a_campaign_is_joined_by_code_and_its_text_is_trusted_offline() {
    let world = world(PlanSettings::default()).await;
    keep_campaign(&*world.store, &campaign(), 0).await.unwrap();
    assert!(keep_campaign(&*world.store, &campaign(), 0).await.is_err(), "a second one of this code");
    // The samples of the vectors carry the campaign's code.
    for n in 0..3 {
        assert!(hand_in(&world, n, n as i64 * 3, 1, first_cell()).await.is_empty());
    }
    let key = PublicKey::parse(&world.receipt_key()).unwrap();
    let view: CampaignView = world.get("/v1/campaigns/DONG-NAI-2026-11").await.json();
    assert_eq!((view.campaign.clone(), view.open), (campaign(), true));
    let join = Join::read(&view.join, std::slice::from_ref(&key)).unwrap();
    assert_eq!((join.code.as_str(), join.communes.len()), ("dong-nai-2026-11", 2));
    let operators = &view.progress[0].operators;
    assert_eq!((operators[0].operator.as_str(), operators[0].missing), ("mobifone", 5));
    assert_eq!((operators[1].counted, operators[1].missing), (3, 0));

    let plan: Plan = world.get("/v1/plan?campaign=dong-nai-2026-11&cells=2").await.json();
    let codes: Vec<_> = plan.communes.iter().map(|c| c.code.as_str()).collect();
    assert_eq!(codes, ["25198", "25195"], "most missing first");
    assert_eq!(
        (plan.campaign.as_deref(), plan.next.unwrap().operator.as_deref()),
        (Some("dong-nai-2026-11"), Some("mobifone"))
    );

    let closed = Campaign { closed: true, ..campaign() };
    assert_eq!(keep_campaign(&*world.store, &closed, 1).await.unwrap(), 2);
    let view: CampaignView = world.get("/v1/campaigns/dong-nai-2026-11").await.json();
    assert!(!view.open && view.campaign.closed);
}

#[tokio::test]
async fn a_pack_is_signed_bounded_and_not_sent_twice() {
    let world = world(PlanSettings::default()).await;
    keep_campaign(&*world.store, &campaign(), 0).await.unwrap();
    let path = "/v1/plan/pack?campaign=dong-nai-2026-11";
    let answer = world.get(path).await;
    assert!(answer.bytes.len() < 512 * 1024, "{}", answer.bytes.len());
    let pack: PlanPack = answer.json();
    let key = PublicKey::parse(&world.receipt_key()).unwrap();
    pack.verify(std::slice::from_ref(&key), at("2026-11-23T08:00:00Z")).unwrap();
    assert_eq!(pack.valid_until, at("2026-11-24T17:00:00Z"), "fetched at 15:00, for the next day");
    assert!(pack.verify(&[key], pack.valid_until).is_err());
    assert_eq!((pack.communes.len(), pack.communes[0].unmeasured.len()), (2, 100));
    let reference = pack.boundaries.unwrap();
    let boundaries = world.get(&reference.path).await;
    assert_eq!(boundaries.header("etag"), format!("\"{}\"", reference.sha256));
    let etag = answer.header("etag").to_owned();
    world.set_clock("2026-11-23T08:20:00Z");
    let again = Request::get(path).header("if-none-match", &etag).body(Body::empty()).unwrap();
    assert_eq!(world.send(again).await.status, 304, "later, and nothing has changed");
    let value: Value = answer.json();
    assert!(value["communes"][0]["groups"].as_array().unwrap().is_empty());
    let of_commune: PlanPack = world.get("/v1/plan/pack?commune=25198").await.json();
    assert_eq!((of_commune.campaign, of_commune.communes.len()), (None, 1));
}

#[tokio::test]
async fn spacing_is_the_collectors_to_set_and_surplus_is_kept() {
    let spacing = Spacing { seconds: 300, metres: 200, per_day: 4 };
    let world = world(PlanSettings { spacing, ..PlanSettings::default() }).await;
    world.set_clock("2026-11-25T00:00:00Z");
    let here = first_cell();
    assert!(hand_in(&world, 1, 0, 1, here).await.is_empty());
    assert_eq!(hand_in(&world, 2, 4, 1, beside(here, 1)).await, ["surplus_interval"]);
    assert_eq!(hand_in(&world, 3, 10, 1, here).await, ["surplus_distance"]);
    assert!(hand_in(&world, 4, 20, 1, beside(here, 1)).await.is_empty());
    assert!(hand_in(&world, 5, 22, 2, here).await.is_empty(), "another phone may stand where the first one stood");
    assert!(hand_in(&world, 6, 30, 1, beside(here, 2)).await.is_empty());
    assert!(hand_in(&world, 7, 40, 1, beside(here, 3)).await.is_empty());
    assert_eq!(hand_in(&world, 8, 50, 1, beside(here, 4)).await, ["surplus_day"]);
    assert!(hand_in(&world, 9, 24 * 60, 1, here).await.is_empty(), "another day, the same place");
    let plan: Plan = world.get("/v1/plan?commune=25195").await.json();
    assert_eq!(plan.spacing, spacing);
    let progress = &plan.communes[0].progress;
    assert_eq!((progress.counted, progress.excluded.values().sum::<u32>()), (6, 3));
    let kept = plan_settings(&*world.store).await.unwrap();
    assert_eq!(kept.spacing, spacing, "a plan made of the store alone goes by it");
}

#[tokio::test]
async fn the_cut_off_is_the_collectors_to_set_up_to_the_day_before_reports() {
    for (day, expected) in [(8, &["late"][..]), (9, &[][..])] {
        let world = world(PlanSettings { upload_cutoff_day: day, ..PlanSettings::default() }).await;
        world.set_clock("2026-12-08T17:00:01Z");
        assert_eq!(hand_in(&world, 1, 0, 1, first_cell()).await, expected, "a second into the 9th, cut-off {day}");
    }
    assert!(PlanSettings { upload_cutoff_day: 10, ..PlanSettings::default() }.check().unwrap_err().contains("10"));
}

#[tokio::test]
async fn duties_are_kept_beside_the_samples_and_small_counts_stay_private() {
    let world = world(PlanSettings::default()).await;
    for n in 0..6u8 {
        let mut one = sample(u128::from(n), at(START).plus_micros(i64::from(n) * MINUTE_US), &device(n + 1));
        one.device.first_run = n < 5;
        attest(&mut one, &remote_evidence_key());
        stored(&world, &signed(&one, &device(n + 1))).await;
    }
    let month = "2026-11".parse().unwrap();
    let duty = Duty {
        v: 1,
        month,
        commune: "25195".into(),
        communication: vec![Communication { form: "Phát thanh".into(), items: 12 }],
        difficulties: vec!["Lõm sóng ấp 3".into()],
        proposals: vec![],
        role: Some("XA-25195-VH".into()),
    };
    keep_duty(&*world.store, &duty).await.unwrap();
    let count = ISpeedCount {
        v: 1,
        month,
        commune: "25195".into(),
        count: 412,
        source: "speedtest.vn".into(),
        date: "2026-12-05".parse().unwrap(),
    };
    keep_ispeed_count(&*world.store, &count).await.unwrap();
    keep_ispeed_count(&*world.store, &ISpeedCount { count: 413, ..count }).await.unwrap();
    assert_eq!(duties(&*world.store, month).await.unwrap(), [duty]);
    let texts = duty_texts(&*world.store, month, "25195").await.unwrap();
    assert_eq!(texts.installs, "Trong tháng: 5; lũy kế từ đầu năm: 5; thiết bị có đo trong tháng: 6");
    assert_eq!((texts.communication.as_str(), texts.ispeed_count), ("Phát thanh: 12", Some(413)));
    assert!(texts.ispeed.contains("ispeed: 6 mẫu hợp lệ"), "{}", texts.ispeed);
    let december = duty_texts(&*world.store, "2026-12".parse().unwrap(), "25195").await.unwrap();
    assert_eq!((december.installs_month.number(), december.installs_year.number()), (Some(0), Some(5)));
    let elsewhere = duty_texts(&*world.store, month, "25198").await.unwrap();
    assert_eq!((elsewhere.difficulties.as_str(), elsewhere.ispeed.as_str()), ("", ""));
}
