//! Why a bundle could not be read.

use thiserror::Error;

/// Why a bundle could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The bytes are no bundle at all.
    #[error("not an ispeed boundary bundle: it begins with \"{found}\", expected \"{expected}\"")]
    Foreign {
        /// First bytes found, escaped.
        found: String,
        /// First bytes of every bundle, escaped.
        expected: String,
    },
    /// A bundle of another format version.
    #[error("bundle format is {found}, this program reads {supported}")]
    Version {
        /// Version found.
        found: u16,
        /// The version this program reads.
        supported: u16,
    },
    /// Fewer or more bytes than the header announces: a broken download.
    #[error("bundle is {found} bytes long, expected {expected}: it was cut off or something was added to it")]
    Length {
        /// Bytes found.
        found: u64,
        /// Bytes expected.
        expected: u64,
    },
    /// The bytes are not those that were written.
    #[error("bundle is corrupt: its SHA-256 is {found}, expected {expected}")]
    Checksum {
        /// SHA-256 of the bytes found, hexadecimal.
        found: String,
        /// SHA-256 written in the bundle, hexadecimal.
        expected: String,
    },
    /// The checksum holds but the content makes no sense: a faulty writer.
    #[error("bundle is malformed: {field} is {found}")]
    Malformed {
        /// The part at fault.
        field: String,
        /// What was found there, and what was expected.
        found: String,
    },
}

impl BundleError {
    pub(super) fn malformed(field: &str, found: &str) -> Self {
        Self::Malformed { field: field.to_owned(), found: found.to_owned() }
    }

    pub(super) fn ends_in(field: &str) -> Self {
        Self::malformed(field, "cut off")
    }
}
