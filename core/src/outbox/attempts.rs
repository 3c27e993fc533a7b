//! Runs that go on: written down before the first packet, so that whatever happens to the process leaves a sample.

use std::collections::HashMap;
use std::time::Duration;

use ispeed_protocol::UtcMicros;
use rusqlite::{Connection, OptionalExtension as _, params};
use uuid::Uuid;

use super::ledger::{self, Event};
use super::schema::BUSY_TIMEOUT;
use super::{Before, Outbox, caps, lease, samples};
use crate::assemble::{Assembled, Draft};
use crate::budget;
use crate::error::{Error, Result};

/// How long a finished run waits for readers of other programs before it leaves the log as it is: what a person does not
/// notice.
const TIDY_TIMEOUT: Duration = Duration::from_millis(300);

/// A run whose process died; it belongs to this opening of the outbox now and waits to be finished.
#[derive(Clone, PartialEq, Debug)]
pub struct DeadAttempt {
    /// What was known of it.
    pub draft: Draft,
    /// When it was last seen alive.
    pub seen_at: UtcMicros,
    /// Phase it was last seen in.
    pub phase: String,
    /// Bytes received, as counted last.
    pub bytes_down: u64,
    /// Bytes sent, as counted last.
    pub bytes_up: u64,
}

impl Outbox {
    /// Writes down that a run begins. Errors: `full` when too much waits (nothing is dropped), `input` for an id that is
    /// already here, `storage`.
    pub fn begin(&self, draft: &Draft, now: UtcMicros) -> Result<()> {
        let json = serde_json::to_vec(draft).map_err(Error::internal)?;
        let id = draft.id.to_string();
        self.write(|tx| {
            caps::check_room(tx, self.caps)?;
            if samples::state(tx, draft.id)?.is_some() {
                return Err(Error::input("id", &id, "the id of a new sample; this one is already here"));
            }
            self.session.hold().map_err(Error::storage)?;
            tx.execute(
                "INSERT INTO attempts (id, session, seen_at, phase, bytes_down, bytes_up, draft) \
                 VALUES (?1, ?2, ?3, 'begun', 0, 0, ?4)",
                params![id, self.session.id, now.as_micros(), json],
            )?;
            budget::reserve(tx, draft)?;
            ledger::write(tx, now, draft.id, Event::Begun, None)
        })
    }

    /// Notes how far a run of this opening has come and what is known of it by now.
    pub fn seen(&self, draft: &Draft, phase: &str, bytes_down: u64, bytes_up: u64, now: UtcMicros) -> Result<()> {
        let json = serde_json::to_vec(draft).map_err(Error::internal)?;
        self.write(|tx| {
            tx.execute(
                "UPDATE attempts SET seen_at = ?3, phase = ?4, bytes_down = ?5, bytes_up = ?6, draft = ?7 \
                 WHERE id = ?1 AND session = ?2",
                params![
                    draft.id.to_string(),
                    self.session.id,
                    now.as_micros(),
                    phase,
                    signed(bytes_down),
                    signed(bytes_up),
                    json
                ],
            )?;
            Ok(())
        })
    }

