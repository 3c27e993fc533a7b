//! What a place says.

use ispeed_commune::{Boundaries, PlaceVerdict, Point, cell};
use proptest::prelude::*;

use crate::shapes::{built, commune, point, rectangle, twins};

fn codes(boundaries: &Boundaries, point: Point, accuracy_m: f64) -> Vec<String> {
    let place = boundaries.resolve(point, Some(accuracy_m));
    place.candidates.into_iter().map(|candidate| candidate.code).collect()
}

#[test]
fn certain_ambiguous_and_outside() {
    let (twins, _) = built(&twins());
    let displacement_m = twins.table().displacement_m;

    let certain = twins.resolve(point(1000.0, 1000.0), Some(10.0));
    assert_eq!((certain.verdict, certain.code.as_deref()), (PlaceVerdict::Certain, Some("10001")));
    assert!((certain.border_m.unwrap() - 1000.0).abs() < 3.0, "{certain:?}");
    assert_eq!(certain.candidates.len(), 1);
    assert_eq!(certain.table.as_deref(), Some(&*twins.table().reference()));

    let ambiguous = twins.resolve(point(1980.0, 1000.0), Some(10.0));
    assert_eq!((ambiguous.verdict, ambiguous.code.as_deref()), (PlaceVerdict::Ambiguous, Some("10001")));
    assert_eq!(ambiguous.candidates[0].distance_m, 0.0);
    assert_eq!(ambiguous.candidates[1].code, "10002");
    assert!((ambiguous.candidates[1].distance_m - 20.0).abs() < 0.5, "{ambiguous:?}");

    let outside = twins.resolve(point(4500.0, 1000.0), Some(10.0));
    assert_eq!((outside.verdict, outside.code), (PlaceVerdict::Outside, None));
    assert_eq!(outside.candidates[0].code, "10002");
    assert!((outside.candidates[0].distance_m - 500.0).abs() < 2.0);
    assert!(displacement_m < 1.0, "straight borders need no simplification, {displacement_m}");
}

#[test]
fn the_circle_is_twice_the_accuracy_and_the_displacement() {
    let (twins, _) = built(&twins());
    let doubt_m = |accuracy_m: f64| 2.0 * accuracy_m + twins.table().displacement_m;
    for accuracy_m in [0.0, 5.0, 30.0, 100.0] {
        let inside = point(2000.0 - doubt_m(accuracy_m) - 0.5, 1000.0);
        let across = point(2000.0 - doubt_m(accuracy_m) + 0.5, 1000.0);
        assert_eq!(twins.resolve(inside, Some(accuracy_m)).verdict, PlaceVerdict::Certain, "{accuracy_m}");
        assert_eq!(twins.resolve(across, Some(accuracy_m)).verdict, PlaceVerdict::Ambiguous, "{accuracy_m}");
    }
}

#[test]
fn without_an_accuracy_the_point_is_exact_and_a_nonsense_one_is_never_certain() {
    let (twins, _) = built(&twins());
    assert_eq!(twins.resolve(point(1990.0, 1000.0), None).verdict, PlaceVerdict::Certain);
    for nonsense in [-1.0, f64::NAN, f64::NEG_INFINITY] {
        let place = twins.resolve(point(1000.0, 1000.0), Some(nonsense));
        assert_eq!(place.verdict, PlaceVerdict::Ambiguous, "{nonsense}");
        assert_eq!(place.candidates[0].code, "10001");
    }
    assert_eq!(twins.resolve(point(1000.0, 1000.0), Some(f64::INFINITY)).verdict, PlaceVerdict::Ambiguous);
    let far_off = twins.resolve(point(90_000.0, 1000.0), Some(f64::NAN));
    assert_eq!((far_off.verdict, far_off.code.as_deref()), (PlaceVerdict::Ambiguous, Some("10002")));
}

#[test]
fn the_coast_is_a_border_too() {
    let (twins, _) = built(&twins());
    let beach = twins.resolve(point(10.0, 1000.0), Some(10.0));
    assert_eq!((beach.verdict, beach.code.as_deref()), (PlaceVerdict::Ambiguous, Some("10001")));
    assert_eq!(beach.candidates.len(), 1);
    let boat = twins.resolve(point(-10.0, 1000.0), Some(10.0));
    assert_eq!((boat.verdict, boat.code.as_deref()), (PlaceVerdict::Ambiguous, Some("10001")));
    assert!(boat.candidates[0].distance_m > 9.0);
}

