//! Cost of a month: `cargo test --release -p ispeed-report -- --ignored --nocapture cost_of_a_month --test-threads 1`.

use std::time::Instant;

use super::synth::{made, month, places};
use crate::MonthComputer;
use crate::history::History;
use crate::settings::Settings;
use crate::stats::random::Random;

fn resident_mb(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found =
        status.lines().find(|l| l.starts_with(line)).and_then(|l| l.split_whitespace().nth(1)?.parse::<u64>().ok());
    found.unwrap_or_default() / 1024
}

fn cost(communes_each: u32, each: u128) {
    let places = places(34, communes_each);
    let (mut figures, mut samples) = (0usize, 0u64);
    let mut random = Random::new(7);
    let mut making = std::time::Duration::ZERO;
    let begun = Instant::now();
    let mut computer = MonthComputer::new(Settings::default(), month(), places.clone(), History::default()).unwrap();
    for province in computer.provinces() {
        for (at, place) in places.iter().enumerate().filter(|(_, p)| p.province_code == province) {
            for number in 0..each {
                let start = Instant::now();
                let sample = made(&mut random, at as u128 * 1_000_000 + number, place, 30);
                making += start.elapsed();
                computer.push(&sample).unwrap();
                samples += 1;
            }
        }
        let done = computer.finish_province(&province).unwrap();
        figures += done.figures.len() + done.communes.iter().map(|c| c.figures.len()).sum::<usize>();
    }
    figures += computer.finish().figures.len();
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{samples} samples, {} communes: {figures} figures in {:.2} s (and {:.2} s to make the samples), {} MB now, {} MB at most",
        places.len(),
        seconds - making.as_secs_f64(),
        making.as_secs_f64(),
        resident_mb("VmRSS"),
        resident_mb("VmHWM")
    );
}

#[test]
#[ignore = "prints seconds and megabytes; half a minute in release"]
fn cost_of_a_month() {
    cost(10, 300);
    cost(98, 30);
    cost(98, 300);
}
