//! The golden vector is a sample that a collector would count: its figures follow from its series by the method it names.
#![allow(clippy::unwrap_used, reason = "a failed unwrap in a test is a failed test")]

use ispeed_meter::{RecomputeContext, Recomputed, params, recompute};
use ispeed_protocol::Sample;

#[test]
fn its_figures_follow_from_its_series() {
    let sample: Sample = serde_json::from_str(include_str!("../../protocol/vectors/sample.json")).unwrap();
    assert_eq!(sample.method, params::METHOD_VERSION);
    let idle_rtt_us = sample.latency.idle_ms.map(|ms| (ms * 1_000.0).round() as u64);
    let context = RecomputeContext { idle_rtt_us, ..RecomputeContext::default() };
    for stated in [sample.down.unwrap(), sample.up.unwrap()] {
        let computed = recompute(&stated.series, &context).unwrap();
        let window_start_ms = computed.window_start_us.map(|us| (us + stated.load_start_us) as f64 / 1_000.0);
        let window_ms = computed.window_us.map(|us| us as f64 / 1_000.0);
        assert_eq!((stated.window_start_ms, stated.window_ms), (window_start_ms, window_ms));
        assert_eq!(stated.counter, computed.counter);
        let interval = |bounds: Option<[f64; 2]>| bounds.map_or((None, None), |[lo, hi]| (Some(lo), Some(hi)));
        let (stated_interval, computed_interval) = (interval(stated.interval_bps), interval(computed.interval_bps));
        for (stated, computed) in [
            (stated.goodput_bps, computed.goodput_bps),
            (stated.ip_rate_bps, computed.ip_rate_bps),
            (stated_interval.0, computed_interval.0),
            (stated_interval.1, computed_interval.1),
        ] {
            assert!(Recomputed::agrees(computed, stated), "stated {stated:?}, computed {computed:?}");
        }
    }
}
