#![cfg(feature = "build")]
// The figures are what these tests are for.
#![allow(clippy::print_stdout)]
//! The goals of the crate, measured on the real communes of Vietnam:
//!
//! ```text
//! cargo test -p ispeed-commune --release --features build --test country -- --ignored --nocapture --test-threads 1
//! ```
//!
//! Each prints its figures beside the goal. Times are asserted with a wide margin only; the figure is what counts.

mod memory;
mod source;

use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::time::Instant;

use ispeed_commune::build::{BuildOptions, BuildReport, build};
use ispeed_commune::{Boundaries, PlaceVerdict, Point, gazetteer};
use source::{Chance, Source};

#[global_allocator]
static HEAP: memory::Counting = memory::Counting;

/// The bundle of the shared file, built once.
fn bundle() -> Option<&'static (Vec<u8>, BuildReport)> {
    static BUNDLE: OnceLock<Option<(Vec<u8>, BuildReport)>> = OnceLock::new();
    let built = BUNDLE.get_or_init(|| {
        let options = BuildOptions {
            table: "vn-communes".to_owned(),
            valid_from: "2026-04-30".to_owned(),
            source: "thanglequoc/vietnamese-provinces-database v4.2.0 (MIT)".to_owned(),
            ..BuildOptions::default()
        };
        let start = Instant::now();
        let built = build(source::open()?, &options).expect("the shared file builds");
        println!("build: {:.1} s", start.elapsed().as_secs_f64());
        Some(built)
    });
    built.as_ref()
}

fn country() -> Option<(&'static Boundaries, &'static Source)> {
    static COUNTRY: OnceLock<Option<(Boundaries, Source)>> = OnceLock::new();
    let country = COUNTRY.get_or_init(|| {
        let (bytes, _) = bundle()?;
        Some((Boundaries::load(bytes).expect("what was built loads"), Source::read()?))
    });
    country.as_ref().map(|(boundaries, source)| (boundaries, source))
}

/// Whether a hole that was filled lies within `reach_m`.
fn is_in_filled_hole(point: Point, reach_m: f64) -> bool {
    let holes = bundle().map_or(&[][..], |(_, report)| &report.check.holes);
    holes.iter().any(|hole| hole.given_to.is_some() && hole.at.distance_m(point) < reach_m)
}

fn total_km2(source: &Source) -> f64 {
    source.communes.iter().map(|commune| commune.area_km2).sum()
}

#[test]
#[ignore = "measures on the shared boundary file: cargo xtask boundaries"]
fn the_bundle_is_small_and_close_to_the_source() {
    let Some((bytes, report)) = bundle() else { return };
    println!(
        "bundle: {} bytes (goal 3,000,000), {} vertices of {} in the source, {} arcs, repaired in {} places",
        bytes.len(),
        report.vertices,
        report.source_vertices,
        report.arcs,
        report.repaired
    );
    println!(
        "displacement: source to bundle {:.3} m, bundle to source {:.3} m, stored {:.3} m (goal 10 m)",
        report.source_to_bundle_m, report.bundle_to_source_m, report.displacement_m
    );
    let filled: Vec<_> = report.check.holes.iter().filter(|hole| hole.given_to.is_some()).collect();
    println!(
        "holes: {} filled, {:.4} km² in all; {} left open",
        filled.len(),
        filled.iter().map(|hole| hole.area_km2).sum::<f64>(),
        report.check.holes.len() - filled.len()
    );
    println!("overlaps: {}, largest:", report.check.overlaps.len());
    for overlap in report.check.overlaps.iter().take(9) {
        println!("  {:?} {:.4} km², given to {:?}", overlap.codes, overlap.area_km2, overlap.given_to);
    }
    println!("invalid rings: {}", report.check.invalid_rings.len());
    assert!(bytes.len() <= 3_000_000);
    assert!(report.displacement_m <= 10.0);
    assert_eq!(report.communes, 3321);
}

#[test]
#[ignore = "measures on the shared boundary file: cargo xtask boundaries"]
fn every_vertex_of_the_source_is_within_the_stored_displacement() {
    let Some((boundaries, source)) = country() else { return };
    let allowed_m = boundaries.table().displacement_m;
    let (mut furthest_m, mut vertices, mut lost) = (0.0f64, 0usize, 0usize);
    for commune in &source.communes {
        for (lon, lat) in commune.rings.iter().filter(|ring| source::has_area(ring)).flatten() {
            let point = Point { lat: *lat, lon: *lon };
            let border_m = boundaries.resolve(point, None).border_m.expect("there are borders");
            vertices += 1;
            if border_m <= allowed_m {
                furthest_m = furthest_m.max(border_m);
            } else {
                // Only what lies by an overlap or a filled hole may have lost its border.
                lost += 1;
                let beside_hole = is_in_filled_hole(point, 1000.0);
                let in_overlap = (0..64).any(|step| {
                    let (sin, cos) = (f64::from(step) * std::f64::consts::TAU / 64.0).sin_cos();
                    let beside = Point { lat: lat + 1e-6 * sin, lon: lon + 1e-6 * cos };
                    source.holding(beside).len() > 1
                });
                assert!(beside_hole || in_overlap, "{} has a vertex {border_m} m off at {lat}, {lon}", commune.code);
            }
        }
    }
    println!(
        "{vertices} vertices of the source: furthest {furthest_m:.3} m from the bundle (stored {allowed_m:.3} m); \
              {lost} lost their border with an overlap or a filled hole"
    );
}

