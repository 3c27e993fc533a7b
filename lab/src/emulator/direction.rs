//! One direction: reads packets from one TUN, decides their fate on the monotonic clock, hands them to the other.
//!
//! Departures are computed, not waited for: a packet's fate is known the moment it arrives, so the precision of the
//! service does not depend on when this thread wakes. Only the hand-over does, and its lateness is logged.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, Ordering};

use super::flight::Flight;
use super::log::{DirectionLog, Fate, PacketRecord};
use super::loss::LossState;
use super::pace::{Pace, cpu_ns, monotonic_ns};
use super::rng::Rng;
use super::segment::{OFFLOAD_HEADER_BYTES, Offload};
use super::service::Service;
use super::{DirectionConfig, PACKET_BITS, QueueLimit, room_for, sys, tag};

/// Most that the kernel hands over at once: the longest IP packet and its offload header.
const READ_BYTES: usize = OFFLOAD_HEADER_BYTES + 65_535 + 40;
/// Packets read before due ones are handed over again.
const READ_BATCH: u32 = 64;

pub(super) struct Lane {
    from: File,
    to: File,
    link: Link,
    pace: Pace,
    base_ns: u64,
}

/// The emulated link without its ends: all state a packet meets.
struct Link {
    config: DirectionConfig,
    service: Service,
    loss: LossState,
    rng: Rng,
    /// Departure time and size of packets in the queue.
    queue: VecDeque<(u64, u64)>,
    queued_bytes: u64,
    flight: Flight,
    log: DirectionLog,
}

impl Lane {
    pub(super) fn new(from: File, to: File, config: DirectionConfig, seed: u64, base_ns: u64) -> Self {
        Self { from, to, link: Link::new(config, seed), pace: Pace::new(), base_ns }
    }

    pub(super) fn run(mut self, stop: &AtomicBool) -> DirectionLog {
        // The default slack of 50 µs would be half of the delay's tolerance.
        let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
        sys::raise_priority();
        let (began, cpu_began) = (monotonic_ns(), cpu_ns());
        let mut buffer = vec![0u8; READ_BYTES];
        while !stop.load(Ordering::Relaxed) {
            let read = self.read_batch(&mut buffer);
            let delivered = self.deliver_due();
            self.pace.handled(read, delivered, monotonic_ns());
            if read < READ_BATCH {
                self.pace.wait(&self.from, self.link.flight.next_ns().map(|due| due + self.base_ns));
            }
        }
        let wall = (monotonic_ns() - began).max(1);
        self.link.finish((cpu_ns() - cpu_began) as f64 / wall as f64)
    }

    /// Reads until there is nothing more, or enough to look at what is due; the number of packets.
    fn read_batch(&mut self, buffer: &mut [u8]) -> u32 {
        let mut packets = 0;
        while packets < READ_BATCH {
            match (&self.from).read(buffer) {
                Ok(n) => {
                    let Some((offload, packet)) = Offload::parse(&buffer[..n]) else { return packets };
                    let now = monotonic_ns() - self.base_ns;
                    let header = offload.of_one_packet();
                    offload.split(packet, |head, payload| {
                        packets += 1;
                        self.link.arrive(now, [&header, head, payload]);
                    });
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(_) => return packets,
            }
        }
        packets
    }

    fn deliver_due(&mut self) -> u32 {
        let mut delivered = 0;
        loop {
            let now = monotonic_ns() - self.base_ns;
            let Some(landing) = self.link.flight.land(now) else { return delivered };
            if (&self.to).write(landing.bytes).is_err() {
                self.link.log.write_failures += 1;
            }
            let record = &mut self.link.log.packets[landing.record];
            record.deliver_ns = now;
            record.late_ns = u32::try_from(now - landing.at_ns).unwrap_or(u32::MAX);
            delivered += 1;
        }
    }
}

/// Seconds at the highest rate that the log has room for from the start.
const LOG_ROOM_S: f64 = 4.0;
/// Least and most packets that there is room for from the start.
const ROOM_PACKETS: (usize, usize) = (1 << 12, 1 << 17);
const LOG_ROOM_PACKETS: (usize, usize) = (1 << 16, 1 << 20);

impl Link {
    fn new(config: DirectionConfig, seed: u64) -> Self {
        let peak_bps = config.rate.peak_bps();
        let under_way = config.packets_under_way(peak_bps).clamp(ROOM_PACKETS.0, ROOM_PACKETS.1);
        let logged = (peak_bps * LOG_ROOM_S / PACKET_BITS) as usize;
        let logged = logged.clamp(LOG_ROOM_PACKETS.0, LOG_ROOM_PACKETS.1);
        Self {
            service: Service::new(config.rate.clone()),
            loss: LossState::new(config.loss),
            rng: Rng::new(seed),
            queue: VecDeque::new(),
            queued_bytes: 0,
            flight: Flight::with_room_for(under_way),
            log: DirectionLog {
                config: Some(config.clone()),
                packets: room_for(logged, PacketRecord::NONE),
                ..DirectionLog::default()
            },
            config,
        }
    }

    /// Decides and logs the fate of a packet: offload header, head and payload.
    fn arrive(&mut self, now: u64, parts: [&[u8]; 3]) {
        let bytes = (parts[1].len() + parts[2].len()) as u64;
        let (protocol, tag) = tag::of(parts[1], parts[2]);
        let fate = self.fate(now, bytes);
        let mut record = PacketRecord {
            arrive_ns: now,
            depart_ns: 0,
            deliver_ns: 0,
            late_ns: 0,
            tag,
            bytes: u16::try_from(bytes).unwrap_or(u16::MAX),
            protocol,
            fate,
        };
        if fate == Fate::Delivered {
            record.depart_ns = self.service.depart_ns(now, u32::from(record.bytes));
            self.queue.push_back((record.depart_ns, bytes));
            self.queued_bytes += bytes;
            let held_ns = match self.config.reorder {
                Some(reorder) if self.rng.chance(reorder.probability) => reorder.hold_ns,
                _ => 0,
            };
            let due = record.depart_ns + self.config.delay_at_ns(record.depart_ns) + held_ns;
            self.flight.launch(due, held_ns > 0, self.log.packets.len(), parts);
        }
        self.log.packets.push(record);
    }

    fn fate(&mut self, now: u64, bytes: u64) -> Fate {
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
        match (lost, full) {
            (true, _) => Fate::Lost,
            (false, true) => Fate::QueueFull,
            (false, false) => Fate::Delivered,
        }
    }

    fn finish(mut self, cpu_share: f64) -> DirectionLog {
        self.log.cpu_share = cpu_share;
        // What is still in the queue never reached the other side; it is neither delivered nor dropped.
        self.log.packets.retain(|p| p.fate != Fate::Delivered || p.deliver_ns > 0);
        self.log
    }
}
