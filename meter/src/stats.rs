//! Small statistics, written so that every machine computes the same bits: sums, products, quotients and square roots
//! only, for those IEEE 754 rounds exactly, and no library logarithm does.

/// Two-sided 95 % quantile of the normal distribution.
pub const Z975: f64 = 1.959_963_984_540_054;

/// `t(0.975, df)` for 1 to 30 degrees of freedom (NIST/SEMATECH e-Handbook, table 1.3.6.7.2).
const T975: [f64; 30] = [
    12.706_205, 4.302_653, 3.182_446, 2.776_445, 2.570_582, 2.446_912, 2.364_624, 2.306_004, 2.262_157, 2.228_139,
    2.200_985, 2.178_813, 2.160_369, 2.144_787, 2.131_450, 2.119_905, 2.109_816, 2.100_922, 2.093_024, 2.085_963,
    2.079_614, 2.073_873, 2.068_658, 2.063_899, 2.059_539, 2.055_529, 2.051_831, 2.048_407, 2.045_230, 2.042_272,
];

/// The 0.975 quantile of Student's t distribution; infinite for no degree of freedom.
pub fn t975(degrees_of_freedom: usize) -> f64 {
    match degrees_of_freedom {
        0 => f64::INFINITY,
        df if df <= T975.len() => T975[df - 1],
        df => {
            // Cornish-Fisher expansion (Abramowitz and Stegun 26.7.5), exact to 1e-5 from 30 degrees on.
            let (n, z) = (df as f64, Z975);
            let z3 = z * z * z;
            let z5 = z3 * z * z;
            z + (z3 + z) / (4.0 * n) + (5.0 * z5 + 16.0 * z3 + 3.0 * z) / (96.0 * n * n)
        }
    }
}

/// Mean; `None` of nothing.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Standard deviation of a sample (n - 1); `None` of fewer than two values.
pub fn sd(values: &[f64]) -> Option<f64> {
    let centre = mean(values)?;
    let n = values.len();
    (n >= 2).then(|| (values.iter().map(|v| (v - centre) * (v - centre)).sum::<f64>() / (n - 1) as f64).sqrt())
}

/// Median as RFC 2330 section 11.3 has it: the middle value, of an even count the mean of the middle two.
pub fn median(values: &[f64]) -> Option<f64> {
    median_of_sorted(&sorted(values))
}

/// [`median`] of values already in order.
pub fn median_of_sorted(sorted: &[f64]) -> Option<f64> {
    let n = sorted.len();
    match n {
        0 => None,
        _ if n % 2 == 1 => Some(sorted[n / 2]),
        _ => Some((sorted[n / 2 - 1] + sorted[n / 2]) / 2.0),
    }
}

/// Percentile of values in order, as RFC 2330 section 11.3 has it: the least value that at least `share` of all values
/// do not exceed.
pub fn percentile_of_sorted(sorted: &[f64], share: f64) -> Option<f64> {
    let n = sorted.len();
    let rank = (share * n as f64 - 1e-9).ceil().max(1.0) as usize;
    sorted.get(rank.min(n).checked_sub(1)?).copied()
}

/// The values in ascending order.
pub fn sorted(values: &[f64]) -> Vec<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values
}

/// Ranks (0-based) of the order statistics that bound the median with at least 95 % confidence, by the binomial
/// distribution; `None` for fewer than six values, where no pair does.
pub fn median_interval_ranks(n: usize) -> Option<(usize, usize)> {
    if n > 1000 {
        let below = (n as f64 / 2.0 - Z975 / 2.0 * (n as f64).sqrt()).floor() as usize;
        return Some((below.saturating_sub(1), n - below));
    }
    let mut probability = (0..n).fold(1.0, |p, _| p / 2.0);
    let mut tail = 0.0;
    let mut rank = None;
    for below in 0..n / 2 {
        tail += probability;
        if tail > 0.025 {
            break;
        }
        rank = Some((below, n - 1 - below));
        probability *= (n - below) as f64 / (below + 1) as f64;
    }
    rank
}

/// Correlation of each value with the next; `None` of fewer than three values or of values all alike.
pub fn autocorrelation(values: &[f64]) -> Option<f64> {
    let centre = mean(values)?;
    let square: f64 = values.iter().map(|v| (v - centre) * (v - centre)).sum();
    let product: f64 = values.windows(2).map(|pair| (pair[0] - centre) * (pair[1] - centre)).sum();
    (values.len() >= 3 && square > 0.0).then_some(product / square)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t_quantiles_join_the_normal_one() {
        assert_eq!(t975(5), 2.570_582);
        assert!((t975(31) - 2.039_513).abs() < 1e-4);
        assert!((t975(120) - 1.979_930).abs() < 1e-5);
        assert!(t975(1_000_000) - Z975 < 1e-5);
        assert!((1..200).all(|df| t975(df + 1) < t975(df)));
        assert!(t975(0).is_infinite());
    }

    #[test]
    fn percentiles_follow_rfc_2330() {
        let values: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!(percentile_of_sorted(&values, 0.95), Some(19.0));
        assert_eq!(percentile_of_sorted(&values, 0.951), Some(20.0));
        assert_eq!(percentile_of_sorted(&values, 0.0), Some(1.0));
        assert_eq!(percentile_of_sorted(&values, 1.0), Some(20.0));
        assert_eq!(percentile_of_sorted(&[], 0.5), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn the_median_of_twenty_lies_between_the_sixth_and_the_fifteenth() {
        assert_eq!(median_interval_ranks(20), Some((5, 14)));
        assert_eq!(median_interval_ranks(6), Some((0, 5)));
        assert_eq!(median_interval_ranks(5), None);
        assert_eq!(median_interval_ranks(0), None);
        let (low, high) = median_interval_ranks(1001).unwrap();
        let (below, above) = median_interval_ranks(1000).unwrap();
        assert!(low.abs_diff(below) <= 1 && high.abs_diff(above) <= 2);
    }

    #[test]
    fn deviation_and_autocorrelation() {
        assert_eq!(sd(&[1.0, 3.0]), Some(2.0f64.sqrt()));
        assert_eq!(sd(&[1.0]), None);
        assert_eq!(autocorrelation(&[2.0, 2.0, 2.0]), None);
        assert!(autocorrelation(&[1.0, -1.0, 1.0, -1.0, 1.0, -1.0]).unwrap() < -0.7);
        assert!(autocorrelation(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]).unwrap() > 0.5);
    }
}
