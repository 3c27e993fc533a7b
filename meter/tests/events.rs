//! What happens to a link during a run: bursts, steps, outages, silence, budgets.

mod common;

use common::{Link, open};
use ispeed_meter::sim::{Capacity, Control, Open, Rng, Source, Tcp, run};
use ispeed_meter::{
    Config, CounterKind, Decision, Direction, Estimator, Flag, Hint, Phase, Reading, StopReason, params,
};

fn config(rtt_us: u64) -> Config {
    Config { idle_rtt_us: Some(rtt_us), ..Config::new(Direction::Down) }
}

/// Runs an estimator over readings of a constant rate in bits a second, polled every 10 ms.
fn poll(config: Config, rate_bps: impl Fn(u64) -> f64, hint: impl Fn(u64) -> Option<Hint>) -> (Estimator, Decision) {
    let mut estimator = Estimator::new(config);
    let mut bits = 0.0;
    for t_us in (0..20_000_000).step_by(10_000) {
        let segments = (bits / 11_584.0) as u64;
        let bytes = segments * 1448;
        let reading = Reading { t_us, segments: Some(segments), kernel_bytes: Some(bytes), app_bytes: bytes };
        if let Some(hint) = hint(t_us) {
            estimator.on_hint(hint);
        }
        if let stop @ Decision::Stop(_) = estimator.on_reading(&reading) {
            return (estimator, stop);
        }
        bits += rate_bps(t_us) / 100.0;
    }
    panic!("a run ends");
}

fn queued(t_us: u64) -> Option<Hint> {
    t_us.is_multiple_of(50_000).then_some(Hint::LoadedRttUs { t_us, rtt_us: 50_000 })
}

#[test]
fn a_token_bucket_that_empties_leaves_a_burst_record_and_the_sustained_rate() {
    // 20 Mbit/s sustained, 100 peak, 5 MB: empty after half a second.
    let mut rng = Rng::new(1);
    let mut source = Open::new(&mut rng, Capacity::token_bucket(20e6, 100e6, 5e6), 20_000).without_queue();
    let estimate = run(&mut rng, &mut source, config(20_000)).estimate;
    let goodput_bps = 20e6 * 1448.0 / 1500.0;
    assert!(estimate.flags.contains(Flag::Burst), "{estimate:?}");
    assert!((estimate.goodput_bps.unwrap() / goodput_bps - 1.0).abs() < 0.03);
    let burst = estimate.burst.unwrap();
    assert!((burst.rate_bps / (5.0 * goodput_bps) - 1.0).abs() < 0.05);
    assert!((burst.sustained_bps / goodput_bps - 1.0).abs() < 0.05);
    assert!((4_000_000..8_000_000).contains(&burst.bytes), "{}", burst.bytes);
    let change = estimate.changepoints[0];
    assert!(change.t_us.abs_diff(500_000) <= 200_000, "{change:?}");
}

#[test]
fn a_larger_bucket_is_seen_in_long_mode_only() {
    let link = |_: &mut Rng| Capacity::token_bucket(20e6, 100e6, 20e6);
    let short = open(3, 20_000, &link, true).estimate;
    assert_eq!(short.stop_reason, StopReason::Converged);
    assert!(!short.flags.contains(Flag::Burst));
    let mut rng = Rng::new(3);
    let capacity = link(&mut rng);
    let mut source = Open::new(&mut rng, capacity, 20_000);
    let long = run(&mut rng, &mut source, Config { long: true, ..config(20_000) }).estimate;
    assert_eq!(long.stop_reason, StopReason::Time);
    assert!(long.duration_us >= params::TIME_CAP_LONG_US);
    assert!(long.flags.contains(Flag::Burst));
    assert!((long.goodput_bps.unwrap() / (20e6 * 1448.0 / 1500.0) - 1.0).abs() < 0.05);
    assert!(long.series.t_us.len() <= params::BINS_MAX);
}

#[test]
fn a_step_up_restarts_the_window_and_extends_the_time_once() {
    let up = |t_us| if t_us < 1_000_000 { 20e6 } else { 60e6 };
    let (estimator, _) = poll(config(20_000), up, |_| None);
    let estimate = estimator.finish(None);
    assert!(estimate.window_start_us.unwrap() >= 1_000_000);
    assert!((estimate.goodput_bps.unwrap() / 60e6 - 1.0).abs() < 0.01);
    assert!(estimate.burst.is_none() && estimate.changepoints.len() == 1);
    assert!(estimate.duration_us <= params::TIME_CAP_US + params::TIME_EXTENSION_US + 20_000);
}

#[test]
fn a_short_outage_is_flagged_and_its_zero_bins_count() {
    let gap = |t_us: u64| if (400_000..1_400_000).contains(&t_us) { 0.0 } else { 30e6 };
    let (estimator, decision) = poll(config(20_000), gap, queued);
    assert_eq!(decision, Decision::Stop(StopReason::Time));
    let estimate = estimator.finish(None);
    assert!(estimate.flags.contains(Flag::Outage));
    assert!(estimate.burst.is_none(), "a gap is no burst before it");
    let goodput_bps = estimate.goodput_bps.unwrap();
    assert!(goodput_bps < 0.75 * 30e6 && goodput_bps > 0.5 * 30e6, "{goodput_bps}");
}

