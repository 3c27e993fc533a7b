//! The per-packet log: the oracle.

use std::ops::Range;

use super::DirectionConfig;
use super::service::Rate;

/// What became of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// Delivered.
    Delivered,
    /// Dropped because the queue was full.
    QueueFull,
    /// Dropped by the loss model.
    Lost,
}

/// One packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PacketRecord {
    /// When it reached the link, nanoseconds since the start.
    pub arrive_ns: u64,
    /// When its last bit was served; 0 when dropped.
    pub depart_ns: u64,
    /// When it was handed to the other side; 0 when dropped.
    pub deliver_ns: u64,
    /// How much later than it was due; 0 when dropped.
    pub late_ns: u32,
    /// Which packet this was: read by [`PacketRecord::echo`] and [`PacketRecord::service_port`].
    pub tag: u32,
    /// IP bytes.
    pub bytes: u16,
    /// IP protocol number: 6 TCP, 17 UDP.
    pub protocol: u8,
    /// What became of it.
    pub fate: Fate,
}

impl PacketRecord {
    /// Of no packet.
    pub(super) const NONE: Self =
        Self { arrive_ns: 0, depart_ns: 0, deliver_ns: 0, late_ns: 0, tag: 0, bytes: 0, protocol: 0, fate: Fate::Lost };
}

/// Log of one direction.
#[derive(Debug, Default)]
pub struct DirectionLog {
    /// What was emulated; `None` in a log that was made up.
    pub config: Option<DirectionConfig>,
    /// Every packet, in order of arrival.
    pub packets: Vec<PacketRecord>,
    /// Part of one core the emulating thread used.
    pub cpu_share: f64,
    /// Packets the kernel would not take.
    pub write_failures: u64,
    /// Packets (pieces, where the kernel left segmentation to the device) that were dropped before the emulator saw them,
    /// and so are in no log.
    pub unseen: u64,
}

/// A run above this share of a core was starved and judges nothing.
pub const VOID_CPU_SHARE: f64 = 0.9;
/// A run whose p99 lateness is above this judges nothing: delay is held to it.
pub const VOID_LATENESS_NS: u64 = 1_000_000;

impl DirectionLog {
    /// How late packets were handed over, but for those due in one of `unmeasured`, nanoseconds: median, p99, worst.
    pub fn lateness_ns(&self, unmeasured: &[Range<u64>]) -> [u64; 3] {
        let judged = |packet: &&PacketRecord| {
            let due_ns = packet.deliver_ns.saturating_sub(packet.late_ns.into());
            packet.fate == Fate::Delivered && !unmeasured.iter().any(|range| range.contains(&due_ns))
        };
        let mut late_ns: Vec<u32> = self.packets.iter().filter(judged).map(|packet| packet.late_ns).collect();
        late_ns.sort_unstable();
        let last = late_ns.len() as f64 - 1.0;
        [0.5, 0.99, 1.0].map(|q| late_ns.get((last * q) as usize).copied().map_or(0, u64::from))
    }

    /// Why this log may not judge, if so. What is due in one of `unmeasured` is in no figure: a kernel that resets sixteen flows throws
    /// away tens of megabytes at once, and nothing else runs on that core for milliseconds.
    pub fn void(&self, unmeasured: &[Range<u64>]) -> Option<String> {
        let [_, p99_ns, _] = self.lateness_ns(unmeasured);
        if self.cpu_share > VOID_CPU_SHARE {
            return Some(format!("the emulator used {:.0} % of a core", self.cpu_share * 100.0));
        }
        if p99_ns > VOID_LATENESS_NS {
            return Some(format!("p99 of hand-over was {:.1} ms late", p99_ns as f64 / 1e6));
        }
        if self.unseen > 0 {
            return Some(format!("the kernel dropped {} packets before the emulator saw them", self.unseen));
        }
        (self.write_failures > 0).then(|| format!("the kernel refused {} packets", self.write_failures))
    }

    /// IP bytes served in `[from_ns, to_ns)`.
    pub fn served_bytes(&self, from_ns: u64, to_ns: u64) -> u64 {
        self.packets
            .iter()
            .filter(|p| p.fate == Fate::Delivered && (from_ns..to_ns).contains(&p.depart_ns))
            .map(|p| u64::from(p.bytes))
            .sum()
    }

    /// Tokens a bucket held at `at_ns`, from what it served until then; 0 for every other rate.
    pub fn tokens_bytes(&self, rate: &Rate, at_ns: u64) -> f64 {
        let Rate::Bucket { sustained_bps, peak_bps, bucket_bytes } = rate else { return 0.0 };
        let (full, per_ns) = (*bucket_bytes as f64, sustained_bps / 8e9);
        let (mut tokens, mut last_ns) = (full, 0.0);
        for packet in self.packets.iter().filter(|p| p.fate == Fate::Delivered && p.depart_ns <= at_ns) {
            // A packet takes its tokens when its service begins, and the bucket refills while it is sent.
            let size = f64::from(packet.bytes);
            let begun_ns = packet.depart_ns as f64 - size * 8e9 / peak_bps;
            tokens = (tokens + (begun_ns - last_ns) * per_ns).min(full) - size;
            last_ns = begun_ns;
        }
        (tokens + (at_ns as f64 - last_ns).max(0.0) * per_ns).clamp(0.0, full)
    }

    /// Packets of a fate.
    pub fn count(&self, fate: Fate) -> usize {
        self.packets.iter().filter(|p| p.fate == fate).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_packets_void_a_run_unless_nothing_was_measured_then() {
        let due = |due_ns: u64| {
            let late_ns = if due_ns < 1_000 { 20_000 } else { 3_000_000 };
            PacketRecord {
                deliver_ns: due_ns + u64::from(late_ns),
                late_ns,
                fate: Fate::Delivered,
                ..PacketRecord::NONE
            }
        };
        let packets = (0..1_100).map(due).chain([PacketRecord::NONE]).collect();
        let log = DirectionLog { packets, ..DirectionLog::default() };
        assert_eq!(log.lateness_ns(&[]), [20_000, 3_000_000, 3_000_000]);
        assert_eq!(log.void(&[]).as_deref(), Some("p99 of hand-over was 3.0 ms late"));
        let in_between = [500..600, 1_000..u64::MAX];
        assert_eq!(log.lateness_ns(&in_between), [20_000; 3]);
        assert_eq!(log.void(&in_between), None);
        assert!(log.void(&[0..500, 500..900]).is_some());
        assert_eq!(DirectionLog::default().lateness_ns(&[]), [0; 3]);
    }
}
