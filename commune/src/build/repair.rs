//! Keeping the topology: simplified arcs meet at nodes only, and lie in the same order around each other as before.

use super::BuildError;
use super::arcs::Arc;
use super::edges::{EMPTY, SetId, Sets};
use super::faces::{Faces, by_direction, departure};
use super::noding::for_meetings;
use super::simplify::SimpleArc;
use crate::bundle::{NOBODY, Sides};
use crate::plane::{Metric, Vertex};

/// Rounds after which repair is given up; each keeps more of the source, which itself has no faults.
const MAX_ROUNDS: usize = 200;

/// A chord by arc and place.
type Chord = (u32, u32);

/// Refines arcs until the simplified borders have the topology of the source. Returns how many chords were refined.
pub(super) fn repair(source: &[Arc<Sides>], arcs: &mut [SimpleArc<'_>], tolerance_m: f64) -> Result<usize, BuildError> {
    let mut refined = 0;
    for _ in 0..MAX_ROUNDS {
        let mut faults = crossings(arcs);
        if faults.is_empty() {
            faults = turned_nodes(source, arcs);
        }
        if faults.is_empty() {
            faults = displaced_parts(arcs, tolerance_m);
        }
        if faults.is_empty() {
            return Ok(refined);
        }
        // From the back: refining moves the places of later chords only.
        faults.sort_unstable();
        faults.dedup();
        let mut better = 0;
        for (arc, chord) in faults.into_iter().rev() {
            better += usize::from(arcs[arc as usize].refine(chord as usize));
        }
        if better == 0 {
            break;
        }
        refined += better;
    }
    Err(BuildError::Topology)
}

fn all_chords<'a>(arcs: &'a [SimpleArc<'_>]) -> impl Iterator<Item = (Chord, (Vertex, Vertex))> + 'a {
    arcs.iter()
        .enumerate()
        .flat_map(|(index, arc)| (0..arc.chords()).map(move |chord| ((index as u32, chord as u32), arc.chord(chord))))
}

/// Chords that meet another elsewhere than at a common end, and chords that shrank to a point.
fn crossings(arcs: &[SimpleArc<'_>]) -> Vec<Chord> {
    let (names, ends): (Vec<Chord>, Vec<(Vertex, Vertex)>) = all_chords(arcs).unzip();
    let mut faults: Vec<Chord> = names.iter().zip(&ends).filter(|(_, (a, b))| a == b).map(|(name, _)| *name).collect();
    for_meetings(ends.len(), |index| ends[index], |i, j, _| faults.extend([names[i], names[j]]));
    faults
}

/// First chords at nodes where the arcs leave in another order than in the source.
fn turned_nodes(source: &[Arc<Sides>], arcs: &[SimpleArc<'_>]) -> Vec<Chord> {
    let simple = plain(arcs, |sides| sides);
    let (before, after) = (by_direction(source), by_direction(&simple));
    let mut faults = Vec::new();
    let mut at = 0;
    for around in before.chunk_by(|e, f| departure(source, *e).0 == departure(source, *f).0) {
        let now = &after[at..at + around.len()];
        at += around.len();
        let turn = now.iter().position(|half_arc| *half_arc == around[0]).unwrap_or(0);
        let same = (0..around.len()).all(|step| around[step] == now[(turn + step) % now.len()]);
        if !same {
            faults.extend(around.iter().map(|half_arc| first_chord(arcs, *half_arc)));
        }
    }
    faults
}

fn first_chord(arcs: &[SimpleArc<'_>], half_arc: u32) -> Chord {
    let arc = half_arc / 2;
    (arc, if half_arc.is_multiple_of(2) { 0 } else { arcs[arc as usize].chords() as u32 - 1 })
}

fn plain<T>(arcs: &[SimpleArc<'_>], label: impl Fn(Sides) -> T) -> Vec<Arc<T>> {
    arcs.iter()
        .map(|arc| Arc { vertices: arc.vertices().map(|(vertex, _)| vertex).collect(), label: label(arc.sides()) })
        .collect()
}

/// Chords near arcs that came to lie on the wrong side of others, as an islet does when the coast is drawn past it.
fn displaced_parts(arcs: &[SimpleArc<'_>], tolerance_m: f64) -> Vec<Chord> {
    let mut sets = Sets::new();
    let owner = |sets: &mut Sets, owner: u16| -> SetId { if owner == NOBODY { EMPTY } else { sets.single(owner) } };
    let mut simple = Vec::with_capacity(arcs.len());
    for arc in plain(arcs, |sides| sides) {
        let (left, right) = (owner(&mut sets, arc.label.left), owner(&mut sets, arc.label.right));
        simple.push(Arc { vertices: arc.vertices, label: sets.difference(left, right) });
    }
    let faces = Faces::of(&simple, &mut sets);
    let mut faults = Vec::new();
    for (index, arc) in arcs.iter().enumerate() {
        let (left, right) = (owner(&mut sets, arc.sides().left), owner(&mut sets, arc.sides().right));
        if faces.cover(2 * index as u32) != left || faces.cover(2 * index as u32 + 1) != right {
            faults.extend(chords_near(arcs, &simple[index].vertices, 2.0 * tolerance_m));
        }
    }
    faults
}

/// Chords within `reach_m` of any of the vertices.
fn chords_near(arcs: &[SimpleArc<'_>], vertices: &[Vertex], reach_m: f64) -> Vec<Chord> {
    let metric = Metric::at_vertex(vertices[0]);
    let reach = (reach_m / metric.x_m.min(metric.y_m)).ceil() as i32;
    let low = |axis: fn(&Vertex) -> i32| vertices.iter().map(axis).min().unwrap_or(0).saturating_sub(reach);
    let high = |axis: fn(&Vertex) -> i32| vertices.iter().map(axis).max().unwrap_or(0).saturating_add(reach);
    let (west, south, east, north) = (low(|v| v.x), low(|v| v.y), high(|v| v.x), high(|v| v.y));
    let is_near = |a: Vertex, b: Vertex| {
        vertices.iter().any(|v| metric.distance2_m2((f64::from(v.x), f64::from(v.y)), a, b) <= reach_m * reach_m)
    };
    all_chords(arcs)
        .filter(|(_, (a, b))| {
            a.x.max(b.x) >= west && a.x.min(b.x) <= east && a.y.max(b.y) >= south && a.y.min(b.y) <= north
        })
        .filter(|(_, (a, b))| is_near(*a, *b))
        .map(|(chord, _)| chord)
        .collect()
}
