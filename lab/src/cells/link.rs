//! The link of a cell and a seed.

use super::{Cell, Kind, Queue};
use crate::emulator::rng::Rng;
use crate::emulator::{DirectionConfig, LinkConfig, Rate, Reorder};
use crate::traces::TRACE_SECONDS;

/// Outages and hand-overs begin this long after the start of the emulation ...
const EVENT_FIRST_S: f64 = 0.9;
/// ... or up to this much later, by the seed: they meet either direction, or the time between them.
const EVENT_SPREAD_S: f64 = 2.0;

impl Cell {
    /// The link of a seed.
    pub fn link(&self, seed: u64) -> LinkConfig {
        LinkConfig { down: self.direction(true, seed), up: self.direction(false, seed), seed }
    }

    /// A number in [0, 1) of this cell and seed; both directions share it.
    fn draw(&self, seed: u64) -> f64 {
        Rng::new(super::order::hash(&self.name) ^ seed).uniform()
    }

    fn direction(&self, down: bool, seed: u64) -> DirectionConfig {
        let mbit = if down { self.down_mbit } else { self.up_mbit };
        let queue_ms = match self.queue {
            Queue::HalfBdp => self.rtt_ms / 2.0,
            Queue::OneBdp => self.rtt_ms,
            Queue::Ms250 => 250.0,
        };
        let mut direction = DirectionConfig::fixed(mbit * 1e6, self.rtt_ms / 2.0, queue_ms);
        let (bps, ns) = (mbit * 1e6, |s: f64| (s * 1e9) as u64);
        let event_s = EVENT_FIRST_S + EVENT_SPREAD_S * self.draw(seed);
        match &self.kind {
            Kind::Fixed => {}
            Kind::Lossy(loss) => direction.loss = *loss,
            Kind::Generated(profile) => {
                let at_ms = profile.schedule_ms(mbit, seed * 2 + u64::from(down)).into();
                let offset_ms = (self.draw(seed) * (TRACE_SECONDS * 1000) as f64) as u64;
                direction.rate = Rate::Schedule { at_ms, offset_ms };
            }
            Kind::Recorded { down: towards_client, up } => {
                let at_ms = if down { towards_client.clone() } else { up.clone() };
                let offset_ms = (self.draw(seed) * at_ms.last().copied().unwrap_or(0) as f64) as u64;
                direction.rate = Rate::Schedule { at_ms, offset_ms };
            }
            Kind::Bucket(bucket_bytes) if down => {
                direction.rate = Rate::Bucket { sustained_bps: bps, peak_bps: bps * 5.0, bucket_bytes: *bucket_bytes };
            }
            Kind::Bucket(_) => {}
            Kind::Outage(for_s) => {
                direction.rate = Rate::Steps(vec![(0, bps), (ns(event_s), 0.0), (ns(event_s + for_s), bps)]);
            }
            Kind::HandOver => {
                direction.rate = Rate::Steps(vec![(0, bps / 3.0), (ns(event_s), bps)]);
                let delay = direction.delay_ns[0].1;
                direction.delay_ns = vec![(0, delay), (ns(event_s), delay / 2)];
            }
            Kind::Reorder => direction.reorder = Some(Reorder { probability: 0.01, hold_ns: 10_000_000 }),
        }
        direction
    }
}
