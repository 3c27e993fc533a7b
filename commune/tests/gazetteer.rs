//! The embedded table and its answers.

use std::collections::BTreeSet;

use ispeed_commune::gazetteer::{self, DEMO_POINT};
use ispeed_commune::{PlaceVerdict, Point};

#[test]
fn the_table_is_that_of_2026_04_30() {
    let communes = gazetteer::all();
    assert_eq!(communes.len(), 3321);
    assert_eq!(gazetteer::provinces().len(), 34);
    assert!(communes.is_sorted_by(|a, b| a.code < b.code));
    let count = |kind: &str| communes.iter().filter(|commune| commune.name.starts_with(kind)).count();
    assert_eq!((count("Phường "), count("Xã "), count("Đặc khu ")), (697, 2611, 13));
    let cities = gazetteer::provinces().iter().filter(|province| province.name.starts_with("Thành phố ")).count();
    assert_eq!(cities, 7);
    assert_eq!(gazetteer::province("75").unwrap().name, "Thành phố Đồng Nai");
    assert_eq!(communes.iter().filter(|commune| commune.province == "75").count(), 95);
    assert!(gazetteer::table_name().contains("2026-04-30"));
}

#[test]
fn communes_that_must_be_there() {
    let name = |code: &str| gazetteer::commune(code).map(|commune| commune.name);
    assert_eq!(name("25195"), Some("Phường Bình Phước"));
    assert_eq!(name("20333"), Some("Đặc khu Hoàng Sa"));
    assert_eq!(name("22736"), Some("Đặc khu Trường Sa"));
    assert_eq!(name("06978"), Some("Xã Ba Chẽ"));
    assert_eq!(name("06970"), None);
    assert_eq!(name("25270"), Some("Phường Lộc Ninh"));
    for commune in gazetteer::all() {
        assert!(gazetteer::province(commune.province).is_some(), "{}", commune.code);
        assert!((7.0..24.0).contains(&commune.centre.lat) && (102.0..118.0).contains(&commune.centre.lon));
        assert!(commune.area_km2.is_none_or(|area| area > 0.0));
    }
}

#[test]
fn no_name_repeats_within_a_province() {
    let names: BTreeSet<(&str, &str)> =
        gazetteer::all().iter().map(|commune| (commune.province, commune.name)).collect();
    assert_eq!(names.len(), 3321);
}

#[test]
fn answers_are_always_approximate() {
    let place = gazetteer::resolve(DEMO_POINT);
    assert_eq!((place.verdict, place.code.as_deref()), (PlaceVerdict::Approximate, Some("25195")));
    assert_eq!(place.candidates.len(), 3);
    assert_eq!(place.border_m, None);
    assert_eq!(place.table.as_deref(), Some(gazetteer::table_name()));
    for commune in gazetteer::all().iter().step_by(101) {
        let place = gazetteer::resolve(commune.centre);
        assert_eq!(place.verdict, PlaceVerdict::Approximate);
        assert_eq!(place.code.as_deref(), Some(commune.code));
    }
    let abroad = gazetteer::resolve(Point { lat: 48.85, lon: 2.35 });
    assert_eq!(abroad.verdict, PlaceVerdict::Approximate);
    assert!(abroad.candidates[0].distance_m > 8e6);
}

#[test]
fn names_are_found_however_they_are_typed() {
    for typed in [
        "Phường Bình Phước",
        "phuong binh phuoc",
        "BÌNH PHƯỚC",
        "Bi\u{300}nh Phu\u{31b}o\u{31b}\u{301}c",
        "binh  phuoc",
    ] {
        let found = gazetteer::search(typed);
        assert!(found.iter().any(|commune| commune.code == "25195"), "{typed}");
    }
    let old_and_new = ["Yên Hòa", "Yên Hoà", "yen hoa"].map(|typed| gazetteer::search(typed).len());
    assert!(old_and_new[0] > 0 && old_and_new.iter().all(|count| *count == old_and_new[0]), "{old_and_new:?}");
    assert!(gazetteer::search("dong nai").iter().all(|commune| commune.name.contains("Đồng Nai")));
    assert!(gazetteer::search("Paris").is_empty());
    assert!(gazetteer::search("  ").is_empty());
}
