//! Throughput, series and latency.

use super::SERIES_BINS_MAX;
use super::checker::Checker;
use crate::direction::{Burst, CounterKind, DirectionResult, Flag, Series};
use crate::latency::{Loss, PathQuality, RoundTrips};
use crate::sample::{Outcome, Sample};

const BPS_MAX: f64 = 1e13;
const MS_MAX: f64 = 600_000.0;
/// A bin of 1 TB is beyond any link, and below it sums are exact in `f64`.
const BIN_BYTES_MAX: u64 = 1_000_000_000_000;
const RUN_BYTES_MAX: u64 = 1_000_000_000_000_000;
const FLOWS_MAX: u64 = 64;
const FLAGS_MAX: usize = 16;
/// Wall clock and monotonic clock of a run may part by this much, ms.
const CLOCK_SLACK_MS: f64 = 1_000.0;
/// Milliseconds are rounded when they are written.
const ROUNDING_MS: f64 = 1.0;

pub(super) fn figures(sample: &Sample, check: &mut Checker) {
    latency(sample, check);
    for (name, result) in [("down", &sample.down), ("up", &sample.up)] {
        if let Some(result) = result {
            direction(&format!("/{name}"), result, sample, check);
        }
    }
    if let Some(series) = &sample.down_sender_series {
        self::series("/down_sender_series", series, check);
    }
    check.integer("/bytes_down", sample.bytes_down, 0..=RUN_BYTES_MAX);
    check.integer("/bytes_up", sample.bytes_up, 0..=RUN_BYTES_MAX);
}

fn direction(at: &str, result: &DirectionResult, sample: &Sample, check: &mut Checker) {
    check.number(&format!("{at}/goodput_bps"), result.goodput_bps, 0.0..=BPS_MAX);
    check.interval(&format!("{at}/interval_bps"), result.interval_bps, result.goodput_bps, 0.0..=BPS_MAX);
    check.number(&format!("{at}/ip_rate_bps"), result.ip_rate_bps, 0.0..=BPS_MAX);
    window(at, result, sample, check);
    let repeated = result.flags.iter().enumerate().any(|(i, flag)| result.flags[..i].contains(flag));
    let flags: &[Flag] = &result.flags;
    let expected = "each flag at most once";
    check.require(flags.len() <= FLAGS_MAX && !repeated, &format!("{at}/flags"), flags.len(), expected);
    check.integer(&format!("{at}/flows"), result.flows.into(), 0..=FLOWS_MAX);
    check.number(&format!("{at}/bytes_per_segment"), result.bytes_per_segment, 1.0..=1e6);
    check.integer(&format!("{at}/bytes"), result.bytes, 0..=RUN_BYTES_MAX);
    if let Some(burst) = &result.burst {
        self::burst(&format!("{at}/burst"), burst, check);
    }
    check.text(&format!("{at}/congestion_control"), result.congestion_control.as_deref(), 32);
    check.integer(&format!("{at}/mss_bytes"), result.mss_bytes.unwrap_or(1).into(), 1..=65_535);
    check.number(&format!("{at}/tcp_rtt_ms"), result.tcp_rtt_ms, 0.0..=MS_MAX);
    check.number(&format!("{at}/client_cpu_share"), result.client_cpu_share, 0.0..=1_024.0);
    series(&format!("{at}/series"), &result.series, check);
    let counted = match result.counter {
        CounterKind::TcpInfoSegments => result.series.segments.is_some(),
        CounterKind::TcpInfoBytes => result.series.kernel_bytes.is_some(),
        CounterKind::AppBytes => true,
    };
    let expected = "a counter whose readings are in the series";
    check.require(counted, &format!("{at}/counter"), format!("{:?}", result.counter), expected);
}

