//! Bundles that are not as they were written.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::format::{DIGEST_AT, HEADER_BYTES, digest};
use super::{Boundaries, BundleError};
use crate::Point;
use crate::build::{BuildOptions, build};

/// Three communes, one with a wavy border and an island.
fn bundle() -> Vec<u8> {
    let wave = |reverse: bool| {
        let mut wave: Vec<String> = (0..=40)
            .map(|n| format!("[{:.6},{:.6}]", 106.02 + 0.0004 * f64::from(n % 3), 11.0 + 0.0005 * f64::from(n)))
            .collect();
        if reverse {
            wave.reverse();
        }
        wave.join(",")
    };
    let communes = [
        ("10001", format!("[[[106.0,11.0],{},[106.0,11.02],[106.0,11.0]]]", wave(false))),
        ("10002", format!("[[[106.04,11.02],{},[106.04,11.0],[106.04,11.02]]]", wave(true))),
        ("10003", "[[[106.1,11.0],[106.11,11.0],[106.105,11.01],[106.1,11.0]]]".to_owned()),
    ];
    let lines: String = communes
        .iter()
        .map(|(code, polygon)| {
            format!(
                r#"{{"type":"Feature","id":"{code}","properties":{{"name":"Xã {code}","province":"75"}},"geometry":{{"type":"MultiPolygon","coordinates":[{polygon}]}}}}"#
            ) + "\n"
        })
        .collect();
    build(lines.as_bytes(), &BuildOptions::default()).expect("three communes build").0
}

/// Makes the checksum and the length right again, as a faulty or hostile writer would.
fn sealed(mut bundle: Vec<u8>) -> Vec<u8> {
    let length = bundle.len() as u64;
    bundle[10..DIGEST_AT].copy_from_slice(&length.to_le_bytes());
    let digest = digest(&bundle);
    bundle[DIGEST_AT..HEADER_BYTES].copy_from_slice(&digest);
    bundle
}

#[test]
fn a_bundle_survives_the_round_trip() {
    let bytes = bundle();
    let loaded = Boundaries::load(&bytes).unwrap();
    assert_eq!(loaded.table().communes, 3);
    assert_eq!(loaded.table().name, "communes");
    assert_eq!(loaded.resolve(Point { lat: 11.005, lon: 106.105 }, None).code.as_deref(), Some("10003"));
    assert_eq!(loaded.table().reference(), format!("communes@1970-01-01#{}", &loaded.table().sha256[..12]));
    assert_eq!(sealed(bytes.clone()), bytes);
}

#[test]
fn the_outline_is_the_whole_border_and_each_stretch_once() {
    let loaded = Boundaries::load(&bundle()).unwrap();
    for code in ["10001", "10002", "10003"] {
        let lines = loaded.outline(code).unwrap();
        let key = |point: &Point| (point.lat.to_bits(), point.lon.to_bits());
        let (mut ends, mut drawn) = (HashMap::new(), HashSet::new());
        for pair in lines.iter().flat_map(|line| line.windows(2)) {
            let (a, b) = (key(&pair[0]), key(&pair[1]));
            assert!(drawn.insert((a.min(b), a.max(b))), "{code}: a stretch is drawn twice");
            *ends.entry(a).or_insert(0) += 1;
            *ends.entry(b).or_insert(0) += 1;
        }
        assert!(drawn.len() >= 3, "{code}");
        assert!(ends.values().all(|n| n % 2 == 0), "{code}: a border is closed");
    }
    let triangle: Vec<Point> = loaded.outline("10003").unwrap().concat();
    let west = triangle.iter().map(|point| point.lon).fold(f64::INFINITY, f64::min);
    let north = triangle.iter().map(|point| point.lat).fold(f64::NEG_INFINITY, f64::max);
    assert!((west - 106.1).abs() < 1e-4 && (north - 11.01).abs() < 1e-4, "{triangle:?}");
    assert_eq!(loaded.outline("99999"), None);
}

