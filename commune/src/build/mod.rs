//! The builder: GeoJSON in, bundle out (feature `build`).
//!
//! 1. `input` reads features onto the integer plane.
//! 2. `edges` and `noding` make one set of edges that meet at their ends only.
//! 3. `faces` and `partition` find holes and overlaps, give each place to one commune and chain what is left into arcs: each
//!    border between two neighbours exists once.
//! 4. `simplify` and `repair` thin the arcs out within a tolerance without changing the topology.
//! 5. `encode` writes the bundle.

mod arcs;
mod check;
mod edges;
mod encode;
mod faces;
mod input;
mod noding;
mod partition;
mod repair;
mod simplify;

use std::io::BufRead;

use serde::Serialize;
use thiserror::Error;

use crate::bundle::format::MAX_COMMUNES;
use crate::plane::Metric;
use crate::{Boundaries, BundleError, Point};

/// Points of each chord at which its distance from the source is taken for the report.
const DISPLACEMENT_SAMPLES: u32 = 8;

/// What to write into a bundle and how closely to follow the source.
#[derive(Debug, Clone, PartialEq)]
pub struct BuildOptions {
    /// Name of the table, such as `vn-communes`; stored with every sample placed by it.
    pub table: String,
    /// First day (ISO 8601, `2026-04-30`) on which the table is valid.
    pub valid_from: String,
    /// Where the borders come from, with the licence.
    pub source: String,
    /// Most metres a border may be moved, 2 to 10.
    pub tolerance_m: f64,
}

impl BuildOptions {
    /// Tolerance in metres where nobody asks for another: about a third of what a phone's fix is off by in the open, and
    /// the country then fits in 2 MB.
    pub const DEFAULT_TOLERANCE_M: f64 = 6.0;
}

impl Default for BuildOptions {
    fn default() -> Self {
        Self {
            table: "communes".to_owned(),
            valid_from: "1970-01-01".to_owned(),
            source: "unknown".to_owned(),
            tolerance_m: Self::DEFAULT_TOLERANCE_M,
        }
    }
}

/// What the builder did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BuildReport {
    /// Communes in the bundle.
    pub communes: usize,
    /// Vertices in the source.
    pub source_vertices: usize,
    /// Vertices in the bundle; a shared border counts once.
    pub vertices: usize,
    /// Arcs: stretches of border between the same two communes.
    pub arcs: usize,
    /// Bytes of the bundle.
    pub bytes: usize,
    /// No border of the source is further than this many metres from the bundle's, nor the other way round. Stored.
    pub displacement_m: f64,
    /// Largest distance in metres found from a vertex of the source to the bundle's border.
    pub source_to_bundle_m: f64,
    /// Largest distance in metres found from the bundle's border, at eight points of each segment, to the source's.
    pub bundle_to_source_m: f64,
    /// Places where more of the source was kept so that borders do not cross, collapse or change sides.
    pub repaired: usize,
    /// What was found wrong in the source.
    pub check: CheckReport,
}

/// What is wrong with a boundary file.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CheckReport {
    /// Communes read.
    pub communes: usize,
    /// Areas that belong to no commune though communes surround them, largest first.
    pub holes: Vec<Hole>,
    /// Areas that belong to more than one commune, largest first.
    pub overlaps: Vec<Overlap>,
    /// Rings that are not simple, in order of the code.
    pub invalid_rings: Vec<InvalidRing>,
}

/// An area that belongs to no commune though communes surround it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hole {
    /// Codes of the communes around it, longest shared border first.
    pub codes: Vec<String>,
    /// Area in km².
    pub area_km2: f64,
    /// A place by it.
    pub at: Point,
    /// The commune that gets it in a bundle; `None` when it is too large to be a slip of the pen and stays a hole.
    pub given_to: Option<String>,
}

/// Areas that belong to the same communes at once, added up.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Overlap {
    /// Codes of the communes that claim it, ascending.
    pub codes: Vec<String>,
    /// Area in km².
    pub area_km2: f64,
    /// A place by the first of the areas.
    pub at: Point,
    /// The commune that gets it in a bundle: the one of the smallest area, of equals the one of the lowest code.
    pub given_to: Option<String>,
}

/// A ring that is not simple.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InvalidRing {
    /// Code of the commune.
    pub code: String,
    /// What is wrong with the ring.
    pub fault: String,
    /// Area of the ring in km².
    pub area_km2: f64,
    /// First position of the ring.
    pub at: Option<Point>,
}

