//! The cells of the 200 m grid that make up a commune.

use ispeed_protocol::Cell;

use super::Boundaries;
use super::index::for_segments;
use crate::cell;
use crate::plane::{UNITS_PER_DEGREE, Vertex};

/// The cells whose centre lies in the commune, in order: every cell belongs to one commune or to none.
pub(super) fn cells(boundaries: &Boundaries, commune: u16) -> Vec<Cell> {
    let Some((columns, rows)) = squares(boundaries, commune) else { return Vec::new() };
    let mut found = Vec::new();
    for row in rows {
        for column in columns.clone() {
            if boundaries.index.may_hold(column, row, commune) {
                cells_of_square(boundaries, (column, row), commune, &mut found);
            }
        }
    }
    found.sort_unstable();
    found
}

/// Columns and rows of the squares between the commune's outermost borders.
pub(super) fn squares(
    boundaries: &Boundaries,
    commune: u16,
) -> Option<(std::ops::RangeInclusive<i32>, std::ops::RangeInclusive<i32>)> {
    let (mut low, mut high) = (Vertex { x: i32::MAX, y: i32::MAX }, Vertex { x: i32::MIN, y: i32::MIN });
    for (column, row) in boundaries.index.border_squares() {
        for_segments(boundaries.index.runs(column, row), &boundaries.vertices, |a, b, sides| {
            if sides.left == commune || sides.right == commune {
                for vertex in [a, b] {
                    low = Vertex { x: low.x.min(vertex.x), y: low.y.min(vertex.y) };
                    high = Vertex { x: high.x.max(vertex.x), y: high.y.max(vertex.y) };
                }
            }
        });
    }
    let shift = boundaries.index.shift;
    (low.x <= high.x).then(|| (low.x >> shift..=high.x >> shift, low.y >> shift..=high.y >> shift))
}

/// Adds the commune's cells whose centre lies in a square of the raster.
fn cells_of_square(boundaries: &Boundaries, square: (i32, i32), commune: u16, found: &mut Vec<Cell>) {
    let side = 1i64 << boundaries.index.shift;
    let degrees = |square: i32, more: i64| (i64::from(square) * side + more * side) as f64 / UNITS_PER_DEGREE;
    let (west, east) = (degrees(square.0, 0), degrees(square.0, 1));
    let (south, north) = (degrees(square.1, 0), degrees(square.1, 1));
    for row in cell::cell(south, west).row..=cell::cell(north, west).row {
        let lat = cell::centre(Cell { row, column: 0 }).lat;
        for column in cell::cell(lat, west).column..=cell::cell(lat, east).column {
            let here = Cell { row, column };
            let centre = cell::centre(here);
            let (x, y) = (centre.lon * UNITS_PER_DEGREE, centre.lat * UNITS_PER_DEGREE);
            // Each centre is looked at in the one square it lies in, as `owner` rounds it.
            let within = (x.round() as i64).div_euclid(side) == i64::from(square.0)
                && (y.round() as i64).div_euclid(side) == i64::from(square.1);
            if within && boundaries.index.owner(&boundaries.vertices, x, y) == commune {
                found.push(here);
            }
        }
    }
}
