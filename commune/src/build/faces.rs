//! The faces arcs cut the plane into, and which communes cover each.

use super::arcs::{Arc, Label};
use super::edges::{EMPTY, SetId, Sets};
use super::noding::orientation;
use crate::plane::Vertex;

impl Label for SetId {
    fn reversed(self) -> Self {
        self
    }
}

/// One closed walk along arcs with its face on the left. A face has one walk around it and one around each of its islands.
#[derive(Debug, Clone)]
pub(super) struct Walk {
    /// Half-arcs in order: `2 * arc` along it, `2 * arc + 1` against it.
    pub(super) half_arcs: Vec<u32>,
    /// Twice the signed area in square units: positive around the face, negative around an island in it.
    pub(super) area2: i128,
    /// Communes covering the face.
    pub(super) cover: SetId,
}

/// The faces of a set of noded arcs.
#[derive(Debug)]
pub(super) struct Faces {
    pub(super) walks: Vec<Walk>,
    /// Walk of each half-arc.
    walk_of: Vec<u32>,
}

impl Faces {
    /// Finds and labels the faces. The arcs meet at their ends only and carry what changes across them.
    pub(super) fn of(arcs: &[Arc<SetId>], sets: &mut Sets) -> Self {
        let next = next_half_arcs(arcs);
        let mut faces = Self { walks: Vec::new(), walk_of: vec![u32::MAX; next.len()] };
        for first in 0..next.len() {
            if faces.walk_of[first] == u32::MAX {
                faces.add_walk(first as u32, &next, arcs);
            }
        }
        faces.label(arcs, sets);
        faces
    }

    /// Communes covering the face left of a half-arc.
    pub(super) fn cover(&self, half_arc: u32) -> SetId {
        self.walks[self.walk_of[half_arc as usize] as usize].cover
    }

    fn add_walk(&mut self, first: u32, next: &[u32], arcs: &[Arc<SetId>]) {
        let mut walk = Walk { half_arcs: Vec::new(), area2: 0, cover: EMPTY };
        let mut half_arc = first;
        while self.walk_of[half_arc as usize] == u32::MAX {
            self.walk_of[half_arc as usize] = self.walks.len() as u32;
            walk.half_arcs.push(half_arc);
            let area2 = area2(&arcs[half_arc as usize / 2].vertices);
            walk.area2 += if half_arc.is_multiple_of(2) { area2 } else { -area2 };
            half_arc = next[half_arc as usize];
        }
        self.walks.push(walk);
    }

    /// Labels each connected part from its outside inwards.
    fn label(&mut self, arcs: &[Arc<SetId>], sets: &mut Sets) {
        let parts = Parts::of(self, arcs);
        let outside = outside_covers(arcs, &parts, sets);
        let mut labelled = vec![false; self.walks.len()];
        for (&outer, cover) in parts.outer_walk.iter().zip(outside) {
            self.walks[outer].cover = cover;
            labelled[outer] = true;
            let mut waiting = vec![outer];
            while let Some(walk) = waiting.pop() {
                for at in 0..self.walks[walk].half_arcs.len() {
                    let half_arc = self.walks[walk].half_arcs[at];
                    let across = self.walk_of[(half_arc ^ 1) as usize] as usize;
                    if !labelled[across] {
                        labelled[across] = true;
                        let changes = arcs[half_arc as usize / 2].label;
                        self.walks[across].cover = sets.difference(self.walks[walk].cover, changes);
                        waiting.push(across);
                    }
                }
            }
        }
    }
}

/// Twice the signed area between an open or closed chain and the origin.
pub(super) fn area2(vertices: &[Vertex]) -> i128 {
    let twice =
        |pair: &[Vertex]| i128::from(pair[0].x) * i128::from(pair[1].y) - i128::from(pair[1].x) * i128::from(pair[0].y);
    vertices.windows(2).map(twice).sum()
}

/// First and second vertex of a half-arc.
pub(super) fn departure<T>(arcs: &[Arc<T>], half_arc: u32) -> (Vertex, Vertex) {
    let vertices = &arcs[half_arc as usize / 2].vertices;
    match half_arc % 2 {
        0 => (vertices[0], vertices[1]),
        _ => (vertices[vertices.len() - 1], vertices[vertices.len() - 2]),
    }
}

