//! Rows of months: their columns, written as arrays and read one by one.

use ispeed_protocol::UtcMicros;
use ispeed_report::MonthSample;
use ispeed_report::sample::PacketCounts;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, ToSql};

use super::PostgresStore;
use super::parts::OTHER;
use crate::store::words::{of_word, parse, text_or_none, word};
use crate::store::{MonthQuery, StoreError};

/// A parameter that can wait for its statement on any thread.
pub(super) type Parameter = Box<dyn ToSql + Sync + Send>;

/// The members of a row and their types, in the order of [`arrays`] and [`of_row`].
pub(super) const COLUMNS: [(&str, &str); 35] = [
    ("province", "text"),
    ("commune", "text"),
    ("id", "uuid"),
    ("sha256", "text"),
    ("device_id", "text"),
    ("started_us", "bigint"),
    ("received_us", "bigint"),
    ("receipt_key", "text"),
    ("receipt_sequence", "bigint"),
    ("outcome", "text"),
    ("counts", "boolean"),
    ("reasons", "text"),
    ("rules", "bigint"),
    ("attested", "boolean"),
    ("cell", "text"),
    ("operator", "text"),
    ("brand", "text"),
    ("technology", "text"),
    ("measurer", "text"),
    ("campaign", "text"),
    ("pair_id", "text"),
    ("surroundings", "text"),
    ("first_run", "boolean"),
    ("down_bps", "double precision"),
    ("up_bps", "double precision"),
    ("byte_capped", "boolean"),
    ("idle_ms", "double precision"),
    ("loaded_down_ms", "double precision"),
    ("loaded_up_ms", "double precision"),
    ("pdv_ms", "double precision"),
    ("echo_sent", "bigint"),
    ("echo_lost", "bigint"),
    ("bytes", "bigint"),
    ("simulated", "boolean"),
    ("synthetic", "boolean"),
];

/// The columns of table `sample`, with commas between.
pub(super) fn column_names() -> String {
    COLUMNS.map(|(name, _)| format!("sample.{name}")).join(", ")
}

/// Each column of many rows as one array.
pub(super) fn arrays(rows: &[&MonthSample]) -> Vec<Parameter> {
    fn column<T>(rows: &[&MonthSample], of: impl Fn(&MonthSample) -> T) -> Parameter
    where
        Vec<T>: ToSql + Sync + Send + 'static,
    {
        Box::new(rows.iter().map(|row| of(row)).collect::<Vec<T>>())
    }
    vec![
        column(rows, |r| r.province.clone().unwrap_or_default()),
        column(rows, |r| r.commune.clone().unwrap_or_default()),
        column(rows, |r| r.id),
        column(rows, |r| r.sha256.clone()),
        column(rows, |r| r.device_id.clone()),
        column(rows, |r| r.started_at.as_micros()),
        column(rows, |r| r.received_at.as_micros()),
        column(rows, |r| r.receipt_key.clone()),
        column(rows, |r| r.receipt_sequence.cast_signed()),
        column(rows, |r| word(r.outcome)),
        column(rows, |r| r.counts),
        column(rows, |r| super::json(&r.reasons)),
        column(rows, |r| i64::from(r.rules)),
        column(rows, |r| r.attested),
        column(rows, |r| r.cell.map(|cell| cell.to_string())),
        column(rows, |r| r.operator.clone()),
        column(rows, |r| r.brand.clone()),
        column(rows, |r| word(r.technology)),
        column(rows, |r| word(r.measurer)),
        column(rows, |r| r.campaign.clone()),
        column(rows, |r| r.pair_id.clone()),
        column(rows, |r| r.surroundings.map(word)),
        column(rows, |r| r.first_run),
        column(rows, |r| r.down_bps),
        column(rows, |r| r.up_bps),
        column(rows, |r| r.byte_capped),
        column(rows, |r| r.idle_ms),
        column(rows, |r| r.loaded_down_ms),
        column(rows, |r| r.loaded_up_ms),
        column(rows, |r| r.pdv_ms),
        column(rows, |r| i64::from(r.echo.sent)),
        column(rows, |r| i64::from(r.echo.lost)),
        column(rows, |r| r.bytes.cast_signed()),
        column(rows, |r| r.simulated),
        column(rows, |r| r.synthetic),
    ]
}

/// A column's value; what cannot be read is an error with its place, not a panic.
pub(super) fn get<'a, T: FromSql<'a>>(row: &'a Row, column: usize) -> Result<T, StoreError> {
    row.try_get(column).map_err(|e| StoreError::Unreadable { what: "column", cause: e.to_string() })
}

