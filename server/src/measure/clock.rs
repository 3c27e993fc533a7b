//! The clocks of the measuring end.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use ispeed_protocol::time::UtcMicros;

/// Microseconds since this measuring end was made, and UTC. Every echo packet is stamped by the former, whatever socket
/// or fallback it came through, so that one-way delays of a run are comparable.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    origin: Instant,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self { origin: Instant::now() }
    }

    /// Monotonic, microseconds.
    pub(super) fn us(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Now in UTC.
    #[expect(clippy::unused_self, reason = "asking the clock, not the process, keeps time in one place")]
    pub(super) fn utc(&self) -> UtcMicros {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UtcMicros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}
