//! The links measurements are judged on: a fixed grid with equal weights, and named faults.

use crate::emulator::{DirectionConfig, LinkConfig, Loss, Rate, Reorder};
use crate::traces::{PROFILES, Profile};

/// Rates of the grid, download, Mbit/s of IP; the upload is half of it.
pub const RATES_MBIT: [f64; 8] = [0.5, 2.0, 5.0, 20.0, 50.0, 100.0, 300.0, 1000.0];
/// Round-trip times of the grid, ms.
pub const RTTS_MS: [f64; 4] = [10.0, 40.0, 100.0, 300.0];
/// Congestion controls a phone may have.
pub const CONGESTION_CONTROLS: [&str; 3] = ["cubic", "bbr", "reno"];

/// How deep the drop-tail queue is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Queue {
    /// Half a bandwidth-delay product.
    HalfBdp,
    /// One bandwidth-delay product.
    OneBdp,
    /// 250 ms at the link's rate: a base station.
    Ms250,
}

/// Depths of the grid.
pub const QUEUES: [Queue; 3] = [Queue::HalfBdp, Queue::OneBdp, Queue::Ms250];

/// What a link does.
#[derive(Clone, PartialEq, Debug)]
pub enum Kind {
    /// Constant rate.
    Fixed,
    /// Constant rate with independent loss in both directions.
    Lossy(f64),
    /// A generated cellular link.
    Trace(&'static Profile),
    /// Token bucket towards the client: five times the rate until `bucket_bytes` are spent.
    Bucket(u64),
    /// No service in both directions from `at_s` for `for_s` seconds.
    Outage {
        /// Start.
        at_s: f64,
        /// Length.
        for_s: f64,
    },
    /// The rate is three times as high, and the delay half, from `at_s` on.
    HandOver {
        /// When.
        at_s: f64,
    },
    /// One packet in a hundred is overtaken by those of 10 ms.
    Reorder,
}

/// One link and the phone's congestion control.
#[derive(Clone, PartialEq, Debug)]
pub struct Cell {
    /// Name, unique; the same for all seeds.
    pub name: String,
    /// What it does.
    pub kind: Kind,
    /// Rate towards the client, Mbit/s of IP.
    pub down_mbit: f64,
    /// Rate towards the server, Mbit/s of IP.
    pub up_mbit: f64,
    /// Round trip without queues.
    pub rtt_ms: f64,
    /// Queue of both directions.
    pub queue: Queue,
    /// Congestion control of the client.
    pub client_cc: &'static str,
}

impl Cell {
    fn fixed(mbit: f64, rtt_ms: f64, queue: Queue, client_cc: &'static str) -> Self {
        let depth = match queue {
            Queue::HalfBdp => "0.5bdp",
            Queue::OneBdp => "1bdp",
            Queue::Ms250 => "250ms",
        };
        let name = format!("fixed-{mbit}-{rtt_ms}-{depth}-{client_cc}");
        Self { name, kind: Kind::Fixed, down_mbit: mbit, up_mbit: mbit / 2.0, rtt_ms, queue, client_cc }
    }

    fn named(name: String, kind: Kind, client_cc: &'static str) -> Self {
        Self { name, kind, ..Self::fixed(48.0, 40.0, Queue::Ms250, client_cc) }
    }

    fn lossy(loss: f64, client_cc: &'static str) -> Self {
        Self {
            queue: Queue::OneBdp,
            ..Self::named(format!("loss-{}-{client_cc}", loss * 100.0), Kind::Lossy(loss), client_cc)
        }
    }

    fn trace(profile: &'static Profile) -> Self {
        let (down_mbit, up_mbit, rtt_ms) = (profile.down_mbit, profile.up_mbit, profile.rtt_ms);
        let base = Self::named(format!("trace-{}", profile.name), Kind::Trace(profile), "cubic");
        Self { down_mbit, up_mbit, rtt_ms, ..base }
    }

    /// Whether the cell belongs to the fixed grid (equal weights in every summary).
    pub fn is_grid(&self) -> bool {
        self.kind == Kind::Fixed
    }

