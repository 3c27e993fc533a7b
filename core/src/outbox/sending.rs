//! What to send next, and what an answer did: the half of the upload the shell does not see into.

use ispeed_protocol::UtcMicros;
use ispeed_protocol::identity::SIGNATURE_HEADER;
use ispeed_protocol::signing::sha256_hex;
use rusqlite::{Connection, OptionalExtension as _, params};
use uuid::Uuid;

use super::answer::{Answer, Decision, ProblemKind, Question, UploadProblem, Wait, decide};
use super::ledger::{self, Event};
use super::retry::{MAX_WAIT_MICROS, backoff_micros, demanded_micros, random_fraction};
use super::samples::{self, State, StoredSample};
use super::{Outbox, collectors};
use crate::consent::{current, share_rank};
use crate::error::{Error, Result};
use crate::identity::settle_first_run;

/// A sample in flight waits again when no answer came for so long; more than a shell's longest request (60 s).
pub const SEND_LEASE_MICROS: i64 = 120_000_000;

/// What to do now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NextUpload {
    /// Send this, then call [`Outbox::upload_answered`].
    Upload(UploadRequest),
    /// Nothing before this instant.
    Wait {
        /// On the clock that was passed in.
        until: UtcMicros,
    },
    /// Nothing to send, or no consent to send it.
    Done,
}

/// One upload: a `PUT` of a body under the id it was made with, so sending it twice is sending it once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UploadRequest {
    /// Sample.
    pub id: Uuid,
    /// Base URL of the collector.
    pub collector: String,
    /// `PUT`.
    pub method: &'static str,
    /// Path below the base URL.
    pub path: String,
    /// Headers to send.
    pub headers: Vec<(String, String)>,
    /// Body, to be sent as it is.
    pub body: Vec<u8>,
}

impl UploadRequest {
    /// Where to send it.
    pub fn url(&self) -> String {
        format!("{}{}", self.collector, self.path)
    }
}

/// What an answer did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AfterUpload {
    /// The collector holds the sample; its receipt is kept.
    Sent,
    /// The sample waits.
    Retry {
        /// Until then, on the clock that was passed in.
        until: UtcMicros,
        /// Why.
        problem: UploadProblem,
    },
    /// The sample is kept aside until a person looks at it.
    Quarantined {
        /// Why.
        problem: UploadProblem,
    },
    /// The answer came too late to matter: the sample is in this state already, or gone (`None`).
    Settled {
        /// Where it stands.
        state: Option<State>,
    },
}

impl Outbox {
    /// The next upload, marked as being sent. Order: whatever is due, first tried first, oldest first.
    ///
    /// Samples whose own consent allows less than an upload, or more of the place than the newest consent does, are passed
    /// over; without consent to upload the answer is [`NextUpload::Done`].
    pub fn next_upload(&self, now: UtcMicros) -> Result<NextUpload> {
        self.write(|tx| {
            let Some(consent) = current(tx)?.filter(|consent| consent.upload) else { return Ok(NextUpload::Done) };
            while let Some((id, due)) = first_due(tx, now, share_rank(consent.share))? {
                if due > now.as_micros() {
                    return Ok(NextUpload::Wait { until: UtcMicros(due) });
                }
                let sample = samples::load(tx, id)?.ok_or(Error::NotFound { id })?;
                if sha256_hex(&sample.body) != sample.sha256 {
                    let text = "the bytes of this sample were damaged on this device";
                    quarantine(tx, id, &UploadProblem::new(ProblemKind::Damaged, text), now)?;
                    continue;
                }
                self.session.hold().map_err(Error::storage)?;
                tx.execute(
                    "UPDATE samples SET state = 'sending', sending_session = ?2, sending_until = ?3 WHERE id = ?1",
                    params![id.to_string(), self.session.id, now.plus_micros(SEND_LEASE_MICROS).as_micros()],
                )?;
                return Ok(NextUpload::Upload(request(sample)));
            }
            Ok(NextUpload::Done)
        })
    }

