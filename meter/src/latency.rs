//! Round trips: summary, interval of the median, and the short responsiveness figure.

use ispeed_protocol::latency::RoundTrips;

use crate::{params, stats};

/// Microseconds in a millisecond.
const US_PER_MS: f64 = 1000.0;

/// Summary of round trips in microseconds; `None` of none. Percentiles and median follow RFC 2330 section 11.3, the
/// interval of the median its order statistics (at least 95 %, so none for fewer than six round trips).
pub fn summary(rtts_us: &[u64]) -> Option<RoundTrips> {
    let sorted_ms = stats::sorted(&in_ms(rtts_us));
    let median_interval_ms =
        stats::median_interval_ranks(sorted_ms.len()).map(|(low, high)| [sorted_ms[low], sorted_ms[high]]);
    Some(RoundTrips {
        n: u32::try_from(sorted_ms.len()).unwrap_or(u32::MAX),
        min_ms: *sorted_ms.first()?,
        median_ms: stats::median_of_sorted(&sorted_ms)?,
        p95_ms: stats::percentile_of_sorted(&sorted_ms, 0.95)?,
        median_interval_ms,
    })
}

/// Round trips a minute: 60,000 over the mean of the best 95 % of loaded round trips in milliseconds. One probe kind,
/// one second: not the RPM of draft-ietf-ippm-responsiveness-09, which needs 20 s a direction; hence the name.
pub fn rpm_short(loaded_rtts_us: &[u64]) -> Option<f64> {
    let sorted_ms = stats::sorted(&in_ms(loaded_rtts_us));
    let best = ((sorted_ms.len() as f64 * params::RPM_BEST_SHARE).floor() as usize).max(1);
    let mean_ms = stats::mean(sorted_ms.get(..best)?)?;
    (mean_ms > 0.0).then(|| 60_000.0 / mean_ms)
}

/// Median round trip in microseconds, rounded down: the idle RTT that [`Config`](crate::Config) wants.
pub fn median_us(rtts_us: &[u64]) -> Option<u64> {
    let mut sorted = rtts_us.to_vec();
    sorted.sort_unstable();
    let n = sorted.len();
    match n {
        0 => None,
        _ if n % 2 == 1 => Some(sorted[n / 2]),
        _ => Some(u64::midpoint(sorted[n / 2 - 1], sorted[n / 2])),
    }
}

fn in_ms(rtts_us: &[u64]) -> Vec<f64> {
    rtts_us.iter().map(|&us| us as f64 / US_PER_MS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_of_twenty() {
        let rtts: Vec<u64> = (1..=20).rev().map(|ms| ms * 1000).collect();
        let summary = summary(&rtts).unwrap();
        assert_eq!((summary.n, summary.min_ms, summary.median_ms, summary.p95_ms), (20, 1.0, 10.5, 19.0));
        assert_eq!(summary.median_interval_ms, Some([6.0, 15.0]));
        assert_eq!(median_us(&rtts), Some(10_500));
    }

    #[test]
    fn nothing_measured_is_nothing_stated() {
        assert_eq!(summary(&[]), None);
        assert_eq!(rpm_short(&[]), None);
        assert_eq!(rpm_short(&[0]), None);
        assert_eq!(median_us(&[]), None);
        assert_eq!(summary(&[5_000]).unwrap().median_interval_ms, None);
    }

    #[test]
    fn rpm_leaves_the_worst_twentieth_out() {
        let mut rtts = vec![50_000; 19];
        rtts.push(5_000_000);
        assert_eq!(rpm_short(&rtts), Some(1200.0));
        assert_eq!(rpm_short(&[60_000]), Some(1000.0));
    }
}
