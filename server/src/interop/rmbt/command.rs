//! Lines from the client.

use std::str::FromStr;

use thiserror::Error;

use super::limits::{CHUNK_MAX_BYTES, CHUNK_MIN_BYTES, GETCHUNKS_MAX_BYTES, GETTIME_SECONDS_MAX};

/// What the server accepts after the token, as the client reads it.
pub(super) const ACCEPT: &str = "ACCEPT GETCHUNKS GETTIME PUT PUTNORESULT PING QUIT";

/// Characters of a wrong line that its error repeats.
const QUOTED_MAX_CHARS: usize = 40;

/// A command with its arguments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Command {
    /// Chunks for so long.
    GetTime { seconds: u32, chunk_bytes: usize },
    /// So many chunks.
    GetChunks { chunks: u64, chunk_bytes: usize },
    /// Chunks from the client, with reports under way or without.
    Put { chunk_bytes: usize, reports: bool },
    /// One exchange of short lines.
    Ping,
    /// The end.
    Quit,
}

impl Command {
    /// Size of its chunks, if it has any.
    pub(super) fn chunk_bytes(self) -> Option<usize> {
        match self {
            Self::GetTime { chunk_bytes, .. } | Self::GetChunks { chunk_bytes, .. } | Self::Put { chunk_bytes, .. } => {
                Some(chunk_bytes)
            }
            Self::Ping | Self::Quit => None,
        }
    }
}

/// A line that is no command.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub(super) enum BadCommand {
    #[error("command \"{0}\"; expected GETCHUNKS, GETTIME, PUT, PUTNORESULT, PING or QUIT")]
    Name(String),
    #[error("{command}: {name} \"{found}\"; expected a whole number from {min} to {max}")]
    Number { command: &'static str, name: &'static str, found: String, min: u64, max: u64 },
    #[error("{command}: {found} arguments; expected {expected}")]
    Arguments { command: &'static str, found: usize, expected: &'static str },
    #[error("GETCHUNKS: {0} bytes in all; expected at most {GETCHUNKS_MAX_BYTES}")]
    Bytes(u64),
}

/// Reads a line; `chunk_bytes` is the size of chunks when the command names none.
pub(super) fn parse(line: &str, chunk_bytes: usize) -> Result<Command, BadCommand> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let (name, arguments) = words.split_first().unwrap_or((&"", &[]));
    match (*name, arguments) {
        ("GETTIME", [seconds]) => get_time(seconds, chunk_bytes),
        ("GETTIME", [seconds, size]) => get_time(seconds, chunk_size("GETTIME", size)?),
        ("GETTIME", _) => Err(arguments_of("GETTIME", arguments, "seconds and perhaps a chunk size")),
        ("GETCHUNKS", [chunks]) => get_chunks(chunks, chunk_bytes),
        ("GETCHUNKS", [chunks, size]) => get_chunks(chunks, chunk_size("GETCHUNKS", size)?),
        ("GETCHUNKS", _) => Err(arguments_of("GETCHUNKS", arguments, "chunks and perhaps a chunk size")),
        ("PUT", arguments) => put("PUT", arguments, chunk_bytes),
        ("PUTNORESULT", arguments) => put("PUTNORESULT", arguments, chunk_bytes),
        ("PING", []) => Ok(Command::Ping),
        ("PING", _) => Err(arguments_of("PING", arguments, "none")),
        ("QUIT", []) => Ok(Command::Quit),
        ("QUIT", _) => Err(arguments_of("QUIT", arguments, "none")),
        _ => Err(BadCommand::Name(quoted(line))),
    }
}

fn get_time(seconds: &str, chunk_bytes: usize) -> Result<Command, BadCommand> {
    let seconds = number("GETTIME", "seconds", seconds, 1, u64::from(GETTIME_SECONDS_MAX))?;
    Ok(Command::GetTime { seconds, chunk_bytes })
}

fn get_chunks(chunks: &str, chunk_bytes: usize) -> Result<Command, BadCommand> {
    let max = GETCHUNKS_MAX_BYTES / CHUNK_MIN_BYTES as u64;
    let chunks: u64 = number("GETCHUNKS", "chunks", chunks, 1, max)?;
    let bytes = chunks * chunk_bytes as u64;
    if bytes > GETCHUNKS_MAX_BYTES {
        Err(BadCommand::Bytes(bytes))
    } else {
        Ok(Command::GetChunks { chunks, chunk_bytes })
    }
}

