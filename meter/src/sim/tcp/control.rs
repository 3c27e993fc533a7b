//! Congestion control: CUBIC (RFC 9438, with HyStart's delay exit), Reno (RFC 5681), and the main loop of BBR version 1.

use std::collections::VecDeque;

/// How a sender adapts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Control {
    /// Loss-based, the phones' own.
    Cubic,
    /// Loss-based, halving.
    Reno,
    /// Model-based, blind to loss.
    Bbr,
}

const CUBIC_C: f64 = 0.4;
const CUBIC_BETA: f64 = 0.7;
const RENO_BETA: f64 = 0.5;
const BBR_STARTUP: f64 = 2.885;
const BBR_CYCLE: [f64; 8] = [1.25, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0];
const BBR_FILTER_ROUNDS: u64 = 10;

/// The congestion window of a flow and its pacing.
#[derive(Debug)]
pub(super) struct Window {
    control: Control,
    cwnd: f64,
    ssthresh: f64,
    base_rtt_us: f64,
    // CUBIC
    peak: f64,
    epoch_us: Option<f64>,
    // BBR
    rates: VecDeque<(u64, f64)>,
    round: u64,
    round_ends_at: u64,
    full: f64,
    full_rounds: u32,
    mode: Mode,
    phase: usize,
    phase_us: f64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mode {
    Startup,
    Drain,
    Probe,
}

impl Window {
    pub(super) fn new(control: Control, index: usize, initial: f64, base_rtt_us: f64) -> Self {
        Self {
            control,
            cwnd: initial,
            ssthresh: f64::INFINITY,
            base_rtt_us,
            peak: 0.0,
            epoch_us: None,
            rates: VecDeque::new(),
            round: 0,
            round_ends_at: 0,
            full: 0.0,
            full_rounds: 0,
            mode: Mode::Startup,
            // BBR starts its cycle anywhere but in the draining phase, so that flows do not breathe together.
            phase: [2, 5, 0, 3, 6, 4, 7][index % 7],
            phase_us: 0.0,
        }
    }

    pub(super) fn packets(&self) -> f64 {
        self.cwnd
    }

    /// Time between packets; 0 where acknowledgements are the clock.
    pub(super) fn gap_us(&self) -> f64 {
        match self.control {
            Control::Bbr => 1.0 / (self.gain() * self.bandwidth()),
            Control::Cubic | Control::Reno => 0.0,
        }
    }

    pub(super) fn on_ack(&mut self, now_us: f64, rtt_us: f64, rate: f64, sent_at: u64, delivered: u64, flight: usize) {
        match self.control {
            Control::Bbr => self.bbr(now_us, rate, sent_at, delivered, flight as f64),
            _ if self.cwnd < self.ssthresh => self.slow_start(rtt_us),
            Control::Reno => self.cwnd += 1.0 / self.cwnd,
            Control::Cubic => self.cubic(now_us, rtt_us),
        }
    }

    pub(super) fn on_loss(&mut self, _now_us: f64) {
        let beta = match self.control {
            Control::Bbr => return,
            Control::Cubic => CUBIC_BETA,
            Control::Reno => RENO_BETA,
        };
        // Fast convergence (RFC 9438 section 4.7).
        self.peak = if self.cwnd < self.peak { self.cwnd * (1.0 + CUBIC_BETA) / 2.0 } else { self.cwnd };
        self.cwnd = (self.cwnd * beta).max(2.0);
        self.ssthresh = self.cwnd;
        self.epoch_us = None;
    }

    pub(super) fn on_timeout(&mut self) {
        if self.control != Control::Bbr {
            self.ssthresh = (self.cwnd * 0.5).max(2.0);
            self.cwnd = 2.0;
            self.epoch_us = None;
        } else {
            // One packet may probe; the model is kept.
            self.cwnd += 1.0;
        }
    }

    fn slow_start(&mut self, rtt_us: f64) {
        self.cwnd += 1.0;
        let rise_us = (self.base_rtt_us / 8.0).clamp(4_000.0, 16_000.0);
        if self.control == Control::Cubic && self.cwnd >= 16.0 && rtt_us > self.base_rtt_us + rise_us {
            self.ssthresh = self.cwnd;
        }
    }

    fn cubic(&mut self, now_us: f64, rtt_us: f64) {
        let epoch_us = *self.epoch_us.get_or_insert(now_us);
        if self.peak < self.cwnd && epoch_us == now_us {
            self.peak = self.cwnd;
        }
        let k = ((self.peak - self.cwnd.min(self.peak * CUBIC_BETA).max(0.0)).max(0.0) / CUBIC_C).cbrt();
        let t = (now_us - epoch_us + rtt_us) / 1e6;
        let target = self.peak + CUBIC_C * (t - k).powi(3);
        // The Reno-friendly region (RFC 9438 section 4.3).
        let friendly = self.peak * CUBIC_BETA + 3.0 * (1.0 - CUBIC_BETA) / (1.0 + CUBIC_BETA) * t / (rtt_us / 1e6);
        let target = target.max(friendly).clamp(self.cwnd, 1.5 * self.cwnd);
        self.cwnd += (target - self.cwnd) / self.cwnd;
    }

    fn bandwidth(&self) -> f64 {
        let seen = self.rates.iter().map(|&(_, rate)| rate).fold(0.0, f64::max);
        if seen > 0.0 { seen } else { self.cwnd / self.base_rtt_us }
    }

    fn gain(&self) -> f64 {
        match self.mode {
            Mode::Startup => BBR_STARTUP,
            Mode::Drain => 1.0 / BBR_STARTUP,
            Mode::Probe => BBR_CYCLE[self.phase],
        }
    }

    fn bbr(&mut self, now_us: f64, rate: f64, sent_at: u64, delivered: u64, flight: f64) {
        let new_round = sent_at >= self.round_ends_at;
        if new_round {
            self.round += 1;
            self.round_ends_at = delivered;
        }
        // A monotonic queue: the maximum of the last rounds.
        while self.rates.back().is_some_and(|&(_, older)| older <= rate) {
            self.rates.pop_back();
        }
        self.rates.push_back((self.round, rate));
        while self.rates.front().is_some_and(|&(round, _)| round + BBR_FILTER_ROUNDS < self.round) {
            self.rates.pop_front();
        }
        let bdp = self.bandwidth() * self.base_rtt_us;
        match self.mode {
            Mode::Startup if new_round => {
                if self.bandwidth() >= self.full * 1.25 {
                    self.full = self.bandwidth();
                    self.full_rounds = 0;
                } else {
                    self.full_rounds += 1;
                    if self.full_rounds >= 3 {
                        self.mode = Mode::Drain;
                    }
                }
            }
            Mode::Drain if flight <= bdp => {
                self.mode = Mode::Probe;
                self.phase_us = now_us;
            }
            Mode::Probe if now_us - self.phase_us > self.base_rtt_us || (self.phase == 1 && flight <= bdp) => {
                self.phase = (self.phase + 1) % BBR_CYCLE.len();
                self.phase_us = now_us;
            }
            _ => {}
        }
        let gain = if self.mode == Mode::Probe { 2.0 } else { BBR_STARTUP };
        let target = (gain * bdp).max(4.0);
        self.cwnd = if self.mode == Mode::Startup { (self.cwnd + 1.0).max(target) } else { target };
    }
}
