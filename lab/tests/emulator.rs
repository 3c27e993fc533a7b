//! The emulator is judged before it judges. Needs root and /dev/net/tun: `cargo xtask netns`.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a failed unwrap is a failed test; figures are printed")]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use ispeed_lab::emulator::namespace::{CLIENT_IP, SERVER_IP};
use ispeed_lab::emulator::{DirectionConfig, Emulator, Fate, LinkConfig, LinkLog, Loss, Namespaces, Rate};
use ispeed_lab::truth::{PAYLOAD_SHARE_IPV4, ip_capacity_bps};

/// One emulation at a time: two on two cores would starve each other.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn namespaces(name: &str) -> Namespaces {
    Namespaces::new(&format!("lab-{name}-{}", std::process::id())).unwrap()
}

/// Runs until a log may judge; a machine that starves the emulator three times in a row cannot host it.
fn judged<T>(mut run: impl FnMut() -> (LinkLog, T)) -> (LinkLog, T) {
    for _ in 0..3 {
        let (log, result) = run();
        match log.down.void().or_else(|| log.up.void()) {
            None => return (log, result),
            Some(why) => println!("  void: {why}"),
        }
    }
    panic!("the emulator was starved three times in a row");
}

/// Sends UDP from server to client at `load_bps` (IP) for `seconds` through `down`.
fn flood(name: &str, down: DirectionConfig, load_bps: f64, seconds: f64) -> LinkLog {
    let ns = namespaces(name);
    let link = LinkConfig { down, up: DirectionConfig::fixed(100e6, 0.0, 100.0), seed: 7 };
    let emulator = Emulator::start(&ns, &link).unwrap();
    let receiver = Namespaces::inside(&ns.client(), || {
        let socket = UdpSocket::bind((CLIENT_IP, 9000)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        socket
    })
    .unwrap();
    let drain = std::thread::spawn(move || {
        let mut buffer = [0; 2048];
        while receiver.recv(&mut buffer).is_ok() {}
    });
    Namespaces::inside(&ns.server(), move || {
        let socket = UdpSocket::bind((SERVER_IP, 0)).unwrap();
        let (packet, begun) = ([0x5a; 1472], Instant::now());
        let mut sent = 0.0;
        while begun.elapsed().as_secs_f64() < seconds {
            if sent / load_bps > begun.elapsed().as_secs_f64() {
                std::thread::sleep(Duration::from_micros(100));
                continue;
            }
            let _ = socket.send_to(&packet, (CLIENT_IP, 9000));
            sent += 1500.0 * 8.0;
        }
    })
    .unwrap();
    std::thread::sleep(Duration::from_millis(600));
    let log = emulator.stop();
    drain.join().unwrap();
    log
}

/// Share of a window in which the link had nothing to serve.
fn idle_share(log: &LinkLog, from: u64, to: u64) -> f64 {
    let served: Vec<_> = log.down.packets.iter().filter(|p| p.fate == Fate::Delivered).collect();
    let idle: u64 = served
        .windows(2)
        .filter(|pair| (from..to).contains(&pair[1].arrive_ns))
        .map(|pair| pair[1].arrive_ns.saturating_sub(pair[0].depart_ns))
        .sum();
    idle as f64 / (to - from) as f64
}

fn report(what: &str, log: &LinkLog) {
    let [median, p99, worst] = log.down.lateness_ns.map(|ns| ns as f64 / 1e6);
    println!("{what}: cpu {:.0} %, late {median:.3}/{p99:.3}/{worst:.3} ms", log.down.cpu_share * 100.0);
}

#[test]
#[ignore = "needs root and /dev/net/tun: cargo xtask netns"]
fn saturating_udp_gives_the_configured_rate() {
    let _alone = alone();
    let mut judged = 0;
    let rates = if cfg!(debug_assertions) {
        &[0.5, 2.0, 20.0, 100.0, 300.0][..]
    } else {
        &[0.5, 2.0, 20.0, 100.0, 300.0, 600.0, 1000.0]
    };
    for mbit in rates.iter().copied() {
        let bps = mbit * 1e6;
        let log = flood("rate", DirectionConfig::fixed(bps, 5.0, 50.0), bps * 1.3, 3.0);
        report(&format!("{mbit} Mbit/s"), &log);
        if let Some(why) = log.down.void() {
            println!("  void: {why}");
            continue;
        }
        let (from, to) = (1_000_000_000, 2_500_000_000);
        let idle = idle_share(&log, from, to);
        if idle > 0.0005 {
            // The sender was kept from the processor for longer than the queue lasts; that is not the link's rate.
            println!("  not judged: the sender let the queue run dry for {:.2} % of the time", idle * 100.0);
            continue;
        }
        let served = log.down.served_bytes(from, to) as f64 * 8.0 / 1.5;
        let truth = ip_capacity_bps(&Rate::constant(bps), from, to, 0.0);
        judged += 1;
        // One packet at each edge of the window is not an error of the rate.
        let granularity = 2.0 * 12_000.0 / 1.5 / bps;
        let error = served / truth - 1.0;
        println!("  served {:.4} of the configured rate", served / truth);
        assert!(error.abs() <= 0.002 + granularity, "{mbit} Mbit/s: {:+.3} %", error * 100.0);
    }
    assert!(judged >= 3, "this machine could judge {judged} rates only");
}

#[test]
#[ignore = "needs root and /dev/net/tun: cargo xtask netns"]
fn a_token_bucket_gives_its_sustained_rate_after_its_burst() {
    let _alone = alone();
    let mut down = DirectionConfig::fixed(20e6, 5.0, 50.0);
    down.rate = Rate::Bucket { sustained_bps: 20e6, peak_bps: 60e6, bucket_bytes: 2_000_000 };
    let (log, ()) = judged(|| (flood("bucket", down.clone(), 80e6, 3.0), ()));
    let burst = log.down.served_bytes(100_000_000, 300_000_000) as f64 * 8.0 / 0.2;
    let sustained = log.down.served_bytes(1_000_000_000, 2_500_000_000) as f64 * 8.0 / 1.5;
    println!("burst {:.4}, sustained {:.4}", burst / 60e6, sustained / 20e6);
    assert!((burst / 60e6 - 1.0).abs() < 0.005, "{burst}");
    assert!((sustained / 20e6 - 1.0).abs() < 0.002, "{sustained}");
}

/// 400 echoes, one after the other, over 20 ms down and 15 ms up with 5 % loss: round trips in ms, and requests the server saw.
fn echo_through_a_lossy_link() -> (LinkLog, (Vec<f64>, usize)) {
    let ns = namespaces("delay");
    let mut link = LinkConfig {
        down: DirectionConfig::fixed(100e6, 20.0, 50.0),
        up: DirectionConfig::fixed(100e6, 15.0, 50.0),
        seed: 11,
    };
    link.up.loss = Loss::Random(0.05);
    let emulator = Emulator::start(&ns, &link).unwrap();
    let echo = Namespaces::inside(&ns.server(), || UdpSocket::bind((SERVER_IP, 9001)).unwrap()).unwrap();
    echo.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let server = std::thread::spawn(move || {
        let mut buffer = [0; 2048];
        let mut echoed = 0;
        while let Ok((n, from)) = echo.recv_from(&mut buffer) {
            echo.send_to(&buffer[..n], from).unwrap();
            echoed += 1;
        }
        echoed
    });
    let round_trips = Namespaces::inside(&ns.client(), || {
        let socket = UdpSocket::bind((CLIENT_IP, 0)).unwrap();
        socket.connect((SERVER_IP, 9001)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let mut out = Vec::new();
        for i in 0..400u32 {
            let begun = Instant::now();
            socket.send(&i.to_be_bytes()).unwrap();
            let mut buffer = [0; 64];
            if socket.recv(&mut buffer).is_ok() {
                out.push(begun.elapsed().as_secs_f64() * 1e3);
            }
        }
        out
    })
    .unwrap();
    let echoed = server.join().unwrap();
    let log = emulator.stop();
    (log, (round_trips, echoed))
}

#[test]
#[ignore = "needs root and /dev/net/tun: cargo xtask netns"]
fn delay_is_the_configured_one_and_loss_is_the_logs() {
    let _alone = alone();
    let (log, (mut round_trips, echoed)) = judged(echo_through_a_lossy_link);
    let udp = |fate| log.up.packets.iter().filter(|p| p.protocol == 17 && p.fate == fate).count();
    println!("{} of 400 lost by the log, {echoed} echoed", udp(Fate::Lost));
    assert_eq!(udp(Fate::Delivered), echoed, "what the log delivered is what the server saw");
    assert_eq!(udp(Fate::Lost) + udp(Fate::Delivered), 400);
    round_trips.sort_by(f64::total_cmp);
    let at = |q: f64| round_trips[((round_trips.len() - 1) as f64 * q) as usize];
    println!("round trip {:.3} ms median, {:.3} ms p99; configured 35 ms", at(0.5), at(0.99));
    // One-way logs are exact to the clock; a round trip through two sockets adds the scheduler twice.
    let mut one_way: Vec<u64> =
        log.up.packets.iter().filter(|p| p.deliver_ns > 0).map(|p| p.deliver_ns - p.arrive_ns).collect();
    one_way.sort_unstable();
    let (median, p99) = (one_way[one_way.len() / 2] as f64 / 1e6, one_way[one_way.len() * 99 / 100] as f64 / 1e6);
    println!("one way {median:.3} ms median, {p99:.3} ms p99; configured 15 ms");
    // The goal is 0.1 ms; a shared machine that wakes late may miss it, a wrong delay misses this.
    assert!((median - 15.0).abs() < 0.3, "{median}");
    assert!((p99 - 15.0).abs() < 1.0, "{p99}");
    assert!(at(0.5) - 35.0 < 1.0 && at(0.5) >= 35.0, "{}", at(0.5));
}

/// Goodput of a plain TCP transfer over 48 Mbit/s, bit/s.
fn tcp_transfer() -> (LinkLog, f64) {
    let ns = namespaces("tcp");
    let link = LinkConfig {
        down: DirectionConfig::fixed(48e6, 10.0, 60.0),
        up: DirectionConfig::fixed(24e6, 10.0, 60.0),
        seed: 1,
    };
    let emulator = Emulator::start(&ns, &link).unwrap();
    let listener = Namespaces::inside(&ns.server(), || TcpListener::bind((SERVER_IP, 9002)).unwrap()).unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(5) && stream.write_all(&[0x33; 16 * 1024]).is_ok() {}
    });
    let goodput = Namespaces::inside(&ns.client(), || {
        let mut stream = TcpStream::connect((SERVER_IP, 9002)).unwrap();
        let (mut buffer, begun) = (vec![0; 1 << 16], Instant::now());
        let (mut bytes, mut window) = (0u64, None::<(Instant, Instant)>);
        while let Ok(n) = stream.read(&mut buffer) {
            if n == 0 || begun.elapsed() > Duration::from_secs(4) {
                break;
            }
            if begun.elapsed() > Duration::from_secs(2) {
                let now = Instant::now();
                match &mut window {
                    Some((_, last)) => {
                        bytes += n as u64;
                        *last = now;
                    }
                    None => window = Some((now, now)),
                }
            }
        }
        let (first, last) = window.unwrap();
        bytes as f64 * 8.0 / (last - first).as_secs_f64()
    })
    .unwrap();
    (emulator.stop(), goodput)
}

#[test]
#[ignore = "needs root and /dev/net/tun: cargo xtask netns"]
fn a_plain_tcp_transfer_gets_the_payload_share() {
    let _alone = alone();
    let (log, goodput) = judged(tcp_transfer);
    report("tcp", &log);
    let share = goodput / (48e6 * PAYLOAD_SHARE_IPV4);
    println!("goodput {share:.4} of the payload share");
    assert!((share - 1.0).abs() < 0.01, "{share}");
}
