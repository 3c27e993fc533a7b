//! The boundary bundle: communes and their simplified borders, packed for a phone.

mod bits;
mod cells;
mod decode;
mod error;
pub(crate) mod format;
mod index;
mod meets;
mod nearest;
mod outline;
mod resolve;

pub(crate) use decode::NOBODY;
use decode::StoredCommune;
#[cfg(feature = "build")]
pub(crate) use decode::{Sides, coarse};
pub use error::BundleError;

use ispeed_protocol::Cell;
use ispeed_protocol::place::Place;
use serde::Serialize;

use crate::plane::Vertex;
use crate::{Point, gazetteer};

/// What a bundle says of itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TableInfo {
    /// Name of the table, such as `vn-communes`.
    pub name: String,
    /// First day (ISO 8601) on which the table is valid.
    pub valid_from: String,
    /// SHA-256 the bundle carries, of all its other bytes, in lower-case hexadecimal.
    pub sha256: String,
    /// Where the borders come from, with the licence.
    pub source: String,
    /// No border is further than this many metres from the source's.
    pub displacement_m: f64,
    /// Number of communes.
    pub communes: usize,
    /// Vertices of the borders; a shared border counts once.
    pub vertices: usize,
}

impl TableInfo {
    /// The table as a sample names it: `name@valid-from#` and twelve digits of the checksum.
    pub fn reference(&self) -> String {
        format!("{}@{}#{}", self.name, self.valid_from, &self.sha256[..12])
    }
}

/// One commune of a bundle.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CommuneInfo {
    /// Commune code, five digits.
    pub code: String,
    /// Official name with its type, such as `Phường Bình Phước`.
    pub name: String,
    /// Province code, two digits.
    pub province: String,
    /// Name of the province with its type; `None` for a code the gazetteer does not know.
    pub province_name: Option<String>,
    /// Area in km² as the source states it.
    pub area_km2: f64,
}

/// A loaded bundle. Loading takes some tens of milliseconds and about 20 MB for Vietnam; keep one and share it.
#[derive(Debug)]
pub struct Boundaries {
    table: TableInfo,
    reference: String,
    communes: Vec<StoredCommune>,
    vertices: Vec<Vertex>,
    index: index::Index,
    blocks: nearest::Blocks,
}

impl Boundaries {
    /// Reads a bundle. Every byte is under its checksum, so a cut, changed or foreign file is an error with its cause.
    pub fn load(bytes: &[u8]) -> Result<Self, BundleError> {
        let content = decode::decode(bytes)?;
        let index = index::Index::build(&content.vertices, &content.starts, &content.sides)?;
        let blocks = nearest::Blocks::build(&index);
        let table = TableInfo {
            name: content.name,
            valid_from: content.valid_from,
            sha256: content.sha256,
            source: content.source,
            displacement_m: content.displacement_m,
            communes: content.communes.len(),
            vertices: content.vertices.len(),
        };
        let reference = table.reference();
        Ok(Self { table, reference, communes: content.communes, vertices: content.vertices, index, blocks })
    }

    /// What the bundle says of itself.
    pub fn table(&self) -> &TableInfo {
        &self.table
    }

    /// The commune of a point, with doubt.
    ///
    /// `accuracy_m` is the radius in metres that holds the true position with 68 %, as phones report it. The circle of
    /// doubt has twice that radius plus the bundle's displacement:
    /// - `certain`: the circle crosses no border. Promised: while the fix is wrong by no more than twice its accuracy, the
    ///   code is right by the source's polygons. Of circular Gaussian errors 1.05 % exceed that, so a fix beside a border
    ///   can be certain and wrong: of 100,000 fixes within 100 m of borders none was at ±5 and ±10 m, 5 at ±20 m, 10 at ±50 m.
    /// - `ambiguous`: the circle crosses a border; `candidates` are the communes it touches with their distance, nearest
    ///   first, and `code` is the first of them. Coast and frontier are borders too: there a single candidate means that
    ///   the doubt is between this commune and none.
    /// - `outside`: no commune is in the circle; `code` is `None` and the nearest commune is the one candidate.
    ///
    /// `border_m` is the distance to the nearest border by the bundle. Distances are on the WGS 84 ellipsoid, beyond 100 km
    /// on the sphere; they are good to 0.5 %.
    ///
    /// Without an accuracy the position is taken as exact, and only the displacement makes doubt. One that is no distance
    /// (NaN, negative) is never certain. Points are taken to 10⁻⁷ degree; one on a shared border belongs to the commune on
    /// its north-eastern side. Where polygons of the source overlapped, the commune of the smallest area holds the place,
    /// of equals the one of the lowest code: the builder decides that once.
    pub fn resolve(&self, point: Point, accuracy_m: Option<f64>) -> Place {
        resolve::resolve(self, point, accuracy_m)
    }

    /// The commune of a code.
    pub fn commune(&self, code: &str) -> Option<CommuneInfo> {
        self.commune_index(code).map(|index| info(&self.communes[usize::from(index)]))
    }

    /// All communes in order of their code.
    pub fn communes(&self) -> impl ExactSizeIterator<Item = CommuneInfo> {
        self.communes.iter().map(info)
    }

    /// Whether any part of a cell may lie in the commune, within the bundle's displacement; `None` for an unknown code.
    ///
    /// The collector asks this of a sample that came with its cell but without its point.
    pub fn cell_meets(&self, cell: &Cell, code: &str) -> Option<bool> {
        self.commune_index(code).map(|commune| meets::cell_meets(self, *cell, commune))
    }

    /// The 200 m cells whose centre lies in the commune, in order; `None` for an unknown code. Every cell is one commune's or
    /// nobody's, so the cells of neighbours do not overlap.
    pub fn cells(&self, code: &str) -> Option<Vec<Cell>> {
        self.commune_index(code).map(|commune| cells::cells(self, commune))
    }

    /// The border of the commune as lines, to be drawn; `None` for an unknown code. A stretch is an arc of the bundle or a part
    /// of one, in no order.
    pub fn outline(&self, code: &str) -> Option<Vec<Vec<Point>>> {
        self.commune_index(code).map(|commune| outline::outline(self, commune))
    }

    fn commune_index(&self, code: &str) -> Option<u16> {
        self.communes.binary_search_by(|commune| commune.code.as_str().cmp(code)).ok().map(|index| index as u16)
    }
}

fn info(commune: &StoredCommune) -> CommuneInfo {
    CommuneInfo {
        code: commune.code.clone(),
        name: commune.name.clone(),
        province: commune.province.clone(),
        province_name: gazetteer::province(&commune.province).map(|province| province.name.to_owned()),
        area_km2: commune.area_km2,
    }
}

#[cfg(all(test, feature = "build"))]
mod tests;