    /// Ends a run of this opening: `make` builds the sample from what the outbox holds, and the attempt becomes the sample
    /// in one transaction. Nothing is changed when `make` fails.
    pub fn finish(
        &self,
        draft: &Draft,
        now: UtcMicros,
        make: impl FnOnce(&Before<'_>) -> Result<Assembled>,
    ) -> Result<Assembled> {
        let assembled = self.write(|tx| {
            let removed = tx.execute(
                "DELETE FROM attempts WHERE id = ?1 AND session = ?2",
                params![draft.id.to_string(), self.session.id],
            )?;
            if removed != 1 {
                return Err(Error::NotFound { id: draft.id });
            }
            let assembled = make(&Before { connection: tx, may_upload: draft.consent.upload })?;
            if assembled.signed.id != draft.id {
                return Err(Error::internal("the sample made of a run has another id"));
            }
            samples::insert(tx, draft, &assembled)?;
            budget::settle(tx, &assembled.sample)?;
            ledger::write(tx, now, draft.id, Event::Kept, None)?;
            Ok(assembled)
        })?;
        self.forget_draft();
        Ok(assembled)
    }

    /// Empties the write-ahead log, which still holds the draft and its positions. Another program that reads just now
    /// keeps it until the next time; the sample is safe either way.
    fn forget_draft(&self) {
        let emptied = self.read(|connection| {
            connection.busy_timeout(TIDY_TIMEOUT)?;
            let held_up = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
            connection.busy_timeout(BUSY_TIMEOUT)?;
            Ok(held_up?)
        });
        if !matches!(emptied, Ok(false)) {
            tracing::debug!(?emptied, "the write-ahead log could not be emptied");
        }
    }

    /// Takes over the runs of dead processes, and lets what they were sending wait again. Each is to be finished with
    /// [`crate::assemble::died`].
    ///
    /// An attempt whose draft cannot be read (written by a version to come) stays where it is.
    pub fn adopt_dead(&self, now: UtcMicros) -> Result<Vec<DeadAttempt>> {
        self.write(|tx| {
            let dead = self.dead_sessions(tx)?;
            if dead.is_empty() {
                return Ok(Vec::new());
            }
            self.session.hold().map_err(Error::storage)?;
            let mut adopted = Vec::new();
            for session in &dead {
                release(tx, session)?;
                for attempt in attempts_of(tx, session)? {
                    tx.execute(
                        "UPDATE attempts SET session = ?2 WHERE id = ?1",
                        params![attempt.draft.id.to_string(), self.session.id],
                    )?;
                    ledger::write(tx, now, attempt.draft.id, Event::Died, Some(&attempt.phase))?;
                    adopted.push(attempt);
                }
            }
            Ok(adopted)
        })
    }

    /// Lets what dead processes were sending wait again, without taking over their runs.
    pub fn release_dead(&self) -> Result<()> {
        self.write(|tx| self.dead_sessions(tx)?.iter().try_for_each(|session| release(tx, session)))
    }

    fn dead_sessions(&self, connection: &Connection) -> Result<Vec<String>> {
        let mut named = lease::known(&self.path);
        let mut statement = connection.prepare(
            "SELECT session FROM attempts UNION SELECT sending_session FROM samples WHERE state = 'sending'",
        )?;
        let rows = statement.query_map([], |row| row.get::<_, Option<String>>(0))?;
        for session in rows {
            named.extend(session?);
        }
        let mut live: HashMap<String, bool> = HashMap::new();
        named.retain(|session| *session != self.session.id);
        named.retain(|session| !*live.entry(session.clone()).or_insert_with(|| lease::is_live(&self.path, session)));
        named.sort_unstable();
        named.dedup();
        Ok(named)
    }
}

fn release(connection: &Connection, session: &str) -> Result<()> {
    connection.execute(
        "UPDATE samples SET state = 'waiting', sending_session = NULL, sending_until = NULL \
         WHERE state = 'sending' AND sending_session = ?1",
        [session],
    )?;
    Ok(())
}

fn attempts_of(connection: &Connection, session: &str) -> Result<Vec<DeadAttempt>> {
    let mut statement = connection
        .prepare("SELECT draft, seen_at, phase, bytes_down, bytes_up FROM attempts WHERE session = ?1 ORDER BY id")?;
    let mut rows = statement.query([session])?;
    let mut attempts = Vec::new();
    while let Some(row) = rows.next()? {
        let json: Vec<u8> = row.get(0)?;
        match serde_json::from_slice(&json) {
            Ok(draft) => attempts.push(DeadAttempt {
                draft,
                seen_at: UtcMicros(row.get(1)?),
                phase: row.get(2)?,
                bytes_down: unsigned(row.get(3)?),
                bytes_up: unsigned(row.get(4)?),
            }),
            Err(error) => tracing::warn!(%error, "an attempt of a dead process cannot be read and stays"),
        }
    }
    Ok(attempts)
}

/// Whether a run of this id is going on.
pub(super) fn exists(connection: &Connection, id: Uuid) -> Result<bool> {
    let found =
        connection.query_row("SELECT 1 FROM attempts WHERE id = ?1", [id.to_string()], |_| Ok(())).optional()?;
    Ok(found.is_some())
}

/// SQLite's integers are signed; no count of bytes on one device comes near the difference.
pub(crate) fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// The way back from [`signed`].
pub(crate) fn unsigned(bytes: i64) -> u64 {
    u64::try_from(bytes).unwrap_or(0)
}
