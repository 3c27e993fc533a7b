//! What a direction could have carried in a window: every opportunity, used or not.
//!
//! Truth is a property of the link, never of the packets that happened to be delivered: a sender that leaves
//! opportunities unused makes an error, and the error must show.

use crate::emulator::service::{SCHEDULE_OPPORTUNITY_BYTES, schedule_ns};
use crate::emulator::{DirectionConfig, Rate};

/// TCP payload of a full packet of 1500 bytes over IPv4 with timestamps.
pub const PAYLOAD_SHARE_IPV4: f64 = 1448.0 / 1500.0;
/// TCP payload of a full packet of 1500 bytes over IPv6 with timestamps.
pub const PAYLOAD_SHARE_IPV6: f64 = 1428.0 / 1500.0;

/// IP bits a second the link could have carried in `[from_ns, to_ns)`. For a token bucket `tokens_bytes` is what the
/// bucket held at `from_ns`.
pub fn ip_capacity_bps(rate: &Rate, from_ns: u64, to_ns: u64, tokens_bytes: f64) -> f64 {
    let (from, to) = (from_ns as f64, to_ns as f64);
    let seconds = (to - from) / 1e9;
    let bits = match rate {
        Rate::Steps(steps) => steps
            .iter()
            .enumerate()
            .map(|(i, step)| {
                let end = steps.get(i + 1).map_or(f64::INFINITY, |next| next.0 as f64);
                step.1 * (end.min(to) - (step.0 as f64).max(from)).max(0.0) / 1e9
            })
            .sum(),
        Rate::Schedule { at_ms, offset_ms } => {
            let first_at_or_after = |ns: f64| {
                let (mut low, mut high) = (0u64, 1u64);
                while schedule_ns(at_ms, *offset_ms, high) < ns {
                    high *= 2;
                }
                while low < high {
                    let mid = (low + high) / 2;
                    if schedule_ns(at_ms, *offset_ms, mid) < ns { low = mid + 1 } else { high = mid }
                }
                low
            };
            ((first_at_or_after(to) - first_at_or_after(from)) * SCHEDULE_OPPORTUNITY_BYTES * 8) as f64
        }
        Rate::Bucket { sustained_bps, peak_bps, .. } => {
            (peak_bps * seconds).min(tokens_bytes * 8.0 + sustained_bps * seconds)
        }
    };
    bits / seconds
}

