//! Positions, commune, cell, and that no more of them is there than was agreed to.

use super::checker::Checker;
use crate::consent::Share;
use crate::place::{Fix, Fixes, Place, PlaceVerdict, is_commune_code};
use crate::sample::Sample;

const CANDIDATES_MAX: usize = 64;
/// Half the earth's girth, metres: nothing is further away.
const DISTANCE_MAX_M: f64 = 20_040_000.0;
/// Cells between equator and pole, and between Greenwich and the antimeridian at the equator.
const ROW_MAX: u64 = 50_100;
const COLUMN_MAX: u64 = 100_200;

pub(super) fn place(sample: &Sample, check: &mut Checker) {
    self::commune(&sample.place, check);
    if let Some(cell) = sample.cell {
        let on_earth =
            u64::from(cell.row.unsigned_abs()) <= ROW_MAX && u64::from(cell.column.unsigned_abs()) <= COLUMN_MAX;
        check.require(on_earth, "/cell", cell, "a cell between the poles");
    }
    fixes(&sample.fixes, sample.consent.share, check);
    if sample.consent.share == Share::None {
        let expected = "null, since consent.share is none";
        let code = sample.place.code.as_deref();
        check.require(code.is_none(), "/place/code", code.unwrap_or_default(), expected);
        check.require(
            sample.place.candidates.is_empty(),
            "/place/candidates",
            sample.place.candidates.len(),
            "no candidates, since consent.share is none",
        );
        if let Some(cell) = sample.cell {
            check.require(false, "/cell", cell, expected);
        }
    }
}

/// Positions; their points only where `share` covers them.
pub(super) fn fixes(fixes: &Fixes, share: Share, check: &mut Checker) {
    for (name, fix) in [("start", &fixes.start), ("mid", &fixes.mid), ("end", &fixes.end)] {
        if let Some(fix) = fix {
            self::fix(&format!("/fixes/{name}"), fix, share, check);
        }
    }
}

fn commune(place: &Place, check: &mut Checker) {
    let names_one =
        matches!(place.verdict, PlaceVerdict::Certain | PlaceVerdict::Ambiguous | PlaceVerdict::Approximate);
    match &place.code {
        Some(code) => {
            check.require(is_commune_code(code), "/place/code", format!("{code:?}"), "five digits, as text");
            check.require(names_one, "/place/code", code, "null when the place is outside or unknown");
        }
        None => check.require(!names_one, "/place/code", "null", "a commune code, since the place is resolved"),
    }
    let many = place.candidates.len();
    check.require(many <= CANDIDATES_MAX, "/place/candidates", many, "at most 64 candidates");
    for (i, candidate) in place.candidates.iter().enumerate().take(CANDIDATES_MAX) {
        let at = format!("/place/candidates/{i}");
        let code = &candidate.code;
        check.require(is_commune_code(code), &format!("{at}/code"), format!("{code:?}"), "five digits, as text");
        check.number(&format!("{at}/distance_m"), Some(candidate.distance_m), 0.0..=DISTANCE_MAX_M);
    }
    check.number("/place/border_m", place.border_m, 0.0..=DISTANCE_MAX_M);
    check.text("/place/table", place.table.as_deref(), 200);
}

fn fix(at: &str, fix: &Fix, share: Share, check: &mut Checker) {
    for (name, value, limit) in [("lat", fix.lat, 90.0), ("lon", fix.lon, 180.0)] {
        check.number(&format!("{at}/{name}"), value, -limit..=limit);
        if let Some(value) = value {
            let agreed = share == Share::Precise;
            check.require(agreed, &format!("{at}/{name}"), value, "null, since consent.share is not precise");
        }
    }
    let both = fix.lat.is_some() == fix.lon.is_some();
    let present = if fix.lat.is_some() { "lat" } else { "lon" };
    check.require(both, at, format!("only {present}"), "both lat and lon, or neither");
    check.number(&format!("{at}/accuracy_m"), fix.accuracy_m, 0.0..=DISTANCE_MAX_M);
    check.number(&format!("{at}/speed_mps"), fix.speed_mps, 0.0..=1_000.0);
    check.number(&format!("{at}/altitude_m"), fix.altitude_m, -1_000.0..=50_000.0);
}
