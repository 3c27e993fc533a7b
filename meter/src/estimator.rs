//! The state machine of one direction's run: readings in, decisions out.

use ispeed_protocol::direction::{Direction, Flag, StopReason};

use crate::analysis::{Analysis, Window, analyze, conclude};
use crate::bins::Binner;
use crate::flows::{FlowPlan, Moment};
use crate::saturation::Evidence;
use crate::{Config, Estimate, Hint, Phase, Reading, RecomputeContext, Snapshot, caps, params};

/// What the caller does next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision {
    /// Go on reading.
    Continue,
    /// Grow to this many load flows now, and say so with [`Hint::FlowsActive`] when they carry load.
    Flows(u8),
    /// Close the load flows now. Every later reading is answered the same.
    Stop(StopReason),
}

/// One direction's run. Feed it every reading and observation in the order of time; it never looks at a clock.
#[derive(Debug)]
pub struct Estimator {
    config: Config,
    context: RecomputeContext,
    binner: Binner,
    evidence: Evidence,
    plan: FlowPlan,
    analysis: Analysis,
    flows: u8,
    passes: u32,
    extended: bool,
    saturated: bool,
    lossy_and_flat: bool,
    lossy: bool,
    stopped: Option<StopReason>,
}

impl Estimator {
    /// A run that has not started.
    pub fn new(config: Config) -> Self {
        let context = RecomputeContext::from(&config);
        let binner = Binner::new(config.flows_start);
        Self {
            plan: FlowPlan::new(config.flows_start, config.flows_max),
            analysis: analyze(binner.series(), &context),
            evidence: Evidence::default(),
            flows: config.flows_start,
            passes: 0,
            extended: false,
            saturated: false,
            lossy_and_flat: false,
            lossy: false,
            stopped: None,
            context,
            binner,
            config,
        }
    }

    /// Takes a reading and decides. Cheap but for the about twenty times a second when a bin closes.
    pub fn on_reading(&mut self, reading: &Reading) -> Decision {
        if let Some(reason) = self.stopped {
            return Decision::Stop(reason);
        }
        if self.binner.push(reading) {
            self.on_bin();
        }
        self.stopped = self.stop_reason();
        if let Some(reason) = self.stopped {
            return Decision::Stop(reason);
        }
        let moment = self.moment();
        self.plan.next(&moment).map_or(Decision::Continue, Decision::Flows)
    }

    /// Takes a side observation. After the end of a run only one of how busy it was: that is known behind it.
    pub fn on_hint(&mut self, hint: Hint) {
        if self.stopped.is_some() && !matches!(hint, Hint::CpuShare { .. }) {
            return;
        }
        if let Hint::FlowsActive { flows, .. } = hint {
            self.flows = flows;
            self.binner.flows(flows);
        }
        self.evidence.add(hint);
    }

    /// The run as it stands.
    pub fn snapshot(&self) -> Snapshot {
        let window = self.analysis.window.as_ref();
        Snapshot {
            t_us: self.binner.last_us(),
            phase: match (self.binner.first_arrival_us(), window) {
                (None, _) => Phase::Waiting,
                (Some(_), None) => Phase::Ramp,
                (Some(_), Some(_)) => Phase::Window,
            },
            rate_bps: window.map(|window| window.mean_bps).or(self.analysis.trailing_bps),
            interval_bps: window.and_then(|window| window.interval_bps()),
            bytes: self.bytes(),
            flows: self.flows,
            varies: self.varies(),
            edges: self.binner.series().t_us.len(),
            last_edge: self.binner.last_edge(),
        }
    }

    /// Ends the run. `external` says why where this machine did not decide: the person, the system or the server; its
    /// own decision comes first, and a run that nobody ended counts as aborted.
    pub fn finish(mut self, external: Option<StopReason>) -> Estimate {
        // A counter may have fallen silent since the last bin, and with it all that it had counted.
        self.analysis = conclude(self.binner.series(), &self.context);
        let stop_reason = self.stopped.or(external).unwrap_or(StopReason::Aborted);
        let flags = self.flags(stop_reason);
        let bytes = self.bytes();
        let Self { analysis, binner, flows, .. } = self;
        let window = analysis.window.as_ref();
        Estimate {
            goodput_bps: window.map(|window| window.mean_bps),
            interval_bps: window.and_then(|window| window.interval_bps()),
            ip_rate_bps: window.and_then(|window| window.ip_rate_bps),
            window_start_us: window.map(|window| window.start_us),
            window_us: window.map(|window| window.length_us),
            duration_us: binner.last_us(),
            stop_reason,
            flags,
            flows,
            counter: analysis.counter,
            alpha: analysis.alpha,
            bytes,
            burst: analysis.burst,
            changepoints: analysis.changes,
            series: binner.into_series(),
        }
    }

