//! Truth of one direction of a run: what the link could have carried for the test in a window.
//!
//! [`crate::truth`] knows the link; what stands behind the link (a policer) or shares it (cross-traffic) is added here.

use super::cross;
use crate::cells::{Cell, Condition};
use crate::emulator::{DirectionConfig, DirectionLog, Fate, Rate};
use crate::truth::{PAYLOAD_SHARE_IPV4, PAYLOAD_SHARE_IPV6, ip_capacity_bps};

/// One direction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Capacity<'a> {
    pub(super) cell: &'a Cell,
    pub(super) down: bool,
    pub(super) config: &'a DirectionConfig,
    pub(super) log: &'a DirectionLog,
}

impl Capacity<'_> {
    /// Payload bits a second that were possible in `[from_ns, to_ns)` of service.
    pub(super) fn payload_bps(&self, from_ns: u64, to_ns: u64) -> f64 {
        self.ip_bps(from_ns, to_ns) * self.payload_share()
    }

    /// TCP payload of a full packet.
    pub(super) fn payload_share(&self) -> f64 {
        if self.cell.condition == Condition::Ipv6Only { PAYLOAD_SHARE_IPV6 } else { PAYLOAD_SHARE_IPV4 }
    }

    fn ip_bps(&self, from_ns: u64, to_ns: u64) -> f64 {
        let rate = &self.config.rate;
        let link = ip_capacity_bps(rate, from_ns, to_ns, self.log.tokens_bytes(rate, from_ns));
        match self.cell.condition {
            Condition::Policer { mbit, burst_bytes } => {
                let sustained_bps = mbit * if self.down { 1e6 } else { 0.5e6 };
                let policed =
                    Rate::Bucket { sustained_bps, peak_bps: link.max(sustained_bps), bucket_bytes: burst_bytes };
                let tokens = policer_tokens_bytes(self.log, sustained_bps, burst_bytes, from_ns);
                ip_capacity_bps(&policed, from_ns, to_ns, tokens)
            }
            Condition::CrossTraffic(_) => {
                let others = cross::served_bytes(self.log, from_ns, to_ns);
                link - others as f64 * 8e9 / (to_ns - from_ns) as f64
            }
            _ => link,
        }
    }

    /// Payload bits a second that the link served in `[from_ns, to_ns)`, somebody else's and later policed ones included.
    pub(super) fn delivered_bps(&self, from_ns: u64, to_ns: u64) -> f64 {
        self.log.served_bytes(from_ns, to_ns) as f64 * 8e9 / (to_ns - from_ns) as f64 * self.payload_share()
    }

    /// When a bit that arrived at `at_ns` was served: one delay earlier, the delay being that of its departure.
    pub(super) fn served_ns(&self, at_ns: u64) -> u64 {
        let steps = &self.config.delay_ns;
        let last = steps.iter().rposition(|(from, delay)| from + delay <= at_ns);
        let Some(i) = last else { return at_ns.saturating_sub(steps[0].1) };
        let next = steps.get(i + 1).map_or(u64::MAX, |step| step.0);
        // Behind a step to a longer delay nothing arrives for a while; what would have was served at the step.
        (at_ns - steps[i].1).min(next)
    }
}

/// Tokens of a policer behind the link at `at_ns`: a packet passes and takes its size, or is dropped and takes nothing.
fn policer_tokens_bytes(log: &DirectionLog, sustained_bps: f64, burst_bytes: u64, at_ns: u64) -> f64 {
    let (full, per_ns) = (burst_bytes as f64, sustained_bps / 8e9);
    let (mut tokens, mut last_ns) = (full, 0);
    for packet in log.packets.iter().filter(|p| p.fate == Fate::Delivered && p.depart_ns <= at_ns) {
        tokens = (tokens + packet.depart_ns.saturating_sub(last_ns) as f64 * per_ns).min(full);
        last_ns = last_ns.max(packet.depart_ns);
        let size = f64::from(packet.bytes);
        if size <= tokens {
            tokens -= size;
        }
    }
    (tokens + at_ns.saturating_sub(last_ns) as f64 * per_ns).min(full)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cells;
    use crate::emulator::PacketRecord;

    fn cell(name: &str) -> Cell {
        cells::full().into_iter().find(|cell| cell.name == name).unwrap()
    }

    fn packet(depart_ns: u64, bytes: u16, tag: u32) -> PacketRecord {
        PacketRecord {
            arrive_ns: 0,
            depart_ns,
            deliver_ns: depart_ns,
            late_ns: 0,
            tag,
            bytes,
            protocol: 6,
            fate: Fate::Delivered,
        }
    }

    #[test]
    fn the_delay_of_a_hand_over_is_that_of_the_departure() {
        let cell = cell("hand-over");
        let mut config = DirectionConfig::fixed(48e6, 20.0, 40.0);
        let log = DirectionLog::default();
        let mut served = |steps: &[(u64, u64)], at| {
            config.delay_ns = steps.to_vec();
            Capacity { cell: &cell, down: true, config: &config, log: &log }.served_ns(at)
        };
        let shorter = [(0, 20), (1000, 10)];
        assert_eq!([900, 1005, 1010, 2000].map(|at| served(&shorter, at)), [880, 985, 1000, 1990]);
        let longer = [(0, 10), (1000, 30)];
        assert_eq!([1009, 1010, 1020, 1030, 1031].map(|at| served(&longer, at)), [999, 1000, 1000, 1000, 1001]);
        assert_eq!(served(&longer, 5), 0);
    }

    #[test]
    fn a_policer_gives_its_rate_once_the_burst_is_spent() {
        let cell = cell("policer-100kb-cubic");
        let config = DirectionConfig::fixed(100e6, 20.0, 40.0);
        let second = 1_000_000_000;
        // 100 Mbit/s of packets from the start: 100 kB pass at once and 20 Mbit/s from then on.
        let packets = (1..20_000).map(|i| packet(i * 120_000, 1500, 4433)).collect();
        let log = DirectionLog { packets, ..DirectionLog::default() };
        let capacity = Capacity { cell: &cell, down: true, config: &config, log: &log };
        let full = DirectionLog::default();
        let fresh = Capacity { log: &full, ..capacity };
        assert!((capacity.ip_bps(second, 2 * second) / 20e6 - 1.0).abs() < 0.001);
        assert!((fresh.ip_bps(second, 2 * second) / 20.8e6 - 1.0).abs() < 1e-9, "the whole burst is still there");
        assert!((Capacity { down: false, ..fresh }.ip_bps(second, 2 * second) / 10.8e6 - 1.0).abs() < 1e-9);
    }

    #[test]
    fn what_others_got_is_not_the_tests() {
        let cell = cell("cross-traffic-udp");
        let config = DirectionConfig::fixed(48e6, 20.0, 40.0);
        let packets = [(10, 1428, 5001), (20, 64, 4433), (30, 1500, 4433), (2_000_000_000, 1428, 5001)];
        let packets = packets.map(|(at, bytes, port)| packet(at, bytes, port)).to_vec();
        let log = DirectionLog { packets, ..DirectionLog::default() };
        let capacity = Capacity { cell: &cell, down: true, config: &config, log: &log };
        assert_eq!(capacity.ip_bps(0, 1_000_000_000), 48e6 - 1428.0 * 8.0);
    }
}