/// When bits that arrive in `[from_ns, to_ns)` behind the link were served: one delay earlier, by the delay valid then.
/// One interval for each delay that plays a part, in order; where a delay falls, those behind the step overtake, and the
/// intervals do not touch.
pub fn served_windows(config: &DirectionConfig, from_ns: u64, to_ns: u64) -> Vec<(u64, u64)> {
    let steps = &config.delay_ns;
    let window = |(i, &(begins_ns, delay_ns)): (usize, &(u64, u64))| {
        let ends_ns = steps.get(i + 1).map_or(u64::MAX, |next| next.0);
        let served_from = from_ns.saturating_sub(delay_ns).max(begins_ns);
        let served_to = to_ns.saturating_sub(delay_ns).min(ends_ns);
        (served_from < served_to).then_some((served_from, served_to))
    };
    steps.iter().enumerate().filter_map(window).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::service::Service;
    use crate::emulator::{DirectionLog, Fate, PacketRecord};
    use proptest::prelude::*;

    #[test]
    fn what_arrives_in_a_window_was_served_a_delay_earlier() {
        let mut config = DirectionConfig::fixed(10e6, 0.0, 100.0);
        config.delay_ns = vec![(0, 5), (10, 1), (100, 30)];
        assert_eq!(served_windows(&config, 7, 9), [(2, 4)]);
        // Served in [8, 10) with 5 and in [12, 19) with 1; what was served in between arrived before 13.
        assert_eq!(served_windows(&config, 13, 20), [(8, 10), (12, 19)]);
        // Nothing arrives in [101, 130): the delay grew by 29.
        assert_eq!(served_windows(&config, 105, 125), []);
        assert_eq!(served_windows(&config, 95, 135), [(94, 100), (100, 105)]);
        assert_eq!(served_windows(&config, 0, 3), [], "nothing had arrived yet");
    }

    /// A file as a person would have recorded it, started in its middle: the line at the offset counts, and what follows
    /// its last line is its first.
    #[test]
    fn a_recorded_schedule_starts_anywhere_and_wraps() {
        let file = "5\n5\n12\n20\n\n31\n40\n";
        let carried = |offset_ms, from_ms: u64, to_ms: u64| {
            let rate = Rate::parse_schedule(file, offset_ms).unwrap();
            let bits =
                ip_capacity_bps(&rate, from_ms * 1_000_000, to_ms * 1_000_000, 0.0) * (to_ms - from_ms) as f64 / 1e3;
            (bits / 12_000.0).round() as u64
        };
        assert_eq!(carried(0, 0, 40), 5, "the line at 40 ms is the next round's instant 0");
        assert_eq!(carried(0, 0, 41), 6);
        assert_eq!(carried(20, 0, 1), 1, "the line at the offset counts");
        // From 20 ms on: 20, 31, 40, then 45 twice, 52, 60, 71, 80.
        assert_eq!(carried(20, 0, 25), 3);
        assert_eq!(carried(20, 0, 26), 5);
        assert_eq!(carried(20, 0, 61), 9);
        assert_eq!(carried(20 + 3 * 40, 0, 61), 9, "an offset behind the end wraps too");
        assert_eq!(carried(35, 4000, 8000), 600, "a hundred rounds of six");
    }

    proptest! {
        /// The log of any traffic through a bucket gives back the tokens the server of packets had, and no window carries
        /// more than the truth says it could have.
        #[test]
        fn the_log_of_a_bucket_tells_what_it_held(
            packets in proptest::collection::vec((40u32..=1500, 0u64..4_000_000), 2..200),
            bucket in 3_000u64..200_000, factor in 1.0..8.0f64,
        ) {
            let rate = Rate::Bucket { sustained_bps: 8e6, peak_bps: 8e6 * factor, bucket_bytes: bucket };
            let (mut service, mut now, mut log) = (Service::new(rate.clone()), 0, DirectionLog::default());
            for (size, gap_ns) in packets {
                now += gap_ns;
                let depart_ns = service.depart_ns(now, size);
                log.packets.push(PacketRecord {
                    arrive_ns: now, depart_ns, deliver_ns: depart_ns, late_ns: 0, tag: 0, bytes: size as u16, protocol: 17,
                    fate: Fate::Delivered,
                });
            }
            let end = log.packets.last().unwrap().depart_ns + 1;
            for from in [0, end / 3, end / 2] {
                // A window begins between packets: one that is half sent has paid already.
                let from = log.packets.iter().map(|p| p.depart_ns).filter(|at| *at <= from).max().unwrap_or(0);
                let tokens = log.tokens_bytes(&rate, from);
                prop_assert!((0.0..=bucket as f64).contains(&tokens));
                let could = ip_capacity_bps(&rate, from, end, tokens) * (end - from) as f64 / 8e9;
                let did = log.served_bytes(from + 1, end) as f64;
                prop_assert!(did <= could + 1.0, "{} {}", did, could);
            }
            // Saturated from now on, it serves what the log says it could.
            let from = end - 1;
            let tokens = log.tokens_bytes(&rate, from);
            let (mut served, mut to) = (0.0, from);
            while served < 100_000.0 {
                to = service.depart_ns(from, 1000);
                served += 1000.0;
            }
            let could = ip_capacity_bps(&rate, from, to, tokens) * (to - from) as f64 / 8e9;
            prop_assert!((served - could).abs() <= 1000.0 + 1.0, "{} {}", served, could);
        }
    }

    #[test]
    fn capacity_counts_opportunities_not_use() {
        let steps = Rate::Steps(vec![(0, 10e6), (1_000_000_000, 0.0), (2_000_000_000, 30e6)]);
        assert_eq!(ip_capacity_bps(&steps, 500_000_000, 2_500_000_000, 0.0), (5e6 + 15e6) / 2.0);
        let schedule = Rate::parse_schedule("1\n2\n2\n10\n", 0).unwrap();
        // Ten rounds of 10 ms with four opportunities each.
        assert_eq!(ip_capacity_bps(&schedule, 0, 100_000_000, 0.0).round(), (39.0 * 12_000.0 / 0.1f64).round());
        let bucket = Rate::Bucket { sustained_bps: 20e6, peak_bps: 100e6, bucket_bytes: 5_000_000 };
        assert_eq!(ip_capacity_bps(&bucket, 0, 1_000_000_000, 0.0), 20e6);
        assert_eq!(ip_capacity_bps(&bucket, 0, 1_000_000_000, 5e6), 60e6);
        assert_eq!(ip_capacity_bps(&bucket, 0, 100_000_000, 5e6), 100e6);
    }
}
