//! Deleting by the owner's will, here and at the collector. Nothing else deletes.

use ispeed_protocol::receipt::{Receipt, ReceiptKind};
use ispeed_protocol::{Month, UtcMicros};
use rusqlite::params;
use uuid::Uuid;

use super::Outbox;
use super::ledger::{self, Event};
use super::samples;
use crate::error::{Error, Result};
use crate::identity::free_first_run;

impl Outbox {
    /// Deletes a sample from this device; the ledger keeps its id and in which state it was. A sample that was not sent is
    /// then gone for good; one that was stays with the collector. Errors: `not_found`, also for a run that goes on.
    pub fn erase(&self, id: Uuid, now: UtcMicros) -> Result<()> {
        self.write(|tx| {
            let sample = samples::load(tx, id)?.ok_or(Error::NotFound { id })?;
            tx.execute("DELETE FROM samples WHERE id = ?1", [id.to_string()])?;
            free_first_run(tx, id)?;
            ledger::write(tx, now, id, Event::Erased, Some(sample.state.text()))
        })
    }

    /// Deletes the copies of samples that were sent and started before `before`; returns how many. Receipts go with them.
    pub fn erase_sent_before(&self, before: UtcMicros, now: UtcMicros) -> Result<usize> {
        self.write(|tx| {
            let mut statement = tx.prepare("SELECT id FROM samples WHERE state = 'sent' AND started_at < ?1")?;
            let ids = statement
                .query_map([before.as_micros()], |row| row.get::<_, String>(0))?
                .collect::<rusqlite::Result<Vec<_>>>()?;
            for id in &ids {
                tx.execute("DELETE FROM samples WHERE id = ?1", [id])?;
                ledger::write(tx, now, samples::parse_id(id)?, Event::Erased, Some("sent"))?;
            }
            Ok(ids.len())
        })
    }

    /// Notes that a collector deleted a sample at this device's request; `receipt` is its deletion receipt.
    ///
    /// Errors: `input` when it is no deletion receipt, or not signed by a key this collector is known by.
    pub fn deleted_at_collector(&self, collector: &str, receipt: &Receipt, now: UtcMicros) -> Result<()> {
        let url = super::collector_url(collector)?;
        self.write(|tx| {
            let wrong = |reason: String| Error::input("deletion receipt", &reason, "the collector's, for a deletion");
            if receipt.kind != ReceiptKind::Deletion {
                return Err(wrong("a receipt for a sample".into()));
            }
            let trusted = super::collectors::trusted_keys(tx, &url)?;
            receipt.verify(&trusted).map_err(|e| wrong(e.to_string()))?;
            let json = serde_json::to_string(receipt).map_err(Error::internal)?;
            ledger::write(tx, now, receipt.sample_id, Event::Deleted, Some(&json))
        })
    }

    /// The months in which samples for this collector were made, and so the keys that prove them.
    pub fn months_used(&self, collector: &str) -> Result<Vec<Month>> {
        let url = super::collector_url(collector)?;
        self.read(|connection| {
            let mut statement = connection.prepare("SELECT month FROM months WHERE collector = ?1 ORDER BY month")?;
            let months = statement.query_map(params![url], |row| row.get::<_, String>(0))?;
            months.map(|month| month?.parse().map_err(Error::storage)).collect()
        })
    }

    /// Whether a sample of this id is here, in any state, or a run of it goes on.
    pub fn holds(&self, id: Uuid) -> Result<bool> {
        self.read(|connection| Ok(samples::state(connection, id)?.is_some()))
    }
}
