//! A link that is always full: its capacity, cut into packets, behind a ramp.

use super::{Capacity, Rng, Source};
use crate::{Hint, Reading};

/// Bytes of a full packet at the IP layer.
const PACKET_BYTES: f64 = 1500.0;

/// A full link. Arrivals follow the capacity from one round trip after the start of load, under the lid of slow start.
#[derive(Clone, Debug)]
pub struct Open {
    capacity: Capacity,
    rtt_us: u64,
    /// Part of a packet that had been sent at time 0: where the packets fall in the bins.
    phase: f64,
    payload_bytes: u64,
    arrived_bits: f64,
    last_us: u64,
    next_echo_us: u64,
    queue_us: u64,
}

impl Open {
    /// A link with a random phase of its packets.
    pub fn new(rng: &mut Rng, capacity: Capacity, rtt_us: u64) -> Self {
        Self {
            capacity,
            rtt_us,
            phase: rng.uniform(),
            payload_bytes: 1448,
            arrived_bits: 0.0,
            last_us: 0,
            next_echo_us: 25_000,
            queue_us: 30_000,
        }
    }

    /// The same link whose round trip does not rise under load: no evidence that it is full.
    #[must_use]
    pub fn without_queue(self) -> Self {
        Self { queue_us: 0, ..self }
    }

    /// Most bits a second that slow start has reached: four flows of ten segments, doubling every round trip.
    fn lid_bps(&self, t_us: u64) -> f64 {
        let Some(since_us) = t_us.checked_sub(self.rtt_us) else { return 0.0 };
        let doublings = (since_us as f64 / self.rtt_us.max(1) as f64).min(40.0);
        40.0 * PACKET_BYTES * 8.0 / self.rtt_us.max(1) as f64 * 1e6 * doublings.exp2()
    }
}

impl Source for Open {
    fn reading(&mut self, t_us: u64) -> Reading {
        // Millisecond steps resolve the ramp; behind it the lid is far above and the capacity is exact.
        while self.last_us < t_us {
            let to_us = t_us.min(self.last_us + 1000);
            let could = self.capacity.bits_until(to_us) - self.capacity.bits_until(self.last_us);
            let lid = self.lid_bps(self.last_us) * (to_us - self.last_us) as f64 / 1e6;
            self.arrived_bits += could.min(lid);
            self.last_us = to_us;
        }
        let segments = (self.arrived_bits / (PACKET_BYTES * 8.0) + self.phase).floor() as u64;
        let bytes = segments * self.payload_bytes;
        Reading { t_us, segments: Some(segments), kernel_bytes: Some(bytes), app_bytes: bytes }
    }

    fn hints(&mut self, t_us: u64) -> Vec<Hint> {
        let mut hints = Vec::new();
        while self.next_echo_us <= t_us {
            let rtt_us = self.rtt_us + self.queue_us;
            hints.push(Hint::LoadedRttUs { t_us: self.next_echo_us, rtt_us });
            self.next_echo_us += 50_000;
        }
        hints
    }

    fn set_flows(&mut self, _flows: u8) {}

    fn goodput_truth_bps(&self, from_us: u64, to_us: u64) -> f64 {
        self.capacity.mean_bps(from_us, to_us) * self.payload_bytes as f64 / PACKET_BYTES
    }

    fn process_mean_bps(&self) -> f64 {
        self.capacity.process_mean_bps() * self.payload_bytes as f64 / PACKET_BYTES
    }
}
