//! Coverage of the interval and behaviour of the stop rule over stationary links.
//!
//! `cargo test -p ispeed-meter --release -- --ignored --nocapture` prints the tables.
#![cfg(feature = "sim")]

use ispeed_meter::sim::{Capacity, Open, Outcome, Rng, Shape, run};
use ispeed_meter::{Config, Direction, StopReason};

fn outcome(seed: u64, link: &dyn Fn(&mut Rng) -> Capacity, rtt_us: u64) -> Outcome {
    let mut rng = Rng::new(seed);
    let capacity = link(&mut rng);
    let mut source = Open::new(&mut rng, capacity, rtt_us);
    let config = Config { idle_rtt_us: Some(rtt_us), ..Config::new(Direction::Down) };
    run(&mut rng, &mut source, config)
}

struct Cell {
    coverage: f64,
    converged: f64,
    seconds: f64,
    error_p99: f64,
}

fn cell(runs: u64, link: &dyn Fn(&mut Rng) -> Capacity, rtt_us: u64) -> Cell {
    let outcomes: Vec<Outcome> = (0..runs).map(|seed| outcome(seed, link, rtt_us)).collect();
    let n = runs as f64;
    let mut seconds: Vec<f64> = outcomes.iter().map(Outcome::seconds).collect();
    seconds.sort_by(f64::total_cmp);
    let mut errors: Vec<f64> = outcomes.iter().map(|o| o.error().map_or(1.0, f64::abs)).collect();
    errors.sort_by(f64::total_cmp);
    Cell {
        coverage: outcomes.iter().filter(|o| o.covers(o.process_mean_bps)).count() as f64 / n,
        converged: outcomes.iter().filter(|o| o.estimate.stop_reason == StopReason::Converged).count() as f64 / n,
        seconds: seconds[seconds.len() / 2],
        error_p99: errors[errors.len() * 99 / 100],
    }
}

#[test]
#[ignore = "prints tables"]
fn print_coverage() {
    for shape in [Shape::Normal, Shape::LogNormal] {
        for rtt in [20_000, 40_000] {
            println!("{shape:?} rtt {rtt}");
            for cv in [0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 0.8] {
                print!("cv {cv:4}");
                for phi in [0.0, 0.2, 0.4, 0.6, 0.8] {
                    let cell = cell(1000, &|rng| Capacity::ar1(rng, 50e6, cv, phi, shape), rtt);
                    print!(
                        " | {phi}: {:5.1}% conv {:3.0}% {:.2}s {:.1}%",
                        100.0 * cell.coverage,
                        100.0 * cell.converged,
                        cell.seconds,
                        100.0 * cell.error_p99
                    );
                }
                println!();
            }
        }
    }
    for rate in [0.25e6, 0.5e6, 1e6, 2e6, 5e6, 20e6, 100e6, 140e6] {
        for rtt in [10_000, 40_000, 100_000, 300_000] {
            let cell = cell(300, &|_| Capacity::constant(rate), rtt);
            println!(
                "cbr {:6.2} rtt {rtt:6}: {:5.1}% conv {:3.0}% {:.2}s err {:.2}%",
                rate / 1e6,
                100.0 * cell.coverage,
                100.0 * cell.converged,
                cell.seconds,
                100.0 * cell.error_p99
            );
        }
    }
}
