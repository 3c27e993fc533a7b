//! Namespaces, links and the traffic the tests put on them.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use ispeed_lab::emulator::namespace::{CLIENT_IP, SERVER_IP};
use ispeed_lab::emulator::{DirectionConfig, Emulator, LinkConfig, LinkLog, Namespaces};
use rustix::time::{ClockId, clock_gettime};

/// IP bytes of the packets of a flood, and their payload.
pub(crate) const PACKET_BYTES: usize = 1500;
const PAYLOAD_BYTES: usize = PACKET_BYTES - 28;
const FLOOD_PORT: u16 = 9000;
/// Nothing has come for so long: the flood is over.
const SILENCE: Duration = Duration::from_millis(400);
/// Room for 20 ms of 1 Gbit/s at four times its size.
const RECEIVE_BUFFER_BYTES: usize = 16 << 20;

/// One emulation at a time: two on two cores would starve each other.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

pub(crate) fn namespaces(name: &str) -> Namespaces {
    Namespaces::new(&format!("lab-{name}-{}", std::process::id())).unwrap()
}

/// Runs until a log may judge; a machine that starves the emulator three times in a row cannot host it.
pub(crate) fn judged<T>(mut run: impl FnMut() -> (LinkLog, T)) -> (LinkLog, T) {
    for _ in 0..3 {
        let (log, result) = run();
        match log.void(&[]) {
            None => return (log, result),
            Some(why) => println!("  void: {why}"),
        }
    }
    panic!("the emulator was starved three times in a row");
}

pub(crate) fn now_ns() -> u64 {
    let t = clock_gettime(ClockId::Monotonic);
    t.tv_sec.unsigned_abs() * 1_000_000_000 + t.tv_nsec.unsigned_abs()
}

/// A packet of a flood as the client's socket saw it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received {
    pub(crate) number: u32,
    /// On the clock of the log.
    pub(crate) sent_ns: u64,
    pub(crate) at_ns: u64,
}

/// Sends `packets` numbered UDP packets from server to client through `down`, at `load_bps` of IP.
pub(crate) fn flood(name: &str, down: DirectionConfig, load_bps: f64, packets: u32) -> (LinkLog, Vec<Received>) {
    let ns = namespaces(name);
    let link = LinkConfig { down, up: DirectionConfig::fixed(100e6, 0.0, 100.0), seed: 7 };
    let emulator = Emulator::start(&ns, &link).unwrap();
    let receiver = Namespaces::inside(&ns.client(), || UdpSocket::bind((CLIENT_IP, FLOOD_PORT)).unwrap()).unwrap();
    receiver.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    rustix::net::sockopt::set_socket_recv_buffer_size_force(&receiver, RECEIVE_BUFFER_BYTES).unwrap();
    let over = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let collector = std::thread::spawn({
        let over = over.clone();
        move || collect(&receiver, &over)
    });
    Namespaces::inside(&ns.server(), move || send(load_bps, packets)).unwrap();
    over.store(true, std::sync::atomic::Ordering::Relaxed);
    let mut received = collector.join().unwrap();
    let log = emulator.stop();
    for packet in &mut received {
        packet.sent_ns -= log.base_monotonic_ns;
        packet.at_ns -= log.base_monotonic_ns;
    }
    (log, received)
}

fn send(load_bps: f64, packets: u32) {
    let socket = UdpSocket::bind((SERVER_IP, 0)).unwrap();
    socket.connect((CLIENT_IP, FLOOD_PORT)).unwrap();
    let (mut packet, begun) = ([0x5a; PAYLOAD_BYTES], Instant::now());
    let gap_s = PACKET_BYTES as f64 * 8.0 / load_bps;
    for number in 0..packets {
        while f64::from(number) * gap_s > begun.elapsed().as_secs_f64() {
            std::thread::sleep(Duration::from_micros(50));
        }
        packet[..4].copy_from_slice(&number.to_be_bytes());
        packet[4..12].copy_from_slice(&now_ns().to_be_bytes());
        socket.send(&packet).unwrap();
    }
}

fn collect(socket: &UdpSocket, over: &std::sync::atomic::AtomicBool) -> Vec<Received> {
    let (mut out, mut buffer, mut last) = (Vec::new(), [0; 2048], Instant::now());
    loop {
        match socket.recv(&mut buffer) {
            Ok(_) => {
                let number = u32::from_be_bytes(*buffer.first_chunk().unwrap());
                let sent_ns = u64::from_be_bytes(*buffer[4..].first_chunk().unwrap());
                out.push(Received { number, sent_ns, at_ns: now_ns() });
                last = Instant::now();
            }
            Err(_) if last.elapsed() > SILENCE && over.load(std::sync::atomic::Ordering::Relaxed) => return out,
            Err(_) => {}
        }
    }
}

/// Packets that keep `bps` busy for `seconds`.
pub(crate) fn packets_for(bps: f64, seconds: f64) -> u32 {
    (bps * seconds / (PACKET_BYTES as f64 * 8.0)) as u32
}

/// A plain TCP transfer from the server's to the client's namespace at `ip` for `seconds`: the server's bytes are
/// [`pattern`], and every one that arrives is checked. Goodput after the first `skip_s`, bit/s, and the kernel's count of
/// bytes read.
pub(crate) fn tcp_transfer(ns: &Namespaces, ip: IpAddr, seconds: f64, skip_s: f64) -> (f64, u64) {
    let listener = Namespaces::inside(&ns.server(), move || TcpListener::bind((ip, 0)).unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let sender = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let block = pattern(0, PERIOD * 64);
        let begun = Instant::now();
        while begun.elapsed().as_secs_f64() < seconds + 0.5 && stream.write_all(&block).is_ok() {}
    });
    let out = Namespaces::inside(&ns.client(), move || receive(address, seconds, skip_s)).unwrap();
    sender.join().unwrap();
    out
}

const PERIOD: usize = 251;

/// Byte `i` of a transfer is `i` modulo a prime, so that no packet looks like its neighbour.
fn pattern(from: usize, len: usize) -> Vec<u8> {
    (from..from + len).map(|i| (i % PERIOD) as u8).collect()
}

fn receive(address: SocketAddr, seconds: f64, skip_s: f64) -> (f64, u64) {
    let mut stream = TcpStream::connect(address).unwrap();
    let (mut buffer, begun) = (vec![0; 1 << 16], Instant::now());
    let expected = pattern(0, PERIOD + buffer.len());
    let (mut total, mut window) = (0usize, None::<(f64, usize)>);
    loop {
        let n = stream.read(&mut buffer).unwrap();
        let phase = total % PERIOD;
        assert!(n > 0 && buffer[..n] == expected[phase..phase + n], "the transfer is damaged after {total} bytes");
        total += n;
        let at = begun.elapsed().as_secs_f64();
        match window {
            None if at > skip_s => window = Some((at, total)),
            Some((from, bytes)) if at > seconds => {
                return ((total - bytes) as f64 * 8.0 / (at - from), total as u64);
            }
            _ => {}
        }
    }
}
