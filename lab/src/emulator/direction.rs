//! One direction: reads packets from one TUN, decides their fate on the monotonic clock, hands them to the other.
//!
//! Departures are computed, not waited for: a packet's fate is known the moment it arrives, so the precision of the
//! service does not depend on when this thread wakes. Only the hand-over does, and its lateness is logged.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::num::NonZeroU64;
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::time::{ClockId, clock_gettime};

use super::log::{DirectionLog, Fate, PacketRecord};
use super::loss::LossState;
use super::rng::Rng;
use super::service::Service;
use super::{DirectionConfig, QueueLimit, sys, tag};

const MTU_BYTES: usize = 1500;
/// Packets read before due ones are handed over again.
const READ_BATCH: usize = 32;
/// A packet that comes alone is handed over on time by waking early and waiting the rest out; in a stream of packets that
/// would take a whole core from the endpoints, and the queue's own delay dwarfs the lateness.
const SPARSE_NS: u64 = 1_000_000;
/// Most that a wake-up is taken early.
const MAX_LEAD_NS: u64 = 200_000;
/// Longest sleep, so that a stop is seen.
const MAX_SLEEP_NS: u64 = 20_000_000;

pub(super) fn monotonic_ns() -> u64 {
    nanoseconds(clock_gettime(ClockId::Monotonic))
}

fn nanoseconds(t: Timespec) -> u64 {
    t.tv_sec.unsigned_abs() * 1_000_000_000 + t.tv_nsec.unsigned_abs()
}

/// A packet on its way. Buffers are reused: at 1 Gbit/s an allocation a packet is a tenth of a core.
struct InFlight {
    record: usize,
    packet: Vec<u8>,
}

pub(super) struct Lane {
    from: File,
    to: File,
    config: DirectionConfig,
    service: Service,
    loss: LossState,
    rng: Rng,
    base_ns: u64,
    /// Departure time and size of packets in the queue.
    queue: VecDeque<(u64, u64)>,
    queued_bytes: u64,
    /// Due time, order among equals, slot in `flying`.
    due: BinaryHeap<Reverse<(u64, u64, usize)>>,
    flying: Vec<InFlight>,
    free: Vec<usize>,
    order: u64,
    log: DirectionLog,
    lateness: Vec<u64>,
    /// How late this machine wakes from a sleep, smoothed.
    lead_ns: u64,
    /// When a packet was handed over last.
    delivered_ns: u64,
}

impl Lane {
    pub(super) fn new(from: File, to: File, config: DirectionConfig, seed: u64, base_ns: u64) -> Self {
        Self {
            from,
            to,
            service: Service::new(config.rate.clone()),
            loss: LossState::new(config.loss),
            rng: Rng::new(seed),
            base_ns,
            queue: VecDeque::new(),
            queued_bytes: 0,
            due: BinaryHeap::new(),
            flying: Vec::new(),
            free: Vec::new(),
            order: 0,
            log: DirectionLog {
                config: Some(config.clone()),
                packets: Vec::with_capacity(1 << 16),
                ..DirectionLog::default()
            },
            lateness: Vec::with_capacity(1 << 16),
            lead_ns: 50_000,
            delivered_ns: 0,
            config,
        }
    }

    pub(super) fn run(mut self, stop: &AtomicBool) -> DirectionLog {
        // The default slack of 50 µs would be half of the delay's tolerance.
        let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
        sys::raise_priority();
        let (began, cpu_began) = (self.now(), cpu_ns());
        let mut buffer = [0u8; MTU_BYTES];
        while !stop.load(Ordering::Relaxed) {
            self.read_batch(&mut buffer);
            self.deliver_due();
            self.wait();
        }
        self.finish(began, cpu_began)
    }

    fn now(&self) -> u64 {
        monotonic_ns() - self.base_ns
    }

    fn wait(&mut self) {
        let now = self.now();
        let next = self.due.peek().map_or(now + MAX_SLEEP_NS, |Reverse((due, ..))| *due);
        let lead = if next.saturating_sub(self.delivered_ns) > SPARSE_NS { self.lead_ns } else { 0 };
        let sleep = next.saturating_sub(now).saturating_sub(lead).min(MAX_SLEEP_NS);
        if sleep > 0 && self.sleep(sleep) {
            return;
        }
        let end = self.now() + MAX_LEAD_NS;
        while lead > 0 && (self.now()..end).contains(&next) {
            std::hint::spin_loop();
        }
    }

