//! What those who close a month and those who make its documents hand each other.

use ispeed_protocol::{Month, UtcMicros};

use crate::Settings;

/// What all documents of a closed month have in common.
#[derive(Clone, Copy, Debug)]
pub struct MonthHead<'a> {
    /// Month.
    pub month: Month,
    /// Version of the closed month; 0 of a provisional one.
    pub version: u32,
    /// The month was still going on.
    pub provisional: bool,
    /// Samples are made up.
    pub made_up: bool,
    /// Table of communes; `None` without borders.
    pub boundaries: Option<&'a str>,
    /// Hash of the frozen set.
    pub set_sha256: &'a str,
    /// When the newest sample came in.
    pub as_of: Option<UtcMicros>,
    /// The last instant at which a sample was in time.
    pub cut_off: UtcMicros,
    /// Program and version.
    pub program: &'a str,
    /// What the figures were computed with.
    pub settings: &'a Settings,
}

/// A document of a month.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MonthFile {
    /// Path below the folder of documents, such as `75/bao-cao.xlsx`.
    pub path: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}