#[test]
fn every_truncation_is_an_error_that_says_so() {
    let bytes = bundle();
    for length in 0..bytes.len() {
        let error = Boundaries::load(&bytes[..length]).unwrap_err();
        match length {
            0..8 => assert!(matches!(error, BundleError::Foreign { .. }), "{length}: {error}"),
            _ => assert!(matches!(error, BundleError::Length { .. }), "{length}: {error}"),
        }
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(matches!(Boundaries::load(&longer), Err(BundleError::Length { .. })));
}

#[test]
fn every_flipped_bit_is_an_error_that_says_so() {
    let mut bytes = bundle();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            bytes[at] ^= 1 << bit;
            let error = Boundaries::load(&bytes).unwrap_err();
            bytes[at] ^= 1 << bit;
            match at {
                0..8 => assert!(matches!(error, BundleError::Foreign { .. }), "{at}: {error}"),
                8..10 => assert!(matches!(error, BundleError::Version { .. }), "{at}: {error}"),
                10..18 => assert!(matches!(error, BundleError::Length { .. }), "{at}: {error}"),
                _ => assert!(matches!(error, BundleError::Checksum { .. }), "{at}: {error}"),
            }
        }
    }
}

#[test]
fn foreign_files_are_named() {
    let error = Boundaries::load(b"{\"type\":\"FeatureCollection\"}").unwrap_err().to_string();
    assert!(error.contains("{\\\"type") && error.contains("ispeedB"), "{error}");
    let error = Boundaries::load(&[0x28, 0xb5, 0x2f, 0xfd, 0]).unwrap_err().to_string();
    assert!(error.contains("(\\xb5/\\xfd"), "{error}");
}

#[test]
fn cutting_a_sealed_payload_is_malformed() {
    let bytes = bundle();
    for length in HEADER_BYTES..bytes.len() {
        let error = Boundaries::load(&sealed(bytes[..length].to_vec())).unwrap_err();
        assert!(matches!(error, BundleError::Malformed { .. }), "{length}: {error}");
    }
    let longer = sealed([&bytes[..], &[0]].concat());
    assert!(matches!(Boundaries::load(&longer), Err(BundleError::Malformed { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_hostile_payload_never_panics(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut bytes = bundle();
        for (at, value) in changes {
            let payload = &mut bytes[HEADER_BYTES..];
            payload[at.index(payload.len())] = value;
        }
        // Either an error or some answer; what it says of changed borders does not matter.
        if let Ok(loaded) = Boundaries::load(&sealed(bytes)) {
            let place = loaded.resolve(Point { lat: 11.01, lon: 106.02 }, Some(10.0));
            prop_assert!(place.candidates.len() <= 16);
        }
    }
}

#[test]
fn a_communes_cells_are_those_whose_centre_it_holds() {
    let loaded = Boundaries::load(&bundle()).unwrap();
    let owner = |cell| loaded.resolve(crate::cell::centre(cell), Some(0.0)).code;
    let mut all = 0;
    for code in ["10001", "10002", "10003"] {
        let cells = loaded.cells(code).unwrap();
        assert!(cells.is_sorted_by(|a, b| a < b), "{code}: in order, each once");
        // Every cell of a wider rectangle, one by one.
        let mut expected = Vec::new();
        let (south_west, north_east) = (crate::cell(10.99, 105.99), crate::cell(11.03, 106.12));
        for row in south_west.row..=north_east.row {
            for column in south_west.column - 2..=north_east.column + 2 {
                let here = ispeed_protocol::Cell { row, column };
                let centre = crate::cell::centre(here);
                let place = loaded.resolve(centre, None);
                // `resolve` names the nearest commune within the displacement, so ask it at the centre itself.
                if place.candidates.first().is_some_and(|c| c.code == code && c.distance_m == 0.0) {
                    expected.push(here);
                }
            }
        }
        expected.sort_unstable();
        assert_eq!(cells, expected, "{code}");
        assert!(cells.iter().all(|cell| owner(*cell).as_deref() == Some(code)));
        all += cells.len();
    }
    // 2 × 2.2 km² and a triangle of 0.6 km², 25 cells each km².
    assert!((200..=290).contains(&all), "{all}");
    assert_eq!(loaded.cells("99999"), None);
}