/// Half-arcs sorted by their first vertex, then counter-clockwise by direction.
pub(super) fn by_direction<T>(arcs: &[Arc<T>]) -> Vec<u32> {
    let mut half_arcs: Vec<u32> = (0..2 * arcs.len() as u32).collect();
    let half_plane = |(from, to): (Vertex, Vertex)| (to.y, to.x) < (from.y, from.x);
    half_arcs.sort_by(|e, f| {
        let (e, f) = (departure(arcs, *e), departure(arcs, *f));
        e.0.cmp(&f.0).then_with(|| half_plane(e).cmp(&half_plane(f))).then_with(|| orientation(e.0, f.1, e.1))
    });
    half_arcs
}

/// For each half-arc the one that follows it around the face on its left.
fn next_half_arcs(arcs: &[Arc<SetId>]) -> Vec<u32> {
    let order = by_direction(arcs);
    let mut next = vec![0; order.len()];
    for around in order.chunk_by(|e, f| departure(arcs, *e).0 == departure(arcs, *f).0) {
        for (at, &leaving) in around.iter().enumerate() {
            // Arriving against `leaving`, the face on the left goes on at the next one clockwise.
            let clockwise = around[(at + around.len() - 1) % around.len()];
            next[(leaving ^ 1) as usize] = clockwise;
        }
    }
    next
}

/// The connected parts of the arcs: the mainland, islands, enclaves.
struct Parts {
    /// Part of each arc.
    of_arc: Vec<u32>,
    /// Of each part: the walk around it from outside, and its western-most vertex (of those the southern-most).
    outer_walk: Vec<usize>,
    extreme: Vec<Vertex>,
}

impl Parts {
    fn of(faces: &Faces, arcs: &[Arc<SetId>]) -> Self {
        let of_arc = part_numbers(faces, arcs.len());
        let count = of_arc.iter().max().map_or(0, |most| *most as usize + 1);
        let mut extreme = vec![Vertex { x: i32::MAX, y: i32::MAX }; count];
        for (arc, part) in arcs.iter().zip(&of_arc) {
            let least = arc.vertices.iter().min().copied().expect("an arc has vertices");
            extreme[*part as usize] = extreme[*part as usize].min(least);
        }
        // Of all walks of a part only the one from outside encloses a negative area.
        let mut outer = vec![(i128::MAX, 0); count];
        for (index, walk) in faces.walks.iter().enumerate() {
            let part = of_arc[walk.half_arcs[0] as usize / 2] as usize;
            outer[part] = outer[part].min((walk.area2, index));
        }
        Self { of_arc, outer_walk: outer.into_iter().map(|(_, walk)| walk).collect(), extreme }
    }
}

/// Numbers the connected parts; arcs are connected when a walk runs along both or one is the other's reverse.
fn part_numbers(faces: &Faces, arcs: usize) -> Vec<u32> {
    let mut part = vec![u32::MAX; arcs];
    let mut count = 0;
    for first in 0..arcs {
        if part[first] != u32::MAX {
            continue;
        }
        part[first] = count;
        let mut waiting = vec![first];
        while let Some(arc) = waiting.pop() {
            for half_arc in [2 * arc, 2 * arc + 1] {
                for other in &faces.walks[faces.walk_of[half_arc] as usize].half_arcs {
                    let other = *other as usize / 2;
                    if part[other] == u32::MAX {
                        part[other] = count;
                        waiting.push(other);
                    }
                }
            }
        }
        count += 1;
    }
    part
}

/// The communes covering the outside of each part: those toggled an odd number of times by other parts' edges on the way
/// west from its extreme vertex to infinity.
fn outside_covers(arcs: &[Arc<SetId>], parts: &Parts, sets: &mut Sets) -> Vec<SetId> {
    let mut by_latitude: Vec<(i32, usize)> =
        parts.extreme.iter().enumerate().map(|(part, extreme)| (extreme.y, part)).collect();
    by_latitude.sort_unstable();
    let mut covers = vec![EMPTY; parts.extreme.len()];
    for (arc, own_part) in arcs.iter().zip(&parts.of_arc) {
        for pair in arc.vertices.windows(2) {
            let (south, north) = if pair[0].y < pair[1].y { (pair[0], pair[1]) } else { (pair[1], pair[0]) };
            let first = by_latitude.partition_point(|(y, _)| *y < south.y);
            for &(_, part) in by_latitude[first..].iter().take_while(|(y, _)| *y < north.y) {
                let lies_east = orientation(south, north, parts.extreme[part]).is_lt();
                if lies_east && part != *own_part as usize {
                    covers[part] = sets.difference(covers[part], arc.label);
                }
            }
        }
    }
    covers
}
