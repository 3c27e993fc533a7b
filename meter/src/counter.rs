//! From counters to bits: which counter is trusted, and what a segment is worth.

use std::ops::Range;

use ispeed_protocol::direction::{CounterKind, Series};

use crate::{params, stats};

/// Bits and seconds of every bin, as one counter saw them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rates {
    pub(crate) bits: Vec<f64>,
    pub(crate) seconds: Vec<f64>,
    /// What one more segment is worth: the grain of every figure.
    pub(crate) quantum_bits: f64,
}

impl Rates {
    pub(crate) fn len(&self) -> usize {
        self.bits.len()
    }

    /// Rate of one bin.
    pub(crate) fn of(&self, bin: usize) -> f64 {
        self.bits[bin] / self.seconds[bin]
    }

    pub(crate) fn seconds_of(&self, bins: Range<usize>) -> f64 {
        self.seconds[bins].iter().sum()
    }

    /// What crossed over the time it took; 0 of no bins.
    pub(crate) fn mean(&self, bins: Range<usize>) -> f64 {
        let seconds = self.seconds_of(bins.clone());
        if seconds > 0.0 { self.bits[bins].iter().sum::<f64>() / seconds } else { 0.0 }
    }

    /// Rates of the bins.
    pub(crate) fn values(&self, bins: Range<usize>) -> Vec<f64> {
        bins.map(|bin| self.of(bin)).collect()
    }
}

/// A counter and what it saw.
#[derive(Clone, Debug)]
pub(crate) struct Counted {
    pub(crate) kind: CounterKind,
    pub(crate) alpha: Option<f64>,
    pub(crate) rates: Rates,
}

/// The counters of a series that can count, the best first; never none, for read bytes always can. A forced one leads, and
/// with it its successors.
pub(crate) fn candidates(series: &Series, forced: Option<CounterKind>) -> Vec<Counted> {
    const ORDER: [CounterKind; 3] = [CounterKind::TcpInfoSegments, CounterKind::TcpInfoBytes, CounterKind::AppBytes];
    let first = forced.and_then(|kind| ORDER.iter().position(|&other| other == kind)).unwrap_or(0);
    ORDER[first..].iter().filter_map(|&kind| count(series, kind)).collect()
}

fn count(series: &Series, kind: CounterKind) -> Option<Counted> {
    let alpha = bytes_per_segment(series);
    let bytes: Vec<f64> = match kind {
        CounterKind::TcpInfoSegments => {
            series.segments.as_ref()?.iter().map(|&n| f64::from(n) * alpha.unwrap_or(0.0)).collect()
        }
        CounterKind::TcpInfoBytes => series.kernel_bytes.as_ref()?.iter().map(|&n| n as f64).collect(),
        CounterKind::AppBytes => series.app_bytes.iter().map(|&n| n as f64).collect(),
    };
    if kind == CounterKind::TcpInfoSegments {
        alpha?;
    }
    let starts = std::iter::once(0).chain(series.t_us.iter().copied());
    let seconds = series.t_us.iter().zip(starts).map(|(&end, start)| f64::from(end - start) / 1e6).collect();
    let rates = Rates {
        bits: bytes.into_iter().map(|bytes| bytes * 8.0).collect(),
        seconds,
        quantum_bits: alpha.unwrap_or(params::SEGMENT_BYTES_TYPICAL) * 8.0,
    };
    Some(Counted { kind, alpha: alpha.filter(|_| kind == CounterKind::TcpInfoSegments), rates })
}

/// In-order bytes where the kernel counts them, else what the program read.
fn in_order_bytes(series: &Series) -> &[u64] {
    series.kernel_bytes.as_ref().unwrap_or(&series.app_bytes)
}

