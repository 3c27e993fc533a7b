//! Mean and quantiles of values that come in clusters: each device gives several.

use super::share::{Counts, design_effect, widened};
use super::{Estimate, MIN_EFFECTIVE_CLUSTERS, effective_clusters, log, ordered_sum, student, wilson};

/// The tails need more than the middle: no bound of the 10th or 90th percentile exists from fewer than 36 independent
/// observations (0.9³⁶ < 0.025).
const MIN_OBSERVATIONS_TAIL: f64 = 36.0;
/// The same for the median: 0.5⁶ < 0.025.
const MIN_OBSERVATIONS_MEDIAN: f64 = 6.0;
/// Effective devices below which tails get no interval: fewer cannot show how a tail clusters (REPORTING.md, simulation).
const MIN_EFFECTIVE_TAIL: f64 = 30.0;
/// Widening of the standard error of a mean's logarithm: 1 + this / effective devices, calibrated by the simulation.
const MEAN_WIDENING: f64 = 2.0;

/// A mean.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Mean {
    /// Value and interval.
    pub estimate: Estimate,
    /// Standard error of its logarithm, widened; `None` without interval.
    pub log_error: Option<f64>,
    /// Degrees of freedom of that error.
    pub degrees: f64,
}

/// Values with the cluster each came from. Buffers are kept from one filling to the next.
#[derive(Debug, Default)]
pub struct Clustered {
    sorted: Vec<(f64, u32)>,
    /// Values of each cluster.
    sizes: Vec<u32>,
    counts: Vec<Counts>,
    /// Cluster's number here, by its number outside; valid where `round_of` is `round`.
    number_of: Vec<u32>,
    round_of: Vec<u32>,
    round: u32,
    effective: f64,
    median_effect: Option<f64>,
}

impl Clustered {
    /// Takes other values: each with its cluster, a small number. What is no number is left out.
    pub fn fill(&mut self, values: impl Iterator<Item = (f64, u32)>) {
        self.sorted.clear();
        self.sizes.clear();
        self.median_effect = None;
        self.round = self.round.wrapping_add(1);
        for (value, cluster) in values.filter(|(value, _)| value.is_finite()) {
            let number = self.number(cluster);
            self.sizes[number as usize] += 1;
            self.sorted.push((value, number));
        }
        // Equal values may change places: whatever is computed treats them alike.
        self.sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        self.effective = effective_clusters(self.sizes.iter().map(|m| u64::from(*m)));
    }

    fn number(&mut self, cluster: u32) -> u32 {
        let at = cluster as usize;
        if at >= self.round_of.len() {
            self.round_of.resize(at + 1, self.round.wrapping_sub(1));
            self.number_of.resize(at + 1, 0);
        }
        if self.round_of[at] != self.round {
            self.round_of[at] = self.round;
            self.number_of[at] = self.sizes.len() as u32;
            self.sizes.push(0);
        }
        self.number_of[at]
    }

    /// Number of values.
    pub fn n(&self) -> usize {
        self.sorted.len()
    }

    fn has_interval(&self, min_clusters: usize) -> bool {
        self.sizes.len() >= min_clusters.max(2) && self.effective >= MIN_EFFECTIVE_CLUSTERS
    }

    fn quantile_of_t(&self) -> f64 {
        student::t(student::Z975, self.effective - 1.0)
    }

    /// The mean, with the jackknife over clusters of its logarithm and t at the effective number of clusters less one.
    pub fn mean(&self, min_clusters: usize) -> Option<Mean> {
        let n = self.sorted.len();
        if n == 0 {
            return None;
        }
        let sum: f64 = self.sorted.iter().map(|(value, _)| value).sum();
        let value = sum / n as f64;
        let degrees = self.effective - 1.0;
        let log_error = if self.has_interval(min_clusters) { self.log_error(sum, value) } else { None };
        let interval = log_error.map(|error| {
            let factor = log::exp(self.quantile_of_t() * error);
            [value / factor, value * factor]
        });
        Some(Mean { estimate: Estimate { value, interval }, log_error, degrees })
    }

    fn log_error(&self, sum: f64, mean: f64) -> Option<f64> {
        let (n, clusters) = (self.sorted.len(), self.sizes.len());
        let mut sums = vec![0.0; clusters];
        for (value, cluster) in &self.sorted {
            sums[*cluster as usize] += value;
        }
        let mut squares = Vec::with_capacity(clusters);
        for (own, size) in sums.iter().zip(&self.sizes) {
            let without = (sum - own) / (n - *size as usize) as f64;
            let step = log::ln(without / mean);
            // A mean that is not positive, or rests on one device, has no logarithm.
            if !step.is_finite() {
                return None;
            }
            squares.push(step * step);
        }
        let variance = (clusters - 1) as f64 / clusters as f64 * ordered_sum(&mut squares);
        Some(variance.sqrt() * (1.0 + MEAN_WIDENING / self.effective))
    }

