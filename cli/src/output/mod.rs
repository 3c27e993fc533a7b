//! What goes to standard output, in the four formats every command that prints data has.

pub(crate) mod csv;
pub(crate) mod human;
pub(crate) mod json;
pub(crate) mod live;
pub(crate) mod words;

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use clap::ValueEnum;
use serde::Serialize;

use crate::error::{CliError, Result};

/// `--format`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(crate) enum Format {
    /// For people; not a stable format.
    #[default]
    Human,
    /// One JSON document.
    Json,
    /// One JSON document a line.
    Jsonl,
    /// A header line and a line an entry (RFC 4180).
    Csv,
}

/// Whether a stream takes colour: a terminal, and `NO_COLOR` (no-color.org) is not set.
pub(crate) fn colour_on(stream: &impl IsTerminal) -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    stream.is_terminal() && !refused && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Standard output: buffered, and a reader that went away ends the program quietly.
pub(crate) struct Out {
    writer: BufWriter<Stdout>,
}

impl Out {
    pub(crate) fn new() -> Self {
        Self { writer: BufWriter::new(io::stdout()) }
    }

    /// Writes a line.
    pub(crate) fn line(&mut self, text: impl AsRef<str>) -> Result<()> {
        self.bytes(text.as_ref().as_bytes())?;
        self.bytes(b"\n")
    }

    /// Writes bytes as they are.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.writer.write_all(bytes).map_err(|error| CliError::stdout(&error))
    }

    /// Writes a value as a line of JSON.
    pub(crate) fn json_line(&mut self, value: &impl Serialize) -> Result<()> {
        self.line(json::line(value)?)
    }

    /// Hands on what is buffered: before a wait, and at the end.
    pub(crate) fn flush(&mut self) -> Result<()> {
        self.writer.flush().map_err(|error| CliError::stdout(&error))
    }
}

/// Prints entries in a machine format: `json` as one array, `jsonl` an entry a line, `csv` with a header.
pub(crate) fn print_entries<T: Serialize>(
    out: &mut Out,
    format: Format,
    entries: &[T],
    header: &[&str],
    row: impl Fn(&T) -> Vec<String>,
) -> Result<()> {
    match format {
        Format::Json => out.json_line(&entries)?,
        Format::Jsonl => entries.iter().try_for_each(|entry| out.json_line(entry))?,
        Format::Csv | Format::Human => {
            out.bytes(&csv::line(header)?)?;
            entries.iter().try_for_each(|entry| out.bytes(&csv::line(&row(entry))?))?;
        }
    }
    out.flush()
}
