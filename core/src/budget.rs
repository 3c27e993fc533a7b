//! Mobile data costs money: what a run may use, what it probably will, and what the month has used so far.
//!
//! A run sets aside the most it may move before it begins and gives back what it did not use when it ends. A run whose
//! process died keeps what was set aside, since nobody counted to the end: the limit is hard.

use ispeed_meter::params::{
    BYTES_BASE_DOWN, BYTES_BASE_UP, BYTES_LONG_DOWN, BYTES_LONG_UP, BYTES_MAX_DOWN, BYTES_MAX_UP,
};
use ispeed_protocol::Month;
use ispeed_protocol::sample::{Outcome, Sample};
use rusqlite::{Connection, params};

use crate::assemble::{Draft, PROCESS_DIED};
use crate::error::{Error, Result};
use crate::outbox::{Outbox, signed, unsigned};

/// A run with less than this measures little more than the ramp of a slow link.
pub const LEAST_USEFUL_BYTES: u64 = 2_000_000;
/// How many earlier runs the likely use is taken from.
const RECENT_RUNS: u32 = 10;

/// What the person allows. `None`: the method's own caps only.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DataLimits {
    /// Most bytes of one run, both ways.
    pub per_run_bytes: Option<u64>,
    /// Most bytes of a calendar month (UTC+7) on one SIM.
    pub per_month_bytes: Option<u64>,
}

/// What a run would use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Estimate {
    /// Mean of the last runs on this SIM; `None` before the first.
    pub likely_bytes: Option<u64>,
    /// The most it may use: the smallest of the method's caps and the person's limits.
    pub max_bytes: u64,
    /// Whether a limit of the person is what caps it.
    pub limited: bool,
    /// Used on this SIM this month, runs that go on included with the most they may use.
    pub used_bytes: u64,
    /// What the month has left; `None` without a limit.
    pub left_bytes: Option<u64>,
}

/// Bytes of a month.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MonthUsage {
    /// Month (UTC+7).
    pub month: String,
    /// Label of the SIM, empty where the shell gave none.
    pub sim: String,
    /// Runs.
    pub runs: u64,
    /// Received, as counted.
    pub bytes_down: u64,
    /// Sent, as counted.
    pub bytes_up: u64,
    /// Set aside for runs that go on, or that died uncounted.
    pub reserved_bytes: u64,
}

/// The most bytes the method itself moves in a run.
pub fn method_cap_bytes(long: bool) -> u64 {
    if long { BYTES_LONG_DOWN + BYTES_LONG_UP } else { BYTES_MAX_DOWN + BYTES_MAX_UP }
}

/// What a run takes at most on a link up to 150 Mbit/s: what most phones will see.
pub fn usual_cap_bytes() -> u64 {
    BYTES_BASE_DOWN + BYTES_BASE_UP
}

impl Outbox {
    /// What a run now would use on the SIM of this label.
    pub fn estimate(&self, limits: DataLimits, sim: &str, month: Month, long: bool) -> Result<Estimate> {
        self.read(|connection| {
            let used_bytes = used(connection, sim, month)?;
            let left_bytes = limits.per_month_bytes.map(|limit| limit.saturating_sub(used_bytes));
            let method = method_cap_bytes(long);
            let max_bytes = [limits.per_run_bytes, left_bytes].into_iter().flatten().fold(method, u64::min);
            let likely: Option<f64> = connection.query_row(
                "SELECT avg(total) FROM (SELECT bytes_down + bytes_up AS total FROM usage \
                 WHERE sim = ?1 AND bytes_down > 0 ORDER BY sample_id DESC LIMIT ?2)",
                params![sim, RECENT_RUNS],
                |row| row.get(0),
            )?;
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a mean of byte counts")]
            let likely_bytes = likely.map(|bytes| (bytes as u64).min(max_bytes));
            Ok(Estimate { likely_bytes, max_bytes, limited: max_bytes < method, used_bytes, left_bytes })
        })
    }

    /// The same, as a permission: `budget` when too little is left for a run that tells anything.
    pub fn allow_run(&self, limits: DataLimits, sim: &str, month: Month, long: bool) -> Result<Estimate> {
        let estimate = self.estimate(limits, sim, month, long)?;
        match limits.per_month_bytes {
            Some(limit_bytes) if estimate.left_bytes.is_some_and(|left| left < LEAST_USEFUL_BYTES) => {
                let used_bytes = estimate.used_bytes;
                Err(Error::Budget { used_bytes, limit_bytes, needed_bytes: LEAST_USEFUL_BYTES })
            }
            _ => Ok(estimate),
        }
    }

    /// What was used, by month and SIM, the newest month first.
    pub fn usage(&self) -> Result<Vec<MonthUsage>> {
        self.read(|connection| {
            let mut statement = connection.prepare(
                "SELECT month, sim, count(*), total(bytes_down), total(bytes_up), \
                 total(iif(bytes_down IS NULL, reserved_bytes, 0)) FROM usage GROUP BY month, sim ORDER BY month DESC, sim",
            )?;
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sums of byte counts")]
            let rows = statement.query_map([], |row| {
                let bytes = |column: usize| row.get::<_, f64>(column).map(|sum| sum as u64);
                Ok(MonthUsage {
                    month: row.get(0)?,
                    sim: row.get(1)?,
                    runs: unsigned(row.get(2)?),
                    bytes_down: bytes(3)?,
                    bytes_up: bytes(4)?,
                    reserved_bytes: bytes(5)?,
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}

fn used(connection: &Connection, sim: &str, month: Month) -> Result<u64> {
    let sum: f64 = connection.query_row(
        "SELECT total(coalesce(bytes_down + bytes_up, reserved_bytes)) FROM usage WHERE sim = ?1 AND month = ?2",
        params![sim, month.to_string()],
        |row| row.get(0),
    )?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a sum of byte counts")]
    Ok(sum as u64)
}

pub(crate) fn reserve(connection: &Connection, draft: &Draft) -> Result<()> {
    connection.execute(
        "INSERT INTO usage (sample_id, month, sim, reserved_bytes) VALUES (?1, ?2, ?3, ?4)",
        params![draft.id.to_string(), draft.month().to_string(), draft.sim, signed(draft.reserved_bytes)],
    )?;
    Ok(())
}

/// What a run really used takes the place of what was set aside.
pub(crate) fn settle(connection: &Connection, sample: &Sample) -> Result<()> {
    if sample.outcome == Outcome::Aborted && sample.outcome_reason.as_deref() == Some(PROCESS_DIED) {
        return Ok(());
    }
    connection.execute(
        "UPDATE usage SET bytes_down = ?2, bytes_up = ?3 WHERE sample_id = ?1",
        params![sample.id.to_string(), signed(sample.bytes_down), signed(sample.bytes_up)],
    )?;
    Ok(())
}
