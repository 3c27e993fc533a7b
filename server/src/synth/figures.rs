//! The figures of an attempt: lognormal speeds by technology, network, place, cell, device and hour; latencies; losses.

use ispeed_protocol::device::RadioTechnology;
use ispeed_protocol::direction::{CounterKind, DirectionResult, Flag, Series, StopReason};
use ispeed_protocol::latency::{EchoTransport, Latency, Loss, PathQuality};
use ispeed_protocol::sample::{Outcome, Sample};

use super::people::Habit;
use super::random::{Random, thousandth};
use super::sample::Setting;
use super::schedule::Course;
use super::world::NETWORKS;

/// Deviation of the logarithm between the samples of one device at one place.
const SAMPLE_SIGMA: f64 = 0.5;
/// What is left of the speed where a network hardly reaches.
const WEAK: f64 = 0.12;
/// Idle echo packets one way.
const ECHO_PACKETS: u32 = 100;
/// Averaged part of a direction, and how long load ran.
const WINDOW_MS: f64 = 5_000.0;
const LOAD_MS: f64 = 7_000.0;

/// What an attempt measured.
pub(super) struct Figures {
    /// How long it took.
    pub(super) run_us: i64,
    down: Option<DirectionResult>,
    up: Option<DirectionResult>,
    latency: Latency,
}

/// What the attempt measures; nothing of what it did not come to.
pub(super) fn figures(random: &mut Random, setting: &Setting<'_>) -> Figures {
    let course = setting.attempt.course;
    let (down_bps, up_bps) = speeds(random, setting);
    let latency = latency(random, setting);
    let fails = matches!(course, Course::NoService | Course::ServerFailed | Course::Aborted);
    let idle_only = Latency { loaded_down_ms: None, loaded_up_ms: None, ..latency.clone() };
    let down_ms = 1_200.0;
    let up_ms = down_ms + LOAD_MS + 600.0;
    let down = (!fails).then(|| direction(down_bps, down_ms, course));
    let up = (!fails && course != Course::Partial).then(|| direction(up_bps, up_ms, course));
    let latency = match course {
        Course::NoService | Course::ServerFailed => Latency::default(),
        Course::Aborted | Course::Partial => idle_only,
        _ => latency,
    };
    let run_ms = if fails { random.between(1_500, 9_000) } else { (up_ms + LOAD_MS) as u64 + random.below(800) };
    Figures { run_us: (run_ms * 1_000).cast_signed(), down, up, latency }
}

impl Figures {
    /// Puts them into the sample.
    pub(super) fn fill(self, sample: &mut Sample) {
        let bytes = |result: &Option<DirectionResult>| result.as_ref().map_or(0, |result| result.bytes);
        (sample.bytes_down, sample.bytes_up) = (bytes(&self.down), bytes(&self.up));
        if sample.outcome == Outcome::Aborted {
            sample.bytes_down = 300_000;
        }
        (sample.down, sample.up, sample.latency) = (self.down, self.up, self.latency);
    }
}

fn speeds(random: &mut Random, setting: &Setting<'_>) -> (f64, f64) {
    let at = usize::from(setting.device.network);
    let (network, spot) = (&NETWORKS[at], &setting.place.spots[usize::from(setting.attempt.spot)]);
    let (down_mbps, up_part) = match setting.attempt.technology {
        RadioTechnology::G5 | RadioTechnology::G5Nsa | RadioTechnology::G5Sa => (network.down_mbps[1], 0.22),
        RadioTechnology::G4 => (network.down_mbps[0], 0.42),
        RadioTechnology::Unknown => (network.down_mbps[0] * 0.8, 0.42),
        RadioTechnology::G3 => (5.0, 0.35),
        RadioTechnology::G2 => (0.16, 0.5),
    };
    let weak = if spot.weak[at] { WEAK } else { 1.0 };
    let tower = if setting.device.habit == Habit::Staff { 1.9 } else { 1.0 };
    let here = setting.place.factors[at] * spot.factor * weak * tower * setting.device.factor;
    let factor = here * busy(setting.attempt.started_ms) * random.factor(SAMPLE_SIGMA);
    let down_bps = 1e6 * down_mbps * factor;
    // Upload follows the radio less closely than download.
    let up_bps = 1e6 * down_mbps * up_part * factor.sqrt() * random.factor(0.4);
    (down_bps.round(), up_bps.round())
}

/// Evenings are slower.
fn busy(started_ms: u32) -> f64 {
    match started_ms / 3_600_000 % 24 {
        19..=22 => 0.78,
        7..=18 | 23 => 0.95,
        _ => 1.15,
    }
}

fn direction(goodput_bps: f64, load_start_ms: f64, course: Course) -> DirectionResult {
    let (stop_reason, flags) = match course {
        Course::Capped => (StopReason::Bytes, vec![Flag::ByteCapped]),
        Course::Unsaturated => (StopReason::Time, vec![Flag::Unsaturated]),
        _ => (StopReason::Converged, Vec::new()),
    };
    DirectionResult {
        goodput_bps: Some(goodput_bps),
        interval_bps: Some([(goodput_bps * 0.96).round(), (goodput_bps * 1.04).round()]),
        ip_rate_bps: None,
        load_start_us: (load_start_ms * 1_000.0) as u64,
        window_start_ms: Some(load_start_ms + LOAD_MS - WINDOW_MS),
        window_ms: Some(WINDOW_MS),
        duration_ms: LOAD_MS,
        stop_reason,
        flags,
        flows: 4,
        counter: CounterKind::AppBytes,
        bytes_per_segment: None,
        bytes: (goodput_bps * LOAD_MS / 8_000.0) as u64,
        burst: None,
        congestion_control: None,
        mss_bytes: None,
        retransmits: None,
        segments_sent: None,
        tcp_rtt_ms: None,
        client_cpu_share: None,
        series: Series::default(),
    }
}

fn latency(random: &mut Random, setting: &Setting<'_>) -> Latency {
    let of_radio = match setting.attempt.technology {
        RadioTechnology::G5Sa => 9.0,
        RadioTechnology::G5 | RadioTechnology::G5Nsa => 14.0,
        RadioTechnology::G4 | RadioTechnology::Unknown => 22.0,
        RadioTechnology::G3 => 60.0,
        RadioTechnology::G2 => 320.0,
    };
    let idle_ms = setting.place.distance_ms + of_radio * random.factor(0.25);
    let loaded = |random: &mut Random, queue_ms: f64| Some(thousandth(idle_ms + queue_ms * random.factor(0.7)));
    let weak = setting.place.spots[usize::from(setting.attempt.spot)].weak[usize::from(setting.device.network)];
    let loss = if weak { 0.03 } else { 0.002 };
    Latency {
        transport: Some(EchoTransport::Udp),
        idle_ms: Some(thousandth(idle_ms)),
        loaded_down_ms: loaded(random, 34.0),
        loaded_up_ms: loaded(random, 60.0),
        idle_path: Some(PathQuality {
            loss_down: lost(random, loss),
            loss_up: lost(random, loss),
            pdv95_down_ms: Some(thousandth(6.0 * random.factor(0.6))),
            ..PathQuality::default()
        }),
        ..Latency::default()
    }
}

fn lost(random: &mut Random, probability: f64) -> Option<Loss> {
    ispeed_meter::loss::one_way(ECHO_PACKETS, random.of_many(ECHO_PACKETS, probability))
}
