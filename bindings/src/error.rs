//! The one error of this library.

use ispeed_core::Error;
use uniffi::UnexpectedUniFFICallbackError;

/// What kept a call from doing what it was asked to. The kinds are stable, see [`error_kind`].
///
/// A bad network is no error of a run: a run over it ends as a sample with an outcome.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Error)]
pub enum IspeedError {
    /// The program is ending.
    Cancelled,
    /// No route, no name, no connection.
    NoNetwork {
        /// Host or URL.
        to: String,
        /// What the system said.
        reason: String,
    },
    /// A server answered, and not with what was asked for.
    Server {
        /// HTTP status.
        status: u16,
        /// Its own words, shortened.
        detail: String,
    },
    /// Something took longer than it may.
    Timeout {
        /// What took too long.
        phase: String,
    },
    /// The certificate of a server does not hold, or a certificate file is not one.
    Tls {
        /// What the library said.
        reason: String,
    },
    /// A file of the core cannot be read or written.
    Storage {
        /// What the database or the file system said.
        reason: String,
    },
    /// Nobody agreed to this yet.
    Consent {
        /// What would have needed it: `run`.
        needed: String,
    },
    /// The outbox holds as much as it may.
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
    Budget {
        /// Used and set aside this month.
        used_bytes: u64,
        /// The person's limit.
        limit_bytes: u64,
        /// The least a useful run needs.
        needed_bytes: u64,
    },
    /// A run is going on.
    Busy,
    /// A value from outside is not of its form.
    Input {
        /// Where it came in.
        field: String,
        /// What it holds.
        value: String,
        /// What was expected.
        expected: String,
    },
    /// There is no such sample here.
    NotFound {
        /// What was asked for.
        id: String,
    },
    /// A defect of the core.
    Internal {
        /// What was found.
        reason: String,
    },
    /// The shell's own code failed when the core called it.
    Shell {
        /// What it threw.
        reason: String,
    },
}

/// The result of every call that can fail.
pub(crate) type Result<T> = std::result::Result<T, IspeedError>;

impl From<Error> for IspeedError {
    fn from(error: Error) -> Self {
        match error {
            Error::Cancelled => Self::Cancelled,
            Error::NoNetwork { to, reason } => Self::NoNetwork { to, reason },
            Error::Server { status, detail } => Self::Server { status, detail },
            Error::Timeout { phase } => Self::Timeout { phase },
            Error::Tls { reason } => Self::Tls { reason },
            Error::Storage { reason } => Self::Storage { reason },
            Error::Consent { needed } => Self::Consent { needed: needed.to_owned() },
            Error::Full { count, bytes, max_count, max_bytes } => Self::Full { count, bytes, max_count, max_bytes },
            Error::Budget { used_bytes, limit_bytes, needed_bytes } => {
                Self::Budget { used_bytes, limit_bytes, needed_bytes }
            }
            Error::Busy => Self::Busy,
            Error::Input { field, value, expected } => Self::Input { field, value, expected },
            Error::NotFound { id } => Self::NotFound { id: id.to_string() },
            Error::Internal { reason } => Self::Internal { reason },
            // The core may gain a kind before this mirror does; its text is not lost.
            other => Self::Internal { reason: other.to_string() },
        }
    }
}

impl From<UnexpectedUniFFICallbackError> for IspeedError {
    fn from(error: UnexpectedUniFFICallbackError) -> Self {
        Self::Shell { reason: error.reason }
    }
}

impl IspeedError {
    pub(crate) fn input(field: &str, value: impl ToString, expected: &str) -> Self {
        Self::Input { field: field.to_owned(), value: value.to_string(), expected: expected.to_owned() }
    }

