//! The columns of narrow rows: both databases have the same ones in the same order, and write and read them here.

use std::borrow::Cow;

use ispeed_protocol::UtcMicros;
use ispeed_report::MonthSample;
use ispeed_report::sample::PacketCounts;
use serde::Deserialize;
use uuid::Uuid;

use super::words::{json, of_word, parse, text_or_none, word};
use super::{MonthQuery, StoreError};

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Text,
    Id,
    Whole,
    Flag,
    Real,
}

/// How many columns there are.
pub(super) const COUNT: usize = 35;

/// Names and kinds, in the order of [`fields`] and [`of_row`].
pub(super) const COLUMNS: [(&str, Kind); COUNT] = [
    ("province", Kind::Text),
    ("commune", Kind::Text),
    ("id", Kind::Id),
    ("sha256", Kind::Text),
    ("device_id", Kind::Text),
    ("started_us", Kind::Whole),
    ("received_us", Kind::Whole),
    ("receipt_key", Kind::Text),
    ("receipt_sequence", Kind::Whole),
    ("outcome", Kind::Text),
    ("counts", Kind::Flag),
    ("reasons", Kind::Text),
    ("rules", Kind::Whole),
    ("attested", Kind::Flag),
    ("cell", Kind::Text),
    ("operator", Kind::Text),
    ("brand", Kind::Text),
    ("technology", Kind::Text),
    ("measurer", Kind::Text),
    ("campaign", Kind::Text),
    ("pair_id", Kind::Text),
    ("surroundings", Kind::Text),
    ("first_run", Kind::Flag),
    ("down_bps", Kind::Real),
    ("up_bps", Kind::Real),
    ("byte_capped", Kind::Flag),
    ("idle_ms", Kind::Real),
    ("loaded_down_ms", Kind::Real),
    ("loaded_up_ms", Kind::Real),
    ("pdv_ms", Kind::Real),
    ("echo_sent", Kind::Whole),
    ("echo_lost", Kind::Whole),
    ("bytes", Kind::Whole),
    ("simulated", Kind::Flag),
    ("synthetic", Kind::Flag),
];

/// The names as columns of a table, with commas between.
pub(super) fn names_of(table: &str) -> String {
    COLUMNS.map(|(name, _)| format!("{table}.{name}")).join(", ")
}

/// The names, with commas between.
pub(super) fn names() -> String {
    COLUMNS.map(|(name, _)| name).join(", ")
}

/// What stands in a column.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Field<'a> {
    Text(Option<Cow<'a, str>>),
    Id(Uuid),
    Whole(i64),
    Flag(bool),
    Real(Option<f64>),
}

impl<'a> From<&'a str> for Field<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Some(text.into()))
    }
}

impl From<String> for Field<'_> {
    fn from(text: String) -> Self {
        Self::Text(Some(text.into()))
    }
}

impl<'a> From<&'a Option<String>> for Field<'a> {
    fn from(text: &'a Option<String>) -> Self {
        Self::Text(text.as_deref().map(Cow::from))
    }
}

impl From<Option<String>> for Field<'_> {
    fn from(text: Option<String>) -> Self {
        Self::Text(text.map(Cow::from))
    }
}

impl From<u32> for Field<'_> {
    fn from(count: u32) -> Self {
        Self::Whole(count.into())
    }
}

impl From<UtcMicros> for Field<'_> {
    fn from(at: UtcMicros) -> Self {
        Self::Whole(at.as_micros())
    }
}

impl From<bool> for Field<'_> {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<Option<f64>> for Field<'_> {
    fn from(number: Option<f64>) -> Self {
        Self::Real(number)
    }
}

/// What stands in the columns of a row.
pub(super) fn fields(row: &MonthSample) -> [Field<'_>; COUNT] {
    [
        row.province.as_deref().unwrap_or_default().into(),
        row.commune.as_deref().unwrap_or_default().into(),
        Field::Id(row.id),
        row.sha256.as_str().into(),
        row.device_id.as_str().into(),
        row.started_at.into(),
        row.received_at.into(),
        row.receipt_key.as_str().into(),
        Field::Whole(row.receipt_sequence.cast_signed()),
        word(row.outcome).into(),
        row.counts.into(),
        json(&row.reasons).into(),
        row.rules.into(),
        row.attested.into(),
        row.cell.map(|cell| cell.to_string()).into(),
        row.operator.as_str().into(),
        (&row.brand).into(),
        word(row.technology).into(),
        word(row.measurer).into(),
        (&row.campaign).into(),
        (&row.pair_id).into(),
        row.surroundings.map(word).into(),
        row.first_run.into(),
        row.down_bps.into(),
        row.up_bps.into(),
        row.byte_capped.into(),
        row.idle_ms.into(),
        row.loaded_down_ms.into(),
        row.loaded_up_ms.into(),
        row.pdv_ms.into(),
        row.echo.sent.into(),
        row.echo.lost.into(),
        Field::Whole(row.bytes.cast_signed()),
        row.simulated.into(),
        row.synthetic.into(),
    ]
}

