//! What holds for every sample, however wrong.
#![allow(clippy::unwrap_used, reason = "a failed unwrap in a test is a failed test")]

use ispeed_protocol::plan::Spacing;
use ispeed_protocol::servers::ServerClass;
use ispeed_protocol::{Sample, UtcMicros};
use ispeed_verdict::{
    Context, EvidenceState, RecomputeState, ServerState, Side, TABLE, judge, serving_operator, sim_brand,
};
use proptest::prelude::*;
use serde_json::{Value, json};

const BODY: &str = include_str!("../../protocol/vectors/sample.json");

fn pointers(value: &Value, at: String, out: &mut Vec<String>) {
    out.push(at.clone());
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| pointers(value, format!("{at}/{name}"), out));
        }
        Value::Array(items) => {
            items.iter().enumerate().take(2).for_each(|(i, value)| pointers(value, format!("{at}/{i}"), out));
        }
        _ => {}
    }
}

/// Values that a member of the sample may hold by its type, the extreme ones included.
fn any_value() -> impl Strategy<Value = Value> {
    let words = [
        "complete",
        "partial",
        "no_service",
        "wifi",
        "cellular",
        "unknown",
        "declared",
        "simulated",
        "outside",
        "none",
        "abroad",
        "lab",
        "452-03",
        "456-01",
        "",
        "ios",
        "0.0.1",
        "1970-01-01T00:00:00Z",
        "9999-12-30T00:00:00Z",
        "-009999-01-02T00:00:00Z",
        "unsaturated",
        "burst",
    ];
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        prop::sample::select(vec![0_u64, 1, 59_999, 60_001, u64::from(u32::MAX), u64::MAX]).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(words.to_vec()).prop_map(Value::from),
        Just(json!([])),
    ]
}

prop_compose! {
    fn any_sample()(changes in prop::collection::vec((any::<prop::sample::Index>(), any_value()), 0..12)) -> Sample {
        let original: Value = serde_json::from_str(BODY).unwrap();
        let mut all = Vec::new();
        pointers(&original, String::new(), &mut all);
        let mut document = original;
        for (pick, value) in changes {
            let mut changed = document.clone();
            if let Some(member) = changed.pointer_mut(pick.get(&all[..]).as_str()) {
                *member = value;
            }
            // Types are the reader's business; what it lets through is ours.
            if serde_json::from_value::<Sample>(changed.clone()).is_ok() {
                document = changed;
            }
        }
        serde_json::from_value(document).unwrap()
    }
}

prop_compose! {
    fn any_context(sample: Sample)(
        side in prop::sample::select(vec![Side::Phone, Side::Collector]),
        evidence in prop::sample::select(vec![
            EvidenceState::NotChecked, EvidenceState::Valid, EvidenceState::Missing, EvidenceState::Mismatch,
        ]),
        recompute in prop::sample::select(vec![
            RecomputeState::NotChecked, RecomputeState::Agrees, RecomputeState::Differs,
        ]),
        server in prop::sample::select(vec![
            ServerState::NotChecked, ServerState::NotApproved, ServerState::Approved(ServerClass::Lab),
        ]),
        times in any::<(i64, Option<i64>)>(),
        counted in any::<(u32, Option<u64>)>(),
        area in any::<Option<f64>>(),
        asn in any::<Option<u32>>(),
        near in any::<(Option<f64>, u32, u32, u32)>(),
        flags in any::<[bool; 5]>(),
        oldest in any::<Option<String>>(),
    ) -> Context {
        Context {
            side,
            accept_simulated: flags[0],
            server_place: flags[1].then(|| sample.place.clone()),
            cell_in_commune: Some(flags[2]),
            commune_area_km2: area,
            left_commune: flags[3],
            evidence,
            recompute,
            server,
            signed: Some(flags[4]),
            device_counted_today_in_commune: counted.0,
            seconds_to_nearest_counted: counted.1,
            metres_to_nearest_counted_today: near.0,
            spacing: Spacing { seconds: near.1, metres: near.2, per_day: near.3 },
            oldest_version: oldest,
            cutoff: times.1.map(UtcMicros),
            upload_asn: asn,
            ..Context::collector(UtcMicros(times.0))
        }
    }
}

#[test]
fn a_collector_may_set_the_spacing_within_bounds_only() {
    use ispeed_verdict::limits::{SPACING, check_spacing};
    assert_eq!(check_spacing(SPACING), Ok(()));
    for (wrong, named) in [
        (Spacing { seconds: 29, ..SPACING }, "seconds is 29"),
        (Spacing { seconds: 3_601, ..SPACING }, "seconds is 3601"),
        (Spacing { metres: 2_001, ..SPACING }, "metres is 2001"),
        (Spacing { per_day: 0, ..SPACING }, "per_day is 0"),
        (Spacing { per_day: 101, ..SPACING }, "per_day is 101"),
    ] {
        assert!(check_spacing(wrong).unwrap_err().contains(named), "{named}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn every_sample_gets_a_verdict(
        (sample, context) in any_sample().prop_flat_map(|sample| (Just(sample.clone()), any_context(sample)))
    ) {
        let verdict = judge(&sample, &context);
        prop_assert_eq!(verdict.counts, verdict.reasons.is_empty());
        prop_assert_eq!(verdict.rules, ispeed_verdict::RULES_VERSION);
        let rows: Vec<usize> = verdict
            .reasons
            .iter()
            .map(|code| TABLE.iter().position(|rule| rule.code == code).unwrap())
            .collect();
        prop_assert!(rows.windows(2).all(|pair| pair[0] < pair[1]), "in the order of the table, once each: {:?}", verdict.reasons);
        prop_assert!(rows.iter().all(|row| TABLE[*row].sides.includes(context.side)));
        prop_assert_eq!(&judge(&sample, &context), &verdict, "the same input, the same verdict");
        let _ = (serving_operator(&sample), sim_brand(&sample));
    }

    #[test]
    fn what_the_phone_refuses_the_collector_refuses(sample in any_sample()) {
        let at = sample.ended_at;
        let phone = judge(&sample, &Context::phone(at)).reasons;
        let collector = judge(&sample, &Context::collector(at)).reasons;
        prop_assert!(phone.iter().all(|reason| collector.contains(reason)), "{:?} {:?}", phone, collector);
    }
}
