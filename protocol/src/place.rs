//! Where a sample was taken: the position as the machine gave it, and the commune it was resolved to.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::time::UtcMicros;

/// How sure the commune is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlaceVerdict {
    /// The whole circle of doubt lies in one commune.
    Certain,
    /// The circle of doubt crosses a border; `candidates` lists the communes it touches, most likely first.
    Ambiguous,
    /// Outside every commune; `candidates` holds the nearest one with its distance.
    Outside,
    /// Resolved with the gazetteer of centres only: a guess, never counted.
    Approximate,
    /// There was no position to resolve.
    Unknown,
}

/// A commune a position may lie in.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Candidate {
    /// Five-digit commune code, as text.
    pub code: String,
    /// Metres to the commune: 0 where the point lies inside it.
    pub distance_m: f64,
}

/// The commune of a position and its doubt.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Place {
    /// How sure.
    pub verdict: PlaceVerdict,
    /// Commune code the sample is tagged with: set when `certain` or `approximate`, and the likeliest one when
    /// `ambiguous`; `null` when outside or unknown.
    pub code: Option<String>,
    /// Communes in question, likeliest first. One entry when certain.
    #[serde(default)]
    pub candidates: Vec<Candidate>,
    /// Metres to the nearest border of the commune; `null` when not known (gazetteer).
    pub border_m: Option<f64>,
    /// Version of the boundary table or gazetteer that answered, `name@valid-from#checksum`.
    pub table: Option<String>,
}

impl Place {
    /// The place of a sample that has no position.
    pub fn unknown() -> Self {
        Self { verdict: PlaceVerdict::Unknown, code: None, candidates: Vec::new(), border_m: None, table: None }
    }
}

/// A commune's code: five digits, as text.
pub fn is_commune_code(code: &str) -> bool {
    code.len() == 5 && code.bytes().all(|b| b.is_ascii_digit())
}

/// Where a position came from.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FixSource {
    /// A GNSS receiver.
    Gnss,
    /// The platform's fusion of GNSS, cells and Wi-Fi.
    Fused,
    /// Cells or Wi-Fi only.
    Network,
    /// Typed by a person (`--at`): never counts.
    Declared,
    /// Made up by the demo: counts in the demo's own database only.
    Simulated,
    /// The platform did not say.
    Unknown,
}

/// One position fix.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Fix {
    /// Latitude, degrees north (WGS 84). `null` unless the person agreed to share the precise position.
    #[serde(default)]
    pub lat: Option<f64>,
    /// Longitude, degrees east (WGS 84). `null` unless the person agreed to share the precise position.
    #[serde(default)]
    pub lon: Option<f64>,
    /// Radius in metres that holds the true position with 68 % (Android's and iOS's definition).
    #[serde(default)]
    pub accuracy_m: Option<f64>,
    /// When the fix was taken.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<UtcMicros>,
    /// Age of the fix in milliseconds when the sample used it.
    #[serde(default)]
    pub age_ms: Option<u64>,
    /// Speed over ground in metres a second.
    #[serde(default)]
    pub speed_mps: Option<f64>,
    /// Altitude in metres above the ellipsoid.
    #[serde(default)]
    pub altitude_m: Option<f64>,
    /// The platform says the position is mocked; `null` where it cannot tell.
    #[serde(default)]
    pub mock: Option<bool>,
    /// Where the fix came from.
    pub source: FixSource,
}

impl Fix {
    /// The fix without its point: what leaves the device when only the commune is shared.
    #[must_use]
    pub fn without_point(&self) -> Self {
        Self { lat: None, lon: None, altitude_m: None, ..self.clone() }
    }
}

/// Fixes taken at the start, between the directions and at the end of a run.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Fixes {
    /// At the start.
    #[serde(default)]
    pub start: Option<Fix>,
    /// Between download and upload.
    #[serde(default)]
    pub mid: Option<Fix>,
    /// At the end.
    #[serde(default)]
    pub end: Option<Fix>,
}

impl Fixes {
    /// The three fixes that exist, in order of time.
    pub fn iter(&self) -> impl Iterator<Item = &Fix> {
        [&self.start, &self.mid, &self.end].into_iter().flatten()
    }
}
