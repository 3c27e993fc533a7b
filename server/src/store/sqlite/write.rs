//! What is written, each inside the writer's transaction.

use ispeed_protocol::place::Place;
use ispeed_protocol::receipt::{CHAIN_START, Receipt, ReceiptKind};
use ispeed_protocol::verdict::Verdict;
use ispeed_protocol::{Month, UtcMicros};
use ispeed_report::MonthSample;
use rusqlite::{Connection, OptionalExtension, ToSql, params};
use uuid::Uuid;

use super::{database, json, read, rows};
use crate::facts;
use crate::store::words::{first_reason, parse, text_or_none};
use crate::store::{
    ChainLink, CountedSample, Decide, Decision, Held, KeyUse, NEARBY_MICROS, NewSample, SignDeletion, Standing,
    StoreError, Submission, UsedKey,
};

pub(super) fn register_key(tx: &Connection, key: &UsedKey) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO used_key (purpose, key, since_us) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET since_us = min(since_us, excluded.since_us)",
    )
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
    let facts = &sample.facts;
    if let Some(known) = read::find(tx, facts.id)? {
        return Ok(Submission::Known(known));
    }
    let standing = Standing {
        link: next_link(tx, chain_key)?,
        same_start: same_start(tx, facts)?,
        counted_nearby: counted_nearby(tx, facts)?,
    };
    let Decision { verdict, place, receipt } = decide(&standing)?;
    let row = facts::decided(facts.clone(), &verdict, &receipt);
    insert_receipt(tx, &receipt)?;
    insert_sample(tx, &row, &sample.body, &verdict, place.as_ref())?;
    tally(tx, &row, 1)?;
    Ok(Submission::Stored(Held { sha256: row.sha256, receipt, verdict, place }))
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

fn same_start(tx: &Connection, sample: &MonthSample) -> Result<bool, StoreError> {
    tx.prepare_cached("SELECT EXISTS (SELECT 1 FROM sample WHERE device_id = ?1 AND started_us = ?2)")
        .and_then(|mut s| s.query_row(params![sample.device_id, sample.started_at.as_micros()], |row| row.get(0)))
        .map_err(database)
}

fn counted_nearby(tx: &Connection, sample: &MonthSample) -> Result<Vec<CountedSample>, StoreError> {
    let at = sample.started_at.as_micros();
    let mut statement = tx
        .prepare_cached(
            "SELECT sample.started_us, sample.commune, cell FROM sample JOIN verdict USING (position)
             JOIN month_row USING (position)
             WHERE sample.device_id = ?1 AND sample.started_us BETWEEN ?2 AND ?3 AND verdict.counts = 1
             ORDER BY sample.started_us",
        )
        .map_err(database)?;
    let mut rows = statement
        .query(params![sample.device_id, at.saturating_sub(NEARBY_MICROS), at.saturating_add(NEARBY_MICROS)])
        .map_err(database)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(database)? {
        let cell: Option<String> = row.get(2).map_err(database)?;
        found.push(CountedSample {
            started_at: UtcMicros(row.get(0).map_err(database)?),
            commune: text_or_none(row.get(1).map_err(database)?),
            cell: cell
                .map(|text| text.parse())
                .transpose()
                .map_err(|cause| StoreError::Unreadable { what: "cell", cause })?,
        });
    }
    Ok(found)
}

