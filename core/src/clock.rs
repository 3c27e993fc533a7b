//! The wall clock, in one place: everything else is told the time.

use std::time::{SystemTime, UNIX_EPOCH};

use ispeed_protocol::UtcMicros;

/// Now, on the device's clock.
pub fn now() -> UtcMicros {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UtcMicros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
