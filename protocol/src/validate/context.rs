//! Head of the sample, device, program, network, server, evidence, verdict.

use std::net::IpAddr;

use uuid::Variant;

use super::TEXT_MAX_CHARS;
use super::checker::Checker;
use crate::PROTOCOL_VERSION;
use crate::device::{Measurer, Radio, RadioSpan, Transport};
use crate::evidence::Evidence;
use crate::facts::Facts;
use crate::identity::device_id;
use crate::sample::{MachineContext, Sample};
use crate::servers::UsedServer;
use crate::signing::{PublicKey, is_sha256_hex};
use crate::time::UtcMicros;

/// 2020-01-01 to 2199-12-31: the months [`crate::Month`] can write.
const INSTANTS: std::ops::Range<i64> = 1_577_836_800_000_000..7_258_118_400_000_000;
const EVIDENCE_MAX: usize = 8;
const CANDIDATES_MAX: usize = 64;
const REASONS_MAX: usize = 64;
const BPS_MAX: f64 = 1e13;

pub(super) fn sample(sample: &Sample, check: &mut Checker) {
    let newest = u64::from(PROTOCOL_VERSION);
    check.integer("/protocol", u64::from(sample.protocol), 1..=newest);
    let v7 = sample.id.get_version_num() == 7 && sample.id.get_variant() == Variant::RFC4122;
    check.require(v7, "/id", sample.id, "a UUID of version 7 (RFC 9562)");
    check.code("/outcome_reason", sample.outcome_reason.as_deref(), 64, "_");
    times(sample, check);
    check.text("/consent/version", Some(&sample.consent.version), 64);
    device(sample, check);
    circumstances(Some(&sample.measurer), &sample.campaign, &sample.pair_id, check);
    radios(&sample.radio, check);
    transport(&sample.transport, check);
    if let Some(server) = &sample.server {
        self::server(server, check);
    }
    machine(&sample.machine, check);
    check.require(
        sample.evidence.len() <= EVIDENCE_MAX,
        "/evidence",
        sample.evidence.len(),
        "at most 8 pieces of evidence",
    );
    for (i, evidence) in sample.evidence.iter().enumerate().take(EVIDENCE_MAX) {
        self::evidence(&format!("/evidence/{i}"), evidence, sample, check);
    }
    verdict(sample, check);
    check.integer("/method", u64::from(sample.method), 1..=u64::from(u32::MAX));
    check.code("/program/name", Some(&sample.program.name), 64, "-_");
    check.text("/program/version", Some(&sample.program.version), 64);
    check.text("/program/build", sample.program.build.as_deref(), TEXT_MAX_CHARS);
}

/// What only the shell knows, before a sample is made of it; positions are in `place`.
pub(super) fn facts(facts: &Facts, check: &mut Checker) {
    circumstances(facts.measurer.as_ref(), &facts.campaign, &facts.pair_id, check);
    radios(&facts.radio, check);
    transport(&facts.transport, check);
    check.text("/os_version", facts.os_version.as_deref(), TEXT_MAX_CHARS);
    check.text("/model", facts.model.as_deref(), TEXT_MAX_CHARS);
    check.text("/app_build", facts.app_build.as_deref(), TEXT_MAX_CHARS);
}

fn circumstances(
    measurer: Option<&Measurer>,
    campaign: &Option<String>,
    pair_id: &Option<String>,
    check: &mut Checker,
) {
    let role_code = measurer.and_then(|measurer| measurer.role_code.as_deref());
    check.text("/measurer/role_code", role_code, TEXT_MAX_CHARS);
    check.text("/campaign", campaign.as_deref(), TEXT_MAX_CHARS);
    check.text("/pair_id", pair_id.as_deref(), TEXT_MAX_CHARS);
}

fn radios(span: &RadioSpan, check: &mut Checker) {
    for (name, radio) in [("start", &span.start), ("end", &span.end)] {
        if let Some(radio) = radio {
            self::radio(&format!("/radio/{name}"), radio, check);
        }
    }
}

