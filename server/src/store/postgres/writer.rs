//! Samples that come in, many in one transaction.
//!
//! A commit waits for the disk, and a chain grows by one transaction at a time: so all samples that wait while a commit runs
//! share the next one, each answered only after it. Within a batch each device and each id occurs once, so that what the
//! database says of them is all there is to know; the others wait for the next batch.

use std::collections::{BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};

use ispeed_protocol::UtcMicros;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::parts::part_of;
use super::rows::get;
use super::write::Tx;
use super::{PostgresStore, advisory, failure, read};
use crate::facts;
use crate::limits;
use crate::store::words::text_or_none;
use crate::store::{
    ChainLink, CountedSample, Decide, Decision, Held, NEARBY_MICROS, NewSample, Standing, StoreError, StoredSample,
    Submission,
};

/// A sample that waits for its turn.
pub(super) struct Job {
    pub(super) chain_key: String,
    pub(super) sample: NewSample,
    pub(super) decide: Decide,
    pub(super) reply: oneshot::Sender<Result<Submission, StoreError>>,
}

type Answers = Vec<Result<Submission, StoreError>>;

/// Writes until the queue is closed and empty.
pub(super) async fn write_all(store: PostgresStore, mut jobs: mpsc::Receiver<Job>) {
    let mut waiting = VecDeque::new();
    loop {
        if waiting.is_empty() {
            let Some(job) = jobs.recv().await else { return };
            waiting.push_back(job);
        }
        while waiting.len() < limits::STORE_BATCH
            && let Ok(job) = jobs.try_recv()
        {
            waiting.push_back(job);
        }
        let batch = take(&mut waiting);
        let mut replies = Vec::new();
        let mut chain_key = String::new();
        let (mut samples, mut decides) = (Vec::new(), Vec::new());
        for job in batch {
            chain_key = job.chain_key;
            replies.push(job.reply);
            samples.push(job.sample);
            decides.push(job.decide);
        }
        let kept = store.keep(&chain_key, samples, decides);
        let answers = match tokio::time::timeout(limits::DATABASE_WRITE_TIMEOUT, kept).await {
            Ok(answers) => answers,
            Err(_) => Err(StoreError::Unreachable {
                database: store.shown.to_string(),
                cause: "a write took too long".to_owned(),
            }),
        };
        answer(replies, answers);
    }
}

fn answer(replies: Vec<oneshot::Sender<Result<Submission, StoreError>>>, answers: Result<Answers, StoreError>) {
    // The asker may have gone away; what is committed stays committed and a retry finds it.
    match answers {
        Ok(answers) => {
            for (reply, answer) in replies.into_iter().zip(answers) {
                let _ = reply.send(answer);
            }
        }
        Err(cause) => {
            tracing::error!(error = %cause, writes = replies.len(), "a commit failed");
            for reply in replies {
                let _ = reply.send(Err(failure::again(&cause)));
            }
        }
    }
}

/// The jobs that can share a transaction, in the order in which they came.
fn take(waiting: &mut VecDeque<Job>) -> Vec<Job> {
    let (mut batch, mut later) = (Vec::<Job>::new(), VecDeque::new());
    let (mut ids, mut devices) = (BTreeSet::new(), BTreeSet::new());
    while let Some(job) = waiting.pop_front() {
        let facts = &job.sample.facts;
        let same_chain = batch.first().is_none_or(|first| first.chain_key == job.chain_key);
        // Both are remembered of one that has to wait too, so that nobody overtakes it.
        let alone = ids.insert(facts.id) & devices.insert(facts.device_id.clone());
        if same_chain && alone {
            batch.push(job);
        } else {
            later.push_back(job);
        }
    }
    *waiting = later;
    batch
}