/// A row that a database answered with. What cannot be read is an error with its place, not a panic.
pub(super) trait Answered {
    fn maybe_text(&self, column: usize) -> Result<Option<&str>, StoreError>;
    fn text(&self, column: usize) -> Result<&str, StoreError>;
    fn id(&self, column: usize) -> Result<Uuid, StoreError>;
    fn whole(&self, column: usize) -> Result<i64, StoreError>;
    fn flag(&self, column: usize) -> Result<bool, StoreError>;
    fn real(&self, column: usize) -> Result<Option<f64>, StoreError>;
}

/// Reads a row whose first columns are those of [`COLUMNS`].
pub(super) fn of_row(row: &impl Answered) -> Result<MonthSample, StoreError> {
    let text = |column: usize| row.text(column).map(str::to_owned);
    let maybe = |column: usize| Ok::<_, StoreError>(row.maybe_text(column)?.map(str::to_owned));
    let small = |column: usize| {
        let value = row.whole(column)?;
        u32::try_from(value).map_err(|e| StoreError::Unreadable { what: "count", cause: format!("{value}: {e}") })
    };
    Ok(MonthSample {
        province: text_or_none(text(0)?),
        commune: text_or_none(text(1)?),
        id: row.id(2)?,
        sha256: text(3)?,
        device_id: text(4)?,
        started_at: UtcMicros(row.whole(5)?),
        received_at: UtcMicros(row.whole(6)?),
        receipt_key: text(7)?,
        receipt_sequence: row.whole(8)?.cast_unsigned(),
        outcome: of_word("outcome", row.text(9)?)?,
        counts: row.flag(10)?,
        reasons: parse("reasons", row.text(11)?)?,
        rules: small(12)?,
        attested: row.flag(13)?,
        cell: maybe_word("cell", row, 14)?,
        operator: text(15)?,
        brand: maybe(16)?,
        technology: of_word("technology", row.text(17)?)?,
        measurer: of_word("measurer", row.text(18)?)?,
        campaign: maybe(19)?,
        pair_id: maybe(20)?,
        surroundings: maybe_word("surroundings", row, 21)?,
        first_run: row.flag(22)?,
        down_bps: row.real(23)?,
        up_bps: row.real(24)?,
        byte_capped: row.flag(25)?,
        idle_ms: row.real(26)?,
        loaded_down_ms: row.real(27)?,
        loaded_up_ms: row.real(28)?,
        pdv_ms: row.real(29)?,
        echo: PacketCounts { sent: small(30)?, lost: small(31)? },
        bytes: row.whole(32)?.cast_unsigned(),
        simulated: row.flag(33)?,
        synthetic: row.flag(34)?,
    })
}

fn maybe_word<'a, T: Deserialize<'a>>(
    what: &'static str,
    row: &'a impl Answered,
    column: usize,
) -> Result<Option<T>, StoreError> {
    row.maybe_text(column)?.map(|text| of_word(what, text)).transpose()
}

/// What narrows a query beside its month, its order and its limit. `mark` takes a value and gives its place in the text; a
/// condition is left out where there is none, so that what is there uses the key, which begins with the month where
/// `month` is its place in the text.
pub(super) fn narrowed(
    query: &MonthQuery,
    month: Option<&str>,
    mut mark: impl FnMut(Field<'static>) -> String,
) -> String {
    let mut sql = String::new();
    let key = if month.is_some() { "month, province, commune, id" } else { "province, commune, id" };
    for (column, code) in [("province", &query.province), ("commune", &query.commune)] {
        if let Some(code) = code {
            sql += &format!(" AND {column} = {}", mark(code.clone().into()));
        }
    }
    if let Some((province, commune, id)) = &query.after {
        let mut marks: Vec<String> = month.map(str::to_owned).into_iter().collect();
        marks.extend([province.clone().into(), commune.clone().into(), Field::Id(*id)].map(&mut mark));
        sql += &format!(" AND ({key}) > ({})", marks.join(", "));
    }
    if let Some(heads) = &query.upto {
        // A sum of conditions on few keys; an empty one is true of nothing.
        let mut covered = vec!["false".to_owned()];
        for head in heads {
            let receipt_key = mark(head.key.clone().into());
            let sequence = mark(Field::Whole(i64::try_from(head.sequence).unwrap_or(i64::MAX)));
            covered.push(format!("(receipt_key = {receipt_key} AND receipt_sequence <= {sequence})"));
        }
        sql += &format!(" AND ({})", covered.join(" OR "));
    }
    sql + &format!(" ORDER BY {key} LIMIT {}", mark(query.limit.into()))
}
