//! Earlier months: the change since the month before, and the 12 months up to this one.
//!
//! Only closed figures are looked at, so a trend needs no old sample and is the same years later.

use std::collections::BTreeMap;

use ispeed_protocol::Month;

use crate::figure::{Decimal, Figure};
use crate::group::Group;
use crate::metric::Metric;
use crate::stats::log;

#[derive(Clone, Copy, Debug)]
struct Past {
    month: Month,
    value: f64,
    interval: Option<[f64; 2]>,
    n: u64,
}

/// What is needed of the closed figures of earlier months (newest version of each). Hand over only months whose
/// boundary table gives a code to the same commune: a code alone is no key (`vietnam.md` 0.4).
#[derive(Clone, Debug, Default)]
pub struct History {
    by_group: BTreeMap<Group, Vec<Past>>,
}

/// A trend.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Trend {
    /// Value.
    pub value: f64,
    /// Interval, where every figure it is made of has one.
    pub interval: Option<[f64; 2]>,
    /// Samples: of a change the fewer of both months, of a year all of them.
    pub n: u64,
}

impl History {
    /// Takes a figure of an earlier month in; figures that no trend needs are left aside, so a whole `figures.csv`
    /// may be handed over. Of two of one month and group the later one stands.
    pub fn add(&mut self, month: Month, figure: &Figure) {
        let Some(past) = past(month, figure) else { return };
        let months = self.by_group.entry(figure.group.clone()).or_default();
        months.retain(|p| p.month != month);
        months.push(past);
        months.sort_unstable_by_key(|p| (p.month.year, p.month.month));
    }

    /// Change in percent since the month before.
    ///
    /// The interval is MOVER's for a ratio (Zou and Donner 2008) on the logarithmic scale: it needs nothing but both
    /// intervals. It takes the months for independent; devices that measured in both make it wider than need be.
    pub fn change(&self, month: Month, now: &Figure) -> Option<Trend> {
        let before = self.by_group.get(&now.group)?.iter().find(|p| p.month.next() == month)?;
        let now = past(month, now)?;
        if now.value <= 0.0 || before.value <= 0.0 {
            return None;
        }
        let difference = log::ln(now.value / before.value);
        let interval = now.interval.zip(before.interval).and_then(|([l1, u1], [l0, u0])| {
            let apart = |a: f64, b: f64| log::ln(a / b).powi(2);
            let low = difference - (apart(now.value, l1) + apart(u0, before.value)).sqrt();
            let high = difference + (apart(u1, now.value) + apart(before.value, l0)).sqrt();
            (low.is_finite() && high.is_finite()).then(|| [low, high].map(|x| 100.0 * (log::exp(x) - 1.0)))
        });
        Some(Trend { value: 100.0 * (now.value / before.value - 1.0), interval, n: now.n.min(before.n) })
    }

    /// Mean over this month and those of the 11 before it that were closed: each month's mean weighed by its samples,
    /// which is the mean of all their samples together, as VNNIC's window of 12 months has it (`vietnam.md` 3).
    /// `None` without an earlier month.
    ///
    /// The interval's bounds are the weighed bounds of the months. That is the variance when months go fully
    /// together, which is the most it can be: device ids change each month by design, so nobody can tell how far the
    /// same phones measured in each.
    pub fn twelve_months(&self, month: Month, now: &Figure) -> Option<Trend> {
        let first = months_since_zero(month) - 11;
        let earlier = self.by_group.get(&now.group)?.iter();
        let mut window: Vec<Past> = earlier
            .filter(|p| (first..months_since_zero(month)).contains(&months_since_zero(p.month)))
            .copied()
            .collect();
        if window.is_empty() {
            return None;
        }
        window.push(past(month, now)?);
        let n: u64 = window.iter().map(|p| p.n).sum();
        let weighed = |of: fn(&Past) -> Option<f64>| -> Option<f64> {
            let sum = window.iter().try_fold(0.0, |sum, p| Some(sum + of(p)? * p.n as f64))?;
            (n > 0).then_some(sum / n as f64)
        };
        let bounds = weighed(|p| p.interval.map(|i| i[0])).zip(weighed(|p| p.interval.map(|i| i[1])));
        Some(Trend { value: weighed(|p| Some(p.value))?, interval: bounds.map(|(low, high)| [low, high]), n })
    }
}

fn months_since_zero(month: Month) -> i32 {
    i32::from(month.year) * 12 + i32::from(month.month)
}

fn past(month: Month, figure: &Figure) -> Option<Past> {
    let value = figure.value.filter(|_| figure.metric == Metric::DownMean)?.as_f64();
    Some(Past { month, value, interval: figure.interval.map(|bounds| bounds.map(Decimal::as_f64)), n: figure.n })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::Level;

    fn mean(value: &str, interval: Option<[&str; 2]>, n: u64) -> Figure {
        let interval = interval.map(|bounds| bounds.map(|b| b.parse().unwrap()));
        let value = Some(value.parse().unwrap());
        Figure {
            group: Group::all(Level::Commune, "25195"),
            metric: Metric::DownMean,
            value,
            interval,
            n,
            devices: 9,
            public: true,
        }
    }

    fn month(text: &str) -> Month {
        text.parse().unwrap()
    }

    #[test]
    fn change_since_the_month_before() {
        let mut history = History::default();
        let now = mean("60.00", Some(["50.00", "72.00"]), 400);
        assert_eq!(history.change(month("2026-01"), &now), None);
        history.add(month("2025-11"), &mean("10.00", None, 300));
        assert_eq!(history.change(month("2026-01"), &now), None, "two months ago is not the month before");
        history.add(month("2025-12"), &mean("40.00", Some(["32.00", "50.00"]), 300));
        let change = history.change(month("2026-01"), &now).unwrap();
        assert!((change.value - 50.0).abs() < 1e-12 && change.n == 300);
        // ln 1.5 = 0.405465; below: sqrt(ln(60/50)² + ln(50/40)²) = sqrt(0.033241 + 0.049793) = 0.288156
        // above: sqrt(ln(72/60)² + ln(40/32)²), the same: both months are symmetric on the logarithmic scale.
        let [low, high] = change.interval.unwrap();
        assert!((low - 12.45).abs() < 0.01 && (high - 100.09).abs() < 0.01, "{low} {high}");
    }

    #[test]
    fn a_year_is_the_mean_of_all_its_samples() {
        let mut history = History::default();
        let now = mean("60.00", Some(["50.00", "70.00"]), 100);
        assert_eq!(history.twelve_months(month("2026-12"), &now), None);
        history.add(month("2025-12"), &mean("1000.00", None, 300));
        assert_eq!(history.twelve_months(month("2026-12"), &now), None, "13 months ago");
        history.add(month("2026-01"), &mean("9.00", Some(["8.00", "10.00"]), 300));
        history.add(month("2026-01"), &mean("20.00", Some(["10.00", "30.00"]), 300));
        history.add(month("2027-01"), &mean("1.00", None, 300));
        let year = history.twelve_months(month("2026-12"), &now).unwrap();
        // (60·100 + 20·300) / 400 = 30; bounds (50·100 + 10·300)/400 = 20 and (70·100 + 30·300)/400 = 40
        assert_eq!(year, Trend { value: 30.0, interval: Some([20.0, 40.0]), n: 400 });
        history.add(month("2026-02"), &mean("20.00", None, 300));
        assert_eq!(history.twelve_months(month("2026-12"), &now).unwrap().interval, None);
    }
}
