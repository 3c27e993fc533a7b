//! How a direction serves packets: pure arithmetic in nanoseconds since the start.

use std::sync::Arc;

use super::{LabError, PACKET_BITS};

/// Bytes that one line of a Mahimahi schedule may carry.
pub const SCHEDULE_OPPORTUNITY_BYTES: u64 = 1500;

/// A rate of service.
#[derive(Clone, PartialEq, Debug)]
pub enum Rate {
    /// Piecewise constant: (nanoseconds since start, bit/s). 0 bit/s is an outage; a step is a hand-over.
    Steps(Vec<(u64, f64)>),
    /// Mahimahi schedule: milliseconds at which 1500 bytes may leave, wrapping after the last one.
    Schedule {
        /// Opportunities in order; repeated values carry more.
        at_ms: Arc<Vec<u64>>,
        /// Where in the schedule the emulation starts, milliseconds.
        offset_ms: u64,
    },
    /// Token bucket: `sustained_bps`, and up to `bucket_bytes` at `peak_bps`.
    Bucket {
        /// Rate at which tokens come.
        sustained_bps: f64,
        /// Rate at which packets leave while there are tokens.
        peak_bps: f64,
        /// Tokens the bucket holds, full at the start.
        bucket_bytes: u64,
    },
}

impl Rate {
    /// One rate for ever.
    pub fn constant(bps: f64) -> Self {
        Self::Steps(vec![(0, bps)])
    }

    /// Highest rate it serves at; of a schedule over 100 ms.
    pub fn peak_bps(&self) -> f64 {
        match self {
            Self::Steps(steps) => steps.iter().map(|step| step.1).fold(0.0, f64::max),
            Self::Bucket { peak_bps, .. } => *peak_bps,
            Self::Schedule { at_ms, .. } => {
                let mut first = 0;
                let within = |(last, ms): (usize, &u64)| {
                    while at_ms[first] + 100 <= *ms {
                        first += 1;
                    }
                    last + 1 - first
                };
                let most = at_ms.iter().enumerate().map(within).max().unwrap_or(0);
                most as f64 * PACKET_BITS / 0.1
            }
        }
    }

    /// Reads a Mahimahi schedule: one number of milliseconds a line.
    pub fn parse_schedule(text: &str, offset_ms: u64) -> Result<Self, LabError> {
        let wrong = |line: usize, value: &str| LabError::Config {
            field: "schedule",
            value: format!("{value:?} in line {}", line + 1),
            expected: "milliseconds, one number a line, in order",
        };
        let mut at_ms: Vec<u64> = Vec::new();
        for (i, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
            let ms = line.trim().parse().map_err(|_| wrong(i, line))?;
            if at_ms.last().is_some_and(|last| ms < *last) {
                return Err(wrong(i, line));
            }
            at_ms.push(ms);
        }
        let rate = Self::Schedule { at_ms: Arc::new(at_ms), offset_ms };
        rate.validate()?;
        Ok(rate)
    }

    pub(super) fn validate(&self) -> Result<(), LabError> {
        let wrong = |value: String, expected| Err(LabError::Config { field: "rate", value, expected });
        match self {
            Self::Steps(steps) => {
                let sound = steps.first().is_some_and(|s| s.0 == 0)
                    && steps.is_sorted_by_key(|s| s.0)
                    && steps.iter().all(|s| s.1.is_finite() && s.1 >= 0.0)
                    && steps.last().is_some_and(|s| s.1 > 0.0);
                if sound { Ok(()) } else { wrong(format!("{steps:?}"), "steps in order from 0 that end above 0 bit/s") }
            }
            Self::Schedule { at_ms, .. } => {
                if at_ms.last().is_some_and(|last| *last > 0) {
                    Ok(())
                } else {
                    wrong("an empty schedule".into(), "at least one opportunity after 0 ms")
                }
            }
            Self::Bucket { sustained_bps, peak_bps, bucket_bytes } => {
                if *sustained_bps > 0.0 && peak_bps >= sustained_bps && *bucket_bytes >= SCHEDULE_OPPORTUNITY_BYTES {
                    Ok(())
                } else {
                    wrong(format!("{self:?}"), "0 < sustained ≤ peak and a bucket of at least one packet")
                }
            }
        }
    }
}

/// The state of a server of packets.
#[derive(Clone, Debug)]
pub struct Service {
    rate: Rate,
    free_at_ns: f64,
    tokens: f64,
    tokens_at_ns: f64,
    next_opportunity: u64,
    left_in_opportunity: u64,
}

