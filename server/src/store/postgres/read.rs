//! What is read outside of transactions.

use std::collections::BTreeMap;

use deadpool_postgres::GenericClient;
use ispeed_protocol::receipt::Receipt;
use ispeed_protocol::verdict::Verdict;
use ispeed_protocol::{Month, UtcMicros};
use ispeed_report::sample::ChainHead;
use tokio_postgres::Row;
use uuid::Uuid;

use super::rows::get;
use super::{PostgresStore, failure};
use crate::store::words::{parse, text_or_none};
use crate::store::{Held, KeyUse, Known, MonthTallies, OwnedSample, StoreError, Tally, UsedKey};

pub(super) const HELD: &str = "sample.sha256, receipt.json, sample.counts, sample.reasons, sample.rules, sample.place";

/// The columns of [`HELD`], from column `first` on.
pub(super) fn held(row: &Row, first: usize) -> Result<Held, StoreError> {
    let rules: i64 = get(row, first + 4)?;
    Ok(Held {
        sha256: get(row, first)?,
        receipt: parse("receipt", get(row, first + 1)?)?,
        verdict: Verdict {
            counts: get(row, first + 2)?,
            reasons: parse("reasons", get(row, first + 3)?)?,
            rules: u32::try_from(rules).map_err(|e| StoreError::Unreadable { what: "rules", cause: e.to_string() })?,
        },
        place: get::<Option<&str>>(row, first + 5)?.map(|json| parse("place", json)).transpose()?,
    })
}

/// What became of these ids; those never seen are not in it.
pub(super) async fn known(
    client: &impl GenericClient,
    ids: &[Uuid],
    shown: &str,
) -> Result<BTreeMap<Uuid, Known>, StoreError> {
    let failed = |error| failure::of(shown, error);
    let sql = format!(
        "SELECT sample_id.id, {HELD} FROM sample_id JOIN sample USING (position, part)
         JOIN receipt ON receipt.sample_id = sample_id.id AND NOT receipt.deletion WHERE sample_id.id = ANY($1)"
    );
    let statement = client.prepare_cached(&sql).await.map_err(failed)?;
    let mut known = BTreeMap::new();
    for row in client.query(&statement, &[&ids]).await.map_err(failed)? {
        known.insert(get(&row, 0)?, Known::Held(held(&row, 1)?));
    }
    let statement =
        client.prepare_cached("SELECT id, sha256 FROM tombstone WHERE id = ANY($1)").await.map_err(failed)?;
    for row in client.query(&statement, &[&ids]).await.map_err(failed)? {
        known.insert(get(&row, 0)?, Known::Deleted { sha256: get(&row, 1)? });
    }
    Ok(known)
}

pub(super) const fn purpose_text(purpose: KeyUse) -> &'static str {
    match purpose {
        KeyUse::Receipt => "receipt",
        KeyUse::Evidence => "evidence",
    }
}

impl PostgresStore {
    pub(super) async fn register(&self, key: UsedKey) -> Result<(), StoreError> {
        let sql = "INSERT INTO used_key (purpose, key, since_us) VALUES ($1, $2, $3)
                   ON CONFLICT (purpose, key) DO UPDATE SET since_us = least(used_key.since_us, excluded.since_us)";
        self.query(sql, &[Box::new(purpose_text(key.purpose)), Box::new(key.key), Box::new(key.since.as_micros())])
            .await?;
        Ok(())
    }

    pub(super) async fn used_keys(&self) -> Result<Vec<UsedKey>, StoreError> {
        let rows = self.query("SELECT purpose, key, since_us FROM used_key ORDER BY since_us, key", &[]).await?;
        let of_row = |row: &Row| {
            let receipt = get::<&str>(row, 0)? == purpose_text(KeyUse::Receipt);
            let purpose = if receipt { KeyUse::Receipt } else { KeyUse::Evidence };
            Ok(UsedKey { purpose, key: get(row, 1)?, since: UtcMicros(get(row, 2)?) })
        };
        rows.iter().map(of_row).collect()
    }

    pub(super) async fn find_one(&self, id: Uuid) -> Result<Option<Known>, StoreError> {
        let connection = self.connection().await?;
        Ok(known(&connection, &[id], &self.shown).await?.remove(&id))
    }

    pub(super) async fn device_samples(
        &self,
        device_id: String,
        after: i64,
        limit: u32,
    ) -> Result<Vec<OwnedSample>, StoreError> {
        let sql = format!(
            "SELECT sample.position, sample.id, body.bytes, {HELD} FROM sample JOIN body USING (position, part)
             JOIN receipt ON receipt.sample_id = sample.id AND NOT receipt.deletion
             WHERE device_id = $1 AND sample.position > $2 ORDER BY sample.position LIMIT $3"
        );
        let rows = self.query(&sql, &[Box::new(device_id), Box::new(after), Box::new(i64::from(limit))]).await?;
        let of_row = |row: &Row| {
            Ok(OwnedSample { position: get(row, 0)?, id: get(row, 1)?, body: get(row, 2)?, held: held(row, 3)? })
        };
        rows.iter().map(of_row).collect()
    }

    pub(super) async fn month_tallies(
        &self,
        month: Month,
        commune: Option<String>,
    ) -> Result<MonthTallies, StoreError> {
        let month = month.to_string();
        let only = if commune.is_some() { "AND commune = $2" } else { "AND $2::text IS NULL" };
        let sql = format!(
            "SELECT commune, reason, unattested, samples FROM tally WHERE month = $1 {only}
             ORDER BY commune, reason, unattested"
        );
        let tallies = self.query(&sql, &[Box::new(month.clone()), Box::new(commune.clone())]).await?;
        let sql = format!(
            "SELECT commune, count(*) FROM device_tally WHERE month = $1 {only} GROUP BY commune ORDER BY commune"
        );
        let devices = self.query(&sql, &[Box::new(month), Box::new(commune)]).await?;
        let count = |row: &Row, i: usize| get::<i64>(row, i).map(|n| u32::try_from(n).unwrap_or(u32::MAX));
        let tally = |row: &Row| {
            Ok(Tally {
                commune: text_or_none(get(row, 0)?),
                reason: text_or_none(get(row, 1)?),
                unattested: get(row, 2)?,
                samples: count(row, 3)?,
            })
        };
        Ok(MonthTallies {
            tallies: tallies.iter().map(tally).collect::<Result<_, StoreError>>()?,
            devices: devices.iter().map(|row| Ok((get(row, 0)?, count(row, 1)?))).collect::<Result<_, StoreError>>()?,
        })
    }

    pub(super) async fn chain_receipts(
        &self,
        chain_key: String,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Receipt>, StoreError> {
        let sql = "SELECT json FROM receipt WHERE key = $1 AND sequence > $2 ORDER BY sequence LIMIT $3";
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let rows = self.query(sql, &[Box::new(chain_key), Box::new(after), Box::new(i64::from(limit))]).await?;
        rows.iter().map(|row| parse("receipt", get(row, 0)?)).collect()
    }

    pub(super) async fn heads(&self) -> Result<Vec<ChainHead>, StoreError> {
        // A chain without a receipt: its first writer failed.
        let rows = self.query("SELECT key, sequence, sha256 FROM chain WHERE sequence > 0 ORDER BY key", &[]).await?;
        let of_row = |row: &Row| {
            Ok(ChainHead { key: get(row, 0)?, sequence: get::<i64>(row, 1)?.cast_unsigned(), sha256: get(row, 2)? })
        };
        rows.iter().map(of_row).collect()
    }
}
