//! The series a measuring end signs: bins that close at real polls, by the same rule as the meter's.

use ispeed_meter::closes_bin;
use ispeed_meter::params::{BINS_MAX, SEGMENT_BYTES_TYPICAL};
use ispeed_protocol::direction::{FlowStep, Series};

/// Counters over all flows since the start of load.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Counted {
    pub(super) segments: Option<u64>,
    pub(super) kernel_bytes: Option<u64>,
    pub(super) app_bytes: u64,
}

impl Counted {
    /// Whether anything moved.
    pub(super) fn any(&self) -> bool {
        self.segments.unwrap_or(0) > 0 || self.bytes() > 0
    }

    /// Payload bytes: what the kernel has in order, or the program, whichever is more.
    pub(super) fn bytes(&self) -> u64 {
        self.kernel_bytes.unwrap_or(0).max(self.app_bytes)
    }
}

/// Builds a [`Series`].
#[derive(Debug)]
pub(super) struct SeriesBuilder {
    series: Series,
    edge: Counted,
    edge_us: u64,
    last: Counted,
}

impl SeriesBuilder {
    pub(super) fn new() -> Self {
        let series = Series { segments: Some(Vec::new()), kernel_bytes: Some(Vec::new()), ..Series::default() };
        Self { series, edge: Counted::default(), edge_us: 0, last: Counted::default() }
    }

    /// Takes a poll: counters at `t_us` and the flows that carry load. True when it closed a bin.
    pub(super) fn push(&mut self, t_us: u64, now: Counted, flows: u8) -> bool {
        self.step(flows);
        let arrived = now != std::mem::replace(&mut self.last, now);
        closes_bin(t_us.saturating_sub(self.edge_us), self.segments_in_bin(now), arrived) && self.close(t_us, now)
    }

    /// Segments since the last edge; of a sender, who counts none, what the bytes are worth.
    fn segments_in_bin(&self, now: Counted) -> u64 {
        let counted = now.segments.map(|segments| segments.saturating_sub(self.edge.segments.unwrap_or(0)));
        counted.unwrap_or_else(|| {
            let bytes = now.bytes().saturating_sub(self.edge.bytes());
            (bytes as f64 / SEGMENT_BYTES_TYPICAL).ceil() as u64
        })
    }

    /// Ends the series; what arrived after the last edge becomes one more bin, so that the bins add up to all bytes.
    pub(super) fn finish(mut self, t_us: u64, now: Counted) -> Series {
        if now.bytes() > self.edge.bytes() && t_us > self.edge_us {
            self.close(t_us, now);
        }
        self.series
    }

    /// Ends the series at its last edge up to `until_us`; what was too short for one bin is one bin.
    pub(super) fn full_bins(mut self, t_us: u64, until_us: u64, now: Counted) -> Series {
        if self.series.t_us.is_empty() {
            return self.finish(t_us, now);
        }
        let kept = self.series.t_us.partition_point(|&edge| u64::from(edge) <= until_us).max(1);
        let Series { t_us, segments, kernel_bytes, app_bytes, flow_steps } = &mut self.series;
        t_us.truncate(kept);
        if let Some(bins) = segments {
            bins.truncate(kept);
        }
        if let Some(bins) = kernel_bytes {
            bins.truncate(kept);
        }
        app_bytes.truncate(kept);
        let last = t_us.last().copied().unwrap_or(0);
        flow_steps.retain(|step| step.t_us < last || step.t_us == 0);
        self.series
    }

    fn close(&mut self, t_us: u64, now: Counted) -> bool {
        let Ok(edge) = u32::try_from(t_us) else { return false };
        if self.series.t_us.len() >= BINS_MAX {
            return false;
        }
        self.series.t_us.push(edge);
        // A counter that was missing once is no counter: the series has it for every bin or for none.
        self.series.segments = self.series.segments.take().zip(now.segments).map(|(mut bins, segments)| {
            let arrived = segments.saturating_sub(self.edge.segments.unwrap_or(0));
            bins.push(u32::try_from(arrived).unwrap_or(u32::MAX));
            bins
        });
        self.series.kernel_bytes = self.series.kernel_bytes.take().zip(now.kernel_bytes).map(|(mut bins, bytes)| {
            bins.push(bytes.saturating_sub(self.edge.kernel_bytes.unwrap_or(0)));
            bins
        });
        self.series.app_bytes.push(now.app_bytes.saturating_sub(self.edge.app_bytes));
        (self.edge, self.edge_us) = (now, t_us);
        true
    }

    /// Notes how many flows carry load from the current bin on.
    fn step(&mut self, flows: u8) {
        let t_us = self.series.t_us.last().copied().unwrap_or(0);
        let steps = &mut self.series.flow_steps;
        match steps.last_mut() {
            Some(step) if step.flows >= flows => {}
            Some(step) if step.t_us == t_us => step.flows = flows,
            _ => steps.push(FlowStep { t_us, flows }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counted(segments: u64) -> Counted {
        Counted { segments: Some(segments), kernel_bytes: Some(segments * 1448), app_bytes: segments * 1400 }
    }

    proptest! {
        #[test]
        fn bins_add_up_to_everything(polls in proptest::collection::vec((1u64..40_000, 0u64..300), 1..200)) {
            let mut builder = SeriesBuilder::new();
            let (mut t_us, mut segments, mut closed) = (0, 0, 0);
            for (step_us, arrived) in polls {
                (t_us, segments) = (t_us + step_us, segments + arrived);
                closed += usize::from(builder.push(t_us, counted(segments), 1));
            }
            let series = builder.finish(t_us, counted(segments));
            prop_assert!(series.t_us.len() == closed || series.t_us.len() == closed + 1);
            prop_assert!(series.t_us.windows(2).take(closed.saturating_sub(1)).all(|w| u64::from(w[1] - w[0]) >= ispeed_meter::params::BIN_CLOSES_US));
            prop_assert_eq!(series.segments.unwrap().iter().map(|n| u64::from(*n)).sum::<u64>(), segments);
            prop_assert_eq!(series.kernel_bytes.unwrap().iter().sum::<u64>(), segments * 1448);
            prop_assert_eq!(series.app_bytes.iter().sum::<u64>(), segments * 1400);
        }
    }

    #[test]
    fn bins_behind_the_end_of_load_are_cut() {
        let mut builder = SeriesBuilder::new();
        for poll in 1..=40u64 {
            builder.push(poll * 10_000, counted(poll.min(25) * 10), 1);
        }
        let series = builder.full_bins(400_000, 250_000, counted(250));
        assert_eq!(series.t_us, [50_000, 100_000, 150_000, 200_000, 250_000]);
        assert_eq!(series.segments, Some(vec![50; 5]));
        assert_eq!((series.kernel_bytes.map(|bins| bins.len()), series.app_bytes.len()), (Some(5), 5));
    }

    #[test]
    fn steps_lie_on_edges_and_only_go_up() {
        let mut builder = SeriesBuilder::new();
        for (t_us, flows) in [(10_000, 1), (20_000, 4), (50_000, 4), (60_000, 8), (100_000, 8), (110_000, 3)] {
            builder.push(t_us, counted(t_us), flows);
        }
        let steps = [FlowStep { t_us: 0, flows: 4 }, FlowStep { t_us: 50_000, flows: 8 }];
        assert_eq!(builder.finish(110_000, counted(110_000)).flow_steps, steps);
    }
}
