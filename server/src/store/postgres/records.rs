//! Small documents beside the samples.

use ispeed_protocol::UtcMicros;
use tokio_postgres::Row;

use super::PostgresStore;
use super::rows::{Parameter, get};
use crate::store::{Imported, Record, StoreError, now, record_conflict};

const COLUMNS: &str = "kind, key, revision, json, changed_us";

fn of_row(row: &Row) -> Result<Record, StoreError> {
    Ok(Record {
        kind: get(row, 0)?,
        key: get(row, 1)?,
        revision: get::<i64>(row, 2)?.cast_unsigned(),
        json: get(row, 3)?,
        at: UtcMicros(get(row, 4)?),
    })
}

impl PostgresStore {
    pub(super) async fn get_record(&self, kind: String, key: String) -> Result<Option<Record>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM record WHERE kind = $1 AND key = $2");
        self.query(&sql, &[Box::new(kind), Box::new(key)]).await?.first().map(of_row).transpose()
    }

    pub(super) async fn list_records(&self, rest: &str, parameters: Vec<Parameter>) -> Result<Vec<Record>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM record {rest}");
        self.query(&sql, &parameters).await?.iter().map(of_row).collect()
    }

    /// One statement each way, so that two writers are told apart by the row and not by luck.
    pub(super) async fn write_record(
        &self,
        kind: String,
        key: String,
        json: String,
        expect_revision: Option<u64>,
    ) -> Result<u64, StoreError> {
        let mut parameters: Vec<Parameter> =
            vec![Box::new(kind.clone()), Box::new(key.clone()), Box::new(json), Box::new(now().as_micros())];
        let insert = format!("INSERT INTO record ({COLUMNS}) VALUES ($1, $2, 1, $3, $4) ON CONFLICT (kind, key)");
        let sql = match expect_revision {
            None => format!(
                "{insert} DO UPDATE SET revision = record.revision + 1, json = excluded.json,
                 changed_us = excluded.changed_us RETURNING revision"
            ),
            Some(0) => format!("{insert} DO NOTHING RETURNING revision"),
            Some(expected) => {
                parameters.push(Box::new(i64::try_from(expected).unwrap_or(i64::MAX)));
                "UPDATE record SET revision = revision + 1, json = $3, changed_us = $4
                 WHERE kind = $1 AND key = $2 AND revision = $5 RETURNING revision"
                    .to_owned()
            }
        };
        if let Some(row) = self.query(&sql, &parameters).await?.first() {
            return Ok(get::<i64>(row, 0)?.cast_unsigned());
        }
        let held = self.get_record(kind.clone(), key.clone()).await?.map_or(0, |held| held.revision);
        Err(record_conflict(&kind, &key, held, expect_revision.unwrap_or_default()))
    }

    pub(super) async fn take_records(&self, batch: Vec<Record>) -> Result<Imported, StoreError> {
        let mut connection = self.connection().await?;
        let failed = |error| self.failed(error);
        let tx = connection.transaction().await.map_err(failed)?;
        let mut imported = Imported::default();
        let insert = format!("INSERT INTO record ({COLUMNS}) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING");
        let select = format!("SELECT {COLUMNS} FROM record WHERE kind = $1 AND key = $2");
        for record in batch {
            let revision = record.revision.cast_signed();
            let written = tx
                .execute(insert.as_str(), &[&record.kind, &record.key, &revision, &record.json, &record.at.as_micros()])
                .await
                .map_err(failed)?;
            if written == 1 {
                imported.stored += 1;
                continue;
            }
            let held = of_row(&tx.query_one(select.as_str(), &[&record.kind, &record.key]).await.map_err(failed)?)?;
            if held != record {
                return Err(record_conflict(&record.kind, &record.key, held.revision, record.revision));
            }
            imported.held += 1;
        }
        tx.commit().await.map_err(failed)?;
        Ok(imported)
    }
}
