//! What holds for any input.

use ispeed_meter::{
    Config, CounterKind, Decision, Direction, Estimate, Estimator, Hint, Reading, RecomputeContext, recompute,
};
use proptest::prelude::*;

fn counter() -> impl Strategy<Value = Option<CounterKind>> {
    prop_oneof![
        Just(None),
        Just(Some(CounterKind::TcpInfoSegments)),
        Just(Some(CounterKind::TcpInfoBytes)),
        Just(Some(CounterKind::AppBytes)),
    ]
}

prop_compose! {
    fn config()(
        idle_rtt_us in proptest::option::of(prop_oneof![9 => 0u64..2_000_000, 1 => any::<u64>()]),
        forced_counter in counter(),
        max_bytes in proptest::option::of(0u64..200_000_000),
        max_seconds in proptest::option::of(-1.0f64..20.0),
        long in any::<bool>(),
        up in any::<bool>(),
        sender_bbr in any::<bool>(),
        flows_start in 0u8..20,
        flows_max in 0u8..20,
    ) -> Config {
        Config {
            idle_rtt_us, forced_counter, max_bytes, max_seconds, long, sender_bbr, flows_start, flows_max,
            ..Config::new(if up { Direction::Up } else { Direction::Down })
        }
    }
}

/// Readings a kernel could give: polls of 1-80 ms, packets of 200-1448 bytes, holes that come and go.
fn plausible() -> impl Strategy<Value = Vec<Reading>> {
    prop::collection::vec((1_000u64..80_000, 0u64..400, 200u64..=1448, 0u64..40), 2..300).prop_map(|polls| {
        let (mut t_us, mut segments, mut payload) = (0, 0, 0u64);
        polls
            .into_iter()
            .map(|(step_us, arrived, bytes, held)| {
                t_us += step_us;
                segments += arrived;
                payload += arrived * bytes;
                let in_order = payload.saturating_sub(held * 1448);
                Reading { t_us, segments: Some(segments), kernel_bytes: Some(in_order), app_bytes: in_order }
            })
            .collect()
    })
}

fn garbage() -> impl Strategy<Value = Vec<Reading>> {
    let reading = (any::<u64>(), any::<Option<u64>>(), any::<Option<u64>>(), any::<u64>(), any::<bool>());
    prop::collection::vec(reading, 0..120).prop_map(|readings| {
        let mut t = 0u64;
        readings
            .into_iter()
            .map(|(t_us, segments, kernel_bytes, app_bytes, wild)| {
                t = t.saturating_add(t_us % 100_000);
                Reading { t_us: if wild { t_us } else { t }, segments, kernel_bytes, app_bytes }
            })
            .collect()
    })
}

fn hints() -> impl Strategy<Value = Vec<Hint>> {
    let hint =
        (0u8..8, any::<u64>(), any::<u64>(), any::<u64>(), any::<f64>()).prop_map(|(kind, t_us, a, b, x)| match kind {
            0 => Hint::LoadedRttUs { t_us: t_us % 5_000_000, rtt_us: a },
            1 => Hint::Retransmits { t_us, retransmitted_segments_total: a, sent_segments_total: b },
            2 => Hint::CpuShare { t_us, share: x },
            3 => Hint::FlowsActive { t_us, flows: a as u8 },
            4 => Hint::SendLimited { t_us, rwnd_share: x, sndbuf_share: -x },
            5 => Hint::AppLimited { t_us },
            6 => Hint::ServerLimited,
            _ => Hint::ConnectRttUs { rtt_us: a },
        });
    prop::collection::vec(hint, 0..60)
}

fn feed(config: &Config, readings: &[Reading], hints: &[Hint]) -> Estimate {
    let mut estimator = Estimator::new(config.clone());
    let mut hints = hints.iter();
    let mut stopped = None;
    for reading in readings {
        if let Some(&hint) = hints.next() {
            estimator.on_hint(hint);
        }
        let decision = estimator.on_reading(reading);
        if let Some(reason) = stopped {
            assert_eq!(decision, Decision::Stop(reason), "a stop is final");
        }
        match decision {
            Decision::Stop(reason) => stopped = Some(reason),
            Decision::Flows(flows) => {
                assert!(flows <= config.flows_max.max(1));
                estimator.on_hint(Hint::FlowsActive { t_us: reading.t_us, flows });
            }
            Decision::Continue => {}
        }
        let _ = estimator.snapshot();
    }
    estimator.finish(None)
}