#[test]
fn points_far_away_have_a_nearest_commune_at_the_great_circle_distance() {
    let (twins, _) = built(&twins());
    for far in [Point { lat: 21.0, lon: 105.8 }, Point { lat: -35.0, lon: 149.0 }, Point { lat: 60.0, lon: 25.0 }] {
        let place = twins.resolve(far, Some(10.0));
        assert_eq!(place.verdict, PlaceVerdict::Outside);
        let rough_m = far.distance_m(point(2000.0, 1000.0));
        let given_m = place.candidates[0].distance_m;
        assert!((given_m / rough_m - 1.0).abs() < 0.01, "{given_m} {rough_m}");
    }
}

#[test]
fn candidates_at_a_triple_point_come_nearest_first() {
    let (triple, _) = built(&[
        commune("10001", &[&[rectangle(0.0, 0.0, 2000.0, 2000.0)]]),
        commune("10002", &[&[rectangle(2000.0, 0.0, 4000.0, 1000.0)]]),
        commune("10003", &[&[rectangle(2000.0, 1000.0, 4000.0, 2000.0)]]),
    ]);
    assert_eq!(codes(&triple, point(2005.0, 1010.0), 10.0), ["10003", "10001", "10002"]);
    assert_eq!(codes(&triple, point(1990.0, 996.0), 10.0), ["10001", "10002", "10003"]);
}

#[test]
fn communes_are_found_by_code() {
    let (twins, _) = built(&twins());
    let commune = twins.commune("10002").unwrap();
    assert_eq!((&*commune.name, &*commune.province), ("Xã 10002", "75"));
    assert_eq!(commune.province_name.as_deref(), Some("Thành phố Đồng Nai"));
    assert!((commune.area_km2 - 4.0).abs() < 0.01, "{commune:?}");
    assert_eq!(twins.commune("10003"), None);
    assert_eq!(twins.communes().map(|commune| commune.code).collect::<Vec<_>>(), ["10001", "10002"]);
}

#[test]
fn cells_meet_the_communes_they_touch() {
    let (twins, _) = built(&twins());
    let cell_at = |x: f64, y: f64| {
        let point = point(x, y);
        cell(point.lat, point.lon)
    };
    let meets = |x: f64, y: f64, code: &str| twins.cell_meets(&cell_at(x, y), code);
    assert_eq!(meets(1000.0, 1000.0, "10001"), Some(true));
    assert_eq!(meets(1000.0, 1000.0, "10002"), Some(false));
    assert_eq!((meets(2000.0, 1000.0, "10001"), meets(2000.0, 1000.0, "10002")), (Some(true), Some(true)));
    assert_eq!(meets(5000.0, 1000.0, "10002"), Some(false));
    assert_eq!(meets(1000.0, 1000.0, "99999"), None);
}

proptest! {
    #[test]
    fn a_cell_meets_the_commune_of_every_point_in_it(x in -300.0..4300.0f64, y in -300.0..2300.0f64) {
        let (twins, _) = built(&twins());
        let here = point(x, y);
        let place = twins.resolve(here, None);
        for candidate in place.candidates.iter().filter(|candidate| candidate.distance_m == 0.0) {
            prop_assert_eq!(twins.cell_meets(&cell(here.lat, here.lon), &candidate.code), Some(true));
        }
    }
}

#[test]
fn a_circle_wider_than_the_list_of_candidates_is_not_certain() {
    let (vast, _) = built(&[commune("10001", &[&[rectangle(0.0, 0.0, 80_000.0, 80_000.0)]])]);
    let middle = point(40_000.0, 40_000.0);
    assert_eq!(vast.resolve(middle, Some(15_000.0)).verdict, PlaceVerdict::Certain);
    let doubtful = vast.resolve(middle, Some(25_000.0));
    assert_eq!((doubtful.verdict, doubtful.code.as_deref()), (PlaceVerdict::Ambiguous, Some("10001")));
}

#[test]
fn one_on_a_border_belongs_to_the_north_east() {
    let (twins, _) = built(&twins());
    let place = twins.resolve(point(2000.0, 1000.0), None);
    assert_eq!(place.code.as_deref(), Some("10002"));
    assert!(place.candidates.iter().all(|candidate| candidate.distance_m < 0.02), "{place:?}");
    assert_eq!(twins.resolve(point(0.0, 0.0), None).code.as_deref(), Some("10001"));
}
