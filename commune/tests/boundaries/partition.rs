//! Holes, overlaps, islands, enclaves and islets.

use ispeed_commune::PlaceVerdict;
use ispeed_commune::build::{build, check};
use serde_json::Value;

use crate::shapes::{built, commune, lines, options, point, rectangle, ring, twins};

fn code_at(communes: &[Value], x: f64, y: f64) -> Option<String> {
    let place = built(communes).0.resolve(point(x, y), None);
    place.candidates.into_iter().find(|candidate| candidate.distance_m == 0.0).map(|candidate| candidate.code)
}

#[test]
fn a_small_hole_goes_to_the_neighbour_with_the_longest_shared_border() {
    // Between the two lies a gap 2,000 m long and 40 m wide, closed above and below by the western commune.
    let west = [(0.0, 0.0), (2000.0, 0.0), (2000.0, 100.0), (1960.0, 100.0), (1960.0, 1900.0), (2000.0, 1900.0)];
    let west: Vec<_> = west.into_iter().chain([(2000.0, 2000.0), (0.0, 2000.0)]).collect();
    let communes =
        [commune("10001", &[&[ring(&west)]]), commune("10002", &[&[rectangle(2000.0, 0.0, 4000.0, 2000.0)]])];
    let (boundaries, report) = built(&communes);
    assert_eq!(report.check.holes.len(), 1);
    let hole = &report.check.holes[0];
    assert_eq!(hole.codes, ["10001", "10002"]);
    assert_eq!(hole.given_to.as_deref(), Some("10001"));
    assert!((hole.area_km2 - 0.072).abs() < 0.001, "{hole:?}");
    let place = boundaries.resolve(point(1980.0, 1000.0), None);
    assert_eq!((place.verdict, place.code.as_deref()), (PlaceVerdict::Certain, Some("10001")));
    assert!((place.border_m.unwrap() - 20.0).abs() < 0.5, "the inner border is gone, the outer one stays: {place:?}");
}

#[test]
fn an_island_in_a_filled_hole_keeps_its_owner() {
    let hole = rectangle(900.0, 900.0, 1100.0, 1100.0);
    let communes = [
        commune("10001", &[&[rectangle(0.0, 0.0, 2000.0, 2000.0), hole]]),
        commune("10002", &[&[rectangle(950.0, 950.0, 1050.0, 1050.0)], &[rectangle(4000.0, 0.0, 9000.0, 9000.0)]]),
    ];
    let (_, report) = built(&communes);
    assert_eq!((report.check.holes.len(), report.check.overlaps.len()), (1, 0));
    assert!((report.check.holes[0].area_km2 - 0.03).abs() < 0.001, "{:?}", report.check.holes);
    assert_eq!(code_at(&communes, 1000.0, 1000.0).as_deref(), Some("10002"));
    assert_eq!(code_at(&communes, 920.0, 1000.0).as_deref(), Some("10001"));
}

#[test]
fn a_large_hole_stays_and_is_listed() {
    let lake = rectangle(500.0, 500.0, 1500.0, 1500.0);
    let communes = [commune("10001", &[&[rectangle(0.0, 0.0, 2000.0, 2000.0), lake]])];
    let (boundaries, report) = built(&communes);
    assert_eq!(report.check.holes.len(), 1);
    assert_eq!(report.check.holes[0].given_to, None);
    assert!((report.check.holes[0].area_km2 - 1.0).abs() < 0.01);
    assert_eq!(boundaries.resolve(point(1000.0, 1000.0), None).verdict, PlaceVerdict::Outside);
}

