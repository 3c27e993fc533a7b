//! Cellular links, made from a seed: a Markov chain for where the phone is in its cell, a first-order process for what
//! the scheduler gives it, and outages. Written as Mahimahi schedules, so that recorded traces can take their place.
//!
//! The parameters are fitted to `reference/measurement.md` section 4: a coefficient of variation per 50 ms from 0.23
//! (at home, standing) to 1.3 (driving), of 0.13 to 0.89 per second. The tests hold the generator to them.

use crate::emulator::rng::Rng;

/// Parameters of a kind of link.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Profile {
    /// Name, as in cells and tables.
    pub name: &'static str,
    /// Mean rate towards the phone, Mbit/s of IP.
    pub down_mbit: f64,
    /// Mean rate from the phone, Mbit/s of IP.
    pub up_mbit: f64,
    /// Round trip without queues, ms.
    pub rtt_ms: f64,
    /// Coefficient of variation of what the scheduler gives, per 50 ms.
    pub fast_cv: f64,
    /// Correlation of neighbouring 50 ms bins of it.
    pub fast_correlation: f64,
    /// Coefficient of variation between the states of the chain.
    pub slow_cv: f64,
    /// Mean time in a state, seconds.
    pub dwell_s: f64,
    /// Outages a minute.
    pub outages_per_minute: f64,
    /// Mean length of an outage, seconds.
    pub outage_s: f64,
}

/// The kinds of link the matrix uses.
pub const PROFILES: [Profile; 6] = [
    Profile {
        name: "lte-static",
        down_mbit: 30.0,
        up_mbit: 12.0,
        rtt_ms: 40.0,
        fast_cv: 0.2,
        fast_correlation: 0.5,
        slow_cv: 0.1,
        dwell_s: 4.0,
        outages_per_minute: 0.0,
        outage_s: 0.0,
    },
    Profile {
        name: "lte-walking",
        down_mbit: 20.0,
        up_mbit: 8.0,
        rtt_ms: 45.0,
        fast_cv: 0.45,
        fast_correlation: 0.6,
        slow_cv: 0.4,
        dwell_s: 2.0,
        outages_per_minute: 0.3,
        outage_s: 0.2,
    },
    Profile {
        name: "lte-driving",
        down_mbit: 15.0,
        up_mbit: 5.0,
        rtt_ms: 55.0,
        fast_cv: 0.7,
        fast_correlation: 0.7,
        slow_cv: 0.75,
        dwell_s: 1.0,
        outages_per_minute: 1.0,
        outage_s: 0.4,
    },
    Profile {
        name: "5g-mid-band",
        down_mbit: 250.0,
        up_mbit: 60.0,
        rtt_ms: 25.0,
        fast_cv: 0.35,
        fast_correlation: 0.5,
        slow_cv: 0.3,
        dwell_s: 2.0,
        outages_per_minute: 0.1,
        outage_s: 0.1,
    },
    Profile {
        name: "5g-mmwave",
        down_mbit: 600.0,
        up_mbit: 80.0,
        rtt_ms: 20.0,
        fast_cv: 0.6,
        fast_correlation: 0.6,
        slow_cv: 0.8,
        dwell_s: 0.8,
        outages_per_minute: 2.0,
        outage_s: 0.3,
    },
    Profile {
        name: "evening-cell",
        down_mbit: 4.0,
        up_mbit: 2.0,
        rtt_ms: 70.0,
        fast_cv: 0.6,
        fast_correlation: 0.3,
        slow_cv: 0.3,
        dwell_s: 3.0,
        outages_per_minute: 0.2,
        outage_s: 0.3,
    },
];

/// Seconds of a generated schedule; it wraps after that.
pub const TRACE_SECONDS: u64 = 60;
const BIN_MS: u64 = 50;
const STATES: usize = 7;

