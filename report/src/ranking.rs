//! Operators against each other: who is shown to be better, and what is a draw.
//!
//! Two means are compared on the logarithmic scale, where their errors are about normal: the difference, its standard
//! error from both (each already clustered by device), Welch's degrees of freedom, and a t quantile for all pairs of
//! the ranking together (Bonferroni), so that in 95 of 100 rankings no false winner is named at all. A device that
//! measured two operators (two SIMs) makes the errors go together, which this leaves aside: the interval is then
//! wider than need be, never narrower.

use crate::figure::Decimal;
use crate::group::{OperatorGroup, TechnologyGroup};
use crate::metric::Metric;
use crate::settings::Settings;
use crate::statements::{Comparison, Outcome, Ranking, Standing};
use crate::stats::{log, student};

/// Operators that are compared: "other" is a mixture and is not.
const RANKED: [OperatorGroup; 4] =
    [OperatorGroup::Viettel, OperatorGroup::Vinaphone, OperatorGroup::Mobifone, OperatorGroup::Vietnamobile];

/// A mean of an operator and technology.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Entry {
    /// Operator.
    pub operator: OperatorGroup,
    /// Technology.
    pub technology: TechnologyGroup,
    /// Mean download or upload.
    pub metric: Metric,
    /// The mean.
    pub value: f64,
    /// Standard error of its logarithm; `None`: too few devices.
    pub log_error: Option<f64>,
    /// Degrees of freedom of that error.
    pub degrees: f64,
    /// Samples.
    pub n: u64,
}

impl Entry {
    /// Standard error and its degrees, where it may be ranked.
    fn error(&self, min_samples: u32) -> Option<(f64, f64)> {
        self.log_error.filter(|_| self.n >= u64::from(min_samples)).map(|error| (error, self.degrees))
    }
}

/// The rankings of a place: 4G, then 5G; download, then upload; where two operators or more have samples.
pub fn rankings(entries: &[Entry], settings: &Settings) -> Vec<Ranking> {
    let mut out = Vec::new();
    for technology in [TechnologyGroup::G4, TechnologyGroup::G5] {
        for metric in [Metric::DownMean, Metric::UpMean] {
            let own = |operator: &OperatorGroup| {
                let same = |e: &&Entry| e.operator == *operator && e.technology == technology && e.metric == metric;
                entries.iter().find(same).copied()
            };
            let found: Vec<Entry> = RANKED.iter().filter_map(own).collect();
            if found.len() >= 2 {
                out.push(rank(technology, metric, &found, settings.min_samples));
            }
        }
    }
    out
}

fn rank(technology: TechnologyGroup, metric: Metric, entries: &[Entry], min_samples: u32) -> Ranking {
    let able = entries.iter().filter(|e| e.error(min_samples).is_some()).count();
    let z = student::z_for_pairs(able * able.saturating_sub(1) / 2);
    let mut comparisons = Vec::new();
    for (at, first) in entries.iter().enumerate() {
        comparisons.extend(entries[at + 1..].iter().map(|second| compare(first, second, min_samples, z)));
    }
    let better_than = |operator: OperatorGroup| {
        let shown = comparisons.iter().filter_map(Comparison::shown);
        shown.filter(|(_, worse)| *worse == operator).count() as u8
    };
    let standing = |e: &Entry| Standing {
        operator: e.operator,
        rank: (able >= 2 && e.error(min_samples).is_some()).then(|| 1 + better_than(e.operator)),
    };
    let mut standings: Vec<Standing> = entries.iter().map(standing).collect();
    standings.sort_by_key(|s| (s.rank.is_none(), s.rank, s.operator));
    Ranking { technology, metric, standings, comparisons }
}

