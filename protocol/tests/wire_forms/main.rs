//! What crosses the network or lands on a disk keeps its form: golden vectors, which other languages can use, and
//! snapshots. A change here is a change of the protocol; `UPDATE_VECTORS=1 cargo test -p ispeed-protocol` rewrites the
//! vectors and the diff shows what breaks.
#![allow(clippy::unwrap_used, reason = "a failed unwrap in a test is a failed test")]

mod example;

use std::path::PathBuf;

use ispeed_protocol::campaign::{Campaign, Join, OperatorQuota};
use ispeed_protocol::echo::{EchoKind, EchoPacket};
use ispeed_protocol::evidence::{Evidence, evidence_sha256, series_sha256};
use ispeed_protocol::identity::{SAMPLE_DOMAIN, device_id, device_key};
use ispeed_protocol::receipt::Receipt;
use ispeed_protocol::signing::{SecretKey, canonical_json, hex, signed_bytes};
use ispeed_protocol::{Cell, Sample, token, validate};
use serde_json::{Value, json};

fn vector(name: &str, actual: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors").join(name);
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(&path, actual).unwrap();
    }
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Compares with the committed vector, byte for byte.
fn golden(name: &str, actual: &str) {
    assert!(vector(name, actual) == actual, "{name} differs from what this version writes:\n{actual}");
}

/// Compares with the committed vector as JSON: the order of members in memory is a matter of features of serde_json.
fn golden_json(name: &str, actual: &Value) {
    let committed = vector(name, &(serde_json::to_string_pretty(actual).unwrap() + "\n"));
    assert_eq!(&serde_json::from_str::<Value>(&committed).unwrap(), actual, "{name}");
}

