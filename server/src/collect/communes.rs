//! Communes and borders as the collector knows them: from a bundle, else from the embedded gazetteer.

use ispeed_commune::{Boundaries, BundleError, Cell, CommuneInfo, Point, gazetteer};
use ispeed_protocol::place::{Place, PlaceVerdict};
use ispeed_protocol::sample::Sample;
use ispeed_protocol::signing::sha256_hex;
use ispeed_verdict::fixes::{self, Position};

use super::{bare, collation};
use crate::limits;

/// A commune and the province it belongs to.
#[derive(Clone, PartialEq, Debug)]
pub struct CommuneName {
    /// Five digits, as text.
    pub code: String,
    /// Full name, such as `Phường Bình Phước`.
    pub name: String,
    /// Two digits, as text.
    pub province_code: String,
    /// Full name, such as `Thành phố Đồng Nai`.
    pub province: String,
    /// Area, where known.
    pub area_km2: Option<f64>,
    /// Place in the order of province and name, as a Vietnamese dictionary has it.
    pub rank: usize,
}

/// The communes of the country, and their borders where there is a bundle.
pub struct Communes {
    /// By code.
    names: Vec<CommuneName>,
    bundle: Option<Bundle>,
}

struct Bundle {
    boundaries: Boundaries,
    reference: String,
    file: axum::body::Bytes,
    sha256: String,
}

/// What the collector finds about the place of a sample.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct PlaceFindings {
    /// The shared point, resolved here.
    pub(crate) place: Option<Place>,
    /// Without a point: whether the cell meets the commune.
    pub(crate) cell_in_commune: Option<bool>,
    /// Another fix lies for certain in another commune.
    pub(crate) left_commune: bool,
    /// Area of the commune that stands.
    pub(crate) area_km2: Option<f64>,
}

impl Communes {
    /// From the bytes of a bundle, or, without one, from the gazetteer.
    ///
    /// # Errors
    /// The bytes are not those of a bundle.
    pub fn new(bundle: Option<Vec<u8>>) -> Result<Self, BundleError> {
        let Some(bytes) = bundle else {
            return Ok(Self { names: ranked(gazetteer::all().iter().map(from_gazetteer)), bundle: None });
        };
        let boundaries = Boundaries::load(&bytes)?;
        let names = ranked(boundaries.communes().map(from_bundle));
        let (reference, sha256) = (boundaries.table().reference(), sha256_hex(&bytes));
        Ok(Self { names, bundle: Some(Bundle { boundaries, reference, file: bytes.into(), sha256 }) })
    }

    /// All communes, by code.
    pub fn all(&self) -> &[CommuneName] {
        &self.names
    }

    /// The commune of a code.
    pub fn get(&self, code: &str) -> Option<&CommuneName> {
        self.names.binary_search_by(|c| c.code.as_str().cmp(code)).ok().map(|i| &self.names[i])
    }

    /// Whether a province of this code exists.
    pub fn has_province(&self, code: &str) -> bool {
        self.names.iter().any(|c| c.province_code == code)
    }

    /// Whether a point lies in the commune; `None` without a bundle.
    pub(crate) fn holds(&self, code: &str, point: Point) -> Option<bool> {
        let place = self.bundle.as_ref()?.boundaries.resolve(point, None);
        Some(place.verdict == PlaceVerdict::Certain && place.code.as_deref() == Some(code))
    }

    /// The boundary table as samples name it, if a bundle is loaded.
    pub fn table(&self) -> Option<&str> {
        self.bundle.as_ref().map(|b| b.reference.as_str())
    }

    /// The bundle's file and its SHA-256.
    pub(crate) fn file(&self) -> Option<(axum::body::Bytes, &str)> {
        self.bundle.as_ref().map(|b| (b.file.clone(), b.sha256.as_str()))
    }

