//! The made-up month is the same everywhere, valid, and of the mix it claims.

use std::collections::{BTreeMap, BTreeSet};

use ispeed_protocol::Sample;
use ispeed_protocol::signing::sha256_hex;
use ispeed_protocol::validate::{parse, validate};
use ispeed_report::{MonthSample, TechnologyGroup};

use super::*;

fn spec(samples: u64, seed: u64, province: Option<&str>) -> MonthSpec {
    MonthSpec { month: "2026-11".parse().unwrap(), samples, seed, province: province.map(str::to_owned) }
}

fn plan(samples: u64, seed: u64, province: Option<&str>) -> Synth {
    Synth::plan(spec(samples, seed, province), &Communes::new(None).unwrap()).unwrap()
}

fn all(synth: &Synth) -> Vec<Unsigned> {
    synth.samples(0..synth.len())
}

fn rows(samples: &[Unsigned]) -> Vec<MonthSample> {
    let row = |made: &Unsigned| MonthSample {
        counts: made.verdict.counts,
        reasons: made.verdict.reasons.clone(),
        ..made.facts.clone()
    };
    samples.iter().map(row).collect()
}

/// SHA-256 over the hashes of the bodies, which cover everything but the receipts.
fn fingerprint(samples: &[Unsigned]) -> String {
    let hashes: String = samples.iter().map(|made| made.facts.sha256.as_str()).collect();
    sha256_hex(hashes.as_bytes())
}

#[test]
fn the_same_seed_gives_the_same_bodies_on_every_machine() {
    let synth = plan(800, 7, Some("75"));
    let samples = all(&synth);
    assert_eq!(samples.len(), 800);
    assert_eq!(
        fingerprint(&samples),
        "43227b99bab2dcc48b2bff9f32afc19347ed7df0cffe8ebfc3cd2813dd6dbce4",
        "another month came out: pin it on purpose, with a line in the changelog"
    );
    assert_eq!(samples, all(&plan(800, 7, Some("75"))));
    let apart: Vec<Unsigned> = [0..300, 300..301, 301..800].into_iter().flat_map(|part| synth.samples(part)).collect();
    assert_eq!(samples, apart, "a sample does not depend on those made before it");
    assert_ne!(fingerprint(&samples), fingerprint(&all(&plan(800, 8, Some("75")))));
}

#[test]
fn every_body_is_a_valid_sample_that_says_it_is_made_up() {
    for made in all(&plan(1_200, 3, None)) {
        let sample: Sample = parse(&made.body).unwrap_or_else(|e| panic!("{e:?}"));
        assert_eq!(validate(&sample), []);
        assert!(sample.synthetic && !sample.simulated && sample.consent.upload);
        assert!(made.body.len() < 2_600, "{}", made.body.len());
        assert_eq!(sample.verdict, made.verdict);
        assert_eq!(made.facts.sha256, sha256_hex(&made.body));
        assert_eq!((made.facts.id, made.facts.device_id), (sample.id, sample.device.id));
        assert_eq!(made.facts.started_at.month(), "2026-11".parse().unwrap());
        assert!(made.facts.received_at >= sample.ended_at, "{}", sample.id);
    }
}

#[test]
fn what_the_plan_says_of_spacing_is_what_the_rules_say() {
    let synth = plan(4_000, 5, Some("01"));
    for (attempt, made) in synth.attempts.iter().zip(all(&synth)) {
        let only_spacing = |reason: &String| reason.starts_with("surplus_") || reason == "late";
        assert_eq!(
            attempt.course.may_count(),
            made.verdict.reasons.iter().all(only_spacing),
            "{:?} {:?}",
            attempt.course,
            made.verdict
        );
    }
}

#[test]
fn the_mix_is_the_one_it_claims() {
    let synth = plan(12_000, 1, None);
    let rows = rows(&all(&synth));
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    rows.iter().flat_map(|row| &row.reasons).for_each(|reason| *reasons.entry(reason).or_default() += 1);
    let part = |n: usize| n as f64 / rows.len() as f64;
    let counted = part(rows.iter().filter(|row| row.counts).count());
    assert!((0.70..0.85).contains(&counted), "{counted} {reasons:?}");
    for (reason, low, high) in [
        ("no_service", 0.01, 0.05),
        ("server_failed", 0.008, 0.03),
        ("aborted", 0.008, 0.03),
        ("partial", 0.005, 0.03),
        ("not_cellular", 0.02, 0.06),
        ("vpn", 0.004, 0.02),
        ("position_mocked", 0.0005, 0.02),
        ("place_ambiguous", 0.01, 0.04),
        ("roaming", 0.0001, 0.01),
        ("foreign_network", 0.001, 0.02),
        ("late", 0.003, 0.01),
        ("surplus_interval", 0.005, 0.08),
        ("commune_not_shared", 0.002, 0.01),
    ] {
        let found = part(reasons.get(reason).copied().unwrap_or_default());
        assert!((low..high).contains(&found), "{reason} {found}; {reasons:?}");
    }
    let of = |wanted| part(rows.iter().filter(|row| TechnologyGroup::of(row.technology) == wanted).count());
    assert!((0.1..0.4).contains(&of(TechnologyGroup::G5)), "{}", of(TechnologyGroup::G5));
    assert!(of(TechnologyGroup::G4) > 0.5);
    let operators: BTreeSet<&str> = rows.iter().map(|row| row.operator.as_str()).collect();
    assert!(["viettel", "vinaphone", "mobifone", "vietnamobile", "gmobile"].iter().all(|o| operators.contains(o)));
    assert!(rows.iter().any(|row| row.brand.as_deref() == Some("iTel") && row.operator == "vinaphone"));
    assert!(rows.iter().any(|row| row.campaign.is_some()) && rows.iter().any(|row| row.byte_capped && row.counts));
}

