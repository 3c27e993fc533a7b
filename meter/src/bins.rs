//! From readings to the series: bins that close at real readings, so that nothing is interpolated.

use ispeed_protocol::direction::{FlowStep, Series};

use crate::{Reading, params};

/// Totals since the first reading. Each only grows: a counter that steps back (a closed flow left out of the sum, a
/// hostile peer) counts nothing until it passes its highest value again.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    segments: Option<u64>,
    kernel_bytes: Option<u64>,
    app_bytes: u64,
}

/// Whether a bin closes at a reading: the rule of both ends of a direction, for both make a series.
///
/// `elapsed_us` since the last edge, `segments` in the bin so far, this reading's included, and whether the reading brought
/// any of them.
pub fn closes_bin(elapsed_us: u64, segments: u64, arrived: bool) -> bool {
    let sparse = (1..=params::BIN_SPARSE_SEGMENTS).contains(&segments);
    elapsed_us >= params::BIN_CLOSES_US && (arrived || !sparse || elapsed_us >= params::BIN_LATEST_US)
}

/// Builds the series.
#[derive(Debug)]
pub(crate) struct Binner {
    series: Series,
    base: Option<Totals>,
    high: Totals,
    at_edge: Totals,
    edge_us: u64,
    last_edge: Option<Reading>,
    last_us: u64,
    first_arrival_us: Option<u64>,
    last_arrival_us: Option<u64>,
}

impl Binner {
    pub(crate) fn new(flows_start: u8) -> Self {
        let series = Series {
            segments: Some(Vec::new()),
            kernel_bytes: Some(Vec::new()),
            flow_steps: vec![FlowStep { t_us: 0, flows: flows_start }],
            ..Series::default()
        };
        Self {
            series,
            base: None,
            high: Totals::default(),
            at_edge: Totals::default(),
            edge_us: 0,
            last_edge: None,
            last_us: 0,
            first_arrival_us: None,
            last_arrival_us: None,
        }
    }

    /// Takes a reading; true when it closed a bin.
    pub(crate) fn push(&mut self, reading: &Reading) -> bool {
        let base = *self.base.get_or_insert(Totals {
            segments: reading.segments,
            kernel_bytes: reading.kernel_bytes,
            app_bytes: reading.app_bytes,
        });
        let since = |now: Option<u64>, base: Option<u64>| Some(now?.saturating_sub(base?));
        let grown = |now: Option<u64>, high: Option<u64>| Some(now?.max(high.unwrap_or(0)));
        let now = Totals {
            segments: grown(since(reading.segments, base.segments), self.high.segments),
            kernel_bytes: grown(since(reading.kernel_bytes, base.kernel_bytes), self.high.kernel_bytes),
            app_bytes: reading.app_bytes.saturating_sub(base.app_bytes).max(self.high.app_bytes),
        };
        let arrived = now.segments > self.high.segments.or(Some(0))
            || now.kernel_bytes > self.high.kernel_bytes.or(Some(0))
            || now.app_bytes > self.high.app_bytes;
        self.last_us = self.last_us.max(reading.t_us);
        if arrived {
            self.first_arrival_us.get_or_insert(self.last_us);
            self.last_arrival_us = Some(self.last_us);
        }
        // A counter that was missing once is no counter: the series has it for every bin or for none.
        if now.segments.is_none() {
            self.series.segments = None;
        }
        if now.kernel_bytes.is_none() {
            self.series.kernel_bytes = None;
        }
        self.high = now;
        self.close_bin(reading, arrived)
    }

    fn close_bin(&mut self, reading: &Reading, arrived: bool) -> bool {
        let closes = closes_bin(reading.t_us.saturating_sub(self.edge_us), self.segments_in_bin(), arrived);
        if !closes || self.series.t_us.len() >= params::BINS_MAX {
            return false;
        }
        let Ok(t_us) = u32::try_from(reading.t_us) else { return false };
        let difference =
            |now: Option<u64>, before: Option<u64>| now.unwrap_or(0) - before.unwrap_or(0).min(now.unwrap_or(0));
        self.series.t_us.push(t_us);
        if let Some(segments) = &mut self.series.segments {
            let arrived = difference(self.high.segments, self.at_edge.segments);
            segments.push(u32::try_from(arrived).unwrap_or(u32::MAX));
        }
        if let Some(bytes) = &mut self.series.kernel_bytes {
            bytes.push(difference(self.high.kernel_bytes, self.at_edge.kernel_bytes).min(params::BIN_BYTES_MAX));
        }
        let read = self.high.app_bytes - self.at_edge.app_bytes;
        self.series.app_bytes.push(read.min(params::BIN_BYTES_MAX));
        self.at_edge = self.high;
        self.edge_us = reading.t_us;
        self.last_edge = Some(*reading);
        true
    }

    /// Segments since the last edge; where none are counted, what the bytes are worth.
    fn segments_in_bin(&self) -> u64 {
        let since = |now: Option<u64>, before: Option<u64>| Some(now?.saturating_sub(before.unwrap_or(0)));
        since(self.high.segments, self.at_edge.segments).unwrap_or_else(|| {
            let bytes = since(self.high.kernel_bytes, self.at_edge.kernel_bytes)
                .unwrap_or(self.high.app_bytes - self.at_edge.app_bytes);
            (bytes as f64 / params::SEGMENT_BYTES_TYPICAL).ceil() as u64
        })
    }

