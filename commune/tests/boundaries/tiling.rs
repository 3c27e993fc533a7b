//! A wavy tiling: every point belongs to exactly one commune, and borders move no further than stated.

use ispeed_commune::{Boundaries, PlaceVerdict, Point};
use proptest::prelude::*;
use serde_json::Value;

use crate::shapes::{built, commune, point, ring};

/// Side of a tile in metres.
const SIDE_M: f64 = 1500.0;

/// Vertices on a side of a tile.
const STEPS: u32 = 60;

/// Tiles in a row and in a column.
const TILES: u32 = 3;

/// A border between tiles: a wave of its own, the same whichever tile draws it.
fn side(from: (u32, u32), to: (u32, u32), wave_m: f64) -> Vec<(f64, f64)> {
    let corner = |(x, y): (u32, u32)| {
        let (x, y) = (f64::from(x), f64::from(y));
        (SIDE_M * x + 150.0 * (x * 1.7 + y * 2.3).sin(), SIDE_M * y + 150.0 * (x * 2.9 + y * 1.3).cos())
    };
    let (low, high) = (from.min(to), from.max(to));
    let ((ax, ay), (bx, by)) = (corner(low), corner(high));
    let phase = f64::from(low.0) * 1.1 + f64::from(low.1) * 0.7;
    let mut vertices: Vec<(f64, f64)> = (0..=STEPS)
        .map(|step| {
            let share = f64::from(step) / f64::from(STEPS);
            let bend = wave_m * (share * std::f64::consts::PI).sin() * (share * 40.0 + phase).sin();
            let (nx, ny) = ((ay - by) / SIDE_M, (bx - ax) / SIDE_M);
            (ax + share * (bx - ax) + bend * nx, ay + share * (by - ay) + bend * ny)
        })
        .collect();
    if low != from {
        vertices.reverse();
    }
    vertices.pop();
    vertices
}

fn code(x: u32, y: u32) -> String {
    format!("{:05}", 10_000 + 10 * y + x)
}

fn outline(x: u32, y: u32, wave_m: f64) -> Vec<(f64, f64)> {
    let corners = [(x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1)];
    (0..4).flat_map(|at| side(corners[at], corners[(at + 1) % 4], wave_m)).collect()
}

fn tiles() -> impl Iterator<Item = (u32, u32)> {
    (0..TILES).flat_map(|y| (0..TILES).map(move |x| (x, y)))
}

fn tiling(wave_m: f64) -> Vec<Value> {
    tiles().map(|(x, y)| commune(&code(x, y), &[&[ring(&outline(x, y, wave_m))]])).collect()
}

/// The code by the source: even-odd rule on the outlines.
fn code_by_outline(wave_m: f64, x_m: f64, y_m: f64) -> Option<String> {
    let holds = |(x, y): &(u32, u32)| {
        let outline = outline(*x, *y, wave_m);
        let next = outline.iter().cycle().skip(1);
        let crossed = outline
            .iter()
            .zip(next)
            .filter(|((ax, ay), (bx, by))| (*ay > y_m) != (*by > y_m) && x_m < ax + (y_m - ay) / (by - ay) * (bx - ax));
        crossed.count() % 2 == 1
    };
    tiles().find(holds).map(|(x, y)| code(x, y))
}

/// The commune that holds the point: the first candidate, where it is no metres away.
fn owner(boundaries: &Boundaries, point: Point) -> Option<String> {
    let place = boundaries.resolve(point, Some(0.0));
    place.candidates.into_iter().next().filter(|candidate| candidate.distance_m == 0.0).map(|candidate| candidate.code)
}

#[test]
fn a_sweep_across_the_tiling_finds_no_gap() {
    let (boundaries, report) = built(&tiling(30.0));
    assert_eq!((report.check.holes.len(), report.check.overlaps.len()), (0, 0));
    for row in 0..120 {
        for column in 0..120 {
            let (x, y) = (300.0 + 32.5 * f64::from(column), 300.0 + 32.5 * f64::from(row));
            assert!(owner(&boundaries, point(x, y)).is_some(), "{x} {y}");
        }
    }
}

#[test]
fn vertices_and_points_on_borders_belong_to_someone() {
    let (boundaries, _) = built(&tiling(30.0));
    for (x, y) in outline(1, 1, 30.0) {
        let place = boundaries.resolve(point(x, y), None);
        assert_eq!(place.verdict, PlaceVerdict::Ambiguous);
        assert_eq!(place.code, Some(place.candidates[0].code.clone()), "{x} {y}");
        assert!(place.candidates.len() >= 2);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_point_belongs_to_one_commune_the_one_of_the_source(
        wave_m in 0.0..60.0f64,
        points in prop::collection::vec((-200.0..4700.0f64, -200.0..4700.0f64), 60),
    ) {
        let (boundaries, report) = built(&tiling(wave_m));
        prop_assert!(report.displacement_m <= 6.1);
        for (x, y) in points {
            let place = boundaries.resolve(point(x, y), Some(0.0));
            if place.border_m.unwrap() > report.displacement_m + 0.1 {
                prop_assert_eq!(owner(&boundaries, point(x, y)), code_by_outline(wave_m, x, y), "{} {}", x, y);
                prop_assert!(place.verdict != PlaceVerdict::Ambiguous);
            }
        }
    }

    #[test]
    fn no_border_moves_further_than_stated(wave_m in 0.0..60.0f64) {
        let (boundaries, report) = built(&tiling(wave_m));
        prop_assert!(report.vertices < report.source_vertices);
        for (x, y) in tiles().flat_map(|(x, y)| outline(x, y, wave_m)) {
            let border_m = boundaries.resolve(point(x, y), None).border_m.unwrap();
            prop_assert!(border_m <= report.displacement_m, "{border_m} at {x} {y}");
        }
    }
}
