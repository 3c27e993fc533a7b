//! The 95 % interval: batch means with a t quantile, and a floor for what counting cannot resolve.

use std::ops::Range;

use crate::counter::Rates;
use crate::{params, stats};

/// How well the mean of a window is known.
#[derive(Clone, Debug)]
pub(crate) struct Precision {
    /// Half of the 95 % interval.
    pub(crate) half_bps: f64,
    /// What this program's own packets may have taken of the link beside the load: the interval reaches so much higher.
    pub(crate) own_bps: f64,
    /// What the link carried in the best batch: at least so much it can.
    pub(crate) best_bps: f64,
    /// Coefficient of variation of the batch means, less what counting whole packets adds to it.
    pub(crate) batch_cv: f64,
    /// Each batch lasts a round trip.
    pub(crate) whole: bool,
    /// At least six batches, each of a round trip: the stop rule may act on it.
    pub(crate) settled: bool,
    /// Bins by which batches are longer than they need be; so much longer must a pass of the stop rule last.
    pub(crate) surplus_bins: u32,
}

impl Precision {
    /// Whether the batches differ by more than a steady link's do.
    pub(crate) fn varies(&self) -> bool {
        self.batch_cv > params::VARIABLE_CV
    }
}

/// Equal batches at the end of a window.
#[derive(Debug)]
pub(crate) struct Batches {
    pub(crate) ranges: Vec<Range<usize>>,
    whole: bool,
    settled: bool,
    surplus_bins: usize,
}

/// Bins that a batch lasts at least.
fn bins_of_batch(mean_bps: f64, idle_rtt_us: Option<u64>) -> usize {
    let rtt_bins = idle_rtt_us.unwrap_or(0) as f64 / params::BIN_US as f64;
    let rtts = if mean_bps < params::BATCH_SLOW_BPS { params::BATCH_RTTS_SLOW } else { params::BATCH_RTTS };
    // 100.2 ms are two bins, not three.
    (rtt_bins * rtts - params::BATCH_SLACK_BINS).ceil().max(1.0) as usize
}

/// Bins of the shortest window that has an interval of whole batches.
pub(crate) fn bins_of_least_batches(mean_bps: f64, idle_rtt_us: Option<u64>) -> usize {
    bins_of_batch(mean_bps, idle_rtt_us) * params::BATCHES_MIN
}

/// Cuts a window of this mean rate into batches: six or more of a round trip each (of one and a half on a slow link), or, where
/// it is too short for that, four or more as long as they can be.
pub(crate) fn batches(window: Range<usize>, mean_bps: f64, idle_rtt_us: Option<u64>) -> Batches {
    let bins = window.len();
    let wanted = bins_of_batch(mean_bps, idle_rtt_us);
    let settled = bins >= wanted * params::BATCHES;
    let length = if settled { bins / params::BATCHES } else { wanted.min(bins / params::BATCHES_MIN) }.max(1);
    let count = bins / length;
    // The bins that are left over go to the first batch: a stall there is part of the mean, and must be of the interval.
    let start_of = |batch: usize| if batch == 0 { window.start } else { window.end - (count - batch) * length };
    Batches {
        ranges: (0..count).map(|batch| start_of(batch)..window.end - (count - batch - 1) * length).collect(),
        whole: length >= wanted,
        settled,
        surplus_bins: length.saturating_sub(wanted),
    }
}

/// The interval of the mean over `window`; `None` of fewer than two bins.
pub(crate) fn precision(rates: &Rates, window: Range<usize>, idle_rtt_us: Option<u64>) -> Option<Precision> {
    let mean_bps = rates.mean(window.clone());
    let Batches { ranges, whole, settled, surplus_bins } = batches(window.clone(), mean_bps, idle_rtt_us);
    let means: Vec<f64> = ranges.iter().map(|batch| rates.mean(batch.clone())).collect();
    let count = means.len();
    let length = ranges.last()?.len();
    let sd_bps = without_quantisation(rates, &ranges, stats::sd(&means)?);
    let widened = inflation(correlation(rates, window.clone()), length, count).sqrt()
        * (params::WIDEN + params::WIDEN_SHORT / window.len() as f64);
    let statistical_bps = stats::t975(count - 1) * sd_bps / (count as f64).sqrt() * widened;
    let calibration_bps = mean_bps * params::INTERVAL_FLOOR_SHARE;
    let quantisation_bps = params::INTERVAL_FLOOR_SEGMENTS * rates.quantum_bits / rates.seconds_of(window);
    Some(Precision {
        own_bps: params::INTERVAL_OWN_BPS.min(params::INTERVAL_OWN_SHARE * mean_bps),
        half_bps: statistical_bps.max(calibration_bps) + quantisation_bps,
        best_bps: means.iter().copied().fold(mean_bps, f64::max),
        batch_cv: if mean_bps > 0.0 { sd_bps / mean_bps } else { 0.0 },
        whole,
        settled,
        surplus_bins: u32::try_from(surplus_bins).unwrap_or(u32::MAX),
    })
}

