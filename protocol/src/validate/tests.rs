use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const BODY: &str = include_str!("../../vectors/sample.json");

fn document() -> Value {
    serde_json::from_str(BODY).unwrap()
}

fn with(pointer: &str, value: Value) -> Value {
    let mut document = document();
    *document.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer} is not in the example")) = value;
    document
}

fn errors(document: &Value) -> Vec<FieldError> {
    parse(&serde_json::to_vec(document).unwrap()).err().unwrap_or_default()
}

#[test]
fn the_example_is_valid() {
    assert_eq!(errors(&document()), []);
}

/// One wrong value each: where the change is, what it is, and where the error has to point if not there.
#[test]
fn every_wrong_value_is_named_by_its_pointer() {
    let far = "2300-01-01T00:00:00.000000Z";
    let long = "x".repeat(300);
    let table: Vec<(&str, Value, Option<&str>)> = vec![
        ("/protocol", json!(0), None),
        ("/protocol", json!(2), None),
        ("/protocol", json!(-1), None),
        ("/protocol", json!("1"), None),
        ("/id", json!("not-a-uuid"), None),
        ("/id", json!("a7f3f3a4-1c1e-4f5a-9e57-1d2c3b4a5f60"), None),
        ("/outcome", json!("fine"), None),
        ("/outcome_reason", json!("No Route"), None),
        ("/started_at", json!("yesterday"), None),
        ("/started_at", json!(1_790_000_000), None),
        ("/started_at", json!("2026-11-23T07:05:05.000000Z"), Some("/ended_at")),
        ("/ended_at", json!(far), None),
        ("/consent/at", json!("1999-01-01T00:00:00Z"), None),
        ("/consent/version", json!(""), None),
        ("/consent/share", json!("everything"), None),
        ("/consent/run", json!("yes"), None),
        ("/clock/offset_ms", json!(1e300), None),
        ("/clock/round_trip_ms", json!(-1.0), None),
        ("/device/key", json!("AAAA"), None),
        ("/device/id", json!("00000000000000000000000000000000"), None),
        ("/device/platform", json!("Symbian OS"), None),
        ("/device/model", json!(long), None),
        ("/device/os_version", json!("16\u{0}"), None),
        ("/measurer/kind", json!("robot"), None),
        ("/campaign", json!(""), None),
        ("/place/code", json!("2519"), None),
        ("/place/code", json!(25195), None),
        ("/place/code", json!("２５１９５"), None),
        ("/place/code", json!(null), None),
        ("/place/verdict", json!("outside"), Some("/place/code")),
        ("/place/candidates/0/code", json!("abcde"), None),
        ("/place/candidates/0/distance_m", json!(-1.0), None),
        ("/place/border_m", json!(-0.5), None),
        ("/place/table", json!("\n"), None),
        ("/cell", json!("c1"), None),
        ("/cell", json!("c99999_0"), None),
        ("/fixes/start/lat", json!(91.0), None),
        ("/fixes/start/lat", json!(11.5), None),
        ("/fixes/mid/lon", json!(106.9), None),
        ("/fixes/end/accuracy_m", json!(-1.0), None),
        ("/fixes/end/age_ms", json!(-5), None),
        ("/fixes/end/speed_mps", json!(2_000.0), None),
        ("/fixes/start/altitude_m", json!(1e9), None),
        ("/fixes/start/source", json!("magic"), None),
        ("/radio/start/technology", json!("6g"), None),
        ("/radio/start/rsrp_dbm", json!(2_147_483_647), None),
        ("/radio/start/rsrq_db", json!(-100.0), None),
        ("/radio/end/sinr_db", json!(99.0), None),
        ("/radio/end/pci", json!(1_008), None),
        ("/radio/end/area_code", json!(0x100_0000), None),
        ("/radio/end/arfcn", json!(9_999_999), None),
        ("/radio/end/cell_id", json!(""), None),
        ("/radio/end/band", json!("a band with a long name"), None),
        ("/transport/kind", json!("pigeon"), None),
        ("/transport/serving_plmn", json!("45204"), None),
        ("/transport/sim_plmn", json!("452-4"), None),
        ("/transport/sim_brand", json!("\t"), None),
        ("/server/id", json!("HCM 1"), None),
        ("/server/class", json!("cloud"), None),
        ("/server/family", json!("ipx"), None),
        ("/server/network_prefix", json!("203.0.113.7/24"), None),
        ("/server/network_prefix", json!("203.0.113.0/25"), None),
        ("/server/network_prefix", json!("2001:db8:1:2::/48"), None),
        ("/server/candidates/1/rtt_ms", json!(-3.0), None),
        ("/server/candidates/1/outcome", json!("Slower!"), None),
        ("/latency/idle_ms", json!(-1.0), None),
        ("/latency/idle_ms", json!(1e7), None),
        ("/latency/transport", json!("icmp"), None),
        ("/latency/idle/n", json!(0), None),
        ("/latency/idle/min_ms", json!(30.0), Some("/latency/idle")),
        ("/latency/loaded_down/p95_ms", json!(1.0), Some("/latency/loaded_down")),
        ("/latency/loaded_up/median_interval_ms", json!([90.0, 80.0]), None),
        ("/latency/loaded_up/median_interval_ms", json!([90.0, 95.0]), None),
        ("/latency/idle_path/loss_down/lost", json!(101), None),
        ("/latency/idle_path/loss_down/sent", json!(0), None),
        ("/latency/idle_path/loss_up/interval", json!([0.5, 0.6]), None),
        ("/latency/idle_path/loss_up/interval", json!([-0.1, 0.6]), None),
        ("/latency/idle_path/pdv95_up_ms", json!(-4.0), None),
        ("/down/goodput_bps", json!(-1.0), None),
        ("/down/goodput_bps", json!(1e14), None),
        ("/down/goodput_bps", json!(null), Some("/down/interval_bps")),
        ("/down/interval_bps", json!([5e7, 4e7]), None),
        ("/down/interval_bps", json!([1e6, 2e6]), None),
        ("/down/interval_bps", json!([1e6]), Some("/down/interval_bps")),
        ("/up/ip_rate_bps", json!(-2.0), None),
        ("/up/load_start_us", json!(60_000_000), None),
        ("/up/window_start_ms", json!(100.0), None),
        ("/up/window_start_ms", json!(null), Some("/up/goodput_bps")),
        ("/up/window_ms", json!(60_000.0), None),
        ("/up/duration_ms", json!(-1.0), None),
        ("/up/stop_reason", json!("bored"), None),
        ("/up/flags", json!(["burst", "burst"]), None),
        ("/up/flags", json!(["sparkling"]), Some("/up/flags/0")),
        ("/up/flows", json!(65), None),
        ("/up/bytes_per_segment", json!(0.0), None),
        ("/up/mss_bytes", json!(100_000), None),
        ("/up/tcp_rtt_ms", json!(-0.1), None),
        ("/up/client_cpu_share", json!(-0.1), None),
        ("/up/congestion_control", json!(""), None),
        ("/up/bytes", json!(u64::MAX), None),
        ("/up/counter", json!("abacus"), None),
        ("/up/series/segments", json!(null), Some("/up/counter")),
        ("/up/series/segments", json!([1]), None),
        ("/up/series/kernel_bytes", json!([1]), None),
        ("/up/series/app_bytes", json!([1]), None),
        ("/up/series/app_bytes/3", json!(-1), None),
        ("/up/series/app_bytes/3", json!(u64::MAX), None),
        ("/up/series/t_us/0", json!(0), None),
        ("/up/series/t_us/7", json!(50_000), None),
        ("/up/series/flow_steps/1/t_us", json!(4_294_967_296_u64), None),
        ("/up/series/flow_steps/0/t_us", json!(300_000), Some("/up/series/flow_steps/1/t_us")),
        ("/up/series/flow_steps/1/flows", json!(200), None),
        ("/down_sender_series/app_bytes", json!([]), None),
        ("/bytes_down", json!(-1), None),
        ("/bytes_up", json!(u64::MAX), None),
        ("/machine/cpu_share_before", json!(1.5), None),
        ("/machine/cross_up_bps_after", json!(-1.0), None),
        ("/machine/interface", json!(""), None),
        ("/evidence/0/v", json!(9), None),
        ("/evidence/0/sample_id", json!("01a20738-1094-7c3e-9d21-5f0e6a7b8c9e"), None),
        ("/evidence/1/series_sha256", json!("ABC"), None),
        ("/evidence/1/key", json!("?"), None),
        ("/evidence/1/signature", json!(""), None),
        ("/evidence/1/network_prefix", json!("anywhere"), None),
        ("/evidence/1/started_at", json!("2026-11-23T08:00:00Z"), Some("/evidence/1/ended_at")),
        ("/evidence/1/direction", json!("sideways"), None),
        ("/verdict/counts", json!(false), None),
        ("/verdict/reasons", json!(["Because"]), Some("/verdict/reasons/0")),
        ("/method", json!(0), None),
        ("/program/name", json!("My Program"), None),
        ("/program/version", json!(""), None),
    ];
    assert!(table.len() >= 120, "{}", table.len());
    for (pointer, value, expected) in table {
        let found = errors(&with(pointer, value.clone()));
        let expected = expected.unwrap_or(pointer);
        let named = found.iter().any(|error| error.pointer == expected);
        assert!(named, "{pointer} = {value}: expected an error at {expected}, found {found:#?}");
        assert!(found.iter().all(|error| !error.expected.is_empty()), "{found:#?}");
    }
}

