//! The one cell grid: 200 m squares of equal area, for planning, reports and retention.
//!
//! Metres are taken on the sphere of the mean earth radius R1 = 6,371,008.8 m (IUGG). `row = floor(metres north of the
//! equator / 200)`. Within a row metres east run along the parallel of the row's centre, so `column = floor(metres east of
//! Greenwich / 200)` there, and every cell covers 40,000 m² wherever it lies (two of each row are cut by the antimeridian).
//! Rows are not aligned with each other: a cell has two or three neighbours in the row above and below.

use ispeed_protocol::Cell;

use crate::Point;
use crate::point::METRES_PER_DEGREE;

/// Metres in one degree of longitude along the parallel of the row's centre.
fn metres_per_degree_of_longitude(row: i32) -> f64 {
    let centre_lat = (f64::from(row) + 0.5) * Cell::SIDE_M / METRES_PER_DEGREE;
    METRES_PER_DEGREE * centre_lat.to_radians().cos().max(0.0)
}

fn column_of(row: i32, lon: f64) -> i32 {
    // Wrapping costs the last bits of a longitude that needs none, which would move positions on a column's edge.
    let lon = if (-180.0..180.0).contains(&lon) { lon } else { (lon + 180.0).rem_euclid(360.0) - 180.0 };
    (lon * metres_per_degree_of_longitude(row) / Cell::SIDE_M).floor() as i32
}

/// The cell of a position in degrees.
///
/// Meant for positions that [`Point::new`] accepts; beyond them latitude is held to ±90 and longitude wraps (180 is −180).
pub fn cell(lat: f64, lon: f64) -> Cell {
    let row = (lat.clamp(-90.0, 90.0) * METRES_PER_DEGREE / Cell::SIDE_M).floor() as i32;
    Cell { row, column: column_of(row, lon) }
}

/// South-west and north-east corner of a cell, held to the earth.
pub fn corners(cell: Cell) -> (Point, Point) {
    let east = metres_per_degree_of_longitude(cell.row);
    let corner = |row: f64, column: f64| Point {
        lat: (row * Cell::SIDE_M / METRES_PER_DEGREE).clamp(-90.0, 90.0),
        lon: if east > 0.0 { (column * Cell::SIDE_M / east).clamp(-180.0, 180.0) } else { 0.0 },
    };
    let (row, column) = (f64::from(cell.row), f64::from(cell.column));
    (corner(row, column), corner(row + 1.0, column + 1.0))
}

/// The middle of a cell.
pub fn centre(cell: Cell) -> Point {
    let (south_west, north_east) = corners(cell);
    Point { lat: (south_west.lat + north_east.lat) / 2.0, lon: (south_west.lon + north_east.lon) / 2.0 }
}

/// The cells that touch this one, in order of row and column: both in its own row, two or three above and below.
///
/// The row wraps at the antimeridian.
pub fn neighbours(of: Cell) -> Vec<Cell> {
    let (south_west, north_east) = corners(of);
    let mut found = Vec::with_capacity(8);
    for row in [of.row - 1, of.row, of.row + 1] {
        let centre_lat = (f64::from(row) + 0.5) * Cell::SIDE_M / METRES_PER_DEGREE;
        if centre_lat.abs() > 90.0 {
            continue;
        }
        if row == of.row {
            // A column's width is the same along its row, so half a width beyond either side is the next cell.
            let half_width = (north_east.lon - south_west.lon) / 2.0;
            found.push(cell(centre_lat, south_west.lon - half_width));
            found.push(cell(centre_lat, north_east.lon + half_width));
        } else {
            let (first, last) = (column_of(row, south_west.lon), column_of(row, north_east.lon.next_down()));
            if first <= last {
                found.extend((first..=last).map(|column| Cell { row, column }));
            }
        }
    }
    found.retain(|cell| *cell != of);
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn edges_belong_to_the_cell_north_east_of_them() {
        assert_eq!(cell(0.0, 0.0), Cell { row: 0, column: 0 });
        assert_eq!(cell(-1e-12, -1e-12), Cell { row: -1, column: -1 });
        assert_eq!(cell(10.0, 180.0), cell(10.0, -180.0));
        assert_eq!(cell(10.0, 190.0), cell(10.0, -170.0));
        assert_eq!(cell(90.0, 50.0).row, cell(89.9999, 50.0).row);
    }

    #[test]
    fn neighbours_across_the_antimeridian() {
        let west_most = cell(10.0, -180.0);
        let east_most = cell(10.0, 179.999_99);
        assert!(neighbours(west_most).contains(&east_most), "{west_most} {:?}", neighbours(west_most));
        assert!(neighbours(east_most).contains(&west_most));
    }

    proptest! {
        #[test]
        fn a_point_lies_within_the_corners_of_its_cell(lat in -85.0..85.0f64, lon in -180.0..180.0f64) {
            let (south_west, north_east) = corners(cell(lat, lon));
            prop_assert!(south_west.lat <= lat + 1e-9 && lat <= north_east.lat + 1e-9);
            prop_assert!(south_west.lon <= lon + 1e-9 && lon <= north_east.lon + 1e-9);
        }

        #[test]
        fn the_centre_is_in_its_own_cell(row in -47_000..47_000i32, lon in -179.0..179.0f64) {
            let here = Cell { row, column: column_of(row, lon) };
            let middle = centre(here);
            prop_assert_eq!(cell(middle.lat, middle.lon), here);
        }

        #[test]
        fn neighbours_are_mutual_and_next_door(lat in -80.0..80.0f64, lon in -179.9..179.9f64) {
            let here = cell(lat, lon);
            let around = neighbours(here);
            prop_assert!((6..=8).contains(&around.len()), "{:?}", around);
            for other in around {
                prop_assert!(neighbours(other).contains(&here), "{} {}", here, other);
                let apart_m = centre(here).distance_m(centre(other));
                prop_assert!(apart_m < 2.5 * Cell::SIDE_M, "{apart_m}");
            }
        }

        #[test]
        fn every_cell_has_the_same_area(lat in -80.0..80.0f64, lon in -179.9..179.9f64) {
            // The area of a spherical zone is 2πR²(sin φ2 − sin φ1).
            let (south_west, north_east) = corners(cell(lat, lon));
            let radius_m = crate::point::EARTH_RADIUS_M;
            let band = north_east.lat.to_radians().sin() - south_west.lat.to_radians().sin();
            let area_m2 = radius_m * radius_m * (north_east.lon - south_west.lon).to_radians() * band;
            prop_assert!((area_m2 - 40_000.0).abs() < 0.5, "{area_m2}");
        }
    }
}
