//! Paired differences and their intervals.

use std::collections::BTreeMap;

use ispeed_protocol::Day;

use super::Pair;
use crate::{Decimal, MonthSample, OperatorGroup, TechnologyGroup};

/// Fewest clusters for which an interval is stated: below, cluster-robust intervals are far too short.
pub const CLUSTERS_MIN: usize = 6;

/// What is compared.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum PairedMetric {
    /// Download goodput, Mbps; more is better.
    Down,
    /// Upload goodput, Mbps; more is better.
    Up,
    /// Idle latency, ms; less is better.
    Idle,
}

impl PairedMetric {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Down, Self::Up, Self::Idle];

    /// Word in files, with its unit.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Down => "down_difference_mbps",
            Self::Up => "up_difference_mbps",
            Self::Idle => "idle_latency_difference_ms",
        }
    }

    const fn decimals(self) -> u8 {
        match self {
            Self::Down | Self::Up => 2,
            Self::Idle => 1,
        }
    }

    fn of(self, sample: &MonthSample) -> Option<f64> {
        let value = match self {
            Self::Down => sample.down_bps.map(|bps| bps / 1e6),
            Self::Up => sample.up_bps.map(|bps| bps / 1e6),
            Self::Idle => sample.idle_ms,
        };
        value.filter(|value| value.is_finite())
    }
}

/// What a comparison comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Finding {
    /// The first operator is better here.
    First,
    /// The second one is.
    Second,
    /// The interval holds 0: a draw.
    Draw,
    /// Too few clusters to say anything.
    TooFew,
}

/// A paired difference: first operator less second.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Comparison {
    /// Operator that reports list first.
    pub first: OperatorGroup,
    /// The other.
    pub second: OperatorGroup,
    /// Technology of both phones; `All` for every pair, whatever its technologies.
    pub technology: TechnologyGroup,
    /// What was compared.
    pub metric: PairedMetric,
    /// Pairs.
    pub pairs: u64,
    /// Places and days they come from.
    pub place_days: u64,
    /// Pairs of phones they come from.
    pub device_pairs: u64,
    /// Mean difference.
    pub mean: Option<Decimal>,
    /// Median difference.
    pub median: Option<Decimal>,
    /// 95 % interval of the mean difference.
    pub interval: Option<[Decimal; 2]>,
    /// There are too few pairs of phones to tell operators from phones.
    pub phones_confounded: bool,
    /// What it comes to.
    pub finding: Finding,
}

impl Finding {
    /// Stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Second => "second",
            Self::Draw => "draw",
            Self::TooFew => "too_few",
        }
    }
}

/// Header of a file of comparisons.
pub const HEADER: [&str; 12] = [
    "first",
    "second",
    "technology",
    "metric",
    "pairs",
    "place_days",
    "device_pairs",
    "mean",
    "median",
    "low",
    "high",
    "finding",
];

impl Comparison {
    /// The fields of [`HEADER`]; what is not known is empty.
    pub fn fields(&self) -> [String; 12] {
        let text = |value: Option<Decimal>| value.map(|value| value.to_string()).unwrap_or_default();
        let [low, high] = self.interval.map_or([None, None], |bounds| bounds.map(Some));
        [
            self.first.code().to_owned(),
            self.second.code().to_owned(),
            self.technology.code().to_owned(),
            self.metric.code().to_owned(),
            self.pairs.to_string(),
            self.place_days.to_string(),
            self.device_pairs.to_string(),
            text(self.mean),
            text(self.median),
            text(low),
            text(high),
            self.finding.code().to_owned(),
        ]
    }
}