    /// The value below which a share of all lies, between order statistics in proportion (Hyndman and Fan's type 7, which
    /// spreadsheets, NumPy, DuckDB and Spark share; at one half it is the usual median).
    pub fn quantile_value(&self, share: f64) -> Option<f64> {
        let last = self.sorted.len().checked_sub(1)?;
        let position = share * last as f64;
        let below = (position.floor() as usize).min(last);
        let (low, high) = (self.sorted[below].0, self.sorted[(below + 1).min(last)].0);
        Some(low + (position - below as f64) * (high - low))
    }

    /// A quantile with Woodruff's interval: the interval of the share below it, turned into values.
    pub fn quantile(&mut self, share: f64, min_clusters: usize) -> Option<Estimate> {
        let value = self.quantile_value(share)?;
        let interval = self.woodruff(share, value, min_clusters);
        Some(Estimate { value, interval })
    }

    fn woodruff(&mut self, share: f64, value: f64, min_clusters: usize) -> Option<[f64; 2]> {
        let middle = share == 0.5;
        if !self.has_interval(min_clusters) || (!middle && self.effective < MIN_EFFECTIVE_TAIL) {
            return None;
        }
        let n = self.sorted.len() as f64;
        let median_effect = self.median_effect();
        // In a tail few devices are seen, and their spread underrates the clustering: the middle's is the least that
        // is taken.
        let effect = if middle { median_effect } else { self.effect_at(value, share).max(median_effect) };
        let observations = n / effect;
        if observations < if middle { MIN_OBSERVATIONS_MEDIAN } else { MIN_OBSERVATIONS_TAIL } {
            return None;
        }
        let [low, high] = wilson(share, observations, self.quantile_of_t());
        let rank = |position: f64| (position.max(0.0) as usize).min(self.sorted.len() - 1);
        let (low, high) = (rank((low * n - 1e-9).ceil() - 1.0), rank((high * n + 1e-9).floor()));
        Some([self.sorted[low].0, self.sorted[high].0])
    }

    /// The design effect at the median, widened.
    fn median_effect(&mut self) -> f64 {
        if let Some(effect) = self.median_effect {
            return effect;
        }
        let effect = self.quantile_value(0.5).map_or(1.0, |median| self.effect_at(median, 0.5));
        self.median_effect = Some(effect);
        effect
    }

    /// The design effect of the share of values not above `value`, against the binomial variance at `share`; widened.
    fn effect_at(&mut self, value: f64, share: f64) -> f64 {
        let below = self.sorted.partition_point(|(v, _)| *v <= value);
        self.count(..below);
        let effect = widened(design_effect(self.counts.iter().copied(), share), self.effective);
        // All values alike: nothing is known of how they cluster, and nothing needs to be.
        if effect > 0.0 { effect } else { 1.0 }
    }

    fn count(&mut self, hits: impl std::slice::SliceIndex<[(f64, u32)], Output = [(f64, u32)]>) {
        self.counts.clear();
        self.counts.extend(self.sizes.iter().map(|m| Counts { all: u64::from(*m), hits: 0 }));
        for (_, cluster) in &self.sorted[hits] {
            self.counts[*cluster as usize].hits += 1;
        }
    }

