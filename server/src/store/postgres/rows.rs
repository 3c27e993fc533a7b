//! Rows of months: their columns, written as arrays and read one by one.

use std::borrow::Cow;

use ispeed_report::MonthSample;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, ToSql};
use uuid::Uuid;

use super::PostgresStore;
use super::parts::OTHER;
use crate::store::columns::{Answered, COLUMNS, Field, Kind, fields, names_of, narrowed, of_row};
use crate::store::{MonthQuery, StoreError};

/// A parameter that can wait for its statement on any thread.
pub(super) type Parameter = Box<dyn ToSql + Sync + Send>;

/// How a kind is called here.
pub(super) const fn type_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Id => "uuid",
        Kind::Whole => "bigint",
        Kind::Flag => "boolean",
        Kind::Real => "double precision",
    }
}

/// Each column of many rows as one array.
pub(super) fn arrays(rows: &[&MonthSample]) -> Vec<Parameter> {
    let mut columns: Vec<Column> = COLUMNS.iter().map(|(_, kind)| Column::new(*kind, rows.len())).collect();
    for row in rows {
        columns.iter_mut().zip(fields(row)).for_each(|(column, field)| column.push(field));
    }
    columns.into_iter().map(Column::parameter).collect()
}

/// A column of many rows.
enum Column {
    Text(Vec<Option<String>>),
    Id(Vec<Uuid>),
    Whole(Vec<i64>),
    Flag(Vec<bool>),
    Real(Vec<Option<f64>>),
}

impl Column {
    fn new(kind: Kind, rows: usize) -> Self {
        match kind {
            Kind::Text => Self::Text(Vec::with_capacity(rows)),
            Kind::Id => Self::Id(Vec::with_capacity(rows)),
            Kind::Whole => Self::Whole(Vec::with_capacity(rows)),
            Kind::Flag => Self::Flag(Vec::with_capacity(rows)),
            Kind::Real => Self::Real(Vec::with_capacity(rows)),
        }
    }

    fn push(&mut self, field: Field<'_>) {
        match (self, field) {
            (Self::Text(column), Field::Text(text)) => column.push(text.map(Cow::into_owned)),
            (Self::Id(column), Field::Id(id)) => column.push(id),
            (Self::Whole(column), Field::Whole(number)) => column.push(number),
            (Self::Flag(column), Field::Flag(flag)) => column.push(flag),
            (Self::Real(column), Field::Real(number)) => column.push(number),
            (_, field) => unreachable!("{field:?} is not of its column's kind"),
        }
    }

    fn parameter(self) -> Parameter {
        match self {
            Self::Text(column) => Box::new(column),
            Self::Id(column) => Box::new(column),
            Self::Whole(column) => Box::new(column),
            Self::Flag(column) => Box::new(column),
            Self::Real(column) => Box::new(column),
        }
    }
}

/// A column's value; what cannot be read is an error with its place, not a panic.
pub(super) fn get<'a, T: FromSql<'a>>(row: &'a Row, column: usize) -> Result<T, StoreError> {
    row.try_get(column).map_err(|e| StoreError::Unreadable { what: "column", cause: e.to_string() })
}

impl Answered for Row {
    fn maybe_text(&self, column: usize) -> Result<Option<&str>, StoreError> {
        get(self, column)
    }

    fn text(&self, column: usize) -> Result<&str, StoreError> {
        get(self, column)
    }

    fn id(&self, column: usize) -> Result<Uuid, StoreError> {
        get(self, column)
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

impl PostgresStore {
    pub(super) async fn month_rows(&self, query: &MonthQuery) -> Result<Vec<MonthSample>, StoreError> {
        let (sql, parameters) = statement(query);
        self.query(&sql, &parameters).await?.iter().map(of_row).collect()
    }
}

/// The text of a query and its parameters.
fn statement(query: &MonthQuery) -> (String, Vec<Parameter>) {
    let mut parameters: Vec<Parameter> = vec![Box::new(query.month.to_string())];
    let rest = narrowed(query, Some("$1"), |field| {
        parameters.push(parameter(field));
        format!("${}", parameters.len())
    });
    let columns = names_of("sample");
    (format!("SELECT {columns} FROM sample WHERE part IN ($1, '{OTHER}') AND month = $1{rest}"), parameters)
}

fn parameter(field: Field<'_>) -> Parameter {
    match field {
        Field::Text(text) => Box::new(text.map(Cow::into_owned)),
        Field::Id(id) => Box::new(id),
        Field::Whole(number) => Box::new(number),
        Field::Flag(flag) => Box::new(flag),
        Field::Real(number) => Box::new(number),
    }
}
