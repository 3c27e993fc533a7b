//! Rates: what a saturated link serves, by its log and by the socket that receives.

use ispeed_lab::emulator::{DirectionConfig, Fate, LinkLog, Rate};
use ispeed_lab::traces::{Profile, TRACE_SECONDS};
use ispeed_lab::truth::ip_capacity_bps;

use super::traffic::{PACKET_BYTES, Received, alone, flood, judged, packets_for};

const MS: u64 = 1_000_000;
/// The goal: every rate within 0.2 %.
const TOLERANCE: f64 = 0.002;
/// The sender is faster than the link by this.
const OVERLOAD: f64 = 1.3;

/// Bits a second between the first and the last of `times_ns` in a window: no packet is cut by its edges.
fn rate_bps(times_ns: impl Iterator<Item = u64>, from_ns: u64, to_ns: u64) -> f64 {
    let inside: Vec<u64> = times_ns.filter(|at| (from_ns..to_ns).contains(at)).collect();
    let (first, last) = (inside.iter().min().unwrap(), inside.iter().max().unwrap());
    ((inside.len() - 1) * PACKET_BYTES * 8) as f64 * 1e9 / (last - first) as f64
}

fn departures(log: &LinkLog) -> impl Iterator<Item = u64> {
    let full =
        |p: &&ispeed_lab::emulator::PacketRecord| p.fate == Fate::Delivered && usize::from(p.bytes) == PACKET_BYTES;
    log.down.packets.iter().filter(full).map(|p| p.depart_ns)
}

/// Longest time in a window in which the link had nothing to serve, nanoseconds in all.
fn idle_ns(log: &LinkLog, from_ns: u64, to_ns: u64) -> u64 {
    let served: Vec<_> = log.down.packets.iter().filter(|p| p.fate == Fate::Delivered).collect();
    let in_window = |pair: &&[&ispeed_lab::emulator::PacketRecord]| (from_ns..to_ns).contains(&pair[1].arrive_ns);
    served.windows(2).filter(in_window).map(|pair| pair[1].arrive_ns.saturating_sub(pair[0].depart_ns)).sum()
}

/// Why a sender that was to keep the link busy in a window did not; `None` if it did.
fn ran_dry(log: &LinkLog, from_ns: u64, to_ns: u64) -> Option<String> {
    let idle = idle_ns(log, from_ns, to_ns) as f64 / (to_ns - from_ns) as f64;
    (idle > TOLERANCE / 4.0).then(|| format!("the sender let the queue run dry for {:.2} % of the time", idle * 100.0))
}

fn report(what: &str, log: &LinkLog) {
    let [median, p99, worst] = log.down.lateness_ns(&[]).map(|ns| ns as f64 / 1e6);
    println!("{what}: cpu {:.0} %, late {median:.3}/{p99:.3}/{worst:.3} ms", log.down.cpu_share * 100.0);
}

/// Errors of the rate between 0.5 and 2 s, by the log and by the receiving socket; `None` if this run can judge nothing.
fn rate_errors(mbit: f64) -> Option<[f64; 2]> {
    let (bps, from, to) = (mbit * 1e6, 500 * MS, 2000 * MS);
    // A queue that outlasts the pauses of a sender that is kept from the processor.
    let down = DirectionConfig::fixed(bps, 5.0, 200.0);
    let (log, received) = flood("rate", down, bps * OVERLOAD, packets_for(bps * OVERLOAD, 2.1));
    report(&format!("{mbit} Mbit/s"), &log);
    let delivered = log.down.packets.iter().filter(|p| p.protocol == 17 && p.fate == Fate::Delivered).count();
    let why = log.down.void(&[]).or_else(|| ran_dry(&log, from, to)).or_else(|| {
        let at_the_receiver = format!("the receiver lost {} packets", delivered.saturating_sub(received.len()));
        (received.len() != delivered).then_some(at_the_receiver)
    });
    if let Some(why) = why {
        println!("  not judged: {why}");
        return None;
    }
    let by_log = rate_bps(departures(&log), from, to);
    let by_socket = rate_bps(received.iter().map(|p| p.at_ns), from, to);
    let errors = [by_log / bps - 1.0, by_socket / bps - 1.0];
    println!("  served {:+.4} %, received {:+.4} % off the configured rate", errors[0] * 100.0, errors[1] * 100.0);
    Some(errors)
}

#[test]
#[ignore = "needs root and /dev/net/tun: cargo xtask netns"]
fn saturating_udp_gives_the_configured_rate() {
    let _alone = alone();
    // Unoptimised code is not asked for what only a quiet machine can do.
    let rates: &[f64] =
        if cfg!(debug_assertions) { &[0.5, 5.0, 50.0] } else { &[0.5, 2.0, 5.0, 20.0, 50.0, 100.0, 300.0, 1000.0] };
    let mut not_judged = Vec::new();
    for mbit in rates.iter().copied() {
        let Some([by_log, by_socket]) = (0..3).find_map(|_| rate_errors(mbit)) else {
            not_judged.push(mbit);
            continue;
        };
        assert!(by_log.abs() <= TOLERANCE, "{mbit} Mbit/s: {:+.3} % by the log", by_log * 100.0);
        // A socket is read when its thread gets to run: 1 ms at either edge of 1.5 s.
        assert!(by_socket.abs() <= TOLERANCE + 0.0014, "{mbit} Mbit/s: {:+.3} % by the socket", by_socket * 100.0);
    }
    let exact = rates.iter().filter(|mbit| !not_judged.contains(mbit)).fold(0.0, |most: f64, mbit| most.max(*mbit));
    println!("exact to {exact} Mbit/s on this machine; not judged: {not_judged:?}");
    assert!(not_judged.iter().all(|mbit| *mbit > 100.0), "this machine could not judge {not_judged:?} Mbit/s");
}

