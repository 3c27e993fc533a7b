//! Communes, their borders and the table that knows them.

use ispeed_core::commune::{self, cell};
use ispeed_core::place::CommuneName as CoreName;
use ispeed_core::protocol::place as core;

use crate::error::{IspeedError, Result};
use crate::mirror::mirror_enum;

mirror_enum! {
    /// How sure a commune is.
    PlaceVerdict = core::PlaceVerdict {
        /// The whole circle of doubt lies in one commune.
        Certain,
        /// It crosses a border.
        Ambiguous,
        /// Outside of every commune.
        Outside,
        /// By the centres of communes only: a guess, never counted.
        Approximate,
        /// There was no position.
        Unknown,
    }
}

/// A commune a position may lie in.
#[derive(Clone, PartialEq, Debug, uniffi::Record)]
pub struct Candidate {
    /// Commune code.
    pub code: String,
    /// Metres to it: 0 inside.
    pub distance_m: f64,
}

/// The commune of a position and its doubt. Names: `Ispeed.commune_name`.
#[derive(Clone, PartialEq, Debug, uniffi::Record)]
pub struct Place {
    /// How sure.
    pub verdict: PlaceVerdict,
    /// Commune code; absent when outside or unknown.
    pub code: Option<String>,
    /// Communes in question, likeliest first.
    pub candidates: Vec<Candidate>,
    /// Metres to the nearest border; absent when not known.
    pub border_m: Option<f64>,
    /// Boundary table or gazetteer that answered.
    pub table: Option<String>,
}

impl From<core::Place> for Place {
    fn from(core: core::Place) -> Self {
        let candidate = |c: core::Candidate| Candidate { code: c.code, distance_m: c.distance_m };
        Self {
            verdict: core.verdict.into(),
            code: core.code,
            candidates: core.candidates.into_iter().map(candidate).collect(),
            border_m: core.border_m,
            table: core.table,
        }
    }
}

/// What a commune is called.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct CommuneName {
    /// Commune code.
    pub code: String,
    /// Official name with its type, such as `Phường Bình Phước`.
    pub name: String,
    /// Province code.
    pub province_code: String,
    /// Official name of the province.
    pub province_name: Option<String>,
}

impl From<CoreName> for CommuneName {
    fn from(core: CoreName) -> Self {
        let CoreName { code, commune, province_code, province } = core;
        Self { code, name: commune, province_code, province_name: province }
    }
}

/// A position in degrees.
#[derive(Clone, Copy, PartialEq, Debug, uniffi::Record)]
pub struct Point {
    /// Degrees north.
    pub lat: f64,
    /// Degrees east.
    pub lon: f64,
}

impl From<commune::Point> for Point {
    fn from(core: commune::Point) -> Self {
        Self { lat: core.lat, lon: core.lon }
    }
}

impl Point {
    pub(crate) fn checked(self) -> Result<commune::Point> {
        commune::Point::new(self.lat, self.lon).map_err(|error| IspeedError::Input {
            field: "point".to_owned(),
            value: format!("{},{}", self.lat, self.lon),
            expected: format!("degrees: {error}"),
        })
    }
}

/// A stretch of border.
#[derive(Clone, PartialEq, Debug, uniffi::Record)]
pub struct Line {
    /// Its points in order.
    pub points: Vec<Point>,
}

/// The table communes are found with.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct BoundaryTable {
    /// As samples name it.
    pub reference: String,
    /// Its name.
    pub name: String,
    /// First day on which it is valid, `2026-04-30`.
    pub valid_from: String,
    /// Communes in it.
    pub communes: u64,
}

impl From<&commune::TableInfo> for BoundaryTable {
    fn from(core: &commune::TableInfo) -> Self {
        Self {
            reference: core.reference(),
            name: core.name.clone(),
            valid_from: core.valid_from.clone(),
            communes: core.communes as u64,
        }
    }
}

/// What a refresh of the borders found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum BoundaryRefresh {
    /// Those at hand are the collector's.
    Current,
    /// Newer ones came, are kept and used from now on.
    Taken,
    /// The collector has none.
    NotOffered,
}

/// The corners of a 200 m cell: south-west, north-west, north-east, south-east.
#[uniffi::export]
pub fn cell_outline(cell: String) -> Result<Vec<Point>> {
    let parsed = cell.parse().map_err(|_| IspeedError::input("cell", &cell, "c<row>_<column>, such as c6423_58211"))?;
    let (south_west, north_east) = cell::corners(parsed);
    let corner = |lat: f64, lon: f64| Point { lat, lon };
    Ok(vec![
        south_west.into(),
        corner(north_east.lat, south_west.lon),
        north_east.into(),
        corner(south_west.lat, north_east.lon),
    ])
}
