//! From overlapping, leaky polygons to a partition: every place belongs to one commune or to none.

use super::arcs::{Arc, Label, chain};
use super::edges::{EMPTY, Edge, SetId, Sets};
use super::faces::{Faces, Walk};
use super::input::SourceCommune;
use super::noding::orientation;
use super::{Hole, Overlap};
use crate::bundle::{NOBODY, Sides};
use crate::plane::{Metric, Vertex};

/// Holes smaller than this go to the neighbour with the longest shared border; larger ones are lakes or faults to look at.
pub(super) const FILLED_HOLE_KM2: f64 = 0.1;

impl Label for Sides {
    fn reversed(self) -> Self {
        Self { left: self.right, right: self.left }
    }
}

/// The partition and what had to be mended for it.
#[derive(Debug)]
pub(super) struct Partition {
    pub(super) arcs: Vec<Arc<Sides>>,
    pub(super) holes: Vec<Hole>,
    pub(super) overlaps: Vec<Overlap>,
}

/// Makes a partition of noded edges.
pub(super) fn partition(communes: &[SourceCommune], edges: &[Edge], sets: &mut Sets) -> Partition {
    let edges: Vec<(Vertex, Vertex, SetId)> = edges.iter().map(|edge| (edge.a, edge.b, edge.set)).collect();
    let mut arcs = chain(&edges);
    drop(edges);
    let owners = Owners::new(communes);
    let faces = Faces::of(&arcs, sets);
    let holes = fill_holes(&mut arcs, &faces, &owners, sets);
    arcs.retain(|arc| arc.label != EMPTY);
    let faces = Faces::of(&arcs, sets);
    let overlaps = overlaps(&arcs, &faces, &owners, sets);
    Partition { arcs: borders(&arcs, &faces, &owners, sets), holes, overlaps }
}

/// Who owns a place several communes claim.
struct Owners<'a> {
    communes: &'a [SourceCommune],
    areas_km2: Vec<f64>,
}

impl<'a> Owners<'a> {
    fn new(communes: &'a [SourceCommune]) -> Self {
        Self { communes, areas_km2: communes.iter().map(SourceCommune::area_or_computed_km2).collect() }
    }

    /// The commune of the smallest area, of equals the one of the lowest code; [`NOBODY`] of none.
    fn of(&self, claimants: &[u16]) -> u16 {
        let area = |commune: u16| self.areas_km2[usize::from(commune)];
        claimants.iter().copied().min_by(|a, b| area(*a).total_cmp(&area(*b)).then(a.cmp(b))).unwrap_or(NOBODY)
    }

    fn codes(&self, communes: impl IntoIterator<Item = u16>) -> Vec<String> {
        communes.into_iter().map(|commune| self.communes[usize::from(commune)].code.clone()).collect()
    }
}

/// Gives small holes away; returns all holes, largest first.
fn fill_holes(arcs: &mut [Arc<SetId>], faces: &Faces, owners: &Owners<'_>, sets: &mut Sets) -> Vec<Hole> {
    let uncovered = || faces.walks.iter().filter(|walk| walk.cover == EMPTY);
    let mut holes = Vec::new();
    for walk in uncovered().filter(|walk| walk.area2 > 0) {
        let islands: Vec<&Walk> = uncovered().filter(|other| other.area2 < 0 && lies_in(arcs, other, walk)).collect();
        let neighbours = neighbours(arcs, faces, walk, owners, sets);
        let area_km2 = area_km2(arcs, walk) + islands.iter().map(|island| area_km2(arcs, island)).sum::<f64>();
        let heir = neighbours.first().copied().filter(|_| area_km2 < FILLED_HOLE_KM2);
        if let Some(heir) = heir {
            let toggled = sets.single(heir);
            for half_arc in islands.iter().chain([&walk]).flat_map(|walk| &walk.half_arcs) {
                let label = &mut arcs[*half_arc as usize / 2].label;
                *label = sets.difference(*label, toggled);
            }
        }
        holes.push(Hole {
            codes: owners.codes(neighbours),
            area_km2,
            at: middle(arcs, walk),
            given_to: heir.and_then(|heir| owners.codes([heir]).pop()),
        });
    }
    holes.sort_by(|a, b| b.area_km2.total_cmp(&a.area_km2));
    holes
}

