//! Position and commune.

use ispeed_protocol::Sample;
use ispeed_protocol::place::{Candidate, Fix, FixSource, Fixes, Place, PlaceVerdict};

use crate::Cases;

type FixOf = fn(&mut Sample) -> &mut Fix;
const FIXES: [(&str, FixOf); 3] = [
    ("start", |s| s.fixes.start.as_mut().unwrap()),
    ("mid", |s| s.fixes.mid.as_mut().unwrap()),
    ("end", |s| s.fixes.end.as_mut().unwrap()),
];

fn every_fix(sample: &mut Sample, change: impl Fn(&mut Fix)) {
    FIXES.iter().for_each(|(_, fix)| change(fix(sample)));
}

pub(super) fn positions(cases: &mut Cases) {
    cases.add("position_missing", "no fix", |s, _| s.fixes = Fixes::default());
    for (name, fix) in FIXES {
        cases.add("position_declared", format!("typed at the {name}"), move |s, _| fix(s).source = FixSource::Declared);
        cases.add("position_simulated", format!("made up at the {name}"), move |s, _| {
            fix(s).source = FixSource::Simulated;
        });
        cases.add("position_mocked", format!("mocked at the {name}"), move |s, _| fix(s).mock = Some(true));
        // Only this fix is there, so nothing else can stand in for it.
        let only = move |s: &mut Sample| {
            let kept = fix(s).clone();
            s.fixes = Fixes { start: Some(kept), mid: None, end: None };
        };
        for age_ms in [60_001, 61_000, 3_600_000, 86_400_000, u64::MAX] {
            cases.add("position_stale", format!("{age_ms} ms old, {name} only"), move |s, _| {
                only(s);
                s.fixes.start.as_mut().unwrap().age_ms = Some(age_ms);
            });
        }
        for accuracy_m in [Some(100.1), Some(150.0), Some(3_000.0), Some(0.0), Some(-1.0), Some(f64::NAN), None] {
            cases.add("position_inaccurate", format!("±{accuracy_m:?} m, {name} only"), move |s, _| {
                only(s);
                s.fixes.start.as_mut().unwrap().accuracy_m = accuracy_m;
            });
        }
        for accuracy_m in [50.1, 75.0, 100.0] {
            cases.add("position_inaccurate", format!("±{accuracy_m} m in a dense ward, {name} only"), move |s, c| {
                only(s);
                s.fixes.start.as_mut().unwrap().accuracy_m = Some(accuracy_m);
                c.commune_area_km2 = Some(1.0);
            });
        }
    }
    cases.add("position_stale", "all three", |s, _| every_fix(s, |fix| fix.age_ms = Some(90_000)));
    cases.add("position_stale", "no age, taken two minutes before the end", |s, _| {
        let at = s.ended_at.plus_micros(-120_000_000);
        every_fix(s, |fix| (fix.age_ms, fix.at) = (None, Some(at)));
    });
    cases.add("position_stale", "no age, taken after the end", |s, _| {
        let at = s.ended_at.plus_micros(120_000_000);
        every_fix(s, |fix| (fix.age_ms, fix.at) = (None, Some(at)));
    });
    cases.add("position_stale", "neither age nor time", |s, _| every_fix(s, |fix| (fix.age_ms, fix.at) = (None, None)));
    cases.add("position_inaccurate", "all three", |s, _| every_fix(s, |fix| fix.accuracy_m = Some(101.0)));
    cases.add("position_inaccurate", "the fresh one is wide and the narrow ones are old", |s, _| {
        every_fix(s, |fix| fix.age_ms = Some(90_000));
        let end = s.fixes.end.as_mut().unwrap();
        (end.age_ms, end.accuracy_m) = (Some(100), Some(500.0));
    });
}

pub(super) fn places(cases: &mut Cases) {
    let near = || vec![Candidate { code: "25195".into(), distance_m: 12.0 }];
    let table = [
        ("place_unknown", PlaceVerdict::Unknown),
        ("place_outside", PlaceVerdict::Outside),
        ("place_approximate", PlaceVerdict::Approximate),
        ("place_ambiguous", PlaceVerdict::Ambiguous),
    ];
    for (code, verdict) in table {
        cases.add(code, "by the phone", move |s, _| s.place.verdict = verdict);
        cases.add(code, "by the phone, without a code", move |s, _| {
            s.place = Place { verdict, candidates: near(), ..Place::unknown() };
        });
        cases.add(code, "by the collector's own look, the phone certain", move |s, c| {
            c.server_place = Some(Place { verdict, ..s.place.clone() });
        });
        cases.add(code, "by the collector's own look, the phone approximate", move |s, c| {
            c.server_place = Some(Place { verdict, ..s.place.clone() });
            s.place.verdict = PlaceVerdict::Approximate;
        });
    }
    cases.add("place_unknown", "certain of nothing", |s, _| s.place.code = None);
    cases.add("place_inconsistent", "cell in another commune", |_, c| c.cell_in_commune = Some(false));
    cases.add("place_left", "into another commune", |_, c| c.left_commune = true);
}
