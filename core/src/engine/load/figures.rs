//! From an estimate to the direction's part of the sample.

use std::time::Instant;

use ispeed_meter::{Estimate, Flags, RecomputeContext, Recomputed, recompute};
use ispeed_protocol::direction::{Direction, DirectionResult, Series};
use ispeed_wire::SocketCounters;

use super::Stopped;
use crate::engine::clock::RunClock;

/// Everything besides the estimate.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    pub(super) direction: Direction,
    pub(super) clock: &'a RunClock,
    pub(super) context: RecomputeContext,
    /// Start of load here.
    pub(super) origin: Instant,
    /// Where the server's time line starts on this one, one way of the path included.
    pub(super) server_zero_us: Option<u64>,
    pub(super) idle_rtt_us: Option<u64>,
    pub(super) stopped: Option<&'a Stopped>,
    /// This end's counters over all flows when load ended.
    pub(super) counters: SocketCounters,
    /// This end's congestion control.
    pub(super) congestion_control: Option<String>,
    /// Payload bytes that arrived in order until the stop; the estimate's own number is what the segments are worth.
    pub(super) bytes: u64,
    /// This program's share of one core.
    pub(super) cpu_share: Option<f64>,
}

impl Facts<'_> {
    /// Start of the series on the run's time line. A download's is when load was asked for. An upload's is the server's
    /// first byte: what the fastest message says, less the way that message took.
    fn load_start_us(&self) -> u64 {
        let origin_us = self.clock.at_us(self.origin);
        match self.direction {
            Direction::Down => origin_us,
            Direction::Up => {
                let back_us = self.idle_rtt_us.unwrap_or(0) / 2;
                origin_us + self.server_zero_us.unwrap_or(0).saturating_sub(back_us)
            }
        }
    }
}

/// The direction's part of the sample.
pub(super) fn result(mut estimate: Estimate, facts: &Facts<'_>) -> DirectionResult {
    if facts.direction == Direction::Up {
        adopt(&mut estimate, facts);
    }
    // An upload may be over before the first message tells of an arrival; the server's series has them all.
    let bytes = match (facts.direction, facts.bytes) {
        (Direction::Up, 0) => in_order_bytes(&estimate.series),
        (_, bytes) => bytes,
    };
    let load_start_us = facts.load_start_us();
    let sender = facts.stopped.and_then(|stopped| stopped.sender.as_ref());
    let (retransmits, segments_sent, rtt_us, congestion_control, mss_bytes) = match facts.direction {
        Direction::Down => (
            sender.and_then(|sender| sender.retransmits),
            sender.and_then(|sender| sender.segments_sent),
            sender.and_then(|sender| sender.rtt_us),
            facts.stopped.and_then(|stopped| stopped.congestion_control.clone()),
            facts.stopped.and_then(|stopped| stopped.mss_bytes).or(facts.counters.receive_mss_bytes),
        ),
        Direction::Up => (
            facts.counters.retransmits,
            facts.counters.segments_out,
            facts.counters.rtt_us,
            facts.congestion_control.clone(),
            facts.counters.send_mss_bytes,
        ),
    };
    DirectionResult {
        goodput_bps: estimate.goodput_bps,
        interval_bps: estimate.interval_bps,
        ip_rate_bps: estimate.ip_rate_bps,
        load_start_us,
        window_start_ms: estimate.window_start_us.map(|us| (load_start_us + us) as f64 / 1e3),
        window_ms: estimate.window_us.map(|us| us as f64 / 1e3),
        duration_ms: estimate.duration_us as f64 / 1e3,
        stop_reason: estimate.stop_reason,
        flags: estimate.flags.to_vec(),
        flows: estimate.flows,
        counter: estimate.counter,
        bytes_per_segment: estimate.alpha,
        bytes,
        burst: estimate.burst,
        congestion_control,
        mss_bytes,
        retransmits,
        segments_sent,
        tcp_rtt_ms: rtt_us.map(|us| f64::from(us) / 1e3),
        client_cpu_share: facts.cpu_share,
        series: estimate.series,
    }
}

/// Payload bytes of a series that arrived in order.
fn in_order_bytes(series: &Series) -> u64 {
    series.kernel_bytes.as_ref().unwrap_or(&series.app_bytes).iter().sum()
}

