//! Figures of small months, computed by hand.

use ispeed_protocol::cell::Cell;
use ispeed_protocol::device::{MeasurerKind, RadioTechnology};
use ispeed_protocol::sample::Outcome;
use proptest::prelude::*;

use super::synth::{excluded, made_month, month, places, run, run_with, sample};
use crate::figures::Figures;
use crate::group::{Level, OperatorGroup, TechnologyGroup};
use crate::history::History;
use crate::month::{COMMUNE_UNKNOWN, MonthError};
use crate::settings::Settings;
use crate::statements::{TargetVerdict, Weakness};
use crate::stats::random::Random;
use crate::{Figure, Metric, MonthComputer, MonthSample};

use OperatorGroup::{All, Mobifone, Viettel, Vinaphone};

fn text(figures: &[Figure], operator: OperatorGroup, technology: TechnologyGroup, metric: Metric) -> String {
    let first = &figures[0].group;
    let found = Figures::new(figures).of(first.level, &first.code, operator, technology, metric);
    found.map_or("absent".to_owned(), |f| f.value.map_or(String::new(), |v| v.to_string()))
}

fn all(figures: &[Figure], metric: Metric) -> String {
    text(figures, All, TechnologyGroup::All, metric)
}

/// Two communes of one province; the first has ten samples.
fn small_month() -> (Vec<crate::Place>, Vec<MonthSample>) {
    let places = places(1, 2);
    let mut samples: Vec<MonthSample> = (0..10).map(|k| sample(k, &places[0], &format!("device {}", k % 3))).collect();
    for (k, sample) in samples.iter_mut().enumerate() {
        sample.down_bps = Some(10e6 * (k + 1) as f64);
        sample.up_bps = (k != 9).then_some(5e6);
    }
    // 5: 5G, ended by the byte budget. 6: MobiFone's own staff. 7: VPN. 8: no service. 9: too late.
    samples[5].technology = RadioTechnology::G5Sa;
    samples[5].byte_capped = true;
    samples[6].operator = "mobifone".to_owned();
    samples[6].measurer = MeasurerKind::Operator;
    samples[7] = excluded(samples[7].clone(), Outcome::Complete, &["vpn", "roaming"]);
    samples[8] = excluded(samples[8].clone(), Outcome::NoService, &["no_service", "evidence_missing"]);
    samples[9].received_at = Settings::default().cut_off(month()).plus_micros(1);
    samples[0].echo.lost = 14;
    samples[0].first_run = true;
    (places, samples)
}