/// Standard deviation of batch means less the variance that counting whole packets gives them. A count in a fixed time
/// is one of two neighbouring integers, so that variance is at most a quarter of a packet squared; it cancels between
/// neighbouring batches, is nothing in the mean, and the floor accounts for the ends.
pub(crate) fn without_quantisation(rates: &Rates, batches: &[Range<usize>], sd_bps: f64) -> f64 {
    let grain_bps = rates.quantum_bits / rates.seconds_of(batches[batches.len() - 1].clone());
    let count = batches.len() as f64;
    let of_counting = grain_bps * grain_bps / 4.0 * count / (count - 1.0);
    (sd_bps * sd_bps - of_counting).max(0.0).sqrt()
}

/// Correlation of neighbouring bins: the estimate with its small-sample bias put right (Kendall 1954:
/// `-(1 + 3 phi) / n`), drawn to [`params::CORRELATION_PRIOR`], for a dozen bins cannot tell 0.8 from 0.
fn correlation(rates: &Rates, window: Range<usize>) -> f64 {
    let n = window.len() as f64;
    let seen = stats::autocorrelation(&rates.values(window)).unwrap_or(0.0);
    let unbiased = seen + (1.0 + 3.0 * seen) / n;
    let weight = params::CORRELATION_PRIOR_BINS;
    let drawn = (n * unbiased + weight * params::CORRELATION_PRIOR) / (n + weight);
    drawn.clamp(0.0, params::CORRELATION_MAX)
}

/// By how much batch means understate the variance of their mean when bins are correlated like AR(1): the variance of
/// the mean of `count` batches of `length` bins over the expectation of the batch estimate of it.
fn inflation(phi: f64, length: usize, count: usize) -> f64 {
    // n times the variance of the mean of n values, over their variance.
    let summed = |n: usize| {
        let power = (0..n).fold(1.0, |p, _| p * phi);
        (1.0 + phi) / (1.0 - phi) - 2.0 * phi * (1.0 - power) / (n as f64 * (1.0 - phi) * (1.0 - phi))
    };
    let k = count as f64;
    let of_all = summed(length * count) / k;
    let expected = (summed(length) - of_all) / (k - 1.0);
    if expected > 0.0 { of_all / expected } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_fill_the_end_of_the_window() {
        let made = batches(3..16, 50e6, Some(20_000));
        assert!(made.settled && made.surplus_bins == 1);
        assert_eq!(made.ranges, [3..6, 6..8, 8..10, 10..12, 12..14, 14..16]);
        let made = batches(0..11, 50e6, None);
        assert!(made.settled && made.ranges.len() == 11, "one-bin batches are taken all");
    }

    #[test]
    fn batches_last_a_round_trip_or_say_that_they_do_not() {
        assert!(!batches(0..11, 50e6, Some(100_000)).settled);
        assert!(batches(0..12, 50e6, Some(100_000)).settled);
        assert!(!batches(0..17, 5e6, Some(100_000)).settled, "and a slow link one and a half");
        assert!(batches(0..18, 5e6, Some(100_000)).settled);
        let made = batches(0..23, 50e6, Some(300_000));
        assert!(!made.settled && made.ranges.len() == 4 && made.ranges[0].len() == 8 && made.ranges[1].len() == 5);
    }

    #[test]
    fn a_round_trip_a_little_over_whole_bins_is_that_many() {
        assert!(batches(0..12, 50e6, Some(100_300)).settled);
        assert!(!batches(0..12, 50e6, Some(110_000)).settled);
    }

    #[test]
    fn independent_bins_need_no_widening() {
        assert!((inflation(0.0, 3, 6) - 1.0).abs() < 1e-12);
        assert!(inflation(0.8, 1, 8) > 5.0);
        assert!(inflation(0.8, 10, 6) > 1.3 && inflation(0.8, 10, 6) < 2.0);
    }

    #[test]
    fn a_constant_rate_is_known_to_the_floor() {
        let rates = Rates { bits: vec![5e6; 12], seconds: vec![0.05; 12], quantum_bits: 11_584.0 };
        let precision = precision(&rates, 0..12, Some(10_000)).unwrap();
        let floor = 100e6 * params::INTERVAL_FLOOR_SHARE + 11_584.0 / 0.6;
        assert!((precision.half_bps / floor - 1.0).abs() < 1e-9);
        assert!((precision.best_bps / 100e6 - 1.0).abs() < 1e-9);
        assert!(super::precision(&rates, 3..4, None).is_none());
    }
}
