//! The links measurements are judged on: a fixed grid with equal weights, and named faults.

use crate::emulator::{DirectionConfig, LabError, LinkConfig, Loss, Rate};

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

/// One link and the phone's congestion control.
#[derive(Clone, PartialEq, Debug)]
pub struct Cell {
    /// Name, unique; the same for all seeds.
    pub name: String,
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
    /// Random loss, both directions.
    pub loss: f64,
}

impl Cell {
    fn fixed(mbit: f64, rtt_ms: f64, queue: Queue, client_cc: &'static str) -> Self {
        let depth = match queue {
            Queue::HalfBdp => "0.5bdp",
            Queue::OneBdp => "1bdp",
            Queue::Ms250 => "250ms",
        };
        let name = format!("fixed-{mbit}-{rtt_ms}-{depth}-{client_cc}");
        Self { name, down_mbit: mbit, up_mbit: mbit / 2.0, rtt_ms, queue, client_cc, loss: 0.0 }
    }

    fn with_loss(mut self, loss: f64) -> Self {
        self.loss = loss;
        self.name = format!("loss-{}-{}", loss * 100.0, self.name);
        self
    }

    /// Whether the cell belongs to the fixed grid (equal weights in every summary).
    pub fn is_grid(&self) -> bool {
        self.loss == 0.0
    }

    /// The link of a seed.
    pub fn link(&self, seed: u64) -> Result<LinkConfig, LabError> {
        Ok(LinkConfig { down: self.direction(self.down_mbit), up: self.direction(self.up_mbit), seed })
    }

    /// Configured rate of a direction.
    pub fn rate(&self, down: bool) -> Rate {
        Rate::constant(1e6 * if down { self.down_mbit } else { self.up_mbit })
    }

    fn direction(&self, mbit: f64) -> DirectionConfig {
        let queue_ms = match self.queue {
            Queue::HalfBdp => self.rtt_ms / 2.0,
            Queue::OneBdp => self.rtt_ms,
            Queue::Ms250 => 250.0,
        };
        let mut direction = DirectionConfig::fixed(mbit * 1e6, self.rtt_ms / 2.0, queue_ms);
        if self.loss > 0.0 {
            direction.loss = Loss::Random(self.loss);
        }
        direction
    }
}

/// The whole fixed grid and the lossy links.
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
        for cc in ["cubic", "bbr"] {
            cells.push(Cell::fixed(48.0, 40.0, Queue::OneBdp, cc).with_loss(loss));
        }
    }
    cells
}

/// A dozen links that say within minutes whether something broke.
pub fn subset() -> Vec<Cell> {
    let mut cells: Vec<Cell> = [(2.0, 40.0), (5.0, 100.0), (20.0, 40.0), (50.0, 10.0), (50.0, 100.0), (100.0, 40.0)]
        .into_iter()
        .map(|(mbit, rtt)| Cell::fixed(mbit, rtt, Queue::OneBdp, "cubic"))
        .collect();
    cells.push(Cell::fixed(100.0, 40.0, Queue::Ms250, "bbr"));
    cells.push(Cell::fixed(48.0, 40.0, Queue::OneBdp, "cubic").with_loss(0.01));
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
