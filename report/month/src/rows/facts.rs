//! What both tables show alike.

use ispeed_protocol::UtcMicros;
use ispeed_protocol::device::{MeasurerKind, RadioTechnology};
use ispeed_protocol::sample::Outcome;
use ispeed_report::MonthSample;
use ispeed_report::sample::PacketCounts;
use uuid::Uuid;

use crate::table::{ColumnSpec, Kind, Row, Value};
use crate::words::Word;

/// What both tables show alike.
#[derive(Clone, PartialEq, Debug)]
pub struct Facts {
    /// How the attempt ended.
    pub outcome: Outcome,
    /// It counts.
    pub counts: bool,
    /// Why not.
    pub reasons: Vec<String>,
    /// Operator.
    pub operator: String,
    /// Technology.
    pub technology: RadioTechnology,
    /// Role of the person.
    pub measurer: MeasurerKind,
    /// Download, bit/s.
    pub down_bps: Option<f64>,
    /// Upload, bit/s.
    pub up_bps: Option<f64>,
    /// Ended by the byte budget.
    pub byte_capped: bool,
    /// Idle round trip, ms.
    pub idle_ms: Option<f64>,
    /// Round trip while downloading, ms.
    pub loaded_down_ms: Option<f64>,
    /// Round trip while uploading, ms.
    pub loaded_up_ms: Option<f64>,
    /// PDV, ms.
    pub pdv_ms: Option<f64>,
    /// Echo packets.
    pub echo: PacketCounts,
    /// Facts were made up.
    pub simulated: bool,
    /// The sample was made up.
    pub synthetic: bool,
}

pub(super) const COLUMNS: [ColumnSpec; 17] = [
    ("outcome", Kind::Text, false),
    ("counts", Kind::Bool, false),
    ("reasons", Kind::Text, false),
    ("operator", Kind::Text, false),
    ("technology", Kind::Text, false),
    ("measurer", Kind::Text, false),
    ("down_bps", Kind::Real, true),
    ("up_bps", Kind::Real, true),
    ("byte_capped", Kind::Bool, false),
    ("idle_ms", Kind::Real, true),
    ("loaded_down_ms", Kind::Real, true),
    ("loaded_up_ms", Kind::Real, true),
    ("pdv_ms", Kind::Real, true),
    ("echo_sent", Kind::Long, false),
    ("echo_lost", Kind::Long, false),
    ("simulated", Kind::Bool, false),
    ("synthetic", Kind::Bool, false),
];

impl Facts {
    pub(super) fn of(sample: &MonthSample) -> Self {
        Self {
            outcome: sample.outcome,
            counts: sample.counts,
            reasons: sample.reasons.clone(),
            operator: sample.operator.clone(),
            technology: sample.technology,
            measurer: sample.measurer,
            down_bps: sample.down_bps,
            up_bps: sample.up_bps,
            byte_capped: sample.byte_capped,
            idle_ms: sample.idle_ms,
            loaded_down_ms: sample.loaded_down_ms,
            loaded_up_ms: sample.loaded_up_ms,
            pdv_ms: sample.pdv_ms,
            echo: sample.echo,
            simulated: sample.simulated,
            synthetic: sample.synthetic,
        }
    }

    /// A sample of which nothing else is known.
    pub(super) fn into_sample(self) -> MonthSample {
        MonthSample {
            id: Uuid::nil(),
            sha256: String::new(),
            device_id: String::new(),
            started_at: UtcMicros(0),
            received_at: UtcMicros(0),
            receipt_key: String::new(),
            receipt_sequence: 0,
            outcome: self.outcome,
            counts: self.counts,
            reasons: self.reasons,
            rules: 0,
            attested: false,
            commune: None,
            province: None,
            cell: None,
            operator: self.operator,
            brand: None,
            technology: self.technology,
            measurer: self.measurer,
            campaign: None,
            pair_id: None,
            surroundings: None,
            first_run: false,
            down_bps: self.down_bps,
            up_bps: self.up_bps,
            byte_capped: self.byte_capped,
            idle_ms: self.idle_ms,
            loaded_down_ms: self.loaded_down_ms,
            loaded_up_ms: self.loaded_up_ms,
            pdv_ms: self.pdv_ms,
            echo: self.echo,
            bytes: 0,
            simulated: self.simulated,
            synthetic: self.synthetic,
        }
    }

    pub(super) fn values<'a>(&'a self, reasons: &'a str) -> [Value<'a>; 17] {
        [
            Value::Text(self.outcome.word()),
            Value::Bool(self.counts),
            Value::Text(reasons),
            Value::Text(&self.operator),
            Value::Text(self.technology.word()),
            Value::Text(self.measurer.word()),
            Value::real(self.down_bps),
            Value::real(self.up_bps),
            Value::Bool(self.byte_capped),
            Value::real(self.idle_ms),
            Value::real(self.loaded_down_ms),
            Value::real(self.loaded_up_ms),
            Value::real(self.pdv_ms),
            Value::Long(self.echo.sent.into()),
            Value::Long(self.echo.lost.into()),
            Value::Bool(self.simulated),
            Value::Bool(self.synthetic),
        ]
    }

    /// `None`: a word or number that cannot be.
    pub(super) fn read(row: &mut Row<'_>) -> Option<Self> {
        Some(Self {
            outcome: Outcome::of_word(&row.text()?)?,
            counts: row.bool()?,
            reasons: row.text()?.split_whitespace().map(str::to_owned).collect(),
            operator: row.text()?,
            technology: RadioTechnology::of_word(&row.text()?)?,
            measurer: MeasurerKind::of_word(&row.text()?)?,
            down_bps: row.real(),
            up_bps: row.real(),
            byte_capped: row.bool()?,
            idle_ms: row.real(),
            loaded_down_ms: row.real(),
            loaded_up_ms: row.real(),
            pdv_ms: row.real(),
            echo: PacketCounts { sent: row.long()?.try_into().ok()?, lost: row.long()?.try_into().ok()? },
            simulated: row.bool()?,
            synthetic: row.bool()?,
        })
    }
}
