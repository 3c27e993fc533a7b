//! When a tool loaded which direction, from the emulator's log alone: no tool says so on a clock that others share.

use crate::emulator::{DirectionLog, Fate, LinkLog, PacketRecord};

/// A stretch of time in which a direction carried bulk, nanoseconds of the log.
pub(super) type Stretch = (u64, u64);

/// Time is looked at in steps of this length: four full packets at 1 Mbit/s.
const BIN_NS: u64 = 50_000_000;
/// Headers of IPv4 and TCP with timestamps: what is left of a packet is payload.
const HEADER_BYTES: u16 = 52;
/// A direction carries bulk when it carries this many times the payload of the other one.
const DOMINANCE: u64 = 3;
/// A bin with less holds no bulk: at 1 Mbit/s four times as much fits.
const LEAST_BIN_BYTES: u64 = 1_400;
/// A gap up to this is within a stretch: a round trip between two requests, a time-out of TCP.
const GAP_NS: u64 = 500_000_000;
/// Less is a handshake or a control message, not bulk.
const LEAST_BYTES: u64 = 30_000;

const TCP: u8 = 6;

/// The stretches of both directions, `[down, up]`, in order.
pub(super) fn stretches(log: &LinkLog) -> [Vec<Stretch>; 2] {
    let bins = [bins(&log.down), bins(&log.up)];
    let at = |side: usize, bin: usize| bins[side].get(bin).copied().unwrap_or(0);
    let count = bins[0].len().max(bins[1].len());
    let dominated = |side: usize| {
        let bin_dominates = |bin: &usize| {
            let own = at(side, *bin);
            own >= LEAST_BIN_BYTES && own > DOMINANCE * at(1 - side, *bin)
        };
        (0..count).filter(bin_dominates).collect::<Vec<_>>()
    };
    let (down, up) = (dominated(0), dominated(1));
    [merge(&down, &up, &log.down), merge(&up, &down, &log.up)]
}

/// First to last instant of all stretches.
pub(super) fn whole(stretches: &[Stretch]) -> Option<Stretch> {
    Some((stretches.first()?.0, stretches.last()?.1))
}

fn payload(packet: &PacketRecord) -> u64 {
    if packet.protocol == TCP && packet.fate == Fate::Delivered {
        u64::from(packet.bytes.saturating_sub(HEADER_BYTES))
    } else {
        0
    }
}

fn bins(lane: &DirectionLog) -> Vec<u64> {
    let mut bins = Vec::new();
    for packet in lane.packets.iter().filter(|packet| payload(packet) > 0) {
        let bin = usize::try_from(packet.depart_ns / BIN_NS).unwrap_or(usize::MAX);
        if bins.len() <= bin {
            bins.resize(bin + 1, 0);
        }
        bins[bin] += payload(packet);
    }
    bins
}

fn merge(own: &[usize], other: &[usize], lane: &DirectionLog) -> Vec<Stretch> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for &bin in own {
        match runs.last_mut() {
            Some(run) if joins(run.1, bin, other) => run.1 = bin,
            _ => runs.push((bin, bin)),
        }
    }
    runs.into_iter().filter_map(|run| trimmed(run, lane)).collect()
}

fn joins(last: usize, next: usize, other: &[usize]) -> bool {
    let gap_ns = (next - last) as u64 * BIN_NS;
    // Bulk of the other direction in between: the tool turned round, and back.
    let turned = other.partition_point(|bin| *bin < next) > other.partition_point(|bin| *bin <= last);
    gap_ns <= GAP_NS && !turned
}

/// From the first packet with payload in the bins to the end of the last one; nothing if that is not bulk.
fn trimmed((first, last): (usize, usize), lane: &DirectionLog) -> Option<Stretch> {
    let range = first as u64 * BIN_NS..(last as u64 + 1) * BIN_NS;
    let inside = || lane.packets.iter().filter(|p| payload(p) > 0 && range.contains(&p.depart_ns));
    let bytes: u64 = inside().map(payload).sum();
    // Reordering aside packets depart in the order of the log.
    let from = inside().map(|p| p.arrive_ns).min()?;
    let to = inside().map(|p| p.depart_ns).max()?;
    (bytes >= LEAST_BYTES).then_some((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(lane: &mut DirectionLog, from_ms: u64, to_ms: u64, bytes: u16) {
        lane.packets.extend((from_ms..to_ms).map(|ms| PacketRecord {
            arrive_ns: ms * 1_000_000,
            depart_ns: ms * 1_000_000,
            deliver_ns: ms * 1_000_000,
            late_ns: 0,
            bytes,
            protocol: TCP,
            tag: 0,
            fate: Fate::Delivered,
        }));
    }

    fn log() -> LinkLog {
        LinkLog { down: DirectionLog::default(), up: DirectionLog::default(), base_monotonic_ns: 0, base_utc_us: 0 }
    }

    fn ms((from, to): Stretch) -> (u64, u64) {
        (from / 1_000_000, to / 1_000_000)
    }

    #[test]
    fn a_download_and_an_upload_are_found_among_acknowledgements_and_handshakes() {
        let mut log = log();
        send(&mut log.down, 200, 203, 1500);
        send(&mut log.down, 1000, 3000, 1500);
        send(&mut log.up, 1000, 3000, 52);
        send(&mut log.down, 3600, 3602, 1500);
        send(&mut log.up, 3700, 5000, 1500);
        send(&mut log.down, 3700, 5000, 64);
        let [down, up] = stretches(&log);
        assert_eq!(down.iter().copied().map(ms).collect::<Vec<_>>(), [(1000, 2999)]);
        assert_eq!(up.iter().copied().map(ms).collect::<Vec<_>>(), [(3700, 4999)]);
    }

    #[test]
    fn a_pause_parts_stretches_and_a_gap_between_requests_does_not() {
        let mut log = log();
        send(&mut log.down, 0, 500, 1500);
        send(&mut log.down, 700, 1000, 1500);
        send(&mut log.down, 2000, 3000, 1500);
        let [down, up] = stretches(&log);
        assert_eq!(down.iter().copied().map(ms).collect::<Vec<_>>(), [(0, 999), (2000, 2999)]);
        assert_eq!(whole(&down).map(ms), Some((0, 2999)));
        assert!(up.is_empty());
    }

    #[test]
    fn a_turn_of_the_direction_parts_stretches() {
        let mut log = log();
        send(&mut log.down, 0, 200, 1500);
        send(&mut log.up, 250, 400, 1500);
        send(&mut log.down, 450, 700, 1500);
        assert_eq!(stretches(&log)[0].len(), 2);
    }
}
