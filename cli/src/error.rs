//! What the program tells a person when it cannot do what was asked: one line with cause and remedy.

use std::fmt::Display;
use std::io;

/// The end of a command that did not do what was asked.
#[derive(Debug)]
pub(crate) enum CliError {
    /// The command line asks for something that cannot be; exit code 2.
    Usage {
        /// What is wrong.
        cause: String,
        /// What to do.
        remedy: String,
    },
    /// The program failed; exit code 1.
    Failed {
        /// What is wrong.
        cause: String,
        /// What to do.
        remedy: String,
    },
    /// Everything is said already, on standard output; exit code 1.
    Told,
    /// The reader of standard output went away (`| head`): nobody is left to tell; exit code 0.
    ReaderGone,
}

/// Result of anything in this program.
pub(crate) type Result<T> = std::result::Result<T, CliError>;

impl CliError {
    pub(crate) fn usage(cause: impl Display, remedy: impl Display) -> Self {
        Self::Usage { cause: cause.to_string(), remedy: remedy.to_string() }
    }

    pub(crate) fn failed(cause: impl Display, remedy: impl Display) -> Self {
        Self::Failed { cause: cause.to_string(), remedy: remedy.to_string() }
    }

    /// For standard output: a closed pipe is the reader's choice, everything else a failure.
    pub(crate) fn stdout(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::ReaderGone
        } else {
            Self::failed(format_args!("cannot write to standard output: {error}"), "check where it is directed to")
        }
    }

    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage { .. } => 2,
            Self::Failed { .. } | Self::Told => 1,
            Self::ReaderGone => 0,
        }
    }

    /// The line for standard error.
    pub(crate) fn line(&self) -> Option<String> {
        let (cause, remedy) = match self {
            Self::Usage { cause, remedy } | Self::Failed { cause, remedy } => (cause, remedy),
            Self::Told | Self::ReaderGone => return None,
        };
        let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        Some(format!("ispeed: {}; {}", one_line(cause), one_line(remedy)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_with_cause_and_remedy() {
        let error = CliError::failed("the server\n answered 503", "try again later");
        assert_eq!(error.line().unwrap(), "ispeed: the server answered 503; try again later");
        assert_eq!(error.exit_code(), 1);
        assert_eq!(CliError::usage("a", "b").exit_code(), 2);
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        let closed = CliError::stdout(&io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!((closed.exit_code(), closed.line()), (0, None));
        assert_eq!(CliError::stdout(&io::Error::from(io::ErrorKind::StorageFull)).exit_code(), 1);
    }
}
