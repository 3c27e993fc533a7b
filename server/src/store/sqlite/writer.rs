//! The one connection that writes, on a thread of its own.
//!
//! SQLite lets one writer in at a time, and a commit with `synchronous=FULL` waits for the disk. So all writes that
//! wait while a commit runs share the next one: each in a savepoint of its own, so that one that fails takes nothing
//! else with it, and each answered only after the commit.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;

use rusqlite::{Connection, Savepoint, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::database;
use crate::limits;
use crate::store::StoreError;

/// A write that waits for its turn.
trait Job: Send {
    /// Runs inside the shared transaction.
    fn run(&mut self, tx: &mut Transaction<'_>);
    /// Answers, once the transaction was committed or lost.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Write<T, F> {
    work: Option<F>,
    result: Result<T, StoreError>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Job for Write<T, F>
where
    T: Send,
    F: FnOnce(&Savepoint<'_>) -> Result<T, StoreError> + Send,
{
    fn run(&mut self, tx: &mut Transaction<'_>) {
        let Some(work) = self.work.take() else { return };
        // A savepoint that is dropped without commit is rolled back, also by a panic.
        self.result = catch_unwind(AssertUnwindSafe(|| {
            let savepoint = tx.savepoint().map_err(database)?;
            let value = work(&savepoint)?;
            savepoint.commit().map_err(database)?;
            Ok(value)
        }))
        .unwrap_or(Err(StoreError::Panicked));
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        // The asker may have gone away; what is committed stays committed and a retry finds it.
        let _ = self.reply.send(committed.and(self.result));
    }
}

/// The way to the writing thread.
pub(super) struct Writer {
    queue: std::sync::Mutex<Option<mpsc::Sender<Box<dyn Job>>>>,
    thread: std::sync::Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the thread; it ends when the writer is closed.
    pub(super) fn start(connection: Connection) -> Result<Self, StoreError> {
        let (queue, jobs) = mpsc::channel(limits::STORE_QUEUE);
        let thread = std::thread::Builder::new()
            .name("ispeed-store".into())
            .spawn(move || write_all(connection, jobs))
            .map_err(|e| StoreError::Database(Box::new(e)))?;
        Ok(Self { queue: Some(queue).into(), thread: Some(thread).into() })
    }

    /// Runs `work` in a transaction; [`StoreError::Busy`] at once when the queue is full.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Savepoint<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Write { work: Some(work), result: Err(StoreError::Closed), reply });
        let queue = lock(&self.queue).clone().ok_or(StoreError::Closed)?;
        queue.try_send(job).map_err(|e| match e {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy,
            mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
        })?;
        drop(queue);
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Lets the thread finish its queue and end; returns its handle to wait for.
    pub(super) fn close(&self) -> Option<JoinHandle<()>> {
        lock(&self.queue).take();
        lock(&self.thread).take()
    }
}

pub(super) fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn write_all(mut connection: Connection, mut jobs: mpsc::Receiver<Box<dyn Job>>) {
    while let Some(first) = jobs.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < limits::STORE_BATCH
            && let Ok(next) = jobs.try_recv()
        {
            batch.push(next);
        }
        write_batch(&mut connection, batch);
    }
    if let Err(e) = connection.execute_batch("PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE);") {
        tracing::warn!(error = %e, "the store could not be tidied while closing; nothing is lost by it");
    }
}

fn write_batch(connection: &mut Connection, mut batch: Vec<Box<dyn Job>>) {
    let committed = commit(connection, &mut batch);
    if let Err(cause) = &committed {
        tracing::error!(error = %cause, writes = batch.len(), "a commit failed");
    }
    let cause = committed.err().map(|e| e.to_string());
    for job in batch {
        job.answer(cause.clone().map_or(Ok(()), |text| Err(StoreError::Database(text.into()))));
    }
}

fn commit(connection: &mut Connection, batch: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
    let mut tx = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(database)?;
    for job in batch {
        job.run(&mut tx);
    }
    tx.commit().map_err(database)
}