#[allow(clippy::cast_precision_loss, reason = "microseconds of one run are far below 2^53")]
fn window(at: &str, result: &DirectionResult, sample: &Sample, check: &mut Checker) {
    let run_ms = sample.ended_at.micros_since(sample.started_at) as f64 / 1_000.0;
    let load_start_ms = result.load_start_us as f64 / 1_000.0;
    check.number(&format!("{at}/duration_ms"), Some(result.duration_ms), 0.0..=MS_MAX);
    check.number(&format!("{at}/window_ms"), result.window_ms, 0.0..=MS_MAX);
    check.number(&format!("{at}/window_start_ms"), result.window_start_ms, 0.0..=1e9);
    if result.goodput_bps.is_some() {
        let stated = result.window_start_ms.is_some() && result.window_ms.is_some();
        let expected = "window_start_ms and window_ms beside it: a figure states its window";
        check.require(stated, &format!("{at}/goodput_bps"), "a figure without a window", expected);
    }
    // An aborted attempt may be closed by the next start of a program whose clock was set meanwhile.
    if !matches!(sample.outcome, Outcome::Complete | Outcome::Partial) {
        return;
    }
    let expected = format!("a load that starts within the run of {run_ms} ms");
    let within = load_start_ms <= run_ms + CLOCK_SLACK_MS;
    check.require(within, &format!("{at}/load_start_us"), result.load_start_us, &expected);
    let (Some(start_ms), Some(length_ms)) = (result.window_start_ms, result.window_ms) else { return };
    let expected = format!("not before the load, which starts {load_start_ms} ms into the run");
    check.require(start_ms + ROUNDING_MS >= load_start_ms, &format!("{at}/window_start_ms"), start_ms, &expected);
    let expected = format!("a window that ends within the run of {run_ms} ms");
    let within = start_ms + length_ms <= run_ms + CLOCK_SLACK_MS;
    check.require(within, &format!("{at}/window_ms"), length_ms, &expected);
}

fn burst(at: &str, burst: &Burst, check: &mut Checker) {
    check.number(&format!("{at}/rate_bps"), Some(burst.rate_bps), 0.0..=BPS_MAX);
    check.number(&format!("{at}/sustained_bps"), Some(burst.sustained_bps), 0.0..=BPS_MAX);
    check.integer(&format!("{at}/bytes"), burst.bytes, 0..=RUN_BYTES_MAX);
}

fn series(at: &str, series: &Series, check: &mut Checker) {
    let bins = series.t_us.len();
    check.require(bins <= SERIES_BINS_MAX, &format!("{at}/t_us"), bins, "at most 1024 bins");
    let lengths = [
        ("app_bytes", Some(series.app_bytes.len())),
        ("segments", series.segments.as_ref().map(Vec::len)),
        ("kernel_bytes", series.kernel_bytes.as_ref().map(Vec::len)),
    ];
    for (name, length) in lengths {
        let length = length.unwrap_or(bins);
        check.require(length == bins, &format!("{at}/{name}"), length, &format!("{bins} entries, one a bin"));
    }
    let mut last_us = 0;
    for (i, t_us) in series.t_us.iter().enumerate().take(SERIES_BINS_MAX) {
        let rises = *t_us > last_us;
        if !rises {
            let expected = format!("more than {last_us}, the end of the bin before");
            check.require(false, &format!("{at}/t_us/{i}"), t_us, &expected);
            break;
        }
        last_us = *t_us;
    }
    for (name, bytes) in [("app_bytes", Some(&series.app_bytes)), ("kernel_bytes", series.kernel_bytes.as_ref())] {
        let wrong = bytes.and_then(|bytes| bytes.iter().position(|bytes| *bytes > BIN_BYTES_MAX));
        if let (Some(bytes), Some(i)) = (bytes, wrong) {
            check.integer(&format!("{at}/{name}/{i}"), bytes[i], 0..=BIN_BYTES_MAX);
        }
    }
    flow_steps(at, series, check);
}