    /// The link of a seed.
    pub fn link(&self, seed: u64) -> LinkConfig {
        LinkConfig { down: self.direction(true, seed), up: self.direction(false, seed), seed }
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
        match self.kind {
            Kind::Fixed => {}
            Kind::Lossy(loss) => direction.loss = Loss::Random(loss),
            Kind::Trace(profile) => {
                let at_ms = profile.schedule_ms(mbit, seed * 2 + u64::from(down)).into();
                direction.rate = Rate::Schedule { at_ms, offset_ms: 0 };
            }
            Kind::Bucket(bucket_bytes) if down => {
                direction.rate = Rate::Bucket { sustained_bps: bps, peak_bps: bps * 5.0, bucket_bytes };
            }
            Kind::Bucket(_) => {}
            Kind::Outage { at_s, for_s } => {
                direction.rate = Rate::Steps(vec![(0, bps), (ns(at_s), 0.0), (ns(at_s + for_s), bps)]);
            }
            Kind::HandOver { at_s } => {
                direction.rate = Rate::Steps(vec![(0, bps / 3.0), (ns(at_s), bps)]);
                let delay = direction.delay_ns[0].1;
                direction.delay_ns = vec![(0, delay), (ns(at_s), delay / 2)];
            }
            Kind::Reorder => direction.reorder = Some(Reorder { probability: 0.01, hold_ns: 10_000_000 }),
        }
        direction
    }
}

/// The whole fixed grid, the lossy links, the cellular traces and the faults.
pub fn full() -> Vec<Cell> {
    let mut cells = Vec::new();
    for mbit in RATES_MBIT {
        for rtt in RTTS_MS {
            for queue in QUEUES {
                for cc in CONGESTION_CONTROLS {
                    cells.push(Cell::fixed(mbit, rtt, queue, cc));
                }
            }
        }
    }
    for loss in [0.001, 0.005, 0.01, 0.02] {
        cells.extend(["cubic", "bbr"].map(|cc| Cell::lossy(loss, cc)));
    }
    cells.extend(PROFILES.iter().map(Cell::trace));
    cells.extend(faults());
    cells
}

fn faults() -> Vec<Cell> {
    let megabytes = [1, 5, 20, 60].map(|mb| Cell {
        down_mbit: 20.0,
        ..Cell::named(format!("bucket-{mb}mb"), Kind::Bucket(mb * 1_000_000), "cubic")
    });
    let mut cells = megabytes.to_vec();
    for for_s in [0.3, 1.0, 1.8] {
        cells.push(Cell::named(format!("outage-{for_s}s"), Kind::Outage { at_s: 2.0, for_s }, "cubic"));
    }
    cells.push(Cell::named("hand-over".into(), Kind::HandOver { at_s: 2.0 }, "cubic"));
    cells.push(Cell::named("reorder".into(), Kind::Reorder, "cubic"));
    cells
}

/// A dozen links that say within minutes whether something broke.
pub fn subset() -> Vec<Cell> {
    let mut cells: Vec<Cell> = [(2.0, 40.0), (5.0, 100.0), (20.0, 40.0), (50.0, 10.0), (50.0, 100.0), (100.0, 40.0)]
        .into_iter()
        .map(|(mbit, rtt)| Cell::fixed(mbit, rtt, Queue::OneBdp, "cubic"))
        .collect();
    cells.push(Cell::fixed(100.0, 40.0, Queue::Ms250, "bbr"));
    cells.push(Cell::lossy(0.01, "cubic"));
    cells.push(Cell::trace(&PROFILES[0]));
    cells.push(Cell::trace(&PROFILES[2]));
    cells
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_grid_has_every_combination_once() {
        let cells = super::full();
        let mut names: Vec<_> = cells.iter().map(|c| c.name.clone()).collect();
        assert_eq!(cells.iter().filter(|c| c.is_grid()).count(), 8 * 4 * 3 * 3);
        names.sort();
        names.dedup();
        assert_eq!(names.len(), cells.len());
    }
}
