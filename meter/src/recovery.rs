//! A window that begins with the sender's recovery from its own losses.
//!
//! A sender that overran a queue lets a fast link idle while it recovers, now and then for a second. What crossed then says
//! nothing of the link; that the link was never faster, and has run level since, does.

use std::ops::Range;

use ispeed_protocol::direction::Series;

use crate::counter::Rates;
use crate::{interval, params, stats};

/// The first bin behind the recovery; `window.start` where there was none.
///
/// It ended where the longest level tail of the window begins, long enough to be a window. Before it nothing crossed at a
/// higher rate (else the link became slower, and that is no recovery), no stall was longer than a sender's (else the link
/// paused, and that belongs to its mean), and bytes waited behind lost segments. `rates` are those of the segment counter; a
/// packet more or less in a bin is neither rate nor stall.
pub(crate) fn end(series: &Series, rates: &Rates, window: Range<usize>, idle_rtt_us: Option<u64>) -> usize {
    // Bins that were on their way when a run ended may hold its end; they are of the mean, and do not undo what was seen.
    let seen =
        |still_coming: usize| level_tail(rates, window.start..window.end.saturating_sub(still_coming), idle_rtt_us);
    let Some(tail) = (0..=params::RECOVERY_BINS_COMING).find_map(seen) else { return window.start };
    let head = window.start..tail.start;
    if head.is_empty() {
        return window.start;
    }
    let level_bps = rates.mean(tail.clone());
    let is_faster = |bins: Range<usize>| {
        let tolerance_bps = tolerance_bps(rates, bins.clone(), params::RECOVERY_CEILING * level_bps);
        rates.mean(bins) - level_bps > tolerance_bps
    };
    // What a late poll counts in a bin too many it lacks in one beside it.
    let was_faster =
        |bin: usize| is_faster(bin..bin + 1) && is_faster(bin.saturating_sub(1)..bin + 1) && is_faster(bin..bin + 2);
    let was_never_faster = !head.clone().any(was_faster);
    let was_short = rates.mean(head.clone()) < level_bps * (1.0 - params::RECOVERY_LEVEL_CV);
    let stall_s = longest_stall_s(rates, head.clone(), level_bps);
    let least_s = params::RECOVERY_STALL_SEGMENTS * rates.quantum_bits / level_bps;
    let stalled = (least_s..=stall_most_s(idle_rtt_us)).contains(&stall_s);
    if was_never_faster && was_short && stalled && waited(series, rates, head) { tail.start } else { window.start }
}

/// How far from a level bins of it may be: jitter, and a packet.
fn tolerance_bps(rates: &Rates, bins: Range<usize>, jitter_bps: f64) -> f64 {
    jitter_bps + rates.quantum_bits / rates.seconds_of(bins)
}

/// Longest time that a sender in recovery leaves a link idle for: until half of its window is acknowledged, a round trip at most.
fn stall_most_s(idle_rtt_us: Option<u64>) -> f64 {
    (idle_rtt_us.unwrap_or(0) as f64).max(params::BIN_US as f64 * (1.0 - params::RECOVERY_FLOOR)) / 1e6
}

/// What is missing of the level in the worst stretch of bins that are all short of it, as time.
fn longest_stall_s(rates: &Rates, bins: Range<usize>, level_bps: f64) -> f64 {
    let (mut missing_s, mut longest_s) = (0.0, 0.0f64);
    for bin in bins {
        let short_bps = level_bps - rates.of(bin);
        missing_s = if short_bps > tolerance_bps(rates, bin..bin + 1, params::RECOVERY_CEILING * level_bps) {
            missing_s + short_bps / level_bps * rates.seconds[bin]
        } else {
            0.0
        };
        longest_s = longest_s.max(missing_s);
    }
    longest_s
}

/// The longest stretch at the end of the window whose bins hardly vary; `None` where none is long enough.
fn level_tail(rates: &Rates, window: Range<usize>, idle_rtt_us: Option<u64>) -> Option<Range<usize>> {
    let shortest_s = (params::RECOVERY_TAIL_US - params::BIN_US / 2) as f64 / 1e6;
    let values = rates.values(window.clone());
    let tail = |start: usize| &values[start - window.start..];
    let is_long = |start: &usize| {
        let mean_bps = stats::mean(tail(*start)).unwrap_or(0.0);
        rates.seconds_of(*start..window.end) >= shortest_s
            && tail(*start).len() >= interval::bins_of_least_batches(mean_bps, idle_rtt_us)
    };
    let is_level = |start: &usize| {
        let Some((sd_bps, level_bps)) = stats::sd(tail(*start)).zip(stats::mean(tail(*start))) else { return false };
        let bins: Vec<Range<usize>> = (*start..window.end).map(|bin| bin..bin + 1).collect();
        let spread_bps = interval::without_quantisation(rates, &bins, sd_bps);
        // Among many bins one that holds half a stall does not show in their deviation.
        let most_bps = params::RECOVERY_LEVEL_SD * params::RECOVERY_LEVEL_CV * level_bps;
        let is_of_it = |bin: usize| (rates.of(bin) - level_bps).abs() <= tolerance_bps(rates, bin..bin + 1, most_bps);
        spread_bps <= params::RECOVERY_LEVEL_CV * level_bps && (*start..window.end).all(is_of_it)
    };
    let start = window.clone().rev().filter(is_long).take_while(is_level).last()?;
    Some(start..window.end)
}