    /// The core's own words, with the name the kind has here.
    fn text(&self) -> String {
        match self {
            Self::Cancelled => "cancelled".to_owned(),
            Self::NoNetwork { to, reason } => format!("cannot reach {to}: {reason}"),
            Self::Server { status, detail } => format!("the server answered {status}: {detail}"),
            Self::Timeout { phase } => format!("timed out: {phase}"),
            Self::Tls { reason } => format!("TLS: {reason}"),
            Self::Storage { reason } => format!("the outbox: {reason}"),
            Self::Consent { needed } => format!("no consent to {needed} is recorded; record one first"),
            Self::Full { count, bytes, max_count, max_bytes } => {
                format!(
                    "the outbox is full: {count} samples and {bytes} bytes wait (at most {max_count} and {max_bytes})"
                )
            }
            Self::Budget { used_bytes, limit_bytes, needed_bytes } => format!(
                "the data budget is used up: {used_bytes} of {limit_bytes} bytes this month, a run needs {needed_bytes}"
            ),
            Self::Busy => "a measurement is already running".to_owned(),
            Self::Input { field, value, expected } => format!("{field} is {value:?}; expected {expected}"),
            Self::NotFound { id } => format!("there is no sample {id} in this outbox"),
            Self::Internal { reason } => format!("internal error: {reason}"),
            Self::Shell { reason } => format!("the app failed: {reason}"),
        }
    }
}

impl std::fmt::Display for IspeedError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text())
    }
}

impl std::error::Error for IspeedError {}

/// The stable name of an error's kind: what shells choose their words by, and what logs may carry.
#[uniffi::export]
pub fn error_kind(error: IspeedError) -> String {
    match error {
        IspeedError::Cancelled => "cancelled",
        IspeedError::NoNetwork { .. } => "no_network",
        IspeedError::Server { .. } => "server",
        IspeedError::Timeout { .. } => "timeout",
        IspeedError::Tls { .. } => "tls",
        IspeedError::Storage { .. } => "storage",
        IspeedError::Consent { .. } => "consent",
        IspeedError::Full { .. } => "full",
        IspeedError::Budget { .. } => "budget",
        IspeedError::Busy => "busy",
        IspeedError::Input { .. } => "input",
        IspeedError::NotFound { .. } => "not_found",
        IspeedError::Internal { .. } => "internal",
        IspeedError::Shell { .. } => "shell",
    }
    .to_owned()
}

/// One sentence in English, for a log.
#[uniffi::export]
pub fn error_text(error: IspeedError) -> String {
    error.text()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_of_the_core() -> Vec<Error> {
        let text = || "x".to_owned();
        vec![
            Error::Cancelled,
            Error::NoNetwork { to: text(), reason: text() },
            Error::Server { status: 503, detail: text() },
            Error::Timeout { phase: text() },
            Error::Tls { reason: text() },
            Error::Storage { reason: text() },
            Error::Consent { needed: "run" },
            Error::Full { count: 1, bytes: 2, max_count: 3, max_bytes: 4 },
            Error::Budget { used_bytes: 1, limit_bytes: 2, needed_bytes: 3 },
            Error::Busy,
            Error::Input { field: text(), value: text(), expected: text() },
            Error::NotFound { id: uuid::Uuid::nil() },
            Error::Internal { reason: text() },
        ]
    }

    /// Shells choose their words and logs count by these: a kind that is renamed or gone is a break of the interface.
    #[test]
    fn the_kinds_are_stable_and_the_cores() {
        let kinds: Vec<String> = all_of_the_core()
            .into_iter()
            .map(|error| {
                let kind = error.kind();
                let mirrored = error_kind(error.into());
                assert_eq!(mirrored, kind);
                mirrored
            })
            .chain([error_kind(IspeedError::from(UnexpectedUniFFICallbackError::new("it broke")))])
            .collect();
        assert_eq!(
            kinds,
            [
                "cancelled",
                "no_network",
                "server",
                "timeout",
                "tls",
                "storage",
                "consent",
                "full",
                "budget",
                "busy",
                "input",
                "not_found",
                "internal",
                "shell"
            ]
        );
    }

    #[test]
    fn the_words_are_the_cores() {
        for error in all_of_the_core() {
            let (core, ours) = (error.to_string(), IspeedError::from(error).to_string());
            assert!(core.starts_with(&ours), "{core} and {ours}");
        }
    }
}
