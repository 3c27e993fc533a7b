//! The link emulator.

mod direction;
mod flight;
pub mod log;
pub mod loss;
pub mod namespace;
mod pace;
pub mod rng;
mod segment;
pub mod service;
mod sys;
mod tag;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use thiserror::Error;

pub use log::{DirectionLog, Fate, PacketRecord};
pub use loss::Loss;
pub use namespace::Namespaces;
pub use service::Rate;
pub use tag::EchoTag;

/// Bits of a packet of the MTU.
const PACKET_BITS: f64 = service::SCHEDULE_OPPORTUNITY_BYTES as f64 * 8.0;

/// An empty vector in memory that the system has given already: a page that is touched first in mid-run can take a virtual machine
/// 8 µs (seen here), and the first queue that is built would be handed over late for it.
fn room_for<T: Clone>(items: usize, item: T) -> Vec<T> {
    let mut room = vec![item; items];
    room.clear();
    room
}

/// Why an emulation could not run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LabError {
    /// A command of iproute2 failed.
    #[error("{command}: {detail}; the laboratory needs root and iproute2")]
    Command {
        /// What was run.
        command: String,
        /// What it said.
        detail: String,
    },
    /// A system call failed.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// The cause.
        source: std::io::Error,
    },
    /// A configuration that describes no link.
    #[error("{field} is {value}; expected {expected}")]
    Config {
        /// Member.
        field: &'static str,
        /// What it holds.
        value: String,
        /// What was expected.
        expected: &'static str,
    },
}

/// Capacity of a drop-tail queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum QueueLimit {
    /// IP bytes waiting, the packet in service included.
    Bytes(u64),
    /// Packets waiting, the one in service included.
    Packets(u64),
}

/// Packets that are delayed on purpose and so overtaken by those behind them.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Reorder {
    /// Probability that a packet is held back.
    pub probability: f64,
    /// How long it is held back, nanoseconds.
    pub hold_ns: u64,
}

/// One direction of the link.
#[derive(Clone, PartialEq, Debug)]
pub struct DirectionConfig {
    /// How fast it serves.
    pub rate: Rate,
    /// One-way delay after service, as steps of (nanoseconds since start, delay in nanoseconds).
    pub delay_ns: Vec<(u64, u64)>,
    /// Drop-tail queue.
    pub queue: QueueLimit,
    /// Loss before the queue.
    pub loss: Loss,
    /// Reordering after service.
    pub reorder: Option<Reorder>,
}

impl DirectionConfig {
    /// A constant rate and delay, and a queue of `queue_ms` at that rate (never below ten packets).
    pub fn fixed(bps: f64, delay_ms: f64, queue_ms: f64) -> Self {
        Self {
            rate: Rate::constant(bps),
            delay_ns: vec![(0, (delay_ms * 1e6) as u64)],
            queue: QueueLimit::Bytes(((bps / 8.0 * queue_ms / 1e3) as u64).max(10 * 1500)),
            loss: Loss::None,
            reorder: None,
        }
    }

    /// Packets of full size that its queue and its delay hold at a rate.
    fn packets_under_way(&self, rate_bps: f64) -> usize {
        let queued = match self.queue {
            QueueLimit::Bytes(bytes) => (bytes as f64 * 8.0 / PACKET_BITS) as usize,
            QueueLimit::Packets(packets) => packets as usize,
        };
        let longest_ns = self.delay_ns.iter().map(|step| step.1).max().unwrap_or(0);
        queued.saturating_add((rate_bps * longest_ns as f64 / 1e9 / PACKET_BITS) as usize)
    }

    /// The delay of what departs at `at_ns`, nanoseconds.
    pub fn delay_at_ns(&self, at_ns: u64) -> u64 {
        let step = self.delay_ns.partition_point(|step| step.0 <= at_ns).saturating_sub(1);
        self.delay_ns[step].1
    }