    /// Notes that `flows` load flows carry load from the current bin on.
    pub(crate) fn flows(&mut self, flows: u8) {
        let Ok(t_us) = u32::try_from(self.edge_us) else { return };
        let steps = &mut self.series.flow_steps;
        let room = steps.len() < params::BINS_MAX;
        match steps.last_mut() {
            Some(step) if step.flows == flows => {}
            Some(step) if step.t_us == t_us => step.flows = flows,
            _ if room => steps.push(FlowStep { t_us, flows }),
            _ => {}
        }
    }

    /// Payload bytes so far: what the program read, what the kernel has in order, or what the segments are worth,
    /// whichever is most; bytes behind a lost segment have crossed the link all the same.
    pub(crate) fn bytes(&self, bytes_per_segment: Option<f64>) -> u64 {
        let arrived =
            self.high.segments.zip(bytes_per_segment).map_or(0.0, |(segments, worth)| segments as f64 * worth);
        self.high.kernel_bytes.unwrap_or(0).max(self.high.app_bytes).max(arrived as u64)
    }

    pub(crate) fn series(&self) -> &Series {
        &self.series
    }

    pub(crate) fn into_series(self) -> Series {
        self.series
    }

    /// Time of the latest reading.
    pub(crate) fn last_us(&self) -> u64 {
        self.last_us
    }

    pub(crate) fn last_edge(&self) -> Option<Reading> {
        self.last_edge
    }

    pub(crate) fn first_arrival_us(&self) -> Option<u64> {
        self.first_arrival_us
    }

    pub(crate) fn last_arrival_us(&self) -> Option<u64> {
        self.last_arrival_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(t_us: u64, segments: u64) -> Reading {
        let bytes = segments * 1448;
        Reading { t_us, segments: Some(segments), kernel_bytes: Some(bytes), app_bytes: bytes }
    }

    #[test]
    fn bins_close_at_the_poll_nearest_to_fifty_milliseconds() {
        let mut binner = Binner::new(1);
        let closed: Vec<u64> = [0, 10_000, 44_999, 50_003, 60_000, 95_002, 100_004]
            .into_iter()
            .filter(|&t| binner.push(&reading(t, t)))
            .collect();
        assert_eq!(closed, [50_003, 100_004]);
        assert_eq!(binner.series().t_us, [50_003, 100_004]);
        assert_eq!(binner.series().segments.as_deref(), Some(&[50_003, 50_001][..]));
    }

    #[test]
    fn sparse_bins_close_at_an_arrival() {
        let mut binner = Binner::new(1);
        // 0.25 Mbit/s: a packet every 48 ms, polled every 10 ms.
        let edges: Vec<u64> =
            (0..40).map(|poll| poll * 10_000).filter(|&t| binner.push(&reading(t, t / 48_000))).collect();
        let counts = binner.series().segments.clone().unwrap();
        // Each edge lies on the poll that saw the packet, so that counts are whole packet intervals.
        assert!(edges.iter().all(|t| t % 48_000 < 10_000), "{edges:?}");
        assert_eq!(counts.iter().map(|&n| u64::from(n)).sum::<u64>(), edges.last().unwrap() / 48_000);
        assert!(!closes_bin(60_000, 3, false) && closes_bin(60_000, 9, false) && closes_bin(60_000, 0, false));
        assert!(closes_bin(100_000, 3, false) && !closes_bin(44_000, 3, true));
    }

    #[test]
    fn the_first_reading_is_the_zero_line() {
        let mut binner = Binner::new(1);
        binner.push(&reading(0, 1_000_000));
        binner.push(&reading(50_000, 1_000_007));
        assert_eq!(binner.series().segments.as_deref(), Some(&[7][..]));
        assert_eq!(binner.bytes(None), 7 * 1448);
        assert_eq!(binner.bytes(Some(1460.0)), 7 * 1460);
        assert_eq!(binner.first_arrival_us(), Some(50_000));
    }

    #[test]
    fn a_counter_that_falls_silent_is_dropped_from_the_whole_series() {
        let mut binner = Binner::new(1);
        binner.push(&reading(0, 0));
        binner.push(&reading(50_000, 10));
        binner.push(&Reading { segments: None, ..reading(100_000, 20) });
        binner.push(&reading(150_000, 30));
        assert_eq!(binner.series().segments, None);
        assert_eq!(binner.series().kernel_bytes.as_ref().map(Vec::len), Some(3));
    }

    #[test]
    fn a_counter_that_steps_back_counts_nothing_twice() {
        let mut binner = Binner::new(1);
        for (t, segments) in [(0, 0), (50_000, 10), (100_000, 4), (150_000, 12)] {
            binner.push(&reading(t, segments));
        }
        assert_eq!(binner.series().segments.as_deref(), Some(&[10, 0, 2][..]));
    }

    #[test]
    fn flow_steps_lie_on_edges() {
        let mut binner = Binner::new(1);
        binner.push(&reading(0, 0));
        binner.flows(4);
        binner.push(&reading(50_000, 10));
        binner.push(&reading(60_000, 12));
        binner.flows(8);
        binner.flows(8);
        let steps: Vec<(u32, u8)> = binner.series().flow_steps.iter().map(|step| (step.t_us, step.flows)).collect();
        assert_eq!(steps, [(0, 4), (50_000, 8)]);
    }
}