/// Whether in-order bytes fell behind the segments that had arrived, in any of these bins.
pub(crate) fn waited(series: &Series, rates: &Rates, bins: Range<usize>) -> bool {
    let Some(in_order) = &series.kernel_bytes else { return false };
    let mut waiting_bits = 0.0;
    rates.bits.iter().zip(in_order).enumerate().take(bins.end).any(|(bin, (&arrived_bits, &ready_bytes))| {
        waiting_bits += arrived_bits - ready_bytes as f64 * 8.0;
        bin >= bins.start && waiting_bits >= params::RECOVERY_WAITING_SEGMENTS * rates.quantum_bits
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEGMENT_BYTES: u64 = 1_448;

    /// Bins of 50 ms with so many segments each; in those of `behind` no byte goes in order, in the next all that waited.
    fn run(segments: &[u32], behind: &[usize]) -> (Series, Rates) {
        let mut waiting = 0;
        let kernel_bytes: Vec<u64> = segments
            .iter()
            .enumerate()
            .map(|(bin, &arrived)| {
                waiting += u64::from(arrived) * SEGMENT_BYTES;
                if behind.contains(&bin) { 0 } else { std::mem::take(&mut waiting) }
            })
            .collect();
        let rates = Rates {
            bits: segments.iter().map(|&n| f64::from(n) * SEGMENT_BYTES as f64 * 8.0).collect(),
            seconds: vec![0.05; segments.len()],
            quantum_bits: SEGMENT_BYTES as f64 * 8.0,
        };
        let series = Series {
            t_us: (1..=segments.len() as u32).map(|bin| bin * 50_000).collect(),
            segments: Some(segments.to_vec()),
            app_bytes: kernel_bytes.clone(),
            kernel_bytes: Some(kernel_bytes),
            flow_steps: Vec::new(),
        };
        (series, rates)
    }

    fn end(segments: &[u32], behind: &[usize], idle_rtt_us: u64) -> usize {
        let (series, rates) = run(segments, behind);
        super::end(&series, &rates, 0..segments.len(), Some(idle_rtt_us))
    }

    /// Level but for two stalls, then level for `tail` bins.
    fn stalled(tail: usize) -> Vec<u32> {
        let mut segments = vec![4_000, 4_010, 2_200, 3_990, 2_400, 4_000];
        segments.extend([4_000, 4_010, 3_990].iter().cycle().take(tail - 1));
        segments
    }

    #[test]
    fn the_window_opens_behind_the_last_stall() {
        assert_eq!(end(&stalled(10), &[2, 4], 40_000), 5);
    }

    #[test]
    fn a_level_tail_must_be_long_enough() {
        assert_eq!(end(&stalled(9), &[2, 4], 40_000), 0, "less than half a second");
        assert_eq!(end(&stalled(11), &[2, 4], 150_000), 0, "less than four round trips");
        assert_eq!(end(&stalled(12), &[2, 4], 150_000), 5);
    }

    #[test]
    fn what_was_on_its_way_at_the_end_does_not_undo_it() {
        let mut segments = stalled(12);
        let last = segments.len() - 1;
        segments[last] = 3_000;
        assert_eq!(end(&segments, &[2, 4], 40_000), 5);
        segments[last - 2] = 3_000;
        assert_eq!(end(&segments, &[2, 4], 40_000), 0, "three bins ago is not on its way");
    }

    #[test]
    fn a_pause_without_loss_belongs_to_the_mean() {
        assert_eq!(end(&stalled(10), &[], 40_000), 0);
    }

    #[test]
    fn nor_is_a_silence_of_more_than_a_round_trip_a_stall() {
        let mut segments = stalled(10);
        (segments[3], segments[4]) = (900, 3_600);
        (segments[1], segments[2]) = (3_990, 4_000);
        assert_eq!(end(&segments, &[3, 4], 40_000), 0, "44 ms are missing");
        assert_eq!(end(&segments, &[3, 4], 45_000), 5);
        segments[4] = 4_000;
        assert_eq!(end(&segments, &[3, 4], 40_000), 4, "39 ms");
        assert_eq!(end(&segments, &[3, 4], 10_000), 0, "more than three quarters of a bin, over a short path");
    }

    /// 1 Mbit/s over 100 ms: four or five packets a bin, and once none, for the sender lost half a queue.
    #[test]
    fn on_a_slow_link_a_packet_more_or_less_is_level() {
        let mut segments: Vec<u32> = (0..40).map(|bin| if bin % 6 == 5 { 5 } else { 4 }).collect();
        (segments[12], segments[13]) = (0, 2);
        let behind: Vec<usize> = (8..16).collect();
        assert_eq!(end(&segments, &behind, 100_000), 14);
        assert_eq!(end(&segments, &[], 100_000), 0, "nothing was lost: the link paused");
        segments[30] = 2;
        assert_eq!(end(&segments, &behind, 100_000), 0, "two packets less are no chance");
    }

    #[test]
    fn a_link_that_was_faster_before_is_not_cut() {
        let mut segments = stalled(10);
        (segments[0], segments[1]) = (4_300, 4_300);
        assert_eq!(end(&segments, &[2, 4], 40_000), 0);
        (segments[2], segments[3]) = (2_000, 4_390);
        (segments[0], segments[1]) = (4_000, 4_000);
        assert_eq!(end(&segments, &[2, 4], 40_000), 5, "a late poll is not a faster link");
    }

    #[test]
    fn a_rate_that_varies_is_not_cut() {
        let segments: Vec<u32> = (0..30).map(|bin| 4_000 + 200 * (bin * 7 % 5)).collect();
        assert_eq!(end(&segments, &[2, 4], 40_000), 0);
        assert_eq!(end(&[4_000; 30], &[2, 4], 40_000), 0, "nor one that was never short");
    }
}
