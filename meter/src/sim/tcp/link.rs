//! The bottleneck: a drop-tail queue in front of a capacity, and a policer where there is one.

use std::collections::VecDeque;

use super::super::Capacity;

/// Bytes of a packet at the IP layer.
pub(super) const PACKET_BYTES: f64 = 1500.0;

/// Least queue in packets, whatever the bandwidth-delay product says.
const QUEUE_MIN_PACKETS: f64 = 10.0;

/// What a path does to packets.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Path {
    /// Round trip without queue.
    pub rtt_us: u64,
    /// Drop-tail queue.
    pub queue_bytes: f64,
    /// Random loss, independent from packet to packet.
    pub loss: f64,
    /// A policer that drops above this rate, and its bucket in bytes.
    pub policer: Option<(f64, f64)>,
    /// Receive window of each flow, in packets.
    pub receive_window: f64,
}

impl Path {
    /// A clean path with a queue of `queue_bdp` bandwidth-delay products, at least ten packets.
    pub fn new(rate_bps: f64, rtt_us: u64, queue_bdp: f64) -> Self {
        let bdp_bytes = rate_bps / 8.0 * rtt_us as f64 / 1e6;
        let queue_bytes = (queue_bdp * bdp_bytes).max(QUEUE_MIN_PACKETS * PACKET_BYTES);
        Self { rtt_us, queue_bytes, loss: 0.0, policer: None, receive_window: f64::INFINITY }
    }
}

/// A packet of a flow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet {
    pub(super) flow: usize,
    pub(super) seq: u64,
}

#[derive(Debug)]
pub(super) struct Link {
    capacity: Capacity,
    queue: VecDeque<Packet>,
    queue_bytes: f64,
    /// When the packet at the head has left.
    head_leaves_us: f64,
    policer: Option<Policer>,
}

#[derive(Debug)]
struct Policer {
    rate_bps: f64,
    bucket_bytes: f64,
    tokens_bytes: f64,
    last_us: f64,
}

impl Link {
    pub(super) fn new(capacity: Capacity, path: &Path) -> Self {
        let policer = path.policer.map(|(rate_bps, bucket_bytes)| Policer {
            rate_bps,
            bucket_bytes,
            tokens_bytes: bucket_bytes,
            last_us: 0.0,
        });
        Self { capacity, queue: VecDeque::new(), queue_bytes: path.queue_bytes, head_leaves_us: f64::INFINITY, policer }
    }

    pub(super) fn capacity(&self) -> &Capacity {
        &self.capacity
    }

    /// Takes a packet; false when it was dropped.
    pub(super) fn offer(&mut self, now_us: f64, packet: Packet) -> bool {
        let full = (self.queue.len() + 1) as f64 * PACKET_BYTES > self.queue_bytes + PACKET_BYTES;
        if full || self.policer.as_mut().is_some_and(|policer| !policer.admits(now_us)) {
            return false;
        }
        self.queue.push_back(packet);
        if self.queue.len() == 1 {
            self.head_leaves_us = self.capacity.served_by_us(now_us, PACKET_BYTES * 8.0);
        }
        true
    }

    pub(super) fn next_departure_us(&self) -> f64 {
        self.head_leaves_us
    }

    /// Lets the head leave; only to be called at its time.
    pub(super) fn depart(&mut self) -> Packet {
        let packet = self.queue.pop_front().expect("a departure is due only while a packet waits");
        self.head_leaves_us = match self.queue.front() {
            Some(_) => self.capacity.served_by_us(self.head_leaves_us, PACKET_BYTES * 8.0),
            None => f64::INFINITY,
        };
        packet
    }

    /// How long a small packet arriving now would wait.
    pub(super) fn waiting_us(&self, now_us: f64) -> f64 {
        let waiting = self.queue.len().saturating_sub(1) as f64;
        if self.queue.is_empty() {
            return 0.0;
        }
        self.capacity.served_by_us(self.head_leaves_us, waiting * PACKET_BYTES * 8.0) - now_us
    }
}

impl Policer {
    fn admits(&mut self, now_us: f64) -> bool {
        let earned = (now_us - self.last_us) / 1e6 * self.rate_bps / 8.0;
        self.tokens_bytes = (self.tokens_bytes + earned).min(self.bucket_bytes);
        self.last_us = now_us;
        let admitted = self.tokens_bytes >= PACKET_BYTES;
        if admitted {
            self.tokens_bytes -= PACKET_BYTES;
        }
        admitted
    }
}
