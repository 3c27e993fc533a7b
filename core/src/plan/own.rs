//! What this device measured itself, as far as a plan may not know it yet.

use ispeed_protocol::plan::Spacing;
use ispeed_protocol::sample::Sample;
use ispeed_protocol::{Cell, Day, UtcMicros};
use ispeed_verdict::operators::serving_operator;

use crate::error::Result;
use crate::history::Detail;
use crate::outbox::Outbox;

/// A sample of this device that counts, or is expected to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OwnSample {
    /// Start.
    pub started_at: UtcMicros,
    /// Commune.
    pub commune: Option<String>,
    /// 200 m cell.
    pub cell: Option<Cell>,
    /// Operator as plans name it.
    pub operator: &'static str,
    /// Campaign.
    pub campaign: Option<String>,
    /// When the collector took it in; `None`: it waits.
    pub sent_at: Option<UtcMicros>,
}

impl OwnSample {
    /// Whether a plan made at `made_at` lacks it.
    pub fn unknown_to(&self, made_at: UtcMicros) -> bool {
        self.sent_at.is_none_or(|sent_at| sent_at >= made_at)
    }
}

impl Outbox {
    /// Samples of this device that count and started at `since` or later, or that wait still, oldest first. What is refused,
    /// or stays here, will not be part of any plan; where the collector judged, its word stands.
    pub fn own_samples(&self, since: UtcMicros) -> Result<Vec<OwnSample>> {
        let ids = self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id FROM samples WHERE counts = 1 AND (state IN ('waiting', 'sending') \
                 OR (state = 'sent' AND started_at >= ?1)) ORDER BY started_at, id",
            )?;
            let ids = statement.query_map([since.as_micros()], |row| row.get::<_, String>(0))?;
            Ok(ids.collect::<rusqlite::Result<Vec<_>>>()?)
        })?;
        let mut own = Vec::new();
        self.each_of(&ids, |stored| {
            let detail = Detail::of(stored)?;
            if detail.entry.verdict.counts {
                own.push(of(&detail.sample, detail.entry.sent_at));
            }
            Ok(())
        })?;
        Ok(own)
    }
}

fn of(sample: &Sample, sent_at: Option<UtcMicros>) -> OwnSample {
    OwnSample {
        started_at: sample.started_at,
        commune: sample.place.code.clone(),
        cell: sample.cell,
        operator: serving_operator(sample).code(),
        campaign: sample.campaign.clone(),
        sent_at,
    }
}

/// From when on a guide by a plan of `made_at` needs to know them: since it was made, all of the day, and what spaces the next
/// run, also over midnight.
pub fn since(made_at: UtcMicros, spacing: Spacing, now: UtcMicros) -> UtcMicros {
    let spaces = now.plus_micros(-i64::from(spacing.seconds) * 1_000_000);
    made_at.min(Day::of(now).start()).min(spaces)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_just_before_midnight_spaces_the_first_one_of_the_day() {
        let spacing = Spacing { seconds: 120, metres: 0, per_day: 3 };
        let midnight = Day::of("2026-11-23T05:00:00Z".parse().unwrap()).start();
        let after = |seconds: i64| midnight.plus_micros(seconds * 1_000_000);
        assert_eq!(since(after(30), spacing, after(60)), after(-60));
        assert_eq!(since(after(30), spacing, after(3_600)), midnight, "all of the day");
        assert_eq!(since(after(-7_200), spacing, after(60)), after(-7_200), "all that the plan does not know");
    }
}
