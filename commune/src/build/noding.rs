//! Noding: after it edges meet at their ends only.
//!
//! Where two edges cross, both are cut at the crossing rounded to the plane; where a vertex lies on an edge, the edge is cut
//! there. Rounding moves an edge by less than a unit (1.1 cm), which may make it cross another, so it is done until nothing
//! crosses (iterated snap rounding, Halperin and Packer 2002).

use std::cmp::Ordering;
use std::collections::HashSet;

use super::BuildError;
use super::edges::{Edge, Sets, merged};
use crate::plane::{Vertex, squares_along};

/// Rounds after which the input is given up; real data take two or three.
const MAX_ROUNDS: usize = 40;

/// Where two segments meet other than at a common end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meeting {
    /// They cross at this place, rounded.
    Cross(Vertex),
    /// An end of one lies within the other, or they lie on each other.
    Touch,
}

/// On which side of the way from `a` to `b` lies `c`: greater is left, less right.
pub(super) fn orientation(a: Vertex, b: Vertex, c: Vertex) -> Ordering {
    let (abx, aby) = (i64::from(b.x) - i64::from(a.x), i64::from(b.y) - i64::from(a.y));
    let (acx, acy) = (i64::from(c.x) - i64::from(a.x), i64::from(c.y) - i64::from(a.y));
    // Either product fits, their difference might not.
    (abx * acy).cmp(&(aby * acx))
}

/// Whether `v` lies on the segment, its ends left out.
pub(super) fn is_within(v: Vertex, a: Vertex, b: Vertex) -> bool {
    v != a
        && v != b
        && (a.x.min(b.x)..=a.x.max(b.x)).contains(&v.x)
        && (a.y.min(b.y)..=a.y.max(b.y)).contains(&v.y)
        && orientation(a, b, v).is_eq()
}

/// How two segments meet other than at a common end; `None` when they do not.
pub(super) fn meeting(a: Vertex, b: Vertex, c: Vertex, d: Vertex) -> Option<Meeting> {
    let apart = |p: i32, q: i32, r: i32, s: i32| p.max(q) < r.min(s) || r.max(s) < p.min(q);
    if apart(a.x, b.x, c.x, d.x) || apart(a.y, b.y, c.y, d.y) {
        return None;
    }
    if (a == c && b == d) || (a == d && b == c) {
        return Some(Meeting::Touch);
    }
    let differ = |side: Ordering, other: Ordering| side.is_ne() && side == other.reverse();
    let (c_side, d_side) = (orientation(a, b, c), orientation(a, b, d));
    let (a_side, b_side) = (orientation(c, d, a), orientation(c, d, b));
    if differ(c_side, d_side) && differ(a_side, b_side) {
        return Some(Meeting::Cross(crossing(a, b, c, d)));
    }
    let touches = is_within(a, c, d) || is_within(b, c, d) || is_within(c, a, b) || is_within(d, a, b);
    touches.then_some(Meeting::Touch)
}

/// Where the lines cross, rounded to the plane.
fn crossing(a: Vertex, b: Vertex, c: Vertex, d: Vertex) -> Vertex {
    let wide = |v: i32| i128::from(v);
    let (abx, aby) = (wide(b.x) - wide(a.x), wide(b.y) - wide(a.y));
    let (cdx, cdy) = (wide(d.x) - wide(c.x), wide(d.y) - wide(c.y));
    let share = (wide(c.x) - wide(a.x)) * cdy - (wide(c.y) - wide(a.y)) * cdx;
    let over = abx * cdy - aby * cdx;
    let (share, over) = if over < 0 { (-share, -over) } else { (share, over) };
    let step = |length: i128| (2 * share * length + over).div_euclid(2 * over);
    Vertex { x: (wide(a.x) + step(abx)) as i32, y: (wide(a.y) + step(aby)) as i32 }
}

/// Cuts the edges until they meet at their ends only.
pub(super) fn node(mut edges: Vec<Edge>, sets: &mut Sets) -> Result<Vec<Edge>, BuildError> {
    for _ in 0..MAX_ROUNDS {
        let mut cuts = cuts(&edges);
        if cuts.is_empty() {
            return Ok(edges);
        }
        cuts.sort_unstable();
        cuts.dedup();
        edges = merged(cut(&edges, &cuts), sets);
    }
    Err(BuildError::Noding { rounds: MAX_ROUNDS })
}

/// Edges to cut, with the place.
fn cuts(edges: &[Edge]) -> Vec<(u32, Vertex)> {
    let mut cuts = Vec::new();
    for_meetings(
        edges.len(),
        |edge| (edges[edge].a, edges[edge].b),
        |i, j, meeting| {
            let (e, f) = (edges[i], edges[j]);
            match meeting {
                Meeting::Cross(at) => {
                    for (index, edge) in [(i, e), (j, f)] {
                        if at != edge.a && at != edge.b {
                            cuts.push((index as u32, at));
                        }
                    }
                }
                Meeting::Touch => {
                    cuts.extend([e.a, e.b].into_iter().filter(|v| is_within(*v, f.a, f.b)).map(|v| (j as u32, v)));
                    cuts.extend([f.a, f.b].into_iter().filter(|v| is_within(*v, e.a, e.b)).map(|v| (i as u32, v)));
                }
            }
        },
    );
    cuts
}

