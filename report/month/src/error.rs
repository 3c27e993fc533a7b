//! Why a month was not closed, revised or found right: one line each, with the remedy apart.

use std::io;
use std::path::{Path, PathBuf};

use ispeed_protocol::{Month, UtcMicros};
use thiserror::Error;

/// Why a month was not closed, revised or read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MonthError {
    /// The month is still going on, or late uploads are still taken.
    #[error("month {month} takes samples until {until}, now is {now}")]
    NotOver {
        /// Month asked for.
        month: Month,
        /// First instant at which it can be closed.
        until: UtcMicros,
        /// Now.
        now: UtcMicros,
    },
    /// There is nothing to revise.
    #[error("month {month} of {scope} was never closed here")]
    NeverClosed {
        /// Month.
        month: Month,
        /// `VN` or the code of a province.
        scope: String,
    },
    /// The folder of version n is not the one that was closed.
    #[error("{folder} holds manifest {found}; version {version} of month {month} was closed with {expected}")]
    OtherFolder {
        /// Folder given.
        folder: PathBuf,
        /// Hash of its manifest.
        found: String,
        /// Month.
        month: Month,
        /// Version that is to be revised.
        version: u32,
        /// Hash in the closed record.
        expected: String,
    },
    /// The list of differences needs the version before.
    #[error("the next version lists what differs from version {version} of month {month}, whose folder is not named")]
    NeedsPrevious {
        /// Month.
        month: Month,
        /// Version before.
        version: u32,
    },
    /// Samples of the frozen set are gone.
    #[error("{missing} of the {frozen} samples of the closed month {month} were deleted since")]
    Deleted {
        /// Month.
        month: Month,
        /// Samples frozen.
        frozen: u64,
        /// Samples that are no longer there.
        missing: u64,
    },
    /// The frozen set is of the same size and not the same.
    #[error(
        "the frozen samples of month {month} changed since it was closed: their hash is {found}, it was {expected}"
    )]
    Changed {
        /// Month.
        month: Month,
        /// Hash now.
        found: String,
        /// Hash in the closed record.
        expected: String,
    },
    /// Closed with other inputs than those given now.
    #[error("month {month} was closed with {what} {closed}, this run has {given}")]
    OtherInput {
        /// Month.
        month: Month,
        /// What differs.
        what: &'static str,
        /// As closed.
        closed: String,
        /// As given.
        given: String,
    },
    /// The same inputs give other bytes: another build.
    #[error("this program makes manifest {found} of the closed month {month}, it was {expected}")]
    OtherOutput {
        /// Month.
        month: Month,
        /// Hash now.
        found: String,
        /// Hash in the closed record.
        expected: String,
    },
    /// Somebody else closed it while this run went on.
    #[error("month {month} of {scope} was closed by another run meanwhile")]
    Raced {
        /// Month.
        month: Month,
        /// `VN` or the code of a province.
        scope: String,
    },
    /// The folder to write is there and holds something else.
    #[error("{0} is there and holds something else")]
    OutTaken(PathBuf),
    /// The store failed.
    #[error("the store failed: {0}")]
    Store(String),
    /// The store broke its word on order.
    #[error("the store handed out sample {0} out of order")]
    OutOfOrder(uuid::Uuid),
    /// A record of the store cannot be read.
    #[error("the record {key} of the store is not one of a closed month: {cause}")]
    Record {
        /// Its key.
        key: String,
        /// Why.
        cause: String,
    },
    /// A document could not be made.
    #[error("{0}")]
    Document(String),
    /// The figures could not be computed.
    #[error(transparent)]
    Compute(ispeed_report::MonthError),
    /// A thread died.
    #[error("the computation was given up: it panicked")]
    Panicked,
    /// The disk said no.
    #[error("cannot {what} {path}: {source}")]
    Io {
        /// Verb: `read`, `write`, `make`.
        what: &'static str,
        /// File or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("{file}: {cause}")]
    Malformed {
        /// File, by its name in the folder.
        file: String,
        /// What is wrong.
        cause: String,
    },
    /// The columns could not be written or read.
    #[error("{file}: {source}")]
    Parquet {
        /// File.
        file: String,
        /// Why.
        source: parquet::errors::ParquetError,
    },
    /// A figure is no text that can be signed.
    #[error(transparent)]
    Signature(#[from] ispeed_protocol::signing::SignatureError),
}

impl MonthError {
    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::NotOver { .. } => "wait, or add --provisional for figures that are marked so and not recorded",
            Self::NeverClosed { .. } => "`ispeed month close` makes version 1",
            Self::NeedsPrevious { .. } => "name the folder that was published with --previous DIR",
            Self::OtherFolder { .. } => "give the folder that was published, unchanged, with --previous",
            Self::Deleted { .. } | Self::Changed { .. } => {
                "the published folder stands and still verifies; `ispeed month revise` makes the next version with a list of differences"
            }
            Self::OtherInput { .. } => "give the same, or make the next version with `ispeed month revise`",
            Self::OtherOutput { .. } => {
                "use the version of the program that closed it, or make the next version with `ispeed month revise`"
            }
            Self::Raced { .. } => "run it again: it will give that month",
            Self::OutTaken(_) => "name another folder with --out, or move this one away",
            Self::Store(_) => "nothing was written; run it again when the database answers",
            Self::OutOfOrder(_) | Self::Compute(_) | Self::Panicked => "this is a defect of the program: report it",
            Self::Record { .. } => "restore the database from a backup",
            Self::Document(_) => "mend the template or leave out --template; nothing was written",
            Self::Io { .. } => "check the folder, its rights and the free space; nothing half-written was left",
            Self::Malformed { .. } | Self::Parquet { .. } => "get the folder again from where it was published",
            Self::Signature(_) => "this is a defect of the program: report it",
        }
    }

    pub(crate) fn io<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + use<'a> {
        move |source| Self::Io { what, path: path.to_owned(), source }
    }

    pub(crate) fn malformed(file: &str, cause: impl Into<String>) -> Self {
        Self::Malformed { file: file.to_owned(), cause: cause.into() }
    }
}

/// Result of anything here.
pub(crate) type Result<T> = std::result::Result<T, MonthError>;
