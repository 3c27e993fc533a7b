//! Whole samples out of the store and into it, and deletions.

use std::collections::BTreeMap;

use ispeed_protocol::UtcMicros;
use ispeed_protocol::receipt::Receipt;
use ispeed_report::MonthSample;
use uuid::Uuid;

use super::parts::part_of;
use super::rows::get;
use super::write::Tx;
use super::{PostgresStore, advisory, read};
use crate::store::columns::{COUNT, names_of, of_row};
use crate::store::words::parse;
use crate::store::{
    ChainLink, DeletedSample, Imported, Known, SignDeletion, StoreError, StoredSample, deleted_conflict,
    receipt_conflict, sample_conflict,
};

impl PostgresStore {
    pub(super) async fn export_page(&self, after: i64, limit: u32) -> Result<Vec<(i64, StoredSample)>, StoreError> {
        let sql = format!(
            "SELECT {}, sample.position, body.bytes, {} FROM sample JOIN body USING (position, part)
             JOIN receipt ON receipt.sample_id = sample.id AND NOT receipt.deletion
             WHERE sample.position > $1 ORDER BY sample.position LIMIT $2",
            names_of("sample"),
            read::HELD
        );
        let found = self.query(&sql, &[Box::new(after), Box::new(i64::from(limit))]).await?;
        let of_row = |row: &tokio_postgres::Row| {
            let held = read::held(row, COUNT + 2)?;
            let sample = StoredSample {
                row: of_row(row)?,
                body: get(row, COUNT + 1)?,
                receipt: held.receipt,
                verdict: held.verdict,
                place: held.place,
            };
            Ok((get(row, COUNT)?, sample))
        };
        found.iter().map(of_row).collect()
    }

    pub(super) async fn take_samples(&self, batch: Vec<StoredSample>) -> Result<Imported, StoreError> {
        batch.iter().try_for_each(StoredSample::check)?;
        self.ensure_parts(batch.iter().map(|sample| part_of(&sample.row))).await?;
        let mut connection = self.connection().await?;
        let tx = self.begin(&mut connection).await?;
        tx.alone().await?;
        let ids: Vec<Uuid> = batch.iter().map(|sample| sample.row.id).collect();
        let mut known = read::known(&tx.tx, &ids, tx.shown).await?;
        let (mut imported, mut new) = (Imported::default(), Vec::new());
        // Within the batch, too, an id is new once.
        let mut fresh: BTreeMap<Uuid, Receipt> = BTreeMap::new();
        for sample in batch {
            match known.get_mut(&sample.row.id) {
                None => match fresh.get(&sample.row.id) {
                    Some(receipt) if *receipt == sample.receipt => imported.held += 1,
                    Some(receipt) => return Err(sample_conflict(&sample.row, &receipt.sample_sha256)),
                    None => {
                        fresh.insert(sample.row.id, sample.receipt.clone());
                        new.push(sample);
                        imported.stored += 1;
                    }
                },
                Some(Known::Held(held)) if held.sha256 == sample.row.sha256 && held.receipt == sample.receipt => {
                    imported.held += 1;
                }
                Some(Known::Deleted { sha256 }) if *sha256 == sample.row.sha256 => imported.deleted += 1,
                Some(Known::Held(held)) => return Err(sample_conflict(&sample.row, &held.sha256)),
                Some(Known::Deleted { sha256 }) => return Err(sample_conflict(&sample.row, sha256)),
            }
        }
        tx.expect_free(new.iter().map(|sample| &sample.receipt)).await?;
        tx.insert(&new).await?;
        tx.commit().await?;
        Ok(imported)
    }

    pub(super) async fn take_deleted(&self, batch: Vec<DeletedSample>) -> Result<Imported, StoreError> {
        let mut connection = self.connection().await?;
        let tx = self.begin(&mut connection).await?;
        tx.alone().await?;
        let ids: Vec<Uuid> = batch.iter().map(|gone| gone.id).collect();
        let known = read::known(&tx.tx, &ids, tx.shown).await?;
        let mut imported = Imported::default();
        for gone in &batch {
            match known.get(&gone.id) {
                Some(Known::Deleted { sha256 }) if *sha256 == gone.sha256 => {
                    imported.held += 1;
                    continue;
                }
                Some(Known::Deleted { sha256 }) => return Err(deleted_conflict(gone, sha256)),
                Some(Known::Held(held)) if held.receipt == gone.given => {
                    let rows = tx.rows_where("id", &gone.id).await?;
                    tx.expect_free(std::iter::once(&gone.deletion)).await?;
                    tx.insert_receipts(std::iter::once(&gone.deletion)).await?;
                    tx.bury(&rows, gone.deleted_at).await?;
                }
                Some(Known::Held(held)) => return Err(deleted_conflict(gone, &held.sha256)),
                None => {
                    let both = [&gone.given, &gone.deletion];
                    tx.expect_free(both.into_iter()).await?;
                    tx.insert_receipts(both.into_iter()).await?;
                    let tombstone = (gone.id, gone.sha256.clone(), gone.deleted_at);
                    tx.insert_tombstones(std::iter::once(tombstone)).await?;
                }
            }
            imported.stored += 1;
        }
        tx.commit().await?;
        Ok(imported)
    }

