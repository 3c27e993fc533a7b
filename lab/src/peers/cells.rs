//! The twelve links on which the other tools stand beside ours: those of the published baselines, and one cellular link.

use crate::emulator::{DirectionConfig, LinkConfig, Loss, Rate};
use crate::traces::{PROFILES, Profile};

/// Queue of every link, in bandwidth-delay products.
pub const QUEUE_BDP: f64 = 2.0;
/// Round trip of every link whose name says no other, ms.
const RTT_MS: f64 = 42.6;
/// Loss of the lossy links, both ways.
const LOSS: f64 = 0.01;

/// What a link's rate does.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Course {
    Constant,
    Trace(&'static Profile),
}

/// A link, and what both ends' kernels do.
#[derive(Clone, PartialEq, Debug)]
pub struct PeerCell {
    /// Name, unique; the same for all seeds.
    pub name: &'static str,
    /// Rate towards the client, Mbit/s of IP; the mean of a trace.
    pub down_mbit: f64,
    /// Rate towards the server, Mbit/s of IP.
    pub up_mbit: f64,
    /// Round trip without queues.
    pub rtt_ms: f64,
    /// Independent loss in both directions.
    pub loss: f64,
    /// Congestion control of the server; the client's is CUBIC.
    pub server_cc: &'static str,
    course: Course,
}

/// Congestion control of the client on every link.
pub const CLIENT_CC: &str = "cubic";

impl PeerCell {
    fn fixed(name: &'static str, down_mbit: f64, rtt_ms: f64) -> Self {
        Self {
            name,
            down_mbit,
            up_mbit: down_mbit / 2.0,
            rtt_ms,
            loss: 0.0,
            server_cc: "bbr",
            course: Course::Constant,
        }
    }

    fn trace(name: &'static str, profile: &'static Profile) -> Self {
        let base = Self::fixed(name, profile.down_mbit, profile.rtt_ms);
        Self { up_mbit: profile.up_mbit, course: Course::Trace(profile), ..base }
    }

    /// The link of a seed.
    pub fn link(&self, seed: u64) -> LinkConfig {
        LinkConfig { down: self.direction(true, seed), up: self.direction(false, seed), seed }
    }

    /// What the link does, in a word or two.
    pub fn kind(&self) -> String {
        match self.course {
            Course::Trace(profile) => format!("Trace({})", profile.name),
            Course::Constant if self.loss > 0.0 => format!("Lossy({})", self.loss),
            Course::Constant => "Fixed".to_owned(),
        }
    }

    fn direction(&self, down: bool, seed: u64) -> DirectionConfig {
        let mbit = if down { self.down_mbit } else { self.up_mbit };
        let mut direction = DirectionConfig::fixed(mbit * 1e6, self.rtt_ms / 2.0, self.rtt_ms * QUEUE_BDP);
        if self.loss > 0.0 {
            direction.loss = Loss::Random(self.loss);
        }
        if let Course::Trace(profile) = self.course {
            let at_ms = profile.schedule_ms(mbit, seed * 2 + u64::from(down)).into();
            direction.rate = Rate::Schedule { at_ms, offset_ms: 0 };
        }
        direction
    }
}

/// All twelve.
pub fn all() -> Vec<PeerCell> {
    let middle = |name, rtt_ms| PeerCell::fixed(name, 48.0, rtt_ms);
    vec![
        PeerCell::fixed("1/1", 1.0, RTT_MS).with_up(1.0),
        PeerCell::fixed("5/2.5", 5.0, RTT_MS),
        PeerCell::fixed("20/10", 20.0, RTT_MS),
        middle("48/24", RTT_MS),
        PeerCell::fixed("100/50", 100.0, RTT_MS),
        PeerCell::fixed("300/150", 300.0, RTT_MS),
        middle("48/24-rtt-10", 10.0),
        middle("48/24-rtt-100", 100.0),
        PeerCell { loss: LOSS, ..middle("48/24-loss-1", RTT_MS) },
        PeerCell { server_cc: "cubic", ..middle("48/24-server-cubic", RTT_MS) },
        PeerCell { loss: LOSS, server_cc: "cubic", ..middle("48/24-loss-1-server-cubic", RTT_MS) },
        PeerCell::trace("trace-lte-walking", &PROFILES[1]),
    ]
}

impl PeerCell {
    fn with_up(self, up_mbit: f64) -> Self {
        Self { up_mbit, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::QueueLimit;

    #[test]
    fn there_are_twelve_with_the_queue_of_the_baselines() {
        let cells = all();
        let names: std::collections::HashSet<_> = cells.iter().map(|cell| cell.name).collect();
        assert_eq!((cells.len(), names.len()), (12, 12));
        let middle = cells.iter().find(|cell| cell.name == "48/24").unwrap().link(1);
        // 48 Mbit/s × 42.6 ms × 2 / 8.
        assert_eq!(middle.down.queue, QueueLimit::Bytes(511_200));
        assert_eq!(middle.down.delay_ns, [(0, 21_300_000)]);
        assert!(matches!(cells[11].link(1).down.rate, Rate::Schedule { .. }));
    }
}
