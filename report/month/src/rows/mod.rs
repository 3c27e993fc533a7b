//! The two tables of samples: public, with what tells little of a person left out, and sealed, with everything but the device's id.
//!
//! Their columns are listed in MONTH.md.

mod facts;
mod public;
mod sealed;

use std::path::Path;

use parquet::errors::Result as ParquetResult;

pub use self::facts::Facts;
pub use self::public::PublicRow;
pub use self::sealed::SealedRow;
use crate::error::{MonthError, Result};
use crate::table::{ColumnSpec, Group, Row, TableReader, TableWriter, Value};

/// The public table in the folder.
pub(crate) const PUBLIC_FILE: &str = "samples.parquet";
/// The sealed one.
pub(crate) const SEALED_FILE: &str = "sealed/samples.parquet";

fn columns(head: &[ColumnSpec]) -> Vec<ColumnSpec> {
    [head, &facts::COLUMNS].concat()
}

/// Writes one of the tables.
pub(crate) struct RowWriter {
    file: &'static str,
    table: TableWriter,
}

impl RowWriter {
    fn create(folder: &Path, file: &'static str, head: &[ColumnSpec]) -> Result<Self> {
        let table = TableWriter::create(&folder.join(file), "samples", &columns(head)).map_err(of_writing(file))?;
        Ok(Self { file, table })
    }

    fn row(&mut self, head: &[Value<'_>], facts: &Facts) -> Result<()> {
        let reasons = facts.reasons.join(" ");
        let row = [head, &facts.values(&reasons)].concat();
        self.table.row(&row).map_err(of_writing(self.file))
    }

    pub(crate) fn finish(self) -> Result<()> {
        self.table.finish().map_err(of_writing(self.file))
    }
}

/// Of a file that is being written: the disk, and not the table, is at fault.
fn of_writing(file: &'static str) -> impl Fn(parquet::errors::ParquetError) -> MonthError {
    move |source| MonthError::Io { what: "write", path: file.into(), source: std::io::Error::other(source) }
}

fn of_parquet(file: &'static str) -> impl Fn(parquet::errors::ParquetError) -> MonthError {
    move |source| MonthError::Parquet { file: file.to_owned(), source }
}

/// Reads one of the tables row by row.
pub(crate) struct RowReader<T> {
    file: &'static str,
    table: TableReader,
    group: Option<Group>,
    rows: u64,
    read: fn(&mut Row<'_>) -> Option<T>,
}

impl<T> RowReader<T> {
    fn open(
        folder: &Path,
        file: &'static str,
        head: &[ColumnSpec],
        read: fn(&mut Row<'_>) -> Option<T>,
    ) -> Result<Self> {
        let table = TableReader::open(&folder.join(file), "samples", &columns(head)).map_err(of_parquet(file))?;
        Ok(Self { file, table, group: None, rows: 0, read })
    }

    fn next_row(&mut self) -> ParquetResult<Option<Option<T>>> {
        while self.group.as_ref().is_none_or(|group| !group.has_row()) {
            match self.table.next_group()? {
                Some(group) => self.group = Some(group),
                None => return Ok(None),
            }
        }
        Ok(self.group.as_mut().map(|group| (self.read)(&mut group.next_row())))
    }
}

impl<T> Iterator for RowReader<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.next_row().map_err(of_parquet(self.file)).transpose()?;
        self.rows += 1;
        Some(row.and_then(|row| {
            row.ok_or_else(|| {
                MonthError::malformed(self.file, format!("row {} holds a value that cannot be", self.rows))
            })
        }))
    }
}
