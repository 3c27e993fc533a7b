//! Senders against one queue, packet by packet: what a receiver sees of slow start, loss and recovery.
//!
//! The path is first in, first out with constant propagation delay, so acknowledgements come back in the order of
//! sending and every gap in them is a loss. One packet is 1500 bytes at the IP layer, 1448 of them payload.

mod control;
mod flow;
mod link;

pub use control::Control;
pub use link::Path;

use std::collections::VecDeque;

use self::flow::Flow;
use self::link::{Link, Packet};
use super::{Capacity, Rng, Source};
use crate::{Hint, Reading};

/// Payload bytes of a packet.
const PAYLOAD_BYTES: u64 = 1448;

/// Period of the echo under load and of the sender's reports, as the method asks for.
const ECHO_US: f64 = 50_000.0;
const REPORT_US: f64 = 100_000.0;

/// An end-to-end simulation: flows, queue, receiver.
#[derive(Debug)]
pub struct Tcp {
    path: Path,
    control: Control,
    rng: Rng,
    link: Link,
    flows: Vec<Flow>,
    /// Packets on their way to the receiver, and acknowledgements on their way back, each with its time.
    to_receiver: VecDeque<(f64, Packet)>,
    to_sender: VecDeque<(f64, Packet)>,
    now_us: f64,
    next_echo_us: f64,
    next_report_us: f64,
    hints: Vec<Hint>,
    retransmitted: u64,
    sent: u64,
}

impl Tcp {
    /// A path with `flows` flows that start at time 0.
    pub fn new(seed: u64, capacity: Capacity, path: Path, control: Control, flows: u8) -> Self {
        let mut tcp = Self {
            link: Link::new(capacity, &path),
            path,
            control,
            rng: Rng::new(seed),
            flows: Vec::new(),
            to_receiver: VecDeque::new(),
            to_sender: VecDeque::new(),
            now_us: 0.0,
            next_echo_us: ECHO_US / 2.0,
            next_report_us: REPORT_US,
            hints: Vec::new(),
            retransmitted: 0,
            sent: 0,
        };
        tcp.set_flows(flows);
        tcp
    }

    fn one_way_us(&self) -> f64 {
        self.path.rtt_us as f64 / 2.0
    }

    fn advance(&mut self, until_us: f64) {
        loop {
            let sending = self.flows.iter().map(Flow::next_send_us).fold(f64::INFINITY, f64::min);
            let next = [
                sending.max(self.now_us),
                self.link.next_departure_us(),
                self.to_receiver.front().map_or(f64::INFINITY, |&(t_us, _)| t_us),
                self.to_sender.front().map_or(f64::INFINITY, |&(t_us, _)| t_us),
                self.next_echo_us,
                self.next_report_us,
            ];
            let (event, t_us) = next
                .iter()
                .copied()
                .enumerate()
                .fold((0, f64::INFINITY), |best, candidate| if candidate.1 < best.1 { candidate } else { best });
            if t_us > until_us {
                self.now_us = until_us;
                return;
            }
            self.now_us = t_us;
            match event {
                0 => self.send(sending),
                1 => self.depart(),
                2 => self.receive(),
                3 => self.acknowledge(),
                4 => self.echo(),
                _ => self.report(),
            }
        }
    }

    /// Lets the flow that is due send one packet.
    fn send(&mut self, due_us: f64) {
        let now_us = self.now_us;
        let Some(index) = self.flows.iter().position(|flow| flow.next_send_us() <= due_us) else { return };
        let (seq, again) = self.flows[index].send(now_us);
        self.sent += 1;
        self.retransmitted += u64::from(again);
        let packet = Packet { flow: index, seq };
        let lost = self.path.loss > 0.0 && self.rng.uniform() < self.path.loss;
        if lost || !self.link.offer(now_us, packet) {
            self.flows[index].note_dropped();
        }
    }

    fn depart(&mut self) {
        let packet = self.link.depart();
        self.to_receiver.push_back((self.now_us + self.one_way_us(), packet));
    }

    fn receive(&mut self) {
        let Some((t_us, packet)) = self.to_receiver.pop_front() else { return };
        self.flows[packet.flow].receive(packet.seq);
        self.to_sender.push_back((t_us + self.one_way_us(), packet));
    }

    fn acknowledge(&mut self) {
        let Some((t_us, packet)) = self.to_sender.pop_front() else { return };
        self.flows[packet.flow].acknowledge(t_us);
    }

