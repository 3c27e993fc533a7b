//! The places a month is computed for.

use serde::{Deserialize, Serialize};

/// A commune of the boundary table that was in force at the end of the month. Codes are texts, names are display only.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Place {
    /// Five digits.
    pub code: String,
    /// Full name with its type, such as `Xã Lộc Thạnh`.
    pub name: String,
    /// Two digits.
    pub province_code: String,
    /// Full name of the province.
    pub province_name: String,
    /// Area, where the boundary table has it.
    pub area_km2: Option<f64>,
}
