//! Samples as they are kept: the body's bytes, where they stand, and what became of them.

use std::fmt;

use ispeed_protocol::UtcMicros;
use ispeed_protocol::signing::sha256_hex;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use uuid::Uuid;

use super::Outbox;
use super::answer::{ProblemKind, UploadProblem};
use super::attempts;
use super::ledger::{self, Event};
use crate::assemble::{Assembled, Draft};
use crate::consent::share_rank;
use crate::error::{Error, Result};
use crate::identity::bind_first_run;

/// Where a sample stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum State {
    /// Made without consent to upload: history, never handed in.
    Local,
    /// To be sent.
    Waiting,
    /// On its way; an answer is due.
    Sending,
    /// A collector gave its receipt.
    Sent,
    /// Refused: kept, shown, and not sent again until its owner says so.
    Quarantined,
}

impl State {
    /// Stable text.
    pub fn text(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Waiting => "waiting",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Quarantined => "quarantined",
        }
    }

    fn parse(text: &str) -> Result<Self> {
        [Self::Local, Self::Waiting, Self::Sending, Self::Sent, Self::Quarantined]
            .into_iter()
            .find(|state| state.text() == text)
            .ok_or_else(|| Error::Storage { reason: format!("a sample is in the unknown state {text:?}") })
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// A sample in the outbox.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredSample {
    /// Id.
    pub id: Uuid,
    /// Where it stands.
    pub state: State,
    /// The JSON of the sample, byte for byte as signed.
    pub body: Vec<u8>,
    /// SHA-256 of `body`.
    pub sha256: String,
    /// The device's signature.
    pub signature: String,
    /// Collector it is for.
    pub collector: String,
    /// Start of the run.
    pub started_at: UtcMicros,
    /// Uploads that failed since it began to wait.
    pub tries: u32,
    /// Not sent before this, on the device's clock.
    pub next_at: UtcMicros,
    /// Why it is still here: the last failure, or the refusal.
    pub problem: Option<UploadProblem>,
    /// The receipt's JSON, byte for byte.
    pub receipt: Option<Vec<u8>>,
    /// The collector's whole answer: receipt, its verdict, its place ([`ispeed_protocol::receipt::Submitted`]).
    pub answer: Option<Vec<u8>>,
    /// When the receipt came.
    pub sent_at: Option<UtcMicros>,
}

/// Which samples to list.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Filter {
    /// Only in this state.
    pub state: Option<State>,
    /// Only those that started before.
    pub before: Option<UtcMicros>,
    /// At most so many; `None`: all.
    pub limit: Option<u32>,
}

const COLUMNS: &str = "id, state, body, sha256, signature, collector, started_at, tries, next_at, problem_kind, problem, \
                       receipt, answer, sent_at";

impl Outbox {
    /// One sample, if it is here.
    pub fn sample(&self, id: Uuid) -> Result<Option<StoredSample>> {
        self.read(|connection| load(connection, id))
    }

    /// Samples, the newest first.
    pub fn samples(&self, filter: Filter) -> Result<Vec<StoredSample>> {
        let mut all = Vec::new();
        self.each_sample(filter, |sample| {
            all.push(sample);
            Ok(())
        })?;
        Ok(all)
    }

    /// Calls `each` with the samples, the newest first, one at a time in memory. `each` may call the outbox; samples erased
    /// meanwhile are left out.
    pub fn each_sample(&self, filter: Filter, each: impl FnMut(StoredSample) -> Result<()>) -> Result<()> {
        let ids = self.read(|connection| {
            let mut statement = connection.prepare(
                "SELECT id FROM samples WHERE (?1 IS NULL OR state = ?1) AND (?2 IS NULL OR started_at < ?2) \
                 ORDER BY started_at DESC, id DESC LIMIT ?3",
            )?;
            let before = filter.before.map(UtcMicros::as_micros);
            let limit = filter.limit.map_or(-1, i64::from);
            let ids = statement.query_map(params![filter.state.map(State::text), before, limit], |row| row.get(0))?;
            Ok(ids.collect::<rusqlite::Result<Vec<String>>>()?)
        })?;
        self.each_of(&ids, each)
    }

    /// The same of samples whose ids were just read, in their order.
    pub(crate) fn each_of(&self, ids: &[String], mut each: impl FnMut(StoredSample) -> Result<()>) -> Result<()> {
        for id in ids {
            if let Some(sample) = self.sample(parse_id(id)?)? {
                each(sample)?;
            }
        }
        Ok(())
    }

