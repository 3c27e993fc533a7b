//! How many submissions a collector takes in a second, from the head of the request to the receipt on the disk.
#![allow(clippy::unwrap_used, reason = "a failed unwrap here is a failed test, in helpers too")]

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{MINUTE_US, World, at, device, sample, signed, store_path};
use ispeed_protocol::UtcMicros;
use ispeed_server::store::Store as _;

const SAMPLES: u32 = 4_000;
/// Phones that hand in at the same time.
const AT_ONCE: usize = 64;
const DEVICES: u32 = 200;

/// Without TLS and sockets: what checking and keeping cost. The folder is that of the system's temporary files.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "prints submissions a second: cargo xtask bench"]
async fn submissions_a_second() {
    let world = Arc::new(World::new().await);
    let begin = at("2026-11-23T00:00:00Z");
    let bodies: Vec<_> = (0..SAMPLES)
        .map(|n| {
            let key = device((n % DEVICES) as u8);
            let started = UtcMicros(begin.as_micros() + i64::from(n / DEVICES) * 5 * MINUTE_US + i64::from(n));
            signed(&sample(u128::from(n), started, &key), &key)
        })
        .collect();
    let bytes: usize = bodies.iter().map(|body| body.bytes.len()).sum();
    let begun = Instant::now();
    let mut workers = tokio::task::JoinSet::new();
    let bodies = Arc::new(bodies);
    for worker in 0..AT_ONCE {
        let (world, bodies) = (Arc::clone(&world), Arc::clone(&bodies));
        workers.spawn(async move {
            let mut times = Vec::new();
            for body in bodies.iter().skip(worker).step_by(AT_ONCE) {
                let asked = Instant::now();
                let answer = world.put(body).await;
                assert_eq!(answer.status, 200, "{}", answer.text());
                times.push(asked.elapsed());
            }
            times
        });
    }
    let mut times: Vec<Duration> = workers.join_all().await.concat();
    let elapsed = begun.elapsed();
    times.sort();
    world.store.close().await.unwrap();
    let file = std::fs::metadata(store_path(world.folder.path())).unwrap().len();
    println!(
        "{SAMPLES} samples, {AT_ONCE} at once: {:.0} a second, median {:.1} ms, 99th percentile {:.1} ms; body {} bytes, file {} bytes a sample",
        f64::from(SAMPLES) / elapsed.as_secs_f64(),
        times[times.len() / 2].as_secs_f64() * 1e3,
        times[times.len() * 99 / 100].as_secs_f64() * 1e3,
        bytes / SAMPLES as usize,
        file / u64::from(SAMPLES)
    );
}