/// Why no bundle could be built.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The input could not be read or decompressed.
    #[error("cannot read the input: {0}")]
    Read(#[from] std::io::Error),
    /// The input is not JSON, or not of the expected shape.
    #[error("{at}: {message}")]
    Json {
        /// Line or feature.
        at: String,
        /// What the JSON reader says, with line and column within the document.
        message: String,
    },
    /// A field of the input, or an option, is not as expected.
    #[error("{at}: {field} is {found}, expected {expected}")]
    Input {
        /// Line, feature or option.
        at: String,
        /// Field at fault.
        field: String,
        /// What was found.
        found: String,
        /// What was expected.
        expected: String,
    },
    /// The borders cross in so many places that cutting them there found no end.
    #[error("borders still cross each other after {rounds} rounds of cutting them at crossings")]
    Noding {
        /// Rounds made.
        rounds: usize,
    },
    /// Simplified borders could not be kept apart.
    #[error("simplified borders could not be kept from crossing")]
    Topology,
    /// The borders are none of communes: too long or too many for a bundle to be read again.
    #[error("the bundle would not load: {0}")]
    Unloadable(#[from] BundleError),
}

impl BuildError {
    fn input(at: &str, field: &str, found: &str, expected: &str) -> Self {
        Self::Input {
            at: at.to_owned(),
            field: field.to_owned(),
            found: found.to_owned(),
            expected: expected.to_owned(),
        }
    }
}

/// Builds a bundle from a GeoJSON FeatureCollection or one Feature a line; plain, gzip and zstd are told apart by content.
///
/// A Feature is a Polygon or MultiPolygon with the commune code as `id` and the properties `code` (may be absent beside an
/// `id`), `name`, `province` and `area_km2` (computed where absent).
pub fn build(input: impl BufRead, options: &BuildOptions) -> Result<(Vec<u8>, BuildReport), BuildError> {
    check_options(options)?;
    let communes = read(input)?;
    let invalid_rings = check::invalid_rings(&communes);
    let source_vertices = communes.iter().flat_map(|commune| &commune.rings).map(|ring| ring.vertices.len()).sum();
    let partition = partition_of(&communes)?;
    let mut arcs: Vec<simplify::SimpleArc<'_>> =
        partition.arcs.iter().map(|arc| simplify::SimpleArc::new(arc, options.tolerance_m)).collect();
    let repaired = repair::repair(&partition.arcs, &mut arcs, options.tolerance_m)?;

    let (mut source_to_bundle_m, mut bundle_to_source_m) = (0.0f64, 0.0f64);
    for arc in &arcs {
        let (of_source, of_arc) = arc.displacement_m(DISPLACEMENT_SAMPLES);
        source_to_bundle_m = source_to_bundle_m.max(of_source);
        bundle_to_source_m = bundle_to_source_m.max(of_arc);
    }
    let displacement_m = source_to_bundle_m.max(bundle_to_source_m) + plane_rounding_m();
    let bundle = encode::encode(options, &communes, &arcs, displacement_m);
    Boundaries::load(&bundle)?;
    let report = BuildReport {
        communes: communes.len(),
        source_vertices,
        vertices: arcs.iter().map(|arc| arc.chords() + 1).sum(),
        arcs: arcs.len(),
        bytes: bundle.len(),
        displacement_m,
        source_to_bundle_m,
        bundle_to_source_m,
        repaired,
        check: CheckReport {
            communes: communes.len(),
            holes: partition.holes,
            overlaps: partition.overlaps,
            invalid_rings,
        },
    };
    Ok((bundle, report))
}

/// Finds holes, overlaps and invalid rings in what [`build`] reads.
pub fn check(input: impl BufRead) -> Result<CheckReport, BuildError> {
    let communes = read(input)?;
    let invalid_rings = check::invalid_rings(&communes);
    let partition = partition_of(&communes)?;
    Ok(CheckReport { communes: communes.len(), holes: partition.holes, overlaps: partition.overlaps, invalid_rings })
}

fn read(input: impl BufRead) -> Result<Vec<input::SourceCommune>, BuildError> {
    let communes = input::read(input)?;
    if communes.len() > MAX_COMMUNES {
        let found = communes.len().to_string();
        return Err(BuildError::input("input", "features", &found, &format!("at most {MAX_COMMUNES}")));
    }
    Ok(communes)
}

fn partition_of(communes: &[input::SourceCommune]) -> Result<partition::Partition, BuildError> {
    let mut sets = edges::Sets::new();
    let edges = edges::edges_of(communes, &mut sets);
    let edges = noding::node(edges, &mut sets)?;
    Ok(partition::partition(communes, &edges, &mut sets))
}

/// Metres a position may move when it is rounded to the plane: half a diagonal of it, once for the source's position and
/// once for a crossing.
fn plane_rounding_m() -> f64 {
    let metric = Metric::at(0.0);
    metric.x_m.hypot(metric.y_m)
}

fn check_options(options: &BuildOptions) -> Result<(), BuildError> {
    let is_date = options.valid_from.len() == 10
        && options.valid_from.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if !is_date {
        return Err(BuildError::input(
            "options",
            "valid_from",
            &format!("{:?}", options.valid_from),
            "a date such as 2026-04-30",
        ));
    }
    if options.table.is_empty() || options.table.contains(['@', '#']) || options.table.chars().any(char::is_control) {
        let expected = "a name without @, # and control characters";
        return Err(BuildError::input("options", "table", &format!("{:?}", options.table), expected));
    }
    if !(2.0..=10.0).contains(&options.tolerance_m) {
        return Err(BuildError::input("options", "tolerance_m", &options.tolerance_m.to_string(), "2 to 10 metres"));
    }
    Ok(())
}