impl PostgresStore {
    /// One transaction: locks, what is known, decisions, everything written.
    async fn keep(
        &self,
        chain_key: &str,
        samples: Vec<NewSample>,
        decides: Vec<Decide>,
    ) -> Result<Answers, StoreError> {
        self.ensure_parts(samples.iter().map(|sample| part_of(&sample.facts))).await?;
        let mut connection = self.connection().await?;
        let tx = self.begin(&mut connection).await?;
        tx.among_writers().await?;
        let link = tx.lock_chain(chain_key).await?;
        let ids: Vec<Uuid> = samples.iter().map(|sample| sample.facts.id).collect();
        let mut names: Vec<i64> = ids.iter().map(|id| advisory("id", &id.to_string())).collect();
        names.extend(samples.iter().map(|sample| advisory("device", &sample.facts.device_id)));
        tx.lock_names(names).await?;

        let mut known = read::known(&tx.tx, &ids, tx.shown).await?;
        let standings = standings(&tx, &samples).await?;
        let asked: Vec<_> = samples
            .into_iter()
            .zip(decides)
            .zip(standings)
            .map(|((sample, decide), standing)| match known.remove(&sample.facts.id) {
                Some(known) => Asked::Known(Box::new(Submission::Known(known))),
                None => Asked::New(Box::new((sample, decide, standing))),
            })
            .collect();
        // Off the threads that keep time for the measuring end.
        let decided = tokio::task::spawn_blocking(move || decide_all(asked, link));
        let (answers, kept) = decided.await.map_err(|_| StoreError::Panicked)?;
        tx.insert(&kept).await?;
        tx.commit().await?;
        Ok(answers)
    }
}

enum Asked {
    Known(Box<Submission>),
    New(Box<(NewSample, Decide, Before)>),
}

/// What the database knows of a device before a sample.
#[derive(Default)]
struct Before {
    same_start: bool,
    counted_nearby: Vec<CountedSample>,
}

async fn standings(tx: &Tx<'_>, samples: &[NewSample]) -> Result<Vec<Before>, StoreError> {
    let numbers: Vec<i32> = (0..).take(samples.len()).collect();
    let devices: Vec<&str> = samples.iter().map(|sample| sample.facts.device_id.as_str()).collect();
    let starts: Vec<i64> = samples.iter().map(|sample| sample.facts.started_at.as_micros()).collect();
    let rows = tx
        .query(
            "SELECT n, started_us, commune, counts, started_us = start, cell FROM
                 unnest($1::integer[], $2::text[], $3::bigint[]) AS new (n, device, start)
             JOIN sample ON device_id = device AND started_us BETWEEN start - $4 AND start + $4
             WHERE counts OR started_us = start ORDER BY n, started_us, position",
            &[&numbers, &devices, &starts, &NEARBY_MICROS],
        )
        .await?;
    let mut found: Vec<Before> = samples.iter().map(|_| Before::default()).collect();
    for row in rows {
        let n: i32 = get(&row, 0)?;
        let Some(before) = usize::try_from(n).ok().and_then(|n| found.get_mut(n)) else { continue };
        before.same_start |= get::<bool>(&row, 4)?;
        if get(&row, 3)? {
            let (started_at, commune) = (UtcMicros(get(&row, 1)?), text_or_none(get(&row, 2)?));
            let cell: Option<String> = get(&row, 5)?;
            let cell = cell.map(|text| text.parse()).transpose();
            let cell = cell.map_err(|cause| StoreError::Unreadable { what: "cell", cause })?;
            before.counted_nearby.push(CountedSample { started_at, commune, cell });
        }
    }
    Ok(found)
}

/// Judges and signs one after the other: a receipt needs the hash of the one before it.
fn decide_all(asked: Vec<Asked>, mut link: ChainLink) -> (Answers, Vec<StoredSample>) {
    let (mut answers, mut kept) = (Vec::new(), Vec::new());
    for one in asked {
        let (sample, decide, before) = match one {
            Asked::Known(known) => {
                answers.push(Ok(*known));
                continue;
            }
            Asked::New(new) => *new,
        };
        let standing =
            Standing { link: link.clone(), same_start: before.same_start, counted_nearby: before.counted_nearby };
        match catch_unwind(AssertUnwindSafe(|| decide(&standing))) {
            Err(_) => answers.push(Err(StoreError::Panicked)),
            Ok(Err(error)) => answers.push(Err(error.into())),
            Ok(Ok(Decision { verdict, place, receipt })) => {
                link = ChainLink { sequence: receipt.sequence + 1, previous: receipt.sha256() };
                let row = facts::decided(sample.facts, &verdict, &receipt);
                answers.push(Ok(Submission::Stored(Held {
                    sha256: row.sha256.clone(),
                    receipt: receipt.clone(),
                    verdict: verdict.clone(),
                    place: place.clone(),
                })));
                kept.push(StoredSample { row, body: sample.body, receipt, verdict, place });
            }
        }
    }
    (answers, kept)
}
