//! The run's one time line, and the device's clock against the server's.

use std::time::{Duration, Instant, SystemTime};

use ispeed_protocol::UtcMicros;
use ispeed_protocol::sample::Clock;

/// Beyond this difference, and what the exchange cannot explain, the device's clock is taken for wrong: a phone set by
/// its network is within a second, and the month and the evidence of a sample hang on its start.
const CLOCK_CORRECTED_OVER_US: i64 = 2_000_000;

/// A monotonic clock that starts with the run, tied to the wall clock once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunClock {
    origin: Instant,
    started_at: UtcMicros,
}

impl RunClock {
    pub(crate) fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self {
            origin: Instant::now(),
            started_at: UtcMicros(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX)),
        }
    }

    /// Microseconds since the start of the run.
    pub(crate) fn now_us(&self) -> u64 {
        self.at_us(Instant::now())
    }

    /// `at` on the run's time line; 0 for what lies before it.
    pub(crate) fn at_us(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.origin).as_micros()).unwrap_or(u64::MAX)
    }

    /// Start of the run as the device's clock had it.
    pub(crate) fn started_at(&self) -> UtcMicros {
        self.started_at
    }

    /// `at` by the device's clock as it was at the start.
    pub(crate) fn utc(&self, at: Instant) -> UtcMicros {
        self.started_at.plus_micros(i64::try_from(self.at_us(at)).unwrap_or(i64::MAX))
    }
}

/// Offset of the device's clock from exchanges with a server; the shortest exchange says it best (RFC 5905 section 10).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ClockOffset {
    best: Option<Exchange>,
}

#[derive(Clone, Copy, Debug)]
struct Exchange {
    offset_us: i64,
    round_trip: Duration,
}

impl ClockOffset {
    /// An exchange: asked at `sent`, the server said `server_time`, the answer was here at `received`.
    pub(crate) fn exchange(&mut self, clock: &RunClock, sent: Instant, server_time: UtcMicros, received: Instant) {
        let round_trip = received.saturating_duration_since(sent);
        let offset_us = server_time.micros_since(clock.utc(sent + round_trip / 2));
        if self.best.is_none_or(|best| round_trip < best.round_trip) {
            self.best = Some(Exchange { offset_us, round_trip });
        }
    }

    /// The offset as the sample states it.
    pub(crate) fn clock(&self) -> Option<Clock> {
        self.best.map(|best| Clock {
            offset_ms: best.offset_us as f64 / 1e3,
            round_trip_ms: best.round_trip.as_secs_f64() * 1e3,
            corrected: self.correction_us() != 0,
        })
    }

    /// What to add to the device's clock: the offset where the clock is wrong beyond doubt, else 0.
    pub(crate) fn correction_us(&self) -> i64 {
        self.best.map_or(0, |best| {
            let doubt_us = i64::try_from(best.round_trip.as_micros() / 2).unwrap_or(i64::MAX);
            let wrong = best.offset_us.saturating_abs() > CLOCK_CORRECTED_OVER_US.saturating_add(doubt_us);
            if wrong { best.offset_us } else { 0 }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_exchange_wins_and_only_a_wrong_clock_is_corrected() {
        let clock = RunClock::start();
        let at = |ms: u64| clock.origin + Duration::from_millis(ms);
        let mut offset = ClockOffset::default();
        assert_eq!(offset.clock(), None);
        offset.exchange(&clock, at(0), clock.started_at.plus_micros(1_100_000), at(200));
        offset.exchange(&clock, at(300), clock.started_at.plus_micros(820_000), at(340));
        offset.exchange(&clock, at(400), clock.started_at.plus_micros(2_000_000), at(500));
        assert_eq!(offset.clock(), Some(Clock { offset_ms: 500.0, round_trip_ms: 40.0, corrected: false }));
        assert_eq!(offset.correction_us(), 0);
        let day_us = 86_400_000_000;
        offset.exchange(&clock, at(600), clock.started_at.plus_micros(610_000 - day_us), at(620));
        assert_eq!(offset.correction_us(), -day_us);
        assert!(offset.clock().unwrap().corrected);
    }
}
