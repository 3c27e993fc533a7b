//! From a point to a place.

use ispeed_protocol::place::{Candidate, Place, PlaceVerdict};

use super::nearest::{Nearest, Origin, borders_within, nearest};
use super::{Boundaries, NOBODY};
use crate::Point;
use crate::plane::UNITS_PER_DEGREE;

/// Radii of accuracy in the circle of doubt: the accuracy holds 68 % of fixes, twice it 98.95 % of Gaussian ones.
const ACCURACY_FACTOR: f64 = 2.0;

/// Largest circle of doubt in metres: beyond it the list of candidates says nothing any more.
const MAX_DOUBT_M: f64 = 20_000.0;

/// Most candidates listed.
const MAX_CANDIDATES: usize = 16;

/// Beyond this many metres the plane is no longer flat enough and the distance is taken on the sphere.
const FLAT_M: f64 = 100_000.0;

pub(super) fn resolve(boundaries: &Boundaries, point: Point, accuracy_m: Option<f64>) -> Place {
    let doubt_m = doubt_m(accuracy_m, boundaries.table.displacement_m);
    let origin = Origin::new(point);
    let owner = boundaries.index.owner(&boundaries.vertices, origin.x, origin.y);
    let border = nearest(&boundaries.index, &boundaries.blocks, &boundaries.vertices, origin);
    let border_m = border.map(|border| border_distance_m(point, origin, border));

    let crossed = doubt_m.is_none_or(|doubt_m| border_m.is_some_and(|border_m| border_m <= doubt_m));
    let candidates = match (crossed, owner) {
        (true, _) => in_circle(boundaries, origin, owner, doubt_m.unwrap_or(MAX_DOUBT_M)),
        (false, NOBODY) => nearest_commune(boundaries, border, border_m),
        (false, owner) => vec![candidate(boundaries, owner, 0.0)],
    };
    let verdict = match (crossed && !candidates.is_empty(), owner) {
        (true, _) => PlaceVerdict::Ambiguous,
        (false, NOBODY) => PlaceVerdict::Outside,
        (false, _) => PlaceVerdict::Certain,
    };
    let code = match verdict {
        PlaceVerdict::Outside => None,
        _ => candidates.first().map(|candidate| candidate.code.clone()),
    };
    Place { verdict, code, candidates, border_m, table: Some(boundaries.reference.clone()) }
}

/// Radius in metres of the circle of doubt; `None` when the accuracy is no distance, so that nothing is certain.
fn doubt_m(accuracy_m: Option<f64>, displacement_m: f64) -> Option<f64> {
    let accuracy_m = accuracy_m.unwrap_or(0.0);
    (accuracy_m >= 0.0).then(|| (ACCURACY_FACTOR * accuracy_m).min(MAX_DOUBT_M) + displacement_m)
}

fn candidate(boundaries: &Boundaries, owner: u16, distance_m: f64) -> Candidate {
    Candidate { code: boundaries.communes[usize::from(owner)].code.clone(), distance_m }
}

/// The communes the circle touches, nearest first.
fn in_circle(boundaries: &Boundaries, origin: Origin, owner: u16, doubt_m: f64) -> Vec<Candidate> {
    let mut found: Vec<(u16, f64)> = Vec::new();
    if owner != NOBODY {
        found.push((owner, 0.0));
    }
    borders_within(&boundaries.index, &boundaries.vertices, origin, doubt_m, |distance_m, sides| {
        for side in [sides.left, sides.right] {
            match found.iter_mut().find(|(owner, _)| *owner == side) {
                Some((_, nearest_m)) => *nearest_m = nearest_m.min(distance_m),
                None if side != NOBODY => found.push((side, distance_m)),
                None => {}
            }
        }
    });
    // Communes are in order of their code, so the index breaks ties by the lowest code.
    found.sort_unstable_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
    found.truncate(MAX_CANDIDATES);
    found.into_iter().map(|(owner, distance_m)| candidate(boundaries, owner, distance_m)).collect()
}

fn nearest_commune(boundaries: &Boundaries, border: Option<Nearest>, border_m: Option<f64>) -> Vec<Candidate> {
    let (Some(border), Some(border_m)) = (border, border_m) else { return Vec::new() };
    [border.sides.left, border.sides.right]
        .into_iter()
        .filter(|side| *side != NOBODY)
        .take(1)
        .map(|side| candidate(boundaries, side, border_m))
        .collect()
}

fn border_distance_m(point: Point, origin: Origin, border: Nearest) -> f64 {
    let flat_m = border.distance2_m2.sqrt();
    if flat_m <= FLAT_M {
        return flat_m;
    }
    let (ax, ay) = (f64::from(border.a.x), f64::from(border.a.y));
    let (dx, dy) = (f64::from(border.b.x) - ax, f64::from(border.b.y) - ay);
    let (x_m2, y_m2) = (origin.metric.x_m.powi(2), origin.metric.y_m.powi(2));
    let length2 = dx * dx * x_m2 + dy * dy * y_m2;
    let along = ((origin.x - ax) * dx * x_m2 + (origin.y - ay) * dy * y_m2) / length2.max(f64::MIN_POSITIVE);
    let along = along.clamp(0.0, 1.0);
    let foot = Point { lat: (ay + along * dy) / UNITS_PER_DEGREE, lon: (ax + along * dx) / UNITS_PER_DEGREE };
    point.distance_m(foot)
}
