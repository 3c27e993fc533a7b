//! Which unmeasured cells to name: the nearest to a point, or those in the middle of the largest gaps. Pure.

use std::collections::BTreeSet;

use ispeed_commune::{Cell, Point, cell};
use ispeed_protocol::plan::PlanCell;

use super::round_to_10_m;

/// A cell's centre on a plane of metres around the commune: communes are small enough for it.
#[derive(Clone, Copy)]
struct Spot {
    cell: Cell,
    x_m: f64,
    y_m: f64,
}

/// The cells of `all` that are not measured.
pub(super) fn unmeasured(all: &[Cell], measured: &BTreeSet<Cell>) -> Vec<Cell> {
    all.iter().copied().filter(|cell| !measured.contains(cell)).collect()
}

/// The `limit` nearest to a point, nearest first.
pub(super) fn nearest(open: &[Cell], point: Point, limit: usize) -> Vec<PlanCell> {
    let mut ranked: Vec<(f64, Cell)> = open.iter().map(|here| (cell::centre(*here).distance_m(point), *here)).collect();
    let order = |a: &(f64, Cell), b: &(f64, Cell)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
    if limit < ranked.len() {
        ranked.select_nth_unstable_by(limit, order);
        ranked.truncate(limit);
    }
    ranked.sort_unstable_by(order);
    ranked.into_iter().map(|(distance_m, here)| plan_cell(here, Some(distance_m))).collect()
}

/// `limit` of them, each as far as can be from everything measured and from those named before it (farthest-first traversal,
/// Gonzalez 1985: at most twice the optimal gap). Where nothing is measured the one nearest to the middle is the first.
pub(super) fn spread(open: &[Cell], measured: &BTreeSet<Cell>, limit: usize) -> Vec<PlanCell> {
    let Some(middle) = middle(open) else { return Vec::new() };
    let metres_per_degree = middle.distance_m(Point { lat: middle.lat, lon: middle.lon + 0.01 }) * 100.0;
    let spot = |here: Cell| {
        let centre = cell::centre(here);
        Spot { cell: here, x_m: (centre.lon - middle.lon) * metres_per_degree, y_m: f64::from(here.row) * Cell::SIDE_M }
    };
    let spots: Vec<Spot> = open.iter().map(|here| spot(*here)).collect();
    let mut gaps = vec![f64::INFINITY; spots.len()];
    for here in measured {
        narrow(&spots, &mut gaps, spot(*here));
    }
    let mut chosen = Vec::new();
    while chosen.len() < limit.min(spots.len()) {
        let next = if measured.is_empty() && chosen.is_empty() { central(&spots) } else { widest(&gaps) };
        chosen.push(plan_cell(spots[next].cell, None));
        narrow(&spots, &mut gaps, spots[next]);
        // A cell is named once, whatever rounding says of its distance to itself.
        gaps[next] = f64::NEG_INFINITY;
    }
    chosen
}

fn middle(open: &[Cell]) -> Option<Point> {
    let n = open.len() as f64;
    let (lat, lon) =
        open.iter().map(|here| cell::centre(*here)).fold((0.0, 0.0), |(lat, lon), c| (lat + c.lat, lon + c.lon));
    (!open.is_empty()).then(|| Point { lat: lat / n, lon: lon / n })
}

/// Squared gaps after something was measured at a spot.
fn narrow(spots: &[Spot], gaps: &mut [f64], at: Spot) {
    for (gap, spot) in gaps.iter_mut().zip(spots) {
        let (dx, dy) = (spot.x_m - at.x_m, spot.y_m - at.y_m);
        *gap = gap.min(dx * dx + dy * dy);
    }
}

/// The first of the widest, so that equal gaps always give the same answer.
fn widest(gaps: &[f64]) -> usize {
    (0..gaps.len()).reduce(|best, i| if gaps[i] > gaps[best] { i } else { best }).unwrap_or(0)
}

fn central(spots: &[Spot]) -> usize {
    let n = spots.len() as f64;
    let y_m = spots.iter().map(|spot| spot.y_m).sum::<f64>() / n;
    let off = |i: usize| spots[i].x_m.powi(2) + (spots[i].y_m - y_m).powi(2);
    (0..spots.len()).reduce(|best, i| if off(i) < off(best) { i } else { best }).unwrap_or(0)
}

fn plan_cell(here: Cell, distance_m: Option<f64>) -> PlanCell {
    let centre = cell::centre(here);
    let e6 = |degrees: f64| (degrees * 1e6).round() as i32;
    PlanCell { cell: here, lat_e6: e6(centre.lat), lon_e6: e6(centre.lon), distance_m: distance_m.map(round_to_10_m) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A commune of `side` by `side` cells around the demo's point.
    fn commune(side: i32) -> Vec<Cell> {
        let corner = cell(11.52, 106.89);
        (0..side)
            .flat_map(|row| (0..side).map(move |column| Cell { row: corner.row + row, column: corner.column + column }))
            .collect()
    }

    #[test]
    fn the_nearest_are_named_nearest_first_and_no_more_than_asked_for() {
        let all = commune(20);
        let at = cell::centre(all[5 * 20 + 5]);
        let measured = BTreeSet::from([all[5 * 20 + 5]]);
        let named = nearest(&unmeasured(&all, &measured), at, 4);
        assert_eq!(named.len(), 4);
        assert!(
            named.iter().all(|n| n.distance_m.is_some_and(|m| m <= 230) && !measured.contains(&n.cell)),
            "{named:?}"
        );
        assert_eq!(nearest(&all, at, 1_000).len(), 400);
        assert!(nearest(&all, at, 1_000).is_sorted_by_key(|n| n.distance_m));
        assert_eq!(nearest(&all, at, 0), []);
    }

    #[test]
    fn the_largest_gap_comes_first() {
        let all = commune(21);
        // The western half was measured everywhere.
        let west: BTreeSet<Cell> = all.iter().copied().filter(|c| c.column - all[0].column < 10).collect();
        let named = spread(&unmeasured(&all, &west), &west, 3);
        assert_eq!(named[0].cell.column - all[0].column, 20, "the eastern edge is furthest");
        let apart = cell::centre(named[0].cell).distance_m(cell::centre(named[1].cell));
        assert!(apart > 2_000.0, "the second is far from the first: {apart}");
    }

    #[test]
    fn with_nothing_measured_the_middle_is_first_and_everything_is_named_once() {
        let all = commune(7);
        let named = spread(&all, &BTreeSet::new(), 100);
        assert_eq!(named[0].cell, all[24], "the middle");
        let cells: BTreeSet<Cell> = named.iter().map(|n| n.cell).collect();
        assert_eq!((named.len(), cells.len()), (49, 49));
        assert_eq!(spread(&all, &BTreeSet::new(), 9), named[..9]);
        assert_eq!(spread(&[], &BTreeSet::new(), 9), []);
    }
}
