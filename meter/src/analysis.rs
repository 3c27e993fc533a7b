//! From a series to window, mean and interval: one pure function, called after every bin while a run is live, once at its
//! end, and by whoever recomputes a stored sample.

use std::ops::Range;

use ispeed_protocol::direction::{Burst, CounterKind, Flag, Series};

use crate::counter::{self, Counted, Rates};
use crate::interval::{self, Precision};
use crate::{Flags, RecomputeContext, changes, params, ramp, recovery};

/// A step of the rate inside the window.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ChangePoint {
    /// Edge at which the new level starts, microseconds after the start of load.
    pub t_us: u64,
    /// Goodput before it.
    pub before_bps: f64,
    /// Goodput after it.
    pub after_bps: f64,
}

/// What more flows did to the rate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Growth {
    /// No flow joined within the window.
    None,
    /// Flows joined too recently to tell.
    Pending,
    /// They brought nothing: the link was full before.
    Useless,
    /// They raised the rate (the window starts behind them), or it fell, for another reason.
    Inconclusive,
}

/// Everything a series says.
#[derive(Clone, Debug)]
pub(crate) struct Analysis {
    pub(crate) counter: CounterKind,
    pub(crate) alpha: Option<f64>,
    /// Rate trailing over the last bins, window or not.
    pub(crate) trailing_bps: Option<f64>,
    pub(crate) window: Option<Window>,
    pub(crate) changes: Vec<ChangePoint>,
    pub(crate) burst: Option<Burst>,
    pub(crate) growth: Growth,
    pub(crate) outage: bool,
    /// Bytes of the window waited behind lost segments.
    pub(crate) waited: bool,
}

/// The averaged window.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    pub(crate) start_us: u64,
    pub(crate) length_us: u64,
    pub(crate) mean_bps: f64,
    pub(crate) ip_rate_bps: Option<f64>,
    pub(crate) precision: Option<Precision>,
}

impl Window {
    pub(crate) fn interval_bps(&self) -> Option<[f64; 2]> {
        let Precision { half_bps, own_bps, best_bps, .. } = self.precision.as_ref()?;
        let above_bps = self.mean_bps + half_bps;
        // Where the sender let a link idle now and then, the batches without a gap say what it could have carried. Of a
        // window that is known well the best batch is chance.
        let carried_bps = if self.is_narrow() { 0.0 } else { best_bps * (1.0 + params::INTERVAL_FLOOR_SHARE) };
        Some([(self.mean_bps - half_bps).max(0.0), above_bps.max(carried_bps) + own_bps])
    }

    /// Half-width over mean, where that says something.
    pub(crate) fn half_share(&self) -> Option<f64> {
        let half_bps = self.precision.as_ref()?.half_bps;
        (self.mean_bps > 0.0).then(|| half_bps / self.mean_bps)
    }

    /// Whether the rate varies as a radio's does, between batches of a round trip: within one a sender pauses.
    pub(crate) fn varies(&self) -> bool {
        self.precision.as_ref().is_some_and(|precision| precision.whole && precision.varies())
    }

    /// Whether it is long enough to stop at.
    fn is_long_enough(&self) -> bool {
        let slow = self.mean_bps < params::SLOW_BPS;
        self.length_us >= if slow { params::STOP_WINDOW_SLOW_US } else { params::STOP_WINDOW_MIN_US }
    }

    /// Whether the half-width is one that a run may stop at.
    fn is_narrow(&self) -> bool {
        self.half_share().is_some_and(|share| share <= params::STOP_HALF_WIDTH)
    }
}

impl Analysis {
    /// The statistical half of the stop rule.
    pub(crate) fn precise(&self) -> bool {
        let Some(window) = &self.window else { return false };
        window.is_narrow()
            && window.precision.as_ref().is_some_and(|precision| precision.settled)
            && window.is_long_enough()
            && self.growth != Growth::Pending
    }

    /// Flags that follow from the series alone.
    pub(crate) fn flags(&self) -> Flags {
        let mut flags = Flags::default();
        if self.burst.is_some() {
            flags.insert(Flag::Burst);
        }
        if self.outage {
            flags.insert(Flag::Outage);
        }
        let wide = |window: &Window| {
            let varies = window.precision.as_ref().is_some_and(Precision::varies);
            let above = |limit: f64| window.half_share().is_some_and(|share| share > limit);
            above(params::VARIABLE_HALF_WIDTH) || above(params::STOP_HALF_WIDTH) && varies
        };
        if self.window.as_ref().is_some_and(wide) {
            flags.insert(Flag::Variable);
        }
        flags
    }
}