#[test]
fn every_absent_required_member_is_named() {
    for member in [
        "protocol",
        "id",
        "outcome",
        "started_at",
        "ended_at",
        "consent",
        "device",
        "place",
        "bytes_down",
        "bytes_up",
        "verdict",
        "method",
        "program",
    ] {
        let mut document = document();
        document.as_object_mut().unwrap().remove(member);
        let found = errors(&document);
        assert_eq!(found[0].pointer, format!("/{member}"));
        assert_eq!(found[0].value, "nothing");
    }
}

#[test]
fn points_need_the_consent_that_covers_them() {
    let mut precise = with("/consent/share", json!("precise"));
    precise["fixes"]["start"]["lat"] = json!(11.5349);
    assert_eq!(errors(&precise)[0].pointer, "/fixes/start", "a latitude alone is no point");
    precise["fixes"]["start"]["lon"] = json!(106.8832);
    assert_eq!(errors(&precise), []);
    precise["consent"]["share"] = json!("commune");
    assert_eq!(errors(&precise).len(), 2);
    let none = errors(&with("/consent/share", json!("none")));
    let pointers: Vec<&str> = none.iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!(pointers, ["/place/code", "/place/candidates", "/cell"]);
}

#[test]
fn an_error_says_value_and_expectation() {
    let found = errors(&with("/started_at", json!("yesterday")));
    assert_eq!(found[0].value, "\"yesterday\"");
    assert_eq!(found[0].expected, "RFC 3339 in UTC, such as 2026-11-23T14:04:05.000000Z");
    let found = errors(&with("/fixes/start/accuracy_m", json!(-1)));
    assert_eq!(found[0].expected, "a finite number from 0 to 20040000");
}