#[test]
fn an_overlap_goes_to_the_smallest_area() {
    let communes = [
        commune("10001", &[&[rectangle(0.0, 0.0, 2000.0, 2000.0)]]),
        commune("10002", &[&[rectangle(1500.0, 0.0, 3000.0, 2000.0)]]),
        commune("10003", &[&[rectangle(1500.0, 0.0, 2000.0, 1000.0)]]),
    ];
    assert_eq!(code_at(&communes, 1750.0, 500.0).as_deref(), Some("10003"));
    assert_eq!(code_at(&communes, 1750.0, 1500.0).as_deref(), Some("10002"));
    let report = check(lines(&communes).as_bytes()).unwrap();
    let overlaps: Vec<_> = report.overlaps.iter().map(|o| (o.codes.join(" "), o.given_to.clone().unwrap())).collect();
    assert!(overlaps.contains(&("10001 10002 10003".into(), "10003".into())), "{overlaps:?}");
    assert!(overlaps.contains(&("10001 10002".into(), "10002".into())), "{overlaps:?}");
    assert!((report.overlaps[0].area_km2 - 0.5).abs() < 0.01);
}

#[test]
fn an_overlap_of_equal_areas_goes_to_the_lowest_code() {
    let mut communes = [
        commune("10002", &[&[rectangle(0.0, 0.0, 2000.0, 2000.0)]]),
        commune("10001", &[&[rectangle(1000.0, 0.0, 3000.0, 2000.0)]]),
    ];
    for commune in &mut communes {
        commune["properties"]["area_km2"] = 4.into();
    }
    assert_eq!(code_at(&communes, 1500.0, 1000.0).as_deref(), Some("10001"));
}

#[test]
fn enclaves_islands_and_islands_in_holes() {
    let communes = [
        commune(
            "10001",
            &[
                &[
                    rectangle(0.0, 0.0, 6000.0, 6000.0),
                    rectangle(1000.0, 1000.0, 3000.0, 3000.0),
                    rectangle(4000.0, 4000.0, 5000.0, 5000.0),
                ],
                &[rectangle(4400.0, 4400.0, 4600.0, 4600.0)],
                &[rectangle(9000.0, 0.0, 9500.0, 500.0)],
            ],
        ),
        commune("10002", &[&[rectangle(1000.0, 1000.0, 3000.0, 3000.0)]]),
    ];
    for (x, y, code) in [
        (500.0, 500.0, Some("10001")),
        (2000.0, 2000.0, Some("10002")),
        (4200.0, 4200.0, None),
        (4500.0, 4500.0, Some("10001")),
        (9250.0, 250.0, Some("10001")),
        (8000.0, 250.0, None),
        (5999.0, 3000.0, Some("10001")),
    ] {
        assert_eq!(code_at(&communes, x, y).as_deref(), code, "{x} {y}");
    }
}

#[test]
fn an_islet_off_a_coast_that_is_drawn_straight_stays_where_it_is() {
    // The coast bends 5 m inland every 40 m; in one bend lies an islet smaller than the tolerance.
    let mut corners = vec![(0.0, 0.0), (3000.0, 0.0)];
    for step in 0..50 {
        let y = 40.0 * f64::from(step);
        corners.extend([(3000.0, y + 10.0), (2995.0, y + 20.0)]);
    }
    corners.push((0.0, 2000.0));
    let islet = rectangle(2998.0, 1018.0, 2999.5, 1021.0);
    let (boundaries, report) = built(&[commune("10001", &[&[ring(&corners)]]), commune("10002", &[&[islet]])]);
    assert!(report.repaired > 0, "{report:?}");
    let code = |x: f64, y: f64| {
        let place = boundaries.resolve(point(x, y), None);
        place.candidates.into_iter().find(|c| c.distance_m == 0.0).map(|c| c.code)
    };
    assert_eq!(code(2998.8, 1019.5).as_deref(), Some("10002"));
    assert_eq!(code(2980.0, 1019.5).as_deref(), Some("10001"));
    for x in [3020.0, 3100.0, 3800.0] {
        assert_eq!(code(x, 1019.5), None, "{x}");
    }
    assert!(report.displacement_m <= 6.1);
}

