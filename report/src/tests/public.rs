//! An outsider computes every public figure again from the public set.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::synth::{made_month, month, places, run};
use crate::publicness::first_difference;
use crate::settings::Settings;
use crate::{Figure, Metric, MonthSample, ProvinceMonth};

/// The public set as `publicness` describes it, read back.
fn public_set(samples: &[MonthSample], provinces: &[ProvinceMonth]) -> Vec<MonthSample> {
    let shown: BTreeSet<&str> =
        provinces.iter().flat_map(|p| &p.communes).filter(|c| c.devices_public).map(|c| c.code.as_str()).collect();
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    let cut_off = Settings::default().cut_off(month());
    let day_us = 86_400_000_000;
    let mut out = Vec::new();
    for (row, sample) in samples.iter().enumerate() {
        let shown = sample.commune.as_deref().is_some_and(|c| shown.contains(c));
        let next = 900 - numbers.len();
        let number = *numbers.entry(&sample.device_id).or_insert(next);
        let since = sample.started_at.micros_since(month().start());
        let unit = if shown { day_us / 24 } else { day_us };
        out.push(MonthSample {
            id: uuid::Uuid::from_u128(row as u128),
            device_id: if shown { number.to_string() } else { String::new() },
            started_at: month().start().plus_micros(since / unit * unit),
            received_at: if sample.received_at > cut_off { cut_off.plus_micros(1) } else { cut_off },
            sha256: String::new(),
            cell: sample.cell.filter(|_| shown),
            first_run: false,
            bytes: 0,
            ..sample.clone()
        });
    }
    out
}

fn of(month: &(Vec<ProvinceMonth>, crate::NationMonth)) -> Vec<Vec<Figure>> {
    let mut out = vec![month.1.figures.clone()];
    for province in &month.0 {
        out.push(province.figures.clone());
        out.extend(province.communes.iter().map(|c| c.figures.clone()));
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10))]

    #[test]
    fn every_public_figure_comes_out_again(seed in 0u64..10_000) {
        let places = places(2, 5);
        let samples = made_month(seed, &places, 70);
        let closed = run(&places, &samples);
        let open = run(&places, &public_set(&samples, &closed.0));
        for (published, recomputed) in of(&closed).iter().zip(of(&open)) {
            prop_assert_eq!(first_difference(published, &recomputed), None);
        }
    }
}

#[test]
fn most_figures_are_public_and_the_first_that_differs_is_named() {
    let places = places(1, 4);
    let samples = made_month(1, &places, 80);
    let closed = run(&places, &samples);
    let all: Vec<Figure> = of(&closed).concat();
    let public = all.iter().filter(|f| f.public).count();
    assert!(public * 10 > all.len() * 8, "{public} of {}", all.len());
    let private: BTreeSet<&str> = all.iter().filter(|f| !f.public).map(|f| f.metric.code()).collect();
    let expected = [
        Metric::Devices,
        Metric::TopDeviceShare,
        Metric::Cells,
        Metric::WeakCells,
        Metric::Installs,
        Metric::DownMeanChange,
        Metric::DownMean12Months,
    ];
    assert_eq!(private, expected.map(Metric::code).into());
    // Communes: nobody, 3 devices, 40, 25. The second is masked, and with it the devices of the province.
    let shown: Vec<bool> = closed.0[0].communes.iter().map(|c| c.devices_public).collect();
    assert_eq!(shown, [false, false, true, true]);
    let interval = |f: &&Figure| f.metric == Metric::DownMean && f.interval.is_some() && f.public;
    assert!(closed.1.figures.iter().any(|f| interval(&f)), "intervals of roll-ups stay public all the same");

    let published = &closed.1.figures;
    assert_eq!(first_difference(published, published), None);
    let mut forged = published.clone();
    let at = forged.iter().position(|f| f.metric == Metric::DownMean).unwrap();
    forged[at].value = Some("999.00".parse().unwrap());
    let difference = first_difference(&forged, published).unwrap();
    assert_eq!(difference.published.unwrap().value, forged[at].value);
    assert_eq!(difference.recomputed.unwrap(), published[at]);
    forged = published.clone();
    forged.remove(at);
    assert_eq!(first_difference(&forged, published).unwrap().published, None);
    assert_eq!(first_difference(published, &forged).unwrap().recomputed, None);
    // A figure that is not public is not compared.
    forged = published.clone();
    forged.iter_mut().find(|f| f.metric == Metric::Cells).unwrap().value = None;
    assert_eq!(first_difference(&forged, published), None);
}