/// Whether a walk lies within another it does not touch: even-odd rule on the way west from one of its vertices.
fn lies_in(arcs: &[Arc<SetId>], inner: &Walk, outer: &Walk) -> bool {
    let vertices = |walk: &'_ Walk| {
        walk.half_arcs.iter().map(|half_arc| &arcs[*half_arc as usize / 2].vertices).collect::<Vec<_>>()
    };
    let from = vertices(inner)[0][0];
    let mut inside = false;
    for pair in vertices(outer).into_iter().flat_map(|vertices| vertices.windows(2)) {
        let (south, north) = if pair[0].y < pair[1].y { (pair[0], pair[1]) } else { (pair[1], pair[0]) };
        if (south.y..north.y).contains(&from.y) && orientation(south, north, from).is_lt() {
            inside = !inside;
        }
    }
    inside
}

/// Owners around a face, longest shared border first, of equals the lowest code.
fn neighbours(arcs: &[Arc<SetId>], faces: &Faces, walk: &Walk, owners: &Owners<'_>, sets: &Sets) -> Vec<u16> {
    let mut shared: Vec<(u16, f64)> = Vec::new();
    for half_arc in &walk.half_arcs {
        let owner = owners.of(sets.members(faces.cover(half_arc ^ 1)));
        let length_m = length_m(&arcs[*half_arc as usize / 2].vertices);
        match shared.iter_mut().find(|(other, _)| *other == owner) {
            Some((_, total_m)) => *total_m += length_m,
            None if owner != NOBODY => shared.push((owner, length_m)),
            None => {}
        }
    }
    shared.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    shared.into_iter().map(|(owner, _)| owner).collect()
}

/// Places several communes claim, added up by claimants, largest first.
fn overlaps(arcs: &[Arc<SetId>], faces: &Faces, owners: &Owners<'_>, sets: &Sets) -> Vec<Overlap> {
    let mut found: Vec<(SetId, Overlap)> = Vec::new();
    for walk in faces.walks.iter().filter(|walk| walk.area2 > 0 && sets.members(walk.cover).len() > 1) {
        let area_km2 = area_km2(arcs, walk);
        match found.iter_mut().find(|(cover, _)| *cover == walk.cover) {
            Some((_, overlap)) => overlap.area_km2 += area_km2,
            None => {
                let claimants = sets.members(walk.cover);
                let given_to = owners.codes([owners.of(claimants)]).pop();
                let codes = owners.codes(claimants.iter().copied());
                found.push((walk.cover, Overlap { codes, area_km2, at: middle(arcs, walk), given_to }));
            }
        }
    }
    let mut overlaps: Vec<Overlap> = found.into_iter().map(|(_, overlap)| overlap).collect();
    overlaps.sort_by(|a, b| b.area_km2.total_cmp(&a.area_km2));
    overlaps
}

/// The arcs between different owners, chained anew.
fn borders(arcs: &[Arc<SetId>], faces: &Faces, owners: &Owners<'_>, sets: &Sets) -> Vec<Arc<Sides>> {
    let mut edges = Vec::new();
    for (index, arc) in arcs.iter().enumerate() {
        let owner = |half_arc: usize| owners.of(sets.members(faces.cover(half_arc as u32)));
        let sides = Sides { left: owner(2 * index), right: owner(2 * index + 1) };
        if sides.left != sides.right {
            edges.extend(arc.vertices.windows(2).map(|pair| match pair[0] < pair[1] {
                true => (pair[0], pair[1], sides),
                false => (pair[1], pair[0], sides.reversed()),
            }));
        }
    }
    chain(&edges)
}

fn length_m(vertices: &[Vertex]) -> f64 {
    let metric = Metric::at_vertex(vertices[0]);
    let squared = |pair: &[Vertex]| metric.distance2_m2((f64::from(pair[0].x), f64::from(pair[0].y)), pair[1], pair[1]);
    vertices.windows(2).map(|pair| squared(pair).sqrt()).sum()
}

fn area_km2(arcs: &[Arc<SetId>], walk: &Walk) -> f64 {
    square_km(walk.area2, arcs[walk.half_arcs[0] as usize / 2].vertices[0])
}

/// km² of twice an area in square units around a vertex.
pub(super) fn square_km(area2: i128, near: Vertex) -> f64 {
    let metric = Metric::at_vertex(near);
    area2 as f64 / 2.0 * metric.x_m * metric.y_m / 1e6
}

/// Some place by the walk, to find it on a map.
fn middle(arcs: &[Arc<SetId>], walk: &Walk) -> crate::Point {
    let vertices = || walk.half_arcs.iter().flat_map(|half_arc| &arcs[*half_arc as usize / 2].vertices);
    let count = vertices().count() as i64;
    let mean = |axis: fn(&Vertex) -> i32| (vertices().map(|v| i64::from(axis(v))).sum::<i64>() / count) as i32;
    Vertex { x: mean(|v| v.x), y: mean(|v| v.y) }.point()
}