/// Payload bytes per segment, so that segments times this are goodput.
///
/// The quotient of the totals at the end is wrong by what is held back behind lost segments: a round trip of data or
/// more, tens of percent of a short run. Where nearly all bins agree nothing is held back, whatever the segments' size,
/// and those bins say it. Else two things are exact where the quotient is not. At no edge can bytes in order over
/// segments arrived *exceed* the true worth, so the greatest such quotient is a floor. And bulk flows send full
/// segments: whatever the holes, bytes go in order by whole multiples of one number, the full segment. Bins close to it
/// then say what duplicates take away. Where no such number shows (short writes, offload), bins little above the floor
/// are those that neither lost nor caught up.
fn bytes_per_segment(series: &Series) -> Option<f64> {
    let arrived = series.segments.as_ref()?;
    let bytes = in_order_bytes(series);
    let segments = cumulative(arrived.iter().map(|&n| u64::from(n)));
    let in_order = cumulative(bytes.iter().copied());
    if *segments.last()? < params::SEGMENTS_MIN {
        return None;
    }
    let quotients = segments.iter().zip(&in_order).filter(|&(&n, _)| n >= params::SEGMENTS_MIN);
    let floor = quotients.map(|(&n, &b)| b as f64 / n as f64).fold(0.0, f64::max);
    let full = full_segment(bytes, floor).map(|bytes| bytes as f64);
    if let Some(worth) = steady_worth(arrived, bytes) {
        // No segment is worth more than a full one: what seems so went in order late.
        return Some(full.map_or(worth, |full| worth.min(full)));
    }
    let (fallback, within) = match full {
        Some(full) => (full, full * (1.0 - params::SEGMENT_STEADY_TOLERANCE)..=full),
        // Bins that lag and bins that catch up are as many on both sides.
        None => {
            let within = 1.0 - params::SEGMENT_STEADY_TOLERANCE..=1.0 + params::SEGMENT_STEADY_TOLERANCE;
            (floor, floor * within.start()..=floor * within.end())
        }
    };
    let mut clean: Vec<f64> = arrived
        .iter()
        .zip(bytes)
        .filter(|&(&n, _)| n > 0)
        .map(|(&n, &b)| b as f64 / f64::from(n))
        .filter(|worth| within.contains(worth))
        .collect();
    clean.sort_by(f64::total_cmp);
    // Duplicates take the same part of every bin; where only a few bins are near, the others lag and catch up, and those few
    // are near by chance (lab: 1000 Mbit/s behind half a bandwidth-delay product of 10 ms, where thousands of segments wait).
    let moved = arrived.iter().filter(|&&n| n > 0).count();
    let chance = clean.len() * 2 < moved;
    stats::median_of_sorted(&clean).filter(|_| !chance).or(Some(fallback)).filter(|&worth| worth > 0.0)
}

/// Bytes per segment over the bins that agree with their median within the tolerance; `None` where fewer than four fifths
/// do.
fn steady_worth(arrived: &[u32], bytes: &[u64]) -> Option<f64> {
    let moved: Vec<(f64, f64)> =
        arrived.iter().zip(bytes).filter(|&(&n, _)| n > 0).map(|(&n, &b)| (f64::from(n), b as f64)).collect();
    let worth: Vec<f64> = moved.iter().map(|&(n, b)| b / n).collect();
    let centre = stats::median(&worth).filter(|&centre| centre > 0.0)?;
    let agree = |&&(n, b): &&(f64, f64)| (b / n / centre - 1.0).abs() <= params::SEGMENT_STEADY_TOLERANCE;
    let steady: Vec<&(f64, f64)> = moved.iter().filter(agree).collect();
    if moved.len() < params::FULL_SEGMENT_BINS || steady.len() * 5 < moved.len() * 4 {
        return None;
    }
    Some(steady.iter().map(|&&(_, b)| b).sum::<f64>() / steady.iter().map(|&&(n, _)| n).sum::<f64>())
}

/// The number of bytes of which most bins go in order by whole multiples, from `floor` on and not far above it;
/// `None` where fewer than half of the bins agree on one: the others hold a segment that was not full, and a number that
/// is not the segment's divides a bin by chance once in a thousand.
fn full_segment(bytes: &[u64], floor: f64) -> Option<u64> {
    let mut moved: Vec<u64> = bytes.iter().copied().filter(|&bytes| bytes > 0).collect();
    moved.sort_unstable();
    if moved.len() < params::FULL_SEGMENT_BINS || floor < 1.0 {
        return None;
    }
    let (least, most) = (floor.ceil() as u64, (floor * params::FULL_SEGMENT_RANGE) as u64);
    let agreeing = |full: u64| moved.iter().filter(|&&bytes| bytes.is_multiple_of(full)).count();
    let divisors = |bytes: u64| {
        let counts = bytes / most..=(bytes / least).min(params::FULL_SEGMENTS_A_BIN);
        counts.filter(move |&count| count > 0 && bytes.is_multiple_of(count)).map(move |count| bytes / count)
    };
    let seeds = moved.iter().take(params::FULL_SEGMENT_BINS);
    let candidates = seeds.flat_map(|&bytes| divisors(bytes)).filter(|full| (least..=most).contains(full));
    // Seven eighths of a segment divide every seventh segment, so the most agreed on is it; of equals the least.
    let best = candidates.map(|full| (agreeing(full), std::cmp::Reverse(full))).max();
    best.filter(|&(bins, _)| bins * 2 >= moved.len()).map(|(_, std::cmp::Reverse(full))| full)
}

