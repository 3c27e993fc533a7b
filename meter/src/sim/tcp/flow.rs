//! One flow: both ends.

use std::collections::VecDeque;

use super::control::{Control, Window};

/// Initial window (RFC 6928).
const INITIAL_WINDOW: f64 = 10.0;

/// Least retransmission time-out as Linux has it.
const RTO_MIN_US: f64 = 200_000.0;

/// A transmission that has not been answered.
#[derive(Clone, Copy, Debug)]
struct Sent {
    seq: u64,
    at_us: f64,
    /// Deliveries when it left, and when the last of them was.
    delivered: u64,
    delivered_us: f64,
    dropped: bool,
}

#[derive(Debug)]
pub(super) struct Flow {
    pub(super) segments_in: u64,
    window: Window,
    receive_window: f64,
    start_us: f64,
    next_seq: u64,
    again: VecDeque<u64>,
    outstanding: VecDeque<Sent>,
    transmissions: u64,
    recovered_at: u64,
    delivered: u64,
    delivered_us: f64,
    paced_us: f64,
    last_ack_us: f64,
    rtt_us: f64,
    /// Receiver: the next packet in order, and which behind it have come.
    received: u64,
    behind: VecDeque<bool>,
}

impl Flow {
    pub(super) fn new(control: Control, index: usize, start_us: f64, base_rtt_us: f64, receive_window: f64) -> Self {
        Self {
            segments_in: 0,
            window: Window::new(control, index, INITIAL_WINDOW, base_rtt_us),
            receive_window,
            start_us,
            next_seq: 0,
            again: VecDeque::new(),
            outstanding: VecDeque::new(),
            transmissions: 0,
            recovered_at: 0,
            delivered: 0,
            delivered_us: start_us,
            paced_us: start_us,
            last_ack_us: start_us,
            rtt_us: base_rtt_us,
            received: 0,
            behind: VecDeque::new(),
        }
    }

    /// When the next packet may leave; infinite while only an acknowledgement can release one.
    pub(super) fn next_send_us(&self) -> f64 {
        let room = (self.outstanding.len() as f64) < self.window.packets().min(self.receive_window);
        if room { self.paced_us.max(self.start_us) } else { self.timeout_us() }
    }

    fn timeout_us(&self) -> f64 {
        self.last_ack_us.max(self.start_us) + RTO_MIN_US.max(2.0 * self.rtt_us)
    }

    /// Sends a packet, and says whether it had been sent before.
    pub(super) fn send(&mut self, now_us: f64) -> (u64, bool) {
        if self.outstanding.len() as f64 >= self.window.packets().min(self.receive_window) {
            self.time_out(now_us);
        }
        let again = self.again.pop_front();
        let seq = again.unwrap_or(self.next_seq);
        if again.is_none() {
            self.next_seq += 1;
        }
        if self.outstanding.is_empty() {
            self.delivered_us = now_us;
        }
        self.outstanding.push_back(Sent {
            seq,
            at_us: now_us,
            delivered: self.delivered,
            delivered_us: self.delivered_us,
            dropped: false,
        });
        self.transmissions += 1;
        self.paced_us = now_us + self.window.gap_us();
        (seq, again.is_some())
    }

    /// The packet just sent was dropped. The sender does not know; the time-out below does, so that it never repeats
    /// what is still on its way.
    pub(super) fn note_dropped(&mut self) {
        if let Some(last) = self.outstanding.back_mut() {
            last.dropped = true;
        }
    }

    fn time_out(&mut self, now_us: f64) {
        let lost: Vec<u64> = self.outstanding.iter().filter(|sent| sent.dropped).map(|sent| sent.seq).collect();
        self.outstanding.retain(|sent| !sent.dropped);
        self.again.extend(lost);
        self.window.on_timeout();
        self.recovered_at = self.transmissions;
        self.last_ack_us = now_us;
    }

    /// An acknowledgement of the oldest transmission that was not dropped: all before it are lost.
    pub(super) fn acknowledge(&mut self, now_us: f64) {
        let oldest = self.transmissions - self.outstanding.len() as u64;
        let mut passed = 0;
        let mut lost = false;
        while let Some(sent) = self.outstanding.pop_front() {
            passed += 1;
            if sent.dropped {
                self.again.push_back(sent.seq);
                lost |= oldest + passed > self.recovered_at;
                continue;
            }
            self.delivered += 1;
            self.delivered_us = now_us;
            self.last_ack_us = now_us;
            self.rtt_us = now_us - sent.at_us;
            let rate = (self.delivered - sent.delivered) as f64 / (now_us - sent.delivered_us).max(1.0);
            self.window.on_ack(now_us, self.rtt_us, rate, sent.delivered, self.delivered, self.outstanding.len());
            break;
        }
        if lost {
            self.recovered_at = self.transmissions;
            self.window.on_loss(now_us);
        }
    }

    /// A packet reaches the receiver.
    pub(super) fn receive(&mut self, seq: u64) {
        self.segments_in += 1;
        let Some(offset) = seq.checked_sub(self.received) else { return };
        let offset = offset as usize;
        if self.behind.len() <= offset {
            self.behind.resize(offset + 1, false);
        }
        self.behind[offset] = true;
        while self.behind.front() == Some(&true) {
            self.behind.pop_front();
            self.received += 1;
        }
    }

    /// Packets delivered in order.
    pub(super) fn in_order(&self) -> u64 {
        self.received
    }
}
