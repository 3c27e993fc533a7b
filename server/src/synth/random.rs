//! Chance that is the same on every machine: SplitMix64 and what is drawn from it.
//!
//! SplitMix64 (Steele, Lea, Flood 2014) because a stream can be begun at any sample, device or commune without the ones
//! before it. Logarithms and exponentials come from `libm`: those of the standard library are the system's, and differ in
//! the last digit.

use std::f64::consts::TAU;

/// A stream of numbers.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Random {
    /// The stream that these parts name: another part, another stream.
    pub(super) fn of(parts: &[u64]) -> Self {
        Self(parts.iter().fold(0, |state, part| mix(state.wrapping_add(STEP) ^ mix(part.wrapping_add(STEP)))))
    }

    /// 64 bits.
    pub(super) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// From 0 to below 1.
    pub(super) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// From 0 to below `n`; 0 when there is nothing to choose from.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(n)) >> 64) as u64
    }

    /// From `low` to `high`, both possible.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// True with this probability.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Normal with mean 0 and deviation 1 (Box and Muller).
    pub(super) fn normal(&mut self) -> f64 {
        // 1 − unit is never 0, so its logarithm is finite.
        let radius = (-2.0 * libm::log(1.0 - self.unit())).sqrt();
        radius * libm::cos(TAU * self.unit())
    }

    /// A factor whose logarithm is normal with mean 0 and this deviation.
    pub(super) fn factor(&mut self, sigma: f64) -> f64 {
        libm::exp(sigma * self.normal())
    }

    /// Exponential with this mean.
    pub(super) fn waiting(&mut self, mean: f64) -> f64 {
        -mean * libm::log(1.0 - self.unit())
    }

    /// The place of one of the weights, each as likely as it weighs.
    pub(super) fn pick(&mut self, weights: &[f64]) -> usize {
        let mut left = self.unit() * weights.iter().sum::<f64>();
        for (i, weight) in weights.iter().enumerate() {
            left -= weight;
            if left < 0.0 {
                return i;
            }
        }
        weights.len().saturating_sub(1)
    }

    /// How many of `n` fall to a probability.
    pub(super) fn of_many(&mut self, n: u32, probability: f64) -> u32 {
        if probability <= 0.0 {
            return 0;
        }
        // From one hit to the next: few draws where hits are rare.
        let skip = libm::log(1.0 - probability.min(0.999_999));
        let (mut at, mut hits) = (0.0, 0);
        loop {
            at += (libm::log(1.0 - self.unit()) / skip).floor() + 1.0;
            if at > f64::from(n) {
                return hits;
            }
            hits += 1;
        }
    }
}

/// Rounds to a thousandth, so that a figure has few digits.
pub(super) fn thousandth(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

/// A number for a text that names a stream.
pub(super) fn number_of(text: &str) -> u64 {
    // FNV-1a, 64 bits.
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_splitmix64() {
        let mut random = Random(1_234_567);
        let first: Vec<u64> = (0..3).map(|_| random.bits()).collect();
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
        assert_ne!(Random::of(&[1, 2]).bits(), Random::of(&[2, 1]).bits());
        assert_ne!(Random::of(&[1]).bits(), Random::of(&[1, 0]).bits());
    }

    #[test]
    fn draws_have_the_moments_they_claim() {
        let mut random = Random::of(&[7]);
        let n = 40_000;
        let normal: Vec<f64> = (0..n).map(|_| random.normal()).collect();
        let mean = normal.iter().sum::<f64>() / f64::from(n);
        let variance = normal.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / f64::from(n);
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.03, "{mean} {variance}");
        let waits = (0..n).map(|_| random.waiting(3.0)).sum::<f64>() / f64::from(n);
        assert!((waits - 3.0).abs() < 0.1, "{waits}");
        let hits: u32 = (0..n).map(|_| random.of_many(200, 0.01)).sum();
        assert!((f64::from(hits) / f64::from(n) - 2.0).abs() < 0.05, "{hits}");
        let picks = (0..n).filter(|_| random.pick(&[1.0, 3.0]) == 1).count();
        assert!((29_300..30_700).contains(&picks), "{picks}");
        assert!((0..1_000).all(|_| random.below(7) < 7 && (2..=4).contains(&random.between(2, 4))));
    }
}
