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

/// What the writing thread is asked for.
enum Order {
    /// A write that shares its transaction.
    Write(Box<dyn Job>),
    /// Work that needs the connection itself.
    Alone(Box<dyn FnOnce(&mut Connection) + Send>),
}

/// The way to the writing thread.
pub(super) struct Writer {
    queue: std::sync::Mutex<Option<mpsc::Sender<Order>>>,
    thread: std::sync::Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the thread; it ends when the writer is closed.
    pub(super) fn start(connection: Connection) -> Result<Self, StoreError> {
        let (queue, orders) = mpsc::channel(limits::STORE_QUEUE);
        let thread = std::thread::Builder::new()
            .name("ispeed-store".into())
            .spawn(move || write_all(connection, orders))
            .map_err(|e| StoreError::Database(Box::new(e)))?;
        Ok(Self { queue: Some(queue).into(), thread: Some(thread).into() })
    }

    /// Runs `work` in a transaction; [`StoreError::Busy`] at once when the queue is full.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Savepoint<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.order(Order::Write(Box::new(Write { work: Some(work), result: Err(StoreError::Closed), reply })))?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Runs `work` with the connection, outside of any transaction; writes that come meanwhile wait.
    pub(super) async fn alone<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.order(Order::Alone(Box::new(move |connection| {
            let result = catch_unwind(AssertUnwindSafe(|| work(connection)));
            let _ = reply.send(result.unwrap_or(Err(StoreError::Panicked)));
        })))?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    fn order(&self, order: Order) -> Result<(), StoreError> {
        let queue = lock(&self.queue).clone().ok_or(StoreError::Closed)?;
        queue.try_send(order).map_err(|e| match e {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy,
            mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
        })
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

fn write_all(mut connection: Connection, mut orders: mpsc::Receiver<Order>) {
    while let Some(first) = orders.blocking_recv() {
        let (mut batch, mut next) = (Vec::new(), Some(first));
        while let Some(Order::Write(job)) = next {
            batch.push(job);
            next = if batch.len() < limits::STORE_BATCH { orders.try_recv().ok() } else { None };
        }
        if !batch.is_empty() {
            write_batch(&mut connection, batch);
        }
        if let Some(Order::Alone(work)) = next {
            work(&mut connection);
        }
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
