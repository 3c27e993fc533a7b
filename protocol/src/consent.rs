//! What the person agreed to (Law 91/2025/QH15, Decree 356/2025/NĐ-CP: explicit, provable, nothing by default).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::time::UtcMicros;

/// What of the place leaves the device.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Share {
    /// Nothing: no commune, no cell, no point.
    None,
    /// Commune code and 200 m cell, resolved on the device.
    Commune,
    /// The point as well, so that the collector can resolve it again.
    Precise,
}

/// The consent under which a sample was made; part of every sample.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Consent {
    /// Version of the text the person saw.
    pub version: String,
    /// When the choice was made.
    #[schema(value_type = String, format = DateTime)]
    pub at: UtcMicros,
    /// Run a measurement and store its result here.
    pub run: bool,
    /// What of the place may be shared.
    pub share: Share,
    /// Hand the result in to the collector.
    pub upload: bool,
}
