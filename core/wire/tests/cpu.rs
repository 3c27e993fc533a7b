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

/// This client and the Rust ndt7 client in turns, on one cipher suite at a time.
#[cfg(target_os = "linux")]
#[test]
#[ignore = "prints figures"]
fn client_cpu_a_gigabit_against_ndt7() {
    const TURNS: usize = 5;
    // About as long as the other's turn: neighbours on the machine come and go.
    const OURS_A_TURN: usize = 4;
    let Some(program) = ndt7::program() else {
        println!("NOT MEASURED: ndt7-client is not in target/peers/ndt7, see `cargo xtask lab --peers`");
        return;
    };
    println!("client CPU-s/Gbit, medians of {TURNS} turns: ispeed (its load thread), ndt7-client 0.3.1 (its process)");
    for suite in &suites()[..2] {
        let ends = Ends::new(Some(*suite));
        let (mut own, mut other) = (Vec::new(), Vec::new());
        for way in [Way::Down, Way::Up] {
            let turns = (0..TURNS).map(|_| {
                let ours: Vec<_> = (0..OURS_A_TURN).map(|_| ends.run(way, Path::Records)).collect();
                let theirs = ndt7::run(&program, &ends, way);
                assert!(theirs.gbit > 1.0, "ndt7-client moved {} Gbit", theirs.gbit);
                let (cpu_s, gbit) = ours.iter().fold((0.0, 0.0), |(c, g), run| (c + run.client_cpu_s, g + run.gbit));
                (cpu_s / gbit, theirs.client_cpu_s / theirs.gbit, theirs.gbit_per_s)
            });
            let turns: Vec<_> = turns.collect();
            let ours = median(turns.iter().map(|turn| turn.0).collect());
            let theirs = median(turns.iter().map(|turn| turn.1).collect());
            let rate = median(turns.iter().map(|turn| turn.2).collect());
            let (name, ratio) = (ends.name(), ours / theirs);
            println!("{name:25} {way:5?} ispeed {ours:.4}  ndt7 {theirs:.4} ({rate:.1} Gbit/s)  ratio {ratio:.2}");
            own.push(ours);
            other.push(theirs);
        }
        if *suite == CipherSuite::TLS13_AES_128_GCM_SHA256 {
            let both = |ways: &[f64]| format!("{{\"down\": {:.4}, \"up\": {:.4}}}", ways[0], ways[1]);
            let figures = format!("\"cipher\": \"{suite:?}\", \"ispeed\": {}, \"ndt7\": {}", both(&own), both(&other));
            println!("bench: {{\"cpu_s_per_gbit\": {{{figures}}}}}");
        }
    }
}
