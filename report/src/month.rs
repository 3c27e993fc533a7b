//! A computed month: what is said of communes, provinces and the nation.

use std::collections::BTreeMap;

use ispeed_protocol::{Month, UtcMicros};

use crate::figure::Figure;
use crate::statements::{Ranking, SharingCandidate, TargetStatement, WeakCell};

/// Samples that do not count, by reason code. A sample with several reasons stands under each of them, so the sum may be
/// more than the figure [`crate::Metric::Excluded`].
pub type Exclusions = BTreeMap<String, u64>;

/// A commune's month.
#[derive(Clone, PartialEq, Debug)]
pub struct CommuneMonth {
    /// Code.
    pub code: String,
    /// Sorted by (group, metric): look up with [`crate::Figures`].
    pub figures: Vec<Figure>,
    /// Samples that do not count, by reason.
    pub exclusions: Exclusions,
    /// The public set shows hour and device number: there are enough devices.
    pub devices_public: bool,
    /// By cell, operator. Only for the sealed set and the commune's own report: cells are published with five devices.
    pub weak_cells: Vec<WeakCell>,
    /// By cell.
    pub sharing: Vec<SharingCandidate>,
    /// Targets, by operator within technology.
    pub targets: Vec<TargetStatement>,
    /// Operators against each other: by technology, metric.
    pub rankings: Vec<Ranking>,
}

/// A province's month with its communes.
#[derive(Clone, PartialEq, Debug)]
pub struct ProvinceMonth {
    /// Code.
    pub code: String,
    /// Figures of the province level, sorted.
    pub figures: Vec<Figure>,
    /// Samples that do not count, by reason.
    pub exclusions: Exclusions,
    /// Targets.
    pub targets: Vec<TargetStatement>,
    /// Operators against each other.
    pub rankings: Vec<Ranking>,
    /// Every commune of the province, also those without a sample, by code.
    pub communes: Vec<CommuneMonth>,
}

/// The nation's month. Of a close of one province it holds what was pushed, and is not printed.
#[derive(Clone, PartialEq, Debug)]
pub struct NationMonth {
    /// Figures of the nation level, sorted.
    pub figures: Vec<Figure>,
    /// Samples that do not count, by reason; those that lie in no commune included.
    pub exclusions: Exclusions,
    /// Of these, samples that lie in no commune of the table, by reason.
    pub unplaced: Exclusions,
    /// Targets.
    pub targets: Vec<TargetStatement>,
    /// Operators against each other.
    pub rankings: Vec<Ranking>,
    /// When the newest sample came in: the "as of" of the documents.
    pub newest_received_at: Option<UtcMicros>,
}

/// What was wrong with the samples handed over.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MonthError {
    /// Not of the month.
    #[error("sample {id} began in {found}, not in {month}; ask the store for the samples of one month")]
    WrongMonth {
        /// Sample.
        id: uuid::Uuid,
        /// Its month.
        found: Month,
        /// The month computed.
        month: Month,
    },
    /// Not in the order of [`crate::MonthSample::order`], or twice.
    #[error("sample {id} is out of order or came twice; expected samples by province, commune, id, each once")]
    OutOfOrder {
        /// Sample.
        id: uuid::Uuid,
    },
    /// A province was left before it was finished, or finished twice, or is not in the table.
    #[error("province {code:?} cannot be finished now; expected {expected:?}")]
    ProvinceOrder {
        /// The province asked for.
        code: String,
        /// The next of the table.
        expected: Option<String>,
    },
    /// A commune stands twice in the table.
    #[error("commune {code} stands twice in the table of places; expected each code once")]
    PlaceTwice {
        /// Commune.
        code: String,
    },
    /// A member of the settings.
    #[error("settings: {0}")]
    Settings(String),
    /// Too many devices or cells for a table (2^32).
    #[error("more than 4,294,967,294 devices or cells in a month")]
    TooMany,
}

/// Reason under which a sample stands whose commune is not in the table of the close.
pub const COMMUNE_UNKNOWN: &str = "commune_not_in_table";
/// Reason under which a sample stands that came in after the cut-off (the verdict's own code of it).
pub const LATE: &str = "late";
