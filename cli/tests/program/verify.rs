use std::path::Path;

use ispeed_protocol::UtcMicros;
use ispeed_protocol::direction::{Direction, Series};
use ispeed_protocol::evidence::{Evidence, evidence_sha256, series_sha256};
use ispeed_protocol::identity::{SAMPLE_DOMAIN, device_id};
use ispeed_protocol::receipt::{CHAIN_START, Receipt, ReceiptKind};
use ispeed_protocol::signing::{SecretKey, sha256_hex};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{run, run_with, stdout_of, text};

const AT: UtcMicros = UtcMicros(1_790_000_000_000_000);
const ID: Uuid = Uuid::from_u128(0x019a_0b1c_0000_7000_8000_0000_0000_0001);

fn collector() -> SecretKey {
    SecretKey::from_bytes(&[3; 32])
}

fn series() -> Series {
    Series { t_us: vec![50_000, 100_000], app_bytes: vec![100, 200], ..Series::default() }
}

fn evidence(direction: Direction) -> Evidence {
    Evidence {
        v: 1,
        token_id: Uuid::from_u128(9),
        sample_id: ID,
        server_id: "hn1".into(),
        direction,
        bytes: 300,
        started_at: AT,
        ended_at: AT.plus_micros(2_000_000),
        network_prefix: "203.0.113.0/24".into(),
        asn: None,
        flows: 1,
        series_sha256: series_sha256(&series()),
        key: String::new(),
        signature: String::new(),
    }
    .sign(&SecretKey::from_bytes(&[4; 32]))
    .unwrap()
}

/// A sample of the least members, and what belongs to it.
fn sample() -> Value {
    let device = SecretKey::from_bytes(&[5; 32]).public();
    let result = json!({
        "goodput_bps": 2.5e6, "interval_bps": [2.4e6, 2.6e6], "load_start_us": 0, "duration_ms": 100.0,
        "stop_reason": "converged", "flags": [], "flows": 1, "counter": "app_bytes", "bytes": 300, "series": series()
    });
    json!({
        "protocol": 1, "id": ID, "outcome": "complete", "started_at": AT, "ended_at": AT.plus_micros(5_000_000),
        "consent": {"version": "1", "at": AT, "run": true, "share": "commune", "upload": true},
        "device": {"key": device.text(), "id": device_id(&device), "platform": "linux"},
        "place": {"verdict": "unknown", "code": null, "border_m": null, "table": null},
        "down": result, "up": result, "down_sender_series": series(), "bytes_down": 300, "bytes_up": 300,
        "evidence": [evidence(Direction::Down), evidence(Direction::Up)],
        "verdict": {"counts": false, "reasons": ["position_missing"], "rules": 1},
        "method": 1, "program": {"name": "test", "version": "0.0.0"}
    })
}

fn receipt(body: &str, sample: &Value) -> Receipt {
    let evidence: Vec<Evidence> = serde_json::from_value(sample["evidence"].clone()).unwrap();
    Receipt {
        v: 1,
        kind: ReceiptKind::Sample,
        sample_id: ID,
        sample_sha256: sha256_hex(body.as_bytes()),
        device_signature: Some(SecretKey::from_bytes(&[5; 32]).sign(SAMPLE_DOMAIN, body.as_bytes())),
        evidence_sha256: evidence_sha256(&evidence),
        attested: true,
        received_at: AT.plus_micros(9_000_000),
        collector: "test".into(),
        sequence: 7,
        previous: CHAIN_START.into(),
        key: String::new(),
        signature: String::new(),
    }
    .sign(&collector())
    .unwrap()
}

fn document_of(sample: &Value) -> String {
    let body = sample.to_string();
    format!("{{\"sample\":{body},\"receipt\":{}}}", serde_json::to_string(&receipt(&body, sample)).unwrap())
}

fn document() -> String {
    document_of(&sample())
}

