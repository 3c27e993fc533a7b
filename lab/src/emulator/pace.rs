//! When a direction's thread sleeps, and until when.
//!
//! A packet that comes alone is read and handed over at once. In a stream, waking for every packet would take from the
//! endpoints the cores they run on, so the thread looks at both ends once a [`QUANTUM_NS`], as a network card that
//! coalesces its interrupts does. Departures are computed and do not move; arrivals and deliveries move by about a
//! quantum at most.

use std::fs::File;
use std::os::fd::AsFd as _;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::thread::clock_nanosleep_absolute;
use rustix::time::{ClockId, clock_gettime};

/// Between two looks at a stream. The median packet is half of it late: within the 0.1 ms the delay is held to.
const QUANTUM_NS: u64 = 100_000;
/// So many packets in a [`SPARSE_NS`] are a stream.
const STREAM_PACKETS: u32 = 8;
/// A packet that comes this long after the last one is handed over on time by waking early and waiting the rest out.
const SPARSE_NS: u64 = 1_000_000;
/// Most that a wake-up is taken early.
const MAX_LEAD_NS: u64 = 200_000;
/// Longest sleep, so that a stop is seen.
const MAX_SLEEP_NS: u64 = 20_000_000;

/// Nanoseconds of the clock of all logs.
pub(super) fn monotonic_ns() -> u64 {
    nanoseconds(clock_gettime(ClockId::Monotonic))
}

/// Processor time of the calling thread, nanoseconds.
pub(super) fn cpu_ns() -> u64 {
    nanoseconds(clock_gettime(ClockId::ThreadCPUTime))
}

fn nanoseconds(t: Timespec) -> u64 {
    t.tv_sec.unsigned_abs() * 1_000_000_000 + t.tv_nsec.unsigned_abs()
}

fn timespec(ns: u64) -> Timespec {
    Timespec { tv_sec: (ns / 1_000_000_000).cast_signed(), tv_nsec: (ns % 1_000_000_000).cast_signed() }
}

/// The sleeping habits of one thread. Times are of [`monotonic_ns`].
#[derive(Debug)]
pub(super) struct Pace {
    /// How late this machine wakes from a sleep, smoothed.
    lead_ns: u64,
    /// When a packet was handed over last.
    delivered_ns: u64,
    /// Packets since `counting_ns`, and in the [`SPARSE_NS`] before.
    counted: [u32; 2],
    counting_ns: u64,
    woke_ns: u64,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { lead_ns: 50_000, delivered_ns: 0, counted: [0; 2], counting_ns: 0, woke_ns: 0 }
    }

    /// Notes packets read and handed over at `now_ns`.
    pub(super) fn handled(&mut self, read: u32, delivered: u32, now_ns: u64) {
        if delivered > 0 {
            self.delivered_ns = now_ns;
        }
        let periods = (now_ns - self.counting_ns.min(now_ns)) / SPARSE_NS;
        if periods > 0 {
            self.counted = [0, if periods == 1 { self.counted[0] } else { 0 }];
            self.counting_ns = now_ns;
        }
        self.counted[0] += read + delivered;
    }

    /// When to look at a stream again: a quantum later, or when the next packet is due if that is about then; packets that
    /// keep in step with the quantum would else all be late by the same part of it.
    fn next_look_ns(&self, due_ns: Option<u64>) -> u64 {
        let about = self.woke_ns + QUANTUM_NS / 2..self.woke_ns + QUANTUM_NS * 3 / 2;
        due_ns.filter(|due| about.contains(due)).unwrap_or(self.woke_ns + QUANTUM_NS)
    }

    fn is_stream(&self) -> bool {
        self.counted.iter().any(|packets| *packets >= STREAM_PACKETS)
    }

    /// Sleeps until there is something to do: a packet on `from`, or the one due at `due_ns`.
    pub(super) fn wait(&mut self, from: &File, due_ns: Option<u64>) {
        let now = monotonic_ns();
        if self.is_stream() {
            let next = self.next_look_ns(due_ns);
            // One that is behind goes on at once, and so says by its share of the processor that it is starved.
            if next > now {
                let _ = clock_nanosleep_absolute(ClockId::Monotonic, &timespec(next));
            }
            self.woke_ns = next.max(now);
            return;
        }
        self.wait_for_one(from, now, due_ns.unwrap_or(now + MAX_SLEEP_NS));
        self.woke_ns = monotonic_ns();
    }

    fn wait_for_one(&mut self, from: &File, now: u64, due: u64) {
        let lead = if due.saturating_sub(self.delivered_ns) > SPARSE_NS { self.lead_ns } else { 0 };
        let sleep = due.saturating_sub(now).saturating_sub(lead).min(MAX_SLEEP_NS);
        if sleep > 0 && self.sleep(from, sleep) {
            return;
        }
        let end = monotonic_ns() + MAX_LEAD_NS;
        while lead > 0 && (monotonic_ns()..end).contains(&due) {
            std::hint::spin_loop();
        }
    }

    /// Sleeps until a packet arrives (true) or the time is over, and learns how late this machine wakes.
    fn sleep(&mut self, from: &File, sleep_ns: u64) -> bool {
        let asleep = monotonic_ns();
        let mut fds = [PollFd::from_borrowed_fd(from.as_fd(), PollFlags::IN)];
        let arrived = poll(&mut fds, Some(&timespec(sleep_ns))).is_ok_and(|ready| ready > 0);
        if !arrived {
            let late = monotonic_ns().saturating_sub(asleep + sleep_ns).min(MAX_LEAD_NS);
            self.lead_ns = (7 * self.lead_ns + late) / 8;
        }
        arrived
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_told_from_packets_that_come_alone() {
        let mut pace = Pace::new();
        for i in 0..20u64 {
            pace.handled(1, 1, 1_000_000_000 + i * 1_000_000);
            assert!(!pace.is_stream(), "one packet a millisecond, {i}");
        }
        for i in 0..30u64 {
            pace.handled(1, 1, 2_000_000_000 + i * 100_000);
            assert_eq!(pace.is_stream(), i >= 3, "ten packets a millisecond, {i}");
        }
        pace.handled(0, 0, 2_010_000_000);
        assert!(!pace.is_stream(), "it is over after a pause");
    }

    #[test]
    fn a_look_is_a_quantum_later_or_when_a_packet_is_due_about_then() {
        let pace = Pace { woke_ns: 1_000_000, ..Pace::new() };
        for (due, look) in [
            (None, 1_100_000),
            (Some(900_000), 1_100_000),
            (Some(1_049_999), 1_100_000),
            (Some(1_050_000), 1_050_000),
            (Some(1_149_000), 1_149_000),
            (Some(1_150_000), 1_100_000),
        ] {
            assert_eq!(pace.next_look_ns(due), look, "{due:?}");
        }
    }
}