    fn on_bin(&mut self) {
        self.analysis = analyze(self.binner.series(), &self.context);
        let now_us = self.binner.last_us();
        self.saturated = self.evidence.saturated(&self.config, &self.analysis, now_us);
        self.lossy_and_flat = self.evidence.lossy_and_flat(&self.config, &self.analysis, now_us);
        // The receiver sees it first: the sender's word comes each tenth of a second.
        self.lossy = self.analysis.waited || self.evidence.lossy(&self.analysis, now_us);
        self.extended |= self.analysis.changes.iter().any(|change| change.after_bps > change.before_bps);
        let passes = self.analysis.precise() && self.saturated && now_us >= params::STOP_ELAPSED_MIN_US;
        self.passes = if passes { self.passes + 1 } else { 0 };
    }

    fn bytes(&self) -> u64 {
        self.binner.bytes(self.analysis.alpha)
    }

    fn rate_bps(&self) -> f64 {
        self.analysis.window.as_ref().map(|window| window.mean_bps).or(self.analysis.trailing_bps).unwrap_or(0.0)
    }

    /// Rate before the first bin closed: a gigabit path spends the cap of a slow one by then.
    fn first_rate_bps(&self) -> f64 {
        let Some(first_us) = self.binner.first_arrival_us().filter(|_| self.binner.last_edge().is_none()) else {
            return 0.0;
        };
        let elapsed_us = self.binner.last_us() - first_us + params::POLL_US;
        self.bytes() as f64 * 8e6 / elapsed_us as f64
    }

    fn stop_reason(&self) -> Option<StopReason> {
        let now_us = self.binner.last_us();
        let rate_bps = self.rate_bps();
        if self.passes >= self.passes_needed() && !self.config.long {
            return Some(StopReason::Converged);
        }
        if self.budget_spent(rate_bps) || self.bytes() >= caps::bytes(&self.config, rate_bps.max(self.first_rate_bps()))
        {
            return Some(StopReason::Bytes);
        }
        if caps::own_time_us(&self.config).is_some_and(|limit_us| now_us >= limit_us) {
            return Some(StopReason::Time);
        }
        let Some((first_us, last_us)) = self.binner.first_arrival_us().zip(self.binner.last_arrival_us()) else {
            return (now_us >= params::START_LOST_US).then_some(StopReason::Lost);
        };
        let gap_us = now_us - last_us;
        if gap_us > params::GAP_LOST_US {
            return Some(StopReason::Lost);
        }
        // A server that died is silent too: what the gap was shows only when it ends.
        if gap_us >= params::OUTAGE_US {
            return None;
        }
        (now_us >= caps::time_us(&self.config, rate_bps, first_us, self.extended)).then_some(StopReason::Time)
    }

    /// Two bins, and as many more as batches have outgrown what they need be: on a link that varies slowly neighbouring
    /// looks are one look. The second bin of an upload may be on its way already.
    fn passes_needed(&self) -> u32 {
        let window = self.analysis.window.as_ref();
        let surplus_bins = window.and_then(|window| window.precision.as_ref()).map_or(0, |p| p.surplus_bins);
        let on_its_way = |window: &Window| {
            let rtt_us = self.evidence.loaded_rtt_us(window.start_us).unwrap_or(0.0);
            self.config.direction == Direction::Up && rtt_us >= params::BIN_US as f64
        };
        let passes = if window.is_some_and(on_its_way) { params::STOP_PASSES_UP } else { params::STOP_PASSES };
        passes + surplus_bins
    }

    /// Whether the person's budget leaves room for the tail only.
    fn budget_spent(&self, rate_bps: f64) -> bool {
        let Some(budget) = self.config.max_bytes else { return false };
        let rtt_us = self.evidence.loaded_rtt_us(0).map(|us| us as u64).or(self.config.idle_rtt_us).unwrap_or(0);
        let tail = caps::tail_bytes(self.config.direction, rate_bps, rtt_us);
        self.bytes().saturating_add(tail) >= budget
    }

    /// Whether the link varies. A sender that overruns the queue of a fast one makes the rate vary, too: slower ones are filled
    /// again within a bin.
    fn varies(&self) -> bool {
        let overruns = self.lossy && self.rate_bps() > params::FAST_BPS;
        !overruns && self.analysis.window.as_ref().is_some_and(Window::varies)
    }

