//! The narrow rows of months.

use ispeed_protocol::UtcMicros;
use ispeed_report::MonthSample;
use ispeed_report::sample::PacketCounts;
use rusqlite::types::{ToSql, Value};
use rusqlite::{Connection, Row, params_from_iter};

use super::{database, json, read};
use crate::store::words::{of_word, parse, text_or_none, word};
use crate::store::{MonthQuery, StoreError};

/// The members of a row, in the order of [`values`] and [`of_row`].
pub(super) const COLUMNS: &str = "province, commune, id, sha256, device_id, started_us, received_us, receipt_key, \
    receipt_sequence, outcome, counts, reasons, rules, attested, cell, operator, brand, technology, measurer, campaign, \
    pair_id, surroundings, first_run, down_bps, up_bps, byte_capped, idle_ms, loaded_down_ms, loaded_up_ms, pdv_ms, \
    echo_sent, echo_lost, bytes, simulated, synthetic";

/// How many they are.
pub(super) const COLUMN_COUNT: usize = 35;

fn values(row: &MonthSample) -> [Value; COLUMN_COUNT] {
    let text = |text: &str| Value::Text(text.to_owned());
    let maybe = |text: Option<&str>| text.map_or(Value::Null, |text| Value::Text(text.to_owned()));
    let real = |number: Option<f64>| number.map_or(Value::Null, Value::Real);
    let flag = |flag: bool| Value::Integer(flag.into());
    [
        text(row.province.as_deref().unwrap_or_default()),
        text(row.commune.as_deref().unwrap_or_default()),
        Value::Blob(row.id.as_bytes().to_vec()),
        text(&row.sha256),
        text(&row.device_id),
        Value::Integer(row.started_at.as_micros()),
        Value::Integer(row.received_at.as_micros()),
        text(&row.receipt_key),
        Value::Integer(row.receipt_sequence.cast_signed()),
        Value::Text(word(row.outcome)),
        flag(row.counts),
        Value::Text(json(&row.reasons)),
        Value::Integer(row.rules.into()),
        flag(row.attested),
        row.cell.map_or(Value::Null, |cell| Value::Text(cell.to_string())),
        text(&row.operator),
        maybe(row.brand.as_deref()),
        Value::Text(word(row.technology)),
        Value::Text(word(row.measurer)),
        maybe(row.campaign.as_deref()),
        maybe(row.pair_id.as_deref()),
        row.surroundings.map_or(Value::Null, |s| Value::Text(word(s))),
        flag(row.first_run),
        real(row.down_bps),
        real(row.up_bps),
        flag(row.byte_capped),
        real(row.idle_ms),
        real(row.loaded_down_ms),
        real(row.loaded_up_ms),
        real(row.pdv_ms),
        Value::Integer(row.echo.sent.into()),
        Value::Integer(row.echo.lost.into()),
        Value::Integer(row.bytes.cast_signed()),
        flag(row.simulated),
        flag(row.synthetic),
    ]
}

pub(super) fn insert(tx: &Connection, position: i64, row: &MonthSample) -> Result<(), StoreError> {
    let marks = (3..COLUMN_COUNT + 3).map(|i| format!("?{i}")).collect::<Vec<_>>().join(", ");
    let keys = [Value::Text(row.month().to_string()), Value::Integer(position)];
    tx.prepare_cached(&format!("INSERT INTO month_row (month, position, {COLUMNS}) VALUES (?1, ?2, {marks})"))
        .and_then(|mut s| s.execute(params_from_iter(keys.into_iter().chain(values(row)))))
        .map_err(database)?;
    Ok(())
}

/// The columns of [`COLUMNS`], from column `first` on.
pub(super) fn of_row(row: &Row<'_>, first: usize) -> Result<MonthSample, StoreError> {
    let text = |i: usize| row.get::<_, String>(first + i).map_err(database);
    let maybe = |i: usize| row.get::<_, Option<String>>(first + i).map_err(database);
    let real = |i: usize| row.get::<_, Option<f64>>(first + i).map_err(database);
    let whole = |i: usize| row.get::<_, i64>(first + i).map_err(database);
    let small = |i: usize| row.get::<_, u32>(first + i).map_err(database);
    let flag = |i: usize| row.get::<_, bool>(first + i).map_err(database);
    Ok(MonthSample {
        province: text_or_none(text(0)?),
        commune: text_or_none(text(1)?),
        id: read::uuid(row.get(first + 2).map_err(database)?)?,
        sha256: text(3)?,
        device_id: text(4)?,
        started_at: UtcMicros(whole(5)?),
        received_at: UtcMicros(whole(6)?),
        receipt_key: text(7)?,
        receipt_sequence: whole(8)?.cast_unsigned(),
        outcome: of_word("outcome", &text(9)?)?,
        counts: flag(10)?,
        reasons: parse("reasons", &text(11)?)?,
        rules: small(12)?,
        attested: flag(13)?,
        cell: maybe(14)?.map(|cell| of_word("cell", &cell)).transpose()?,
        operator: text(15)?,
        brand: maybe(16)?,
        technology: of_word("technology", &text(17)?)?,
        measurer: of_word("measurer", &text(18)?)?,
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
        echo: PacketCounts { sent: small(30)?, lost: small(31)? },
        bytes: whole(32)?.cast_unsigned(),
        simulated: flag(33)?,
        synthetic: flag(34)?,
    })
}

pub(super) fn month_samples(db: &Connection, query: &MonthQuery) -> Result<Vec<MonthSample>, StoreError> {
    let (sql, parameters) = statement(query);
    let mut statement = db.prepare_cached(&sql).map_err(database)?;
    let mut rows = statement.query(params_from_iter(parameters)).map_err(database)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(database)? {
        found.push(of_row(row, 0)?);
    }
    Ok(found)
}

/// The text of a query and its parameters: a condition is left out where there is none, so that what is there uses the key.
fn statement(query: &MonthQuery) -> (String, Vec<Value>) {
    let mut parameters = vec![Value::Text(query.month.to_string())];
    let mut sql = format!("SELECT {COLUMNS} FROM month_row WHERE month = ?1");
    let mut mark = |value: Value| {
        parameters.push(value);
        format!("?{}", parameters.len())
    };
    for (column, code) in [("province", &query.province), ("commune", &query.commune)] {
        if let Some(code) = code {
            sql += &format!(" AND {column} = {}", mark(Value::Text(code.clone())));
        }
    }
    if let Some((province, commune, id)) = &query.after {
        let marks = [
            mark(Value::Text(province.clone())),
            mark(Value::Text(commune.clone())),
            mark(Value::Blob(id.as_bytes().to_vec())),
        ];
        sql += &format!(" AND (province, commune, id) > ({})", marks.join(", "));
    }
    if let Some(heads) = &query.upto {
        // A sum of conditions on few keys; an empty one is true of nothing.
        let mut covered = vec!["0".to_owned()];
        for head in heads {
            let key = mark(Value::Text(head.key.clone()));
            let sequence = mark(Value::Integer(i64::try_from(head.sequence).unwrap_or(i64::MAX)));
            covered.push(format!("(receipt_key = {key} AND receipt_sequence <= {sequence})"));
        }
        sql += &format!(" AND ({})", covered.join(" OR "));
    }
    sql += &format!(" ORDER BY province, commune, id LIMIT {}", mark(Value::Integer(query.limit.into())));
    (sql, parameters)
}

/// Removes the row of a sample.
pub(super) fn delete(tx: &Connection, position: i64) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM month_row WHERE position = ?1")
        .and_then(|mut s| s.execute([&position as &dyn ToSql]))
        .map_err(database)?;
    Ok(())
}