pub(super) fn insert_receipt(tx: &Connection, receipt: &Receipt) -> Result<(), StoreError> {
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

pub(super) fn insert_sample(
    tx: &Connection,
    row: &MonthSample,
    body: &[u8],
    verdict: &Verdict,
    place: Option<&Place>,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO sample (id, sha256, device_id, month, started_us, received_us, commune, unattested)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )
    .and_then(|mut s| {
        s.execute(params![
            row.id.as_bytes(),
            row.sha256,
            row.device_id,
            row.month().to_string(),
            row.started_at.as_micros(),
            row.received_at.as_micros(),
            row.commune.as_deref().unwrap_or_default(),
            !row.attested,
        ])
    })
    .map_err(database)?;
    let position = tx.last_insert_rowid();
    tx.prepare_cached("INSERT INTO body (position, bytes) VALUES (?1, ?2)")
        .and_then(|mut s| s.execute(params![position, body]))
        .map_err(database)?;
    tx.prepare_cached(
        "INSERT INTO verdict (position, counts, reasons, rules, place, judged_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )
    .and_then(|mut s| {
        s.execute(params![
            position,
            verdict.counts,
            json(&verdict.reasons),
            verdict.rules,
            place.map(json),
            row.received_at.as_micros(),
        ])
    })
    .map_err(database)?;
    rows::insert(tx, position, row)
}

/// Adds a sample to the tallies of its month.
pub(super) fn tally(tx: &Connection, row: &MonthSample, by: i64) -> Result<(), StoreError> {
    let tallied = TallyRow {
        month: row.month(),
        commune: row.commune.as_deref().unwrap_or_default(),
        device_id: &row.device_id,
        counts: row.counts,
        reason: first_reason(row.counts, &row.reasons),
        unattested: !row.attested,
    };
    tallied.add(tx, by)
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
    device_id: String,
    month: Month,
    commune: String,
    unattested: bool,
    counts: bool,
    reasons: Vec<String>,
}

/// Samples whose `column` has this value.
fn doomed(tx: &Connection, column: &str, value: &dyn ToSql) -> Result<Vec<Doomed>, StoreError> {
    let mut statement = tx
        .prepare_cached(&format!(
            "SELECT position, id, sha256, device_id, month, commune, unattested, counts, reasons
             FROM sample JOIN verdict USING (position) WHERE {column} = ?1 ORDER BY position"
        ))
        .map_err(database)?;
    let mut rows = statement.query([value]).map_err(database)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(database)? {
        let month: String = row.get(4).map_err(database)?;
        found.push(Doomed {
            position: row.get(0).map_err(database)?,
            id: read::uuid(row.get(1).map_err(database)?)?,
            sha256: row.get(2).map_err(database)?,
            device_id: row.get(3).map_err(database)?,
            month: month.parse().map_err(|cause| StoreError::Unreadable { what: "month", cause })?,
            commune: row.get(5).map_err(database)?,
            unattested: row.get(6).map_err(database)?,
            counts: row.get(7).map_err(database)?,
            reasons: parse("reasons", &row.get::<_, String>(8).map_err(database)?)?,
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
    for sample in doomed(tx, "device_id", &device_id)? {
        let given = read::sample_receipt(tx, sample.id)?;
        let receipt = sign(&given, &next_link(tx, chain_key)?)?;
        insert_receipt(tx, &receipt)?;
        receipts.push(receipt);
        bury(tx, &sample, at)?;
    }
    Ok(receipts)
}

/// Removes one sample and leaves its tombstone; the receipt of the deletion is the caller's.
pub(super) fn bury_by_id(tx: &Connection, id: Uuid, at: UtcMicros) -> Result<(), StoreError> {
    doomed(tx, "id", &id.as_bytes().as_slice())?.iter().try_for_each(|sample| bury(tx, sample, at))
}

fn bury(tx: &Connection, sample: &Doomed, at: UtcMicros) -> Result<(), StoreError> {
    rows::delete(tx, sample.position)?;
    for table in ["body", "verdict", "sample"] {
        tx.prepare_cached(&format!("DELETE FROM {table} WHERE position = ?1"))
            .and_then(|mut s| s.execute([sample.position]))
            .map_err(database)?;
    }
    insert_tombstone(tx, sample.id, &sample.sha256, at)?;
    let row = TallyRow {
        month: sample.month,
        commune: &sample.commune,
        device_id: &sample.device_id,
        counts: sample.counts,
        reason: first_reason(sample.counts, &sample.reasons),
        unattested: sample.unattested,
    };
    row.add(tx, -1)
}

pub(super) fn insert_tombstone(tx: &Connection, id: Uuid, sha256: &str, at: UtcMicros) -> Result<(), StoreError> {
    tx.prepare_cached("INSERT INTO tombstone (id, sha256, deleted_us) VALUES (?1, ?2, ?3)")
        .and_then(|mut s| s.execute(params![id.as_bytes(), sha256, at.as_micros()]))
        .map_err(database)?;
    Ok(())
}
