//! What the outbox already holds, asked in the transaction that adds a sample.

use ispeed_protocol::UtcMicros;
use ispeed_protocol::time::VIETNAM_UTC_OFFSET_HOURS;
use rusqlite::{Connection, params};

use crate::assemble::Repetition;
use crate::error::Result;
use crate::identity::first_run_is_free;

const DAY_MICROS: i64 = 86_400_000_000;

/// A view of the outbox just before a sample is added to it.
#[derive(Debug)]
pub struct Before<'a> {
    pub(super) connection: &'a Connection,
    pub(super) may_upload: bool,
}

impl Before<'_> {
    /// Whether this sample carries the first-run flag. Samples that stay on the device never do: nobody would count it.
    pub fn first_run(&self) -> Result<bool> {
        Ok(self.may_upload && first_run_is_free(self.connection)?)
    }

    /// How often this device was counted here before.
    pub fn repetition(&self, code: Option<&str>, started_at: UtcMicros) -> Result<Repetition> {
        let start = started_at.as_micros();
        let nearest: Option<i64> = self.connection.query_row(
            "SELECT min(abs(started_at - ?1)) FROM samples WHERE counts = 1 AND started_at BETWEEN ?1 - ?2 AND ?1 + ?2",
            params![start, DAY_MICROS],
            |row| row.get(0),
        )?;
        let counted_today_in_commune = match code {
            None => 0,
            Some(code) => {
                let day = day_start(started_at);
                self.connection.query_row(
                    "SELECT count(*) FROM samples \
                     WHERE counts = 1 AND code = ?1 AND started_at >= ?2 AND started_at < ?3",
                    params![code, day, day + DAY_MICROS],
                    |row| row.get(0),
                )?
            }
        };
        let seconds_to_nearest_counted = nearest.and_then(|micros| u64::try_from(micros / 1_000_000).ok());
        Ok(Repetition { counted_today_in_commune, seconds_to_nearest_counted })
    }
}

/// Midnight in Vietnam before an instant, in microseconds.
fn day_start(at: UtcMicros) -> i64 {
    let offset = i64::from(VIETNAM_UTC_OFFSET_HOURS) * 3_600_000_000;
    (at.as_micros() + offset).div_euclid(DAY_MICROS) * DAY_MICROS - offset
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_begins_at_midnight_in_vietnam() {
        let at: UtcMicros = "2026-11-23T16:59:59.999999Z".parse().unwrap();
        assert_eq!(UtcMicros(day_start(at)).to_string(), "2026-11-22T17:00:00.000000Z");
        assert_eq!(UtcMicros(day_start(at.plus_micros(1))).to_string(), "2026-11-23T17:00:00.000000Z");
    }
}
