//! Whether a cell of the 200 m grid meets a commune.

use ispeed_protocol::Cell;

use super::Boundaries;
use super::index::for_segments;
use crate::cell;
use crate::plane::{Metric, UNITS_PER_DEGREE, Vertex};

/// An upright rectangle in units.
struct Rectangle {
    west: f64,
    south: f64,
    east: f64,
    north: f64,
}

pub(super) fn cell_meets(boundaries: &Boundaries, cell: Cell, commune: u16) -> bool {
    let rectangle = around(cell, boundaries.table.displacement_m);
    let (x, y) = ((rectangle.west + rectangle.east) / 2.0, (rectangle.south + rectangle.north) / 2.0);
    // Either the middle lies in the commune, or the commune reaches in from outside across its own border.
    boundaries.index.owner(&boundaries.vertices, x, y) == commune
        || border_reaches_into(boundaries, &rectangle, commune)
}

/// The cell, wider by `margin_m` on every side.
fn around(cell: Cell, margin_m: f64) -> Rectangle {
    let (south_west, north_east) = cell::corners(cell);
    let metric = Metric::at(cell::centre(cell).lat);
    let (x, y) = (margin_m / metric.x_m, margin_m / metric.y_m);
    Rectangle {
        west: south_west.lon * UNITS_PER_DEGREE - x,
        south: south_west.lat * UNITS_PER_DEGREE - y,
        east: north_east.lon * UNITS_PER_DEGREE + x,
        north: north_east.lat * UNITS_PER_DEGREE + y,
    }
}

fn border_reaches_into(boundaries: &Boundaries, rectangle: &Rectangle, commune: u16) -> bool {
    let (columns, rows) = boundaries.index.extent();
    let square = |units: f64| (units.floor() as i32) >> boundaries.index.shift;
    let mut reaches = false;
    for row in square(rectangle.south).max(rows.start)..=square(rectangle.north).min(rows.end - 1) {
        for column in square(rectangle.west).max(columns.start)..=square(rectangle.east).min(columns.end - 1) {
            for_segments(boundaries.index.runs(column, row), &boundaries.vertices, |a, b, sides| {
                reaches |= (sides.left == commune || sides.right == commune) && rectangle.touches(a, b);
            });
        }
    }
    reaches
}

impl Rectangle {
    /// Whether the segment has a point in the rectangle (Liang and Barsky 1984).
    fn touches(&self, a: Vertex, b: Vertex) -> bool {
        let (ax, ay) = (f64::from(a.x), f64::from(a.y));
        let (dx, dy) = (f64::from(b.x) - ax, f64::from(b.y) - ay);
        let (mut enter, mut leave) = (0.0f64, 1.0f64);
        for (run, room) in [(-dx, ax - self.west), (dx, self.east - ax), (-dy, ay - self.south), (dy, self.north - ay)]
        {
            if run == 0.0 && room < 0.0 {
                return false;
            } else if run < 0.0 {
                enter = enter.max(room / run);
            } else if run > 0.0 {
                leave = leave.min(room / run);
            }
        }
        enter <= leave
    }
}
