//! What a link could carry, as a function of time: the truth a run is judged against.

use super::Rng;

/// Time step of a capacity.
const STEP_US: u64 = 10_000;

/// Length of a capacity: a long run and its extension.
const LENGTH_US: u64 = 13_000_000;

/// Step of the correlated processes: the scale at which coefficients of variation are stated.
const PROCESS_STEP_US: u64 = 50_000;

/// Marginal distribution of a correlated process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// Normal, never below 0; the mean stated is that of what remains.
    Normal,
    /// Log-normal: skewed as radio links are.
    LogNormal,
}

/// Cumulative capacity of a link at the IP layer.
#[derive(Clone, Debug)]
pub struct Capacity {
    /// Bits that could have crossed before the start of each step.
    bits: Vec<f64>,
    /// Long-run mean, where the process has one.
    process_mean_bps: f64,
}

impl Capacity {
    /// A constant rate.
    pub fn constant(rate_bps: f64) -> Self {
        Self::from_rates(rate_bps, |_| rate_bps)
    }

    /// A first-order autoregressive process of given mean, coefficient of variation and correlation at 50 ms, started in
    /// its stationary distribution at a random phase.
    pub fn ar1(rng: &mut Rng, mean_bps: f64, cv: f64, phi: f64, shape: Shape) -> Self {
        let offset_us = (rng.uniform() * PROCESS_STEP_US as f64) as u64;
        let mut z = rng.normal();
        let innovation = (1.0 - phi * phi).sqrt();
        let levels: Vec<f64> = (0..=LENGTH_US / PROCESS_STEP_US + 1)
            .map(|_| {
                let now = z;
                z = phi * z + innovation * rng.normal();
                match shape {
                    Shape::Normal => (1.0 + cv * now).max(0.0),
                    Shape::LogNormal => {
                        let sigma = (1.0 + cv * cv).ln().sqrt();
                        (sigma * now - sigma * sigma / 2.0).exp()
                    }
                }
            })
            .collect();
        let clipped = match shape {
            Shape::Normal => mean_above_zero(cv),
            Shape::LogNormal => 1.0,
        };
        let process_mean_bps = mean_bps * clipped;
        Self::from_rates(process_mean_bps, |t_us| mean_bps * levels[((t_us + offset_us) / PROCESS_STEP_US) as usize])
    }

    /// A token bucket under full load: peak until the bucket is empty, then the sustained rate.
    pub fn token_bucket(sustained_bps: f64, peak_bps: f64, bucket_bytes: f64) -> Self {
        let lasts_us = bucket_bytes * 8.0 / (peak_bps - sustained_bps) * 1e6;
        Self::from_rates(sustained_bps, |t_us| if (t_us as f64) < lasts_us { peak_bps } else { sustained_bps })
    }

    /// The same link with nothing carried for a while.
    #[must_use]
    pub fn with_outage(self, at_us: u64, length_us: u64) -> Self {
        self.scaled(|t_us| if (at_us..at_us + length_us).contains(&t_us) { 0.0 } else { 1.0 })
    }

    /// The same link at another rate from some time on.
    #[must_use]
    pub fn with_step(self, at_us: u64, factor: f64) -> Self {
        self.scaled(|t_us| if t_us >= at_us { factor } else { 1.0 })
    }

    /// Bits that could have crossed until a time.
    pub fn bits_until(&self, t_us: u64) -> f64 {
        let index = (t_us / STEP_US) as usize;
        let Some(next) = self.bits.get(index + 1) else { return self.bits[self.bits.len() - 1] };
        self.bits[index] + (next - self.bits[index]) * (t_us % STEP_US) as f64 / STEP_US as f64
    }

    /// Rate at a time.
    pub fn rate_bps(&self, t_us: u64) -> f64 {
        let index = ((t_us / STEP_US) as usize).min(self.bits.len() - 2);
        (self.bits[index + 1] - self.bits[index]) / STEP_US as f64 * 1e6
    }

