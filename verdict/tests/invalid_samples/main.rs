//! Named invalid samples: each is the valid example with one thing wrong, and each has to get exactly the one reason of
//! that thing. Beside them, samples on the right side of every limit, which have to count.
#![allow(clippy::unwrap_used, reason = "a failed unwrap in a test is a failed test")]

mod cases;
mod counting;

use std::collections::BTreeSet;

use ispeed_protocol::Sample;
use ispeed_protocol::servers::ServerClass;
use ispeed_verdict::{Context, EvidenceState, Lang, RecomputeState, ServerState, TABLE, explain, judge};

/// The valid example: the golden vector of the protocol.
pub(crate) fn sample() -> Sample {
    serde_json::from_str(include_str!("../../../protocol/vectors/sample.json")).unwrap()
}

/// A collector that checked everything and found it in order.
pub(crate) fn collector() -> Context {
    let sample = sample();
    Context {
        evidence: EvidenceState::Valid,
        recompute: RecomputeState::Agrees,
        server: ServerState::Approved(ServerClass::Vnix),
        signed: Some(true),
        cell_in_commune: Some(true),
        commune_area_km2: Some(30.0),
        oldest_method: 1,
        newest_method: 1,
        oldest_version: Some("0.1.0".into()),
        ..Context::collector(sample.ended_at.plus_micros(2_600_000))
    }
}

type Change = Box<dyn Fn(&mut Sample, &mut Context)>;

/// A list of named changes, each with the reasons it has to cause.
#[derive(Default)]
pub(crate) struct Cases(Vec<(String, &'static str, Change)>);

impl Cases {
    pub(crate) fn add(
        &mut self,
        reason: &'static str,
        name: impl Into<String>,
        change: impl Fn(&mut Sample, &mut Context) + 'static,
    ) {
        self.0.push((format!("{reason}: {}", name.into()), reason, Box::new(change)));
    }
}

#[test]
fn the_example_counts_on_both_sides() {
    let sample = sample();
    let verdict = judge(&sample, &collector());
    assert!(verdict.counts, "{verdict:?}");
    let verdict = judge(&sample, &Context::phone(sample.ended_at));
    assert!(verdict.counts, "{verdict:?}");
}

#[test]
fn every_invalid_sample_gets_exactly_its_reason() {
    let cases = cases::all();
    println!("{} named invalid samples", cases.0.len());
    assert!(cases.0.len() >= 300);
    let names: BTreeSet<&String> = cases.0.iter().map(|(name, ..)| name).collect();
    assert_eq!(names.len(), cases.0.len(), "names are unique");

    let mut wrong = Vec::new();
    for (name, reason, change) in &cases.0 {
        let (mut sample, mut context) = (sample(), collector());
        change(&mut sample, &mut context);
        let verdict = judge(&sample, &context);
        if verdict.counts || verdict.reasons != [*reason] {
            wrong.push(format!("{name}: {:?}", verdict.reasons));
        }
    }
    assert!(wrong.is_empty(), "{} of {} wrong:\n{}", wrong.len(), cases.0.len(), wrong.join("\n"));
}

#[test]
fn every_reason_has_a_case() {
    let covered: BTreeSet<&str> = cases::all().0.iter().map(|(_, reason, _)| *reason).collect();
    let without: Vec<&str> = TABLE.iter().map(|rule| rule.code).filter(|code| !covered.contains(code)).collect();
    assert!(without.is_empty(), "no case for {without:?}");
}

#[test]
fn samples_on_the_right_side_of_a_limit_count() {
    let cases = counting::all();
    let mut wrong = Vec::new();
    for (name, _, change) in &cases.0 {
        let (mut sample, mut context) = (sample(), collector());
        change(&mut sample, &mut context);
        let verdict = judge(&sample, &context);
        if !verdict.counts {
            wrong.push(format!("{name}: {:?}", verdict.reasons));
        }
    }
    assert!(wrong.is_empty(), "{} of {} wrong:\n{}", wrong.len(), cases.0.len(), wrong.join("\n"));
}

#[test]
fn a_phone_gives_only_reasons_a_phone_can_know_and_the_collector_gives_them_too() {
    for (name, reason, change) in &cases::all().0 {
        let (mut sample, mut context) = (sample(), collector());
        change(&mut sample, &mut context);
        context.side = ispeed_verdict::Side::Phone;
        let phone = judge(&sample, &context).reasons;
        let rule = TABLE.iter().find(|rule| rule.code == *reason).unwrap();
        if rule.sides.includes(ispeed_verdict::Side::Phone) {
            let left_to_collector = sample.device.platform == "ios" && *reason == "operator_unknown";
            assert!(left_to_collector || phone == [*reason], "{name}: {phone:?}");
        } else {
            assert!(phone.is_empty(), "{name}: {phone:?}");
        }
    }
}

#[test]
fn several_wrongs_are_all_said_worst_first() {
    let (mut sample, mut context) = (sample(), collector());
    sample.transport.vpn = Some(true);
    sample.consent.run = false;
    sample.fixes.end.as_mut().unwrap().mock = Some(true);
    context.duplicate = true;
    context.device_counted_today_in_commune = 20;
    let expected = ["duplicate", "consent_missing", "vpn", "position_mocked", "surplus_day"];
    assert_eq!(judge(&sample, &context).reasons, expected);
}

#[test]
fn the_table_is_whole() {
    for (i, rule) in TABLE.iter().enumerate() {
        assert_eq!(rule.reason as usize, i, "{} is in its place", rule.code);
        assert_eq!(rule.reason.code(), rule.code);
        assert_eq!(ispeed_verdict::Reason::from_code(rule.code), Some(rule.reason));
        let variant: String = format!("{:?}", rule.reason);
        let snake: String = variant
            .char_indices()
            .flat_map(|(i, c)| (i > 0 && c.is_uppercase()).then_some('_').into_iter().chain(c.to_lowercase()))
            .collect();
        assert_eq!(rule.code, snake);
        for text in [rule.meaning, rule.advice_vi] {
            assert!(text.ends_with('.') && text.len() > 20, "{}: {text}", rule.code);
        }
        assert_ne!(explain(rule.code, Lang::Vi), explain(rule.code, Lang::En));
    }
    assert_eq!(explain("no_such_reason", Lang::Vi), None);
}

/// Our own strings use the old place of the tone mark (hòa, xóa, hủy) and precomposed letters.
#[test]
fn vietnamese_is_written_in_one_style() {
    for rule in TABLE {
        assert!(!rule.advice_vi.chars().any(|c| ('\u{300}'..='\u{36f}').contains(&c)), "{}: not NFC", rule.code);
        let lower = rule.advice_vi.to_lowercase();
        for new_style in ["oà", "oá", "oả", "oã", "oạ", "uỷ", "uý", "uỳ", "uỹ", "uỵ"] {
            let at = lower.find(new_style).map(|i| &lower[i..]);
            // Before a final consonant (toán, hoàn) both styles agree, and after q the u belongs to the consonant.
            let open = at.is_some_and(|rest| {
                rest.chars().nth(2).is_none_or(|next| !next.is_alphabetic())
                    && !lower.contains(&format!("q{new_style}"))
            });
            assert!(!open, "{}: {new_style} in {}", rule.code, rule.advice_vi);
        }
    }
}