impl Service {
    /// A server at rest.
    pub fn new(rate: Rate) -> Self {
        let tokens = if let Rate::Bucket { bucket_bytes, .. } = &rate { *bucket_bytes as f64 } else { 0.0 };
        Self { rate, free_at_ns: 0.0, tokens, tokens_at_ns: 0.0, next_opportunity: 0, left_in_opportunity: 0 }
    }

    /// When the last bit of a packet of `bytes` leaves that is ready at `ready_ns`; packets come in order.
    pub fn depart_ns(&mut self, ready_ns: u64, bytes: u32) -> u64 {
        let start = self.free_at_ns.max(ready_ns as f64);
        self.free_at_ns = match &self.rate {
            Rate::Steps(steps) => serve_steps(steps, start, f64::from(bytes) * 8.0),
            Rate::Bucket { sustained_bps, peak_bps, bucket_bytes } => {
                let (per_ns, size) = (sustained_bps / 8e9, f64::from(bytes));
                self.tokens = (self.tokens + (start - self.tokens_at_ns) * per_ns).min(*bucket_bytes as f64);
                let wait = ((size - self.tokens) / per_ns).max(0.0);
                self.tokens += wait * per_ns - size;
                self.tokens_at_ns = start + wait;
                start + wait + size * 8e9 / peak_bps
            }
            Rate::Schedule { .. } => self.serve_schedule(start, u64::from(bytes)),
        };
        self.free_at_ns.ceil() as u64
    }

    fn serve_schedule(&mut self, start: f64, mut bytes: u64) -> f64 {
        // A packet that comes while an opportunity has bytes left and is not over rides in it.
        if self.left_in_opportunity > 0 && self.opportunity_ns(self.next_opportunity.saturating_sub(1)) < start {
            self.left_in_opportunity = 0;
        }
        let mut at = start;
        loop {
            let taken = bytes.min(self.left_in_opportunity);
            self.left_in_opportunity -= taken;
            bytes -= taken;
            if bytes == 0 {
                return at;
            }
            self.skip_opportunities_before(at);
            at = self.opportunity_ns(self.next_opportunity).max(at);
            self.next_opportunity += 1;
            self.left_in_opportunity = SCHEDULE_OPPORTUNITY_BYTES;
        }
    }

    fn skip_opportunities_before(&mut self, ns: f64) {
        let Rate::Schedule { at_ms, .. } = &self.rate else { return };
        let round_ns = at_ms.last().copied().unwrap_or(1) as f64 * 1e6;
        let behind = ns - self.opportunity_ns(self.next_opportunity);
        if behind > round_ns {
            self.next_opportunity += (behind / round_ns) as u64 * at_ms.len() as u64;
        }
        while self.opportunity_ns(self.next_opportunity) < ns {
            self.next_opportunity += 1;
        }
    }

    fn opportunity_ns(&self, index: u64) -> f64 {
        let Rate::Schedule { at_ms, offset_ms } = &self.rate else { return 0.0 };
        schedule_ns(at_ms, *offset_ms, index)
    }
}

/// Time of the `index`-th opportunity at or after `offset_ms` of a wrapping schedule, relative to the start.
pub fn schedule_ns(at_ms: &[u64], offset_ms: u64, index: u64) -> f64 {
    let (len, round_ms) = (at_ms.len() as u64, at_ms.last().copied().unwrap_or(1));
    let offset = offset_ms % round_ms;
    let first = at_ms.partition_point(|ms| *ms < offset) as u64;
    let position = first + index;
    ((position / len * round_ms + at_ms[(position % len) as usize]) as f64 - offset as f64) * 1e6
}

