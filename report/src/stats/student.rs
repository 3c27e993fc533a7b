//! Quantiles of Student's t, also for degrees of freedom that are no integer.

/// Two-sided 95 % quantile of the normal distribution.
pub const Z975: f64 = 1.959_963_984_540_054;

/// Two-sided 95 % quantiles of the normal distribution when 1 to 6 pairs are compared at once (Bonferroni: 1 - 0.025
/// / pairs).
const Z_PAIRS: [f64; 6] = [
    Z975,
    2.241_402_727_604_945,
    2.393_979_800_052_28,
    2.497_705_474_411_238,
    2.575_829_303_548_9,
    2.638_257_273_476_752,
];

/// The quantile for so many pairs at once: 1 to 6, which is every pair of four operators.
pub fn z_for_pairs(pairs: usize) -> f64 {
    Z_PAIRS[pairs.clamp(1, Z_PAIRS.len()) - 1]
}

/// The t quantile at the probability of which `z` is the normal one: Cornish-Fisher expansion (Abramowitz and Stegun
/// 26.7.5), within 0.3 % from five degrees of freedom on at 95 %; infinite below one degree.
pub fn t(z: f64, degrees: f64) -> f64 {
    if degrees.is_nan() || degrees < 1.0 {
        return f64::INFINITY;
    }
    let square = z * z;
    let first = (square + 1.0) / 4.0;
    let second = ((5.0 * square + 16.0) * square + 3.0) / 96.0;
    let third = (((3.0 * square + 19.0) * square + 17.0) * square - 15.0) / 384.0;
    let fourth = ((((79.0 * square + 776.0) * square + 1482.0) * square - 1920.0) * square - 945.0) / 92_160.0;
    z * (1.0 + (first + (second + (third + fourth / degrees) / degrees) / degrees) / degrees)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// NIST/SEMATECH e-Handbook, table 1.3.6.7.2.
    #[test]
    fn quantiles_agree_with_the_table() {
        for (degrees, table) in [(5.0, 2.570_582), (9.0, 2.262_157), (30.0, 2.042_272), (120.0, 1.979_930)] {
            assert!((t(Z975, degrees) / table - 1.0).abs() < 2e-3, "{degrees}: {}", t(Z975, degrees));
        }
        // t(1 - 0.025/6) of 10 and of 29 degrees, by numerical integration: 3.2768 and 2.8316.
        assert!((t(z_for_pairs(6), 10.0) / 3.276_8 - 1.0).abs() < 5e-3, "{}", t(z_for_pairs(6), 10.0));
        assert!(t(Z975, 5.5) < t(Z975, 5.0) && t(Z975, 5.5) > t(Z975, 6.0));
        assert!((t(Z975, 1e9) - Z975).abs() < 1e-8);
        assert!(t(Z975, 0.5).is_infinite() && t(Z975, f64::NAN).is_infinite());
        assert!((1..6).all(|pairs| z_for_pairs(pairs) < z_for_pairs(pairs + 1)));
    }
}