/// Analyses the series of a run that goes on: its parts are of one length and its times ascend.
pub(crate) fn analyze(series: &Series, context: &RecomputeContext) -> Analysis {
    analyze_at(series, context, false)
}

/// Analyses the series of a run that ended.
pub(crate) fn conclude(series: &Series, context: &RecomputeContext) -> Analysis {
    analyze_at(series, context, true)
}

fn analyze_at(series: &Series, context: &RecomputeContext, ended: bool) -> Analysis {
    let counters = counter::candidates(series, context.forced_counter);
    let (best, next) = (&counters[0], counters.get(1));
    let (analysis, bins) = analyze_counted(series, best, context, ended);
    let steady = |bins: Range<usize>| {
        let batches = interval::batches(bins.clone(), best.rates.mean(bins), context.idle_rtt_us);
        counter::segments_steady(series, best.alpha, &batches.ranges)
    };
    let doubtful = best.kind == CounterKind::TcpInfoSegments && context.forced_counter.is_none();
    match next {
        Some(next) if doubtful && !bins.is_none_or(steady) => analyze_counted(series, next, context, ended).0,
        _ => analysis,
    }
}

fn analyze_counted(
    series: &Series,
    counted: &Counted,
    context: &RecomputeContext,
    ended: bool,
) -> (Analysis, Option<Range<usize>>) {
    let rates = &counted.rates;
    // What was counted after the last edge, when load was already ending, is no bin of the window.
    let rest = rates.seconds.last().is_some_and(|&seconds| seconds < params::BIN_CLOSES_US as f64 / 1e6 - 1e-9);
    let bins = rates.len() - usize::from(rest);
    let rtt = context.idle_rtt_us;
    let trailing = bins.saturating_sub(params::RAMP_TRAIL_BINS)..bins;
    let mut analysis = Analysis {
        counter: counted.kind,
        alpha: counted.alpha,
        trailing_bps: (bins > 0).then(|| rates.mean(trailing)),
        window: None,
        changes: Vec::new(),
        burst: None,
        growth: Growth::None,
        outage: has_outage(rates, first_arrival(rates)..bins, rtt),
        waited: false,
    };
    let opened = ramp::end(rates, bins, rtt).filter(|&start| start < bins);
    let opened = opened.or_else(|| ramp::end_of_short_run(bins, rtt).filter(|_| ended));
    let Some(start) = opened else { return (analysis, None) };
    let start = restart_at_changes(series, rates, start..bins, rtt, &mut analysis);
    let start = restart_at_growth(series, rates, start..bins, rtt, &mut analysis);
    if start >= bins {
        return (analysis, None);
    }
    let start = match counted.kind {
        CounterKind::TcpInfoSegments => {
            analysis.waited = recovery::waited(series, rates, start..bins);
            recovery::end(series, rates, start..bins, rtt)
        }
        CounterKind::TcpInfoBytes | CounterKind::AppBytes => start,
    };
    let window = start..bins;
    let mean_bps = rates.mean(window.clone());
    let start_us = if start == 0 { 0 } else { u64::from(series.t_us[start - 1]) };
    analysis.window = Some(Window {
        start_us,
        length_us: u64::from(series.t_us[bins - 1]) - start_us,
        mean_bps,
        ip_rate_bps: counted.alpha.map(|alpha| mean_bps * (alpha + f64::from(context.header_bytes)) / alpha),
        precision: interval::precision(rates, window.clone(), rtt),
    });
    (analysis, Some(window))
}

/// Moves the window behind every step of the rate, and keeps the burst before a step down.
fn restart_at_changes(
    series: &Series,
    rates: &Rates,
    window: Range<usize>,
    rtt: Option<u64>,
    analysis: &mut Analysis,
) -> usize {
    let Range { mut start, end: bins } = window;
    // A gap is no level: its zero bins stay in the mean, and no step is looked for.
    if has_outage(rates, start..bins, rtt) {
        return start;
    }
    while let Some(change) = changes::find(rates, start..bins) {
        start = change.clean;
        if change.head {
            continue;
        }
        let t_us = u64::from(series.t_us[change.bin - 1]);
        analysis.changes.push(ChangePoint { t_us, before_bps: change.before_bps, after_bps: change.after_bps });
        if change.after_bps < change.before_bps {
            let bits: f64 = rates.bits[..change.bin].iter().sum();
            let burst = analysis.burst.get_or_insert(Burst {
                rate_bps: change.before_bps,
                bytes: (bits / 8.0) as u64,
                sustained_bps: change.after_bps,
            });
            burst.sustained_bps = change.after_bps;
        }
    }
    start
}