/// Totals at every edge, the first 0.
fn cumulative(bins: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut totals = vec![0];
    let mut total = 0u64;
    for bin in bins {
        total = total.saturating_add(bin);
        totals.push(total);
    }
    totals
}

/// Whether segments may count in these batches of a window.
///
/// Bytes per segment must agree within [`params::SEGMENT_STEADY_TOLERANCE`] between batches; where they do not, the
/// smoother of the two counters is right: behind a lost segment bytes stall and jump while segments flow on, whereas a
/// receive offload that hides segments makes *them* uneven.
pub(crate) fn segments_steady(series: &Series, alpha: Option<f64>, batches: &[Range<usize>]) -> bool {
    let Some(segments) = &series.segments else { return false };
    let bytes = in_order_bytes(series);
    let totals: Vec<(f64, f64)> = batches
        .iter()
        .map(|batch| {
            // Means a bin, for the first batch may be longer.
            let bins = batch.len() as f64;
            let arrived: f64 = segments[batch.clone()].iter().map(|&n| f64::from(n)).sum();
            (arrived / bins, bytes[batch.clone()].iter().map(|&n| n as f64).sum::<f64>() / bins)
        })
        .filter(|&(arrived, _)| arrived > 0.0)
        .collect();
    // Bytes that are short of what arrived wait behind holes; whatever their pace, they are not what crossed.
    let sum = |of: fn(&(f64, f64)) -> f64| totals.iter().map(of).sum::<f64>();
    if alpha.is_some_and(|worth| sum(|t| t.1) < (1.0 - params::SEGMENT_STEADY_TOLERANCE) * worth * sum(|t| t.0)) {
        return true;
    }
    let worth: Vec<f64> = totals.iter().map(|&(arrived, bytes)| bytes / arrived).collect();
    let Some(centre) = stats::mean(&worth).filter(|&centre| centre > 0.0) else { return true };
    if worth.iter().all(|value| (value / centre - 1.0).abs() <= params::SEGMENT_STEADY_TOLERANCE) {
        return true;
    }
    let cv = |values: Vec<f64>| Some(stats::sd(&values)? / stats::mean(&values).filter(|&m| m > 0.0)?);
    let of_segments = cv(totals.iter().map(|&(arrived, _)| arrived).collect());
    let of_bytes = cv(totals.iter().map(|&(_, bytes)| bytes).collect());
    let Some((of_segments, of_bytes)) = of_segments.zip(of_bytes) else { return true };
    of_segments <= of_bytes * params::SEGMENT_SMOOTHER_FACTOR
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(segments: &[u32], kernel_bytes: &[u64]) -> Series {
        Series {
            t_us: (1..=segments.len() as u32).map(|bin| bin * 50_000).collect(),
            segments: Some(segments.to_vec()),
            kernel_bytes: Some(kernel_bytes.to_vec()),
            app_bytes: kernel_bytes.to_vec(),
            flow_steps: Vec::new(),
        }
    }

    fn pairs(bins: usize) -> Vec<Range<usize>> {
        (0..bins / 2).map(|batch| batch * 2..batch * 2 + 2).collect()
    }

    #[test]
    fn full_segments_calibrate_exactly() {
        let counted = candidates(&series(&[40; 12], &[40 * 1448; 12]), None);
        assert_eq!(counted[0].alpha, Some(1448.0));
        assert_eq!(counted[0].kind, CounterKind::TcpInfoSegments);
        assert!((counted[0].rates.mean(0..12) - 40.0 * 1448.0 * 8.0 / 0.05).abs() < 1e-6);
    }

    #[test]
    fn a_hole_at_the_end_does_not_move_the_calibration() {
        let mut bytes = [40 * 1448; 12];
        bytes[5] = 4 * 1448;
        bytes[6] = 76 * 1448;
        bytes[11] = 0;
        let counted = candidates(&series(&[40; 12], &bytes), None);
        assert_eq!(counted[0].alpha, Some(1448.0));
        assert!(segments_steady(&series(&[40; 12], &bytes), Some(1448.0), &pairs(12)), "bytes are the uneven ones");
    }

    #[test]
    fn a_lag_that_stays_does_not_move_the_calibration() {
        let mut bytes = [40 * 1448; 16];
        bytes[2] = 0;
        let alpha = candidates(&series(&[40; 16], &bytes), None)[0].alpha.unwrap();
        assert!((alpha / 1448.0 - 1.0).abs() < 0.001, "{alpha}");
    }

    #[test]
    fn an_overshoot_that_is_repaired_only_after_the_run_does_not_move_the_calibration() {
        // One flow: 4 clean bins, then a hole to the end; the first segment was short.
        let mut bytes = [0; 14];
        bytes[0] = 9 * 1448 + 200;
        bytes[1..4].fill(40 * 1448);
        let mut segments = [40; 14];
        segments[0] = 10;
        let counted = candidates(&series(&segments, &bytes), None);
        assert_eq!(counted[0].alpha, Some(1448.0));
        assert!(segments_steady(&series(&segments, &bytes), Some(1448.0), &pairs(14)));
    }

    #[test]
    fn a_hole_in_the_first_bin_already_does_not_move_the_calibration() {
        // Four BBR flows into a queue of ten packets, as simulated: every edge has a hole before it.
        let segments = [27, 34, 34, 33, 35, 33, 34, 34, 34, 33, 35, 33];
        let in_order = [25, 0, 6, 1, 30, 7, 12, 20, 61, 88, 54, 33].map(|packets| packets * 1448);
        assert_eq!(candidates(&series(&segments, &in_order), None)[0].alpha, Some(1448.0));
    }

    #[test]
    fn segments_that_are_not_full_are_worth_their_mean() {
        // A sender of short writes: the first bin has longer segments, and no whole number divides all bins.
        let bytes = [8146, 7967, 7917, 8098, 7835, 7826, 7826, 7917, 8098, 7826, 7835, 7826].map(|worth| worth * 38);
        let alpha = candidates(&series(&[38; 12], &bytes), None)[0].alpha.unwrap();
        let mean = bytes.iter().sum::<u64>() as f64 / (38.0 * 12.0);
        assert!((alpha / mean - 1.0).abs() < 1e-12, "{alpha} {mean}");
    }

    #[test]
    fn duplicates_that_come_all_along_are_absorbed() {
        let counted = candidates(&series(&[50; 12], &[49 * 1448; 12]), None);
        assert!((counted[0].alpha.unwrap() / (1448.0 * 0.98) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn offload_that_hides_segments_makes_them_unsteady() {
        let segments: Vec<u32> = (0..12).map(|bin| if bin % 4 < 2 { 40 } else { 22 }).collect();
        assert!(!segments_steady(&series(&segments, &[40 * 1448; 12]), Some(1930.0), &pairs(12)));
    }

    #[test]
    fn forcing_starts_the_list_further_down() {
        let both = series(&[40; 12], &[40 * 1448; 12]);
        let kinds = |series: &Series, forced| candidates(series, forced).iter().map(|c| c.kind).collect::<Vec<_>>();
        use CounterKind::{AppBytes, TcpInfoBytes, TcpInfoSegments};
        assert_eq!(kinds(&both, None), [TcpInfoSegments, TcpInfoBytes, AppBytes]);
        assert_eq!(kinds(&both, Some(TcpInfoBytes)), [TcpInfoBytes, AppBytes]);
        assert_eq!(kinds(&both, Some(AppBytes)), [AppBytes]);
        let silent = Series { segments: None, kernel_bytes: None, ..both };
        assert_eq!(kinds(&silent, Some(TcpInfoSegments)), [AppBytes]);
    }

    #[test]
    fn too_few_segments_calibrate_nothing() {
        assert_eq!(candidates(&series(&[1, 1], &[1448, 1448]), None)[0].kind, CounterKind::TcpInfoBytes);
    }
}
