//! The sealed table.

use std::path::Path;

use ispeed_protocol::UtcMicros;
use ispeed_protocol::device::Surroundings;
use ispeed_report::MonthSample;

use super::{Facts, RowReader, RowWriter, SEALED_FILE};
use crate::error::Result;
use crate::table::{ColumnSpec, Kind, Row, Value};
use crate::words::Word;

/// A row of the sealed table: the sample with the device's number in place of its id, and its row number of the public table.
#[derive(Clone, PartialEq, Debug)]
pub struct SealedRow {
    /// Its row in the public table.
    pub row: String,
    /// The sample; `device_id` is the number of the sealed set.
    pub sample: MonthSample,
}

const HEAD: &[ColumnSpec] = &[
    ("row", Kind::Text, false),
    ("id", Kind::Text, false),
    ("sha256", Kind::Text, false),
    ("device", Kind::Text, false),
    ("started_at", Kind::Micros, false),
    ("received_at", Kind::Micros, false),
    ("receipt_key", Kind::Text, false),
    ("receipt_sequence", Kind::Long, false),
    ("province", Kind::Text, true),
    ("commune", Kind::Text, true),
    ("cell", Kind::Text, true),
    ("rules", Kind::Int, false),
    ("attested", Kind::Bool, false),
    ("brand", Kind::Text, true),
    ("campaign", Kind::Text, true),
    ("pair_id", Kind::Text, true),
    ("surroundings", Kind::Text, true),
    ("first_run", Kind::Bool, false),
    ("bytes", Kind::Long, false),
];

impl RowWriter {
    pub(crate) fn sealed(folder: &Path) -> Result<Self> {
        Self::create(folder, SEALED_FILE, HEAD)
    }

    pub(crate) fn write_sealed(&mut self, row: &str, device: &str, sample: &MonthSample) -> Result<()> {
        let (id, cell) = (sample.id.to_string(), sample.cell.map(|cell| cell.to_string()));
        let facts = Facts::of(sample);
        let head = [
            Value::Text(row),
            Value::Text(&id),
            Value::Text(&sample.sha256),
            Value::Text(device),
            Value::Long(sample.started_at.0),
            Value::Long(sample.received_at.0),
            Value::Text(&sample.receipt_key),
            Value::Long(i64::try_from(sample.receipt_sequence).unwrap_or(i64::MAX)),
            Value::text(sample.province.as_deref()),
            Value::text(sample.commune.as_deref()),
            Value::text(cell.as_deref()),
            Value::Int(i32::try_from(sample.rules).unwrap_or(i32::MAX)),
            Value::Bool(sample.attested),
            Value::text(sample.brand.as_deref()),
            Value::text(sample.campaign.as_deref()),
            Value::text(sample.pair_id.as_deref()),
            Value::text(sample.surroundings.map(Word::word)),
            Value::Bool(sample.first_run),
            Value::Long(i64::try_from(sample.bytes).unwrap_or(i64::MAX)),
        ];
        self.row(&head, &facts)
    }
}

impl RowReader<SealedRow> {
    pub(crate) fn sealed(folder: &Path) -> Result<Self> {
        Self::open(folder, SEALED_FILE, HEAD, read)
    }
}

fn read(row: &mut Row<'_>) -> Option<SealedRow> {
    let (number, id, sha256, device) = (row.text()?, row.text()?.parse().ok()?, row.text()?, row.text()?);
    let (started_at, received_at) = (UtcMicros(row.long()?), UtcMicros(row.long()?));
    let (receipt_key, receipt_sequence) = (row.text()?, row.long()?.try_into().ok()?);
    let (province, commune) = (row.text(), row.text());
    let cell = match row.text() {
        Some(text) => Some(text.parse().ok()?),
        None => None,
    };
    let (rules, attested) = (row.int()?.try_into().ok()?, row.bool()?);
    let (brand, campaign, pair_id) = (row.text(), row.text(), row.text());
    let surroundings = match row.text() {
        Some(text) => Some(Surroundings::of_word(&text)?),
        None => None,
    };
    let (first_run, bytes) = (row.bool()?, row.long()?.try_into().ok()?);
    let sample = MonthSample {
        id,
        sha256,
        device_id: device,
        started_at,
        received_at,
        receipt_key,
        receipt_sequence,
        rules,
        attested,
        commune,
        province,
        cell,
        brand,
        campaign,
        pair_id,
        surroundings,
        first_run,
        bytes,
        ..Facts::read(row)?.into_sample()
    };
    Some(SealedRow { row: number, sample })
}
