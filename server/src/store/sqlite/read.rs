//! What is read, on any connection.

use ispeed_protocol::receipt::Receipt;
use ispeed_protocol::verdict::Verdict;
use ispeed_protocol::{Month, UtcMicros};
use ispeed_report::sample::ChainHead;
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::database;
use super::write::purpose_text;
use crate::store::words::{parse, text_or_none};
use crate::store::{Held, KeyUse, Known, MonthTallies, OwnedSample, StoreError, Tally, UsedKey};

pub(super) fn uuid(bytes: Vec<u8>) -> Result<Uuid, StoreError> {
    Uuid::from_slice(&bytes).map_err(|e| StoreError::Unreadable { what: "sample id", cause: e.to_string() })
}

pub(super) fn keys(db: &Connection) -> Result<Vec<UsedKey>, StoreError> {
    let mut statement =
        db.prepare_cached("SELECT purpose, key, since_us FROM used_key ORDER BY since_us, key").map_err(database)?;
    let rows = statement
        .query_map([], |row| {
            let purpose: String = row.get(0)?;
            let purpose = if purpose == purpose_text(KeyUse::Receipt) { KeyUse::Receipt } else { KeyUse::Evidence };
            Ok(UsedKey { purpose, key: row.get(1)?, since: UtcMicros(row.get(2)?) })
        })
        .map_err(database)?;
    rows.collect::<Result<_, _>>().map_err(database)
}

pub(super) const HELD: &str = "sample.sha256, receipt.json, verdict.counts, verdict.reasons, verdict.rules, place";

/// The columns of [`HELD`], from column `first` on.
pub(super) fn held(row: &Row<'_>, first: usize) -> Result<Held, StoreError> {
    let text = |i: usize| row.get::<_, String>(first + i).map_err(database);
    let place: Option<String> = row.get(first + 5).map_err(database)?;
    Ok(Held {
        sha256: text(0)?,
        receipt: parse("receipt", &text(1)?)?,
        verdict: Verdict {
            counts: row.get(first + 2).map_err(database)?,
            reasons: parse("reasons", &text(3)?)?,
            rules: row.get(first + 4).map_err(database)?,
        },
        place: place.map(|json| parse("place", &json)).transpose()?,
    })
}

pub(super) fn find(db: &Connection, id: Uuid) -> Result<Option<Known>, StoreError> {
    let mut statement = db
        .prepare_cached(&format!(
            "SELECT {HELD} FROM sample JOIN verdict USING (position)
             JOIN receipt ON receipt.sample_id = sample.id AND receipt.deletion = 0 WHERE sample.id = ?1"
        ))
        .map_err(database)?;
    let mut rows = statement.query([id.as_bytes()]).map_err(database)?;
    if let Some(row) = rows.next().map_err(database)? {
        return held(row, 0).map(|held| Some(Known::Held(held)));
    }
    let tombstone: Option<String> = db
        .prepare_cached("SELECT sha256 FROM tombstone WHERE id = ?1")
        .and_then(|mut s| s.query_row([id.as_bytes()], |row| row.get(0)).optional())
        .map_err(database)?;
    Ok(tombstone.map(|sha256| Known::Deleted { sha256 }))
}

pub(super) fn sample_receipt(db: &Connection, id: Uuid) -> Result<Receipt, StoreError> {
    let json: String = db
        .prepare_cached("SELECT json FROM receipt WHERE sample_id = ?1 AND deletion = 0")
        .and_then(|mut s| s.query_row([id.as_bytes()], |row| row.get(0)))
        .map_err(database)?;
    parse("receipt", &json)
}

pub(super) fn of_device(
    db: &Connection,
    device_id: &str,
    after: i64,
    limit: u32,
) -> Result<Vec<OwnedSample>, StoreError> {
    let mut statement = db
        .prepare_cached(&format!(
            "SELECT position, sample.id, bytes, {HELD} FROM sample JOIN verdict USING (position)
             JOIN body USING (position) JOIN receipt ON receipt.sample_id = sample.id AND receipt.deletion = 0
             WHERE device_id = ?1 AND position > ?2 ORDER BY position LIMIT ?3"
        ))
        .map_err(database)?;
    let mut rows = statement.query(params![device_id, after, limit]).map_err(database)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(database)? {
        found.push(OwnedSample {
            position: row.get(0).map_err(database)?,
            id: uuid(row.get(1).map_err(database)?)?,
            body: row.get(2).map_err(database)?,
            held: held(row, 3)?,
        });
    }
    Ok(found)
}

pub(super) fn tallies(db: &Connection, month: Month, commune: Option<&str>) -> Result<MonthTallies, StoreError> {
    // Two texts of each query, so that the one with a commune uses the whole primary key.
    let only = if commune.is_some() { "AND commune = ?2" } else { "AND ?2 IS NULL" };
    let month = month.to_string();
    let mut statement = db
        .prepare_cached(&format!(
            "SELECT commune, reason, unattested, samples FROM tally WHERE month = ?1 {only}
             ORDER BY commune, reason, unattested"
        ))
        .map_err(database)?;
    let tallies = statement
        .query_map(params![month, commune], |row| {
            Ok(Tally {
                commune: text_or_none(row.get(0)?),
                reason: text_or_none(row.get(1)?),
                unattested: row.get(2)?,
                samples: row.get(3)?,
            })
        })
        .and_then(|rows| rows.collect::<Result<_, _>>())
        .map_err(database)?;
    let mut statement = db
        .prepare_cached(&format!(
            "SELECT commune, count(*) FROM device_tally WHERE month = ?1 {only} GROUP BY commune ORDER BY commune"
        ))
        .map_err(database)?;
    let devices = statement
        .query_map(params![month, commune], |row| Ok((row.get(0)?, row.get(1)?)))
        .and_then(|rows| rows.collect::<Result<_, _>>())
        .map_err(database)?;
    Ok(MonthTallies { tallies, devices })
}

pub(super) fn receipts(db: &Connection, chain_key: &str, after: u64, limit: u32) -> Result<Vec<Receipt>, StoreError> {
    let mut statement = db
        .prepare_cached("SELECT json FROM receipt WHERE key = ?1 AND sequence > ?2 ORDER BY sequence LIMIT ?3")
        .map_err(database)?;
    let rows = statement
        .query_map(params![chain_key, after.cast_signed(), limit], |row| row.get::<_, String>(0))
        .map_err(database)?;
    rows.map(|json| parse("receipt", &json.map_err(database)?)).collect()
}

/// The newest receipt of each chain. Steps from key to key: a scan would read every receipt there is.
pub(super) fn chain_heads(db: &Connection) -> Result<Vec<ChainHead>, StoreError> {
    let mut statement = db
        .prepare_cached(
            "WITH RECURSIVE chain (key) AS (
                 SELECT min(key) FROM receipt
                 UNION ALL SELECT (SELECT min(key) FROM receipt WHERE key > chain.key) FROM chain WHERE key IS NOT NULL)
             SELECT receipt.key, receipt.sequence, receipt.sha256 FROM chain JOIN receipt ON receipt.key = chain.key
                 AND receipt.sequence = (SELECT max(sequence) FROM receipt WHERE receipt.key = chain.key)
             ORDER BY receipt.key",
        )
        .map_err(database)?;
    let rows = statement
        .query_map([], |row| {
            Ok(ChainHead { key: row.get(0)?, sequence: row.get::<_, i64>(1)?.cast_unsigned(), sha256: row.get(2)? })
        })
        .map_err(database)?;
    rows.collect::<Result<_, _>>().map_err(database)
}
