//! A complete sample of a phone in Phường Bình Phước and everything that is signed around it, from fixed keys: the same
//! bytes on every machine.

use ispeed_protocol::consent::{Consent, Share};
use ispeed_protocol::device::{
    Device, Measurer, Program, Radio, RadioSpan, RadioTechnology, Surroundings, Transport, TransportKind,
};
use ispeed_protocol::direction::{CounterKind, Direction, DirectionResult, FlowStep, Series, StopReason};
use ispeed_protocol::evidence::{Evidence, evidence_sha256, series_sha256};
use ispeed_protocol::identity::{SAMPLE_DOMAIN, device_id, device_key};
use ispeed_protocol::latency::{EchoTransport, Latency, Loss, PathQuality, RoundTrips};
use ispeed_protocol::place::{Candidate, Fix, FixSource, Fixes, Place, PlaceVerdict};
use ispeed_protocol::receipt::{CHAIN_START, Receipt, ReceiptKind};
use ispeed_protocol::sample::{Clock, MachineContext, Outcome};
use ispeed_protocol::servers::{ServerCandidate, ServerClass, UsedServer};
use ispeed_protocol::signing::{SecretKey, sha256_hex};
use ispeed_protocol::token::TokenClaims;
use ispeed_protocol::verdict::Verdict;
use ispeed_protocol::{Cell, Sample, UtcMicros};
use uuid::Uuid;

/// Secret of the device.
pub(crate) const DEVICE_SECRET: [u8; 32] = [0x11; 32];
/// Seed of the collector's key.
pub(crate) const COLLECTOR_SEED: [u8; 32] = [0x22; 32];
/// Seed of the measuring end's key.
pub(crate) const SERVER_SEED: [u8; 32] = [0x33; 32];

const BIN_US: u32 = 50_000;
const SEGMENT_BYTES: u64 = 1_448;

pub(crate) fn started_at() -> UtcMicros {
    "2026-11-23T07:04:05.000123Z".parse().unwrap()
}

pub(crate) fn sample_id() -> Uuid {
    Uuid::parse_str("01a20738-1094-7c3e-9d21-5f0e6a7b8c9d").unwrap()
}

/// The device's key of the sample's month.
pub(crate) fn device() -> SecretKey {
    device_key(&DEVICE_SECRET, started_at().month())
}

/// Slow start in five bins, then a steady rate with a segment more or less.
fn series(bins: u32, segments_a_bin: u32) -> Series {
    let segments: Vec<u32> = (0..bins)
        .map(|i| match i {
            0..=4 => segments_a_bin * (i + 1) / 6,
            _ => segments_a_bin + [0, 1, 0, 2, 1][i as usize % 5] - 1,
        })
        .collect();
    let bytes: Vec<u64> = segments.iter().map(|n| u64::from(*n) * SEGMENT_BYTES).collect();
    Series {
        t_us: (1..=bins).map(|i| i * BIN_US).collect(),
        segments: Some(segments),
        kernel_bytes: Some(bytes.clone()),
        app_bytes: bytes,
        flow_steps: vec![FlowStep { t_us: 0, flows: 1 }, FlowStep { t_us: 250_000, flows: 4 }],
    }
}

fn direction(load_start_us: u64, segments_a_bin: u32, half_width_bps: f64) -> DirectionResult {
    let series = series(40, segments_a_bin);
    let window_bytes: u64 = series.app_bytes[8..].iter().sum();
    let window_ms = 1_600.0;
    let goodput_bps = window_bytes as f64 * 8_000.0 / window_ms;
    DirectionResult {
        goodput_bps: Some(goodput_bps),
        // Above it also what the run's own packets took: 60 kbit/s (METHOD section 7).
        interval_bps: Some([goodput_bps - half_width_bps, goodput_bps + half_width_bps + 60_000.0]),
        ip_rate_bps: Some(goodput_bps * 1_500.0 / 1_448.0),
        load_start_us,
        window_start_ms: Some(load_start_us as f64 / 1_000.0 + 400.0),
        window_ms: Some(window_ms),
        duration_ms: 2_000.0,
        stop_reason: StopReason::Converged,
        flags: Vec::new(),
        flows: 4,
        counter: CounterKind::TcpInfoSegments,
        bytes_per_segment: Some(SEGMENT_BYTES as f64),
        bytes: series.app_bytes.iter().sum(),
        burst: None,
        congestion_control: Some("bbr".into()),
        mss_bytes: Some(1_448),
        retransmits: Some(3),
        segments_sent: Some(8_120),
        tcp_rtt_ms: Some(31.5),
        client_cpu_share: Some(0.22),
        series,
    }
}

