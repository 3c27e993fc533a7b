//! What is written, inside a transaction. Everything of a batch goes in as arrays: the number of statements does not grow
//! with it.

use std::collections::BTreeMap;

use deadpool_postgres::Transaction;
use ispeed_protocol::UtcMicros;
use ispeed_protocol::receipt::{CHAIN_START, Receipt, ReceiptKind};
use ispeed_report::MonthSample;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::parts::part_of;
use super::rows::{Parameter, arrays, get, type_of};
use super::{failure, json};
use crate::store::columns::{self, COLUMNS};
use crate::store::words::first_reason;
use crate::store::{ChainLink, StoreError, StoredSample};

/// A transaction that knows how to name its database.
pub(super) struct Tx<'a> {
    pub(super) tx: Transaction<'a>,
    pub(super) shown: &'a str,
}

impl Tx<'_> {
    pub(super) async fn query(
        &self,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<tokio_postgres::Row>, StoreError> {
        let failed = |error| failure::of(self.shown, error);
        let statement = self.tx.prepare_cached(sql).await.map_err(failed)?;
        self.tx.query(&statement, parameters).await.map_err(failed)
    }

    pub(super) async fn commit(self) -> Result<(), StoreError> {
        self.tx.commit().await.map_err(|error| failure::of(self.shown, error))
    }

    /// Keeps imports, which take many samples without locks of their own, apart from single samples.
    pub(super) async fn among_writers(&self) -> Result<(), StoreError> {
        self.query("LOCK TABLE sample_id IN ROW EXCLUSIVE MODE", &[]).await.map(drop)
    }

    /// Alone among all that write samples.
    pub(super) async fn alone(&self) -> Result<(), StoreError> {
        self.query("LOCK TABLE sample_id IN SHARE ROW EXCLUSIVE MODE", &[]).await.map(drop)
    }

    /// Takes the chain of a key until the end of the transaction: its next free place.
    pub(super) async fn lock_chain(&self, key: &str) -> Result<ChainLink, StoreError> {
        let make = "INSERT INTO chain (key, sequence, sha256) VALUES ($1, 0, $2) ON CONFLICT DO NOTHING";
        let take = "SELECT sequence, sha256 FROM chain WHERE key = $1 FOR UPDATE";
        let mut rows = self.query(take, &[&key]).await?;
        if rows.is_empty() {
            self.query(make, &[&key, &CHAIN_START]).await?;
            rows = self.query(take, &[&key]).await?;
        }
        let row = rows.first().ok_or_else(|| StoreError::Database("a chain vanished".into()))?;
        Ok(ChainLink { sequence: get::<i64>(row, 0)?.cast_unsigned() + 1, previous: get(row, 1)? })
    }

    /// Takes devices and ids until the end of the transaction, so that what is known of them stays as it was read. In one
    /// order everywhere, so that no two writers wait for each other.
    pub(super) async fn lock_names(&self, mut names: Vec<i64>) -> Result<(), StoreError> {
        names.sort_unstable();
        names.dedup();
        self.query("SELECT pg_advisory_xact_lock(name) FROM unnest($1::bigint[]) AS name", &[&names]).await.map(drop)
    }

    /// Writes samples with everything that belongs to them.
    pub(super) async fn insert(&self, samples: &[StoredSample]) -> Result<(), StoreError> {
        if samples.is_empty() {
            return Ok(());
        }
        let count = i64::try_from(samples.len()).unwrap_or(i64::MAX);
        let numbers = "SELECT nextval('sample_position') FROM generate_series(1::bigint, $1)";
        let numbers = self.query(numbers, &[&count]).await?;
        let positions: Vec<i64> = numbers.iter().map(|row| get(row, 0)).collect::<Result<_, _>>()?;
        let rows: Vec<&MonthSample> = samples.iter().map(|sample| &sample.row).collect();
        let parts: Vec<String> = rows.iter().map(|row| part_of(row)).collect();
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
        let bodies: Vec<&[u8]> = samples.iter().map(|sample| sample.body.as_slice()).collect();

        self.insert_receipts(samples.iter().map(|sample| &sample.receipt)).await?;
        self.query(
            "INSERT INTO sample_id (id, part, position) SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[])",
            &[&ids, &parts, &positions],
        )
        .await?;
        self.insert_rows(samples, &rows, &parts, &positions).await?;
        self.query(
            "INSERT INTO body (part, position, bytes) SELECT * FROM unnest($1::text[], $2::bigint[], $3::bytea[])",
            &[&parts, &positions, &bodies],
        )
        .await?;
        self.tally(rows.into_iter(), 1).await
    }

    async fn insert_rows(
        &self,
        samples: &[StoredSample],
        rows: &[&MonthSample],
        parts: &[String],
        positions: &[i64],
    ) -> Result<(), StoreError> {
        let mut parameters: Vec<Parameter> = vec![
            Box::new(parts.to_vec()),
            Box::new(positions.to_vec()),
            Box::new(rows.iter().map(|row| row.month().to_string()).collect::<Vec<_>>()),
            Box::new(samples.iter().map(|s| s.place.as_ref().map(json)).collect::<Vec<_>>()),
            Box::new(rows.iter().map(|row| row.received_at.as_micros()).collect::<Vec<_>>()),
        ];
        parameters.extend(arrays(rows));
        let before = ["text", "bigint", "text", "text", "bigint"];
        let types = before.into_iter().chain(COLUMNS.map(|(_, kind)| type_of(kind)));
        let marks: Vec<String> = types.enumerate().map(|(i, kind)| format!("${}::{kind}[]", i + 1)).collect();
        let sql = format!(
            "INSERT INTO sample (part, position, month, place, judged_us, {}) SELECT * FROM unnest({})",
            columns::names(),
            marks.join(", ")
        );
        let parameters: Vec<&(dyn ToSql + Sync)> =
            parameters.iter().map(|parameter| &**parameter as &(dyn ToSql + Sync)).collect();
        self.query(&sql, &parameters).await.map(drop)
    }

    pub(super) async fn insert_receipts<'a>(
        &self,
        receipts: impl Iterator<Item = &'a Receipt>,
    ) -> Result<(), StoreError> {
        let receipts: Vec<&Receipt> = receipts.collect();
        let keys: Vec<&str> = receipts.iter().map(|r| r.key.as_str()).collect();
        let sequences: Vec<i64> = receipts.iter().map(|r| r.sequence.cast_signed()).collect();
        let ids: Vec<Uuid> = receipts.iter().map(|r| r.sample_id).collect();
        let deletions: Vec<bool> = receipts.iter().map(|r| r.kind == ReceiptKind::Deletion).collect();
        let hashes: Vec<String> = receipts.iter().map(|r| r.sha256()).collect();
        let texts: Vec<String> = receipts.iter().map(json).collect();
        self.query(
            "INSERT INTO receipt (key, sequence, sample_id, deletion, sha256, json)
             SELECT * FROM unnest($1::text[], $2::bigint[], $3::uuid[], $4::boolean[], $5::text[], $6::text[])",
            &[&keys, &sequences, &ids, &deletions, &hashes, &texts],
        )
        .await?;
        self.move_heads(&receipts).await
    }

    /// The chains of these receipts end at the newest of them, unless they end later already.
    async fn move_heads(&self, receipts: &[&Receipt]) -> Result<(), StoreError> {
        let mut newest: BTreeMap<&str, &Receipt> = BTreeMap::new();
        for receipt in receipts {
            let head = newest.entry(&receipt.key).or_insert(receipt);
            if receipt.sequence > head.sequence {
                *head = receipt;
            }
        }
        for (key, receipt) in newest {
            let sql = "INSERT INTO chain (key, sequence, sha256) VALUES ($1, $2, $3) ON CONFLICT (key)
                       DO UPDATE SET sequence = excluded.sequence, sha256 = excluded.sha256
                       WHERE chain.sequence < excluded.sequence";
            self.query(sql, &[&key, &receipt.sequence.cast_signed(), &receipt.sha256()]).await?;
        }
        Ok(())
    }

    /// Adds samples to the tallies, or takes them away. Rows are met in the order of their keys, so that two writers do not
    /// wait for each other.
    pub(super) async fn tally<'a>(
        &self,
        rows: impl Iterator<Item = &'a MonthSample>,
        by: i64,
    ) -> Result<(), StoreError> {
        let (mut tallies, mut devices) = (BTreeMap::new(), BTreeMap::new());
        for row in rows {
            let (month, commune) = (row.month().to_string(), row.commune.clone().unwrap_or_default());
            if row.counts {
                *devices.entry((month.clone(), commune.clone(), row.device_id.clone())).or_insert(0_i64) += by;
            }
            let reason = first_reason(row.counts, &row.reasons).to_owned();
            *tallies.entry((month, commune, reason, !row.attested)).or_insert(0_i64) += by;
        }
        let keys: Vec<_> = tallies.keys().cloned().collect();
        let column = |of: fn(&(String, String, String, bool)) -> String| keys.iter().map(of).collect::<Vec<_>>();
        let (months, communes, reasons) = (column(|k| k.0.clone()), column(|k| k.1.clone()), column(|k| k.2.clone()));
        let unattested: Vec<bool> = keys.iter().map(|key| key.3).collect();
        let counts: Vec<i64> = tallies.into_values().collect();
        self.query(
            "INSERT INTO tally (month, commune, reason, unattested, samples)
             SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::boolean[], $5::bigint[])
             ON CONFLICT (month, commune, reason, unattested)
             DO UPDATE SET samples = tally.samples + excluded.samples",
            &[&months, &communes, &reasons, &unattested, &counts],
        )
        .await?;
        if by < 0 {
            self.query("DELETE FROM tally WHERE month = ANY($1::text[]) AND samples <= 0", &[&months]).await?;
        }
        self.tally_devices(devices, by < 0).await
    }

    async fn tally_devices(
        &self,
        devices: BTreeMap<(String, String, String), i64>,
        tidy: bool,
    ) -> Result<(), StoreError> {
        let keys: Vec<_> = devices.keys().cloned().collect();
        let column = |of: fn(&(String, String, String)) -> String| keys.iter().map(of).collect::<Vec<_>>();
        let (months, communes, ids) = (column(|k| k.0.clone()), column(|k| k.1.clone()), column(|k| k.2.clone()));
        let counts: Vec<i64> = devices.into_values().collect();
        self.query(
            "INSERT INTO device_tally (month, commune, device_id, samples)
             SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[])
             ON CONFLICT (month, commune, device_id)
             DO UPDATE SET samples = device_tally.samples + excluded.samples",
            &[&months, &communes, &ids, &counts],
        )
        .await?;
        if tidy {
            // A device whose samples are all gone is no device any more, and its id has no reason to stay.
            self.query(
                "DELETE FROM device_tally USING unnest($1::text[], $2::text[], $3::text[]) AS gone (m, c, d)
                 WHERE month = m AND commune = c AND device_id = d AND samples <= 0",
                &[&months, &communes, &ids],
            )
            .await?;
        }
        Ok(())
    }

    /// Removes samples and leaves their tombstones; the receipts of the deletions are the caller's.
    pub(super) async fn bury(&self, rows: &[MonthSample], at: UtcMicros) -> Result<(), StoreError> {
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
        for table in ["body", "sample"] {
            let sql = format!(
                "DELETE FROM {table} USING sample_id WHERE sample_id.id = ANY($1)
                 AND {table}.position = sample_id.position AND {table}.part = sample_id.part"
            );
            self.query(&sql, &[&ids]).await?;
        }
        self.query("DELETE FROM sample_id WHERE id = ANY($1)", &[&ids]).await?;
        self.insert_tombstones(rows.iter().map(|row| (row.id, row.sha256.clone(), at))).await?;
        self.tally(rows.iter(), -1).await
    }

    pub(super) async fn insert_tombstones(
        &self,
        gone: impl Iterator<Item = (Uuid, String, UtcMicros)>,
    ) -> Result<(), StoreError> {
        let (mut ids, mut hashes, mut times) = (Vec::new(), Vec::new(), Vec::new());
        for (id, sha256, at) in gone {
            ids.push(id);
            hashes.push(sha256);
            times.push(at.as_micros());
        }
        self.query(
            "INSERT INTO tombstone (id, sha256, deleted_us) SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[])",
            &[&ids, &hashes, &times],
        )
        .await
        .map(drop)
    }
}