#[test]
fn small_islands_neither_collapse_nor_vanish() {
    let mut communes = vec![commune("10001", &[&[rectangle(0.0, 0.0, 2000.0, 2000.0)]])];
    let islets: Vec<Value> = (0..20)
        .map(|n| {
            let (x, size) = (3000.0 + 100.0 * f64::from(n), 0.2 + 0.5 * f64::from(n));
            ring(&[(x, 100.0), (x + size, 100.0), (x + size / 2.0, 100.0 + size)])
        })
        .collect();
    let polygons: Vec<&[Value]> = islets.iter().map(std::slice::from_ref).collect();
    communes.push(commune("10002", &polygons));
    let (boundaries, _) = built(&communes);
    for n in 0..20 {
        let (x, size) = (3000.0 + 100.0 * f64::from(n), 0.2 + 0.5 * f64::from(n));
        let place = boundaries.resolve(point(x + size / 2.0, 100.0 + size / 3.0), Some(10.0));
        assert_eq!(place.candidates[0].code, "10002", "{n}");
        assert!(place.border_m.unwrap() < 10.0, "{n} {place:?}");
    }
}

#[test]
fn rings_that_are_not_simple_are_listed() {
    let bow = ring(&[(0.0, 0.0), (1000.0, 1000.0), (1000.0, 0.0), (0.0, 1000.0)]);
    let line = ring(&[(3000.0, 0.0), (3500.0, 0.0)]);
    let twice =
        ring(&[(5000.0, 0.0), (6000.0, 0.0), (5500.0, 500.0), (6000.0, 1000.0), (5000.0, 1000.0), (5500.0, 500.0)]);
    let mut open = rectangle(7000.0, 0.0, 8000.0, 1000.0);
    open.as_array_mut().unwrap().pop();
    let communes = [
        commune("10001", &[&[bow]]),
        commune("10002", &[&[line]]),
        commune("10003", &[&[twice]]),
        commune("10004", &[&[open]]),
        commune("10005", &[&[rectangle(9000.0, 0.0, 9500.0, 500.0)]]),
    ];
    let report = check(lines(&communes).as_bytes()).unwrap();
    let faults: Vec<_> = report.invalid_rings.iter().map(|ring| (&*ring.code, &*ring.fault)).collect();
    assert_eq!(faults.len(), 4, "{faults:?}");
    for (fault, words) in faults.iter().zip(["crosses itself", "no area", "twice", "not closed"]) {
        assert!(fault.1.contains(words), "{fault:?}");
    }
    // Both halves of the bow are the commune's, and it still builds.
    assert_eq!(code_at(&communes, 900.0, 500.0).as_deref(), Some("10001"));
    assert_eq!(code_at(&communes, 100.0, 500.0).as_deref(), Some("10001"));
}

#[test]
fn a_clean_tiling_has_nothing_to_report() {
    let report = check(lines(&twins()).as_bytes()).unwrap();
    assert_eq!((report.holes.len(), report.overlaps.len(), report.invalid_rings.len()), (0, 0, 0));
    assert_eq!(report.communes, 2);
}

#[test]
fn neighbours_whose_vertices_differ_along_their_border_share_it_nonetheless() {
    // The eastern commune has a vertex on the straight border which the western one lacks.
    let east = ring(&[(2000.0, 0.0), (4000.0, 0.0), (4000.0, 2000.0), (2000.0, 2000.0), (2000.0, 1234.0)]);
    let communes = [commune("10001", &[&[rectangle(0.0, 0.0, 2000.0, 2000.0)]]), commune("10002", &[&[east]])];
    let (boundaries, report) = built(&communes);
    assert_eq!((report.check.holes.len(), report.check.overlaps.len()), (0, 0));
    for y in [1.0, 1233.9, 1234.0, 1234.1, 1999.0] {
        assert_eq!(boundaries.resolve(point(2000.0, y), None).candidates.len(), 2, "{y}");
    }
}

#[test]
fn the_order_of_features_makes_no_difference() {
    let mut communes = twins();
    let (forward, _) = build(lines(&communes).as_bytes(), &options()).unwrap();
    communes.reverse();
    let (backward, _) = build(lines(&communes).as_bytes(), &options()).unwrap();
    assert_eq!(forward, backward);
}