fn cut(edges: &[Edge], cuts: &[(u32, Vertex)]) -> Vec<Edge> {
    let mut pieces = Vec::with_capacity(edges.len() + cuts.len());
    let mut rest = cuts;
    for (index, edge) in edges.iter().enumerate() {
        let count = rest.iter().take_while(|(cut, _)| *cut as usize == index).count();
        let (here, after) = rest.split_at(count);
        rest = after;
        let mut places: Vec<Vertex> = here.iter().map(|(_, place)| *place).collect();
        let wide = |to: i32, from: i32| i128::from(to) - i128::from(from);
        let (dx, dy) = (wide(edge.b.x, edge.a.x), wide(edge.b.y, edge.a.y));
        places.sort_by_key(|place| dx * wide(place.x, edge.a.x) + dy * wide(place.y, edge.a.y));
        let mut from = edge.a;
        for to in places.into_iter().chain([edge.b]) {
            if from != to {
                pieces.push(Edge::new(from, to, edge.set));
            }
            from = to;
        }
    }
    pieces
}

/// Calls `visit` once for every pair of segments that meet other than at a common end.
pub(super) fn for_meetings(
    count: usize,
    segment: impl Fn(usize) -> (Vertex, Vertex),
    mut visit: impl FnMut(usize, usize, Meeting),
) {
    let shift = shift_for(count, &segment);
    let mut squares: Vec<(i32, i32, u32)> = Vec::with_capacity(count + count / 2);
    for index in 0..count {
        let (a, b) = segment(index);
        squares_along(a, b, shift, |column, row| squares.push((row, column, index as u32)));
    }
    squares.sort_unstable();
    // Two segments may share several squares.
    let mut seen = HashSet::new();
    for square in squares.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        for (place, (_, _, i)) in square.iter().enumerate() {
            let (a, b) = segment(*i as usize);
            for (_, _, j) in &square[place + 1..] {
                let (c, d) = segment(*j as usize);
                if i != j
                    && let Some(meeting) = meeting(a, b, c, d)
                    && seen.insert((*i, *j))
                {
                    visit(*i as usize, *j as usize, meeting);
                }
            }
        }
    }
}

/// Squares about four times as large as a segment is long, so that most segments lie in one and few share it.
fn shift_for(count: usize, segment: &impl Fn(usize) -> (Vertex, Vertex)) -> u32 {
    let mean = (0..count)
        .map(|index| {
            let (a, b) = segment(index);
            (f64::from(a.x) - f64::from(b.x)).abs() + (f64::from(a.y) - f64::from(b.y)).abs()
        })
        .sum::<f64>()
        / count.max(1) as f64;
    (4.0 * mean).max(4.0).log2().ceil().min(28.0) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::build::edges::EMPTY;

    fn v(x: i32, y: i32) -> Vertex {
        Vertex { x, y }
    }

    #[test]
    fn meetings() {
        assert_eq!(meeting(v(0, 0), v(10, 10), v(0, 10), v(10, 0)), Some(Meeting::Cross(v(5, 5))));
        assert_eq!(meeting(v(0, 0), v(10, 0), v(5, 0), v(5, 9)), Some(Meeting::Touch));
        assert_eq!(meeting(v(0, 0), v(10, 0), v(5, 0), v(20, 0)), Some(Meeting::Touch));
        assert_eq!(meeting(v(0, 0), v(10, 0), v(10, 0), v(20, 0)), None);
        assert_eq!(meeting(v(0, 0), v(10, 0), v(10, 0), v(10, 5)), None);
    }

    proptest! {
        #[test]
        fn noded_edges_meet_at_ends_only(ends in prop::collection::vec((0..60i32, 0..60i32, 0..60i32, 0..60i32), 2..40)) {
            let mut sets = Sets::new();
            let edges = ends
                .iter()
                .enumerate()
                .filter(|(_, (ax, ay, bx, by))| (ax, ay) != (bx, by))
                .map(|(index, (ax, ay, bx, by))| Edge::new(v(*ax, *ay), v(*bx, *by), sets.single(index as u16)))
                .collect();
            let edges = merged(edges, &mut sets);
            let noded = node(edges, &mut sets).unwrap();
            for (index, e) in noded.iter().enumerate() {
                prop_assert!(e.set != EMPTY);
                for f in &noded[index + 1..] {
                    prop_assert_eq!(meeting(e.a, e.b, f.a, f.b), None);
                }
            }
        }
    }
}
