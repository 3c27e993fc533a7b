//! The narrow rows of months.

use std::sync::LazyLock;

use ispeed_report::MonthSample;
use rusqlite::types::{FromSql, FromSqlResult, ToSql, Value, ValueRef};
use rusqlite::{Connection, Row, params_from_iter};
use uuid::Uuid;

use super::{database, read};
use crate::store::columns::{self, Answered, COUNT, Field, of_row};
use crate::store::{MonthQuery, StoreError};

fn value(field: Field<'_>) -> Value {
    match field {
        Field::Text(text) => text.map_or(Value::Null, |text| Value::Text(text.into_owned())),
        Field::Id(id) => Value::Blob(id.as_bytes().to_vec()),
        Field::Whole(number) => Value::Integer(number),
        Field::Flag(flag) => Value::Integer(flag.into()),
        Field::Real(number) => number.map_or(Value::Null, Value::Real),
    }
}

/// Made once: every sample that comes in is written by it.
static INSERT: LazyLock<String> = LazyLock::new(|| {
    let marks = (3..COUNT + 3).map(|i| format!("?{i}")).collect::<Vec<_>>().join(", ");
    format!("INSERT INTO month_row (month, position, {}) VALUES (?1, ?2, {marks})", columns::names())
});

pub(super) fn insert(tx: &Connection, position: i64, row: &MonthSample) -> Result<(), StoreError> {
    let keys = [Value::Text(row.month().to_string()), Value::Integer(position)];
    let values = keys.into_iter().chain(columns::fields(row).map(value));
    tx.prepare_cached(&INSERT).and_then(|mut s| s.execute(params_from_iter(values))).map_err(database)?;
    Ok(())
}

fn get<T: FromSql>(row: &Row<'_>, column: usize) -> Result<T, StoreError> {
    row.get(column).map_err(database)
}

/// Text as it lies in the row.
fn borrowed<'a, T>(
    row: &'a Row<'_>,
    column: usize,
    of: impl FnOnce(ValueRef<'a>) -> FromSqlResult<T>,
) -> Result<T, StoreError> {
    let value = row.get_ref(column).map_err(database)?;
    of(value).map_err(|e| StoreError::Unreadable { what: "column", cause: e.to_string() })
}

impl Answered for Row<'_> {
    fn maybe_text(&self, column: usize) -> Result<Option<&str>, StoreError> {
        borrowed(self, column, |value| value.as_str_or_null())
    }

    fn text(&self, column: usize) -> Result<&str, StoreError> {
        borrowed(self, column, |value| value.as_str())
    }

    fn id(&self, column: usize) -> Result<Uuid, StoreError> {
        read::uuid(get(self, column)?)
    }

    fn whole(&self, column: usize) -> Result<i64, StoreError> {
        get(self, column)
    }

    fn flag(&self, column: usize) -> Result<bool, StoreError> {
        get(self, column)
    }

    fn real(&self, column: usize) -> Result<Option<f64>, StoreError> {
        get(self, column)
    }
}

pub(super) fn month_samples(db: &Connection, query: &MonthQuery) -> Result<Vec<MonthSample>, StoreError> {
    let (sql, parameters) = statement(query);
    let mut statement = db.prepare_cached(&sql).map_err(database)?;
    let mut rows = statement.query(params_from_iter(parameters)).map_err(database)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(database)? {
        found.push(of_row(row)?);
    }
    Ok(found)
}

/// The text of a query and its parameters.
fn statement(query: &MonthQuery) -> (String, Vec<Value>) {
    let mut parameters = vec![Value::Text(query.month.to_string())];
    let rest = columns::narrowed(query, None, |field| {
        parameters.push(value(field));
        format!("?{}", parameters.len())
    });
    (format!("SELECT {} FROM month_row WHERE month = ?1{rest}", columns::names()), parameters)
}

/// Removes the row of a sample.
pub(super) fn delete(tx: &Connection, position: i64) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM month_row WHERE position = ?1")
        .and_then(|mut s| s.execute([&position as &dyn ToSql]))
        .map_err(database)?;
    Ok(())
}