#[test]
#[ignore = "needs root and /dev/net/tun: cargo xtask netns"]
fn a_token_bucket_gives_its_sustained_rate_after_its_burst() {
    let _alone = alone();
    let (sustained_bps, peak_bps) = (20e6, 60e6);
    let mut down = DirectionConfig::fixed(sustained_bps, 5.0, 200.0);
    down.rate = Rate::Bucket { sustained_bps, peak_bps, bucket_bytes: 2_000_000 };
    let packets = packets_for(80e6, 2.5);
    let (log, start) = (0..3)
        .find_map(|_| {
            let (log, _) = judged(|| flood("bucket", down.clone(), 80e6, packets));
            let start = departures(&log).min().unwrap();
            match ran_dry(&log, start, start + 300 * MS) {
                None => Some((log, start)),
                Some(why) => {
                    println!("  burst not judged: {why}");
                    None
                }
            }
        })
        .expect("this machine did not fill a burst of 60 Mbit/s three times in a row");
    let burst = rate_bps(departures(&log), start, start + 300 * MS);
    let sustained = rate_bps(departures(&log), start + 1000 * MS, start + 2500 * MS);
    println!("burst {:.5}, sustained {:.5}", burst / peak_bps, sustained / sustained_bps);
    assert!((burst / peak_bps - 1.0).abs() < TOLERANCE, "{burst}");
    assert!((sustained / sustained_bps - 1.0).abs() < TOLERANCE, "{sustained}");
    // What the truth says of windows before, across and after the end of the burst is what a saturated link served.
    for (from, to) in [(50, 200), (200, 900), (350, 2300), (1500, 2400)] {
        let (from, to) = (start + from * MS, start + to * MS);
        let truth = ip_capacity_bps(&down.rate, from, to, log.down.tokens_bytes(&down.rate, from));
        let served = log.down.served_bytes(from, to) as f64 * 8e9 / (to - from) as f64;
        let packet = (PACKET_BYTES * 8) as f64 * 1e9 / (to - from) as f64;
        assert!((served - truth).abs() < 1.5 * packet, "{served} {truth}");
    }
}

#[test]
#[ignore = "needs root and /dev/net/tun: cargo xtask netns"]
fn a_schedule_carries_every_opportunity_from_any_offset() {
    let _alone = alone();
    let profile = Profile::named("lte-walking").unwrap();
    let at_ms = std::sync::Arc::new(profile.schedule_ms(profile.down_mbit, 5));
    // The second one wraps a second after it starts.
    for offset_ms in [17_310, (TRACE_SECONDS - 1) * 1000] {
        let mut down = DirectionConfig::fixed(profile.down_mbit * 1e6, 5.0, 400.0);
        down.rate = Rate::Schedule { at_ms: at_ms.clone(), offset_ms };
        let (log, _) = judged(|| flood("schedule", down.clone(), 200e6, packets_for(200e6, 2.2)));
        let (from, to) = (300 * MS, 2100 * MS);
        let truth = ip_capacity_bps(&down.rate, from, to, 0.0);
        let served = log.down.served_bytes(from, to) as f64 * 8e9 / (to - from) as f64;
        println!("offset {offset_ms} ms: {:.2} Mbit/s, {:+.4} %", truth / 1e6, (served / truth - 1.0) * 100.0);
        assert!((served / truth - 1.0).abs() < TOLERANCE, "{served} {truth}");
    }
}

/// Deliveries of full packets: (departure, delay in the link after it).
fn delays(log: &LinkLog) -> Vec<(u64, u64)> {
    log.down.packets.iter().filter(|p| p.deliver_ns > 0).map(|p| (p.depart_ns, p.deliver_ns - p.depart_ns)).collect()
}

#[test]
#[ignore = "needs root and /dev/net/tun: cargo xtask netns"]
fn an_outage_serves_nothing_and_a_hand_over_steps_rate_and_delay() {
    let _alone = alone();
    let mut down = DirectionConfig::fixed(20e6, 10.0, 400.0);
    down.rate = Rate::Steps(vec![(0, 20e6), (700 * MS, 0.0), (1000 * MS, 20e6), (1500 * MS, 60e6)]);
    down.delay_ns = vec![(0, 10 * MS), (1500 * MS, 30 * MS)];
    let (log, _): (LinkLog, Vec<Received>) = judged(|| flood("steps", down.clone(), 80e6, packets_for(80e6, 2.2)));
    let between = |from: u64, to: u64| departures(&log).filter(|at| (from * MS..to * MS).contains(at)).count();
    assert_eq!(between(701, 1000), 0, "nothing leaves in the outage but the packet in service");
    for (from, to, bps) in [(200, 700, 20e6), (1001, 1500, 20e6), (1501, 2200, 60e6)] {
        let measured = rate_bps(departures(&log), from * MS, to * MS);
        assert!((measured / bps - 1.0).abs() < TOLERANCE, "{from}-{to} ms: {measured}");
    }
    for (from, to, delay_ms) in [(200, 690, 10.0), (1501, 2200, 30.0)] {
        let mut after: Vec<u64> = delays(&log)
            .into_iter()
            .filter(|(at, _)| (from * MS..to * MS).contains(at))
            .map(|(_, delay)| delay)
            .collect();
        after.sort_unstable();
        let median_ms = after[after.len() / 2] as f64 / 1e6;
        println!("delay {median_ms:.3} ms, configured {delay_ms} ms");
        assert!((median_ms - delay_ms).abs() < 0.1, "{median_ms}");
    }
}
