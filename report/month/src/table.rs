//! Columns in and out of a Parquet file, a row group at a time, with nothing in the file but what is given.
//!
//! Types are those every reader knows: text, 32 and 64 bit integers, doubles, booleans, dates, instants in UTC. Row groups have
//! [`GROUP_ROWS`] rows, so that neither writer nor reader holds more of the file than that.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::column::reader::ColumnReader;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

/// Rows of a row group: 10 MB of samples.
pub(crate) const GROUP_ROWS: usize = 32_768;
/// Written into the file; the crate's own text names its version, which would change bytes with every update.
const CREATED_BY: &str = "ispeed month v1";

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Text,
    Int,
    Long,
    Real,
    Bool,
    /// Days since 1970-01-01.
    Date,
    /// Milliseconds since then, UTC.
    Millis,
    /// Microseconds since then, UTC.
    Micros,
}

/// A column: name, kind, whether a value may be missing.
pub(crate) type ColumnSpec = (&'static str, Kind, bool);

fn schema_text(name: &str, columns: &[ColumnSpec]) -> String {
    let mut text = format!("message {name} {{\n");
    for (column, kind, optional) in columns {
        let presence = if *optional { "OPTIONAL" } else { "REQUIRED" };
        let (physical, logical) = match kind {
            Kind::Text => ("BYTE_ARRAY", " (STRING)"),
            Kind::Int => ("INT32", ""),
            Kind::Long => ("INT64", ""),
            Kind::Real => ("DOUBLE", ""),
            Kind::Bool => ("BOOLEAN", ""),
            Kind::Date => ("INT32", " (DATE)"),
            Kind::Millis => ("INT64", " (TIMESTAMP(MILLIS,true))"),
            Kind::Micros => ("INT64", " (TIMESTAMP(MICROS,true))"),
        };
        text += &format!("  {presence} {physical} {column}{logical};\n");
    }
    text + "}"
}

enum Values {
    Text(Vec<ByteArray>),
    Int(Vec<i32>),
    Long(Vec<i64>),
    Real(Vec<f64>),
    Bool(Vec<bool>),
}

/// The values of one column of one row group; `levels` says where there is one (1) and where not (0).
struct Column {
    values: Values,
    levels: Vec<i16>,
    optional: bool,
}

impl Column {
    fn new((_, kind, optional): &ColumnSpec) -> Self {
        let values = match kind {
            Kind::Text => Values::Text(Vec::new()),
            Kind::Int | Kind::Date => Values::Int(Vec::new()),
            Kind::Long | Kind::Millis | Kind::Micros => Values::Long(Vec::new()),
            Kind::Real => Values::Real(Vec::new()),
            Kind::Bool => Values::Bool(Vec::new()),
        };
        Self { values, levels: Vec::new(), optional: *optional }
    }

    fn clear(&mut self) {
        self.levels.clear();
        match &mut self.values {
            Values::Text(values) => values.clear(),
            Values::Int(values) => values.clear(),
            Values::Long(values) => values.clear(),
            Values::Real(values) => values.clear(),
            Values::Bool(values) => values.clear(),
        }
    }
}

/// A value on its way into a column.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    Missing,
    Text(&'a str),
    Int(i32),
    Long(i64),
    Real(f64),
    Bool(bool),
}

impl<'a> Value<'a> {
    pub(crate) fn text(text: Option<&'a str>) -> Self {
        text.map_or(Self::Missing, Self::Text)
    }

    pub(crate) fn real(value: Option<f64>) -> Self {
        value.map_or(Self::Missing, Self::Real)
    }

    pub(crate) fn long(value: Option<i64>) -> Self {
        value.map_or(Self::Missing, Self::Long)
    }
}

/// Writes rows.
pub(crate) struct TableWriter {
    file: SerializedFileWriter<BufWriter<File>>,
    columns: Vec<Column>,
    rows: usize,
}

impl TableWriter {
    pub(crate) fn create(path: &Path, name: &str, columns: &[ColumnSpec]) -> Result<Self> {
        let schema = Arc::new(parse_message_type(&schema_text(name, columns))?);
        let properties = WriterProperties::builder()
            .set_created_by(CREATED_BY.to_owned())
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .build();
        let file = BufWriter::new(File::create(path)?);
        let file = SerializedFileWriter::new(file, schema, Arc::new(properties))?;
        Ok(Self { file, columns: columns.iter().map(Column::new).collect(), rows: 0 })
    }

    /// Takes one row: a value a column, in their order.
    pub(crate) fn row(&mut self, row: &[Value<'_>]) -> Result<()> {
        if row.len() != self.columns.len() {
            return Err(ParquetError::General(format!("a row of {} for {} columns", row.len(), self.columns.len())));
        }
        for (column, value) in self.columns.iter_mut().zip(row) {
            if column.optional {
                column.levels.push(i16::from(!matches!(value, Value::Missing)));
            }
            match (&mut column.values, value) {
                (_, Value::Missing) if column.optional => {}
                // Neighbours share most texts: those share their bytes too.
                (Values::Text(held), Value::Text(text)) => {
                    let same = held.last().filter(|last| last.data() == text.as_bytes()).cloned();
                    held.push(same.unwrap_or_else(|| ByteArray::from(*text)));
                }
                (Values::Int(held), Value::Int(value)) => held.push(*value),
                (Values::Long(held), Value::Long(value)) => held.push(*value),
                (Values::Real(held), Value::Real(value)) => held.push(*value),
                (Values::Bool(held), Value::Bool(value)) => held.push(*value),
                _ => return Err(ParquetError::General(format!("{value:?} is not of the kind of its column"))),
            }
        }
        self.rows += 1;
        if self.rows == GROUP_ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        let mut group = self.file.next_row_group()?;
        for column in &mut self.columns {
            let mut writer = group.next_column()?.ok_or_else(|| ParquetError::General("too few columns".into()))?;
            let levels = column.optional.then_some(column.levels.as_slice());
            match (writer.untyped(), &column.values) {
                (ColumnWriter::ByteArrayColumnWriter(writer), Values::Text(held)) => {
                    writer.write_batch(held, levels, None)?
                }
                (ColumnWriter::Int32ColumnWriter(writer), Values::Int(held)) => {
                    writer.write_batch(held, levels, None)?
                }
                (ColumnWriter::Int64ColumnWriter(writer), Values::Long(held)) => {
                    writer.write_batch(held, levels, None)?
                }
                (ColumnWriter::DoubleColumnWriter(writer), Values::Real(held)) => {
                    writer.write_batch(held, levels, None)?
                }
                (ColumnWriter::BoolColumnWriter(writer), Values::Bool(held)) => {
                    writer.write_batch(held, levels, None)?
                }
                _ => return Err(ParquetError::General("a column of another kind than its schema".into())),
            };
            writer.close()?;
            column.clear();
        }
        group.close()?;
        self.rows = 0;
        Ok(())
    }

    /// Writes what is left and the footer, and waits for the disk.
    pub(crate) fn finish(mut self) -> Result<()> {
        self.flush()?;
        let file = self.file.into_inner()?.into_inner().map_err(|error| ParquetError::from(error.into_error()))?;
        Ok(file.sync_all()?)
    }
}

/// Reads rows, a row group at a time.
pub(crate) struct TableReader {
    file: SerializedFileReader<File>,
    specs: Vec<ColumnSpec>,
    next_group: usize,
}

/// The columns of a row group.
pub(crate) struct Group {
    columns: Vec<Column>,
    /// For each column, the position of the next value.
    at: Vec<usize>,
    row: usize,
    rows: usize,
}

impl TableReader {
    /// Opens a file that has exactly these columns.
    pub(crate) fn open(path: &Path, name: &str, columns: &[ColumnSpec]) -> Result<Self> {
        let file = SerializedFileReader::new(File::open(path)?)?;
        let expected = parse_message_type(&schema_text(name, columns))?;
        if *file.metadata().file_metadata().schema() != expected {
            return Err(ParquetError::General(format!("its columns are not those of {name:?}")));
        }
        Ok(Self { file, specs: columns.to_vec(), next_group: 0 })
    }

    pub(crate) fn next_group(&mut self) -> Result<Option<Group>> {
        if self.next_group >= self.file.num_row_groups() {
            return Ok(None);
        }
        let reader = self.file.get_row_group(self.next_group)?;
        self.next_group += 1;
        let rows = usize::try_from(reader.metadata().num_rows()).unwrap_or(usize::MAX);
        // A hostile file may claim any number.
        if rows > 64 * GROUP_ROWS {
            return Err(ParquetError::General(format!("a row group of {rows} rows; expected at most {GROUP_ROWS}")));
        }
        let mut columns = Vec::with_capacity(self.specs.len());
        for (at, spec) in self.specs.iter().enumerate() {
            columns.push(read_column(reader.get_column_reader(at)?, spec, rows)?);
        }
        Ok(Some(Group { at: vec![0; columns.len()], columns, row: 0, rows }))
    }
}

fn read_column(reader: ColumnReader, spec: &ColumnSpec, rows: usize) -> Result<Column> {
    fn fill<T: DataType>(
        mut reader: parquet::column::reader::ColumnReaderImpl<T>,
        rows: usize,
        levels: Option<&mut Vec<i16>>,
    ) -> Result<Vec<T::T>> {
        let mut values = Vec::new();
        let (read, _, _) = reader.read_records(rows, levels, None, &mut values)?;
        if read == rows { Ok(values) } else { Err(ParquetError::General(format!("{read} of {rows} rows in a column"))) }
    }
    let mut levels = Vec::new();
    let given = spec.2.then_some(&mut levels);
    let values = match reader {
        ColumnReader::ByteArrayColumnReader(reader) => Values::Text(fill::<ByteArrayType>(reader, rows, given)?),
        ColumnReader::Int32ColumnReader(reader) => Values::Int(fill::<Int32Type>(reader, rows, given)?),
        ColumnReader::Int64ColumnReader(reader) => Values::Long(fill::<Int64Type>(reader, rows, given)?),
        ColumnReader::DoubleColumnReader(reader) => Values::Real(fill::<DoubleType>(reader, rows, given)?),
        ColumnReader::BoolColumnReader(reader) => Values::Bool(fill::<BoolType>(reader, rows, given)?),
        _ => return Err(ParquetError::General(format!("column {} is of an unexpected type", spec.0))),
    };
    Ok(Column { values, levels, optional: spec.2 })
}

impl Group {
    /// Whether there is another row; its values are then taken column by column.
    pub(crate) fn has_row(&self) -> bool {
        self.row < self.rows
    }

    /// The values of the next row, in the order of the columns.
    pub(crate) fn next_row(&mut self) -> Row<'_> {
        let row = self.row;
        self.row += 1;
        Row { group: self, row, column: 0 }
    }
}

/// A cursor over the values of a row.
pub(crate) struct Row<'a> {
    group: &'a mut Group,
    row: usize,
    column: usize,
}

