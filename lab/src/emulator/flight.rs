//! Packets between arrival and delivery, by the time they are due.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::room_for;
use super::segment::OFFLOAD_HEADER_BYTES;

/// Capacity of a slot: the offload header and a packet of the MTU.
const SLOT_BYTES: usize = OFFLOAD_HEADER_BYTES + 1500;

/// One packet on its way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Due {
    at_ns: u64,
    /// Order among equals.
    order: u64,
    slot: u32,
    /// Index in the log.
    record: u32,
}

/// A packet that is due.
pub(super) struct Landing<'a> {
    pub(super) at_ns: u64,
    pub(super) record: usize,
    /// Offload header and packet.
    pub(super) bytes: &'a [u8],
}

/// Packets on their way. Without reordering they are due in the order they came, and a queue is all it takes; the few
/// that are not (held back, or behind a delay that fell) go through a heap. Buffers are used again, the warmest first.
#[derive(Default)]
pub(super) struct Flight {
    in_order: VecDeque<Due>,
    others: BinaryHeap<Reverse<Due>>,
    slots: Vec<Vec<u8>>,
    free: Vec<u32>,
    order: u64,
}

impl Flight {
    /// With [`room_for`] so many packets.
    pub(super) fn with_room_for(packets: usize) -> Self {
        let free: Vec<u32> = (0..u32::try_from(packets).unwrap_or(u32::MAX)).rev().collect();
        Self { slots: free.iter().map(|_| room_for(SLOT_BYTES, 0)).collect(), free, ..Self::default() }
    }

    /// Puts a packet on its way; `held_back` ones let those behind them pass.
    pub(super) fn launch(&mut self, at_ns: u64, held_back: bool, record: usize, parts: [&[u8]; 3]) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Vec::with_capacity(SLOT_BYTES));
            (self.slots.len() - 1) as u32
        });
        let bytes = &mut self.slots[slot as usize];
        bytes.clear();
        parts.iter().for_each(|part| bytes.extend_from_slice(part));
        self.order += 1;
        let due = Due { at_ns, order: self.order, slot, record: record as u32 };
        if held_back || self.in_order.back().is_some_and(|last| last.at_ns > at_ns) {
            self.others.push(Reverse(due));
        } else {
            self.in_order.push_back(due);
        }
    }

    /// When the next packet is due.
    pub(super) fn next_ns(&self) -> Option<u64> {
        self.first().map(|due| due.at_ns)
    }

    fn first(&self) -> Option<Due> {
        let other = self.others.peek().map(|Reverse(due)| *due);
        match self.in_order.front().copied() {
            Some(due) => Some(other.map_or(due, |other| other.min(due))),
            None => other,
        }
    }

    /// Takes the next packet if it is due at `now_ns`.
    pub(super) fn land(&mut self, now_ns: u64) -> Option<Landing<'_>> {
        let due = self.first().filter(|due| due.at_ns <= now_ns)?;
        if self.in_order.front() == Some(&due) {
            self.in_order.pop_front();
        } else {
            self.others.pop();
        }
        self.free.push(due.slot);
        Some(Landing { at_ns: due.at_ns, record: due.record as usize, bytes: &self.slots[due.slot as usize] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn landed(flight: &mut Flight, now_ns: u64) -> Vec<(u64, usize, u8)> {
        std::iter::from_fn(|| flight.land(now_ns).map(|l| (l.at_ns, l.record, l.bytes[0]))).collect()
    }

    #[test]
    fn what_there_is_room_for_takes_no_new_memory_and_more_is_taken_all_the_same() {
        let mut flight = Flight::with_room_for(2);
        for record in 0..3 {
            flight.launch(100, false, record, [&[record as u8], &[], &[]]);
        }
        assert_eq!(landed(&mut flight, 100), [(100, 0, 0), (100, 1, 1), (100, 2, 2)]);
        assert_eq!((flight.slots.len(), flight.free.len()), (3, 3));
    }

    #[test]
    fn a_held_back_packet_lets_others_pass_and_a_shorter_delay_overtakes() {
        let mut flight = Flight::default();
        flight.launch(100, false, 0, [&[0], &[], &[]]);
        flight.launch(500, true, 1, [&[1], &[], &[]]);
        flight.launch(200, false, 2, [&[2], &[], &[]]);
        flight.launch(150, false, 3, [&[3], &[], &[]]);
        assert_eq!(flight.next_ns(), Some(100));
        assert_eq!(landed(&mut flight, 99), []);
        assert_eq!(landed(&mut flight, 200), [(100, 0, 0), (150, 3, 3), (200, 2, 2)]);
        assert_eq!(flight.next_ns(), Some(500));
        assert_eq!(landed(&mut flight, 500), [(500, 1, 1)]);
        assert_eq!(flight.next_ns(), None);
        assert_eq!(flight.slots.len(), 4);
    }

    proptest! {
        #[test]
        fn every_packet_lands_once_in_the_order_it_is_due(
            packets in proptest::collection::vec((0u64..50, any::<bool>(), any::<bool>()), 1..200),
        ) {
            let mut flight = Flight::default();
            let (mut out, mut now) = (Vec::new(), 0);
            for (i, (due, held, read)) in packets.iter().enumerate() {
                flight.launch(now + due, *held, i, [&[i as u8], &[], &[]]);
                if *read {
                    now += 10;
                    let due = landed(&mut flight, now);
                    prop_assert!(due.is_sorted_by_key(|(at, ..)| *at) && due.iter().all(|(at, ..)| *at <= now));
                    prop_assert!(flight.next_ns().is_none_or(|next| next > now));
                    out.extend(due);
                }
            }
            out.extend(landed(&mut flight, u64::MAX));
            prop_assert!(out.iter().all(|(_, record, byte)| *record as u8 == *byte));
            let mut records: Vec<usize> = out.iter().map(|(_, record, _)| *record).collect();
            records.sort_unstable();
            prop_assert!(records.iter().copied().eq(0..packets.len()));
        }
    }
}