#[test]
#[ignore = "measures on the shared boundary file: cargo xtask boundaries"]
fn loading_is_quick_and_lean() {
    let Some((bytes, _)) = bundle() else { return };
    let mut times_ms: Vec<f64> = Vec::new();
    for _ in 0..21 {
        let start = Instant::now();
        let loaded = Boundaries::load(bytes).expect("what was built loads");
        times_ms.push(start.elapsed().as_secs_f64() * 1e3);
        drop(loaded);
    }
    times_ms.sort_by(f64::total_cmp);
    let (_loaded, kept, peak) = memory::measured(|| Boundaries::load(bytes).expect("what was built loads"));
    println!("load: median {:.1} ms, worst {:.1} ms of 21 (goal 50 ms)", times_ms[10], times_ms[20]);
    println!(
        "memory: {:.1} MB kept, {:.1} MB at most while loading (goal 32 MB), the bundle's own {:.1} MB apart",
        kept as f64 / 1e6,
        peak as f64 / 1e6,
        bytes.len() as f64 / 1e6
    );
    assert!(peak + bytes.len() <= 32_000_000);
    assert!(times_ms[0] < 500.0);
}

fn lookup_times(boundaries: &Boundaries, points: &[Point], what: &str, goal: &str) {
    let mut times_ns: Vec<u64> = Vec::with_capacity(points.len());
    for point in points {
        let start = Instant::now();
        std::hint::black_box(boundaries.resolve(*point, Some(10.0)));
        times_ns.push(start.elapsed().as_nanos() as u64);
    }
    times_ns.sort_unstable();
    let at = |share: f64| times_ns[((times_ns.len() - 1) as f64 * share) as usize] as f64 / 1e3;
    println!(
        "{} look-ups {what}: median {:.2} µs, p99 {:.2} µs, worst {:.0} µs ({goal})",
        points.len(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
    assert!(at(0.5) < 1000.0);
}

#[test]
#[ignore = "measures on the shared boundary file: cargo xtask boundaries"]
fn look_ups_are_quick() {
    let Some((boundaries, source)) = country() else { return };
    let mut chance = Chance(1);
    let total_km2 = total_km2(source);
    let inside: Vec<Point> = (0..1_000_000).map(|_| chance.point_in(source, total_km2)).collect();
    lookup_times(boundaries, &inside, "inside communes", "goal 5 µs and 50 µs");
    let mut outside = Vec::new();
    while outside.len() < 100_000 {
        let point = chance.point();
        if source.holding(point).is_empty() {
            outside.push(point);
        }
    }
    lookup_times(boundaries, &outside, "outside", "goal p99 1 ms");
}

#[test]
#[ignore = "measures on the shared boundary file: cargo xtask boundaries"]
fn codes_agree_with_the_unsimplified_polygons() {
    let Some((boundaries, source)) = country() else { return };
    let mut chance = Chance(2);
    let total_km2 = total_km2(source);
    let mut points: Vec<Point> = (0..300_000).map(|_| chance.point_in(source, total_km2)).collect();
    points.extend((0..200_000).map(|_| chance.point_by_border(source, 60.0)));
    points.extend((0..100_000).map(|_| chance.point()));
    let (mut near, mut near_differ, mut far, mut certain_differ) = (0, 0, 0, 0);
    for point in &points {
        let place = boundaries.resolve(*point, None);
        let code = match place.verdict {
            PlaceVerdict::Outside => None,
            _ => {
                place.candidates.iter().find(|candidate| candidate.distance_m == 0.0).map(|candidate| &*candidate.code)
            }
        };
        // The one wanted difference: what no commune held and a neighbour was given.
        let right = source.code(*point);
        let filled = right.is_none() && is_in_filled_hole(*point, 500.0);
        let differs = code != right && !filled;
        if differs && place.verdict == PlaceVerdict::Certain {
            certain_differ += 1;
        }
        if source.border_m(*point, 15.0).is_some() {
            near += 1;
            near_differ += usize::from(differs);
        } else {
            far += 1;
            assert!(!differs, "{point:?}: {code:?}, by the source {right:?}");
        }
    }
    println!(
        "{far} points beyond 15 m of a border: all agree; {near} within 15 m: {near_differ} differ; certain without an \
              accuracy and wrong: {certain_differ}"
    );
    assert_eq!(certain_differ, 0);
}

#[test]
#[ignore = "measures on the shared boundary file: cargo xtask boundaries"]
fn certain_is_never_wrong_within_twice_the_accuracy() {
    let Some((boundaries, source)) = country() else { return };
    let mut chance = Chance(3);
    for accuracy_m in [5.0, 10.0, 20.0, 50.0] {
        let (mut tested, mut ambiguous, mut certain, mut wrong, mut wrong_in_circle) = (0, 0, 0, 0, 0);
        while tested < 100_000 {
            let truth = chance.point_by_border(source, 100.0);
            let Some(code) = source.code(truth) else { continue };
            tested += 1;
            let (fix, error_m) = chance.fix(truth, accuracy_m);
            let place = boundaries.resolve(fix, Some(accuracy_m));
            match place.verdict {
                PlaceVerdict::Certain => {
                    certain += 1;
                    if place.code.as_deref() != Some(code) {
                        wrong += 1;
                        wrong_in_circle += usize::from(error_m <= 2.0 * accuracy_m);
                    }
                }
                PlaceVerdict::Ambiguous => ambiguous += 1,
                _ => {}
            }
        }
        println!(
            "accuracy {accuracy_m:>2} m: {tested} points within 100 m of a border: {:.1} % ambiguous, {:.1} % certain; \
                  certain but wrong {wrong_in_circle} with the error within twice the accuracy (goal 0), {wrong} in all \
                  (Gaussian error, 1.05 % beyond it)",
            ambiguous as f64 / 1e3,
            certain as f64 / 1e3
        );
        assert_eq!(wrong_in_circle, 0);
    }
    let total_km2 = total_km2(source);
    let everywhere = (0..100_000).filter(|_| {
        let point = chance.point_in(source, total_km2);
        boundaries.resolve(point, Some(10.0)).verdict == PlaceVerdict::Ambiguous
    });
    println!("accuracy 10 m, uniform over the country: {:.2} % ambiguous", everywhere.count() as f64 / 1e3);
}

#[test]
#[ignore = "measures on the shared boundary file: cargo xtask boundaries"]
fn the_triple_overlap_goes_to_the_smallest() {
    let Some((boundaries, source)) = country() else { return };
    let mut chance = Chance(4);
    let mut tested = 0;
    while tested < 1000 {
        let point = Point { lat: chance.between(22.48, 22.56), lon: chance.between(103.90, 103.98) };
        let holding: Vec<&str> = source.holding(point).iter().map(|commune| commune.code.as_str()).collect();
        if holding == ["02647", "02683", "02746"] && source.border_m(point, 15.0).is_none() {
            assert_eq!(boundaries.resolve(point, None).code.as_deref(), Some("02746"));
            tested += 1;
        }
    }
    println!("{tested} points in 02647, 02683 and 02746 at once: all 02746, the smallest");
}

#[test]
#[ignore = "measures on the shared boundary file: cargo xtask boundaries"]
fn the_gazetteer_matches_the_shared_file() {
    let Some((boundaries, source)) = country() else { return };
    let ours: BTreeSet<&str> = gazetteer::all().iter().map(|commune| commune.code).collect();
    let theirs: BTreeSet<&str> = source.communes.iter().map(|commune| commune.code.as_str()).collect();
    assert_eq!(ours, theirs);
    for commune in boundaries.communes() {
        let known = gazetteer::commune(&commune.code).expect("the sets are equal");
        assert_eq!(commune.province, known.province, "{}", commune.code);
        assert_eq!(gazetteer::fold(&commune.name), gazetteer::fold(known.name), "{}", commune.code);
    }
    let mut chance = Chance(5);
    let total_km2 = total_km2(source);
    let hit = |point: Point| gazetteer::resolve(point).code.as_deref() == source.code(point);
    let by_area = (0..20_000).filter(|_| hit(chance.point_in(source, total_km2))).count() as f64 / 20_000.0;
    // Communes were cut to hold people in like numbers, so that one point in each of them is near to one person each.
    let by_commune = source.communes.iter().flat_map(|commune| std::iter::repeat_n(commune, 6));
    let by_commune = by_commune.filter(|commune| hit(chance.point_in_commune(commune))).count() as f64 / (6.0 * 3321.0);
    println!(
        "gazetteer: right for {:.1} % of the area, {:.1} % with every commune weighing the same (stated {:.0} %)",
        by_area * 1e2,
        by_commune * 1e2,
        gazetteer::HIT_RATE * 1e2
    );
    assert!((by_area - gazetteer::HIT_RATE).abs() < 0.02, "{by_area}");
}

#[test]
#[ignore = "measures on the shared boundary file: cargo xtask boundaries"]
fn the_demo_point_is_well_inside_its_commune() {
    let Some((boundaries, source)) = country() else { return };
    let place = boundaries.resolve(gazetteer::DEMO_POINT, Some(10.0));
    println!(
        "demo point: {:?} {:?}, {:.0} m from the border",
        place.verdict,
        place.code,
        place.border_m.unwrap_or(0.0)
    );
    assert_eq!((place.verdict, place.code.as_deref()), (PlaceVerdict::Certain, Some("25195")));
    assert_eq!(source.code(gazetteer::DEMO_POINT), Some("25195"));
    assert!(place.border_m > Some(500.0));
    assert_eq!(gazetteer::resolve(gazetteer::DEMO_POINT).code.as_deref(), Some("25195"));
}
