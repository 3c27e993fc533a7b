//! The public table.

use std::path::Path;

use ispeed_protocol::UtcMicros;
use ispeed_protocol::cell::Cell;
use ispeed_report::MonthSample;
use uuid::Uuid;

use super::{Facts, PUBLIC_FILE, RowReader, RowWriter};
use crate::error::Result;
use crate::table::{ColumnSpec, Kind, Row, Value};

const US_PER_HOUR: i64 = 3_600_000_000;
const US_PER_DAY: i64 = 24 * US_PER_HOUR;
const VIETNAM_OFFSET_US: i64 = 7 * US_PER_HOUR;

/// What an outsider sees of a sample.
#[derive(Clone, PartialEq, Debug)]
pub struct PublicRow {
    /// Number of the row: a keyed hash of the sample's id.
    pub row: String,
    /// Province.
    pub province: Option<String>,
    /// Commune.
    pub commune: Option<String>,
    /// Day in Vietnam, days since 1970-01-01.
    pub day: i32,
    /// First instant of the hour it began in; only in communes with enough devices.
    pub hour: Option<UtcMicros>,
    /// Number of the device in this month; only in communes with enough devices.
    pub device: Option<String>,
    /// Cell; only where enough devices measured in it.
    pub cell: Option<Cell>,
    /// It came in after the cut-off.
    pub late: bool,
    /// Rule set that judged.
    pub rules: u32,
    /// The rest.
    pub facts: Facts,
}

const HEAD: &[ColumnSpec] = &[
    ("row", Kind::Text, false),
    ("province", Kind::Text, true),
    ("commune", Kind::Text, true),
    ("day", Kind::Date, false),
    ("hour", Kind::Millis, true),
    ("device", Kind::Text, true),
    ("cell", Kind::Text, true),
    ("late", Kind::Bool, false),
    ("rules", Kind::Int, false),
];

impl PublicRow {
    /// Of a sample: `device` and `cell` only where they may be shown; the hour goes with the device.
    pub(crate) fn of(
        sample: &MonthSample,
        row: String,
        device: Option<String>,
        cell: Option<Cell>,
        late: bool,
    ) -> Self {
        let started = sample.started_at.0;
        Self {
            row,
            province: sample.province.clone(),
            commune: sample.commune.clone(),
            day: i32::try_from((started + VIETNAM_OFFSET_US).div_euclid(US_PER_DAY)).unwrap_or_default(),
            hour: device.is_some().then(|| UtcMicros(started.div_euclid(US_PER_HOUR) * US_PER_HOUR)),
            device,
            cell,
            late,
            rules: sample.rules,
            facts: Facts::of(sample),
        }
    }

    /// As the computer of figures takes it: what the row does not tell is empty. `number` stands for the id and keeps order.
    pub(crate) fn to_sample(&self, number: u64, cut_off: UtcMicros) -> MonthSample {
        let started = i64::from(self.day) * US_PER_DAY - VIETNAM_OFFSET_US;
        MonthSample {
            id: Uuid::from_u128(number.into()),
            device_id: self.device.clone().unwrap_or_default(),
            started_at: self.hour.unwrap_or(UtcMicros(started)),
            received_at: if self.late { cut_off.plus_micros(1) } else { cut_off },
            rules: self.rules,
            commune: self.commune.clone(),
            province: self.province.clone(),
            cell: self.cell,
            ..self.facts.clone().into_sample()
        }
    }
}

impl RowWriter {
    pub(crate) fn public(folder: &Path) -> Result<Self> {
        Self::create(folder, PUBLIC_FILE, HEAD)
    }

    pub(crate) fn write_public(&mut self, row: &PublicRow) -> Result<()> {
        let cell = row.cell.map(|cell| cell.to_string());
        let head = [
            Value::Text(&row.row),
            Value::text(row.province.as_deref()),
            Value::text(row.commune.as_deref()),
            Value::Int(row.day),
            Value::long(row.hour.map(|hour| hour.0 / 1000)),
            Value::text(row.device.as_deref()),
            Value::text(cell.as_deref()),
            Value::Bool(row.late),
            Value::Int(i32::try_from(row.rules).unwrap_or(i32::MAX)),
        ];
        self.row(&head, &row.facts)
    }
}

impl RowReader<PublicRow> {
    pub(crate) fn public(folder: &Path) -> Result<Self> {
        Self::open(folder, PUBLIC_FILE, HEAD, read)
    }
}

fn read(row: &mut Row<'_>) -> Option<PublicRow> {
    Some(PublicRow {
        row: row.text()?,
        province: row.text(),
        commune: row.text(),
        day: row.int()?,
        hour: row.long().map(|ms| UtcMicros(ms.saturating_mul(1000))),
        device: row.text(),
        cell: match row.text() {
            Some(text) => Some(text.parse().ok()?),
            None => None,
        },
        late: row.bool()?,
        rules: row.int()?.try_into().ok()?,
        facts: Facts::read(row)?,
    })
}
