//! Whether the link was full, and what else may have held the rate down: the side observations.

use ispeed_protocol::direction::{Direction, Flag};

use crate::analysis::{Analysis, Growth};
use crate::{Config, Flags, Hint, params, stats};

/// Most side observations kept of each kind: 20 s at one a poll.
const KEPT: usize = 2048;

/// Side observations of a run, in the order they came.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    loaded_rtt: Vec<(u64, u64)>,
    retransmits: Vec<(u64, u64, u64)>,
    cpu: Vec<(u64, f64)>,
    rwnd: Vec<(u64, f64)>,
    sndbuf: Vec<(u64, f64)>,
    app_limited_us: Vec<u64>,
    server_limited: bool,
    connect_rtt_us: Option<u64>,
}

impl Evidence {
    /// Keeps an observation.
    pub(crate) fn add(&mut self, hint: Hint) {
        match hint {
            Hint::LoadedRttUs { t_us, rtt_us } => keep(&mut self.loaded_rtt, (t_us, rtt_us)),
            Hint::Retransmits { t_us, retransmitted_segments_total, sent_segments_total } => {
                keep(&mut self.retransmits, (t_us, retransmitted_segments_total, sent_segments_total));
            }
            Hint::CpuShare { t_us, share } => keep(&mut self.cpu, (t_us, share)),
            Hint::SendLimited { t_us, rwnd_share, sndbuf_share } => {
                keep(&mut self.rwnd, (t_us, rwnd_share));
                keep(&mut self.sndbuf, (t_us, sndbuf_share));
            }
            Hint::AppLimited { t_us } => keep(&mut self.app_limited_us, t_us),
            Hint::ServerLimited => self.server_limited = true,
            Hint::ConnectRttUs { rtt_us } => {
                // The least of several connects is the nearest to the path's own.
                self.connect_rtt_us = Some(self.connect_rtt_us.map_or(rtt_us, |least| least.min(rtt_us)));
            }
            Hint::FlowsActive { .. } => {}
        }
    }

    /// Median loaded RTT since `since_us`; `None` of too few.
    pub(crate) fn loaded_rtt_us(&self, since_us: u64) -> Option<f64> {
        stats::median_of_sorted(&self.loaded_rtts(since_us)?)
    }

    /// Loaded RTTs since `since_us` in order, or the last few, where they are little older; `None` of too few. On a slow link
    /// round trips come seldom.
    fn loaded_rtts(&self, since_us: u64) -> Option<Vec<f64>> {
        let since = self.loaded_rtt.partition_point(|&(t_us, _)| t_us < since_us);
        let last_few = self.loaded_rtt.len().checked_sub(params::SATURATION_RTT_SAMPLES)?;
        let first = since.min(last_few);
        if self.loaded_rtt[first].0.saturating_add(params::SATURATION_RTT_AGE_US) < since_us {
            return None;
        }
        let rtts: Vec<f64> = self.loaded_rtt[first..].iter().map(|&(_, rtt_us)| rtt_us as f64).collect();
        Some(stats::sorted(&rtts))
    }

    /// Whether a queue stood: the loaded RTT rose over the idle one in the median, and a little in the lower quartile,
    /// since `since_us`; and in the median of the last moments, for the first overshoot of slow start fills any queue,
    /// and a sender that then falls behind lets it drain.
    fn queue(&self, config: &Config, analysis: &Analysis, now_us: u64) -> Option<bool> {
        let since_us = look_from(analysis, now_us);
        let idle_us = config.idle_rtt_us? as f64;
        let least = |us: u64, share: f64| (us as f64).max(share * idle_us);
        let rise_us = if is_flat(analysis) { params::SATURATION_SHALLOW_US } else { params::SATURATION_RTT_US };
        let stands_us = least(rise_us, params::SATURATION_RTT_SHARE);
        let rtts = self.loaded_rtts(since_us)?;
        let stood = stats::median_of_sorted(&rtts)? - idle_us >= stands_us;
        let lower = stats::percentile_of_sorted(&rtts, 0.25)? - idle_us;
        let always = lower >= least(params::SATURATION_STANDING_US, params::SATURATION_STANDING_SHARE);
        let recent_us = since_us.max(now_us.saturating_sub(params::SATURATION_LOOK_US));
        let still = self.loaded_rtt_us(recent_us).is_none_or(|recent| recent - idle_us >= stands_us);
        Some(stood && always && still)
    }

    /// Retransmitted part of the segments sent since `since_us`.
    fn retransmitted(&self, since_us: u64) -> Option<f64> {
        let before = self.retransmits.iter().rev().find(|&&(t_us, ..)| t_us <= since_us).or(self.retransmits.first());
        let (&(_, lost_before, sent_before), &(_, lost, sent)) = (before?, self.retransmits.last()?);
        let sent = sent.saturating_sub(sent_before);
        (sent > 0).then(|| lost.saturating_sub(lost_before) as f64 / sent as f64)
    }