#[test]
fn an_outage_at_the_time_cap_is_waited_out() {
    let gap = |t_us: u64| if (2_600_000..4_500_000).contains(&t_us) { 0.0 } else { 30e6 };
    let (estimator, decision) = poll(config(20_000), gap, |_| None);
    assert_eq!(decision, Decision::Stop(StopReason::Time));
    let estimate = estimator.finish(None);
    assert!(estimate.flags.contains(Flag::Outage));
    assert!(estimate.duration_us.abs_diff(4_500_000) <= 100_000, "{}", estimate.duration_us);
}

#[test]
fn silence_is_lost_after_the_gap_and_before_any_arrival_after_five_seconds() {
    let dies = |t_us| if t_us < 600_000 { 30e6 } else { 0.0 };
    let (estimator, decision) = poll(config(20_000), dies, |_| None);
    assert_eq!(decision, Decision::Stop(StopReason::Lost));
    assert!(estimator.snapshot().t_us.abs_diff(600_000 + params::GAP_LOST_US) <= 30_000);
    // Also where the time cap falls into the silence: a dead server is no slow link.
    let dies_late = |t_us| if t_us < 2_000_000 { 30e6 } else { 0.0 };
    let (_, decision) = poll(config(20_000), dies_late, |_| None);
    assert_eq!(decision, Decision::Stop(StopReason::Lost));
    let (estimator, decision) = poll(config(20_000), |_| 0.0, |_| None);
    assert_eq!(decision, Decision::Stop(StopReason::Lost));
    assert_eq!(estimator.snapshot().phase, Phase::Waiting);
    let estimate = estimator.finish(None);
    assert_eq!((estimate.goodput_bps, estimate.interval_bps, estimate.window_us), (None, None, None));
    assert_eq!(estimate.duration_us, params::START_LOST_US);
}

#[test]
fn a_radio_that_wakes_late_keeps_its_time() {
    let late = |t_us| if t_us < 2_500_000 { 0.0 } else { 30e6 };
    let (estimator, decision) = poll(config(20_000), late, |_| None);
    assert_eq!(decision, Decision::Stop(StopReason::Time));
    let estimate = estimator.finish(None);
    assert!((estimate.goodput_bps.unwrap() / 30e6 - 1.0).abs() < 0.01);
    assert!(estimate.window_us.unwrap() > 1_000_000);
}

#[test]
fn byte_budgets_end_a_run_and_the_persons_is_hard() {
    let rtt_us = 20_000;
    // 400 Mbit/s without evidence: 75 MB, the bytes of 1.5 s.
    let (estimator, decision) = poll(config(rtt_us), |_| 400e6, |_| None);
    assert_eq!(decision, Decision::Stop(StopReason::Bytes));
    let estimate = estimator.finish(None);
    assert!(estimate.flags.contains(Flag::ByteCapped));
    assert!((estimate.bytes as f64 / 75e6 - 1.0).abs() < 0.05, "{}", estimate.bytes);
    let own = Config { max_bytes: Some(10_000_000), ..config(rtt_us) };
    let (estimator, decision) = poll(own, |_| 100e6, |_| None);
    assert_eq!(decision, Decision::Stop(StopReason::Bytes));
    // What is on its way when the order to stop goes out has room left.
    let tail_bytes = 100e6 / 8.0 * 0.1;
    assert!(estimator.finish(None).bytes as f64 + tail_bytes <= 10e6);
    let seconds = Config { max_seconds: Some(0.3), ..config(rtt_us) };
    let (estimator, decision) = poll(seconds, |_| 100e6, queued);
    assert_eq!(decision, Decision::Stop(StopReason::Time));
    assert_eq!(estimator.finish(None).duration_us, 300_000);
}

#[test]
fn forced_counters_are_used_and_named() {
    for counter in [CounterKind::TcpInfoSegments, CounterKind::TcpInfoBytes, CounterKind::AppBytes] {
        let forced = Config { forced_counter: Some(counter), ..config(20_000) };
        let (estimator, _) = poll(forced, |_| 50e6, queued);
        let estimate = estimator.finish(None);
        assert_eq!(estimate.counter, counter);
        assert_eq!(estimate.alpha.is_some(), counter == CounterKind::TcpInfoSegments);
        assert_eq!(estimate.ip_rate_bps.is_some(), counter == CounterKind::TcpInfoSegments);
        assert!((estimate.goodput_bps.unwrap() / 50e6 - 1.0).abs() < 0.01);
    }
}

