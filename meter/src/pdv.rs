//! Delay variation from one-way delays of unknown but constant clock offset.
//!
//! A delay here is arrival time at the receiver less sending time at the sender, two clocks; the offset cancels in every
//! figure, and drift over the seconds of a run is some tens of microseconds.

use crate::{params, stats};

/// Microseconds in a millisecond.
const US_PER_MS: f64 = 1000.0;

/// Interarrival jitter of RFC 3550 section 6.4.1.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Jitter {
    /// The running value after the last packet.
    pub last_ms: f64,
    /// Mean of the running value over all packets but the first.
    pub mean_ms: f64,
}

/// PDV (RFC 5481 section 4.2): 95th percentile less minimum of the one-way delays, in milliseconds; `None` of fewer
/// than two.
pub fn pdv95_ms(delays_us: &[i64]) -> Option<f64> {
    let least = *delays_us.iter().min()?;
    let above: Vec<f64> = delays_us.iter().map(|&delay| delay.saturating_sub(least) as f64 / US_PER_MS).collect();
    (above.len() >= 2).then(|| stats::percentile_of_sorted(&stats::sorted(&above), 0.95))?
}

/// Jitter over one-way delays in the order of arrival; `None` of fewer than two.
pub fn jitter_rfc3550(delays_us: &[i64]) -> Option<Jitter> {
    let mut running_ms = 0.0;
    let mut sum_ms = 0.0;
    for pair in delays_us.windows(2) {
        let difference_ms = pair[1].saturating_sub(pair[0]).unsigned_abs() as f64 / US_PER_MS;
        running_ms += (difference_ms - running_ms) * params::RFC3550_GAIN;
        sum_ms += running_ms;
    }
    let n = delays_us.len().checked_sub(1).filter(|&n| n > 0)?;
    Some(Jitter { last_ms: running_ms, mean_ms: sum_ms / n as f64 })
}

/// Mean absolute difference of successive round trips, in milliseconds; `None` of fewer than two.
pub fn mean_abs_difference_ms(rtts_us: &[u64]) -> Option<f64> {
    let differences: Vec<f64> = rtts_us.windows(2).map(|pair| pair[1].abs_diff(pair[0]) as f64 / US_PER_MS).collect();
    stats::mean(&differences)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_late_packet_in_twenty_is_beyond_the_percentile() {
        let mut delays = vec![-7_000_000i64; 19];
        delays.push(-6_900_000);
        assert_eq!(pdv95_ms(&delays), Some(0.0));
        delays[0] = -6_950_000;
        assert_eq!(pdv95_ms(&delays), Some(50.0));
        assert_eq!(pdv95_ms(&[5]), None);
        assert_eq!(pdv95_ms(&[]), None);
    }

    #[test]
    fn jitter_of_an_alternating_delay_tends_to_the_step() {
        let delays: Vec<i64> = (0..400).map(|i| if i % 2 == 0 { 1_000 } else { 17_000 }).collect();
        let jitter = jitter_rfc3550(&delays).unwrap();
        assert!((jitter.last_ms - 16.0).abs() < 1e-6);
        assert!(jitter.mean_ms > 15.0 && jitter.mean_ms < 16.0);
        assert_eq!(jitter_rfc3550(&[1]), None);
        // RFC 3550, first step by hand: J = 0 + (16 - 0) / 16.
        assert_eq!(jitter_rfc3550(&[0, 16_000]).unwrap().last_ms, 1.0);
        assert_eq!(mean_abs_difference_ms(&[1_000, 3_000, 2_000]), Some(1.5));
        assert_eq!(mean_abs_difference_ms(&[1_000]), None);
    }

    proptest! {
        #[test]
        fn a_constant_clock_offset_cancels(delays in prop::collection::vec(0i64..1_000_000, 2..60), offset in -1_000_000_000_000i64..1_000_000_000_000) {
            let shifted: Vec<i64> = delays.iter().map(|d| d + offset).collect();
            prop_assert_eq!(pdv95_ms(&delays), pdv95_ms(&shifted));
            prop_assert_eq!(jitter_rfc3550(&delays), jitter_rfc3550(&shifted));
        }

        #[test]
        fn no_delay_overflows(delays in prop::collection::vec(any::<i64>(), 0..20), rtts in prop::collection::vec(any::<u64>(), 0..20)) {
            let _ = (pdv95_ms(&delays), jitter_rfc3550(&delays), mean_abs_difference_ms(&rtts));
        }
    }
}