    fn echo(&mut self) {
        let queue_us = self.link.waiting_us(self.now_us);
        self.next_echo_us += ECHO_US;
        // An echo that would wait for seconds is no answer in time.
        if queue_us < 500_000.0 {
            let rtt_us = self.path.rtt_us + queue_us as u64;
            self.hints.push(Hint::LoadedRttUs { t_us: self.now_us as u64 + rtt_us, rtt_us });
        }
    }

    fn report(&mut self) {
        self.next_report_us += REPORT_US;
        self.hints.push(Hint::Retransmits {
            t_us: self.now_us as u64,
            retransmitted_segments_total: self.retransmitted,
            sent_segments_total: self.sent,
        });
    }
}

impl Source for Tcp {
    fn reading(&mut self, t_us: u64) -> Reading {
        self.advance(t_us as f64);
        let segments = self.flows.iter().map(|flow| flow.segments_in).sum();
        let bytes = self.flows.iter().map(|flow| flow.in_order() * PAYLOAD_BYTES).sum();
        Reading { t_us, segments: Some(segments), kernel_bytes: Some(bytes), app_bytes: bytes }
    }

    fn hints(&mut self, t_us: u64) -> Vec<Hint> {
        let due = |hint: &Hint| match *hint {
            Hint::LoadedRttUs { t_us: at, .. } | Hint::Retransmits { t_us: at, .. } => at <= t_us,
            _ => true,
        };
        let (now, later) = std::mem::take(&mut self.hints).into_iter().partition(due);
        self.hints = later;
        now
    }

    fn set_flows(&mut self, flows: u8) {
        // The request takes half a round trip to the sender.
        let start_us = self.now_us + self.one_way_us();
        while self.flows.len() < usize::from(flows) {
            let base_us = self.path.rtt_us as f64;
            let index = self.flows.len();
            self.flows.push(Flow::new(self.control, index, start_us, base_us, self.path.receive_window));
        }
    }

    fn goodput_truth_bps(&self, from_us: u64, to_us: u64) -> f64 {
        // What reaches the receiver at a time crossed the link one propagation delay before.
        let delay_us = self.path.rtt_us / 2;
        let crossed = self.link.capacity().mean_bps(from_us.saturating_sub(delay_us), to_us.saturating_sub(delay_us));
        crossed * PAYLOAD_BYTES as f64 / link::PACKET_BYTES
    }

    fn process_mean_bps(&self) -> f64 {
        self.link.capacity().process_mean_bps() * PAYLOAD_BYTES as f64 / link::PACKET_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals_bps(control: Control, loss: f64, flows: u8) -> f64 {
        let path = Path { loss, ..Path::new(20e6, 60_000, 1.0) };
        let mut tcp = Tcp::new(5, Capacity::constant(20e6), path, control, flows);
        let at_two = tcp.reading(2_000_000).segments.unwrap();
        let at_eight = tcp.reading(8_000_000).segments.unwrap();
        ((at_eight - at_two) * PAYLOAD_BYTES) as f64 * 8.0 / 6.0
    }

    #[test]
    fn every_sender_fills_a_clean_link() {
        let full_bps = 20e6 * 1448.0 / 1500.0;
        for control in [Control::Cubic, Control::Reno, Control::Bbr] {
            let share = arrivals_bps(control, 0.0, 4) / full_bps;
            assert!(share > 0.96 && share <= 1.001, "{control:?} {share}");
        }
    }

    #[test]
    fn loss_leaves_a_loss_based_sender_far_below_the_link_and_bbr_near_it() {
        let full_bps = 20e6 * 1448.0 / 1500.0;
        let cubic = arrivals_bps(Control::Cubic, 0.01, 1) / full_bps;
        let bbr = arrivals_bps(Control::Bbr, 0.01, 1) / full_bps;
        assert!(cubic < 0.35, "cubic {cubic}");
        assert!(bbr > 0.85, "bbr {bbr}");
    }

    #[test]
    fn arrivals_run_ahead_of_in_order_bytes_only_while_holes_stand() {
        let path = Path { loss: 0.005, ..Path::new(20e6, 60_000, 1.0) };
        let mut tcp = Tcp::new(5, Capacity::constant(20e6), path, Control::Bbr, 1);
        let mut behind = 0;
        for bin in 1..60 {
            let reading = tcp.reading(bin * 50_000);
            let held_back = reading.segments.unwrap() * PAYLOAD_BYTES - reading.kernel_bytes.unwrap();
            behind += u64::from(held_back > 0);
        }
        assert!((5..55).contains(&behind), "{behind}");
    }
}
