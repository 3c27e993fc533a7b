//! What the collector runs: the estimate again, from the stored series alone.

use ispeed_protocol::direction::{Burst, CounterKind, Series};

use crate::analysis::{Analysis, ChangePoint, conclude};
use crate::{Config, Flags, params};

/// What a series does not say of itself.
#[derive(Clone, PartialEq, Debug)]
pub struct RecomputeContext {
    /// Median idle RTT the run was started with, microseconds.
    pub idle_rtt_us: Option<u64>,
    /// The counter the run was told to use.
    pub forced_counter: Option<CounterKind>,
    /// IP and TCP header bytes of a data segment.
    pub header_bytes: u16,
}

impl Default for RecomputeContext {
    fn default() -> Self {
        Self { idle_rtt_us: None, forced_counter: None, header_bytes: params::HEADER_BYTES_IPV4 }
    }
}

impl From<&Config> for RecomputeContext {
    fn from(config: &Config) -> Self {
        Self {
            idle_rtt_us: config.idle_rtt_us,
            forced_counter: config.forced_counter,
            header_bytes: config.header_bytes,
        }
    }
}

/// What a series says; the fields are those of [`Estimate`](crate::Estimate).
#[derive(Clone, PartialEq, Debug)]
pub struct Recomputed {
    /// Goodput in the window.
    pub goodput_bps: Option<f64>,
    /// 95 % interval of the goodput.
    pub interval_bps: Option<[f64; 2]>,
    /// The same window with IP and TCP headers.
    pub ip_rate_bps: Option<f64>,
    /// Start of the window, microseconds after the start of load.
    pub window_start_us: Option<u64>,
    /// Length of the window.
    pub window_us: Option<u64>,
    /// What counted.
    pub counter: CounterKind,
    /// Payload bytes per data segment.
    pub alpha: Option<f64>,
    /// The burst before the window.
    pub burst: Option<Burst>,
    /// Every change-point found.
    pub changepoints: Vec<ChangePoint>,
    /// The flags that follow from the series alone: burst, outage, variable.
    pub flags: Flags,
    /// Whether the statistical half of the stop rule held at the end: a run that claims `converged` must have it.
    pub precise: bool,
}

impl Recomputed {
    /// Whether a stated figure is this one: equal up to the last digits that text forms of numbers lose.
    pub fn agrees(recomputed: Option<f64>, stated: Option<f64>) -> bool {
        match (recomputed, stated) {
            (None, None) => true,
            (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(b.abs()),
            _ => false,
        }
    }
}

impl From<Analysis> for Recomputed {
    fn from(analysis: Analysis) -> Self {
        let window = analysis.window.as_ref();
        Self {
            goodput_bps: window.map(|window| window.mean_bps),
            interval_bps: window.and_then(|window| window.interval_bps()),
            ip_rate_bps: window.and_then(|window| window.ip_rate_bps),
            window_start_us: window.map(|window| window.start_us),
            window_us: window.map(|window| window.length_us),
            counter: analysis.counter,
            alpha: analysis.alpha,
            burst: analysis.burst,
            flags: analysis.flags(),
            precise: analysis.precise(),
            changepoints: analysis.changes,
        }
    }
}

/// Why a series cannot be recomputed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RecomputeError {
    /// A part has another number of bins than the times.
    #[error("series.{part} has {found} bins, series.t_us has {expected}")]
    Length {
        /// Name of the part.
        part: &'static str,
        /// Its bins.
        found: usize,
        /// Those of `t_us`.
        expected: usize,
    },
    /// More bins than any run has.
    #[error("series.t_us has {found} bins, expected at most {}", params::BINS_MAX)]
    TooLong {
        /// Bins.
        found: usize,
    },
    /// A bin that ends no later than it starts.
    #[error("series.t_us[{index}] is {found}, expected more than {after}")]
    Order {
        /// Which bin.
        index: usize,
        /// Its end.
        found: u32,
        /// The end of the bin before it.
        after: u32,
    },
    /// More flow steps than bins.
    #[error("series.flow_steps has {found} steps, expected at most {}", params::BINS_MAX)]
    FlowSteps {
        /// Steps.
        found: usize,
    },
    /// A bin that holds more bytes than any link carries: sums would lose their last digits.
    #[error("series.{part}[{index}] is {found} bytes, expected at most {}", params::BIN_BYTES_MAX)]
    Bytes {
        /// Name of the part.
        part: &'static str,
        /// Which bin.
        index: usize,
        /// Its bytes.
        found: u64,
    },
}

/// Recomputes what a series says, with the code that made the estimate: on the same series and context the figures are
/// those of [`Estimate`](crate::Estimate), bit for bit.
///
/// # Errors
/// A series that no run of this method could have made; the error names the part, the bin and what was expected.
pub fn recompute(series: &Series, context: &RecomputeContext) -> Result<Recomputed, RecomputeError> {
    validate(series)?;
    Ok(conclude(series, context).into())
}