    /// Puts a quarantined sample back into the queue, as if it had never been tried. Errors: `not_found`; `input` when it
    /// is not quarantined.
    pub fn requeue(&self, id: Uuid, now: UtcMicros) -> Result<()> {
        self.write(|tx| {
            let found = state(tx, id)?.ok_or(Error::NotFound { id })?;
            if found != State::Quarantined {
                return Err(Error::input(format!("sample {id}"), found, "a quarantined sample"));
            }
            requeue_in(tx, id, now)
        })
    }

    /// Puts all quarantined samples back; returns how many.
    pub fn requeue_all(&self, now: UtcMicros) -> Result<usize> {
        self.write(|tx| {
            let mut statement = tx.prepare("SELECT id FROM samples WHERE state = 'quarantined'")?;
            let ids = statement.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
            for id in &ids {
                requeue_in(tx, parse_id(id)?, now)?;
            }
            Ok(ids.len())
        })
    }
}

pub(super) fn requeue_in(connection: &Connection, id: Uuid, now: UtcMicros) -> Result<()> {
    connection.execute(
        "UPDATE samples SET state = 'waiting', tries = 0, next_at = 0 WHERE id = ?1 AND state = 'quarantined'",
        [id.to_string()],
    )?;
    ledger::write(connection, now, id, Event::Requeued, None)
}

/// Writes a finished sample. A second one of the same id is an error of the database and changes nothing.
pub(super) fn insert(connection: &Connection, draft: &Draft, assembled: &Assembled) -> Result<()> {
    let Assembled { sample, signed } = assembled;
    let state = if draft.consent.upload { State::Waiting } else { State::Local };
    connection.execute(
        "INSERT INTO samples (id, sha256, body, body_bytes, signature, collector, started_at, share, code, counts, state) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            signed.id.to_string(),
            sha256_hex(&signed.body),
            signed.body,
            attempts::signed(signed.body.len() as u64),
            signed.signature,
            draft.collector,
            sample.started_at.as_micros(),
            share_rank(draft.consent.share),
            sample.place.code,
            sample.verdict.counts,
            state.text()
        ],
    )?;
    connection.execute(
        "INSERT OR IGNORE INTO months (month, collector) VALUES (?1, ?2)",
        params![draft.month().to_string(), draft.collector],
    )?;
    if sample.device.first_run {
        bind_first_run(connection, signed.id)?;
    }
    Ok(())
}

/// Where a sample stands; a run that goes on counts as waiting. `None`: not here.
pub(super) fn state(connection: &Connection, id: Uuid) -> Result<Option<State>> {
    let found: Option<String> = connection
        .query_row("SELECT state FROM samples WHERE id = ?1", [id.to_string()], |row| row.get(0))
        .optional()?;
    match found {
        Some(text) => State::parse(&text).map(Some),
        None if attempts::exists(connection, id)? => Ok(Some(State::Waiting)),
        None => Ok(None),
    }
}

pub(super) fn load(connection: &Connection, id: Uuid) -> Result<Option<StoredSample>> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM samples WHERE id = ?1"))?;
    let mut rows = statement.query([id.to_string()])?;
    rows.next()?.map(from_row).transpose()
}

fn from_row(row: &Row<'_>) -> Result<StoredSample> {
    let (id, state): (String, String) = (row.get(0)?, row.get(1)?);
    let (kind, text): (Option<String>, Option<String>) = (row.get(9)?, row.get(10)?);
    let problem = match (kind, text) {
        (Some(kind), Some(text)) => Some(UploadProblem { kind: ProblemKind::parse(&kind)?, text }),
        _ => None,
    };
    Ok(StoredSample {
        id: parse_id(&id)?,
        state: State::parse(&state)?,
        body: row.get(2)?,
        sha256: row.get(3)?,
        signature: row.get(4)?,
        collector: row.get(5)?,
        started_at: UtcMicros(row.get(6)?),
        tries: row.get(7)?,
        next_at: UtcMicros(row.get(8)?),
        problem,
        receipt: row.get(11)?,
        answer: row.get(12)?,
        sent_at: row.get::<_, Option<i64>>(13)?.map(UtcMicros),
    })
}

pub(super) fn parse_id(text: &str) -> Result<Uuid> {
    text.parse().map_err(|_| Error::Storage { reason: format!("the outbox holds the id {text:?}, which is no UUID") })
}
