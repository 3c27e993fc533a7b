//! Outcome, completeness, plausibility and the flags that make a figure speak of something else than the network.

use ispeed_protocol::direction::{DirectionResult, Flag};
use ispeed_protocol::sample::{Outcome, Sample};

use super::Objections;
use crate::context::Context;
use crate::limits::{BYTES_SLACK, DOWN_MAX_BPS, UP_MAX_BPS};
use crate::reason::Reason;

pub(super) fn judge(sample: &Sample, context: &Context, out: &mut Objections) {
    let goodput = |result: &Option<DirectionResult>| result.as_ref().and_then(|r| r.goodput_bps);
    match sample.outcome {
        Outcome::Complete => {
            let missing = goodput(&sample.down).is_none() || goodput(&sample.up).is_none();
            out.when(missing, Reason::FiguresMissing);
        }
        Outcome::Partial => out.when(true, Reason::Partial),
        Outcome::NoService => out.when(true, Reason::NoService),
        Outcome::ServerFailed => out.when(true, Reason::ServerFailed),
        Outcome::Aborted => out.when(true, Reason::Aborted),
    }
    for (result, moved_bytes, max_bps) in
        [(&sample.down, sample.bytes_down, DOWN_MAX_BPS), (&sample.up, sample.bytes_up, UP_MAX_BPS)]
    {
        let Some(result) = result else { continue };
        out.when(!plausible(result, moved_bytes, max_bps), Reason::Implausible);
        // The demo's link is a relay that ends the connections and holds senders back by their window: these two flags
        // then tell of the relay and of no network.
        let of_relay = |reason: &Reason| matches!(reason, Reason::Proxy | Reason::RwndLimited);
        let made_up = |reason: &Reason| of_relay(reason) && sample.simulated && context.accept_simulated;
        let reasons = result.flags.iter().filter_map(|flag| unusable(*flag)).filter(|reason| !made_up(reason));
        reasons.for_each(|reason| out.when(true, reason));
    }
}

/// The reason a flag amounts to. A figure that was capped by bytes, bridges a short outage, follows a burst or varied is
/// still a figure of the network, so these are shown and counted.
fn unusable(flag: Flag) -> Option<Reason> {
    match flag {
        Flag::Unsaturated => Some(Reason::Unsaturated),
        Flag::CpuLimited => Some(Reason::CpuLimited),
        Flag::Proxy => Some(Reason::Proxy),
        Flag::ServerLimited => Some(Reason::ServerLimited),
        Flag::RwndLimited => Some(Reason::RwndLimited),
        Flag::Burst | Flag::ByteCapped | Flag::Outage | Flag::Variable => None,
    }
}

#[allow(clippy::cast_precision_loss, reason = "byte counts of a run are far below 2^53")]
fn plausible(result: &DirectionResult, moved_bytes: u64, max_bps: f64) -> bool {
    let Some(goodput_bps) = result.goodput_bps else { return true };
    let possible = goodput_bps > 0.0 && goodput_bps <= max_bps;
    let paid_for = result.window_ms.is_none_or(|window_ms| {
        let window_bytes = goodput_bps * window_ms / 8_000.0;
        window_bytes <= moved_bytes as f64 * BYTES_SLACK
    });
    possible && paid_for
}