fn validate(series: &Series) -> Result<(), RecomputeError> {
    let expected = series.t_us.len();
    if expected > params::BINS_MAX {
        return Err(RecomputeError::TooLong { found: expected });
    }
    if series.flow_steps.len() > params::BINS_MAX {
        return Err(RecomputeError::FlowSteps { found: series.flow_steps.len() });
    }
    let parts = [
        ("segments", series.segments.as_ref().map(Vec::len)),
        ("kernel_bytes", series.kernel_bytes.as_ref().map(Vec::len)),
        ("app_bytes", Some(series.app_bytes.len())),
    ];
    for (part, found) in parts {
        if let Some(found) = found.filter(|&found| found != expected) {
            return Err(RecomputeError::Length { part, found, expected });
        }
    }
    let mut after = 0;
    for (index, &found) in series.t_us.iter().enumerate() {
        if found <= after {
            return Err(RecomputeError::Order { index, found, after });
        }
        after = found;
    }
    let bytes = [("kernel_bytes", series.kernel_bytes.as_deref()), ("app_bytes", Some(&series.app_bytes[..]))];
    for (part, bins) in bytes {
        let most = |&(_, &found): &(usize, &u64)| found > params::BIN_BYTES_MAX;
        if let Some((index, &found)) = bins.unwrap_or_default().iter().enumerate().find(most) {
            return Err(RecomputeError::Bytes { part, index, found });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(bins: u32) -> Series {
        Series {
            t_us: (1..=bins).map(|bin| bin * 50_000).collect(),
            segments: Some(vec![200; bins as usize]),
            kernel_bytes: Some(vec![200 * 1448; bins as usize]),
            app_bytes: vec![200 * 1448; bins as usize],
            flow_steps: Vec::new(),
        }
    }

    #[test]
    fn a_steady_series_gives_its_rate() {
        let recomputed = recompute(&series(20), &RecomputeContext::default()).unwrap();
        let rate_bps = 200.0 * 1448.0 * 8.0 / 0.05;
        assert!((recomputed.goodput_bps.unwrap() / rate_bps - 1.0).abs() < 1e-12);
        assert!((recomputed.ip_rate_bps.unwrap() / recomputed.goodput_bps.unwrap() - 1500.0 / 1448.0).abs() < 1e-12);
        assert!(recomputed.precise && recomputed.flags.is_empty());
    }

    #[test]
    fn an_empty_series_says_nothing() {
        let recomputed = recompute(&Series::default(), &RecomputeContext::default()).unwrap();
        assert_eq!((recomputed.goodput_bps, recomputed.interval_bps, recomputed.window_us), (None, None, None));
        assert!(!recomputed.precise);
    }

    #[test]
    fn a_rest_after_the_last_edge_is_no_bin() {
        let mut rest = series(20);
        rest.t_us.push(1_004_000);
        rest.segments.as_mut().unwrap().push(1);
        rest.kernel_bytes.as_mut().unwrap().push(1448);
        rest.app_bytes.push(1448);
        let context = RecomputeContext::default();
        let (with, without) = (recompute(&rest, &context).unwrap(), recompute(&series(20), &context).unwrap());
        assert_eq!((with.goodput_bps, with.window_us), (without.goodput_bps, without.window_us));
    }

    #[test]
    fn what_no_run_could_have_made_is_refused_by_name() {
        let context = RecomputeContext::default();
        let mut short = series(4);
        short.app_bytes.pop();
        assert_eq!(
            recompute(&short, &context).unwrap_err().to_string(),
            "series.app_bytes has 3 bins, series.t_us has 4"
        );
        let mut back = series(4);
        back.t_us[2] = back.t_us[1];
        assert_eq!(
            recompute(&back, &context).unwrap_err().to_string(),
            "series.t_us[2] is 100000, expected more than 100000"
        );
        let mut huge = series(4);
        huge.app_bytes[1] = u64::MAX;
        assert!(matches!(recompute(&huge, &context), Err(RecomputeError::Bytes { part: "app_bytes", index: 1, .. })));
        let long = series(params::BINS_MAX as u32 + 1);
        assert!(matches!(recompute(&long, &context), Err(RecomputeError::TooLong { .. })));
    }

    #[test]
    fn text_forms_of_numbers_may_lose_the_last_digit() {
        assert!(Recomputed::agrees(Some(1e8), Some(1e8 + 1e-2)));
        assert!(!Recomputed::agrees(Some(1e8), Some(1e8 + 1.0)));
        assert!(!Recomputed::agrees(Some(1.0), None));
        assert!(Recomputed::agrees(None, None));
    }
}
