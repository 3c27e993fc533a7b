//! Echo packets in the log: each request and its reply, as the link saw them.

use std::collections::{BTreeMap, HashMap};

use crate::emulator::{DirectionLog, EchoTag, Fate, LinkLog, PacketRecord, Rate};

const REQUEST: u8 = 1;
const REPLY: u8 = 2;

/// A request, and its reply if the server sent one.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Exchange {
    pub(super) request: PacketRecord,
    pub(super) reply: Option<PacketRecord>,
}

/// A reply later than this is lost, whatever became of it (METHOD section 13).
const LATE_NS: u64 = 1_000_000_000;

impl Exchange {
    /// Whether the reply was delivered too late to count.
    pub(super) fn is_late(&self) -> bool {
        self.reply.is_some_and(|reply| reply.deliver_ns > self.request.arrive_ns + LATE_NS)
    }

    /// Time in the link there and back, and when the client got the reply, nanoseconds; `None` unless both were delivered.
    pub(super) fn round_trip_ns(&self) -> Option<(u64, u64)> {
        let reply = self.reply.filter(|reply| reply.fate == Fate::Delivered)?;
        (self.request.fate == Fate::Delivered)
            .then(|| (in_link_ns(&self.request) + in_link_ns(&reply), reply.deliver_ns))
    }
}

/// From arrival to delivery, nanoseconds.
pub(super) fn in_link_ns(packet: &PacketRecord) -> u64 {
    packet.deliver_ns.saturating_sub(packet.arrive_ns)
}

/// The exchanges of every train, by train and number. A number that was asked twice in a train (a second session in the
/// same log) makes the train ambiguous, and it is left out.
pub(super) fn trains(log: &LinkLog) -> BTreeMap<u16, Vec<Exchange>> {
    let requests = tagged(&log.up, REQUEST);
    let replies: HashMap<(u16, u32), PacketRecord> =
        tagged(&log.down, REPLY).map(|(tag, packet)| ((tag.train, tag.sequence), packet)).collect();
    let mut trains: BTreeMap<u16, BTreeMap<u32, Option<Exchange>>> = BTreeMap::new();
    for (tag, request) in requests {
        let exchange = Exchange { request, reply: replies.get(&(tag.train, tag.sequence)).copied() };
        trains
            .entry(tag.train)
            .or_default()
            .entry(tag.sequence)
            .and_modify(|known| *known = None)
            .or_insert(Some(exchange));
    }
    let certain = |(train, exchanges): (u16, BTreeMap<u32, Option<Exchange>>)| {
        exchanges.into_values().collect::<Option<Vec<_>>>().map(|exchanges| (train, exchanges))
    };
    trains.into_iter().filter_map(certain).collect()
}

fn tagged(lane: &DirectionLog, kind: u8) -> impl Iterator<Item = (EchoTag, PacketRecord)> {
    let of_kind = move |packet: &PacketRecord| packet.echo().filter(|tag| tag.kind == kind).map(|tag| (tag, *packet));
    lane.packets.iter().filter_map(of_kind)
}

/// What the link is configured to take for `packet` when nothing waits before it, nanoseconds: its service, and the delay
/// after that. Under a schedule the wait for an opportunity is no configured time, and the delay stands alone.
pub(super) fn configured_ns(lane: &DirectionLog, packet: &PacketRecord) -> Option<f64> {
    let config = lane.config.as_ref()?;
    let at_ns = packet.arrive_ns;
    let rate_bps = match &config.rate {
        Rate::Steps(steps) => steps.iter().rev().find(|step| step.0 <= at_ns).map(|step| step.1),
        Rate::Bucket { peak_bps, .. } => Some(*peak_bps),
        Rate::Schedule { .. } => None,
    };
    let service_ns = rate_bps.filter(|bps| *bps > 0.0).map_or(0.0, |bps| f64::from(packet.bytes) * 8e9 / bps);
    let delay_ns = config.delay_ns.iter().rev().find(|step| step.0 <= at_ns)?.1;
    Some(service_ns + delay_ns as f64)
}