/// Moves the window behind flows that raised the rate: before them the link was not full.
fn restart_at_growth(
    series: &Series,
    rates: &Rates,
    window: Range<usize>,
    rtt: Option<u64>,
    analysis: &mut Analysis,
) -> usize {
    let Range { mut start, end: bins } = window;
    let settle_us = params::FLOWS_SETTLE_US.max(rtt.unwrap_or(0).saturating_mul(2));
    let compare_s = params::FLOWS_COMPARE_US as f64 / 1e6 - 1e-9;
    let edge_at = |t_us: u64| series.t_us.partition_point(|&edge| u64::from(edge) < t_us) + 1;
    for step in series.flow_steps.iter().skip(1) {
        let joined = if step.t_us == 0 { 0 } else { edge_at(u64::from(step.t_us)) };
        if joined <= start {
            continue;
        }
        let settled = edge_at(u64::from(step.t_us).saturating_add(settle_us));
        if settled >= bins || rates.seconds_of(settled..bins) < compare_s {
            analysis.growth = Growth::Pending;
            break;
        }
        let (before, after) = (start..joined, settled..bins);
        if rates.seconds_of(before.clone()) < compare_s {
            start = settled;
            analysis.growth = Growth::Inconclusive;
            continue;
        }
        let (before_bps, after_bps) = (rates.mean(before.clone()), rates.mean(after.clone()));
        let gain = after_bps / before_bps - 1.0;
        let error_bps = standard_error(rates, before).hypot(standard_error(rates, after));
        if gain > params::FLOWS_GAIN && after_bps - before_bps > params::FLOWS_GAIN_SE * error_bps {
            start = settled;
            analysis.growth = Growth::Inconclusive;
        } else if gain.abs() < params::FLOWS_GAIN {
            analysis.growth = Growth::Useless;
        } else {
            analysis.growth = Growth::Inconclusive;
        }
    }
    start
}

fn standard_error(rates: &Rates, bins: Range<usize>) -> f64 {
    let n = bins.len() as f64;
    crate::stats::sd(&rates.values(bins)).map_or(0.0, |sd| sd / n.sqrt())
}

fn first_arrival(rates: &Rates) -> usize {
    rates.bits.iter().position(|&bits| bits > 0.0).unwrap_or(rates.len())
}

/// Whether nothing at all arrived for a stretch that is too long for the path and for the rate.
fn has_outage(rates: &Rates, bins: Range<usize>, idle_rtt_us: Option<u64>) -> bool {
    let rtt_s = idle_rtt_us.unwrap_or(0) as f64 / 1e6;
    let mean_bps = rates.mean(bins.clone());
    if mean_bps <= 0.0 {
        return false;
    }
    let between_packets_s = rates.quantum_bits / mean_bps;
    let longest_s = (params::OUTAGE_US as f64 / 1e6)
        .max(params::OUTAGE_RTTS * rtt_s)
        .max(params::OUTAGE_PACKETS * between_packets_s);
    let mut silent_s = 0.0;
    bins.into_iter().any(|bin| {
        silent_s = if rates.bits[bin] > 0.0 { 0.0 } else { silent_s + rates.seconds[bin] };
        silent_s >= longest_s
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(half_bps: f64, best_bps: f64) -> [f64; 2] {
        let precision =
            Precision { half_bps, own_bps: 1e5, best_bps, batch_cv: 0.05, whole: true, settled: true, surplus_bins: 0 };
        let window =
            Window { start_us: 0, length_us: 1, mean_bps: 900e6, ip_rate_bps: None, precision: Some(precision) };
        window.interval_bps().unwrap()
    }

    #[test]
    fn an_interval_reaches_up_to_the_best_batch_unless_it_is_precise() {
        assert_eq!(interval(63e6, 965e6), [837e6, 965e6 * 1.005 + 1e5]);
        assert_eq!(interval(63e6, 940e6), [837e6, 963.1e6], "which is further up already");
        assert_eq!(interval(27e6, 965e6), [873e6, 927.1e6], "which is chance then");
    }
}
