//! The border of a commune as lines, to be drawn.

use std::collections::BTreeSet;

use super::Boundaries;
use super::cells::squares;
use crate::Point;

/// Stretches of the commune's border, each its own arc or a part of one; together they are all of it. Their order and
/// direction say nothing.
pub(super) fn outline(boundaries: &Boundaries, commune: u16) -> Vec<Vec<Point>> {
    let Some((columns, rows)) = squares(boundaries, commune) else { return Vec::new() };
    // By the first vertex of a segment: a run belongs to each square it touches, and is drawn once.
    let mut segments: BTreeSet<usize> = BTreeSet::new();
    for row in rows {
        for column in columns.clone() {
            for run in boundaries.index.runs(column, row) {
                if run.sides.left == commune || run.sides.right == commune {
                    segments.extend(run.first as usize..(run.first + run.count) as usize);
                }
            }
        }
    }
    let mut lines: Vec<Vec<Point>> = Vec::new();
    let mut next = None;
    for segment in segments {
        let point = |vertex: usize| boundaries.vertices[vertex].point();
        match lines.last_mut().filter(|_| next == Some(segment)) {
            // Consecutive numbers within one arc are one line.
            Some(line) => line.push(point(segment + 1)),
            None => lines.push(vec![point(segment), point(segment + 1)]),
        }
        next = Some(segment + 1);
    }
    lines
}
