//! Not checks but figures: CPU time of the client's side of a load a gigabit, over loopback.
//!
//! `cargo test --release -p ispeed-wire --test cpu -- --ignored --nocapture --test-threads=1`
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![allow(clippy::print_stdout, reason = "the figures are what this is for")]
#![cfg(unix)]

#[path = "cpu/ends.rs"]
mod ends;
#[cfg(target_os = "linux")]
#[path = "cpu/ndt7.rs"]
mod ndt7;

use ends::{Ends, Path, Way};
use rustls::CipherSuite;

/// Runs of each case; the median is printed.
const RUNS: usize = 5;

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn suites() -> [CipherSuite; 3] {
    [
        CipherSuite::TLS13_AES_128_GCM_SHA256,
        CipherSuite::TLS13_AES_256_GCM_SHA384,
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
    ]
}

/// Client and server are one thread each, with a runtime of its own; only the client's thread is counted.
#[test]
#[ignore = "prints figures"]
fn client_cpu_a_gigabit() {
    println!("client CPU-s/Gbit (least–most) and Gbit/s, medians of {RUNS} runs of {:.0} Gbit", ends::LOAD_GBIT);
    let plain = (None, Path::Stream);
    let tls = suites().into_iter().flat_map(|suite| [(Some(suite), Path::Stream), (Some(suite), Path::Records)]);
    for (suite, path) in std::iter::once(plain).chain(tls) {
        let ends = Ends::new(suite);
        for way in [Way::Down, Way::Up] {
            let runs: Vec<_> = (0..RUNS).map(|_| ends.run(way, path)).collect();
            let costs: Vec<f64> = runs.iter().map(|run| run.client_cpu_s / run.gbit).collect();
            let (least, most) = costs.iter().fold((f64::MAX, 0.0f64), |(a, b), c| (a.min(*c), b.max(*c)));
            let rate = median(runs.iter().map(|run| run.gbit / run.seconds).collect());
            let cost = median(costs);
            println!("{:32} {path:8?} {way:5?} {cost:.4} ({least:.4}–{most:.4})  {rate:5.1}", ends.name());
        }
    }
}