fn verify(home: &Path, document: &[u8], more: &[&str]) -> (bool, String, String) {
    let output = run_with(home, &[&["verify", "-"], more].concat(), document);
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn accepts_what_holds_and_says_what_is_proven_and_what_is_not() {
    let home = tempfile::tempdir().unwrap();
    let (accepted, stdout, stderr) = verify(home.path(), document().as_bytes(), &[]);
    assert!(accepted, "{stdout}{stderr}");
    for expected in ["accepted", "byte for byte", "signed the sample", "download", "upload", "no signature can prove"] {
        assert!(stdout.contains(expected), "{expected}: {stdout}");
    }
    assert!(stderr.contains("against the key the receipt itself names"), "{stderr}");

    let (accepted, stdout, stderr) =
        verify(home.path(), document().as_bytes(), &["--key", &collector().public().text()]);
    assert!(accepted && stderr.is_empty(), "{stdout}{stderr}");
}

#[test]
fn refuses_every_flipped_byte() {
    let home = tempfile::tempdir().unwrap();
    let document = document().into_bytes();
    for at in (0..document.len()).step_by(13) {
        let mut changed = document.clone();
        changed[at] ^= 1;
        let output = run_with(home.path(), &["verify", "-"], &changed);
        assert_eq!(
            output.status.code(),
            Some(1),
            "byte {at}: {}",
            String::from_utf8_lossy(&changed[at.saturating_sub(20)..at + 1])
        );
    }
}

#[test]
fn names_what_does_not_match() {
    let home = tempfile::tempdir().unwrap();
    let changed = document().replacen("\"bytes_down\":300", "\"bytes_down\":301", 1);
    let (accepted, stdout, _) = verify(home.path(), changed.as_bytes(), &[]);
    assert!(!accepted && stdout.contains("does not match  the sample's SHA-256"), "{stdout}");

    let changed = document().replacen("\"sequence\":7", "\"sequence\":8", 1);
    let (accepted, stdout, _) = verify(home.path(), changed.as_bytes(), &[]);
    assert!(!accepted && stdout.contains("the receipt does not hold"), "{stdout}");

    let other = SecretKey::from_bytes(&[9; 32]).public().text();
    let (accepted, stdout, _) = verify(home.path(), document().as_bytes(), &["--key", &other]);
    assert!(!accepted && stdout.contains("not among the trusted keys"), "{stdout}");
}

#[test]
fn a_collector_that_signs_a_forged_sample_is_still_found_out() {
    let home = tempfile::tempdir().unwrap();
    // The body was changed before the collector signed it: its receipt holds, the evidence and the device's word do not.
    let mut forged = sample();
    forged["up"]["series"]["app_bytes"][0] = json!(999);
    let (accepted, stdout, _) = verify(home.path(), document_of(&forged).as_bytes(), &[]);
    assert!(!accepted && stdout.contains("the series in the sample is not the one the server signed"), "{stdout}");

    let mut forged = sample();
    forged["evidence"][0]["bytes"] = json!(999);
    let (accepted, stdout, _) = verify(home.path(), document_of(&forged).as_bytes(), &[]);
    assert!(!accepted && stdout.contains("the evidence of the download does not hold"), "{stdout}");

    let mut forged = sample();
    forged["device"]["id"] = json!("00".repeat(16));
    let (accepted, stdout, _) = verify(home.path(), document_of(&forged).as_bytes(), &[]);
    assert!(!accepted && stdout.contains("device id"), "{stdout}");
}

#[test]
fn reads_receipts_alone_many_at_once_and_the_lines_of_progress_before_them() {
    let home = tempfile::tempdir().unwrap();
    let body = sample().to_string();
    let receipt = serde_json::to_string(&receipt(&body, &sample())).unwrap();
    let (accepted, stdout, _) = verify(home.path(), receipt.as_bytes(), &[]);
    assert!(accepted && stdout.contains("only its receipt was given"), "{stdout}");

    let many = format!("{{\"event\":\"progress\",\"phase\":\"download\"}}\n{}\n{receipt}\n", document());
    let (accepted, stdout, _) = verify(home.path(), many.as_bytes(), &["--format", "jsonl"]);
    let findings: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(accepted && findings.len() == 2 && findings.iter().all(|finding| finding["accepted"] == true), "{stdout}");

    let array = format!("[{},{}]", document(), document().replacen("\"sequence\":7", "\"sequence\":8", 1));
    let (accepted, stdout, _) = verify(home.path(), array.as_bytes(), &["--format", "csv"]);
    assert!(!accepted && stdout.lines().count() == 3, "{stdout}");
}

#[test]
fn a_sample_that_waits_and_an_empty_input_prove_nothing() {
    let home = tempfile::tempdir().unwrap();
    let waiting = format!("{{\"sample\":{},\"receipt\":null}}", sample());
    let (accepted, stdout, _) = verify(home.path(), waiting.as_bytes(), &[]);
    assert!(!accepted && stdout.contains("no receipt yet"), "{stdout}");
    let (accepted, _, stderr) = verify(home.path(), b"", &[]);
    assert!(!accepted && stderr.contains("holds no receipt"), "{stderr}");
    let (accepted, stdout, _) = verify(home.path(), sample().to_string().as_bytes(), &[]);
    assert!(!accepted, "{stdout}");
}

#[test]
fn keys_come_as_text_and_in_files() {
    let home = tempfile::tempdir().unwrap();
    let key = collector().public().text();
    std::fs::write(home.path().join("doc.json"), document()).unwrap();
    std::fs::write(home.path().join("plain.key"), format!("{key}\n")).unwrap();
    std::fs::write(home.path().join("info.json"), json!({"public_key": key, "name": "x"}).to_string()).unwrap();
    std::fs::write(home.path().join("no.key"), "nothing here").unwrap();
    for file in ["plain.key", "info.json"] {
        stdout_of(&run(home.path(), &["verify", "doc.json", "--key", file]));
    }
    assert_eq!(run(home.path(), &["verify", "doc.json", "--key", "no.key"]).status.code(), Some(2));
}

/// A key is base64url, so one in 64 begins with the hyphen that options begin with.
#[test]
fn a_key_that_begins_with_a_hyphen_is_a_key() {
    let home = tempfile::tempdir().unwrap();
    let hyphen = (0..=u16::MAX)
        .map(|seed| {
            let mut bytes = [0; 32];
            bytes[..2].copy_from_slice(&seed.to_be_bytes());
            SecretKey::from_bytes(&bytes).public().text()
        })
        .find(|key| key.starts_with('-'))
        .unwrap();
    std::fs::write(home.path().join("doc.json"), document()).unwrap();
    let key = collector().public().text();
    stdout_of(&run(home.path(), &["verify", "doc.json", "--key", &hyphen, "--key", &key]));
    let other = run(home.path(), &["verify", "doc.json", "--key", &hyphen]);
    assert_eq!(other.status.code(), Some(1), "{}", text(&other.stderr));
    for (args, said) in [
        (&["month", "verify", "nowhere", "--key", &hyphen][..], "nowhere"),
        (&["campaign", "check", "no text", "--key", &hyphen], "not a join text"),
    ] {
        let stderr = text(&run(home.path(), args).stderr);
        assert!(stderr.contains(said) && !stderr.contains("unexpected argument"), "{args:?}: {stderr}");
    }
}
