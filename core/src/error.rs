//! The one error of this crate. Kinds are stable: shells and scripts decide by [`Error::kind`], people read the text.

use thiserror::Error;
use uuid::Uuid;

/// What kept a call from doing what it was asked to.
///
/// A bad network is no error: a run over it ends as a sample with an outcome. These are the cases in which there is
/// no sample, or no answer to a question.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The program is ending: the runtime was shut down before the work began.
    #[error("cancelled")]
    Cancelled,
    /// No route, no name, no connection.
    #[error("cannot reach {to}: {reason}")]
    NoNetwork {
        /// Host or URL.
        to: String,
        /// What the system said.
        reason: String,
    },
    /// A server answered, and not with what was asked for.
    #[error("the server answered {status}: {detail}")]
    Server {
        /// HTTP status.
        status: u16,
        /// Its problem text, shortened.
        detail: String,
    },
    /// Something took longer than it may.
    #[error("timed out: {phase}")]
    Timeout {
        /// What took too long.
        phase: String,
    },
    /// The certificate of a server does not hold, or a certificate file is not one.
    #[error("TLS: {reason}")]
    Tls {
        /// What the library said.
        reason: String,
    },
    /// The outbox file cannot be read or written.
    #[error("the outbox: {reason}")]
    Storage {
        /// What the database or the file system said.
        reason: String,
    },
    /// Nobody agreed to this yet.
    #[error("no consent to {needed} is recorded; record one first")]
    Consent {
        /// What would have needed it: `run`.
        needed: &'static str,
    },
    /// The outbox holds as much as it may; nothing was dropped, and no new run begins.
    #[error(
        "the outbox is full: {count} samples and {bytes} bytes wait (at most {max_count} and {max_bytes}); \
         send them, or export and delete some, then measure again"
    )]
    Full {
        /// Samples that are not sent.
        count: u64,
        /// Bytes of their bodies.
        bytes: u64,
        /// Most samples kept unsent.
        max_count: u64,
        /// Most bytes kept unsent.
        max_bytes: u64,
    },
    /// The data budget of the month leaves too little for a run.
    #[error("the data budget is used up: {used_bytes} of {limit_bytes} bytes this month, a run needs {needed_bytes}")]
    Budget {
        /// Used and reserved this month.
        used_bytes: u64,
        /// The person's limit.
        limit_bytes: u64,
        /// The least a useful run needs.
        needed_bytes: u64,
    },
    /// A run is going on; two at once would measure each other.
    #[error("a measurement is already running")]
    Busy,
    /// A value from outside is not of its form.
    #[error("{field} is {value:?}; expected {expected}")]
    Input {
        /// Where it came in.
        field: String,
        /// What it holds.
        value: String,
        /// What was expected.
        expected: String,
    },
    /// There is no such sample here.
    #[error("there is no sample {id} in this outbox")]
    NotFound {
        /// What was asked for.
        id: Uuid,
    },
    /// A defect of this program.
    #[error("internal error: {reason}")]
    Internal {
        /// What was found.
        reason: String,
    },
}

impl Error {
    /// The stable kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::NoNetwork { .. } => "no_network",
            Self::Server { .. } => "server",
            Self::Timeout { .. } => "timeout",
            Self::Tls { .. } => "tls",
            Self::Storage { .. } => "storage",
            Self::Consent { .. } => "consent",
            Self::Full { .. } => "full",
            Self::Budget { .. } => "budget",
            Self::Busy => "busy",
            Self::Input { .. } => "input",
            Self::NotFound { .. } => "not_found",
            Self::Internal { .. } => "internal",
        }
    }

    pub(crate) fn storage(error: impl std::fmt::Display) -> Self {
        Self::Storage { reason: error.to_string() }
    }

    pub(crate) fn internal(error: impl std::fmt::Display) -> Self {
        Self::Internal { reason: error.to_string() }
    }

    pub(crate) fn input(field: impl Into<String>, value: impl ToString, expected: impl Into<String>) -> Self {
        Self::Input { field: field.into(), value: value.to_string(), expected: expected.into() }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::storage(error)
    }
}

/// `Result` with this crate's error.
pub type Result<T> = std::result::Result<T, Error>;