fn put(command: &'static str, arguments: &[&str], chunk_bytes: usize) -> Result<Command, BadCommand> {
    let chunk_bytes = match arguments {
        [] => chunk_bytes,
        [size] => chunk_size(command, size)?,
        _ => return Err(arguments_of(command, arguments, "perhaps a chunk size")),
    };
    Ok(Command::Put { chunk_bytes, reports: command == "PUT" })
}

fn chunk_size(command: &'static str, text: &str) -> Result<usize, BadCommand> {
    number(command, "chunk size", text, CHUNK_MIN_BYTES as u64, CHUNK_MAX_BYTES as u64)
}

fn number<N: FromStr + TryFrom<u64>>(
    command: &'static str,
    name: &'static str,
    text: &str,
    min: u64,
    max: u64,
) -> Result<N, BadCommand> {
    let read = text.parse::<u64>().ok().filter(|n| (min..=max).contains(n)).and_then(|n| N::try_from(n).ok());
    read.ok_or_else(|| BadCommand::Number { command, name, found: quoted(text), min, max })
}

fn arguments_of(command: &'static str, arguments: &[&str], expected: &'static str) -> BadCommand {
    BadCommand::Arguments { command, found: arguments.len(), expected }
}

/// The beginning of what the client sent, short and plain enough for one line of an error.
pub(super) fn quoted(text: &str) -> String {
    text.chars().take(QUOTED_MAX_CHARS).flat_map(char::escape_default).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_with_and_without_a_chunk_size() {
        let read = |line| parse(line, 5_000).unwrap();
        assert_eq!(read("GETTIME 7 65536"), Command::GetTime { seconds: 7, chunk_bytes: 65_536 });
        assert_eq!(read("GETTIME 30"), Command::GetTime { seconds: 30, chunk_bytes: 5_000 });
        assert_eq!(read("GETCHUNKS 8 4194304"), Command::GetChunks { chunks: 8, chunk_bytes: 4_194_304 });
        assert_eq!(read("GETCHUNKS 1"), Command::GetChunks { chunks: 1, chunk_bytes: 5_000 });
        assert_eq!(read("PUT"), Command::Put { chunk_bytes: 5_000, reports: true });
        assert_eq!(read("PUTNORESULT 4096"), Command::Put { chunk_bytes: 4_096, reports: false });
        assert_eq!((read("PING"), read("QUIT")), (Command::Ping, Command::Quit));
    }

    #[test]
    fn an_error_names_the_argument_the_value_and_what_was_expected() {
        let told = |line| parse(line, 4_096).unwrap_err().to_string();
        assert_eq!(told("GETTIME 31"), r#"GETTIME: seconds "31"; expected a whole number from 1 to 30"#);
        for (line, named) in [
            ("", r#"command """#),
            ("getchunks 1", r#"command "getchunks 1""#),
            ("GETTIME", "GETTIME: 0 arguments"),
            ("GETTIME 1 4096 1", "GETTIME: 3 arguments"),
            ("GETTIME 0", r#"seconds "0""#),
            ("GETTIME -1", r#"seconds "-1""#),
            ("GETTIME 7 4095", r#"chunk size "4095""#),
            ("GETTIME 7 4194305", r#"chunk size "4194305""#),
            ("GETCHUNKS 0", r#"chunks "0""#),
            ("GETCHUNKS 99999999999999999999", r#"chunks "99999999999999999999""#),
            ("GETCHUNKS 65 4194304", "272629760 bytes"),
            ("PUT 1 2", "PUT: 2 arguments"),
            ("PUTNORESULT x", r#"PUTNORESULT: chunk size "x""#),
            ("PING 1", "PING: 1 arguments"),
            ("QUIT now", "QUIT: 1 arguments"),
            ("\u{1b}[2J", r#"command "\u{1b}[2J""#),
        ] {
            let error = told(line);
            assert!(error.contains(named) && error.contains("; expected "), "{line}: {error}");
            assert!(error.is_ascii() && !error.contains('\n'), "{error}");
        }
        let long = told(&"é".repeat(500));
        assert!(long.len() < 400 && long.is_ascii(), "{long}");
    }
}
