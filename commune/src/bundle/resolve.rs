//! From a point to a place.

use ispeed_protocol::place::{Candidate, Place, PlaceVerdict};

use super::nearest::{Nearest, Origin, borders_within, nearest};
use super::{Boundaries, NOBODY};
use crate::Point;
use crate::plane::UNITS_PER_DEGREE;

/// Radii of accuracy in the circle of doubt: the accuracy holds 68 % of fixes, twice it 98.95 % of Gaussian ones.
const ACCURACY_FACTOR: f64 = 2.0;

/// Communes further than this many metres are not listed, however large the circle of doubt.
const MAX_LISTED_M: f64 = 20_000.0;

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

    let crossing_m = border_m.filter(|border_m| *border_m <= doubt_m);
    let mut candidates = match crossing_m {
        Some(border_m) => in_circle(boundaries, origin, owner, doubt_m.min(MAX_LISTED_M).max(border_m)),
        None if owner == NOBODY => Vec::new(),
        None => vec![candidate(boundaries, owner, 0.0)],
    };
    let verdict = match (crossing_m, owner) {
        (Some(_), _) => PlaceVerdict::Ambiguous,
        (None, NOBODY) => PlaceVerdict::Outside,
        (None, _) => PlaceVerdict::Certain,
    };
    let code = candidates.first().map(|candidate| candidate.code.clone());
    if verdict == PlaceVerdict::Outside {
        candidates
            .extend(border.zip(border_m).and_then(|(border, border_m)| nearest_commune(boundaries, border, border_m)));
    }
    Place { verdict, code, candidates, border_m, table: Some(boundaries.reference.clone()) }
}

/// Radius in metres of the circle of doubt. One without end where the accuracy is no distance, so that nothing is certain.
fn doubt_m(accuracy_m: Option<f64>, displacement_m: f64) -> f64 {
    match accuracy_m {
        None => displacement_m,
        Some(accuracy_m) if accuracy_m >= 0.0 => ACCURACY_FACTOR * accuracy_m + displacement_m,
        Some(_) => f64::INFINITY,
    }
}

fn candidate(boundaries: &Boundaries, owner: u16, distance_m: f64) -> Candidate {
    Candidate { code: boundaries.communes[usize::from(owner)].code.clone(), distance_m }
}

/// The communes the circle touches, nearest first.
fn in_circle(boundaries: &Boundaries, origin: Origin, owner: u16, radius_m: f64) -> Vec<Candidate> {
    let mut found: Vec<(u16, f64)> = Vec::new();
    if owner != NOBODY {
        found.push((owner, 0.0));
    }
    borders_within(&boundaries.index, &boundaries.vertices, origin, radius_m, |distance_m, sides| {
        for side in [sides.left, sides.right] {
            match found.iter_mut().find(|(owner, _)| *owner == side) {
                Some((_, nearest_m)) => *nearest_m = nearest_m.min(distance_m),
                None if side != NOBODY => found.push((side, distance_m)),
                None => {}
            }
        }
    });
    // On a border both sides are at 0 m: the owner first. Else the lowest code, as communes are in order of their codes.
    found.sort_unstable_by(|a, b| a.1.total_cmp(&b.1).then((a.0 != owner).cmp(&(b.0 != owner))).then(a.0.cmp(&b.0)));
    found.truncate(MAX_CANDIDATES);
    found.into_iter().map(|(owner, distance_m)| candidate(boundaries, owner, distance_m)).collect()
}

/// The commune on the land side of the nearest border.
fn nearest_commune(boundaries: &Boundaries, border: Nearest, border_m: f64) -> Option<Candidate> {
    let side = [border.sides.left, border.sides.right].into_iter().find(|side| *side != NOBODY)?;
    Some(candidate(boundaries, side, border_m))
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
