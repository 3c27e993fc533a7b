//! Rings that are not simple.

use super::InvalidRing;
use super::faces::area2;
use super::input::{Ring, SourceCommune};
use super::noding::{Meeting, for_meetings};
use super::partition::square_km;
use crate::plane::Vertex;

impl SourceCommune {
    /// Area in km² as the source states it, else that of the rings.
    pub(super) fn area_or_computed_km2(&self) -> f64 {
        self.area_km2.unwrap_or_else(|| {
            let signed = |ring: &Ring| if ring.is_hole { -ring.area_km2() } else { ring.area_km2() };
            self.rings.iter().map(signed).sum::<f64>().max(0.0)
        })
    }
}

impl Ring {
    fn closed(&self) -> Vec<Vertex> {
        self.vertices.iter().chain(self.vertices.first()).copied().collect()
    }

    fn area_km2(&self) -> f64 {
        self.vertices.first().map_or(0.0, |first| square_km(area2(&self.closed()).abs(), *first))
    }
}

/// All rings that are open, shrunk to a line or meet themselves, in order of the code.
pub(super) fn invalid_rings(communes: &[SourceCommune]) -> Vec<InvalidRing> {
    let rings = communes.iter().flat_map(|commune| commune.rings.iter().map(move |ring| (commune, ring)));
    let mut invalid = Vec::new();
    for (commune, ring) in rings {
        if let Some(fault) = fault(ring) {
            invalid.push(InvalidRing {
                code: commune.code.clone(),
                fault: fault.to_owned(),
                area_km2: ring.area_km2(),
                at: ring.vertices.first().map(|vertex| vertex.point()),
            });
        }
    }
    invalid
}

fn fault(ring: &Ring) -> Option<&'static str> {
    if !ring.is_closed {
        return Some("not closed: the last position differs from the first");
    }
    if ring.vertices.len() < 3 {
        return Some("no area");
    }
    let closed = ring.closed();
    let (mut crosses, mut touches) = (false, false);
    for_meetings(
        closed.len() - 1,
        |edge| (closed[edge], closed[edge + 1]),
        |_, _, meeting| match meeting {
            Meeting::Cross(_) => crosses = true,
            Meeting::Touch => touches = true,
        },
    );
    let mut sorted = ring.vertices.clone();
    sorted.sort_unstable();
    let repeats = sorted.windows(2).any(|pair| pair[0] == pair[1]);
    match () {
        () if crosses => Some("crosses itself"),
        () if area2(&closed) == 0 => Some("no area"),
        () if repeats => Some("passes through a position twice"),
        () if touches => Some("touches itself"),
        () => None,
    }
}