    fn moment(&self) -> Moment {
        let t_us = self.binner.last_us();
        Moment {
            t_us,
            bytes: self.bytes(),
            rate_bps: self.rate_bps(),
            window_us: self.analysis.window.as_ref().map(|window| window.length_us),
            saturated: self.saturated,
            lossy_and_flat: self.lossy_and_flat,
            lossy: self.lossy,
            varies: self.varies(),
            idle_rtt_us: self.config.idle_rtt_us.unwrap_or(0),
            sender_bbr: self.config.sender_bbr,
            sender_reno: self.config.sender_reno,
        }
    }

    fn flags(&self, stop_reason: StopReason) -> crate::Flags {
        let window = self.analysis.window.as_ref();
        let (start_us, length_us) = window.map_or((0, self.binner.last_us()), |w| (w.start_us, w.length_us));
        let mut flags = self.analysis.flags().union(self.evidence.flags(&self.config, start_us, length_us));
        // Without a window there is no figure, and nothing that could have shown a full link: null is never without a flag.
        if window.is_none() || !self.saturated {
            flags.insert(Flag::Unsaturated);
        }
        if stop_reason == StopReason::Bytes {
            flags.insert(Flag::ByteCapped);
        }
        flags
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 24 Mbit/s from the start, read every 10 ms, over 40 ms and a queue that makes `loaded_ms` of it.
    fn run(direction: Direction, loaded_ms: u64) -> Estimate {
        let mut estimator = Estimator::new(Config { idle_rtt_us: Some(40_000), ..Config::new(direction) });
        let step = |poll: u64| {
            let bytes = poll * 20 * 1448;
            Reading { t_us: poll * 10_000, segments: Some(poll * 20), kernel_bytes: Some(bytes), app_bytes: bytes }
        };
        for poll in 0..300 {
            estimator.on_hint(Hint::LoadedRttUs { t_us: poll * 10_000, rtt_us: loaded_ms * 1_000 });
            if matches!(estimator.on_reading(&step(poll)), Decision::Stop(_)) {
                break;
            }
        }
        estimator.finish(None)
    }

    #[test]
    fn an_upload_whose_next_bin_is_on_its_way_stops_a_bin_earlier() {
        let bins = |direction, loaded_ms| {
            let estimate = run(direction, loaded_ms);
            assert_eq!(estimate.stop_reason, StopReason::Converged);
            estimate.series.t_us.len()
        };
        assert_eq!(bins(Direction::Up, 60) + 1, bins(Direction::Down, 60));
        assert_eq!(bins(Direction::Up, 48), bins(Direction::Down, 48), "less than a bin is on its way");
    }

    #[test]
    fn how_busy_a_run_was_is_known_behind_its_end() {
        let mut estimator = Estimator::new(Config { max_bytes: Some(300_000), ..Config::new(Direction::Down) });
        let mut polls = (0..100).map(|poll: u64| Reading {
            t_us: poll * 10_000,
            segments: None,
            kernel_bytes: Some(poll * 40_000),
            app_bytes: poll * 40_000,
        });
        assert!(polls.any(|reading| matches!(estimator.on_reading(&reading), Decision::Stop(StopReason::Bytes))));
        estimator.on_hint(Hint::CpuShare { t_us: 200_000, share: 1.0 });
        estimator.on_hint(Hint::ServerLimited);
        let flags = estimator.finish(None).flags;
        assert!(flags.contains(Flag::CpuLimited) && !flags.contains(Flag::ServerLimited), "{flags:?}");
    }

    #[test]
    fn what_has_no_figure_has_a_flag_and_a_stop_reason() {
        let reading =
            |t_us: u64, bytes: u64| Reading { t_us, segments: None, kernel_bytes: Some(bytes), app_bytes: bytes };
        // The rate doubles until the bytes are used up; nothing ever comes; and one that nobody fed.
        let climbing: Vec<Reading> = (0..200).map(|poll| reading(poll * 50_000, 1000 << (poll.min(40)))).collect();
        let silent: Vec<Reading> = (0..200).map(|poll| reading(poll * 50_000, 0)).collect();
        for (readings, reason) in
            [(climbing, StopReason::Bytes), (silent, StopReason::Lost), (Vec::new(), StopReason::Aborted)]
        {
            let mut estimator = Estimator::new(Config { idle_rtt_us: Some(300_000), ..Config::new(Direction::Down) });
            for reading in &readings {
                if matches!(estimator.on_reading(reading), Decision::Stop(_)) {
                    break;
                }
            }
            let estimate = estimator.finish(None);
            assert_eq!((estimate.goodput_bps, estimate.stop_reason), (None, reason));
            assert!(estimate.flags.contains(Flag::Unsaturated), "{reason:?}: {:?}", estimate.flags);
        }
    }
}
