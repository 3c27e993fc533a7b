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
/// higher rate (else the link became slower, and that is no recovery), something crossed in every bin and bytes waited behind
/// lost segments (else the link paused, and that belongs to its mean). `rates` are those of the segment counter.
pub(crate) fn end(series: &Series, rates: &Rates, window: Range<usize>, idle_rtt_us: Option<u64>) -> usize {
    let Some(tail) = level_tail(rates, window.clone(), idle_rtt_us) else { return window.start };
    let head = window.start..tail.start;
    if head.is_empty() {
        return window.start;
    }
    let level_bps = rates.mean(tail.clone());
    let stalled = params::RECOVERY_FLOOR..=1.0 + params::RECOVERY_CEILING;
    let stalled = head.clone().all(|bin| stalled.contains(&(rates.of(bin) / level_bps)));
    let was_short = rates.mean(head.clone()) < level_bps * (1.0 - params::RECOVERY_LEVEL_CV);
    if stalled && was_short && waited(series, rates, head) { tail.start } else { window.start }
}

/// The longest stretch at the end of the window whose bins hardly vary; `None` where none is long enough.
fn level_tail(rates: &Rates, window: Range<usize>, idle_rtt_us: Option<u64>) -> Option<Range<usize>> {
    let shortest_s = (params::RECOVERY_TAIL_US - params::BIN_US / 2) as f64 / 1e6;
    let values = rates.values(window.clone());
    let tail = |start: usize| &values[start - window.start..];
    let is_long = |start: &usize| {
        let mean_bps = stats::mean(tail(*start)).unwrap_or(0.0);
        rates.seconds_of(*start..window.end) >= shortest_s
            && tail(*start).len() >= interval::bins_to_settle(mean_bps, idle_rtt_us)
    };
    let is_level = |start: &usize| {
        let spread = stats::sd(tail(*start)).zip(stats::mean(tail(*start)));
        spread.is_some_and(|(sd_bps, mean_bps)| sd_bps <= params::RECOVERY_LEVEL_CV * mean_bps)
    };
    let start = window.clone().rev().filter(is_long).take_while(is_level).last()?;
    Some(start..window.end)
}

/// Whether in-order bytes fell behind the segments that had arrived, in any of these bins.
fn waited(series: &Series, rates: &Rates, bins: Range<usize>) -> bool {
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
        assert_eq!(end(&stalled(12), &[2, 4], 150_000), 0, "less than six round trips");
        assert_eq!(end(&stalled(18), &[2, 4], 150_000), 5);
    }

    #[test]
    fn a_pause_without_loss_belongs_to_the_mean() {
        assert_eq!(end(&stalled(10), &[], 40_000), 0);
    }

    #[test]
    fn nor_is_a_bin_that_was_all_but_empty_a_stall() {
        let mut segments = stalled(10);
        segments[2] = 900;
        assert_eq!(end(&segments, &[2, 4], 40_000), 0);
    }

    #[test]
    fn a_link_that_was_faster_before_is_not_cut() {
        let mut segments = stalled(10);
        segments[1] = 4_400;
        assert_eq!(end(&segments, &[2, 4], 40_000), 0);
    }

    #[test]
    fn a_rate_that_varies_is_not_cut() {
        let segments: Vec<u32> = (0..30).map(|bin| 4_000 + 200 * (bin * 7 % 5)).collect();
        assert_eq!(end(&segments, &[2, 4], 40_000), 0);
        assert_eq!(end(&[4_000; 30], &[2, 4], 40_000), 0, "nor one that was never short");
    }
}
