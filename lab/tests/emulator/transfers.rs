//! TCP through the link, and the same through a shaper that is not ours.

use std::process::Command;

use ispeed_lab::emulator::namespace::{SERVER_IP, SERVER_IP6};
use ispeed_lab::emulator::{DirectionConfig, Emulator, Fate, LinkConfig, LinkLog, Loss};
use ispeed_lab::truth::PAYLOAD_SHARE_IPV4;

use super::traffic::{alone, judged, namespaces, tcp_transfer};

const RATE_MBIT: f64 = 48.0;
/// A queue no congestion control fills in the time: loss would put the reader's bytes out of step with the link.
const QUEUE_MS: f64 = 400.0;
/// Payload of a full packet over Ethernet, whose header `tbf` counts and the emulator does not.
const PAYLOAD_SHARE_ETHERNET: f64 = 1448.0 / 1514.0;
/// Both ways to shape agree within this.
const TOLERANCE: f64 = 0.005;

fn through_the_emulator(ip: &str, loss: Loss, seconds: f64) -> (LinkLog, (f64, u64)) {
    let ns = namespaces("tcp");
    let mut down = DirectionConfig::fixed(RATE_MBIT * 1e6, 5.0, QUEUE_MS);
    down.loss = loss;
    let link = LinkConfig { down, up: DirectionConfig::fixed(RATE_MBIT * 1e6, 5.0, QUEUE_MS), seed: 1 };
    let emulator = Emulator::start(&ns, &link).unwrap();
    let result = tcp_transfer(&ns, ip.parse().unwrap(), seconds, 1.0);
    (emulator.stop(), result)
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn ip(words: &str) {
    run(Command::new("ip").args(words.split(' ')));
}

/// Goodput over a veth pair that `tbf` shapes on the server's side. One segment a packet: `tbf` would see what the
/// kernel sends as one piece as one packet with one header.
fn through_tbf(seconds: f64) -> f64 {
    let ns = namespaces("tbf");
    let (client, server) = (ns.client(), ns.server());
    ip(&format!("link add veth0 netns {server} type veth peer name veth0 netns {client}"));
    for (ns, address) in [(&server, "10.79.0.1"), (&client, "10.79.0.2")] {
        ip(&format!("-n {ns} addr add {address}/24 dev veth0"));
        ip(&format!("-n {ns} link set veth0 mtu 1500 gso_max_segs 1 gro_max_size 1 up"));
    }
    let tbf = format!("-n {server} qdisc add dev veth0 root tbf rate {RATE_MBIT}mbit burst 15140 latency {QUEUE_MS}ms");
    run(Command::new("tc").args(tbf.split(' ')));
    tcp_transfer(&ns, "10.79.0.1".parse().unwrap(), seconds, 1.0).0
}

#[test]
#[ignore = "needs root and /dev/net/tun: cargo xtask netns"]
fn a_plain_tcp_transfer_agrees_with_tbf_on_a_veth() {
    let _alone = alone();
    let mut last = [0.0; 2];
    let agree = (0..3).any(|_| {
        let (_, (emulated, _)) = judged(|| through_the_emulator(SERVER_IP, Loss::None, 4.0));
        let shaped = through_tbf(4.0);
        last = [emulated / (RATE_MBIT * 1e6 * PAYLOAD_SHARE_IPV4), shaped / (RATE_MBIT * 1e6 * PAYLOAD_SHARE_ETHERNET)];
        println!("of its payload share: emulator {:.5}, tbf {:.5}", last[0], last[1]);
        last.iter().all(|share| (share - 1.0).abs() <= TOLERANCE) && (last[0] - last[1]).abs() <= TOLERANCE
    });
    assert!(agree, "{last:?} of the payload share");
}

/// The whole way of a segment is tested here: the kernel leaves segmentation to the device, the emulator splits, some
/// packets are lost, and the receiver gets every byte.
#[test]
#[ignore = "needs root and /dev/net/tun: cargo xtask netns"]
fn segments_are_split_whole_over_ipv4_and_ipv6() {
    let _alone = alone();
    for (address, head_bytes) in [(SERVER_IP, 52), (SERVER_IP6, 72)] {
        let (log, (goodput_bps, bytes)) = judged(|| through_the_emulator(address, Loss::Random(0.002), 2.0));
        let sent = |p: &&ispeed_lab::emulator::PacketRecord| p.protocol == 6 && p.bytes > head_bytes;
        let data = log.down.packets.iter().filter(sent);
        let carried: u64 =
            data.clone().filter(|p| p.fate == Fate::Delivered).map(|p| u64::from(p.bytes - head_bytes)).sum();
        println!("{address}: {bytes} bytes at {:.1} Mbit/s, {carried} carried", goodput_bps / 1e6);
        assert!(data.clone().all(|p| p.bytes <= 1500), "no packet is longer than the MTU");
        assert!(carried >= bytes, "every byte read was a packet in the log");
        assert!(data.clone().filter(|p| p.bytes == 1500).count() * 2 > data.count(), "segments are full");
    }
}
