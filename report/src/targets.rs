//! Targets beside figures.
//!
//! A target is reached when the whole 95 % interval of the mean lies at or above it, not reached when the whole
//! interval lies below. Where the interval holds the target, either could be true, and the honest answer is that more
//! samples are needed. So "reached" is wrong at most once in 40 communes whose true mean is just below the target,
//! and likewise "not reached"; a bare comparison of the point estimate would be wrong in 20 of the 40.

use ispeed_protocol::Month;

use crate::figure::{Decimal, Figure};
use crate::figures::Figures;
use crate::group::{Group, Level, OperatorGroup};
use crate::metric::Metric;
use crate::settings::{Settings, Target};
use crate::statements::{TargetStatement, TargetVerdict};

/// The rule.
pub fn verdict(figure: Option<&Figure>, at_least: Decimal, min_samples: u32) -> TargetVerdict {
    let enough = figure.filter(|f| f.n >= u64::from(min_samples));
    match enough.and_then(|f| f.interval) {
        Some([low, _]) if low >= at_least => TargetVerdict::Reached,
        Some([_, high]) if high < at_least => TargetVerdict::NotReached,
        _ => TargetVerdict::NotEnough,
    }
}

/// The statements of a place: every target that holds, of all operators and of each operator that has samples of the
/// technology.
pub(crate) fn statements(
    settings: &Settings,
    month: Month,
    level: Level,
    code: &str,
    figures: &Figures<'_>,
) -> Vec<TargetStatement> {
    let mut out = Vec::new();
    for target in settings.targets_of(month) {
        let Ok(metric) = target.metric.parse::<Metric>() else { continue };
        let Some(at_least) = Decimal::round(target.at_least, metric.decimals()) else { continue };
        for operator in [OperatorGroup::All].into_iter().chain(OperatorGroup::EACH) {
            let group = Group { level, code: code.to_owned(), operator, technology: target.technology };
            let figure = figures.get(&group, metric);
            if figure.is_some() || operator == OperatorGroup::All {
                out.push(statement(settings, target, group, metric, at_least, figures));
            }
        }
    }
    out
}

fn statement(
    settings: &Settings,
    target: &Target,
    group: Group,
    metric: Metric,
    at_least: Decimal,
    figures: &Figures<'_>,
) -> TargetStatement {
    let figure = figures.get(&group, metric);
    let beside = match metric {
        Metric::DownMean => Some(Metric::DownMedian),
        Metric::UpMean => Some(Metric::UpMedian),
        _ => None,
    };
    let verdict = if target.informational {
        TargetVerdict::Informational
    } else {
        verdict(figure, at_least, settings.min_samples)
    };
    TargetStatement {
        metric,
        paper: target.paper.clone(),
        at_least,
        verdict,
        value: figure.and_then(|f| f.value),
        interval: figure.and_then(|f| f.interval),
        n: figure.map_or(0, |f| f.n),
        median: beside.and_then(|median| figures.get(&group, median)).and_then(|f| f.value),
        group,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(low: &str, high: &str, n: u64) -> Figure {
        let interval = Some([low.parse().unwrap(), high.parse().unwrap()]);
        let group = Group::all(Level::Commune, "25195");
        Figure { group, metric: Metric::DownMean, value: None, interval, n, devices: 20, public: true }
    }

    #[test]
    fn the_whole_interval_decides() {
        let target = "40.00".parse().unwrap();
        let say = |low, high, n| verdict(Some(&figure(low, high, n)), target, 30);
        assert_eq!(say("40.00", "61.00", 30), TargetVerdict::Reached);
        assert_eq!(say("39.99", "61.00", 3000), TargetVerdict::NotEnough);
        assert_eq!(say("20.00", "39.99", 30), TargetVerdict::NotReached);
        assert_eq!(say("20.00", "40.00", 30), TargetVerdict::NotEnough);
        assert_eq!(say("50.00", "61.00", 29), TargetVerdict::NotEnough);
        assert_eq!(
            verdict(Some(&Figure { interval: None, ..figure("1.00", "2.00", 99) }), target, 30),
            TargetVerdict::NotEnough
        );
        assert_eq!(verdict(None, target, 30), TargetVerdict::NotEnough);
    }
}