#[test]
fn few_devices_are_heavy_and_pairs_start_together() {
    // As many a commune as a real month has, or the heavy ones are cut short.
    let synth = plan(8_000, 1, Some("92"));
    let rows = rows(&all(&synth));
    let mut by_device: BTreeMap<&str, usize> = BTreeMap::new();
    rows.iter().for_each(|row| *by_device.entry(&row.device_id).or_default() += 1);
    assert_eq!(by_device.len(), synth.devices());
    let mut sizes: Vec<usize> = by_device.values().copied().collect();
    sizes.sort_unstable();
    assert!(sizes[sizes.len() / 2] <= 3, "the usual device measures little");
    let heavy: usize = sizes[sizes.len() * 9 / 10..].iter().sum();
    assert!(heavy * 5 > rows.len() * 2, "a tenth of the devices gives two fifths of the samples or more: {heavy}");
    let mut pairs: BTreeMap<&str, Vec<&MonthSample>> = BTreeMap::new();
    rows.iter().for_each(|row| pairs.entry(row.pair_id.as_deref().unwrap_or_default()).or_default().push(row));
    pairs.remove("");
    assert!(pairs.len() > 20, "{}", pairs.len());
    for (id, pair) in pairs {
        let [one, other] = pair.as_slice() else { panic!("{id}: {}", pair.len()) };
        assert!(one.started_at.micros_since(other.started_at).abs() < 1_000_000, "{id}");
        assert!(one.device_id != other.device_id, "{id}");
    }
}

#[test]
fn samples_of_one_device_are_alike() {
    let synth = plan(8_000, 2, Some("01"));
    let rows = rows(&all(&synth));
    let mut groups: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    let fast = rows.iter().filter(|row| TechnologyGroup::of(row.technology) == TechnologyGroup::G4);
    for row in fast {
        if let Some(down_bps) = row.down_bps {
            groups.entry(&row.device_id).or_default().push(down_bps.ln());
        }
    }
    groups.retain(|_, speeds| speeds.len() >= 2);
    let all: Vec<f64> = groups.values().flatten().copied().collect();
    let mean = all.iter().sum::<f64>() / all.len() as f64;
    let total = all.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / all.len() as f64;
    let within = groups.values().map(|speeds| {
        let mean = speeds.iter().sum::<f64>() / speeds.len() as f64;
        (speeds.iter().map(|x| (x - mean).powi(2)).sum::<f64>(), speeds.len() - 1)
    });
    let (squares, freedom) = within.fold((0.0, 0), |(s, f), (square, free)| (s + square, f + free));
    let correlation = 1.0 - squares / freedom as f64 / total;
    assert!((0.3..0.8).contains(&correlation), "{correlation}");
    assert!((0.6..1.4).contains(&total.sqrt()), "{}", total.sqrt());
}

#[test]
fn a_desk_gives_hundreds_of_counted_samples_of_one_device() {
    let places = world::places(11, &Communes::new(None).unwrap(), None);
    let desks = places.iter().filter(|place| place.desk).count();
    assert!((30..110).contains(&desks), "{desks}");
    let synth = plan(24_000, 11, Some("79"));
    let mut counted: BTreeMap<u32, usize> = BTreeMap::new();
    let desk = |attempt: &&Attempt| synth.devices[attempt.device as usize].habit == Habit::Desk;
    for attempt in synth.attempts.iter().filter(desk).filter(|attempt| attempt.course.may_count()) {
        let surplus = attempt.counted_today >= 20 || attempt.since_counted_s < 120;
        *counted.entry(attempt.device).or_default() += usize::from(!surplus);
    }
    assert!(counted.values().any(|n| *n > 100), "{:?}", counted.values().max());
}

#[test]
fn arrivals_are_in_order_and_some_are_late() {
    let synth = plan(6_000, 1, Some("75"));
    let samples = all(&synth);
    let seconds = |made: &Unsigned| made.facts.received_at.as_micros() / 1_000_000;
    assert!(samples.windows(2).all(|pair| seconds(&pair[0]) <= seconds(&pair[1]) + 1));
    let cutoff = "2026-11".parse::<Month>().unwrap().end().plus_micros(8 * 86_400_000_000);
    let late = samples.iter().filter(|made| made.facts.received_at > cutoff).count();
    assert!((12..100).contains(&late), "{late}");
}

#[test]
fn the_cut_off_is_that_of_the_close() {
    let month = "2026-10".parse::<Month>().unwrap();
    let own = month.end().plus_micros(i64::from(schedule::CUTOFF_DAYS) * 86_400_000_000);
    assert_eq!(own, ispeed_report::Settings::default().cut_off(month).plus_micros(1));
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    let communes = Communes::new(None).unwrap();
    let error = |spec| Synth::plan(spec, &communes).err().unwrap().to_string();
    assert!(error(spec(0, 1, None)).contains("samples is 0"));
    assert!(error(spec(10, 1, Some("00"))).contains("\"00\""));
}