#[test]
fn limits_that_are_not_the_links_are_flagged() {
    let with = |hint: fn(u64) -> Hint| {
        let hint = |t_us: u64| if t_us.is_multiple_of(100_000) { Some(hint(t_us)) } else { queued(t_us) };
        poll(config(40_000), |_| 50e6, hint).0.finish(None).flags
    };
    assert!(with(|t_us| Hint::CpuShare { t_us, share: 0.95 }).contains(Flag::CpuLimited));
    assert!(!with(|t_us| Hint::CpuShare { t_us, share: 0.4 }).contains(Flag::CpuLimited));
    let rwnd = with(|t_us| Hint::SendLimited { t_us, rwnd_share: 0.6, sndbuf_share: 0.0 });
    assert!(rwnd.contains(Flag::RwndLimited));
    assert!(with(|_| Hint::ServerLimited).contains(Flag::ServerLimited));
    assert!(with(|t_us| Hint::AppLimited { t_us }).contains(Flag::ServerLimited));
    assert!(with(|_| Hint::ConnectRttUs { rtt_us: 8_000 }).contains(Flag::Proxy));
    assert!(!with(|_| Hint::ConnectRttUs { rtt_us: 35_000 }).contains(Flag::Proxy));
    assert!(with(|t_us| Hint::CpuShare { t_us, share: f64::NAN }).is_empty());
}

#[test]
fn a_receive_window_that_limits_every_flow_is_unsaturated() {
    // 20 packets a flow over 40 ms: 6 Mbit/s a flow, 96 with sixteen, on a link of 300.
    let link = Link { queue_bdp: 1.0, ..Link::new(300e6, 40_000, Control::Bbr) };
    let path = ispeed_meter::sim::Path { receive_window: 20.0, ..link.path() };
    let mut tcp = Tcp::new(1, Capacity::constant(300e6), path, Control::Bbr, 1);
    let outcome = run(&mut Rng::new(1), &mut tcp, link.config());
    assert!(outcome.estimate.flags.contains(Flag::Unsaturated), "{:?}", outcome.estimate.flags);
    assert_eq!(outcome.estimate.flows, 16);
}

#[test]
fn a_policer_is_measured_at_its_rate() {
    let link = Link::new(100e6, 20_000, Control::Bbr);
    let path = ispeed_meter::sim::Path { policer: Some((20e6, 200_000.0)), ..link.path() };
    let mut tcp = Tcp::new(1, Capacity::constant(100e6), path, Control::Bbr, 1);
    let estimate = run(&mut Rng::new(1), &mut tcp, link.config()).estimate;
    let policed_bps = 20e6 * 1448.0 / 1500.0;
    let error = estimate.goodput_bps.unwrap() / policed_bps - 1.0;
    assert!(error.abs() < 0.05, "{error} {:?}", estimate.flags);
}

#[test]
fn an_estimator_fed_with_edges_alone_says_the_same() {
    let mut rng = Rng::new(9);
    let capacity = Capacity::ar1(&mut rng, 40e6, 0.1, 0.5, ispeed_meter::sim::Shape::Normal);
    let mut source = Open::new(&mut rng, capacity, 30_000);
    let (mut whole, mut edges) = (Estimator::new(config(30_000)), Estimator::new(config(30_000)));
    let mut closed = 0;
    for t_us in (0..2_000_000).step_by(10_000) {
        let reading = source.reading(t_us);
        whole.on_reading(&reading);
        if t_us == 0 {
            edges.on_reading(&reading);
        }
        let snapshot = whole.snapshot();
        if snapshot.edges > closed {
            closed = snapshot.edges;
            edges.on_reading(&snapshot.last_edge.unwrap());
        }
    }
    let (whole, edges) = (whole.finish(None), edges.finish(None));
    assert_eq!(whole.series, edges.series);
    assert_eq!(whole.goodput_bps, edges.goodput_bps);
    assert_eq!(whole.interval_bps, edges.interval_bps);
}

#[test]
fn the_reason_of_an_end_from_outside_is_kept_and_the_own_decision_comes_first() {
    let mut estimator = Estimator::new(config(20_000));
    estimator.on_reading(&Reading { t_us: 0, segments: None, kernel_bytes: None, app_bytes: 0 });
    assert_eq!(estimator.finish(Some(StopReason::ServerEnded)).stop_reason, StopReason::ServerEnded);
    assert_eq!(Estimator::new(config(20_000)).finish(None).stop_reason, StopReason::Aborted);
    let (estimator, _) = poll(config(20_000), |_| 50e6, queued);
    assert_eq!(estimator.finish(Some(StopReason::ServerEnded)).stop_reason, StopReason::Converged);
}

#[test]
fn a_path_without_delay_is_measured_within_its_byte_cap() {
    let (estimator, decision) = poll(config(100), |_| 9e9, |_| None);
    assert_eq!(decision, Decision::Stop(StopReason::Bytes));
    let estimate = estimator.finish(None);
    assert!(estimate.bytes > 200_000_000, "the cap of a fast link, not that of a slow one: {}", estimate.bytes);
    assert!((estimate.goodput_bps.unwrap() / 9e9 - 1.0).abs() < 0.02, "{:?}", estimate.goodput_bps);
    assert!(estimate.flags.contains(Flag::ByteCapped) && estimate.flags.contains(Flag::Unsaturated));
    let (estimator, _) = poll(config(20_000), |_| 9e9, |_| None);
    assert_eq!(estimator.finish(None).goodput_bps, None, "ten bins of slow start would be an average over a ramp");
}