/// An upload's series is the server's own, for its evidence signs that one; the figures follow from it by the same
/// arithmetic, so that they agree with what a collector computes.
fn adopt(estimate: &mut Estimate, facts: &Facts<'_>) {
    let Some(stopped) = facts.stopped else { return };
    let Ok(recomputed) = recompute(&stopped.series, &facts.context) else { return };
    let of_series = recompute(&estimate.series, &facts.context).map_or(Flags::default(), |own| own.flags);
    let Recomputed { goodput_bps, interval_bps, ip_rate_bps, window_start_us, window_us, .. } = recomputed;
    estimate.goodput_bps = goodput_bps;
    estimate.interval_bps = interval_bps;
    estimate.ip_rate_bps = ip_rate_bps;
    estimate.window_start_us = window_start_us;
    estimate.window_us = window_us;
    estimate.counter = recomputed.counter;
    estimate.alpha = recomputed.alpha;
    estimate.burst = recomputed.burst;
    // Flags of the series come from the new one, those of hints stay.
    estimate.flags =
        estimate.flags.iter().filter(|flag| !of_series.contains(*flag)).collect::<Flags>().union(recomputed.flags);
    estimate.changepoints = recomputed.changepoints;
    let last_us = stopped.series.t_us.last().copied().unwrap_or(0);
    estimate.duration_us = estimate.duration_us.max(u64::from(last_us));
    estimate.series = stopped.series.clone();
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ispeed_meter::{Config, Estimator, Hint, Reading, StopReason};
    use ispeed_protocol::direction::Flag;
    use ispeed_protocol::evidence::Evidence;

    use super::*;

    /// 24 Mbit/s in steps of 10 ms over one second: 20 full segments and 1,000 bytes more a step.
    fn estimate() -> Estimate {
        let mut estimator = Estimator::new(Config::new(Direction::Up));
        for step in 0..=100u64 {
            let (segments, bytes) = (Some(step * 20), step * 20 * 1448);
            estimator.on_reading(&Reading {
                t_us: step * 10_000,
                segments,
                kernel_bytes: Some(bytes),
                app_bytes: bytes,
            });
        }
        estimator.on_hint(Hint::ServerLimited);
        estimator.finish(Some(StopReason::Time))
    }

    fn evidence() -> Evidence {
        Evidence {
            v: 1,
            token_id: uuid::Uuid::nil(),
            sample_id: uuid::Uuid::nil(),
            server_id: "hn1".into(),
            direction: Direction::Up,
            bytes: 0,
            started_at: ispeed_protocol::UtcMicros(0),
            ended_at: ispeed_protocol::UtcMicros(0),
            network_prefix: String::new(),
            asn: None,
            flows: 1,
            series_sha256: String::new(),
            key: String::new(),
            signature: String::new(),
        }
    }

    fn stopped(series: Series) -> Stopped {
        Stopped {
            bytes: 1,
            series,
            evidence: evidence(),
            sender: None,
            congestion_control: None,
            mss_bytes: Some(1448),
        }
    }

    fn facts<'a>(clock: &'a RunClock, stopped: Option<&'a Stopped>, origin: Instant) -> Facts<'a> {
        Facts {
            direction: Direction::Up,
            clock,
            context: RecomputeContext::from(&Config::new(Direction::Up)),
            origin,
            server_zero_us: Some(55_000),
            idle_rtt_us: Some(40_000),
            stopped,
            counters: SocketCounters { retransmits: Some(3), send_mss_bytes: Some(1448), ..SocketCounters::default() },
            congestion_control: Some("cubic".into()),
            bytes: 2_896_000,
            cpu_share: None,
        }
    }

    #[test]
    fn an_upload_states_what_follows_from_the_series_the_server_signed() {
        let clock = RunClock::start();
        let own = estimate();
        // The server went on for two more bins at half the rate before the stop reached it.
        let mut series = own.series.clone();
        for edge in [1_050_000, 1_100_000] {
            series.t_us.push(edge);
            series.segments.as_mut().unwrap().push(50);
            series.kernel_bytes.as_mut().unwrap().push(50 * 1448);
            series.app_bytes.push(50 * 1448);
        }
        let stopped = stopped(series.clone());
        let facts = facts(&clock, Some(&stopped), Instant::now());
        let result = result(own.clone(), &facts);
        let again = recompute(&series, &facts.context).unwrap();
        assert_eq!(result.series, series);
        assert_eq!((result.goodput_bps, result.interval_bps), (again.goodput_bps, again.interval_bps));
        assert_ne!(result.goodput_bps, own.goodput_bps);
        assert!(result.flags.contains(&Flag::ServerLimited), "flags of hints stay: {:?}", result.flags);
        assert_eq!((result.bytes, result.retransmits, result.stop_reason), (2_896_000, Some(3), StopReason::Time));
        assert_eq!(result.congestion_control.as_deref(), Some("cubic"));
    }

    #[test]
    fn an_upload_that_no_message_told_of_has_the_bytes_of_the_servers_series() {
        let clock = RunClock::start();
        let own = estimate();
        let stopped = stopped(own.series.clone());
        let facts = Facts { bytes: 0, ..facts(&clock, Some(&stopped), Instant::now()) };
        assert_eq!(result(own.clone(), &facts).bytes, own.series.kernel_bytes.unwrap().iter().sum::<u64>());
    }

    #[test]
    fn without_the_servers_word_the_own_estimate_stands() {
        let clock = RunClock::start();
        let own = estimate();
        let result = result(own.clone(), &facts(&clock, None, Instant::now()));
        assert_eq!((result.goodput_bps, result.series), (own.goodput_bps, own.series));
    }

    #[test]
    fn an_uploads_time_line_starts_at_the_servers_first_byte() {
        let clock = RunClock::start();
        let origin = Instant::now() + Duration::from_millis(500);
        let mut facts = facts(&clock, None, origin);
        // Heard 55 ms after load was asked for, 20 ms of it the message's own way back.
        assert_eq!(facts.load_start_us(), clock.at_us(origin) + 35_000);
        facts.direction = Direction::Down;
        assert_eq!(facts.load_start_us(), clock.at_us(origin));
    }
}
