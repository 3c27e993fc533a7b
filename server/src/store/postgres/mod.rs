//! The store in PostgreSQL: any number of collectors on one database.
//!
//! Every write is one transaction at READ COMMITTED under locks that are taken in one order everywhere: the table of ids
//! (shared by single samples, alone for imports), the row of the chain, then devices and ids (advisory, by value), then the
//! rows of tallies in the order of their keys. So a chain has no gap whether collectors share its key or not, and the
//! standing of a device is read by one writer at a time.

mod address;
mod failure;
mod parts;
mod read;
mod records;
mod rows;
mod schema;
mod tls;
mod transfer;
mod write;
mod writer;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use deadpool_postgres::{Manager, ManagerConfig, Object as Connection, Pool, RecyclingMethod, Runtime};
use ispeed_protocol::receipt::Receipt;
use ispeed_protocol::signing::sha256_hex;
use ispeed_protocol::{Month, UtcMicros};
use ispeed_report::MonthSample;
use ispeed_report::sample::ChainHead;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use self::address::Address;
use self::parts::lock;
use self::rows::Parameter;
use self::write::Tx;
use self::writer::Job;
use super::words::json;
use super::{
    Decide, DeletedSample, Imported, Known, MonthQuery, MonthTallies, NewSample, OwnedSample, Record, SignDeletion,
    Store, StoreError, StoreFuture, StoredSample, Submission, UsedKey,
};
use crate::limits;

/// Number of an advisory lock: two names that share one by chance wait for each other, and nothing else.
fn advisory(kind: &str, name: &str) -> i64 {
    let hash = sha256_hex(format!("ispeed {kind} {name}").as_bytes());
    u64::from_str_radix(&hash[..16], 16).unwrap_or_default().cast_signed()
}

/// A store in a database of PostgreSQL.
#[derive(Clone)]
pub struct PostgresStore {
    pool: Pool,
    /// The address without its password.
    shown: Arc<str>,
    /// Partitions known to be there.
    parts: Arc<Mutex<BTreeSet<String>>>,
    writer: Arc<Mutex<Writer>>,
}

#[derive(Default)]
struct Writer {
    queue: Option<mpsc::Sender<Job>>,
    task: Option<JoinHandle<()>>,
}

impl PostgresStore {
    /// Connects and brings the database to the newest schema.
    ///
    /// # Errors
    /// The address is none, the database does not answer, or it is not a store this program knows.
    pub async fn open(address: &str) -> Result<Self, StoreError> {
        let Address { config, tls, shown } = Address::parse(address)?;
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let pool = Pool::builder(Manager::from_config(config, tls, recycling))
            .max_size(limits::DATABASE_CONNECTIONS)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(limits::DATABASE_WAIT))
            .create_timeout(Some(limits::DATABASE_CONNECT_TIMEOUT))
            .recycle_timeout(Some(limits::DATABASE_CONNECT_TIMEOUT))
            .build()
            .map_err(|e| StoreError::Database(Box::new(e)))?;
        let store =
            Self { pool, shown: shown.into(), parts: Arc::default(), writer: Arc::new(Mutex::new(Writer::default())) };
        schema::migrate(&mut store.connection().await?, &store.shown).await?;
        let (queue, jobs) = mpsc::channel(limits::STORE_QUEUE);
        // The writer has no queue of its own: it ends when the last owner of this one is gone.
        let of_writer = Self { writer: Arc::default(), ..store.clone() };
        let task = tokio::spawn(writer::write_all(of_writer, jobs));
        *lock(&store.writer) = Writer { queue: Some(queue), task: Some(task) };
        Ok(store)
    }

    async fn connection(&self) -> Result<Connection, StoreError> {
        self.pool.get().await.map_err(|error| failure::of_pool(&self.shown, error))
    }

    fn failed(&self, error: tokio_postgres::Error) -> StoreError {
        failure::of(&self.shown, error)
    }

    async fn begin<'a>(&'a self, connection: &'a mut Connection) -> Result<Tx<'a>, StoreError> {
        let tx = connection.transaction().await.map_err(|error| self.failed(error))?;
        Ok(Tx { tx, shown: &self.shown })
    }

    /// One statement by itself.
    async fn query(&self, sql: &str, parameters: &[Parameter]) -> Result<Vec<tokio_postgres::Row>, StoreError> {
        let parameters: Vec<&(dyn ToSql + Sync)> =
            parameters.iter().map(|parameter| &**parameter as &(dyn ToSql + Sync)).collect();
        let connection = self.connection().await?;
        let asked = async {
            let statement = connection.prepare_cached(sql).await?;
            connection.query(&statement, &parameters).await
        };
        match tokio::time::timeout(limits::DATABASE_READ_TIMEOUT, asked).await {
            Ok(rows) => rows.map_err(|error| self.failed(error)),
            Err(_) => Err(StoreError::Unreachable {
                database: self.shown.to_string(),
                cause: "a query took too long".to_owned(),
            }),
        }
    }
}

