//! What a direction could have carried in a window: every opportunity, used or not.
//!
//! Truth is a property of the link, never of the packets that happened to be delivered: a sender that leaves
//! opportunities unused makes an error, and the error must show.

use crate::emulator::Rate;
use crate::emulator::service::{SCHEDULE_OPPORTUNITY_BYTES, schedule_ns};

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

#[cfg(test)]
mod tests {
    use super::*;

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