    pub(super) async fn deleted_page(&self, after: Option<Uuid>, limit: u32) -> Result<Vec<DeletedSample>, StoreError> {
        let sql = "SELECT tombstone.id, tombstone.sha256, deleted_us, given.json, deletion.json FROM tombstone
                   JOIN receipt AS given ON given.sample_id = tombstone.id AND NOT given.deletion
                   JOIN receipt AS deletion ON deletion.sample_id = tombstone.id AND deletion.deletion
                   WHERE $1::uuid IS NULL OR tombstone.id > $1 ORDER BY tombstone.id LIMIT $2";
        let rows = self.query(sql, &[Box::new(after), Box::new(i64::from(limit))]).await?;
        let of_row = |row: &tokio_postgres::Row| {
            Ok(DeletedSample {
                id: get(row, 0)?,
                sha256: get(row, 1)?,
                deleted_at: UtcMicros(get(row, 2)?),
                given: parse("receipt", get(row, 3)?)?,
                deletion: parse("receipt", get(row, 4)?)?,
            })
        };
        rows.iter().map(of_row).collect()
    }

    pub(super) async fn delete_all_of(
        &self,
        chain_key: String,
        device_id: String,
        at: UtcMicros,
        sign: SignDeletion,
    ) -> Result<Vec<Receipt>, StoreError> {
        let mut connection = self.connection().await?;
        let tx = self.begin(&mut connection).await?;
        tx.among_writers().await?;
        let mut link = tx.lock_chain(&chain_key).await?;
        tx.lock_names(vec![advisory("device", &device_id)]).await?;
        let rows = tx.rows_where("device_id", &device_id).await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
        let given = read::known(&tx.tx, &ids, tx.shown).await?;
        let mut receipts = Vec::new();
        for row in &rows {
            let Some(Known::Held(held)) = given.get(&row.id) else {
                return Err(StoreError::Unreadable { what: "receipt", cause: format!("{} has none", row.id) });
            };
            let receipt = sign(&held.receipt, &link)?;
            link = ChainLink { sequence: receipt.sequence + 1, previous: receipt.sha256() };
            receipts.push(receipt);
        }
        tx.insert_receipts(receipts.iter()).await?;
        tx.bury(&rows, at).await?;
        tx.commit().await?;
        Ok(receipts)
    }
}

impl Tx<'_> {
    /// Rows whose column has this value, in the order in which they came.
    async fn rows_where(
        &self,
        column: &str,
        value: &(dyn tokio_postgres::types::ToSql + Sync),
    ) -> Result<Vec<MonthSample>, StoreError> {
        let sql = format!("SELECT {} FROM sample WHERE {column} = $1 ORDER BY position", names_of("sample"));
        self.query(&sql, &[value]).await?.iter().map(of_row).collect()
    }

    /// A place in a chain is taken once.
    async fn expect_free<'a>(&self, receipts: impl Iterator<Item = &'a Receipt>) -> Result<(), StoreError> {
        let mut wanted: BTreeMap<(&str, i64), &Receipt> = BTreeMap::new();
        for receipt in receipts {
            if let Some(other) = wanted.insert((&receipt.key, receipt.sequence.cast_signed()), receipt) {
                return Err(receipt_conflict(receipt, &other.sha256()));
            }
        }
        let keys: Vec<&str> = wanted.keys().map(|(key, _)| *key).collect();
        let sequences: Vec<i64> = wanted.keys().map(|(_, sequence)| *sequence).collect();
        let sql = "SELECT receipt.key, receipt.sequence, sha256 FROM receipt
                   JOIN unnest($1::text[], $2::bigint[]) AS wanted (key, sequence)
                   ON receipt.key = wanted.key AND receipt.sequence = wanted.sequence LIMIT 1";
        match self.query(sql, &[&keys, &sequences]).await?.first() {
            None => Ok(()),
            Some(row) => {
                let (key, sequence): (&str, i64) = (get(row, 0)?, get(row, 1)?);
                match wanted.get(&(key, sequence)) {
                    Some(receipt) => Err(receipt_conflict(receipt, get(row, 2)?)),
                    None => Err(StoreError::Database("a receipt was found that nobody asked for".into())),
                }
            }
        }
    }
}