#[test]
fn figures_by_hand() {
    let (places, samples) = small_month();
    let (provinces, nation) = run(&places, &samples);
    let commune = &provinces[0].communes[0];
    let expected = [
        (Metric::Samples, "10"),
        (Metric::Counted, "7"),
        (Metric::Missing, "293"),
        (Metric::Excluded, "3"),
        (Metric::Late, "1"),
        (Metric::Devices, "3"),
        (Metric::Cells, "7"),
        (Metric::Days, "1"),
        // Device 0 gave samples 0, 3 and 6 of the 7 that count.
        (Metric::TopDeviceShare, "42.9"),
        // 10, 20, 30, 40, 50 and 70; the capped 5G sample of 60 is left out.
        (Metric::DownMean, "36.67"),
        (Metric::DownMedian, "40.00"),
        (Metric::DownP10, "16.00"),
        (Metric::DownP90, "64.00"),
        (Metric::UpMean, "5.00"),
        // 4G floor 10: all six; 5G floor 30: 60.
        (Metric::AboveFloor, "100.0"),
        (Metric::IdleLatency, "30.0"),
        (Metric::LoadedDownLatency, "90.0"),
        (Metric::LoadedUpLatency, "120.0"),
        (Metric::Pdv, "8.0"),
        // 14 of 7 · 400.
        (Metric::Loss, "0.500"),
        // One of eight: a sample over a VPN is no attempt, nor is a late one.
        (Metric::Failed, "12.5"),
        (Metric::Installs, "1"),
        (Metric::ByCitizens, "6"),
        (Metric::ByOfficials, "0"),
        (Metric::ByOperators, "1"),
        (Metric::DownMeanWithoutOperators, "30.00"),
        (Metric::DownMeanChange, ""),
    ];
    for (metric, value) in expected {
        assert_eq!(all(&commune.figures, metric), value, "{metric}");
    }
    assert!(commune.figures.iter().all(|f| f.interval.is_none()), "three devices give no interval");
    assert_eq!(text(&commune.figures, Viettel, TechnologyGroup::G4, Metric::DownMean), "30.00");
    assert_eq!(text(&commune.figures, Viettel, TechnologyGroup::G5, Metric::DownMean), "absent", "capped");
    assert_eq!(text(&commune.figures, Viettel, TechnologyGroup::G5, Metric::DownMedian), "60.00", "not of medians");
    assert_eq!(text(&commune.figures, Mobifone, TechnologyGroup::All, Metric::Counted), "1");
    assert_eq!(text(&commune.figures, Vinaphone, TechnologyGroup::All, Metric::Counted), "absent");
    let reasons = [("evidence_missing", 1), ("late", 1), ("no_service", 1), ("roaming", 1), ("vpn", 1)];
    assert_eq!(commune.exclusions, reasons.map(|(r, n)| (r.to_owned(), n)).into());
    // The commune without samples: an honest line.
    let empty = &provinces[0].communes[1];
    assert_eq!(all(&empty.figures, Metric::Missing), "300");
    assert_eq!(
        (all(&empty.figures, Metric::DownMean), all(&empty.figures, Metric::Failed)),
        (String::new(), String::new())
    );
    assert_eq!(all(&provinces[0].figures, Metric::Missing), "593");
    assert_eq!(all(&nation.figures, Metric::CommunesTotal), "2");
    assert_eq!(all(&nation.figures, Metric::CommunesReached), "0");
    assert_eq!(all(&nation.figures, Metric::DownMean), "36.67");
    assert_eq!(nation.newest_received_at, Some(samples[9].received_at));
}

#[test]
fn every_metric_is_there_for_a_whole_place_once_and_sorted() {
    let (places, samples) = small_month();
    let (provinces, nation) = run(&places, &samples);
    for (figures, level) in [(&nation.figures, Level::Nation), (&provinces[0].communes[1].figures, Level::Commune)] {
        let whole: Vec<Metric> = figures
            .iter()
            .filter(|f| f.group.operator == All && f.group.technology == TechnologyGroup::All)
            .map(|f| f.metric)
            .collect();
        let not_of_a_commune = [Metric::CommunesTotal, Metric::CommunesReached];
        let wanted: Vec<Metric> =
            Metric::ALL.iter().copied().filter(|m| level == Level::Nation || !not_of_a_commune.contains(m)).collect();
        assert_eq!(whole, wanted);
        assert!(figures.is_sorted_by(|a, b| (&a.group, a.metric) < (&b.group, b.metric)));
    }
}

#[test]
fn thirty_samples_of_ten_devices_have_an_interval_and_a_verdict() {
    let places = places(1, 1);
    let steady = |down: f64| -> Vec<MonthSample> {
        let of = |k: u128| MonthSample {
            down_bps: Some(down * (1.0 + (k % 7) as f64 / 100.0)),
            ..sample(k, &places[0], &format!("device {}", k % 10))
        };
        (0..40).map(of).collect()
    };
    for (down, verdict) in
        [(60e6, TargetVerdict::Reached), (20e6, TargetVerdict::NotReached), (39e6, TargetVerdict::NotEnough)]
    {
        let (provinces, _) = run(&places, &steady(down));
        let targets = &provinces[0].communes[0].targets;
        let own = targets.iter().find(|t| t.group.operator == All && t.metric == Metric::DownMean).unwrap();
        assert_eq!((own.verdict, own.group.technology), (verdict, TechnologyGroup::G4));
        assert!(own.interval.is_some() && own.median.is_some());
        // A regulation is printed and never judged.
        let rules = targets.iter().filter(|t| t.paper.starts_with("QCVN"));
        assert!(rules.clone().count() >= 3 && rules.clone().all(|t| t.verdict == TargetVerdict::Informational));
    }
}