fn small(row: &Row, column: usize) -> Result<u32, StoreError> {
    let value: i64 = get(row, column)?;
    u32::try_from(value).map_err(|e| StoreError::Unreadable { what: "count", cause: format!("{value}: {e}") })
}

/// The columns of [`COLUMNS`], from column `first` on.
pub(super) fn of_row(row: &Row, first: usize) -> Result<MonthSample, StoreError> {
    let text = |i: usize| get::<String>(row, first + i);
    let maybe = |i: usize| get::<Option<String>>(row, first + i);
    let word_at = |i: usize| get::<&str>(row, first + i);
    let real = |i: usize| get::<Option<f64>>(row, first + i);
    let whole = |i: usize| get::<i64>(row, first + i);
    let flag = |i: usize| get::<bool>(row, first + i);
    Ok(MonthSample {
        province: text_or_none(text(0)?),
        commune: text_or_none(text(1)?),
        id: get(row, first + 2)?,
        sha256: text(3)?,
        device_id: text(4)?,
        started_at: UtcMicros(whole(5)?),
        received_at: UtcMicros(whole(6)?),
        receipt_key: text(7)?,
        receipt_sequence: whole(8)?.cast_unsigned(),
        outcome: of_word("outcome", word_at(9)?)?,
        counts: flag(10)?,
        reasons: parse("reasons", word_at(11)?)?,
        rules: small(row, first + 12)?,
        attested: flag(13)?,
        cell: maybe(14)?.map(|cell| of_word("cell", &cell)).transpose()?,
        operator: text(15)?,
        brand: maybe(16)?,
        technology: of_word("technology", word_at(17)?)?,
        measurer: of_word("measurer", word_at(18)?)?,
        campaign: maybe(19)?,
        pair_id: maybe(20)?,
        surroundings: maybe(21)?.map(|word| of_word("surroundings", &word)).transpose()?,
        first_run: flag(22)?,
        down_bps: real(23)?,
        up_bps: real(24)?,
        byte_capped: flag(25)?,
        idle_ms: real(26)?,
        loaded_down_ms: real(27)?,
        loaded_up_ms: real(28)?,
        pdv_ms: real(29)?,
        echo: PacketCounts { sent: small(row, first + 30)?, lost: small(row, first + 31)? },
        bytes: whole(32)?.cast_unsigned(),
        simulated: flag(33)?,
        synthetic: flag(34)?,
    })
}

impl PostgresStore {
    pub(super) async fn month_rows(&self, query: &MonthQuery) -> Result<Vec<MonthSample>, StoreError> {
        let (sql, parameters) = statement(query);
        self.query(&sql, &parameters).await?.iter().map(|row| of_row(row, 0)).collect()
    }
}

/// The text of a query and its parameters: a condition is left out where there is none, so that what is there uses the key.
fn statement(query: &MonthQuery) -> (String, Vec<Parameter>) {
    let mut parameters: Vec<Parameter> = vec![Box::new(query.month.to_string())];
    let mut sql = format!("SELECT {} FROM sample WHERE part IN ($1, '{OTHER}') AND month = $1", column_names());
    let mut mark = |value: Parameter| {
        parameters.push(value);
        format!("${}", parameters.len())
    };
    for (column, code) in [("province", &query.province), ("commune", &query.commune)] {
        if let Some(code) = code {
            sql += &format!(" AND {column} = {}", mark(Box::new(code.clone())));
        }
    }
    if let Some((province, commune, id)) = &query.after {
        let marks = [mark(Box::new(province.clone())), mark(Box::new(commune.clone())), mark(Box::new(*id))];
        sql += &format!(" AND (month, province, commune, id) > ($1, {})", marks.join(", "));
    }
    if let Some(heads) = &query.upto {
        // A sum of conditions on few keys; an empty one is true of nothing.
        let mut covered = vec!["false".to_owned()];
        for head in heads {
            let key = mark(Box::new(head.key.clone()));
            let sequence = mark(Box::new(i64::try_from(head.sequence).unwrap_or(i64::MAX)));
            covered.push(format!("(receipt_key = {key} AND receipt_sequence <= {sequence})"));
        }
        sql += &format!(" AND ({})", covered.join(" OR "));
    }
    sql += &format!(" ORDER BY month, province, commune, id LIMIT {}", mark(Box::new(i64::from(query.limit))));
    (sql, parameters)
}
