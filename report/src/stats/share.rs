//! A share of counts that come in clusters: failed attempts, lost packets, samples above a floor.

use super::{Estimate, MIN_EFFECTIVE_CLUSTERS, effective_clusters, ordered_sum, small_sample, student, wilson};

/// A cluster's counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Of these.
    pub all: u64,
    /// So many are of the kind.
    pub hits: u64,
}

/// Where the rarer answer came from fewer effective devices than this, their spread says nothing of how answers
/// cluster: then each effective device is taken for one observation.
pub const RARE_CLUSTERS: f64 = 20.0;
/// A design effect below this is chance.
const MIN_DESIGN_EFFECT: f64 = 0.7;

/// The pooled share with Wilson's interval at an effective number of observations. `None` of nothing.
///
/// The variance is the jackknife over clusters of the pooled share; its ratio to the binomial one is the design
/// effect that divides the number of observations (Kish 1965; Korn and Graubard 1998).
pub fn share(clusters: &[Counts], min_clusters: usize) -> Option<Estimate> {
    let (all, hits) = clusters.iter().fold((0, 0), |(all, hits), c| (all + c.all, hits + c.hits));
    if all == 0 {
        return None;
    }
    let (n, value) = (all as f64, hits as f64 / all as f64);
    let used = || clusters.iter().filter(|c| c.all > 0);
    let effective = effective_clusters(used().map(|c| c.all));
    if used().count() < min_clusters.max(2) || effective < MIN_EFFECTIVE_CLUSTERS {
        return Some(Estimate { value, interval: None });
    }
    let rarer = |c: &Counts| if value > 0.5 { c.all - c.hits } else { c.hits };
    let observations = if effective_clusters(used().map(rarer)) < RARE_CLUSTERS {
        effective
    } else {
        n / design_effect(used().copied(), value).max(MIN_DESIGN_EFFECT)
    };
    let quantile = student::t(student::Z975, effective - 1.0);
    Some(Estimate { value, interval: Some(wilson(value, observations, quantile)) })
}

/// Variance of the pooled share by leaving out each cluster in turn, over the binomial variance at `at`; widened for few
/// clusters.
pub(crate) fn design_effect(clusters: impl Iterator<Item = Counts> + Clone, at: f64) -> f64 {
    let (count, all, hits) =
        clusters.clone().fold((0u64, 0, 0), |(k, all, hits), c| (k + 1, all + c.all, hits + c.hits));
    let (n, pooled) = (all as f64, hits as f64 / all as f64);
    let left_out = |c: Counts| {
        let difference = (hits - c.hits) as f64 / (all - c.all) as f64 - pooled;
        difference * difference
    };
    let mut squares: Vec<f64> = clusters.map(left_out).collect();
    let variance = (count - 1) as f64 / count as f64 * ordered_sum(&mut squares);
    variance * n / (at * (1.0 - at))
}

/// The design effect widened for few clusters.
pub(crate) fn widened(design_effect: f64, effective: f64) -> f64 {
    design_effect * small_sample(effective) * small_sample(effective)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn equal(clusters: usize, all: u64, hits: u64) -> Vec<Counts> {
        vec![Counts { all, hits }; clusters]
    }

    #[test]
    fn nothing_has_no_share_and_few_devices_no_interval() {
        assert_eq!(share(&[], 10), None);
        assert_eq!(share(&[Counts::default()], 10), None);
        let nine = share(&equal(9, 10, 5), 10).unwrap();
        assert_eq!(nine, Estimate { value: 0.5, interval: None });
        assert!(share(&equal(10, 10, 5), 10).unwrap().interval.is_some());
        // Ten devices of which one gave nearly everything are not ten.
        let mut lopsided = equal(10, 1, 1);
        lopsided[0] = Counts { all: 1000, hits: 100 };
        assert_eq!(share(&lopsided, 10).unwrap().interval, None);
    }

    #[test]
    fn a_rare_answer_counts_each_device_once() {
        // None of 40 devices failed in 10 attempts each: Wilson's interval of 0 in 40, not of 0 in 400.
        let none = share(&equal(40, 10, 0), 10).unwrap();
        let quantile = student::t(student::Z975, 39.0);
        assert_eq!(none.interval, Some(wilson(0.0, 40.0, quantile)));
    }

    #[test]
    fn whole_clusters_of_one_answer_count_once_each() {
        // 30 devices answer 10 times no, 30 answer 10 times yes: the design effect is about 10.
        let clusters: Vec<Counts> = (0..60).map(|k| Counts { all: 10, hits: if k < 30 { 10 } else { 0 } }).collect();
        let effect = design_effect(clusters.iter().copied(), 0.5);
        // Jackknife: differences of ±(300-10·{0,1})/590 - 1/2 = ±5/590 each: (59/60)·60·(5/590)² · 600/0.25.
        assert!((effect - 59.0 * (5.0f64 / 590.0).powi(2) * 2400.0).abs() < 1e-12, "{effect}");
        let [low, high] = share(&clusters, 10).unwrap().interval.unwrap();
        assert!(low > 0.36 && low < 0.39 && high > 0.61 && high < 0.64, "{low} {high}");
    }

    #[test]
    fn the_order_of_devices_changes_no_bit() {
        let mut clusters: Vec<Counts> = (1..200).map(|k| Counts { all: 3 + k % 7, hits: k % 4 }).collect();
        let there = share(&clusters, 10);
        clusters.reverse();
        assert_eq!(there, share(&clusters, 10));
    }
}