/// The body of the example, as a phone sends it: compact, in the order of the type.
fn body() -> Vec<u8> {
    serde_json::to_vec(&example::sample()).unwrap()
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

#[test]
fn sample() {
    let body = body();
    golden("sample.json", std::str::from_utf8(&body).unwrap());
    assert_eq!(validate::parse(&body), Ok(example::sample()));
    insta::assert_json_snapshot!("sample", example::sample());
}

#[test]
fn a_sample_of_a_later_version_is_read_and_its_new_members_ignored() {
    let mut later = serde_json::to_value(example::sample()).unwrap();
    later["new_member"] = json!({"anything": [1, 2]});
    later["transport"]["new_member"] = json!(true);
    assert_eq!(serde_json::from_value::<Sample>(later).unwrap(), example::sample());
}

#[test]
fn the_least_sample_is_read_and_its_absent_members_are_not_zero() {
    let mut least = serde_json::to_value(example::sample()).unwrap();
    let members = least.as_object_mut().unwrap();
    for optional in ["down", "up", "latency", "server", "fixes", "radio", "transport", "evidence", "machine", "cell"] {
        members.remove(optional);
    }
    members["outcome"] = json!("no_service");
    let sample: Sample = serde_json::from_value(least).unwrap();
    assert_eq!(sample.down, None);
    assert_eq!(sample.latency.idle_ms, None);
    assert_eq!(sample.transport.vpn, None);
}

#[test]
fn receipt() {
    let body = body();
    let receipt = example::receipt(&body);
    golden_json(
        "receipt.json",
        &json!({
            "about": "Receipt of sample.json. Signed: domain, newline, canonical JSON (RFC 8785) without `signature`.",
            "domain": ispeed_protocol::receipt::RECEIPT_DOMAIN,
            "collector_seed_hex": hex(&example::COLLECTOR_SEED),
            "receipt": receipt,
            "signed_text": text(signed_bytes(&receipt).unwrap()),
            "sha256_for_the_next_receipt": receipt.sha256(),
        }),
    );
    let again = Receipt::parse(&serde_json::to_vec(&receipt).unwrap()).unwrap();
    assert_eq!(again.verify(&[SecretKey::from_bytes(&example::COLLECTOR_SEED).public()]), Ok(()));
    assert_eq!(again.covers(example::sample_id(), &body), Ok(()));
    insta::assert_json_snapshot!("receipt", receipt);
}

#[test]
fn evidence() {
    let sample = example::sample();
    let evidence: &Evidence = &sample.evidence[1];
    let series = &sample.up.as_ref().unwrap().series;
    golden_json(
        "evidence.json",
        &json!({
            "about": "Evidence of the upload of sample.json, and the two hashes around it.",
            "domain": ispeed_protocol::evidence::EVIDENCE_DOMAIN,
            "server_seed_hex": hex(&example::SERVER_SEED),
            "evidence": evidence,
            "signed_text": text(signed_bytes(evidence).unwrap()),
            "series_text": text(canonical_json(series).unwrap()),
            "series_sha256": series_sha256(series),
            "evidence_sha256_of_the_sample": evidence_sha256(&sample.evidence),
        }),
    );
    assert_eq!(evidence.verify(), Ok(()));
    insta::assert_json_snapshot!("evidence", evidence);
}

#[test]
fn token() {
    let key = SecretKey::from_bytes(&example::COLLECTOR_SEED);
    let claims = example::claims();
    let text = token::issue(&claims, &key);
    golden_json(
        "token.json",
        &json!({
            "about": "Signed: domain, newline, the base64url text between the two dots.",
            "domain": token::TOKEN_DOMAIN,
            "issuer_seed_hex": hex(&example::COLLECTOR_SEED),
            "claims": claims,
            "text": text,
        }),
    );
    assert_eq!(token::verify(&text, &[key.public()], "hcm-vnix-1", claims.issued_at), Ok(claims.clone()));
    insta::assert_json_snapshot!("token_claims", claims);
}

#[test]
fn identity() {
    let months = ["2026-11", "2026-12"].map(|month| {
        let key = device_key(&example::DEVICE_SECRET, month.parse().unwrap()).public();
        json!({"month": month, "key": key.text(), "id": device_id(&key)})
    });
    let body = body();
    let signature = example::device_signature(&body);
    golden_json(
        "identity.json",
        &json!({
            "about": "Monthly keys of a device (HKDF-SHA256, RFC 5869) and its signature over the bytes of sample.json.",
            "device_secret_hex": hex(&example::DEVICE_SECRET),
            "months": months,
            "domain": SAMPLE_DOMAIN,
            "signature_of_sample_json": signature,
        }),
    );
    assert_eq!(example::device().public().verify(SAMPLE_DOMAIN, &body, &signature), Ok(()));
}

#[test]
fn campaign() {
    let campaign = Campaign {
        v: 1,
        code: "dong-nai-2026-11".into(),
        title: "Đợt đo tháng 11".into(),
        communes: vec!["25195".into(), "25198".into()],
        quotas: vec![OperatorQuota { operator: "viettel".into(), samples: 100 }],
        starts_on: "2026-11-10".parse().unwrap(),
        ends_on: "2026-11-25".parse().unwrap(),
        roles: vec!["TO-01".into()],
        closed: false,
    };
    assert_eq!(campaign.wrong(), Vec::<String>::new());
    let key = SecretKey::from_bytes(&example::COLLECTOR_SEED);
    let join = Join::of(&campaign, Some("https://ispeed.example".into()), Some("TO-01".into()));
    let text = join.clone().text(&key).unwrap();
    golden_json(
        "campaign.json",
        &json!({
            "about": "A campaign, and the text of its QR code. Signed: domain, newline, the base64url text before the dot.",
            "domain": ispeed_protocol::campaign::JOIN_DOMAIN,
            "collector_seed_hex": hex(&example::COLLECTOR_SEED),
            "campaign": campaign,
            "text": text,
        }),
    );
    let read = Join::read(&text, &[key.public()]).unwrap();
    assert_eq!(read, Join { key: key.public().text(), ..join });
}

#[test]
fn echo() {
    let key = [0x44; 32];
    let packet = EchoPacket {
        kind: EchoKind::Reply,
        train: 3,
        echo_id: 0x0102_0304_0506_0708,
        sequence: 9,
        client_send_us: 1_000_000,
        server_receive_us: 2_000_000,
        server_send_us: 2_000_050,
    };
    let bytes = packet.encode(&key, 64, b"");
    golden_json(
        "echo.json",
        &json!({
            "about": "A reply of 64 bytes: train 3, session 0x0102030405060708, sequence 9; last 16 bytes are the MAC.",
            "key_hex": hex(&key),
            "packet_hex": hex(&bytes),
        }),
    );
    assert_eq!(EchoPacket::decode(&bytes, &key), Some(packet));
}

#[test]
fn the_text_of_every_cell_vector_is_the_text_of_a_cell() {
    let vectors: Value = serde_json::from_str(include_str!("../../vectors/cells.json")).unwrap();
    let cells = vectors["cells"].as_array().unwrap();
    assert!(cells.len() >= 10);
    for vector in cells {
        let text = vector["cell"].as_str().unwrap();
        assert_eq!(text.parse::<Cell>().unwrap().to_string(), text);
    }
}