    fn loses(&self, since_us: u64) -> bool {
        self.retransmitted(since_us).is_some_and(|share| share >= params::SATURATION_RETRANSMITS)
    }

    fn app_limited(&self, since_us: u64) -> bool {
        self.app_limited_us.iter().any(|&t_us| t_us >= since_us)
    }

    /// Whether the link was shown to be full: a standing queue, or loss at a flat rate behind a sender that does not
    /// yield to loss, or more flows that brought nothing.
    pub(crate) fn saturated(&self, config: &Config, analysis: &Analysis, now_us: u64) -> bool {
        let since_us = look_from(analysis, now_us);
        let queue = self.queue(config, analysis, now_us);
        if queue == Some(true) {
            return true;
        }
        // More flows of a sender that yields to loss bring little when loss is all that limits them.
        if queue == Some(false) && !config.sender_bbr && self.loses(since_us) {
            return false;
        }
        let Some(window) = &analysis.window else { return false };
        let flat = window.precision.as_ref().is_some_and(|precision| precision.batch_cv <= params::SATURATION_FLAT_CV);
        let policed = config.sender_bbr && flat && self.loses(since_us) && !self.app_limited(since_us);
        policed || analysis.growth == Growth::Useless
    }

    /// Whether segments are lost now, at a full queue or by a bad radio.
    pub(crate) fn lossy(&self, analysis: &Analysis, now_us: u64) -> bool {
        self.loses(look_from(analysis, now_us))
    }

    /// Loss while no queue stands: a loss-based sender leaves the link idle, more flows fill it. BBR does not, and it drains the
    /// queue that it overran by itself.
    pub(crate) fn lossy_and_flat(&self, config: &Config, analysis: &Analysis, now_us: u64) -> bool {
        !config.sender_bbr && self.queue(config, analysis, now_us) == Some(false) && self.lossy(analysis, now_us)
    }

    /// What but the link limited the rate, and what sits in the path.
    pub(crate) fn flags(&self, config: &Config, window_start_us: u64, window_us: u64) -> Flags {
        let mut flags = Flags::default();
        if share_since(&self.cpu, window_start_us).is_some_and(|share| share > params::CPU_LIMITED_SHARE) {
            flags.insert(Flag::CpuLimited);
        }
        let held_back = |shares: &[(u64, f64)]| {
            share_since(shares, window_start_us).is_some_and(|share| share > params::SENDER_LIMITED_SHARE)
        };
        if held_back(&self.rwnd) {
            flags.insert(Flag::RwndLimited);
        }
        let idle_sender_us =
            self.app_limited_us.iter().filter(|&&t_us| t_us > window_start_us).count() as u64 * params::HINT_US;
        let starved = idle_sender_us as f64 > params::SENDER_LIMITED_SHARE * window_us as f64 && idle_sender_us > 0;
        if self.server_limited || held_back(&self.sndbuf) || starved {
            // The sender of an upload is the device itself.
            flags.insert(match config.direction {
                Direction::Up if !self.server_limited => Flag::CpuLimited,
                _ => Flag::ServerLimited,
            });
        }
        let proxied = |connect_us: u64, idle_us: u64| {
            (connect_us as f64) < params::PROXY_CONNECT_SHARE * idle_us as f64
                && idle_us - connect_us >= params::PROXY_CONNECT_GAP_US
        };
        if self.connect_rtt_us.zip(config.idle_rtt_us).is_some_and(|(connect, idle)| proxied(connect, idle)) {
            flags.insert(Flag::Proxy);
        }
        flags
    }
}

/// Whether the rate of the window hardly varies.
fn is_flat(analysis: &Analysis) -> bool {
    let precision = analysis.window.as_ref().and_then(|window| window.precision.as_ref());
    precision.is_some_and(|precision| precision.settled && precision.batch_cv <= params::SATURATION_SHALLOW_CV)
}

/// From when observations speak of now: the window, or the last moments of the ramp.
fn look_from(analysis: &Analysis, now_us: u64) -> u64 {
    analysis.window.as_ref().map_or(now_us.saturating_sub(params::SATURATION_LOOK_US), |window| window.start_us)
}

fn share_since(shares: &[(u64, f64)], since_us: u64) -> Option<f64> {
    let within: Vec<f64> =
        shares.iter().filter(|&&(t_us, share)| t_us > since_us && share.is_finite()).map(|&(_, share)| share).collect();
    stats::mean(&within)
}

fn keep<T>(kept: &mut Vec<T>, observation: T) {
    if kept.len() < KEPT {
        kept.push(observation);
    }
}
