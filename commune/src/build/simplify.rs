//! Simplifying each arc once, within a tolerance.
//!
//! Douglas and Peucker (1973), on the coordinates the bundle will hold: chords run between vertices rounded to the coarse
//! grid. Every source vertex stays within the tolerance of its chord; as the source runs without a gap from one end of the
//! chord to the other, every point of the chord is as near to the source, so the tolerance bounds the Hausdorff distance
//! both ways.

use super::arcs::Arc;
use crate::bundle::{Sides, coarse};
use crate::plane::{COARSE_SHIFT, Metric, Vertex};

/// An arc with the choice of its vertices that are kept.
#[derive(Debug, Clone)]
pub(super) struct SimpleArc<'a> {
    source: &'a Arc<Sides>,
    tolerance_m: f64,
    /// Indices of kept vertices, ascending, and whether each is kept at full resolution. Both ends always are.
    kept: Vec<(u32, bool)>,
}

/// A vertex on the coarse grid.
fn rounded(vertex: Vertex) -> Vertex {
    let round = |full: i32| (coarse(full) << COARSE_SHIFT) as i32;
    Vertex { x: round(vertex.x), y: round(vertex.y) }
}

impl<'a> SimpleArc<'a> {
    /// Simplifies an arc so that it stays within `tolerance_m`.
    pub(super) fn new(source: &'a Arc<Sides>, tolerance_m: f64) -> Self {
        let (first, last) = ((0, true), (source.vertices.len() as u32 - 1, true));
        let mut arc = Self { source, tolerance_m, kept: vec![first, last] };
        if source.vertices.first() == source.vertices.last() {
            // The chord of a ring is a point; it is opened at the vertex furthest from it.
            let opening = arc.furthest(first, last).0;
            arc.kept.insert(1, (opening, false));
        }
        arc.split_chords();
        arc
    }

    /// Splits every chord that is not within the tolerance, until all are.
    fn split_chords(&mut self) {
        let mut kept = vec![self.kept[0]];
        for chord in self.kept.windows(2) {
            let mut waiting = vec![(chord[0], chord[1])];
            while let Some((from, to)) = waiting.pop() {
                let (furthest, distance_m) = self.furthest(from, to);
                if distance_m > self.tolerance_m {
                    waiting.push(((furthest, false), to));
                    waiting.push((from, (furthest, false)));
                } else {
                    kept.push(to);
                }
            }
        }
        self.kept = kept;
    }

    fn position(&self, (index, full): (u32, bool)) -> Vertex {
        let vertex = self.source.vertices[index as usize];
        if full { vertex } else { rounded(vertex) }
    }

    /// The vertex between two others that is furthest from their chord, and its distance in metres.
    ///
    /// Without any between them this is the first of the two, at no distance.
    fn furthest(&self, from: (u32, bool), to: (u32, bool)) -> (u32, f64) {
        let (a, b) = (self.position(from), self.position(to));
        let metric = Metric::at_vertex(a);
        let mut furthest = (from.0, 0.0f64);
        for index in from.0 + 1..to.0 {
            let vertex = self.source.vertices[index as usize];
            let distance2 = metric.distance2_m2((f64::from(vertex.x), f64::from(vertex.y)), a, b);
            if distance2 > furthest.1 {
                furthest = (index, distance2);
            }
        }
        (furthest.0, furthest.1.sqrt())
    }

    /// The communes on either side.
    pub(super) fn sides(&self) -> Sides {
        self.source.label
    }

    /// Number of chords.
    pub(super) fn chords(&self) -> usize {
        self.kept.len() - 1
    }

    /// Ends of a chord.
    pub(super) fn chord(&self, chord: usize) -> (Vertex, Vertex) {
        (self.position(self.kept[chord]), self.position(self.kept[chord + 1]))
    }

    /// The kept vertices and whether they are kept at full resolution.
    pub(super) fn vertices(&self) -> impl Iterator<Item = (Vertex, bool)> {
        self.kept.iter().map(|kept| (self.position(*kept), kept.1))
    }

    /// Makes the arc follow its source more closely around a chord; `false` if it cannot any more.
    pub(super) fn refine(&mut self, chord: usize) -> bool {
        let (from, to) = (self.kept[chord], self.kept[chord + 1]);
        if from.0 + 1 < to.0 {
            let furthest = match self.furthest(from, to) {
                (furthest, distance_m) if distance_m > 0.0 => furthest,
                _ => from.0 + (to.0 - from.0) / 2,
            };
            self.kept.insert(chord + 1, (furthest, false));
        } else if from.1 && to.1 {
            return false;
        } else {
            self.kept[chord].1 = true;
            self.kept[chord + 1].1 = true;
        }
        // Parts of a chord may stray further from the source than the whole did.
        self.split_chords();
        true
    }

    /// Largest distances in metres: of the source from the arc, and of the arc from the source.
    ///
    /// The second is taken at `samples` points of each chord.
    pub(super) fn displacement_m(&self, samples: u32) -> (f64, f64) {
        let (mut of_source, mut of_arc) = (0.0f64, 0.0f64);
        for pair in self.kept.windows(2) {
            let (a, b) = (self.position(pair[0]), self.position(pair[1]));
            let metric = Metric::at_vertex(a);
            let stretch = &self.source.vertices[pair[0].0 as usize..=pair[1].0 as usize];
            for vertex in stretch {
                of_source = of_source.max(metric.distance2_m2((f64::from(vertex.x), f64::from(vertex.y)), a, b));
            }
            for sample in 0..=samples {
                let share = f64::from(sample) / f64::from(samples);
                let along = |from: i32, to: i32| f64::from(from) + share * (f64::from(to) - f64::from(from));
                let place = (along(a.x, b.x), along(a.y, b.y));
                let nearest = stretch.windows(2).map(|edge| metric.distance2_m2(place, edge[0], edge[1]));
                of_arc = of_arc.max(nearest.fold(f64::INFINITY, f64::min));
            }
        }
        (of_source.sqrt(), of_arc.sqrt())
    }
}