    /// The communes around a point, nearest first, each with its distance in metres and whether the point lies in it; without
    /// borders by their centres. Where none is near, the nearest.
    pub(crate) fn near(&self, point: Point, radius_m: f64) -> Vec<(String, Option<f64>, bool)> {
        let Some(bundle) = &self.bundle else { return self.near_by_centres(point, radius_m) };
        // The resolver's circle of doubt has twice the radius it is told, and the displacement of the borders.
        let place = bundle.boundaries.resolve(point, Some(radius_m / 2.0));
        let named = place.candidates.into_iter().enumerate();
        named.map(|(i, near)| (near.code, Some(near.distance_m), i == 0 && near.distance_m == 0.0)).collect()
    }

    fn near_by_centres(&self, point: Point, radius_m: f64) -> Vec<(String, Option<f64>, bool)> {
        let here = gazetteer::resolve(point).code;
        let mut near: Vec<(String, Option<f64>, bool)> = gazetteer::all()
            .iter()
            .map(|commune| (commune, point.distance_m(commune.centre)))
            .filter(|(commune, metres)| *metres <= radius_m || here.as_deref() == Some(commune.code))
            .map(|(commune, metres)| (commune.code.to_owned(), Some(metres), here.as_deref() == Some(commune.code)))
            .collect();
        near.sort_by(|a, b| (!a.2).cmp(&!b.2).then(a.1.unwrap_or(0.0).total_cmp(&b.1.unwrap_or(0.0))));
        near.truncate(limits::PLAN_NEAR_MAX);
        near
    }

    /// The 200 m cells of a commune; `None` where there are no borders.
    pub(crate) fn cells(&self, code: &str) -> Option<Vec<Cell>> {
        self.bundle.as_ref().and_then(|b| b.boundaries.cells(code))
    }

    pub(crate) fn findings(&self, sample: &Sample) -> PlaceFindings {
        // The gazetteer knows no borders: it can neither confirm nor correct what a phone with a bundle resolved.
        let mut findings = self.bundle.as_ref().map_or_else(PlaceFindings::default, |b| b.findings(sample));
        let standing = findings.place.as_ref().unwrap_or(&sample.place);
        findings.area_km2 = standing.code.as_deref().and_then(|code| self.get(code)).and_then(|c| c.area_km2);
        findings
    }
}

impl Bundle {
    fn findings(&self, sample: &Sample) -> PlaceFindings {
        let mut findings = PlaceFindings::default();
        if let Some(placed) = fixes::place(&sample.fixes, sample.ended_at, |position| self.resolve(position)) {
            findings.place = Some(placed.place);
            findings.left_commune = placed.left_commune;
        } else if let (Some(cell), Some(code)) = (&sample.cell, &sample.place.code) {
            // A code that is not in the table is in no cell.
            findings.cell_in_commune = Some(self.boundaries.cell_meets(cell, code).unwrap_or(false));
        }
        findings
    }

    fn resolve(&self, position: &Position) -> Place {
        Point::new(position.lat, position.lon)
            .map_or_else(|_| Place::unknown(), |point| self.boundaries.resolve(point, position.accuracy_m))
    }
}

/// Fills in the ranks; the list stays in order of the code.
fn ranked(communes: impl Iterator<Item = CommuneName>) -> Vec<CommuneName> {
    let mut communes: Vec<CommuneName> = communes.collect();
    let mut order: Vec<usize> = (0..communes.len()).collect();
    order.sort_by_cached_key(|&i| (collation(bare(&communes[i].province)), collation(bare(&communes[i].name)), i));
    for (rank, i) in order.into_iter().enumerate() {
        communes[i].rank = rank;
    }
    communes
}

fn from_gazetteer(commune: &gazetteer::Commune) -> CommuneName {
    CommuneName {
        code: commune.code.to_owned(),
        name: commune.name.to_owned(),
        province_code: commune.province.to_owned(),
        province: gazetteer::province(commune.province).map_or_else(String::new, |p| p.name.to_owned()),
        area_km2: commune.area_km2,
        rank: 0,
    }
}

fn from_bundle(commune: CommuneInfo) -> CommuneName {
    CommuneName {
        code: commune.code,
        name: commune.name,
        province: commune.province_name.unwrap_or_else(|| commune.province.clone()),
        province_code: commune.province,
        area_km2: Some(commune.area_km2),
        rank: 0,
    }
}