fn serve_steps(steps: &[(u64, f64)], start: f64, mut bits: f64) -> f64 {
    let mut at = start;
    let mut i = steps.partition_point(|s| s.0 as f64 <= at) - 1;
    loop {
        let (bps, end) = (steps[i].1, steps.get(i + 1).map_or(f64::INFINITY, |s| s.0 as f64));
        let fits = bps * (end - at) / 1e9;
        if bps > 0.0 && bits <= fits {
            return at + bits * 1e9 / bps;
        }
        if bps > 0.0 {
            bits -= fits;
        }
        at = end;
        i += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mean_bps(rate: Rate, packets: u32, bytes: u32) -> f64 {
        let mut service = Service::new(rate);
        let last = (0..packets).map(|_| service.depart_ns(0, bytes)).last().unwrap();
        f64::from(packets) * f64::from(bytes) * 8e9 / last as f64
    }

    #[test]
    fn the_highest_rate_is_that_of_the_fastest_step_and_of_the_densest_tenth_of_a_second() {
        let schedule = |at_ms: Vec<u64>| Rate::Schedule { at_ms: Arc::new(at_ms), offset_ms: 0 };
        let steps = Rate::Steps(vec![(0, 2e6), (5, 9e6), (9, 0.0)]);
        assert!((steps.peak_bps() - 9e6).abs() < 1.0);
        // Three in 100 ms.
        let dense = schedule(vec![0, 100, 150, 199, 200, 400, 1000]);
        assert!((dense.peak_bps() - 3.0 * 1500.0 * 80.0).abs() < 1.0, "{}", dense.peak_bps());
    }

    #[test]
    fn a_constant_rate_is_exact() {
        for bps in [0.5e6, 2e6, 48e6, 1e9] {
            let measured = mean_bps(Rate::constant(bps), 1000, 1500);
            assert!((measured / bps - 1.0).abs() < 1e-6, "{measured} {bps}");
        }
    }

    #[test]
    fn a_bucket_gives_its_burst_once_and_then_its_sustained_rate() {
        let rate = Rate::Bucket { sustained_bps: 20e6, peak_bps: 100e6, bucket_bytes: 5_000_000 };
        let mut service = Service::new(rate);
        let departures: Vec<u64> = (0..40_000).map(|_| service.depart_ns(0, 1500)).collect();
        let bps = |range: std::ops::Range<usize>| {
            (range.len() as f64) * 12_000e9 / (departures[range.end] - departures[range.start]) as f64
        };
        // The burst lasts bucket / (1 − 20/100) bytes: 6.25 MB = 4166 packets.
        assert!((bps(0..4000) / 100e6 - 1.0).abs() < 1e-3, "{}", bps(0..4000));
        assert!((bps(4300..39_999) / 20e6 - 1.0).abs() < 1e-4, "{}", bps(4300..39_999));
    }

    #[test]
    fn a_schedule_wraps_carries_1500_bytes_a_line_and_loses_what_nobody_used() {
        let rate = Rate::parse_schedule("10\n10\n20\n", 0).unwrap();
        let mut service = Service::new(rate.clone());
        let ms = |ns: u64| ns / 1_000_000;
        assert_eq!(ms(service.depart_ns(0, 1500)), 10);
        assert_eq!(ms(service.depart_ns(0, 1000)), 10);
        assert_eq!(ms(service.depart_ns(0, 500)), 10, "the rest of the same opportunity");
        assert_eq!(ms(service.depart_ns(0, 1500)), 20);
        assert_eq!(ms(service.depart_ns(0, 1500)), 30, "wrapped");
        assert_eq!(ms(service.depart_ns(1_000_000_000, 1500)), 1000, "unused ones are lost");
        let Rate::Schedule { at_ms, .. } = &rate else { unreachable!() };
        assert_eq!(schedule_ns(at_ms, 15, 0), 5e6);
        assert_eq!(schedule_ns(at_ms, 15, 1), 15e6);
        assert!(Rate::parse_schedule("10\n5\n", 0).unwrap_err().to_string().contains("line 2"));
    }

    #[test]
    fn an_outage_serves_nothing_and_a_hand_over_changes_the_rate_in_mid_packet() {
        let rate = Rate::Steps(vec![(0, 12e6), (10_000_000, 0.0), (510_000_000, 1.2e6)]);
        let mut service = Service::new(rate);
        for _ in 0..9 {
            service.depart_ns(0, 1500);
        }
        assert_eq!(service.depart_ns(0, 1500), 10_000_000);
        assert_eq!(service.depart_ns(0, 1500), 520_000_000);
    }

    proptest! {
        #[test]
        fn departures_never_go_back_and_never_beat_the_peak(
            sizes in proptest::collection::vec((20u32..1500, 0u64..3_000_000), 1..300),
            sustained in 1e5..1e8f64, factor in 1.0..6.0f64, bucket in 1500u64..1_000_000,
        ) {
            let mut service = Service::new(Rate::Bucket {
                sustained_bps: sustained, peak_bps: sustained * factor, bucket_bytes: bucket,
            });
            let (mut now, mut last, mut total) = (0, 0, 0.0);
            for (size, gap) in sizes {
                now += gap;
                let depart = service.depart_ns(now, size);
                prop_assert!(depart >= last && depart >= now);
                last = depart;
                total += f64::from(size);
            }
            let allowed = bucket as f64 + sustained / 8e9 * last as f64 + 1500.0;
            prop_assert!(total <= allowed, "{} {}", total, allowed);
        }
    }
}
