//! Partitions, one a month, made when the first sample of the month comes.

use std::collections::BTreeSet;

use ispeed_protocol::Month;
use ispeed_report::MonthSample;

use super::{PostgresStore, advisory};
use crate::store::StoreError;

/// Part of samples whose month is far from the one in which they came in.
pub(super) const OTHER: &str = "other";

/// Months before the one of its arrival in which a sample has a part of its own: an outbox that waited for a year.
const MONTHS_BACK: i32 = 12;
/// ... and after it: clocks that are a little ahead at the turn of a month.
const MONTHS_AHEAD: i32 = 1;

/// The part a sample lies in.
pub(super) fn part_of(row: &MonthSample) -> String {
    let number = |month: Month| i32::from(month.year) * 12 + i32::from(month.month);
    let ahead = number(row.month()) - number(row.received_at.month());
    if (-MONTHS_BACK..=MONTHS_AHEAD).contains(&ahead) { row.month().to_string() } else { OTHER.to_owned() }
}

impl PostgresStore {
    /// Makes the partitions of these parts that are not there yet.
    ///
    /// A new table is attached to its parent, which takes no lock that readers or writers wait for.
    pub(super) async fn ensure_parts(&self, parts: impl IntoIterator<Item = String>) -> Result<(), StoreError> {
        let known = |part: &String| part == OTHER || lock(&self.parts).contains(part);
        for part in parts.into_iter().collect::<BTreeSet<_>>() {
            if !known(&part) {
                self.make_part(&part).await?;
                lock(&self.parts).insert(part);
            }
        }
        Ok(())
    }

    async fn make_part(&self, part: &str) -> Result<(), StoreError> {
        let mut connection = self.connection().await?;
        let failed = |error| self.failed(error);
        let tx = connection.transaction().await.map_err(failed)?;
        tx.execute("SELECT pg_advisory_xact_lock($1)", &[&advisory("part", part)]).await.map_err(failed)?;
        for table in ["sample", "body"] {
            // `part` is a month's text: digits and a hyphen.
            let name = format!("{table}_{}", part.replace('-', "_"));
            let there = tx.query_one("SELECT to_regclass($1) IS NOT NULL", &[&name]).await.map_err(failed)?;
            if !there.get::<_, bool>(0) {
                let make = format!(
                    "CREATE TABLE {name} (LIKE {table} INCLUDING ALL);
                     ALTER TABLE {name} ADD CONSTRAINT part CHECK (part = '{part}');
                     ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES IN ('{part}');
                     ALTER TABLE {name} DROP CONSTRAINT part;"
                );
                tx.batch_execute(&make).await.map_err(failed)?;
            }
        }
        tx.commit().await.map_err(failed)
    }
}

pub(super) fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
