//! Rows of a month as one Parquet file: a column a member, names and units as in [`MonthSample`].

use std::sync::Arc;

use ispeed_protocol::UtcMicros;
use ispeed_report::MonthSample;
use parquet::basic::{Compression, ZstdLevel};
use parquet::column::writer::ColumnWriterImpl;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use serde::Serialize;

/// Times are UTC; codes, enumerations and cells are text; `reasons` are words with a space between them.
const SCHEMA: &str = "message month_sample {
    required binary id (UTF8);
    required binary sha256 (UTF8);
    required binary device_id (UTF8);
    required int64 started_at (TIMESTAMP(MICROS, true));
    required int64 received_at (TIMESTAMP(MICROS, true));
    required binary receipt_key (UTF8);
    required int64 receipt_sequence;
    required binary outcome (UTF8);
    required boolean counts;
    required binary reasons (UTF8);
    required int32 rules;
    required boolean attested;
    optional binary commune (UTF8);
    optional binary province_code (UTF8);
    optional binary cell (UTF8);
    required binary operator (UTF8);
    optional binary brand (UTF8);
    required binary technology (UTF8);
    required binary measurer (UTF8);
    optional binary campaign (UTF8);
    optional binary pair_id (UTF8);
    optional binary surroundings (UTF8);
    required boolean first_run;
    optional double down_bps;
    optional double up_bps;
    required boolean byte_capped;
    optional double idle_ms;
    optional double loaded_down_ms;
    optional double loaded_up_ms;
    optional double pdv_ms;
    required int32 echo_sent;
    required int32 echo_lost;
    required int64 bytes;
    required boolean simulated;
    required boolean synthetic;
}";

/// Rows of a row group.
const GROUP_ROWS: usize = 50_000;
/// Beyond it files hardly shrink.
const ZSTD_LEVEL: i32 = 3;

/// The file of these rows.
pub(super) fn encode(rows: &[MonthSample]) -> Result<Vec<u8>> {
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
        .set_created_by("ispeed".to_owned())
        .build();
    let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
    for rows in rows.chunks(GROUP_ROWS) {
        let mut group = Group { writer: file.next_row_group()?, rows };
        group.fill()?;
        group.writer.close()?;
    }
    file.into_inner()
}

struct Group<'a, 'f> {
    writer: SerializedRowGroupWriter<'f, Vec<u8>>,
    rows: &'a [MonthSample],
}

impl Group<'_, '_> {
    /// The columns in the order of [`SCHEMA`].
    fn fill(&mut self) -> Result<()> {
        self.text(|row| Some(row.id.to_string()))?;
        self.text(|row| Some(row.sha256.clone()))?;
        self.text(|row| Some(row.device_id.clone()))?;
        self.time(|row| row.started_at)?;
        self.time(|row| row.received_at)?;
        self.text(|row| Some(row.receipt_key.clone()))?;
        self.column::<Int64Type>(|row| Some(row.receipt_sequence.cast_signed()))?;
        self.text(|row| word(&row.outcome))?;
        self.column::<BoolType>(|row| Some(row.counts))?;
        self.text(|row| Some(row.reasons.join(" ")))?;
        self.column::<Int32Type>(|row| Some(row.rules.cast_signed()))?;
        self.column::<BoolType>(|row| Some(row.attested))?;
        self.text(|row| row.commune.clone())?;
        self.text(|row| row.province.clone())?;
        self.text(|row| row.cell.map(|cell| cell.to_string()))?;
        self.text(|row| Some(row.operator.clone()))?;
        self.text(|row| row.brand.clone())?;
        self.text(|row| word(&row.technology))?;
        self.text(|row| word(&row.measurer))?;
        self.text(|row| row.campaign.clone())?;
        self.text(|row| row.pair_id.clone())?;
        self.text(|row| row.surroundings.as_ref().and_then(word))?;
        self.column::<BoolType>(|row| Some(row.first_run))?;
        self.column::<DoubleType>(|row| row.down_bps)?;
        self.column::<DoubleType>(|row| row.up_bps)?;
        self.column::<BoolType>(|row| Some(row.byte_capped))?;
        self.column::<DoubleType>(|row| row.idle_ms)?;
        self.column::<DoubleType>(|row| row.loaded_down_ms)?;
        self.column::<DoubleType>(|row| row.loaded_up_ms)?;
        self.column::<DoubleType>(|row| row.pdv_ms)?;
        self.column::<Int32Type>(|row| Some(row.echo.sent.cast_signed()))?;
        self.column::<Int32Type>(|row| Some(row.echo.lost.cast_signed()))?;
        self.column::<Int64Type>(|row| Some(row.bytes.cast_signed()))?;
        self.column::<BoolType>(|row| Some(row.simulated))?;
        self.column::<BoolType>(|row| Some(row.synthetic))
    }

    fn text(&mut self, of: impl Fn(&MonthSample) -> Option<String>) -> Result<()> {
        self.column::<ByteArrayType>(|row| of(row).map(|text| ByteArray::from(text.into_bytes())))
    }

    fn time(&mut self, of: impl Fn(&MonthSample) -> UtcMicros) -> Result<()> {
        self.column::<Int64Type>(|row| Some(of(row).as_micros()))
    }

    fn column<T: DataType>(&mut self, of: impl Fn(&MonthSample) -> Option<T::T>) -> Result<()> {
        let missing = || ParquetError::General("there are more columns than in the schema".to_owned());
        let mut column = self.writer.next_column()?.ok_or_else(missing)?;
        let typed: &mut ColumnWriterImpl<'_, T> = column.typed::<T>();
        let values: Vec<Option<T::T>> = self.rows.iter().map(of).collect();
        if typed.get_descriptor().max_def_level() == 0 {
            let values: Vec<T::T> = values.into_iter().flatten().collect();
            typed.write_batch(&values, None, None)?;
        } else {
            let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
            let values: Vec<T::T> = values.into_iter().flatten().collect();
            typed.write_batch(&values, Some(&levels), None)?;
        }
        column.close()
    }
}

/// The word of an enumeration, as it is in JSON.
fn word(value: &impl Serialize) -> Option<String> {
    serde_json::to_value(value).ok()?.as_str().map(str::to_owned)
}
