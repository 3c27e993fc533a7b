//! Steps of the rate inside the window: a token bucket that emptied, a hand-over, carriers that joined late.

use std::ops::Range;

use crate::counter::Rates;
use crate::{params, stats};

/// A step.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Change {
    /// First bin of the new level.
    pub(crate) bin: usize,
    /// First bin that is clean of the step: where the window starts anew.
    pub(crate) clean: usize,
    pub(crate) before_bps: f64,
    pub(crate) after_bps: f64,
    /// The stretch before it is too short for a level of its own: the tail of a ramp or of a small burst.
    pub(crate) head: bool,
}

/// The strongest step in `bins`, if there is one: the split that parts the bins best (the extremum of the CUSUM, Page
/// 1954), when at least 300 ms follow it and the levels differ by more than 15 % and by more than four standard
/// deviations of the bins around them.
///
/// Less than 300 ms before it are no level; they are taken for the tail of the ramp, and only from a rest that is
/// steady: on one that varies, a cut by value would bias the mean.
pub(crate) fn find(rates: &Rates, bins: Range<usize>) -> Option<Change> {
    // Six bins, whatever a poll more or less makes of them.
    let shortest_s = (params::CHANGE_SEGMENT_US - params::BIN_US / 2) as f64 / 1e6;
    let split = best_split(rates, bins.clone())?;
    if rates.seconds_of(split..bins.end) < shortest_s {
        return None;
    }
    let head = rates.seconds_of(bins.start..split) < shortest_s;
    if head {
        let rest = rates.values((split + 1).min(bins.end)..bins.end);
        let steady = stats::sd(&rest)? <= params::VARIABLE_CV * stats::mean(&rest)?;
        if !steady {
            return None;
        }
    }
    judge(rates, bins, split, head)
}

fn best_split(rates: &Rates, bins: Range<usize>) -> Option<usize> {
    let level = rates.mean(bins.clone());
    let total_s = rates.seconds_of(bins.clone());
    let (mut cusum_bits, mut first_s) = (0.0, 0.0);
    let mut best = None;
    let mut best_score = 0.0;
    for split in bins.start + 1..bins.end {
        cusum_bits += rates.bits[split - 1] - level * rates.seconds[split - 1];
        first_s += rates.seconds[split - 1];
        // Sum of squares between the two parts: what the split explains.
        let score = cusum_bits * cusum_bits * (1.0 / first_s + 1.0 / (total_s - first_s).max(f64::MIN_POSITIVE));
        if score > best_score {
            best_score = score;
            best = Some(split);
        }
    }
    best
}

fn judge(rates: &Rates, bins: Range<usize>, split: usize, head: bool) -> Option<Change> {
    // The step falls inside a bin; that bin is of neither level, and may be on either side of the split.
    let first = if split - bins.start >= 3 { bins.start..split - 1 } else { bins.start..split };
    let second = split + 1..bins.end;
    if second.len() < 2 {
        return None;
    }
    let (before_bps, after_bps) = (rates.mean(first.clone()), rates.mean(second.clone()));
    let shift_bps = (after_bps - before_bps).abs();
    let squares = |part: Range<usize>, level: f64| -> f64 {
        part.map(|bin| (rates.of(bin) - level) * (rates.of(bin) - level)).sum()
    };
    let freedom = (first.len() + second.len()).saturating_sub(2).max(1) as f64;
    let sd_bps = ((squares(first.clone(), before_bps) + squares(second.clone(), after_bps)) / freedom).sqrt();
    let shorter_s = rates.seconds_of(first).min(rates.seconds_of(second));
    let found = shift_bps > params::CHANGE_SHARE * before_bps.max(after_bps)
        && shift_bps > params::CHANGE_SD * sd_bps
        && shift_bps * shorter_s > params::CHANGE_QUANTUM_SEGMENTS * rates.quantum_bits;
    found.then_some(Change { bin: split, clean: split + 1, before_bps, after_bps, head })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(mbps: &[f64]) -> Rates {
        Rates {
            bits: mbps.iter().map(|rate| rate * 1e6 * 0.05).collect(),
            seconds: vec![0.05; mbps.len()],
            quantum_bits: 11_584.0,
        }
    }

    #[test]
    fn a_bucket_that_empties_is_found_three_hundred_milliseconds_later() {
        let mut mbps = vec![100.0; 10];
        mbps.push(60.0);
        mbps.extend([20.0; 5]);
        assert_eq!(find(&rates(&mbps), 0..15), None, "250 ms of the new level are too short");
        let change = find(&rates(&mbps), 0..16).unwrap();
        assert!((10..=11).contains(&change.bin));
        assert!((change.before_bps / 100e6 - 1.0).abs() < 0.01 && (change.after_bps / 20e6 - 1.0).abs() < 0.01);
    }

    #[test]
    fn a_step_up_is_found_too_and_a_small_one_is_not() {
        let step = |from: f64, to: f64| [vec![from; 8], vec![to; 8]].concat();
        assert!(find(&rates(&step(20.0, 60.0)), 0..16).is_some());
        assert_eq!(find(&rates(&step(20.0, 23.0)), 0..16), None);
    }

    #[test]
    fn variation_is_no_step() {
        let wild: Vec<f64> = (0..24).map(|bin| if bin % 3 == 0 { 5.0 } else { 25.0 + f64::from(bin) }).collect();
        assert_eq!(find(&rates(&wild), 0..24), None);
        assert_eq!(find(&rates(&[50.0; 40]), 0..40), None);
    }

    #[test]
    fn the_tail_of_a_burst_is_cut_from_a_steady_rest_only() {
        let mut steady = vec![60.0];
        steady.extend([20.0; 14]);
        assert_eq!(find(&rates(&steady), 0..15).map(|change| (change.clean, change.head)), Some((2, true)));
        let mut wild = vec![60.0];
        wild.extend([20.0, 10.0, 31.0, 18.0, 6.0, 25.0, 22.0, 30.0, 11.0, 9.0, 27.0, 20.0, 14.0, 33.0]);
        assert_eq!(find(&rates(&wild), 0..15), None);
    }
}
