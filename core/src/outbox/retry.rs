//! When to try again: exponential back-off with full jitter, and the collector's own word in both forms of Retry-After.

use ispeed_protocol::UtcMicros;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::Offset;

/// First back-off ceiling: about what a lost packet or a restarting server needs.
pub const BACKOFF_BASE_MICROS: i64 = 4_000_000;
/// Largest back-off ceiling: a phone that is on for an hour a day still tries in that hour.
pub const BACKOFF_CAP_MICROS: i64 = 3_600_000_000;
/// Least wait after a failure, so that full jitter never means "at once, in a loop".
pub const BACKOFF_FLOOR_MICROS: i64 = 1_000_000;
/// Longest wait a collector may ask for; a larger one is a mistake that would strand samples past the month's close.
pub const MAX_WAIT_MICROS: i64 = 24 * 3_600_000_000;
/// Wait after 401 and 403: nothing changes by itself, and asking often looks like an attack.
pub const CREDENTIALS_WAIT_MICROS: i64 = 3_600_000_000;
/// Spread after a demanded wait: every phone that was told "120" must not come back in the same second.
const SPREAD_MAX_MICROS: i64 = 60_000_000;

/// Full jitter: anywhere between the floor and a ceiling that doubles with each failure. `fraction` is random in 0..1.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "at most an hour in microseconds")]
pub(super) fn backoff_micros(failures: u32, fraction: f64) -> i64 {
    let doublings = failures.saturating_sub(1).min(30);
    let ceiling = BACKOFF_BASE_MICROS.saturating_mul(1 << doublings).min(BACKOFF_CAP_MICROS);
    ((ceiling as f64 * fraction) as i64).clamp(BACKOFF_FLOOR_MICROS, ceiling)
}

/// A demanded wait with its spread on top, within [`MAX_WAIT_MICROS`].
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "at most a day in microseconds")]
pub(super) fn demanded_micros(demanded: i64, fraction: f64) -> i64 {
    let demanded = demanded.clamp(BACKOFF_FLOOR_MICROS, MAX_WAIT_MICROS);
    let spread = (demanded / 10).min(SPREAD_MAX_MICROS);
    (demanded + (spread as f64 * fraction) as i64).min(MAX_WAIT_MICROS)
}

/// Random in 0..1.
#[allow(clippy::cast_precision_loss, reason = "53 bits are an exact double")]
pub(super) fn random_fraction() -> f64 {
    // Without a random source every device is at the ceiling: slower, never wrong.
    getrandom::u64().map_or(1.0, |bits| (bits >> 11) as f64 / (1u64 << 53) as f64)
}

/// What Retry-After (RFC 9110 section 10.2.3) asks for, in microseconds from now; `None` when absent or unreadable.
///
/// A date is taken against the answer's own Date where it has one, so that a wrong clock of the device does not matter.
pub(super) fn retry_after_micros(headers: &[(String, String)], now: UtcMicros) -> Option<i64> {
    let value = header(headers, "retry-after")?;
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        return Some(
            value.parse::<i64>().map_or(MAX_WAIT_MICROS, |s| s.saturating_mul(1_000_000).min(MAX_WAIT_MICROS)),
        );
    }
    let at = http_date(value)?;
    let from = header(headers, "date").and_then(http_date).unwrap_or(now);
    Some(at.micros_since(from).clamp(0, MAX_WAIT_MICROS))
}

/// The first header of a name, trimmed.
pub(super) fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

/// An HTTP date in any of the three forms a recipient has to accept (RFC 9110 section 5.6.7).
fn http_date(text: &str) -> Option<UtcMicros> {
    const FORMS: [&str; 3] = ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    let civil: DateTime = FORMS.iter().find_map(|form| strtime::parse(form, text).ok()?.to_datetime().ok())?;
    let instant: Timestamp = Offset::UTC.to_timestamp(civil).ok()?;
    Some(UtcMicros(instant.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn headers(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn the_three_forms_of_a_date_are_one_instant() {
        let expected = UtcMicros(784_111_777_000_000);
        for text in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(http_date(text), Some(expected), "{text}");
        }
        for text in ["", "tomorrow", "Sun, 06 Nov 1994 08:49:37 +0100", "Sun, 31 Feb 1994 08:49:37 GMT"] {
            assert_eq!(http_date(text), None, "{text}");
        }
    }

    #[test]
    fn both_forms_are_read_and_capped() {
        let now = UtcMicros(784_111_777_000_000);
        let ask = |pairs: &[(&str, &str)]| retry_after_micros(&headers(pairs), now);
        assert_eq!(ask(&[("Retry-After", "120")]), Some(120_000_000));
        assert_eq!(ask(&[("retry-after", "99999999999999999999")]), Some(MAX_WAIT_MICROS));
        assert_eq!(ask(&[("retry-after", "Sun, 06 Nov 1994 08:50:37 GMT")]), Some(60_000_000));
        assert_eq!(ask(&[("retry-after", "Sat, 06 Nov 2094 08:50:37 GMT")]), Some(MAX_WAIT_MICROS));
        assert_eq!(ask(&[("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT")]), Some(0), "already over");
        let apart = [("retry-after", "Mon, 07 Nov 1994 08:50:37 GMT"), ("date", "Mon, 07 Nov 1994 08:49:37 GMT")];
        assert_eq!(ask(&apart), Some(60_000_000), "the device's clock is a day behind");
        for unreadable in ["-5", "1.5", "soon", ""] {
            assert_eq!(ask(&[("retry-after", unreadable)]), None, "{unreadable}");
        }
        assert_eq!(ask(&[]), None);
    }

    proptest! {
        #[test]
        fn backoff_stays_between_floor_and_cap(failures in 0u32.., fraction in 0.0..1.0f64) {
            let wait = backoff_micros(failures, fraction);
            prop_assert!((BACKOFF_FLOOR_MICROS..=BACKOFF_CAP_MICROS).contains(&wait));
            prop_assert!(wait <= backoff_micros(failures.saturating_add(1), fraction));
        }

        #[test]
        fn a_demand_is_met_and_never_beyond_a_day(demanded in any::<i64>(), fraction in 0.0..1.0f64) {
            let wait = demanded_micros(demanded, fraction);
            prop_assert!(wait >= demanded.min(MAX_WAIT_MICROS) && wait <= MAX_WAIT_MICROS && wait > 0);
        }
    }
}
