//! Where the ramp ends: the pipe-full test of a receiver.

use std::ops::Range;

use crate::counter::Rates;
use crate::params;

/// The edge (number of bins before it) at which the window opens, seen from the first `bins` bins; `None` while the rate
/// still climbs.
///
/// The rate trailing over 100 ms, or one round trip, is looked at after every bin. A peak advances only on +25 %; when
/// it has not advanced for three bins, or 1.5 round trips, the ramp ended one bin after that peak; twice as long where a
/// bin since then was empty.
pub(crate) fn end(rates: &Rates, bins: usize, idle_rtt_us: Option<u64>) -> Option<usize> {
    let bin_s = params::BIN_US as f64 / 1e6;
    let rtt_bins = idle_rtt_us.unwrap_or(0) as f64 / params::BIN_US as f64;
    let trail = params::RAMP_TRAIL_BINS.max(rtt_bins.ceil() as usize);
    let hold = params::RAMP_HOLD_BINS.max((rtt_bins * params::RAMP_HOLD_RTTS).ceil() as usize);
    let quantum_bits = rates.quantum_bits * params::RAMP_QUANTUM_SEGMENTS;
    let mut peak_bps = 0.0;
    let mut peak_edge = 0;
    for edge in 1..=bins {
        let look = edge.saturating_sub(trail)..edge;
        // Before the start of load there was nothing: a first burst is not a rate for a whole round trip yet.
        let look_s = rates.seconds_of(look.clone()).max(trail as f64 * bin_s);
        let rate_bps = rates.bits[look].iter().sum::<f64>() / look_s;
        let grown = rate_bps > peak_bps * params::RAMP_ADVANCE;
        if grown && (rate_bps - peak_bps) * look_s > quantum_bits {
            peak_bps = rate_bps;
            peak_edge = edge;
            continue;
        }
        let held = edge - peak_edge;
        let patience = hold * params::RAMP_GAP_HOLDS;
        if peak_bps > 0.0 && held >= hold && (held >= patience || !has_gap(rates, peak_edge..edge, peak_bps)) {
            return Some(peak_edge + params::RAMP_SETTLE_BINS);
        }
    }
    None
}

/// Where the window of a run opens that ended within fewer bins than the test needs: a gigabit path without delay spends its
/// byte cap in a tenth of a second. Only where slow start was over within the first bin.
pub(crate) fn end_of_short_run(bins: usize, idle_rtt_us: Option<u64>) -> Option<usize> {
    let short = (1..=params::RAMP_SHORT_BINS).contains(&bins);
    let climbed = idle_rtt_us.is_some_and(|rtt_us| rtt_us as f64 * params::RAMP_SHORT_RTTS <= params::BIN_US as f64);
    // Of a single bin there is nothing else to take; it holds the moment before the first arrival as well.
    (short && climbed).then(|| bins.min(2) - 1)
}

/// Whether a bin is empty that at this rate would hold packets: between the first windows of slow start a long path is
/// idle, and an idle pipe is not full.
fn has_gap(rates: &Rates, bins: Range<usize>, rate_bps: f64) -> bool {
    bins.into_iter().any(|bin| {
        let due = rate_bps * rates.seconds[bin] / rates.quantum_bits;
        rates.bits[bin] <= 0.0 && due >= params::RAMP_GAP_SEGMENTS
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(rates: &Rates, idle_rtt_us: Option<u64>) -> Option<usize> {
        super::end(rates, rates.len(), idle_rtt_us)
    }

    fn rates(mbps: &[f64]) -> Rates {
        Rates {
            bits: mbps.iter().map(|rate| rate * 1e6 * 0.05).collect(),
            seconds: vec![0.05; mbps.len()],
            quantum_bits: 11_584.0,
        }
    }

    #[test]
    fn the_window_opens_behind_the_last_climb() {
        assert_eq!(end(&rates(&[10.0, 40.0, 85.0, 95.0, 100.0, 100.0, 100.0]), Some(20_000)), Some(5));
        assert_eq!(end(&rates(&[0.0, 100.0, 100.0, 100.0, 100.0, 100.0]), Some(20_000)), Some(4));
    }

    #[test]
    fn a_rate_that_still_doubles_has_no_window() {
        assert_eq!(end(&rates(&[1.0, 2.0, 4.0, 8.0, 16.0, 32.0]), Some(20_000)), None);
        assert_eq!(end(&rates(&[]), None), None);
        assert_eq!(end(&rates(&[0.0; 30]), None), None, "nothing arrived, so nothing climbed");
    }

    #[test]
    fn a_run_that_bytes_ended_at_once_is_measured_behind_its_first_bin() {
        assert_eq!(end_of_short_run(1, Some(100)), Some(0));
        assert_eq!(end_of_short_run(6, Some(100)), Some(1));
        assert_eq!(end_of_short_run(7, Some(100)), None, "by then the test could look");
        assert_eq!(end_of_short_run(3, Some(6_000)), None, "ten round trips of slow start take longer than a bin");
    }

    #[test]
    fn slow_start_over_a_long_path_comes_in_bursts_and_is_still_a_climb() {
        // 300 ms round trips: a burst of one bin, then silence, doubling each time.
        let bursts: Vec<f64> =
            (0..30).map(|bin| if bin % 6 == 0 { 2.0 * f64::from(1 << (bin / 6)) } else { 0.0 }).collect();
        assert_eq!(end(&rates(&bursts), Some(300_000)), None);
    }

    #[test]
    fn one_more_packet_is_no_climb() {
        // 0.5 Mbit/s: 4 or 5 packets in 100 ms.
        let packets = [4.0, 2.0, 2.0, 2.0, 3.0, 2.0, 2.0, 3.0];
        let slow: Vec<f64> = packets.iter().map(|n| n * 11_584.0 / 0.05 / 1e6).collect();
        assert_eq!(end(&rates(&slow), Some(40_000)), Some(2));
    }
}
