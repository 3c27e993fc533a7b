//! What is written, each inside the writer's transaction.

use ispeed_protocol::receipt::{CHAIN_START, Receipt, ReceiptKind};
use ispeed_protocol::{Month, UtcMicros};
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::{database, json, read};
use crate::store::{
    ChainLink, CountedSample, Decide, Decision, Held, KeyUse, NewSample, SignDeletion, Standing, StoreError,
    Submission, UsedKey,
};

/// Samples of a device this near are shown to `decide`.
const NEARBY_MICROS: i64 = 86_400_000_000;

pub(super) fn register_key(tx: &Connection, key: &UsedKey) -> Result<(), StoreError> {
    tx.prepare_cached("INSERT INTO used_key (purpose, key, since_us) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")
        .and_then(|mut s| s.execute(params![purpose_text(key.purpose), key.key, key.since.as_micros()]))
        .map_err(database)?;
    Ok(())
}

pub(super) const fn purpose_text(purpose: KeyUse) -> &'static str {
    match purpose {
        KeyUse::Receipt => "receipt",
        KeyUse::Evidence => "evidence",
    }
}

pub(super) fn submit(
    tx: &Connection,
    chain_key: &str,
    sample: &NewSample,
    decide: Decide,
) -> Result<Submission, StoreError> {
    if let Some(known) = read::find(tx, sample.id)? {
        return Ok(Submission::Known(known));
    }
    let standing = Standing {
        link: next_link(tx, chain_key)?,
        same_start: same_start(tx, sample)?,
        counted_nearby: counted_nearby(tx, sample)?,
    };
    let decision = decide(&standing)?;
    insert_receipt(tx, &decision.receipt)?;
    insert_sample(tx, sample, &decision)?;
    tally(tx, sample, &decision)?;
    let Decision { verdict, place, receipt } = decision;
    Ok(Submission::Stored(Held { sha256: sample.sha256.clone(), receipt, verdict, place }))
}

fn next_link(tx: &Connection, chain_key: &str) -> Result<ChainLink, StoreError> {
    let head: Option<(i64, String)> = tx
        .prepare_cached("SELECT sequence, sha256 FROM receipt WHERE key = ?1 ORDER BY sequence DESC LIMIT 1")
        .and_then(|mut s| s.query_row([chain_key], |row| Ok((row.get(0)?, row.get(1)?))).optional())
        .map_err(database)?;
    Ok(match head {
        Some((sequence, sha256)) => ChainLink { sequence: sequence.unsigned_abs() + 1, previous: sha256 },
        None => ChainLink { sequence: 1, previous: CHAIN_START.to_owned() },
    })
}

fn same_start(tx: &Connection, sample: &NewSample) -> Result<bool, StoreError> {
    tx.prepare_cached("SELECT EXISTS (SELECT 1 FROM sample WHERE device_id = ?1 AND started_us = ?2)")
        .and_then(|mut s| s.query_row(params![sample.device_id, sample.started_at.as_micros()], |row| row.get(0)))
        .map_err(database)
}

fn counted_nearby(tx: &Connection, sample: &NewSample) -> Result<Vec<CountedSample>, StoreError> {
    let at = sample.started_at.as_micros();
    let mut statement = tx
        .prepare_cached(
            "SELECT started_us, commune FROM sample JOIN verdict USING (position)
             WHERE device_id = ?1 AND started_us BETWEEN ?2 AND ?3 AND counts = 1 ORDER BY started_us",
        )
        .map_err(database)?;
    let rows = statement
        .query_map(
            params![sample.device_id, at.saturating_sub(NEARBY_MICROS), at.saturating_add(NEARBY_MICROS)],
            |row| Ok(CountedSample { started_at: UtcMicros(row.get(0)?), commune: read::text_or_none(row.get(1)?) }),
        )
        .map_err(database)?;
    rows.collect::<Result<_, _>>().map_err(database)
}

fn insert_receipt(tx: &Connection, receipt: &Receipt) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO receipt (key, sequence, sample_id, deletion, sha256, json) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )
    .and_then(|mut s| {
        s.execute(params![
            receipt.key,
            receipt.sequence.cast_signed(),
            receipt.sample_id.as_bytes(),
            receipt.kind == ReceiptKind::Deletion,
            receipt.sha256(),
            json(receipt),
        ])
    })
    .map_err(database)?;
    Ok(())
}

