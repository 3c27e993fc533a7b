//! Small made-up communes.

use ispeed_commune::build::{BuildOptions, BuildReport, build};
use ispeed_commune::{Boundaries, Point};
use serde_json::{Value, json};

/// South-west corner of the made-up country.
pub(crate) const ORIGIN: (f64, f64) = (106.0, 11.0);

/// A position `(x, y)` metres east and north of the origin, in degrees to seven decimals.
pub(crate) fn at(x_m: f64, y_m: f64) -> (f64, f64) {
    let round = |degrees: f64| (degrees * 1e7).round() / 1e7;
    (round(ORIGIN.0 + x_m / 109_290.0), round(ORIGIN.1 + y_m / 110_615.0))
}

/// The same as a point.
pub(crate) fn point(x_m: f64, y_m: f64) -> Point {
    let (lon, lat) = at(x_m, y_m);
    Point { lat, lon }
}

/// A closed ring through positions in metres.
pub(crate) fn ring(corners: &[(f64, f64)]) -> Value {
    let positions = corners.iter().chain(corners.first()).map(|(x, y)| at(*x, *y));
    json!(positions.map(|(lon, lat)| json!([lon, lat])).collect::<Vec<_>>())
}

/// A closed ring around a rectangle in metres.
pub(crate) fn rectangle(west: f64, south: f64, east: f64, north: f64) -> Value {
    ring(&[(west, south), (east, south), (east, north), (west, north)])
}

/// A Feature of polygons, each a list of rings.
pub(crate) fn commune(code: &str, polygons: &[&[Value]]) -> Value {
    json!({
        "type": "Feature",
        "id": code,
        "properties": { "code": code, "name": format!("Xã {code}"), "province": "75" },
        "geometry": { "type": "MultiPolygon", "coordinates": polygons },
    })
}

pub(crate) fn lines(communes: &[Value]) -> String {
    communes.iter().map(|commune| format!("{commune}\n")).collect()
}

pub(crate) fn options() -> BuildOptions {
    BuildOptions {
        table: "made-up".into(),
        valid_from: "2026-04-30".into(),
        source: "a test".into(),
        ..Default::default()
    }
}

pub(crate) fn built(communes: &[Value]) -> (Boundaries, BuildReport) {
    let (bytes, report) = build(lines(communes).as_bytes(), &options()).expect("the shapes build");
    (Boundaries::load(&bytes).expect("what was built loads"), report)
}

/// Two communes of 2 km by 2 km side by side, the western one 10001.
pub(crate) fn twins() -> Vec<Value> {
    vec![
        commune("10001", &[&[rectangle(0.0, 0.0, 2000.0, 2000.0)]]),
        commune("10002", &[&[rectangle(2000.0, 0.0, 4000.0, 2000.0)]]),
    ]
}