#[test]
fn weak_cells_and_sharing_candidates() {
    let places = places(1, 1);
    let mut samples = Vec::new();
    let mut add = |operator: &str, column: i32, downs: &[f64], failures: u128| {
        for k in 0..downs.len() as u128 + failures {
            let number = samples.len() as u128;
            let mut made = sample(number, &places[0], &format!("device {}", number % 2));
            made.operator = operator.to_owned();
            made.cell = Some(Cell { row: 1, column });
            made.down_bps = downs.get(k as usize).map(|d| d * 1e6);
            if made.down_bps.is_none() {
                made = excluded(made, Outcome::NoService, &["no_service"]);
            }
            samples.push(made);
        }
    };
    // Cell 1: Viettel good, VinaPhone slow, MobiFone without service.
    add("viettel", 1, &[50.0, 80.0, 90.0, 70.0, 60.0], 0);
    add("vinaphone", 1, &[5.0, 9.0, 8.0, 7.0, 6.0], 0);
    add("mobifone", 1, &[90.0, 90.0], 3);
    // Cell 2: below target, but nobody is better; cell 3: too little evidence; cell 4: good by too little for sharing.
    add("viettel", 2, &[30.0, 31.0, 32.0, 33.0, 34.0], 0);
    add("viettel", 3, &[1.0, 1.0, 1.0, 1.0], 0);
    add("viettel", 4, &[41.0, 42.0, 43.0, 44.0, 45.0], 0);
    add("vinaphone", 4, &[35.0, 36.0, 37.0, 38.0, 39.0], 0);
    let (provinces, nation) = run(&places, &samples);
    let commune = &provinces[0].communes[0];
    let weak: Vec<_> = commune.weak_cells.iter().map(|w| (w.cell.column, w.evidence.operator, w.weakness)).collect();
    let expected = [
        (1, Vinaphone, Weakness::BelowTarget),
        (1, Mobifone, Weakness::NoService),
        (2, Viettel, Weakness::BelowTarget),
        (4, Vinaphone, Weakness::BelowTarget),
    ];
    assert_eq!(weak, expected);
    let sharing: Vec<_> =
        commune.sharing.iter().map(|s| (s.cell.column, s.good.operator, s.weak.operator, s.weakness)).collect();
    assert_eq!(sharing, [(1, Viettel, Vinaphone, Weakness::BelowTarget), (1, Viettel, Mobifone, Weakness::NoService)]);
    assert_eq!(commune.sharing[0].good.down_median_mbps.unwrap().to_string(), "70.00");
    assert_eq!((commune.sharing[1].weak.attempts, commune.sharing[1].weak.failed), (5, 3));
    assert_eq!(all(&nation.figures, Metric::WeakCells), "3");
    assert_eq!(text(&nation.figures, Vinaphone, TechnologyGroup::All, Metric::WeakCells), "2");
}

#[test]
fn samples_without_a_place_are_counted_where_nothing_is_lost() {
    let places = places(2, 1);
    let mut outside = excluded(sample(1, &places[0], "a"), Outcome::Complete, &["place_outside"]);
    (outside.commune, outside.province) = (None, None);
    let mut foreign = sample(2, &places[0], "a");
    foreign.commune = Some("10999".to_owned());
    let mut moved = sample(3, &places[0], "a");
    moved.commune = Some(places[1].code.clone());
    let samples = [outside, sample(0, &places[0], "a"), foreign, moved, sample(4, &places[1], "b")];
    let (provinces, nation) = run(&places, &samples);
    assert_eq!(nation.unplaced, [("place_outside".to_owned(), 1), (COMMUNE_UNKNOWN.to_owned(), 2)].into());
    assert_eq!(
        (all(&nation.figures, Metric::Samples), all(&nation.figures, Metric::Counted)),
        ("5".into(), "2".into())
    );
    assert_eq!(all(&nation.figures, Metric::Excluded), "3");
    assert_eq!(all(&provinces[0].figures, Metric::Samples), "1");
}