    /// Takes in the answer to an upload. Any answer, at any time, in any order, twice: a sample leaves the queue only by a
    /// receipt that holds, and leaves it once.
    pub fn upload_answered(&self, id: Uuid, answer: &Answer, now: UtcMicros) -> Result<AfterUpload> {
        self.write(|tx| {
            let Some(sample) = samples::load(tx, id)? else { return Ok(AfterUpload::Settled { state: None }) };
            if matches!(sample.state, State::Sent | State::Local) {
                return Ok(AfterUpload::Settled { state: Some(sample.state) });
            }
            let trusted = collectors::trusted_keys(tx, &sample.collector)?;
            let question = Question { id, body: &sample.body, signature: &sample.signature, trusted: &trusted };
            match decide(question, answer, now) {
                Decision::Sent { receipt_json, key } => {
                    collectors::pin_first(tx, &sample.collector, &key, now)?;
                    sent(tx, &sample, &receipt_json, answer, now)?;
                    Ok(AfterUpload::Sent)
                }
                // A late failure of an upload that was given up says nothing new.
                _ if sample.state != State::Sending => Ok(AfterUpload::Settled { state: Some(sample.state) }),
                Decision::Retry { problem, wait } => retry(tx, &sample, problem, wait, now),
                Decision::Quarantine { problem } => {
                    quarantine(tx, id, &problem, now)?;
                    // It answered: what it refuses is this sample, so the others need not wait.
                    collectors::succeeded(tx, &sample.collector)?;
                    Ok(AfterUpload::Quarantined { problem })
                }
            }
        })
    }
}

/// The sample that is due first and when. Times further ahead than any wait can be are of a clock that was wrong.
fn first_due(connection: &Connection, now: UtcMicros, share: i64) -> Result<Option<(Uuid, i64)>> {
    let mut statement = connection.prepare_cached(
        "WITH queue AS (
           SELECT s.id, s.tries,
                  CASE WHEN s.state = 'sending' THEN s.sending_until ELSE s.next_at END AS own,
                  CASE WHEN s.state = 'sending' THEN ?3 ELSE ?4 END AS longest,
                  coalesce(c.blocked_until, 0) AS blocked, coalesce(c.demanded_until, 0) AS demanded
           FROM samples s LEFT JOIN collectors c ON c.url = s.collector
           WHERE s.state IN ('waiting', 'sending') AND s.share <= ?2)
         SELECT id, max(iif(own > ?1 + longest, 0, own), iif(blocked > ?1 + ?4, 0, blocked),
                        iif(demanded > ?1 + ?4, 0, demanded)) AS due
         FROM queue ORDER BY max(due, ?1), tries, id LIMIT 1",
    )?;
    let found: Option<(String, i64)> = statement
        .query_row(params![now.as_micros(), share, SEND_LEASE_MICROS, MAX_WAIT_MICROS], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    found.map(|(id, due)| Ok((samples::parse_id(&id)?, due))).transpose()
}

fn request(sample: StoredSample) -> UploadRequest {
    UploadRequest {
        id: sample.id,
        collector: sample.collector,
        method: "PUT",
        path: format!("/v1/samples/{}", sample.id),
        headers: vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            (SIGNATURE_HEADER.to_owned(), sample.signature),
        ],
        body: sample.body,
    }
}

fn sent(tx: &Connection, sample: &StoredSample, receipt: &[u8], answer: &Answer, now: UtcMicros) -> Result<()> {
    let whole = match answer {
        Answer::HttpStatus { body, .. } => Some(body),
        Answer::NetworkFailure { .. } => None,
    };
    tx.execute(
        "UPDATE samples SET state = 'sent', receipt = ?2, answer = ?3, sent_at = ?4, problem_kind = NULL, problem = NULL, \
         sending_session = NULL, sending_until = NULL WHERE id = ?1",
        params![sample.id.to_string(), receipt, whole, now.as_micros()],
    )?;
    settle_first_run(tx, sample.id)?;
    collectors::succeeded(tx, &sample.collector)?;
    ledger::write(tx, now, sample.id, Event::Sent, None)
}

fn retry(
    tx: &Connection,
    sample: &StoredSample,
    problem: UploadProblem,
    wait: Wait,
    now: UtcMicros,
) -> Result<AfterUpload> {
    let tries = sample.tries.saturating_add(1);
    let demanded = match wait {
        Wait::Backoff => None,
        Wait::Micros(micros) => Some(demanded_micros(micros, random_fraction())),
    };
    let until = now.plus_micros(demanded.unwrap_or_else(|| backoff_micros(tries, random_fraction())));
    tx.execute(
        "UPDATE samples SET state = 'waiting', tries = ?2, next_at = ?3, problem_kind = ?4, problem = ?5, \
         sending_session = NULL, sending_until = NULL WHERE id = ?1",
        params![sample.id.to_string(), tries, until.as_micros(), problem.kind.text(), problem.text],
    )?;
    collectors::failed(tx, &sample.collector, now, demanded)?;
    Ok(AfterUpload::Retry { until, problem })
}

fn quarantine(tx: &Connection, id: Uuid, problem: &UploadProblem, now: UtcMicros) -> Result<()> {
    tx.execute(
        "UPDATE samples SET state = 'quarantined', problem_kind = ?2, problem = ?3, sending_session = NULL, \
         sending_until = NULL WHERE id = ?1",
        params![id.to_string(), problem.kind.text(), problem.text],
    )?;
    ledger::write(tx, now, id, Event::Quarantined, Some(&problem.text))
}
