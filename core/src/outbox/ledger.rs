//! The ledger: one line for each step of each sample, only ever added to. Whatever began has its end in it, or waits.

use ispeed_protocol::UtcMicros;
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::Outbox;
use crate::error::{Error, Result};

/// A step of a sample.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Event {
    /// A run began.
    Begun,
    /// Its process was found dead.
    Died,
    /// The sample was written.
    Kept,
    /// A collector gave its receipt.
    Sent,
    /// A refusal: kept here, not sent again by itself.
    Quarantined,
    /// Back to the queue, by its owner.
    Requeued,
    /// Deleted here by its owner; the detail is the state it was in.
    Erased,
    /// The collector deleted it at its owner's request; the detail is its receipt.
    Deleted,
}

impl Event {
    const ALL: [Self; 8] = [
        Self::Begun,
        Self::Died,
        Self::Kept,
        Self::Sent,
        Self::Quarantined,
        Self::Requeued,
        Self::Erased,
        Self::Deleted,
    ];

    /// Stable text.
    pub fn text(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Died => "died",
            Self::Kept => "kept",
            Self::Sent => "sent",
            Self::Quarantined => "quarantined",
            Self::Requeued => "requeued",
            Self::Erased => "erased",
            Self::Deleted => "deleted",
        }
    }
}

/// A line of the ledger.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LedgerEntry {
    /// When, on the device's clock.
    pub at: UtcMicros,
    /// Sample.
    pub sample_id: Uuid,
    /// What.
    pub event: Event,
    /// What else there is to say.
    pub detail: Option<String>,
}

pub(super) fn write(
    connection: &Connection,
    at: UtcMicros,
    sample: Uuid,
    event: Event,
    detail: Option<&str>,
) -> Result<()> {
    connection
        .prepare_cached("INSERT INTO ledger (at, sample_id, event, detail) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![at.as_micros(), sample.to_string(), event.text(), detail])?;
    Ok(())
}

impl Outbox {
    /// The ledger, oldest first: of one sample, or of all.
    pub fn ledger(&self, sample: Option<Uuid>) -> Result<Vec<LedgerEntry>> {
        self.read(|connection| {
            let mut statement = connection.prepare(
                "SELECT at, sample_id, event, detail FROM ledger WHERE ?1 IS NULL OR sample_id = ?1 ORDER BY seq",
            )?;
            let mut rows = statement.query([sample.map(|id| id.to_string())])?;
            let mut entries = Vec::new();
            while let Some(row) = rows.next()? {
                let (id, event): (String, String) = (row.get(1)?, row.get(2)?);
                let unknown = || Error::Storage { reason: format!("the ledger holds the unknown event {event:?}") };
                entries.push(LedgerEntry {
                    at: UtcMicros(row.get(0)?),
                    sample_id: super::samples::parse_id(&id)?,
                    event: Event::ALL.into_iter().find(|e| e.text() == event).ok_or_else(unknown)?,
                    detail: row.get(3)?,
                });
            }
            Ok(entries)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_a_text_of_its_own() {
        let mut texts: Vec<_> = Event::ALL.iter().map(|e| e.text()).collect();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), Event::ALL.len());
    }
}
