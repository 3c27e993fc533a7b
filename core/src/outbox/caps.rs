//! How much may wait. A full outbox refuses new runs and says so; it never drops what it has.

use rusqlite::Connection;

use super::Outbox;
use super::attempts::unsigned;
use crate::error::{Error, Result};

/// Most samples kept unsent: a field team of ten phones owes 300 a commune and month; one phone offline for a month of
/// such days (12 communes × 300) still fits.
pub const MAX_UNSENT_SAMPLES: u64 = 4_000;
/// Most bytes of unsent bodies: the samples above at the 20–50 KB a body with its 50 ms series takes. Below what phone
/// users notice and far below a single video.
pub const MAX_UNSENT_BYTES: u64 = 200_000_000;

/// Limits of what may wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Caps {
    /// Most samples that are not sent.
    pub samples: u64,
    /// Most bytes of their bodies.
    pub bytes: u64,
}

impl Default for Caps {
    fn default() -> Self {
        Self { samples: MAX_UNSENT_SAMPLES, bytes: MAX_UNSENT_BYTES }
    }
}

/// What the outbox holds, by state.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stock {
    /// Runs going on, of live processes and dead ones.
    pub attempts: u64,
    /// Made without consent to upload.
    pub local: u64,
    /// Waiting to be sent, those in flight included.
    pub waiting: u64,
    /// Refused, kept to be looked at.
    pub quarantined: u64,
    /// Sent, with receipt.
    pub sent: u64,
    /// Bytes of all bodies that are not sent.
    pub unsent_bytes: u64,
}

impl Outbox {
    /// Counts what is here.
    pub fn stock(&self) -> Result<Stock> {
        self.read(stock)
    }
}

pub(super) fn stock(connection: &Connection) -> Result<Stock> {
    let attempts = connection.query_row("SELECT count(*) FROM attempts", [], |row| row.get(0).map(unsigned))?;
    let mut stock = Stock { attempts, ..Stock::default() };
    let mut statement =
        connection.prepare_cached("SELECT state, count(*), sum(body_bytes) FROM samples GROUP BY state")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let state: String = row.get(0)?;
        let (count, bytes) = (unsigned(row.get(1)?), unsigned(row.get(2)?));
        match state.as_str() {
            "local" => stock.local = count,
            "quarantined" => stock.quarantined = count,
            "sent" => stock.sent = count,
            _ => stock.waiting += count,
        }
        if state != "sent" {
            stock.unsent_bytes += bytes;
        }
    }
    Ok(stock)
}

/// Refuses a new run when what is unsent has reached a cap.
pub(super) fn check_room(connection: &Connection, caps: Caps) -> Result<()> {
    let stock = stock(connection)?;
    let count = stock.attempts + stock.local + stock.waiting + stock.quarantined;
    if count >= caps.samples || stock.unsent_bytes >= caps.bytes {
        let (bytes, max_count, max_bytes) = (stock.unsent_bytes, caps.samples, caps.bytes);
        return Err(Error::Full { count, bytes, max_count, max_bytes });
    }
    Ok(())
}