impl Profile {
    /// The profile of a name.
    pub fn named(name: &str) -> Option<&'static Self> {
        PROFILES.iter().find(|p| p.name == name)
    }

    /// Rate in each 50 ms bin, Mbit/s, of a seed; its mean over time is `mean_mbit` before outages.
    pub fn rates_mbit(&self, mean_mbit: f64, seed: u64) -> Vec<f64> {
        let mut rng = Rng::new(seed);
        let (slow_sigma, fast_sigma) = (log_sigma(self.slow_cv), log_sigma(self.fast_cv));
        let mut state = (rng.uniform() * STATES as f64) as usize;
        let (mut fast, mut outage_bins) = (normal(&mut rng), 0u64);
        let leave = BIN_MS as f64 / 1e3 / self.dwell_s;
        let fail = self.outages_per_minute * BIN_MS as f64 / 60e3;
        (0..TRACE_SECONDS * 1000 / BIN_MS)
            .map(|_| {
                if rng.chance(leave) {
                    state = (rng.uniform() * STATES as f64) as usize;
                }
                let kept = self.fast_correlation;
                fast = kept * fast + (1.0 - kept * kept).sqrt() * normal(&mut rng);
                if outage_bins == 0 && rng.chance(fail) {
                    outage_bins = ((-rng.uniform().max(1e-9).ln()) * self.outage_s * 1e3 / BIN_MS as f64).ceil() as u64;
                }
                if outage_bins > 0 {
                    outage_bins -= 1;
                    return 0.0;
                }
                let slow = STATE_QUANTILES[state] * slow_sigma - slow_sigma * slow_sigma / 2.0;
                mean_mbit * (slow + fast * fast_sigma - fast_sigma * fast_sigma / 2.0).exp()
            })
            .collect()
    }

    /// A Mahimahi schedule of a seed: milliseconds at which 1500 bytes may leave.
    pub fn schedule_ms(&self, mean_mbit: f64, seed: u64) -> Vec<u64> {
        let mut out = Vec::new();
        let mut credit = 0.0;
        for (bin, mbit) in self.rates_mbit(mean_mbit, seed).into_iter().enumerate() {
            for ms in 0..BIN_MS {
                credit += mbit * 1e3 / 12_000.0;
                while credit >= 1.0 {
                    credit -= 1.0;
                    out.push(bin as u64 * BIN_MS + ms);
                }
            }
        }
        // The last line is also where the schedule wraps.
        out.push(TRACE_SECONDS * 1000);
        out
    }
}

/// Normal quantiles of the middles of seven equal shares.
const STATE_QUANTILES: [f64; STATES] = [-1.465, -0.792, -0.366, 0.0, 0.366, 0.792, 1.465];

fn log_sigma(cv: f64) -> f64 {
    (1.0 + cv * cv).ln().sqrt()
}

fn normal(rng: &mut Rng) -> f64 {
    (-2.0 * rng.uniform().max(f64::MIN_POSITIVE).ln()).sqrt() * (std::f64::consts::TAU * rng.uniform()).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cv(values: &[f64]) -> f64 {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt() / mean
    }

    #[test]
    fn variation_is_that_of_recorded_traces() {
        for profile in &PROFILES {
            let bins: Vec<f64> = (0..40).flat_map(|seed| profile.rates_mbit(profile.down_mbit, seed)).collect();
            let seconds: Vec<f64> = bins.chunks(20).map(|c| c.iter().sum::<f64>() / 20.0).collect();
            let (per_bin, per_second) = (cv(&bins), cv(&seconds));
            assert!((0.2..=1.35).contains(&per_bin), "{}: {per_bin}", profile.name);
            assert!((0.1..=0.95).contains(&per_second), "{}: {per_second}", profile.name);
            assert!(per_second < per_bin);
        }
    }

    #[test]
    fn a_seed_is_a_link_and_a_schedule_carries_its_rates() {
        let profile = Profile::named("lte-walking").unwrap();
        assert_eq!(profile.schedule_ms(20.0, 3), profile.schedule_ms(20.0, 3));
        assert_ne!(profile.schedule_ms(20.0, 3), profile.schedule_ms(20.0, 4));
        let mean = profile.rates_mbit(20.0, 3).iter().sum::<f64>() / (TRACE_SECONDS * 20) as f64;
        let carried = profile.schedule_ms(20.0, 3).len() as f64 * 12_000.0 / TRACE_SECONDS as f64 / 1e6;
        assert!((carried / mean - 1.0).abs() < 0.01, "{carried} {mean}");
    }
}