/// Every comparison that the pairs allow, in the order of operators, technologies and metrics.
pub fn compare(pairs: &[Pair<'_>]) -> Vec<Comparison> {
    let mut groups: BTreeMap<(OperatorGroup, OperatorGroup, TechnologyGroup), Vec<Pair<'_>>> = BTreeMap::new();
    for pair in pairs {
        let operators = (OperatorGroup::of(&pair.first.operator), OperatorGroup::of(&pair.second.operator));
        let technology = TechnologyGroup::of(pair.first.technology);
        groups.entry((operators.0, operators.1, TechnologyGroup::All)).or_default().push(*pair);
        if technology == TechnologyGroup::of(pair.second.technology) {
            groups.entry((operators.0, operators.1, technology)).or_default().push(*pair);
        }
    }
    let each = groups.iter().flat_map(|((first, second, technology), pairs)| {
        PairedMetric::ALL.into_iter().map(move |metric| comparison((*first, *second), *technology, metric, pairs))
    });
    each.collect()
}

fn comparison(
    (first, second): (OperatorGroup, OperatorGroup),
    technology: TechnologyGroup,
    metric: PairedMetric,
    pairs: &[Pair<'_>],
) -> Comparison {
    let mut differences = Vec::with_capacity(pairs.len());
    let mut places: BTreeMap<_, Vec<f64>> = BTreeMap::new();
    let mut phones: BTreeMap<_, Vec<f64>> = BTreeMap::new();
    let mut both: BTreeMap<_, Vec<f64>> = BTreeMap::new();
    for pair in pairs {
        let (Some(a), Some(b)) = (metric.of(pair.first), metric.of(pair.second)) else { continue };
        let difference = a - b;
        differences.push(difference);
        let place = (pair.first.cell, pair.first.commune.as_deref(), Day::of(pair.first.started_at));
        places.entry(place).or_default().push(difference);
        // Swapped SIMs are another pair: first and second are told by operator.
        let pair_of_phones = (pair.first.device_id.as_str(), pair.second.device_id.as_str());
        phones.entry(pair_of_phones).or_default().push(difference);
        both.entry((place, pair_of_phones)).or_default().push(difference);
    }
    let (place_days, device_pairs) = (places.len() as u64, phones.len() as u64);
    let mean = mean(&differences);
    let half_width = mean.and_then(|mean| half_width(mean, differences.len(), &places, &phones, &both));
    let decimals = metric.decimals();
    let round = |value: f64| Decimal::round(value, decimals);
    let interval = mean.zip(half_width).and_then(|(mean, half)| Some([round(mean - half)?, round(mean + half)?]));
    Comparison {
        first,
        second,
        technology,
        metric,
        pairs: differences.len() as u64,
        place_days,
        device_pairs,
        mean: mean.and_then(round),
        median: median(&differences).and_then(round),
        interval,
        phones_confounded: (device_pairs as usize) < CLUSTERS_MIN,
        finding: finding(interval, metric == PairedMetric::Idle),
    }
}

/// By the printed interval, so that nobody reads a draw where a winner is named.
fn finding(interval: Option<[Decimal; 2]>, less_is_better: bool) -> Finding {
    match interval {
        None => Finding::TooFew,
        Some([low, _]) if low.units > 0 => {
            if less_is_better {
                Finding::Second
            } else {
                Finding::First
            }
        }
        Some([_, high]) if high.units < 0 => {
            if less_is_better {
                Finding::First
            } else {
                Finding::Second
            }
        }
        Some(_) => Finding::Draw,
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}

/// Half the width of the interval of the mean; `None` below [`CLUSTERS_MIN`] places and days.
fn half_width<A, B, C>(
    mean: f64,
    n: usize,
    places: &BTreeMap<A, Vec<f64>>,
    phones: &BTreeMap<B, Vec<f64>>,
    both: &BTreeMap<C, Vec<f64>>,
) -> Option<f64> {
    if places.len() < CLUSTERS_MIN {
        return None;
    }
    let of_places = variance(mean, n, places.values());
    if phones.len() < CLUSTERS_MIN {
        return Some(t_975(places.len() - 1) * of_places.sqrt());
    }
    let of_phones = variance(mean, n, phones.values());
    // The difference may come out too small, even negative: then the larger of the two stands.
    let two_ways = of_places + of_phones - variance(mean, n, both.values());
    Some(t_975(places.len().min(phones.len()) - 1) * two_ways.max(of_places).max(of_phones).sqrt())
}

/// Cluster-robust variance of a mean of `n` values.
fn variance<'a>(mean: f64, n: usize, clusters: impl ExactSizeIterator<Item = &'a Vec<f64>>) -> f64 {
    let g = clusters.len() as f64;
    let squares: f64 = clusters.map(|cluster| cluster.iter().map(|d| d - mean).sum::<f64>().powi(2)).sum();
    g / (g - 1.0).max(1.0) * squares / (n as f64).powi(2)
}

/// The 97.5 % quantile of Student's t (Abramowitz and Stegun, table 26.10); beyond 30 degrees of freedom the first two
/// terms of its expansion about the normal one (26.7.5), right to 0.0001.
pub(super) fn t_975(degrees: usize) -> f64 {
    const TABLE: [f64; 30] = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
        2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
    ];
    const NORMAL: f64 = 1.959_964;
    match degrees {
        0 => f64::INFINITY,
        1..=30 => TABLE[degrees - 1],
        _ => {
            let n = degrees as f64;
            let (cubic, quintic) = (NORMAL.powi(3), NORMAL.powi(5));
            let first = (cubic + NORMAL) / (4.0 * n);
            NORMAL + first + (5.0 * quintic + 16.0 * cubic + 3.0 * NORMAL) / (96.0 * n * n)
        }
    }
}