#[test]
fn what_is_no_json_is_refused_at_the_root() {
    for body in ["", "{", "[]", "null", "\u{feff}{}", "{\"id\": 1e999}", "{\"a\":1}x", "\"\\ud800\""] {
        let found = parse(body.as_bytes()).unwrap_err();
        assert_eq!(found.len(), 1, "{body}");
    }
    let twice = BODY.replacen("\"method\":1", "\"method\":1,\"method\":1", 1);
    assert!(parse(twice.as_bytes()).is_err(), "a member that occurs twice");
    let tail = format!("{BODY}{BODY}");
    assert!(parse(tail.as_bytes()).is_err(), "two documents");
    let deep = format!("{{\"a\":{}", "[".repeat(100_000));
    assert!(parse(deep.as_bytes()).is_err(), "nesting without end");
}

#[test]
fn facts_are_held_to_what_a_sample_may_say() {
    let facts: Facts = serde_json::from_value(json!({
        "fixes": {"start": {"lat": 11.5, "lon": 106.9, "accuracy_m": -1.0, "source": "gnss"}},
        "radio": {"end": {"technology": "4g", "rsrp_dbm": 2_147_483_647}},
        "transport": {"kind": "cellular", "sim_plmn": "45204"},
        "model": "",
    }))
    .unwrap();
    let pointers: Vec<String> = validate_facts(&facts).into_iter().map(|error| error.pointer).collect();
    assert_eq!(pointers, ["/fixes/start/accuracy_m", "/radio/end/rsrp_dbm", "/transport/sim_plmn", "/model"]);
    assert_eq!(validate_facts(&Facts::default()), []);
}