fn evidence(direction: Direction, token: u128, result: &DirectionResult, series: &Series) -> Evidence {
    let start = started_at().plus_micros(result.load_start_us as i64);
    Evidence {
        v: 1,
        token_id: Uuid::from_u128(token),
        sample_id: sample_id(),
        server_id: "hcm-vnix-1".into(),
        direction,
        bytes: result.bytes + 120_000,
        started_at: start,
        ended_at: start.plus_micros(2_090_000),
        network_prefix: "203.0.113.0/24".into(),
        asn: Some(7552),
        flows: 4,
        series_sha256: series_sha256(series),
        key: String::new(),
        signature: String::new(),
    }
    .sign(&SecretKey::from_bytes(&SERVER_SEED))
    .unwrap()
}

fn trips(n: u32, min_ms: f64, median_ms: f64, p95_ms: f64) -> RoundTrips {
    let median_interval_ms = Some([median_ms - 0.5, median_ms + 0.5]);
    RoundTrips { n, min_ms, median_ms, p95_ms, median_interval_ms }
}

fn path() -> PathQuality {
    let loss = |lost, interval| Loss { sent: 100, lost, interval };
    PathQuality {
        loss_down: Some(loss(0, [0.0, 0.037])),
        loss_up: Some(loss(1, [0.0018, 0.0545])),
        pdv95_down_ms: Some(4.2),
        pdv95_up_ms: Some(6.8),
        jitter_rfc3550_ms: Some(1.3),
        mean_abs_difference_ms: Some(1.7),
    }
}

fn latency() -> Latency {
    Latency {
        transport: Some(EchoTransport::Udp),
        idle_ms: Some(27.4),
        loaded_down_ms: Some(61.0),
        loaded_up_ms: Some(88.5),
        radio_wake_ms: Some(142.0),
        idle: Some(trips(40, 24.1, 27.4, 35.9)),
        loaded_down: Some(trips(90, 30.2, 61.0, 97.3)),
        loaded_up: Some(trips(90, 33.0, 88.5, 140.1)),
        rpm_short: Some(690.0),
        idle_path: Some(path()),
        loaded_down_path: Some(path()),
        loaded_up_path: Some(path()),
        tcp_connect_ms: Some(26.8),
    }
}

fn radio(rsrp_dbm: f64) -> Radio {
    Radio {
        technology: RadioTechnology::G5Nsa,
        rsrp_dbm: Some(rsrp_dbm),
        rsrq_db: Some(-11.0),
        sinr_db: Some(14.5),
        cell_id: Some("67893761".into()),
        pci: Some(204),
        area_code: Some(18_221),
        arfcn: Some(1_650),
        band: Some("B3".into()),
        missing: None,
    }
}

fn fix(after_s: i64, age_ms: u64) -> Fix {
    Fix {
        lat: None,
        lon: None,
        accuracy_m: Some(8.0),
        at: Some(started_at().plus_micros(after_s * 1_000_000 - age_ms as i64 * 1_000)),
        age_ms: Some(age_ms),
        speed_mps: Some(0.0),
        altitude_m: None,
        mock: Some(false),
        source: FixSource::Gnss,
    }
}

fn network() -> (Transport, UsedServer) {
    let transport = Transport {
        kind: TransportKind::Cellular,
        vpn: Some(false),
        roaming: Some(false),
        metered: Some(true),
        captive_portal: Some(false),
        changed: false,
        serving_plmn: Some("452-04".into()),
        sim_plmn: Some("452-04".into()),
        sim_brand: Some("Viettel".into()),
    };
    let candidate =
        |id: &str, rtt_ms, outcome: &str| ServerCandidate { id: id.into(), rtt_ms, outcome: outcome.into() };
    let server = UsedServer {
        id: "hcm-vnix-1".into(),
        class: Some(ServerClass::Vnix),
        automatic: true,
        candidates: vec![
            candidate("hcm-vnix-1", Some(27.0), "chosen"),
            candidate("hn-vnix-1", Some(49.5), "slower"),
            candidate("dn-vnix-1", None, "no_answer"),
        ],
        family: Some("ipv4".into()),
        network_prefix: Some("203.0.113.0/24".into()),
        asn: Some(7552),
        cipher: Some("TLS13_AES_128_GCM_SHA256".into()),
    };
    (transport, server)
}