    fn validate(&self) -> Result<(), LabError> {
        self.rate.validate()?;
        self.loss.validate()?;
        if self.delay_ns.first().is_none_or(|step| step.0 != 0) || !self.delay_ns.is_sorted_by_key(|step| step.0) {
            return Err(LabError::Config {
                field: "delay_ns",
                value: format!("{:?}", self.delay_ns),
                expected: "steps in order of time, the first at 0",
            });
        }
        Ok(())
    }
}

/// A link of two directions.
#[derive(Clone, PartialEq, Debug)]
pub struct LinkConfig {
    /// Server to client.
    pub down: DirectionConfig,
    /// Client to server.
    pub up: DirectionConfig,
    /// Seed of loss and reordering.
    pub seed: u64,
}

/// What a run left behind.
#[derive(Debug)]
pub struct LinkLog {
    /// Server to client.
    pub down: DirectionLog,
    /// Client to server.
    pub up: DirectionLog,
    /// `CLOCK_MONOTONIC` at the start of the emulation, nanoseconds: 0 of every time in the logs.
    pub base_monotonic_ns: u64,
    /// Microseconds since 1970 (UTC) at the same instant.
    pub base_utc_us: i64,
}

impl LinkLog {
    /// Why these logs may not judge, if so; see [`DirectionLog::void`].
    pub fn void(&self, unmeasured: &[Range<u64>]) -> Option<String> {
        self.down.void(unmeasured).or_else(|| self.up.void(unmeasured))
    }
}

/// A running emulation.
pub struct Emulator {
    stop: Arc<AtomicBool>,
    down: JoinHandle<DirectionLog>,
    up: JoinHandle<DirectionLog>,
    base_monotonic_ns: u64,
    base_utc_us: i64,
    /// Where packets for the way down and the way up come from.
    sources: [String; 2],
}

impl Emulator {
    /// Opens the two TUN devices in `namespaces` and starts serving.
    pub fn start(namespaces: &Namespaces, link: &LinkConfig) -> Result<Self, LabError> {
        link.down.validate()?;
        link.up.validate()?;
        let client = namespaces.open_client_tun()?;
        let server = namespaces.open_server_tun()?;
        let clone =
            |f: &std::fs::File| f.try_clone().map_err(|source| LabError::System { what: "dup of a TUN", source });
        let stop = Arc::new(AtomicBool::new(false));
        let base_monotonic_ns = pace::monotonic_ns();
        let base_utc_us = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |d| i64::try_from(d.as_micros()).unwrap_or(i64::MAX));
        let spawn = |name: &str, from, to, config: &DirectionConfig, seed| {
            let lane = direction::Lane::new(from, to, config.clone(), seed, base_monotonic_ns);
            let stop = stop.clone();
            std::thread::Builder::new()
                .name(name.to_owned())
                .spawn(move || lane.run(&stop))
                .map_err(|source| LabError::System { what: "thread of a direction", source })
        };
        let down = spawn("link-down", clone(&server)?, clone(&client)?, &link.down, link.seed)?;
        let up = spawn("link-up", client, server, &link.up, link.seed ^ 0x9e37_79b9_7f4a_7c15)?;
        let sources = [namespaces.server(), namespaces.client()];
        Ok(Self { stop, down, up, base_monotonic_ns, base_utc_us, sources })
    }

    /// Nanoseconds since the start, on the clock of the logs.
    pub fn now_ns(&self) -> u64 {
        pace::monotonic_ns() - self.base_monotonic_ns
    }

    /// Ends the emulation and hands out its logs.
    pub fn stop(self) -> LinkLog {
        // The device and its counters go with the last descriptor, which a lane holds.
        let [unseen_down, unseen_up] = self.sources.map(|source| namespace::dropped_by_device(&source));
        self.stop.store(true, Ordering::Relaxed);
        let log = |lane: JoinHandle<DirectionLog>, unseen| {
            let log = lane.join().expect("a lane ends by its stop signal and cannot panic");
            DirectionLog { unseen, ..log }
        };
        LinkLog {
            down: log(self.down, unseen_down),
            up: log(self.up, unseen_up),
            base_monotonic_ns: self.base_monotonic_ns,
            base_utc_us: self.base_utc_us,
        }
    }
}
