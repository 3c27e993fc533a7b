//! What happens while a direction runs: flows, the server's messages, the clock.

use std::time::Instant;

use ispeed_meter::{Hint, Reading, params};
use ispeed_protocol::control::{CUBIC, ClientMessage, ServerMessage};
use ispeed_protocol::direction::Direction;
use tokio::time::Instant as TokioInstant;

use super::{End, Running, Stopped};
use crate::engine::control::{Event, of_server_error};
use crate::engine::failure::{Failure, Kind};
use crate::engine::flow::{FlowEnd, FlowEvent};
use crate::engine::limits;

/// How long before a step of growth its flows are opened.
const OPEN_AHEAD_US: u64 = 300_000;

impl Running<'_> {
    pub(super) fn on_flow(&mut self, event: FlowEvent) -> Option<End> {
        match event {
            // A connect under load waited in the load's own queue and says nothing of a proxy.
            FlowEvent::Open { .. } => None,
            FlowEvent::Started => {
                self.active += 1;
                self.starting = self.starting.saturating_sub(1);
                self.tell_flows();
                None
            }
            FlowEvent::Failed(failure) => {
                let seen = self.flows.seen();
                self.starting = self.starting.min((seen.asked - seen.failed).saturating_sub(self.active));
                self.tell_flows();
                (self.active == 0 && self.starting == 0).then(|| End::Lost(failure.mid_run()))
            }
            FlowEvent::Ended(FlowEnd::Budget) => Some(End::BudgetUsed),
            FlowEvent::Ended(FlowEnd::Lost) => {
                self.lost += 1;
                let all = self.lost >= self.active && self.starting == 0;
                // In a download the next message says whether the server meant it.
                (all && (self.direction == Direction::Up || self.tools.control.closed().is_some()))
                    .then(|| End::Lost(Failure::new(Kind::LostMidRun, "all load flows were closed by the server")))
            }
        }
    }

    /// Says how many flows carry load, once those that were let go do.
    fn tell_flows(&self) {
        if self.starting == 0 && self.active > 0 {
            self.shared.hint(Hint::FlowsActive { t_us: self.shared.t_us(), flows: self.active });
        }
    }

    /// Lets further flows carry load, and opens the next step's ahead of time.
    pub(super) fn grow(&mut self) {
        let wanted = (*self.wanted.borrow_and_update()).min(self.plan.config.flows_max);
        let under_way = self.active + self.starting;
        if wanted <= under_way {
            return;
        }
        // One that failed is replaced.
        self.flows.open(wanted.saturating_add(self.flows.seen().failed).min(self.plan.flows_most));
        self.starting += wanted - under_way;
        // BBR tries a quarter more once in eight round trips; a loss-based sender keeps a queue that a faster link draws on (lab).
        self.flows.cubic_from_now_on(self.shared.snapshot().is_some_and(|now| now.varies));
        self.flows.permits().add_permits(usize::from(wanted - under_way));
    }

    /// Opens the flows of the next step before they are asked for, where they are likely to be: under load a handshake
    /// takes three loaded round trips, which growth would otherwise wait for. Silent flows cost a few kilobytes.
    fn open_ahead(&mut self, t_us: u64, rate_bps: f64, varies: bool) {
        let [_, few, many, most] = params::FLOW_STEPS;
        let (next, at_us) = match self.active {
            active if active >= many => (most, params::FLOWS_16_AT_US),
            active if active >= few => (many, params::FLOWS_8_AT_US),
            _ => return,
        };
        // Four handshakes are 6 kB: on a slow link that is a part of the load, and only those that are asked for are worth it.
        let cheap = rate_bps >= params::FLOWS_JOIN_BURST_BPS;
        let likely = cheap && (varies || !self.queue_stands() && t_us + OPEN_AHEAD_US >= at_us);
        // A fast link may ask for all at once: it spends its bytes in the time of a few handshakes under load.
        let ahead = if rate_bps > params::FAST_BPS { Some(most) } else { likely.then_some(next) };
        if let Some(flows) = ahead {
            self.flows.open(flows.min(self.plan.config.flows_max));
        }
    }

    /// Has a direction that varies sent by CUBIC, the flows too that carry load under BBR: those that are yet to join come late, for
    /// under load their handshakes take three loaded round trips. Not while the path's queue is empty: what varies there may be a
    /// sender that loses, and BBR is what loss does not slow down.
    fn send_by_cubic(&mut self) {
        if self.by_cubic || !self.queue_stands() {
            return;
        }
        self.by_cubic = match self.direction {
            Direction::Down => self.tools.control.try_send(ClientMessage::SendByCubic),
            // Reno was chosen for a path where CUBIC does not get to its rate.
            Direction::Up if self.plan.config.sender_reno => false,
            Direction::Up => {
                self.flows.meter().set_congestion_control(CUBIC);
                self.congestion_control = self.flows.congestion_control().or(self.congestion_control.take());
                true
            }
        };
    }

    pub(super) fn on_control(&mut self, event: Event) -> Option<End> {
        let (at, message) = match event {
            Event::Message { at, message } => (at, *message),
            Event::Closed(failure) => return Some(End::Lost(failure.mid_run())),
        };
        self.last_message = TokioInstant::now();
        match message {
            ServerMessage::Arrivals { t_us, segments, kernel_bytes, app_bytes, server_limited }
                if self.direction == Direction::Up =>
            {
                if server_limited {
                    self.shared.hint(Hint::ServerLimited);
                }
                self.on_arrivals(at, &Reading { t_us, segments, kernel_bytes, app_bytes });
                None
            }
            ServerMessage::Sender { retransmits, segments_sent, rwnd_limited, server_limited, .. }
                if self.direction == Direction::Down =>
            {
                self.on_sender(retransmits, segments_sent, rwnd_limited, server_limited);
                None
            }
            ServerMessage::Error { kind, detail } => Some(End::ServerEnded(of_server_error(&kind, &detail))),
            message => {
                self.on_stopped(message);
                let ended = || Failure::new(Kind::Server, "the server ended the direction");
                self.stopped.is_some().then(|| End::ServerEnded(ended()))
            }
        }
    }

    /// The server's counters, on the server's time line.
    fn on_arrivals(&mut self, at: Instant, reading: &Reading) {
        let heard_us =
            u64::try_from(at.saturating_duration_since(self.shared.origin()).as_micros()).unwrap_or(u64::MAX);
        let zero_us = heard_us.saturating_sub(reading.t_us);
        if self.server_zero_us.is_none() && reading.t_us > 0 {
            let zero = |counter: Option<u64>| counter.map(|_| 0);
            let (segments, kernel_bytes) = (zero(reading.segments), zero(reading.kernel_bytes));
            self.shared.reading(&Reading { t_us: 0, segments, kernel_bytes, app_bytes: 0 });
        }
        self.server_zero_us = Some(self.server_zero_us.map_or(zero_us, |least| least.min(zero_us)));
        self.shared.reading(reading);
    }

    fn on_sender(
        &self,
        retransmits: Option<u64>,
        segments_sent: Option<u64>,
        rwnd_limited: Option<f64>,
        server_limited: bool,
    ) {
        let t_us = self.shared.t_us();
        if let (Some(retransmitted_segments_total), Some(sent_segments_total)) = (retransmits, segments_sent) {
            self.shared.hint(Hint::Retransmits { t_us, retransmitted_segments_total, sent_segments_total });
        }
        if let Some(rwnd_share) = rwnd_limited {
            let rwnd_share = if self.queue_stands() { 0.0 } else { rwnd_share };
            self.shared.hint(Hint::SendLimited { t_us, rwnd_share, sndbuf_share: 0.0 });
        }
        if server_limited {
            self.shared.hint(Hint::ServerLimited);
        }
    }

    pub(super) fn on_stopped(&mut self, message: ServerMessage) {
        let ServerMessage::Stopped { direction, bytes, series, evidence, sender, congestion_control, mss_bytes } =
            message
        else {
            return;
        };
        if direction == self.direction {
            self.stopped = Some(Stopped { bytes, series, evidence, sender, congestion_control, mss_bytes });
        }
    }

    pub(super) fn on_tick(&mut self) -> Option<End> {
        let t_us = self.shared.t_us();
        self.note_cpu();
        if self.direction == Direction::Up {
            self.own_sender(t_us);
            if self.last_message.elapsed() > limits::ARRIVALS_SILENT {
                return Some(End::Lost(Failure::new(Kind::LostMidRun, "the server's counters do not come any more")));
            }
        }
        if let Some(now) = self.shared.snapshot() {
            let rate_bps = now.rate_bps.unwrap_or(0.0);
            self.shared.rate.set(rate_bps);
            self.open_ahead(t_us, rate_bps, now.varies);
            if now.varies {
                self.send_by_cubic();
            }
            let (loaded_ms, direction) = (self.shared.loaded_ms(), self.direction);
            self.tools.reporter.tick(|progress| {
                progress.rate_bps = now.rate_bps;
                progress.interval_bps = now.interval_bps;
                progress.flows = now.flows;
                progress.loaded_ms = loaded_ms;
                match direction {
                    Direction::Down => progress.bytes_down = now.bytes,
                    Direction::Up => progress.bytes_up = now.bytes,
                }
            });
        }
        None
    }

    /// How busy this program was since the last call.
    pub(super) fn note_cpu(&mut self) {
        if let Some(share) = self.cpu.share(self.active) {
            self.shared.hint(Hint::CpuShare { t_us: self.shared.t_us(), share });
        }
    }

    /// Whether packets wait in the path just now. A sender that a window holds back over a standing queue is not limited
    /// by the window: on a slow link the first 64 KB of it are a second of queue.
    fn queue_stands(&self) -> bool {
        let Some((idle_us, loaded_ms)) = self.plan.config.idle_rtt_us.zip(self.shared.loaded_ms()) else {
            return false;
        };
        let rise_us = loaded_ms * 1e3 - idle_us as f64;
        rise_us >= (params::SATURATION_RTT_US as f64).max(params::SATURATION_RTT_SHARE * idle_us as f64)
    }

    /// What this machine sees of its own sending.
    fn own_sender(&mut self, t_us: u64) {
        let now = self.flows.meter().totals();
        if let (Some(retransmitted_segments_total), Some(sent_segments_total)) = (now.retransmits, now.segments_out) {
            self.shared.hint(Hint::Retransmits { t_us, retransmitted_segments_total, sent_segments_total });
        }
        let since = |now: Option<u64>, before: Option<u64>| Some(now?.saturating_sub(before.unwrap_or(0)) as f64);
        let before = std::mem::replace(&mut self.held_back, now);
        let busy_us = since(now.busy_us, before.busy_us).filter(|busy_us| *busy_us > 0.0);
        let rwnd_us = since(now.rwnd_limited_us, before.rwnd_limited_us);
        let sndbuf_us = since(now.sndbuf_limited_us, before.sndbuf_limited_us);
        if let (Some(busy_us), Some(rwnd_us), Some(sndbuf_us)) = (busy_us, rwnd_us, sndbuf_us) {
            let rwnd_share = if self.queue_stands() { 0.0 } else { rwnd_us / busy_us };
            let sndbuf_share = sndbuf_us / busy_us;
            self.shared.hint(Hint::SendLimited { t_us, rwnd_share, sndbuf_share });
        }
    }
}
