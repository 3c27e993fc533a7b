//! Distances to borders, out from a point over the raster.

use super::decode::Sides;
use super::index::{Index, for_segments};
use crate::plane::{Metric, UNITS_PER_DEGREE, Vertex};

/// Squares on a side of a block, as a power of two. Blocks without borders are passed over as one: points at sea.
const BLOCK_SHIFT: u32 = 4;

/// Rings of squares looked through one by one before the search goes on by blocks.
const RINGS: i32 = 6;

/// The border nearest to a point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Nearest {
    pub(super) distance2_m2: f64,
    pub(super) a: Vertex,
    pub(super) b: Vertex,
    pub(super) sides: Sides,
}

/// Blocks of squares some border passes through, as column and row of the block.
#[derive(Debug)]
pub(super) struct Blocks(Vec<(i32, i32)>);

impl Blocks {
    pub(super) fn build(index: &Index) -> Self {
        let mut blocks: Vec<(i32, i32)> =
            index.border_squares().map(|(column, row)| (column >> BLOCK_SHIFT, row >> BLOCK_SHIFT)).collect();
        blocks.sort_unstable();
        blocks.dedup();
        Self(blocks)
    }
}

fn squares_of((column, row): (i32, i32)) -> impl Iterator<Item = (i32, i32)> {
    let side = 1 << BLOCK_SHIFT;
    (row << BLOCK_SHIFT..(row << BLOCK_SHIFT) + side)
        .flat_map(move |r| (column << BLOCK_SHIFT..(column << BLOCK_SHIFT) + side).map(move |c| (c, r)))
}

/// A point in units and the metric around it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) metric: Metric,
}

impl Origin {
    pub(super) fn new(point: crate::Point) -> Self {
        Self { x: point.lon * UNITS_PER_DEGREE, y: point.lat * UNITS_PER_DEGREE, metric: Metric::at(point.lat) }
    }

    /// Squared distance in m² to a square of side `2^shift` units; 0 inside.
    fn distance2_to_square_m2(&self, column: i32, row: i32, shift: u32) -> f64 {
        let side = f64::from(1u32 << shift);
        let (west, south) = (f64::from(column) * side, f64::from(row) * side);
        let x = (west - self.x).max(self.x - west - side).max(0.0) * self.metric.x_m;
        let y = (south - self.y).max(self.y - south - side).max(0.0) * self.metric.y_m;
        x * x + y * y
    }
}

/// The border nearest to the point; `None` when there is none at all.
pub(super) fn nearest(index: &Index, blocks: &Blocks, vertices: &[Vertex], origin: Origin) -> Option<Nearest> {
    let mut best: Option<Nearest> = None;
    let (column, row) = ((origin.x.floor() as i32) >> index.shift, (origin.y.floor() as i32) >> index.shift);
    for ring in 0..=RINGS {
        for (c, r) in ring_around(column, row, ring) {
            look_into(index, vertices, origin, (c, r), &mut best);
        }
        // Nothing beyond this ring is nearer than its outer edge.
        let side = f64::from(1u32 << index.shift);
        let beyond_m = f64::from(ring) * side * origin.metric.x_m.min(origin.metric.y_m);
        if best.is_some_and(|best| best.distance2_m2 <= beyond_m * beyond_m) {
            return best;
        }
    }
    let mut order: Vec<(f64, (i32, i32))> = blocks
        .0
        .iter()
        .map(|block| (origin.distance2_to_square_m2(block.0, block.1, index.shift + BLOCK_SHIFT), *block))
        .filter(|(distance2, _)| best.is_none_or(|best| *distance2 < best.distance2_m2))
        .collect();
    order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    for (distance2, block) in order {
        if best.is_some_and(|best| best.distance2_m2 <= distance2) {
            break;
        }
        for square in squares_of(block) {
            look_into(index, vertices, origin, square, &mut best);
        }
    }
    best
}

fn look_into(
    index: &Index,
    vertices: &[Vertex],
    origin: Origin,
    (column, row): (i32, i32),
    best: &mut Option<Nearest>,
) {
    let runs = index.runs(column, row);
    if runs.is_empty() {
        return;
    }
    let mut limit = best.map_or(f64::INFINITY, |best| best.distance2_m2);
    if origin.distance2_to_square_m2(column, row, index.shift) >= limit {
        return;
    }
    for_segments(runs, vertices, |a, b, sides| {
        let distance2_m2 = origin.metric.distance2_m2((origin.x, origin.y), a, b);
        if distance2_m2 < limit {
            limit = distance2_m2;
            *best = Some(Nearest { distance2_m2, a, b, sides });
        }
    });
}

/// The squares at Chebyshev distance `ring`.
fn ring_around(column: i32, row: i32, ring: i32) -> impl Iterator<Item = (i32, i32)> {
    let ends =
        (-ring..=ring).flat_map(move |dx| [(dx, -ring), (dx, ring)]).take(if ring == 0 { 1 } else { usize::MAX });
    let sides = (1 - ring..ring).flat_map(move |dy| [(-ring, dy), (ring, dy)]);
    ends.chain(sides).map(move |(dx, dy)| (column + dx, row + dy))
}

/// Calls `visit` with the distance in metres and the sides of every border within `radius_m` of the point.
pub(super) fn borders_within(
    index: &Index,
    vertices: &[Vertex],
    origin: Origin,
    radius_m: f64,
    mut visit: impl FnMut(f64, Sides),
) {
    let (columns, rows) = index.extent();
    let square = |units: f64| (units.floor() as i32) >> index.shift;
    let (reach_x, reach_y) = (radius_m / origin.metric.x_m, radius_m / origin.metric.y_m);
    let radius2 = radius_m * radius_m;
    for row in square(origin.y - reach_y).max(rows.start)..=square(origin.y + reach_y).min(rows.end - 1) {
        for column in square(origin.x - reach_x).max(columns.start)..=square(origin.x + reach_x).min(columns.end - 1) {
            let runs = index.runs(column, row);
            if runs.is_empty() || origin.distance2_to_square_m2(column, row, index.shift) > radius2 {
                continue;
            }
            for_segments(runs, vertices, |a, b, sides| {
                let distance2 = origin.metric.distance2_m2((origin.x, origin.y), a, b);
                if distance2 <= radius2 {
                    visit(distance2.sqrt(), sides);
                }
            });
        }
    }
}