fn check(config: &Config, estimate: &Estimate) -> Result<(), TestCaseError> {
    let recomputed = recompute(&estimate.series, &RecomputeContext::from(config)).expect("its own series");
    prop_assert_eq!(recomputed.goodput_bps, estimate.goodput_bps);
    prop_assert_eq!(recomputed.interval_bps, estimate.interval_bps);
    prop_assert_eq!(recomputed.ip_rate_bps, estimate.ip_rate_bps);
    prop_assert_eq!(recomputed.window_start_us, estimate.window_start_us);
    prop_assert_eq!(recomputed.window_us, estimate.window_us);
    prop_assert_eq!(recomputed.counter, estimate.counter);
    prop_assert_eq!(recomputed.alpha, estimate.alpha);
    prop_assert_eq!(recomputed.burst, estimate.burst);
    prop_assert_eq!(&recomputed.changepoints, &estimate.changepoints);
    prop_assert!(recomputed.flags.iter().all(|flag| estimate.flags.contains(flag)));
    let stated = RecomputeContext { forced_counter: Some(estimate.counter), ..RecomputeContext::from(config) };
    let forced = recompute(&estimate.series, &stated).expect("its own series");
    prop_assert_eq!(forced.goodput_bps, estimate.goodput_bps, "forcing the stated counter changes nothing");
    if let Some([low, high]) = estimate.interval_bps {
        let goodput_bps = estimate.goodput_bps.expect("an interval is around a figure");
        prop_assert!(low.is_finite() && high.is_finite() && (0.0..=goodput_bps).contains(&low) && goodput_bps <= high);
    }
    within_bin_rates(estimate)
}

/// The mean of a window lies between the slowest and the fastest of its bins.
fn within_bin_rates(estimate: &Estimate) -> Result<(), TestCaseError> {
    let (Some(goodput_bps), Some(start_us), Some(length_us)) =
        (estimate.goodput_bps, estimate.window_start_us, estimate.window_us)
    else {
        return Ok(());
    };
    let series = &estimate.series;
    let starts = std::iter::once(0).chain(series.t_us.iter().copied());
    let rates: Vec<f64> = series
        .t_us
        .iter()
        .zip(starts)
        .enumerate()
        .filter(|&(_, (&end, start))| u64::from(start) >= start_us && u64::from(end) <= start_us + length_us)
        .map(|(bin, (&end, start))| {
            let bytes = match estimate.counter {
                CounterKind::TcpInfoSegments => {
                    let segments = series.segments.as_ref().expect("it counted");
                    f64::from(segments[bin]) * estimate.alpha.expect("segments count with their worth")
                }
                CounterKind::TcpInfoBytes => series.kernel_bytes.as_ref().expect("it counted")[bin] as f64,
                CounterKind::AppBytes => series.app_bytes[bin] as f64,
            };
            bytes * 8.0 / (f64::from(end - start) / 1e6)
        })
        .collect();
    let (least, most) = rates.iter().fold((f64::INFINITY, 0.0f64), |(low, high), &r| (low.min(r), high.max(r)));
    prop_assert!(goodput_bps >= least * (1.0 - 1e-9) && goodput_bps <= most * (1.0 + 1e-9));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 64 } else { 512 }))]

    #[test]
    fn plausible_readings_give_recomputable_estimates(config in config(), readings in plausible(), hints in hints()) {
        check(&config, &feed(&config, &readings, &hints))?;
    }

    #[test]
    fn garbage_gives_recomputable_estimates(config in config(), readings in garbage(), hints in hints()) {
        check(&config, &feed(&config, &readings, &hints))?;
    }

    #[test]
    fn any_series_is_recomputed_or_refused(
        t_us in prop::collection::vec(any::<u32>(), 0..60),
        segments in proptest::option::of(prop::collection::vec(any::<u32>(), 0..60)),
        kernel_bytes in proptest::option::of(prop::collection::vec(0u64..2_000_000_000_000, 0..60)),
        app_bytes in prop::collection::vec(any::<u64>(), 0..60),
        sorted in any::<bool>(),
        level in any::<bool>(),
        steps in prop::collection::vec((any::<u32>(), any::<u8>()), 0..6),
        idle_rtt_us in any::<Option<u64>>(),
        forced_counter in counter(),
    ) {
        let mut series = ispeed_meter::Series { t_us, segments, kernel_bytes, app_bytes, flow_steps: Vec::new() };
        if sorted {
            series.t_us.sort_unstable();
            series.t_us.dedup();
        }
        if level {
            let bins = series.t_us.len();
            series.segments.iter_mut().for_each(|part| part.resize(bins, 40));
            series.kernel_bytes.iter_mut().for_each(|part| part.resize(bins, 57_920));
            series.app_bytes.resize(bins, 57_920);
        }
        series.flow_steps = steps.into_iter().map(|(t_us, flows)| ispeed_meter::FlowStep { t_us, flows }).collect();
        let context = RecomputeContext { idle_rtt_us, forced_counter, ..RecomputeContext::default() };
        if let Ok(recomputed) = recompute(&series, &context) {
            prop_assert!(recomputed.goodput_bps.is_none_or(f64::is_finite));
        }
    }
}