    /// When `bits` more have crossed, served from a time on; infinite where that is beyond the end.
    pub fn served_by_us(&self, from_us: f64, bits: f64) -> f64 {
        let step_us = STEP_US as f64;
        let (mut t_us, mut left) = (from_us, bits);
        let mut index = (from_us / step_us) as usize;
        while index + 1 < self.bits.len() {
            let rate = (self.bits[index + 1] - self.bits[index]) / step_us;
            let room = rate * ((index + 1) as f64 * step_us - t_us);
            if left <= room && rate > 0.0 {
                return t_us + left / rate;
            }
            left -= room;
            index += 1;
            t_us = index as f64 * step_us;
        }
        f64::INFINITY
    }

    /// Mean rate between two times.
    pub fn mean_bps(&self, from_us: u64, to_us: u64) -> f64 {
        (self.bits_until(to_us) - self.bits_until(from_us)) / (to_us - from_us) as f64 * 1e6
    }

    /// Long-run mean of the process.
    pub fn process_mean_bps(&self) -> f64 {
        self.process_mean_bps
    }

    fn from_rates(process_mean_bps: f64, rate_bps: impl Fn(u64) -> f64) -> Self {
        let mut bits = vec![0.0];
        let mut total = 0.0;
        for step in 0..LENGTH_US / STEP_US {
            total += rate_bps(step * STEP_US) * STEP_US as f64 / 1e6;
            bits.push(total);
        }
        Self { bits, process_mean_bps }
    }

    fn scaled(self, factor: impl Fn(u64) -> f64) -> Self {
        Self::from_rates(self.process_mean_bps, |t_us| self.rate_bps(t_us) * factor(t_us))
    }
}

/// Mean of `max(0, 1 + cv z)` for a standard normal `z`, by Simpson's rule.
fn mean_above_zero(cv: f64) -> f64 {
    let (low, high, n) = (-8.0, 8.0, 2000);
    let width = (high - low) / f64::from(n);
    let density = |z: f64| (-z * z / 2.0).exp() / std::f64::consts::TAU.sqrt() * (1.0 + cv * z).max(0.0);
    let sum: f64 = (0..=n)
        .map(|i| {
            let weight = if i == 0 || i == n { 1.0 } else { f64::from(2 + 2 * (i % 2)) };
            weight * density(low + width * f64::from(i))
        })
        .sum();
    sum * width / 3.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_have_the_moments_they_state() {
        for shape in [Shape::Normal, Shape::LogNormal] {
            let mut rng = Rng::new(3);
            let runs = 2000;
            let mean = (0..runs)
                .map(|_| {
                    let link = Capacity::ar1(&mut rng, 50e6, 0.6, 0.5, shape);
                    link.mean_bps(0, 3_000_000) / link.process_mean_bps()
                })
                .sum::<f64>()
                / f64::from(runs);
            assert!((mean - 1.0).abs() < 0.01, "{shape:?} {mean}");
        }
    }

    #[test]
    fn buckets_outages_and_steps_carry_what_they_should() {
        let bucket = Capacity::token_bucket(20e6, 100e6, 5e6);
        assert_eq!(bucket.mean_bps(0, 500_000), 100e6);
        assert!((bucket.mean_bps(600_000, 900_000) / 20e6 - 1.0).abs() < 1e-9);
        let gap = Capacity::constant(10e6).with_outage(1_000_000, 500_000);
        assert!((gap.mean_bps(500_000, 2_500_000) / 7.5e6 - 1.0).abs() < 1e-9);
        assert!((gap.served_by_us(990_000.0, 200_000.0) - 1_510_000.0).abs() < 1e-3);
        let step = Capacity::constant(10e6).with_step(1_000_000, 3.0);
        assert!((step.mean_bps(0, 2_000_000) / 20e6 - 1.0).abs() < 1e-9);
    }
}
