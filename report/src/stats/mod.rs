//! The statistics of a month, pure: values with the device each came from in, estimates with 95 % intervals out.
//!
//! Every result is a function of the multiset of its values and of which of them share a device: sums run over sorted
//! terms, so neither the order of rows nor the names of devices change a bit. Only sums, products, quotients and
//! square roots are used, which IEEE 754 rounds exactly; logarithm and exponential are made of them ([`log`]).
//! `docs/REPORTING.md` has the formulas, their sources and the table of the simulation that checks them.

pub mod clustered;
pub mod log;
pub mod share;
pub mod student;

#[cfg(test)]
mod coverage;
#[cfg(test)]
pub(crate) mod random;

pub use clustered::{Clustered, Mean};
pub use share::{Counts, share};

/// An estimate.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Estimate {
    /// Value.
    pub value: f64,
    /// 95 % interval; `None` where there are too few independent devices for one.
    pub interval: Option<[f64; 2]>,
}

/// Fewer *effective* devices than this give no interval, whatever the settings say: with five, a t quantile has four
/// degrees of freedom and the simulated coverage falls below 92 %.
pub const MIN_EFFECTIVE_CLUSTERS: f64 = 6.0;

/// Sums terms in an order that depends on nothing but their values.
pub(crate) fn ordered_sum(terms: &mut [f64]) -> f64 {
    terms.sort_unstable_by(f64::total_cmp);
    terms.iter().sum()
}

/// Kish's effective number of clusters: n² / Σ m².
pub(crate) fn effective_clusters(sizes: impl Iterator<Item = u64>) -> f64 {
    let (n, squares) = sizes.fold((0u128, 0u128), |(n, squares), m| {
        let m = u128::from(m);
        (n + m, squares + m * m)
    });
    if squares == 0 { 0.0 } else { (n * n) as f64 / squares as f64 }
}

/// Wilson's interval of a share, with a quantile and an effective number of observations of the caller's.
pub(crate) fn wilson(share: f64, n: f64, quantile: f64) -> [f64; 2] {
    let square = quantile * quantile;
    let centre = (share + square / (2.0 * n)) / (1.0 + square / n);
    let half = quantile * (share * (1.0 - share) / n + square / (4.0 * n * n)).sqrt() / (1.0 + square / n);
    [(centre - half).max(0.0), (centre + half).min(1.0)]
}

/// What a jackknife over clusters leaves too small when clusters are few: the standard error of a share or of a
/// position in the distribution is widened by this factor (calibrated by the simulation, REPORTING.md).
pub(crate) fn small_sample(effective: f64) -> f64 {
    1.0 + 1.0 / effective
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilson_agrees_with_hand_computed_values() {
        // 8 of 10, z = 1.96: Newcombe (1998) gives 0.4902 to 0.9433.
        let [low, high] = wilson(0.8, 10.0, 1.959_964);
        assert!((low - 0.490_162).abs() < 1e-6 && (high - 0.943_318).abs() < 1e-6, "{low} {high}");
        let [low, high] = wilson(0.0, 20.0, 1.959_964);
        assert!(low == 0.0 && (high - 0.161_125).abs() < 1e-6, "{high}");
    }

    #[test]
    fn effective_clusters_are_those_of_equal_size() {
        assert_eq!(effective_clusters([5, 5, 5, 5].into_iter()), 4.0);
        // 10² / (7² + 3·1²) = 100 / 52
        assert_eq!(effective_clusters([7, 1, 1, 1].into_iter()), 100.0 / 52.0);
        assert_eq!(effective_clusters(std::iter::empty()), 0.0);
    }
}