impl Store for PostgresStore {
    fn register_key(&self, key: UsedKey) -> StoreFuture<'_, ()> {
        Box::pin(self.register(key))
    }

    fn keys(&self) -> StoreFuture<'_, Vec<UsedKey>> {
        Box::pin(self.used_keys())
    }

    fn find(&self, id: Uuid) -> StoreFuture<'_, Option<Known>> {
        Box::pin(self.find_one(id))
    }

    fn submit(&self, chain_key: String, sample: NewSample, decide: Decide) -> StoreFuture<'_, Submission> {
        Box::pin(async move {
            let (reply, answer) = oneshot::channel();
            let queue = lock(&self.writer).queue.clone().ok_or(StoreError::Closed)?;
            queue.try_send(Job { chain_key, sample, decide, reply }).map_err(|e| match e {
                mpsc::error::TrySendError::Full(_) => StoreError::Busy,
                mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
            })?;
            drop(queue);
            answer.await.unwrap_or(Err(StoreError::Closed))
        })
    }

    fn of_device(&self, device_id: String, after: i64, limit: u32) -> StoreFuture<'_, Vec<OwnedSample>> {
        Box::pin(self.device_samples(device_id, after, limit))
    }

    fn delete_device(
        &self,
        chain_key: String,
        device_id: String,
        at: UtcMicros,
        sign: SignDeletion,
    ) -> StoreFuture<'_, Vec<Receipt>> {
        Box::pin(self.delete_all_of(chain_key, device_id, at, sign))
    }

    fn tallies(&self, month: Month, commune: Option<String>) -> StoreFuture<'_, MonthTallies> {
        Box::pin(self.month_tallies(month, commune))
    }

    fn receipts(&self, chain_key: String, after: u64, limit: u32) -> StoreFuture<'_, Vec<Receipt>> {
        Box::pin(self.chain_receipts(chain_key, after, limit))
    }

    fn chain_heads(&self) -> StoreFuture<'_, Vec<ChainHead>> {
        Box::pin(self.heads())
    }

    fn month_samples(&self, query: MonthQuery) -> StoreFuture<'_, Vec<MonthSample>> {
        Box::pin(async move { self.month_rows(&query).await })
    }

    fn put_record(&self, kind: &str, key: &str, json: String, expect_revision: Option<u64>) -> StoreFuture<'_, u64> {
        Box::pin(self.write_record(kind.to_owned(), key.to_owned(), json, expect_revision))
    }

    fn record(&self, kind: &str, key: &str) -> StoreFuture<'_, Option<Record>> {
        Box::pin(self.get_record(kind.to_owned(), key.to_owned()))
    }

    fn records(&self, kind: &str, prefix: &str) -> StoreFuture<'_, Vec<Record>> {
        // LIKE would take % and _ of a key for wildcards.
        let parameters: Vec<Parameter> = vec![Box::new(kind.to_owned()), Box::new(prefix.to_owned())];
        let rest = "WHERE kind = $1 AND key >= $2 AND left(key, length($2)) = $2 ORDER BY key";
        Box::pin(self.list_records(rest, parameters))
    }

    fn every_record(&self) -> StoreFuture<'_, Vec<Record>> {
        Box::pin(self.list_records("ORDER BY kind, key", Vec::new()))
    }

    fn import(&self, batch: Vec<StoredSample>) -> StoreFuture<'_, Imported> {
        Box::pin(self.take_samples(batch))
    }

    fn import_deleted(&self, batch: Vec<DeletedSample>) -> StoreFuture<'_, Imported> {
        Box::pin(self.take_deleted(batch))
    }

    fn import_records(&self, batch: Vec<Record>) -> StoreFuture<'_, Imported> {
        Box::pin(self.take_records(batch))
    }

    fn export(&self, after: i64, limit: u32) -> StoreFuture<'_, Vec<(i64, StoredSample)>> {
        Box::pin(self.export_page(after, limit))
    }

    fn deleted(&self, after: Option<Uuid>, limit: u32) -> StoreFuture<'_, Vec<DeletedSample>> {
        Box::pin(self.deleted_page(after, limit))
    }

    fn check(&self) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            // A standby answers reads, and refuses this.
            let sql = "UPDATE ispeed_schema SET version = version WHERE false";
            self.query(sql, &[]).await.map(drop)
        })
    }

    fn close(&self) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            let task = {
                let mut writer = lock(&self.writer);
                writer.queue.take();
                writer.task.take()
            };
            if let Some(task) = task {
                task.await.map_err(|_| StoreError::Panicked)?;
            }
            self.pool.close();
            Ok(())
        })
    }
}