fn flow_steps(at: &str, series: &Series, check: &mut Checker) {
    let steps = &series.flow_steps;
    let at = format!("{at}/flow_steps");
    check.require(steps.len() <= usize::from(u8::MAX), &at, steps.len(), "at most 255 steps");
    for (i, pair) in steps.windows(2).enumerate() {
        let ordered = pair[0].t_us <= pair[1].t_us;
        let at = format!("{at}/{}/t_us", i + 1);
        check.require(ordered, &at, pair[1].t_us, "steps in order of time");
    }
    for (i, step) in steps.iter().enumerate() {
        check.integer(&format!("{at}/{i}/flows"), step.flows.into(), 0..=FLOWS_MAX);
    }
}

fn latency(sample: &Sample, check: &mut Checker) {
    let latency = &sample.latency;
    for (name, value) in [
        ("idle_ms", latency.idle_ms),
        ("loaded_down_ms", latency.loaded_down_ms),
        ("loaded_up_ms", latency.loaded_up_ms),
        ("radio_wake_ms", latency.radio_wake_ms),
        ("tcp_connect_ms", latency.tcp_connect_ms),
    ] {
        check.number(&format!("/latency/{name}"), value, 0.0..=MS_MAX);
    }
    check.number("/latency/rpm_short", latency.rpm_short, 0.0..=1e9);
    for (name, trips) in
        [("idle", &latency.idle), ("loaded_down", &latency.loaded_down), ("loaded_up", &latency.loaded_up)]
    {
        if let Some(trips) = trips {
            round_trips(&format!("/latency/{name}"), trips, check);
        }
    }
    for (name, path) in [
        ("idle_path", &latency.idle_path),
        ("loaded_down_path", &latency.loaded_down_path),
        ("loaded_up_path", &latency.loaded_up_path),
    ] {
        if let Some(path) = path {
            path_quality(&format!("/latency/{name}"), path, check);
        }
    }
}

fn round_trips(at: &str, trips: &RoundTrips, check: &mut Checker) {
    check.integer(&format!("{at}/n"), trips.n.into(), 1..=1_000_000);
    for (name, value) in [("min_ms", trips.min_ms), ("median_ms", trips.median_ms), ("p95_ms", trips.p95_ms)] {
        check.number(&format!("{at}/{name}"), Some(value), 0.0..=MS_MAX);
    }
    let ordered = trips.min_ms <= trips.median_ms && trips.median_ms <= trips.p95_ms;
    let shown = format!("{}, {}, {}", trips.min_ms, trips.median_ms, trips.p95_ms);
    check.require(ordered, at, shown, "min_ms ≤ median_ms ≤ p95_ms");
    let interval = trips.median_interval_ms;
    check.interval(&format!("{at}/median_interval_ms"), interval, Some(trips.median_ms), 0.0..=MS_MAX);
}

fn path_quality(at: &str, path: &PathQuality, check: &mut Checker) {
    for (name, loss) in [("loss_down", &path.loss_down), ("loss_up", &path.loss_up)] {
        if let Some(loss) = loss {
            self::loss(&format!("{at}/{name}"), loss, check);
        }
    }
    for (name, value) in [
        ("pdv95_down_ms", path.pdv95_down_ms),
        ("pdv95_up_ms", path.pdv95_up_ms),
        ("jitter_rfc3550_ms", path.jitter_rfc3550_ms),
        ("mean_abs_difference_ms", path.mean_abs_difference_ms),
    ] {
        check.number(&format!("{at}/{name}"), value, 0.0..=MS_MAX);
    }
}

fn loss(at: &str, loss: &Loss, check: &mut Checker) {
    check.integer(&format!("{at}/sent"), loss.sent.into(), 1..=10_000_000);
    let possible = loss.lost <= loss.sent;
    check.require(possible, &format!("{at}/lost"), loss.lost, &format!("at most {}, all that were sent", loss.sent));
    let ratio = (loss.sent > 0 && possible).then(|| f64::from(loss.lost) / f64::from(loss.sent));
    if ratio.is_some() {
        check.interval(&format!("{at}/interval"), Some(loss.interval), ratio, 0.0..=1.0);
    }
}
