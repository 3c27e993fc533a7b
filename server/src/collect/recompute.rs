//! Do the stated figures follow from the sample's own series?

use ispeed_meter::{RecomputeContext, Recomputed, params, recompute};
use ispeed_protocol::direction::{Direction, DirectionResult};
use ispeed_protocol::sample::Sample;
use ispeed_verdict::RecomputeState;

/// Times are stated in milliseconds as a float and computed in whole microseconds: half of one is rounding.
const TIME_TOLERANCE_MS: f64 = 0.000_6;

/// The state, and what differs, for the log. Samples of another method than this program's are not judged by it.
pub(crate) fn check(sample: &Sample) -> (RecomputeState, Option<String>) {
    if sample.method != params::METHOD_VERSION {
        return (RecomputeState::NotChecked, None);
    }
    let mut checked = false;
    for (direction, result) in [(Direction::Down, &sample.down), (Direction::Up, &sample.up)] {
        let Some(result) = result else { continue };
        checked = true;
        if let Err(cause) = one(sample, result) {
            return (RecomputeState::Differs, Some(format!("{direction:?}: {cause}")));
        }
    }
    (if checked { RecomputeState::Agrees } else { RecomputeState::NotChecked }, None)
}

fn one(sample: &Sample, stated: &DirectionResult) -> Result<(), String> {
    let ipv6 = sample.server.as_ref().and_then(|s| s.family.as_deref()) == Some("ipv6");
    let context = RecomputeContext {
        idle_rtt_us: sample.latency.idle_ms.filter(|ms| *ms > 0.0).map(|ms| (ms * 1_000.0).round() as u64),
        forced_counter: None,
        header_bytes: if ipv6 { params::HEADER_BYTES_IPV6 } else { params::HEADER_BYTES_IPV4 },
    };
    let mut computed = recompute(&stated.series, &context).map_err(|e| e.to_string())?;
    if computed.counter != stated.counter {
        // A lower counter than the best may have been asked for; a better one than there is may not.
        let forced = RecomputeContext { forced_counter: Some(stated.counter), ..context };
        computed = recompute(&stated.series, &forced).map_err(|e| e.to_string())?;
    }
    compare(stated, &computed)
}

fn compare(stated: &DirectionResult, computed: &Recomputed) -> Result<(), String> {
    if computed.counter != stated.counter {
        return Err(format!("counter {:?}, the series supports {:?}", stated.counter, computed.counter));
    }
    let bound = |interval: Option<[f64; 2]>, i: usize| interval.map(|bounds| bounds[i]);
    for (name, stated, computed) in [
        ("goodput_bps", stated.goodput_bps, computed.goodput_bps),
        ("interval_bps[0]", bound(stated.interval_bps, 0), bound(computed.interval_bps, 0)),
        ("interval_bps[1]", bound(stated.interval_bps, 1), bound(computed.interval_bps, 1)),
        ("ip_rate_bps", stated.ip_rate_bps, computed.ip_rate_bps),
    ] {
        if !Recomputed::agrees(computed, stated) {
            return Err(format!("{name} {stated:?}, the series gives {computed:?}"));
        }
    }
    let to_ms = |us: u64| us as f64 / 1_000.0;
    let start_ms = computed.window_start_us.map(|us| to_ms(us + stated.load_start_us));
    for (name, stated, computed) in [
        ("window_start_ms", stated.window_start_ms, start_ms),
        ("window_ms", stated.window_ms, computed.window_us.map(to_ms)),
    ] {
        let agrees = match (stated, computed) {
            (Some(a), Some(b)) => (a - b).abs() <= TIME_TOLERANCE_MS,
            (a, b) => a.is_none() && b.is_none(),
        };
        if !agrees {
            return Err(format!("{name} {stated:?}, the series gives {computed:?}"));
        }
    }
    Ok(())
}