fn instant(pointer: &str, at: UtcMicros, check: &mut Checker) {
    check.require(INSTANTS.contains(&at.as_micros()), pointer, at, "an instant from 2020 to 2199");
}

fn times(sample: &Sample, check: &mut Checker) {
    instant("/started_at", sample.started_at, check);
    instant("/ended_at", sample.ended_at, check);
    instant("/consent/at", sample.consent.at, check);
    let expected = format!("an instant not before started_at ({})", sample.started_at);
    check.require(sample.started_at <= sample.ended_at, "/ended_at", sample.ended_at, &expected);
    if let Some(clock) = &sample.clock {
        check.number("/clock/offset_ms", Some(clock.offset_ms), -1e13..=1e13);
        check.number("/clock/round_trip_ms", Some(clock.round_trip_ms), 0.0..=600_000.0);
    }
}

fn device(sample: &Sample, check: &mut Checker) {
    let device = &sample.device;
    match PublicKey::parse(&device.key) {
        Ok(key) => {
            let id = device_id(&key);
            let expected = format!("{id}, which derives from device.key");
            check.require(device.id == id, "/device/id", format!("{:?}", device.id), &expected);
        }
        Err(_) => {
            let expected = "an Ed25519 public key, 43 characters of base64url";
            check.require(false, "/device/key", format!("{:?}", device.key), expected);
        }
    }
    check.code("/device/platform", Some(&device.platform), 32, "_");
    check.text("/device/os_version", device.os_version.as_deref(), TEXT_MAX_CHARS);
    check.text("/device/model", device.model.as_deref(), TEXT_MAX_CHARS);
}

/// Ranges of 3GPP TS 36.133/38.133 (reports) and 36.331/38.331 (identities), widened where phones exceed them.
fn radio(at: &str, radio: &Radio, check: &mut Checker) {
    check.number(&format!("{at}/rsrp_dbm"), radio.rsrp_dbm, -200.0..=0.0);
    check.number(&format!("{at}/rsrq_db"), radio.rsrq_db, -60.0..=40.0);
    check.number(&format!("{at}/sinr_db"), radio.sinr_db, -60.0..=60.0);
    check.text(&format!("{at}/cell_id"), radio.cell_id.as_deref(), 32);
    check.integer(&format!("{at}/pci"), radio.pci.unwrap_or(0).into(), 0..=1007);
    check.integer(&format!("{at}/area_code"), radio.area_code.unwrap_or(0).into(), 0..=0xff_ffff);
    check.integer(&format!("{at}/arfcn"), radio.arfcn.unwrap_or(0).into(), 0..=3_279_165);
    check.text(&format!("{at}/band"), radio.band.as_deref(), 16);
    check.code(&format!("{at}/missing"), radio.missing.as_deref(), 64, "_");
}

fn transport(transport: &Transport, check: &mut Checker) {
    for (name, plmn) in [("serving_plmn", &transport.serving_plmn), ("sim_plmn", &transport.sim_plmn)] {
        if let Some(plmn) = plmn {
            let shown = format!("{plmn:?}");
            check.require(is_plmn(plmn), &format!("/transport/{name}"), shown, "MCC-MNC, such as 452-04");
        }
    }
    check.text("/transport/sim_brand", transport.sim_brand.as_deref(), TEXT_MAX_CHARS);
}

fn is_plmn(text: &str) -> bool {
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    text.split_once('-')
        .is_some_and(|(mcc, mnc)| mcc.len() == 3 && (2..=3).contains(&mnc.len()) && digits(mcc) && digits(mnc))
}