fn compare(first: &Entry, second: &Entry, min_samples: u32, z: f64) -> Comparison {
    let not_enough =
        Comparison { first: first.operator, second: second.operator, outcome: Outcome::NotEnough, ratio: None };
    let (Some((a, a_degrees)), Some((b, b_degrees))) = (first.error(min_samples), second.error(min_samples)) else {
        return not_enough;
    };
    let variance = a * a + b * b;
    let welch = variance * variance / (a.powi(4) / a_degrees + b.powi(4) / b_degrees);
    // Without any spread there is no degree of freedom to count either.
    let half = if variance > 0.0 { student::t(z, welch) * variance.sqrt() } else { 0.0 };
    let difference = log::ln(first.value / second.value);
    let [low, high] = [difference - half, difference + half];
    let outcome = if low > 0.0 {
        Outcome::First
    } else if high < 0.0 {
        Outcome::Second
    } else {
        Outcome::Draw
    };
    let round = |x: f64| Decimal::round(log::exp(x), 3);
    match (round(difference), round(low), round(high)) {
        (Some(ratio), Some(low), Some(high)) => Comparison { outcome, ratio: Some([ratio, low, high]), ..not_enough },
        _ => not_enough,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(operator: OperatorGroup, value: f64, error: Option<f64>, n: u64) -> Entry {
        let (technology, metric) = (TechnologyGroup::G4, Metric::DownMean);
        Entry { operator, technology, metric, value, log_error: error, degrees: 40.0, n }
    }

    fn one(entries: &[Entry]) -> Ranking {
        let rankings = rankings(entries, &Settings::default());
        assert_eq!(rankings.len(), 1);
        rankings.into_iter().next().unwrap()
    }

    use OperatorGroup::{Mobifone, Other, Vietnamobile, Viettel, Vinaphone};

    #[test]
    fn a_draw_is_called_a_draw() {
        let ranking = one(&[entry(Viettel, 50.0, Some(0.1), 300), entry(Vinaphone, 45.0, Some(0.1), 300)]);
        // ln(50/45) = 0.1054; half = t(80) · 0.1414 = 0.2814.
        assert_eq!(ranking.comparisons[0].outcome, Outcome::Draw);
        let [ratio, low, high] = ranking.comparisons[0].ratio.unwrap().map(|d| d.to_string());
        assert_eq!((ratio.as_str(), low.as_str(), high.as_str()), ("1.111", "0.839", "1.472"));
        assert!(ranking.standings.iter().all(|s| s.rank == Some(1)));
    }

    #[test]
    fn a_clear_difference_is_named_and_the_thin_are_not_ranked() {
        let ranking = one(&[
            entry(Viettel, 30.0, Some(0.05), 300),
            entry(Vinaphone, 60.0, Some(0.05), 300),
            entry(Mobifone, 31.0, Some(0.05), 300),
            entry(Vietnamobile, 500.0, Some(0.05), 29),
            entry(Other, 900.0, Some(0.01), 900),
        ]);
        let ranks: Vec<_> = ranking.standings.iter().map(|s| (s.operator, s.rank)).collect();
        assert_eq!(ranks, [(Vinaphone, Some(1)), (Viettel, Some(2)), (Mobifone, Some(2)), (Vietnamobile, None)]);
        let outcome = |a, b| ranking.comparisons.iter().find(|c| c.first == a && c.second == b).unwrap().outcome;
        assert_eq!(outcome(Viettel, Vinaphone), Outcome::Second);
        assert_eq!(outcome(Viettel, Mobifone), Outcome::Draw);
        assert_eq!(outcome(Vinaphone, Vietnamobile), Outcome::NotEnough);
        assert_eq!(ranking.comparisons.len(), 6);
    }

    #[test]
    fn one_operator_alone_is_no_ranking() {
        assert!(rankings(&[entry(Viettel, 30.0, Some(0.05), 300)], &Settings::default()).is_empty());
        let ranking = one(&[entry(Viettel, 30.0, Some(0.05), 300), entry(Vinaphone, 60.0, None, 300)]);
        assert!(ranking.standings.iter().all(|s| s.rank.is_none()));
    }

    #[test]
    fn more_pairs_need_more_evidence() {
        // Apart by 2.1 standard errors: two operators alone would be ranked, four together are not.
        let apart = |value| entry(Viettel, value, Some(0.1), 300);
        let rest = [
            entry(Vinaphone, 40.0, Some(0.1), 300),
            entry(Mobifone, 40.0, Some(0.1), 300),
            entry(Vietnamobile, 40.0, Some(0.1), 300),
        ];
        let value = 40.0 * (2.1 * 0.1 * 2f64.sqrt()).exp();
        assert_eq!(one(&[apart(value), rest[0]]).comparisons[0].outcome, Outcome::First);
        assert_eq!(one(&[apart(value), rest[0], rest[1], rest[2]]).comparisons[0].outcome, Outcome::Draw);
    }
}