pub(crate) fn sample() -> Sample {
    let (down, up) = (direction(1_200_000, 199, 237_580.6), direction(4_100_000, 99, 121_740.6));
    let sender_series = Series { segments: None, kernel_bytes: None, ..down.series.clone() };
    let key = device().public();
    let (transport, server) = network();
    Sample {
        protocol: 1,
        id: sample_id(),
        outcome: Outcome::Complete,
        outcome_reason: None,
        started_at: started_at(),
        ended_at: started_at().plus_micros(6_900_000),
        clock: Some(Clock { offset_ms: -312.0, round_trip_ms: 28.0, corrected: true }),
        consent: Consent {
            version: "2026-11-01".into(),
            at: "2026-11-20T01:00:00Z".parse().unwrap(),
            run: true,
            share: Share::Commune,
            upload: true,
        },
        device: Device {
            id: device_id(&key),
            key: key.text(),
            platform: "android".into(),
            os_version: Some("16".into()),
            model: Some("Pixel 9".into()),
            first_run: false,
        },
        measurer: Measurer::default(),
        campaign: Some("dong-nai-2026-11".into()),
        pair_id: None,
        place: Place {
            verdict: PlaceVerdict::Certain,
            code: Some("25195".into()),
            candidates: vec![Candidate { code: "25195".into(), distance_m: 0.0 }],
            border_m: Some(812.0),
            table: Some("communes-2026-04-30@2026-04-30#0123456789ab".into()),
        },
        cell: Some("c6413_58224".parse::<Cell>().unwrap()),
        fixes: Fixes { start: Some(fix(0, 900)), mid: Some(fix(4, 400)), end: Some(fix(6, 700)) },
        radio: RadioSpan { start: Some(radio(-87.0)), end: Some(radio(-89.0)) },
        transport,
        surroundings: Some(Surroundings::Outdoor),
        server: Some(server),
        latency: latency(),
        evidence: vec![
            evidence(Direction::Down, 0xd, &down, &sender_series),
            evidence(Direction::Up, 0xd, &up, &up.series),
        ],
        bytes_down: down.bytes + 120_000,
        bytes_up: up.bytes + 120_000,
        down: Some(down),
        up: Some(up),
        down_sender_series: Some(sender_series),
        machine: MachineContext { interface: Some("rmnet_data0".into()), ..MachineContext::default() },
        verdict: Verdict { counts: true, reasons: Vec::new(), rules: 1 },
        simulated: false,
        synthetic: false,
        method: 1,
        program: Program { name: "ispeed-android".into(), version: "0.1.0".into(), build: Some("100-abcdef0".into()) },
    }
}

/// The device's signature over the body.
pub(crate) fn device_signature(body: &[u8]) -> String {
    device().sign(SAMPLE_DOMAIN, body)
}

/// The collector's receipt for the body.
pub(crate) fn receipt(body: &[u8]) -> Receipt {
    Receipt {
        v: 1,
        kind: ReceiptKind::Sample,
        sample_id: sample_id(),
        sample_sha256: sha256_hex(body),
        device_signature: Some(device_signature(body)),
        evidence_sha256: evidence_sha256(&sample().evidence),
        attested: true,
        received_at: started_at().plus_micros(9_500_000),
        collector: "ispeed.example".into(),
        sequence: 1,
        previous: CHAIN_START.into(),
        key: String::new(),
        signature: String::new(),
    }
    .sign(&SecretKey::from_bytes(&COLLECTOR_SEED))
    .unwrap()
}

/// Claims of the token that paid for the run.
pub(crate) fn claims() -> TokenClaims {
    let key = SecretKey::from_bytes(&COLLECTOR_SEED);
    TokenClaims {
        id: Uuid::from_u128(0xd),
        issuer: key.public().text(),
        audience: "hcm-vnix-1".into(),
        sample_id: sample_id(),
        device_id: device_id(&device().public()),
        issued_at: started_at(),
        start_by: started_at().plus_micros(60_000_000),
        max_bytes_down: 250_000_000,
        max_bytes_up: 100_000_000,
        max_seconds: 30,
        max_streams: 16,
    }
}