fn server(server: &UsedServer, check: &mut Checker) {
    check.code("/server/id", Some(&server.id), 32, "-");
    let many = server.candidates.len();
    check.require(many <= CANDIDATES_MAX, "/server/candidates", many, "at most 64 candidates");
    for (i, candidate) in server.candidates.iter().enumerate().take(CANDIDATES_MAX) {
        let at = format!("/server/candidates/{i}");
        check.code(&format!("{at}/id"), Some(&candidate.id), 32, "-");
        check.number(&format!("{at}/rtt_ms"), candidate.rtt_ms, 0.0..=600_000.0);
        check.code(&format!("{at}/outcome"), Some(&candidate.outcome), 32, "_");
    }
    if let Some(family) = &server.family {
        let known = ["ipv4", "ipv6"].contains(&family.as_str());
        check.require(known, "/server/family", format!("{family:?}"), "ipv4 or ipv6");
    }
    if let Some(prefix) = &server.network_prefix {
        network_prefix("/server/network_prefix", prefix, check);
    }
    check.text("/server/cipher", server.cipher.as_deref(), 64);
}

fn network_prefix(pointer: &str, text: &str, check: &mut Checker) {
    let expected = "an IPv4 /24 or IPv6 /48 with nothing after the prefix, such as 203.0.113.0/24";
    check.require(is_network_prefix(text), pointer, format!("{text:?}"), expected);
}

fn is_network_prefix(text: &str) -> bool {
    match text.split_once('/').map(|(address, bits)| (address.parse(), bits)) {
        Some((Ok(IpAddr::V4(address)), "24")) => address.octets()[3] == 0,
        Some((Ok(IpAddr::V6(address)), "48")) => address.segments()[3..].iter().all(|segment| *segment == 0),
        _ => false,
    }
}

fn machine(machine: &MachineContext, check: &mut Checker) {
    // A counter of CPU time and one of wall time are read a moment apart.
    check.number("/machine/cpu_share_before", machine.cpu_share_before, 0.0..=1.01);
    check.text("/machine/interface", machine.interface.as_deref(), 64);
    for (name, bps) in [
        ("cross_down_bps_before", machine.cross_down_bps_before),
        ("cross_up_bps_before", machine.cross_up_bps_before),
        ("cross_down_bps_after", machine.cross_down_bps_after),
        ("cross_up_bps_after", machine.cross_up_bps_after),
    ] {
        check.number(&format!("/machine/{name}"), bps, 0.0..=BPS_MAX);
    }
}

fn evidence(at: &str, evidence: &Evidence, sample: &Sample, check: &mut Checker) {
    check.integer(&format!("{at}/v"), u64::from(evidence.v), 1..=u64::from(PROTOCOL_VERSION));
    let expected = format!("{}, the id of the sample", sample.id);
    check.require(evidence.sample_id == sample.id, &format!("{at}/sample_id"), evidence.sample_id, &expected);
    check.code(&format!("{at}/server_id"), Some(&evidence.server_id), 32, "-");
    instant(&format!("{at}/started_at"), evidence.started_at, check);
    let expected = format!("an instant not before started_at ({})", evidence.started_at);
    check.require(evidence.started_at <= evidence.ended_at, &format!("{at}/ended_at"), evidence.ended_at, &expected);
    network_prefix(&format!("{at}/network_prefix"), &evidence.network_prefix, check);
    let hash = &evidence.series_sha256;
    let expected = "64 lower-case hex digits";
    check.require(is_sha256_hex(hash), &format!("{at}/series_sha256"), format!("{hash:?}"), expected);
    let expected = "an Ed25519 public key, 43 characters of base64url";
    let key = &evidence.key;
    check.require(PublicKey::parse(key).is_ok(), &format!("{at}/key"), format!("{key:?}"), expected);
    check.text(&format!("{at}/signature"), Some(&evidence.signature), 86);
}

fn verdict(sample: &Sample, check: &mut Checker) {
    let reasons = &sample.verdict.reasons;
    check.require(reasons.len() <= REASONS_MAX, "/verdict/reasons", reasons.len(), "at most 64 reasons");
    for (i, reason) in reasons.iter().enumerate().take(REASONS_MAX) {
        check.code(&format!("/verdict/reasons/{i}"), Some(reason), 64, "_");
    }
    let consistent = sample.verdict.counts == reasons.is_empty();
    check.require(consistent, "/verdict/counts", sample.verdict.counts, "true exactly when there are no reasons");
}