#[test]
fn reports_are_bounded() {
    let mut document = document();
    let candidate = json!({"id": "BAD ID", "rtt_ms": -1.0, "outcome": ""});
    document["server"]["candidates"] = json!(vec![candidate; 200]);
    document["device"]["model"] = json!("é".repeat(100_000));
    let found = errors(&document);
    assert_eq!(found.len(), ERRORS_MAX);
    assert!(found.iter().all(|error| error.value.chars().count() <= EXCERPT_MAX_CHARS + 1));
}

#[test]
fn values_that_json_cannot_hold_are_refused_too() {
    let mut sample = parse(BODY.as_bytes()).unwrap();
    sample.latency.idle_ms = Some(f64::NAN);
    sample.down.as_mut().unwrap().goodput_bps = Some(f64::INFINITY);
    sample.up.as_mut().unwrap().interval_bps = Some([f64::NAN, f64::NAN]);
    let pointers: Vec<String> = validate(&sample).into_iter().map(|error| error.pointer).collect();
    for expected in ["/latency/idle_ms", "/down/goodput_bps", "/up/interval_bps"] {
        assert!(pointers.iter().any(|pointer| pointer == expected), "{expected} in {pointers:?}");
    }
}

/// All pointers of a document, leaves and branches.
fn pointers(value: &Value, at: String, out: &mut Vec<String>) {
    out.push(at.clone());
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| pointers(value, format!("{at}/{name}"), out));
        }
        Value::Array(items) => {
            items.iter().enumerate().take(3).for_each(|(i, value)| pointers(value, format!("{at}/{i}"), out));
        }
        _ => {}
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        prop::collection::vec(any::<f64>().prop_map(Value::from), 0..4).prop_map(Value::from),
    ]
}

proptest! {
    #[test]
    fn any_bytes_are_answered(body in prop::collection::vec(any::<u8>(), 0..2_000)) {
        prop_assert!(parse(&body).is_err());
    }

    #[test]
    fn a_damaged_body_is_answered(at in 0..BODY.len(), byte in any::<u8>(), cut in 0..BODY.len()) {
        let mut body = BODY.as_bytes().to_vec();
        body[at] = byte;
        let _ = parse(&body);
        prop_assert!(parse(&body[..cut]).is_err());
    }

    #[test]
    fn any_value_anywhere_is_answered(pick in any::<prop::sample::Index>(), value in any_json()) {
        let mut all = Vec::new();
        pointers(&document(), String::new(), &mut all);
        let changed = with(pick.get(&all[..]).as_str(), value);
        for error in errors(&changed) {
            // A pointer names a member that is there, or the place of one that is absent.
            let parent = error.pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
            prop_assert!(changed.pointer(parent).is_some(), "{:?}", error);
        }
    }
}