    /// Sleeps until a packet arrives (true) or the time is over, and learns how late this machine wakes.
    fn sleep(&mut self, sleep: u64) -> bool {
        let asleep = self.now();
        let timeout = Timespec { tv_sec: 0, tv_nsec: i64::try_from(sleep).unwrap_or(0) };
        let mut fds = [PollFd::from_borrowed_fd(self.from.as_fd(), PollFlags::IN)];
        let arrived = poll(&mut fds, Some(&timeout)).is_ok_and(|ready| ready > 0);
        if !arrived {
            let late = self.now().saturating_sub(asleep + sleep).min(MAX_LEAD_NS);
            self.lead_ns = (7 * self.lead_ns + late) / 8;
        }
        arrived
    }

    fn read_batch(&mut self, buffer: &mut [u8; MTU_BYTES]) {
        for _ in 0..READ_BATCH {
            match (&self.from).read(buffer) {
                Ok(n) if n > 0 => self.arrive(&buffer[..n]),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                _ => return,
            }
        }
    }

    fn arrive(&mut self, packet: &[u8]) {
        let (now, bytes) = (self.now(), packet.len() as u64);
        while let Some((depart, size)) = self.queue.front().copied()
            && depart <= now
        {
            self.queue.pop_front();
            self.queued_bytes -= size;
        }
        let lost = self.loss.loses(&mut self.rng);
        let full = match self.config.queue {
            QueueLimit::Bytes(limit) => self.queued_bytes + bytes > limit,
            QueueLimit::Packets(limit) => self.queue.len() as u64 + 1 > limit,
        };
        let fate = if lost {
            Fate::Lost
        } else if full {
            Fate::QueueFull
        } else {
            Fate::Delivered
        };
        let (protocol, tag) = tag::of(packet);
        let mut record = PacketRecord {
            arrive_ns: now,
            depart_ns: 0,
            deliver_ns: 0,
            tag,
            bytes: u16::try_from(bytes).unwrap_or(u16::MAX),
            protocol,
            fate,
        };
        if fate == Fate::Delivered {
            record.depart_ns = self.service.depart_ns(now, u32::from(record.bytes));
            self.queue.push_back((record.depart_ns, bytes));
            self.queued_bytes += bytes;
            self.schedule(record.depart_ns, packet);
        }
        self.log.packets.push(record);
    }

    fn schedule(&mut self, depart_ns: u64, packet: &[u8]) {
        let step = self.config.delay_ns.partition_point(|s| s.0 <= depart_ns).saturating_sub(1);
        let hold = match self.config.reorder {
            Some(reorder) if self.rng.chance(reorder.probability) => reorder.hold_ns,
            _ => 0,
        };
        let due = depart_ns + self.config.delay_ns[step].1 + hold;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.flying.push(InFlight { record: 0, packet: Vec::with_capacity(MTU_BYTES) });
            self.flying.len() - 1
        });
        let flying = &mut self.flying[slot];
        flying.record = self.log.packets.len();
        flying.packet.clear();
        flying.packet.extend_from_slice(packet);
        self.order += 1;
        self.due.push(Reverse((due, self.order, slot)));
    }

    fn deliver_due(&mut self) {
        while let Some(Reverse((due, _, slot))) = self.due.peek().copied() {
            let now = self.now();
            if due > now {
                return;
            }
            self.due.pop();
            let flying = &self.flying[slot];
            if (&self.to).write(&flying.packet).is_err() {
                self.log.write_failures += 1;
            }
            self.log.packets[flying.record].deliver_ns = now;
            self.lateness.push(now - due);
            self.delivered_ns = now;
            self.free.push(slot);
        }
    }

    fn finish(mut self, began: u64, cpu_began: u64) -> DirectionLog {
        let wall = self.now().saturating_sub(began).max(1);
        self.log.cpu_share = (cpu_ns() - cpu_began) as f64 / wall as f64;
        self.lateness.sort_unstable();
        let at = |q: f64| self.lateness.get(((self.lateness.len() as f64 - 1.0) * q) as usize).copied().unwrap_or(0);
        self.log.lateness_ns = [at(0.5), at(0.99), at(1.0)];
        // What is still in the queue never reached the other side; it is neither delivered nor dropped.
        self.log.packets.retain(|p| p.fate != Fate::Delivered || p.deliver_ns > 0);
        self.log
    }
}

fn cpu_ns() -> u64 {
    nanoseconds(clock_gettime(ClockId::ThreadCPUTime))
}
