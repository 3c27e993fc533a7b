//! How often the 95 % intervals hold the truth, by simulation.
//!
//! Devices give lognormal speeds of sigma 0.9 (`vietnam.md` 5.3); `icc` of the variance of the logarithm is between
//! devices; samples a device are equal in number, lognormal, or heavy-tailed (Pareto of index 1, at most 200).

use super::random::Random;
use super::{Clustered, Counts, Estimate, share};

const SIGMA: f64 = 0.9;
const MIN_DEVICES: usize = 10;

#[derive(Clone, Copy, Debug)]
enum Sizes {
    Equal,
    Lognormal,
    Heavy,
}

/// Hits and intervals given, by statistic.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    given: u32,
    held: u32,
}

impl Tally {
    fn add(&mut self, estimate: Option<Estimate>, truth: f64) {
        if let Some([low, high]) = estimate.and_then(|e| e.interval) {
            self.given += 1;
            self.held += u32::from(low <= truth && truth <= high);
        }
    }

    fn percent(&self) -> f64 {
        100.0 * f64::from(self.held) / f64::from(self.given.max(1))
    }
}

const NAMES: [&str; 7] = ["mean", "median", "p10", "p90", "90 % above", "98 % above", "2 % failed"];
const TAIL: f64 = 1.281_551_565_5;
const FAR_TAIL: f64 = 2.053_748_910_6;

fn month(random: &mut Random, devices: u32, sizes: Sizes, icc: f64) -> Vec<(f64, u32)> {
    let mut values = Vec::new();
    for device in 0..devices {
        let size = match sizes {
            Sizes::Equal => 10.0,
            Sizes::Lognormal => (6.0 * random.lognormal(1.0)).round().max(1.0),
            Sizes::Heavy => (3.0 / random.uniform()).round().min(200.0),
        };
        let own = icc.sqrt() * random.normal();
        for _ in 0..size as u32 {
            values.push(((SIGMA * (own + (1.0 - icc).sqrt() * random.normal())).exp(), device));
        }
    }
    values
}

fn tallies(seed: u64, repeats: u32, devices: u32, sizes: Sizes, icc: f64) -> [Tally; 7] {
    let mut random = Random::new(seed);
    let mut tallies = [Tally::default(); 7];
    let mut clustered = Clustered::default();
    let far = (-SIGMA * FAR_TAIL).exp();
    for _ in 0..repeats {
        let values = month(&mut random, devices, sizes, icc);
        clustered.fill(values.iter().copied());
        tallies[0].add(clustered.mean(MIN_DEVICES).map(|m| m.estimate), (SIGMA * SIGMA / 2.0).exp());
        for (at, p, z) in [(1, 0.5, 0.0), (2, 0.1, -TAIL), (3, 0.9, TAIL)] {
            tallies[at].add(clustered.quantile(p, MIN_DEVICES), (SIGMA * z).exp());
        }
        tallies[4].add(clustered.share_reaching((-SIGMA * TAIL).exp(), MIN_DEVICES), 0.9);
        tallies[5].add(clustered.share_reaching(far, MIN_DEVICES), 0.98);
        let mut counts = vec![Counts::default(); devices as usize];
        for (value, device) in &values {
            counts[*device as usize].all += 1;
            counts[*device as usize].hits += u64::from(*value < far);
        }
        tallies[6].add(share(&counts, MIN_DEVICES), 0.02);
    }
    tallies
}

/// The band of the issue, with what 600 repeats of the simulation itself may stray (two standard errors at 92 % are
/// 2.2 points).
fn check(devices: u32, sizes: Sizes, icc: f64) {
    let repeats = 600;
    let tallies = tallies(1, repeats, devices, sizes, icc);
    for (name, tally) in NAMES.iter().zip(tallies) {
        if tally.given < repeats / 2 {
            continue;
        }
        let percent = tally.percent();
        assert!(percent > 91.0, "{name} {devices} {sizes:?} {icc}: {percent:.1} of {}", tally.given);
        // Shares near 0 and 1 are wide on purpose; mean and median must not be.
        let most = if *name == "mean" || *name == "median" { 99.2 } else { 100.0 };
        assert!(percent <= most, "{name} {devices} {sizes:?} {icc}: {percent:.1} of {}", tally.given);
    }
    // With devices enough nearly every mean and median has an interval (not where one of them gave most samples).
    if devices >= 50 {
        assert!(tallies[..2].iter().all(|t| t.given >= repeats * 9 / 10), "{devices} {sizes:?} {icc}");
    }
}

#[test]
fn intervals_hold_the_truth_with_few_devices() {
    for icc in [0.0, 0.35, 0.7] {
        check(10, Sizes::Equal, icc);
        check(20, Sizes::Lognormal, icc);
    }
}

#[test]
fn intervals_hold_the_truth_with_skewed_devices() {
    for icc in [0.0, 0.35, 0.7] {
        check(50, Sizes::Lognormal, icc);
        check(60, Sizes::Heavy, icc);
    }
}

/// What the simulation is for: intervals that take samples for independent are false.
#[test]
fn intervals_that_forget_devices_do_not_hold_the_truth() {
    let mut random = Random::new(9);
    let mut tally = Tally::default();
    let mut clustered = Clustered::default();
    for _ in 0..300 {
        let values = month(&mut random, 50, Sizes::Lognormal, 0.7);
        clustered.fill(values.iter().enumerate().map(|(row, (value, _))| (*value, row as u32)));
        tally.add(clustered.mean(MIN_DEVICES).map(|m| m.estimate), (SIGMA * SIGMA / 2.0).exp());
    }
    assert!(tally.percent() < 65.0, "{}", tally.percent());
}

/// The table of REPORTING.md: `cargo test --release -p ispeed-report -- --ignored --nocapture table_of_coverage`.
#[test]
#[ignore = "prints the table of REPORTING.md; a minute in release"]
fn table_of_coverage() {
    println!("| devices | samples a device | ICC | {} |", NAMES.join(" | "));
    println!("| --- | --- | --- |{}", " --- |".repeat(NAMES.len()));
    let repeats = 4000;
    for devices in [10, 20, 50, 100, 300] {
        for sizes in [Sizes::Equal, Sizes::Lognormal, Sizes::Heavy] {
            for icc in [0.0, 0.3, 0.7] {
                let cells = tallies(2, repeats, devices, sizes, icc).map(|tally| match 100 * tally.given / repeats {
                    0..5 => "–".to_owned(),
                    100 => format!("{:.1}", tally.percent()),
                    given => format!("{:.1} ({given} %)", tally.percent()),
                });
                println!("| {devices} | {sizes:?} | {icc} | {} |", cells.join(" | "));
            }
        }
    }
}