macro_rules! take {
    ($name:ident, $kind:ident, $type:ty, $of:expr) => {
        pub(crate) fn $name(&mut self) -> Option<$type> {
            let at = self.step()?;
            match &self.group.columns[self.column - 1].values {
                Values::$kind(values) => values.get(at).and_then($of),
                _ => None,
            }
        }
    };
}

impl Row<'_> {
    /// Position of this row's value in the next column; `None` where it is missing.
    fn step(&mut self) -> Option<usize> {
        let at = self.column;
        self.column += 1;
        let column = self.group.columns.get(at)?;
        if column.optional && column.levels.get(self.row) != Some(&1) {
            return None;
        }
        let position = self.group.at[at];
        self.group.at[at] += 1;
        Some(position)
    }

    take!(text, Text, String, |v: &ByteArray| v.as_utf8().ok().map(str::to_owned));
    take!(int, Int, i32, |v: &i32| Some(*v));
    take!(long, Long, i64, |v: &i64| Some(*v));
    take!(real, Real, f64, |v: &f64| Some(*v));
    take!(bool, Bool, bool, |v: &bool| Some(*v));
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[ColumnSpec] = &[("name", Kind::Text, true), ("speed", Kind::Real, true), ("n", Kind::Int, false)];

    #[test]
    fn what_was_written_is_read_and_equal_rows_are_equal_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let rows = 2 * GROUP_ROWS + 5;
        let write = |name: &str| {
            let path = dir.path().join(name);
            let mut writer = TableWriter::create(&path, "t", COLUMNS).unwrap();
            for n in 0..rows {
                let text = format!("điểm đo {}", n % 7);
                let speed = (n % 3 != 0).then_some(n as f64 / 3.0);
                let name = (n % 5 != 0).then_some(text.as_str());
                writer.row(&[Value::text(name), Value::real(speed), Value::Int(n as i32)]).unwrap();
            }
            assert!(writer.row(&[Value::Int(1)]).is_err());
            writer.finish().unwrap();
            path
        };
        let path = write("a");
        assert_eq!(std::fs::read(&path).unwrap(), std::fs::read(write("b")).unwrap());

        let mut reader = TableReader::open(&path, "t", COLUMNS).unwrap();
        let mut n = 0;
        while let Some(mut group) = reader.next_group().unwrap() {
            while group.has_row() {
                let mut row = group.next_row();
                assert_eq!(row.text(), (n % 5 != 0).then(|| format!("điểm đo {}", n % 7)));
                assert_eq!(row.real(), (n % 3 != 0).then_some(n as f64 / 3.0));
                assert_eq!(row.int(), Some(n));
                n += 1;
            }
        }
        assert_eq!(n as usize, rows);
        assert!(TableReader::open(&path, "t", &COLUMNS[1..]).is_err(), "other columns");
    }
}