#[test]
fn a_wrong_stream_is_refused() {
    let places = places(2, 2);
    let new = || MonthComputer::new(Settings::default(), month(), places.clone(), History::default()).unwrap();
    let mut computer = new();
    computer.push(&sample(5, &places[0], "a")).unwrap();
    let twice = computer.push(&sample(5, &places[0], "a")).unwrap_err();
    assert!(twice.to_string().contains("out of order or came twice"));
    let skipped = computer.push(&sample(6, &places[2], "a")).unwrap_err();
    let expected = MonthError::ProvinceOrder { code: "11".into(), expected: Some("10".into()) };
    assert_eq!(skipped, expected);
    let mut computer = new();
    assert!(computer.finish_province("11").is_err());
    computer.push(&sample(1, &places[1], "a")).unwrap();
    assert!(computer.push(&sample(2, &places[0], "a")).is_err(), "communes go up");
    computer.finish_province("10").unwrap();
    assert!(computer.finish_province("10").is_err());
    let december = MonthSample { started_at: month().end(), ..sample(9, &places[2], "a") };
    assert!(matches!(computer.push(&december), Err(MonthError::WrongMonth { .. })));
    let doubled =
        MonthComputer::new(Settings::default(), month(), [places.clone(), places].concat(), History::default());
    assert!(matches!(doubled.err(), Some(MonthError::PlaceTwice { .. })));
}

#[test]
fn trends_come_from_earlier_figures() {
    let (places, samples) = small_month();
    let (before, _) = run(&places, &samples);
    let mut history = History::default();
    for figure in &before[0].figures {
        history.add("2026-10".parse().unwrap(), figure);
    }
    let faster: Vec<_> =
        samples.iter().map(|s| MonthSample { down_bps: s.down_bps.map(|d| d * 1.5), ..s.clone() }).collect();
    let (now, _) = run_with(Settings::default(), history, &places, &faster);
    assert_eq!(all(&now[0].figures, Metric::DownMeanChange), "50.0");
    // (36.67·6 + 55·6) / 12
    assert_eq!(all(&now[0].figures, Metric::DownMean12Months), "45.84");
    assert_eq!(all(&now[0].communes[0].figures, Metric::DownMeanChange), "", "only the province has a past here");
}

#[test]
fn a_province_is_the_sum_of_its_communes() {
    let places = places(1, 8);
    let (provinces, nation) = run(&places, &made_month(3, &places, 120));
    for metric in [
        Metric::Samples,
        Metric::Counted,
        Metric::Excluded,
        Metric::Late,
        Metric::Missing,
        Metric::Installs,
        Metric::WeakCells,
    ] {
        let sum: u64 = provinces[0].communes.iter().map(|c| all(&c.figures, metric).parse::<u64>().unwrap()).sum();
        assert_eq!(all(&provinces[0].figures, metric), sum.to_string(), "{metric}");
        assert_eq!(all(&nation.figures, metric), sum.to_string(), "{metric}");
    }
    let mean = |f: &[Figure]| {
        let g = &f[0].group;
        Figures::new(f).of(g.level, &g.code, All, TechnologyGroup::G4, Metric::DownMean).cloned()
    };
    let weighed = provinces[0]
        .communes
        .iter()
        .filter_map(|c| mean(&c.figures))
        .fold((0.0, 0), |(sum, n), f| (sum + f.value.unwrap().as_f64() * f.n as f64, n + f.n));
    let province = mean(&provinces[0].figures).unwrap();
    assert_eq!(province.n, weighed.1);
    assert!((province.value.unwrap().as_f64() - weighed.0 / weighed.1 as f64).abs() < 0.01);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn neither_ids_nor_names_of_devices_change_a_figure(seed in 0u64..10_000) {
        let places = places(1, 4);
        let mut samples = made_month(seed, &places, 60);
        let there = run(&places, &samples);
        let mut random = Random::new(seed + 1);
        // Other ids in each commune, so another order of rows; other device ids, no longer hex.
        for commune in samples.chunk_by_mut(|a, b| a.commune == b.commune) {
            random.shuffle(commune);
            let first = commune.iter().map(|s| s.id).min().unwrap().as_u128();
            for (k, sample) in commune.iter_mut().enumerate() {
                sample.id = uuid::Uuid::from_u128(first + k as u128);
                sample.device_id = format!("phone-{}", sample.device_id.chars().rev().collect::<String>());
            }
        }
        let again = run(&places, &samples);
        prop_assert_eq!(there, again);
    }
}