fn insert_sample(tx: &Connection, sample: &NewSample, decision: &Decision) -> Result<(), StoreError> {
    let month = sample.started_at.month().to_string();
    tx.prepare_cached(
        "INSERT INTO sample (id, sha256, device_id, month, started_us, received_us, commune, unattested)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )
    .and_then(|mut s| {
        s.execute(params![
            sample.id.as_bytes(),
            sample.sha256,
            sample.device_id,
            month,
            sample.started_at.as_micros(),
            sample.received_at.as_micros(),
            sample.commune.as_deref().unwrap_or_default(),
            sample.unattested,
        ])
    })
    .map_err(database)?;
    let position = tx.last_insert_rowid();
    tx.prepare_cached("INSERT INTO body (position, bytes) VALUES (?1, ?2)")
        .and_then(|mut s| s.execute(params![position, sample.body]))
        .map_err(database)?;
    tx.prepare_cached(
        "INSERT INTO verdict (position, counts, reasons, rules, place, judged_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )
    .and_then(|mut s| {
        s.execute(params![
            position,
            decision.verdict.counts,
            json(&decision.verdict.reasons),
            decision.verdict.rules,
            decision.place.as_ref().map(json),
            sample.received_at.as_micros(),
        ])
    })
    .map_err(database)?;
    Ok(())
}

fn tally(tx: &Connection, sample: &NewSample, decision: &Decision) -> Result<(), StoreError> {
    let row = TallyRow {
        month: sample.started_at.month(),
        commune: sample.commune.as_deref().unwrap_or_default(),
        device_id: &sample.device_id,
        counts: decision.verdict.counts,
        reason: first_reason(decision.verdict.counts, &decision.verdict.reasons),
        unattested: sample.unattested,
    };
    row.add(tx, 1)
}

/// Reason under which a verdict is tallied; empty when it counts.
fn first_reason(counts: bool, reasons: &[String]) -> &str {
    if counts { "" } else { reasons.first().map_or("unstated", String::as_str) }
}

struct TallyRow<'a> {
    month: Month,
    commune: &'a str,
    device_id: &'a str,
    counts: bool,
    reason: &'a str,
    unattested: bool,
}

impl TallyRow<'_> {
    fn add(&self, tx: &Connection, by: i64) -> Result<(), StoreError> {
        let month = self.month.to_string();
        tx.prepare_cached(
            "INSERT INTO tally (month, commune, reason, unattested, samples) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET samples = samples + excluded.samples",
        )
        .and_then(|mut s| s.execute(params![month, self.commune, self.reason, self.unattested, by]))
        .map_err(database)?;
        if by < 0 {
            tx.prepare_cached(
                "DELETE FROM tally
                 WHERE month = ?1 AND commune = ?2 AND reason = ?3 AND unattested = ?4 AND samples <= 0",
            )
            .and_then(|mut s| s.execute(params![month, self.commune, self.reason, self.unattested]))
            .map_err(database)?;
        }
        if !self.counts {
            return Ok(());
        }
        tx.prepare_cached(
            "INSERT INTO device_tally (month, commune, device_id, samples) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET samples = samples + excluded.samples",
        )
        .and_then(|mut s| s.execute(params![month, self.commune, self.device_id, by]))
        .map_err(database)?;
        if by < 0 {
            // A device whose samples are all gone is no device any more, and its id has no reason to stay.
            tx.prepare_cached(
                "DELETE FROM device_tally WHERE month = ?1 AND commune = ?2 AND device_id = ?3 AND samples <= 0",
            )
            .and_then(|mut s| s.execute(params![month, self.commune, self.device_id]))
            .map_err(database)?;
        }
        Ok(())
    }
}

struct Doomed {
    position: i64,
    id: Uuid,
    sha256: String,
    month: Month,
    commune: String,
    unattested: bool,
    counts: bool,
    reasons: Vec<String>,
}

fn doomed(tx: &Connection, device_id: &str) -> Result<Vec<Doomed>, StoreError> {
    let mut statement = tx
        .prepare_cached(
            "SELECT position, id, sha256, month, commune, unattested, counts, reasons
             FROM sample JOIN verdict USING (position) WHERE device_id = ?1 ORDER BY position",
        )
        .map_err(database)?;
    let mut rows = statement.query([device_id]).map_err(database)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(database)? {
        let month: String = row.get(3).map_err(database)?;
        found.push(Doomed {
            position: row.get(0).map_err(database)?,
            id: read::uuid(row.get(1).map_err(database)?)?,
            sha256: row.get(2).map_err(database)?,
            month: month.parse().map_err(|cause| StoreError::Unreadable { what: "month", cause })?,
            commune: row.get(4).map_err(database)?,
            unattested: row.get(5).map_err(database)?,
            counts: row.get(6).map_err(database)?,
            reasons: read::parse("reasons", &row.get::<_, String>(7).map_err(database)?)?,
        });
    }
    Ok(found)
}

pub(super) fn delete_device(
    tx: &Connection,
    chain_key: &str,
    device_id: &str,
    at: UtcMicros,
    sign: &SignDeletion,
) -> Result<Vec<Receipt>, StoreError> {
    let mut receipts = Vec::new();
    for sample in doomed(tx, device_id)? {
        let given = read::sample_receipt(tx, sample.id)?;
        let receipt = sign(&given, &next_link(tx, chain_key)?)?;
        insert_receipt(tx, &receipt)?;
        receipts.push(receipt);
        bury(tx, &sample, device_id, at)?;
    }
    Ok(receipts)
}

fn bury(tx: &Connection, sample: &Doomed, device_id: &str, at: UtcMicros) -> Result<(), StoreError> {
    for table in ["body", "verdict", "sample"] {
        tx.prepare_cached(&format!("DELETE FROM {table} WHERE position = ?1"))
            .and_then(|mut s| s.execute([sample.position]))
            .map_err(database)?;
    }
    tx.prepare_cached("INSERT INTO tombstone (id, sha256, deleted_us) VALUES (?1, ?2, ?3)")
        .and_then(|mut s| s.execute(params![sample.id.as_bytes(), sample.sha256, at.as_micros()]))
        .map_err(database)?;
    let row = TallyRow {
        month: sample.month,
        commune: &sample.commune,
        device_id,
        counts: sample.counts,
        reason: first_reason(sample.counts, &sample.reasons),
        unattested: sample.unattested,
    };
    row.add(tx, -1)
}
