//! Cellular links, made from a seed: a Markov chain for where the phone is in its cell, a first-order process for what
//! the scheduler gives it, and outages. Written as Mahimahi schedules, so that recorded traces can take their place.
//!
//! The parameters are fitted to `reference/measurement.md` section 4: a coefficient of variation per 50 ms from 0.23
//! (at home, standing) to 1.3 (driving), of 0.13 to 0.89 per second, and, as the measure of how long a link remembers, how
//! far the mean of its first seconds is from that of ten. Walking is the middle one of the 27 traces of that table. The
//! tests hold the generator to all of it. 5G is not in those traces: its rates and variation are assumptions. No rate is above what
//! the emulator is judged to be exact to.

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
        slow_cv: 0.14,
        dwell_s: 6.0,
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
        slow_cv: 0.45,
        dwell_s: 4.0,
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
        slow_cv: 0.8,
        dwell_s: 2.5,
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
/// Highest rate of a bin, Mbit/s: to this the emulator is exact on two cores (`tests/emulator/rates.rs`). What a link of four times as
/// much could have carried says nothing of the method where two cores could not have carried it.
pub const CEILING_MBIT: f64 = 1000.0;
const BIN_MS: u64 = 50;
const STATES: usize = 7;

impl Profile {
    /// The profile of a name.
    pub fn named(name: &str) -> Option<&'static Self> {
        PROFILES.iter().find(|p| p.name == name)
    }

    /// Rate in each 50 ms bin, Mbit/s, of a seed; its mean over time is `mean_mbit` before outages and [`CEILING_MBIT`].
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
                let mbit = mean_mbit * (slow + fast * fast_sigma - fast_sigma * fast_sigma / 2.0).exp();
                mbit.min(CEILING_MBIT)
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
    use crate::emulator::Rate;
    use crate::truth::ip_capacity_bps;
    use std::sync::Arc;

    /// Bins of 50 ms in a second, and in ten.
    const SECOND: usize = 20;
    const TEN: usize = 10 * SECOND;

    fn mean(values: &[f64]) -> f64 {
        values.iter().sum::<f64>() / values.len() as f64
    }

    fn cv(values: &[f64]) -> f64 {
        let mean = mean(values);
        (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt() / mean
    }

    fn autocorrelation(values: &[f64], lag: usize) -> f64 {
        let mean = mean(values);
        let products: f64 = values.iter().zip(&values[lag..]).map(|(a, b)| (a - mean) * (b - mean)).sum();
        products / values.iter().map(|v| (v - mean).powi(2)).sum::<f64>()
    }

    fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
        values.sort_by(f64::total_cmp);
        values[((values.len() - 1) as f64 * share) as usize]
    }

    /// Median over traces of `figure` of each.
    fn typical(profile: &Profile, figure: impl Fn(&[f64]) -> f64) -> f64 {
        let figures = (0..40).map(|seed| figure(&profile.rates_mbit(profile.down_mbit, seed))).collect();
        quantile(figures, 0.5)
    }

    #[test]
    fn variation_is_that_of_recorded_traces() {
        for profile in &PROFILES {
            let per_bin = typical(profile, cv);
            let per_second = typical(profile, |bins| cv(&bins.chunks(SECOND).map(mean).collect::<Vec<f64>>()));
            assert!((0.21..=1.3).contains(&per_bin), "{}: {per_bin}", profile.name);
            assert!((0.12..=0.89).contains(&per_second), "{}: {per_second}", profile.name);
            assert!(per_second < per_bin);
        }
        let per_bin = |name| typical(Profile::named(name).unwrap(), cv);
        assert!((0.21..0.27).contains(&per_bin("lte-static")), "at home, standing: 0.23");
        assert!((0.5..0.9).contains(&per_bin("lte-walking")), "typically 0.5 to 0.9");
        assert!((0.9..1.3).contains(&per_bin("lte-driving")), "driving: to 1.3");
    }

    #[test]
    fn neighbours_resemble_each_other_and_far_seconds_do_not() {
        for profile in &PROFILES {
            let at = |lag| typical(profile, |bins| autocorrelation(bins, lag));
            let [next, second, far] = [at(1), at(SECOND), at(TEN)];
            assert!((0.3..0.85).contains(&next), "{}: {next}", profile.name);
            assert!(second < next - 0.2 && second > 0.0, "{}: {second} after {next}", profile.name);
            assert!(far.abs() < 0.15, "{}: {far}", profile.name);
        }
    }

    /// Quantile over starts of how far the mean of `bins` from a start is from that of the ten seconds from there.
    fn first_seconds_off(trace: &[f64], bins: std::ops::Range<usize>, share: f64) -> f64 {
        let starts = (0..=trace.len() - 2 * TEN).step_by(7);
        let off = |at: usize| (mean(&trace[at + bins.start..at + bins.end]) / mean(&trace[at..at + TEN]) - 1.0).abs();
        quantile(starts.map(off).collect(), share)
    }

    #[test]
    fn the_first_seconds_say_as_little_of_ten_as_in_recorded_traces() {
        // measurement.md section 4: (bins, median, p90) of the difference to the mean of ten seconds.
        let recorded = [
            (0..SECOND, 0.23, 0.70),
            (0..2 * SECOND, 0.19, 0.61),
            (0..3 * SECOND, 0.16, 0.53),
            (0..5 * SECOND, 0.11, 0.37),
            (0..7 * SECOND, 0.07, 0.21),
            (TEN..2 * TEN, 0.24, 0.68),
        ];
        let (walking, driving) = (Profile::named("lte-walking").unwrap(), Profile::named("lte-driving").unwrap());
        for (bins, median, p90) in recorded {
            let off = |profile, share| typical(profile, |trace| first_seconds_off(trace, bins.clone(), share));
            let walked = off(walking, 0.5);
            assert!((walked - median).abs() <= 0.05, "{bins:?}: {walked}, recorded {median}");
            // The recorded tail is heavier than a walk's and lighter than a drive's.
            let (light, heavy) = (off(walking, 0.9), off(driving, 0.9));
            assert!(light < p90 && p90 < heavy * 1.15, "{bins:?}: {light} to {heavy}, recorded {p90}");
        }
    }

    #[test]
    fn outages_are_as_many_and_as_long_as_the_profile_says() {
        for profile in &PROFILES {
            let (mut bins, mut silent, mut outages) = (0usize, 0usize, 0usize);
            for seed in 0..300 {
                let rates = profile.rates_mbit(profile.down_mbit, seed);
                bins += rates.len();
                silent += rates.iter().filter(|rate| **rate == 0.0).count();
                outages += rates.windows(2).filter(|pair| pair[0] > 0.0 && pair[1] == 0.0).count();
            }
            let minutes = (bins / SECOND) as f64 / 60.0;
            let expected = profile.outages_per_minute * minutes;
            assert!((outages as f64 - expected).abs() <= 0.1 * expected + 3.0 * expected.sqrt(), "{}", profile.name);
            if outages > 0 {
                // Whole bins: half of one is added on average.
                let mean_s = silent as f64 / SECOND as f64 / outages as f64;
                assert!((mean_s / (profile.outage_s + 0.025) - 1.0).abs() < 0.3, "{}: {mean_s} s", profile.name);
            }
        }
    }

    #[test]
    fn a_seed_is_a_link_and_a_schedule_carries_its_rates_from_any_offset() {
        let profile = Profile::named("lte-walking").unwrap();
        assert_eq!(profile.schedule_ms(20.0, 3), profile.schedule_ms(20.0, 3));
        assert_ne!(profile.schedule_ms(20.0, 3), profile.schedule_ms(20.0, 4));
        let rates = profile.rates_mbit(20.0, 3);
        let at_ms = Arc::new(profile.schedule_ms(20.0, 3));
        for offset_ms in [0, 50, 12_350, 47_000, 59_000, TRACE_SECONDS * 1000 + 12_350] {
            let first = (offset_ms / BIN_MS) as usize;
            let expected = mean(&(first..first + 3 * SECOND).map(|i| rates[i % rates.len()]).collect::<Vec<_>>());
            let schedule = Rate::Schedule { at_ms: at_ms.clone(), offset_ms };
            let carried = ip_capacity_bps(&schedule, 0, 3_000_000_000, 0.0) / 1e6;
            // Two packets at the edges, and the one that ends the schedule.
            assert!((carried - expected).abs() < 0.013, "{offset_ms}: {carried} {expected}");
        }
    }
}