    /// The share of values that reach `floor`. Its design effect is not taken below that of the median: near 0 and 1 few
    /// devices show the rarer side, and theirs would be too small.
    pub fn share_reaching(&mut self, floor: f64, min_clusters: usize) -> Option<Estimate> {
        let n = self.sorted.len();
        if n == 0 {
            return None;
        }
        let below = self.sorted.partition_point(|(v, _)| *v < floor);
        let value = (n - below) as f64 / n as f64;
        if !self.has_interval(min_clusters) {
            return Some(Estimate { value, interval: None });
        }
        let mut effect = self.median_effect().max(1.0);
        if below > 0 && below < n {
            self.count(below..);
            effect = effect.max(widened(design_effect(self.counts.iter().copied(), value), self.effective));
        }
        Some(Estimate { value, interval: Some(wilson(value, n as f64 / effect, self.quantile_of_t())) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::random::Random;
    use super::*;
    use proptest::prelude::*;

    fn filled(values: &[(f64, u32)]) -> Clustered {
        let mut clustered = Clustered::default();
        clustered.fill(values.iter().copied());
        clustered
    }

    #[test]
    fn values_by_hand() {
        let mut few = filled(&[(40.0, 7), (10.0, 7), (20.0, 2), (30.0, 900), (f64::NAN, 1)]);
        assert_eq!(few.n(), 4);
        assert_eq!(few.mean(10).unwrap().estimate, Estimate { value: 25.0, interval: None });
        assert_eq!(few.quantile(0.5, 10), Some(Estimate { value: 25.0, interval: None }));
        // Type 7: position 0.1 · 3 = 0.3 between 10 and 20.
        assert_eq!(few.quantile_value(0.1), Some(13.0));
        assert_eq!(few.quantile_value(0.9), Some(37.0));
        assert_eq!(few.share_reaching(20.0, 10).unwrap().value, 0.75);
        let mut none = filled(&[]);
        assert!(none.mean(10).is_none() && none.quantile(0.5, 10).is_none() && none.share_reaching(1.0, 10).is_none());
    }

    #[test]
    fn the_interval_of_a_mean_by_hand() {
        // Ten devices of one value each, nine of 10 and one of 20: mean 11. Left out: ln(100/9/11) nine times,
        // ln(10/11) once.
        let values: Vec<(f64, u32)> = (0..10).map(|k| (if k == 0 { 20.0 } else { 10.0 }, k)).collect();
        let mean = filled(&values).mean(10).unwrap();
        let variance = 0.9 * (9.0 * (100.0f64 / 99.0).ln().powi(2) + (10.0f64 / 11.0).ln().powi(2));
        let error = variance.sqrt() * 1.2;
        let half = 2.262_157 * error;
        let [low, high] = mean.estimate.interval.unwrap();
        assert!((low / (11.0 * (-half).exp()) - 1.0).abs() < 1e-3, "{low}");
        assert!((high / (11.0 * half.exp()) - 1.0).abs() < 1e-3, "{high}");
    }

    #[test]
    fn one_device_that_gave_nearly_all_gives_no_interval() {
        let values: Vec<(f64, u32)> = (0..300).map(|k| (f64::from(k) + 1.0, if k < 290 { 0 } else { k })).collect();
        let mut clustered = filled(&values);
        assert_eq!(clustered.mean(10).unwrap().estimate.interval, None);
        assert_eq!(clustered.quantile(0.5, 10).unwrap().interval, None);
    }

    #[test]
    fn repeating_every_value_on_its_device_leaves_the_interval_of_the_mean() {
        let mut random = Random::new(5);
        let values: Vec<(f64, u32)> = (0..40).map(|k| (random.lognormal(0.9), k)).collect();
        let tenfold: Vec<(f64, u32)> = (0..10).flat_map(|_| values.clone()).collect();
        let (once, ten) = (filled(&values), filled(&tenfold));
        let (once, ten) = (once.mean(10).unwrap().estimate, ten.mean(10).unwrap().estimate);
        let ([a, b], [c, d]) = (once.interval.unwrap(), ten.interval.unwrap());
        assert!((a / c - 1.0).abs() < 1e-9 && (b / d - 1.0).abs() < 1e-9, "300 taps on one phone are one observation");
    }

    #[test]
    fn values_all_alike_are_no_trouble() {
        let mut alike = filled(&(0..400).map(|k| (8.0, k % 40)).collect::<Vec<_>>());
        let near = |interval: Option<[f64; 2]>| interval.is_some_and(|[a, b]| (a - 8.0).abs() + (b - 8.0).abs() < 1e-9);
        assert!(near(alike.mean(10).unwrap().estimate.interval));
        assert!(near(alike.quantile(0.5, 10).unwrap().interval) && near(alike.quantile(0.9, 10).unwrap().interval));
        assert_eq!(alike.share_reaching(9.0, 10).unwrap().value, 0.0);
    }

    proptest! {
        #[test]
        fn rows_in_any_order_and_devices_of_any_name_give_the_same_bits(seed in 0u64..1000, n in 1usize..400) {
            let mut random = Random::new(seed);
            let mut values: Vec<(f64, u32)> =
                (0..n).map(|_| (random.lognormal(1.1), (random.uniform() * 45.0) as u32)).collect();
            let all = |c: &mut Clustered| {
                (c.mean(10), [0.1, 0.5, 0.9].map(|p| c.quantile(p, 10)), c.share_reaching(1.0, 10))
            };
            let there = all(&mut filled(&values));
            values.iter_mut().for_each(|(_, device)| *device = 977 - *device * 3);
            random.shuffle(&mut values);
            let mut reused = filled(&[(1.0, 1), (2.0, 2)]);
            reused.fill(values.iter().copied());
            prop_assert_eq!(&there, &all(&mut reused));
            // An interval holds its estimate.
            for estimate in there.1.iter().flatten().chain(there.0.as_ref().map(|m| &m.estimate)).chain(&there.2) {
                if let Some([low, high]) = estimate.interval {
                    prop_assert!(low <= estimate.value && estimate.value <= high, "{:?}", estimate);
                }
            }
        }

        #[test]
        fn a_mean_scales_with_its_values(seed in 0u64..200) {
            let mut random = Random::new(seed);
            let values: Vec<(f64, u32)> = (0..200).map(|k| (random.lognormal(0.9), k % 25)).collect();
            let scaled: Vec<(f64, u32)> = values.iter().map(|(v, d)| (v * 1e6, *d)).collect();
            let (a, b) = (filled(&values).mean(10).unwrap().estimate, filled(&scaled).mean(10).unwrap().estimate);
            let (a, b) = (a.interval.unwrap(), b.interval.unwrap());
            prop_assert!((0..2).all(|k| (b[k] / a[k] / 1e6 - 1.0).abs() < 1e-9));
        }
    }
}
