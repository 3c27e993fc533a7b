use ispeed_protocol::identity::{SAMPLE_DOMAIN, device_key};
use ispeed_protocol::receipt::CHAIN_START;
use ispeed_protocol::signing::{SecretKey, sha256_hex};
use proptest::prelude::*;
use serde_json::json;

use super::super::retry::MAX_WAIT_MICROS;
use super::*;

const NOW: UtcMicros = UtcMicros(1_790_000_000_000_000);
const BODY: &[u8] = br#"{"id":"x"}"#;

fn id() -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001)
}

fn device_signature() -> String {
    device_key(&[5; 32], NOW.month()).sign(SAMPLE_DOMAIN, BODY)
}

fn collector() -> SecretKey {
    SecretKey::from_bytes(&[9; 32])
}

fn receipt() -> Receipt {
    Receipt {
        v: 1,
        kind: ReceiptKind::Sample,
        sample_id: id(),
        sample_sha256: sha256_hex(BODY),
        device_signature: Some(device_signature()),
        evidence_sha256: sha256_hex(b"[]"),
        attested: false,
        received_at: NOW,
        collector: "thu".into(),
        sequence: 1,
        previous: CHAIN_START.into(),
        key: String::new(),
        signature: String::new(),
    }
}

fn submitted(receipt: &Receipt) -> Vec<u8> {
    serde_json::to_vec(&json!({"receipt": receipt, "verdict": {"counts": true, "reasons": [], "rules": 1}})).unwrap()
}

fn answered(code: u16, headers: &[(&str, &str)], body: impl Into<Vec<u8>>, trusted: &[PublicKey]) -> Decision {
    let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    let answer = Answer::HttpStatus { code, headers, body: body.into() };
    decide(Question { id: id(), body: BODY, signature: &device_signature(), trusted }, &answer, NOW)
}

fn kind(decision: &Decision) -> Option<ProblemKind> {
    match decision {
        Decision::Sent { .. } => None,
        Decision::Retry { problem, .. } | Decision::Quarantine { problem } => Some(problem.kind),
    }
}

#[test]
fn only_a_receipt_for_this_sample_is_success() {
    let good = receipt().sign(&collector()).unwrap();
    for code in [200, 201] {
        let decision = answered(code, &[("content-type", "text/html")], submitted(&good), &[collector().public()]);
        let Decision::Sent { receipt_json, key } = decision else { panic!("{decision:?}") };
        assert_eq!(Receipt::parse(&receipt_json).unwrap(), good);
        assert_eq!(key, collector().public().text());
    }
    for code in [302, 400, 403, 429, 500] {
        let decision = answered(code, &[], submitted(&good), &[collector().public()]);
        assert!(kind(&decision).is_some(), "a receipt under status {code} is none");
    }
}

#[test]
fn a_success_without_a_receipt_is_a_retry_with_its_reason() {
    let portal = b"<html><body>Welcome to the hotel</body></html>".to_vec();
    for body in
        [portal, Vec::new(), b"{}".to_vec(), b"{\"receipt\":null}".to_vec(), b"{\"receipt\":{\"v\":1}}".to_vec()]
    {
        let decision = answered(200, &[], body.clone(), &[]);
        assert_eq!(kind(&decision), Some(ProblemKind::NotAReceipt), "{}", String::from_utf8_lossy(&body));
        assert!(matches!(decision, Decision::Retry { wait: Wait::Backoff, .. }));
    }
}

#[test]
fn a_receipt_that_does_not_hold_is_a_retry() {
    let signed = |change: fn(&mut Receipt)| {
        let mut receipt = receipt();
        change(&mut receipt);
        submitted(&receipt.sign(&collector()).unwrap())
    };
    let cases = [
        ("another id", signed(|r| r.sample_id = Uuid::from_u128(7))),
        ("another body", signed(|r| r.sample_sha256 = sha256_hex(b"other"))),
        ("another signature", signed(|r| r.device_signature = Some("x".into()))),
        ("no signature", signed(|r| r.device_signature = None)),
        ("a deletion", signed(|r| r.kind = ReceiptKind::Deletion)),
        ("a broken hash", signed(|r| r.previous = "x".into())),
    ];
    for (name, body) in cases {
        let decision = answered(200, &[], body, &[collector().public()]);
        assert_eq!(kind(&decision), Some(ProblemKind::ReceiptRefused), "{name}");
        assert!(matches!(decision, Decision::Retry { .. }), "{name}");
    }
    let mut forged = receipt().sign(&collector()).unwrap();
    forged.attested = true;
    for trusted in [vec![], vec![collector().public()]] {
        assert_eq!(kind(&answered(200, &[], submitted(&forged), &trusted)), Some(ProblemKind::ReceiptRefused));
    }
}

#[test]
fn another_key_is_quarantined_and_explained_only_when_it_signed_well() {
    let other = SecretKey::from_bytes(&[8; 32]);
    let decision = answered(200, &[], submitted(&receipt().sign(&other).unwrap()), &[collector().public()]);
    let Decision::Quarantine { problem } = decision else { panic!("{decision:?}") };
    assert_eq!(problem.kind, ProblemKind::CollectorKeyChanged);
    assert!(problem.text.contains(&other.public().text()) && problem.text.contains(&collector().public().text()));

    let mut forged = receipt().sign(&other).unwrap();
    forged.attested = true;
    let decision = answered(200, &[], submitted(&forged), &[collector().public()]);
    assert_eq!(kind(&decision), Some(ProblemKind::ReceiptRefused), "anyone can write a key into a forged receipt");
}

#[test]
fn each_status_has_its_meaning() {
    let expected = [
        (301, ProblemKind::Redirected, false),
        (302, ProblemKind::Redirected, false),
        (307, ProblemKind::Redirected, false),
        (400, ProblemKind::Refused, true),
        (401, ProblemKind::Credentials, false),
        (403, ProblemKind::Credentials, false),
        (404, ProblemKind::Refused, true),
        (407, ProblemKind::Credentials, false),
        (408, ProblemKind::Busy, false),
        (409, ProblemKind::Refused, true),
        (413, ProblemKind::Refused, true),
        (422, ProblemKind::Refused, true),
        (425, ProblemKind::Busy, false),
        (429, ProblemKind::Busy, false),
        (500, ProblemKind::ServerError, false),
        (502, ProblemKind::ServerError, false),
        (503, ProblemKind::Busy, false),
        (511, ProblemKind::ServerError, false),
        (101, ProblemKind::ServerError, false),
        (999, ProblemKind::ServerError, false),
    ];
    for (code, expected, quarantined) in expected {
        let decision = answered(code, &[("location", "http://login.hotel/")], Vec::new(), &[]);
        assert_eq!(kind(&decision), Some(expected), "{code}");
        assert_eq!(matches!(decision, Decision::Quarantine { .. }), quarantined, "{code}");
    }
}

#[test]
fn the_collectors_words_are_kept_and_bounded() {
    let mut problem = Problem::new(422, "sample_invalid", "Not a sample", "one member is wrong\u{1b}[2J");
    problem.errors.push(ispeed_protocol::problem::FieldError {
        pointer: "/down/bytes".into(),
        value: "-1".into(),
        expected: "an integer".into(),
    });
    let decision = answered(422, &[], serde_json::to_vec(&problem).unwrap(), &[]);
    let Decision::Quarantine { problem } = decision else { panic!("{decision:?}") };
    assert!(problem.text.contains("/down/bytes is -1, expected an integer"), "{problem}");
    assert!(!problem.text.contains('\u{1b}'), "no escape reaches a terminal");
    let long = serde_json::to_vec(&Problem::new(400, "x", "y", "ặ".repeat(5_000))).unwrap();
    let Decision::Quarantine { problem } = answered(400, &[], long, &[]) else { panic!() };
    assert_eq!(problem.text.chars().count(), PROBLEM_MAX_CHARS);
}

#[test]
fn a_demanded_wait_is_kept_and_credentials_wait_an_hour() {
    let wait = |code, value: &str| match answered(code, &[("Retry-After", value)], Vec::new(), &[]) {
        Decision::Retry { wait, .. } => wait,
        other => panic!("{other:?}"),
    };
    assert_eq!(wait(429, "120"), Wait::Micros(120_000_000));
    assert_eq!(wait(503, "Wed, 23 Sep 2026 04:00:00 GMT"), wait(503, "Wednesday, 23-Sep-26 04:00:00 GMT"));
    assert_eq!(wait(503, "soon"), Wait::Backoff);
    assert_eq!(wait(503, "999999999"), Wait::Micros(MAX_WAIT_MICROS));
    assert_eq!(wait(401, "1"), Wait::Micros(CREDENTIALS_WAIT_MICROS));
    assert_eq!(wait(403, "7200"), Wait::Micros(7_200_000_000));
}

#[test]
fn every_kind_is_read_back() {
    for kind in ProblemKind::ALL {
        assert_eq!(ProblemKind::parse(kind.text()).unwrap(), kind);
    }
    assert!(ProblemKind::parse("x").is_err());
}

proptest! {
    /// Whatever bytes come back, nothing but the one receipt is success.
    #[test]
    fn no_random_answer_is_a_success(code in any::<u16>(), body in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(kind(&answered(code, &[], body, &[])).is_some());
    }

    /// One changed byte of a good answer is never another success, unless it changed what is not the receipt.
    #[test]
    fn a_changed_receipt_is_no_success(at in 0usize..10_000, byte in any::<u8>()) {
        let good = receipt().sign(&collector()).unwrap();
        let json = serde_json::to_string(&good).unwrap();
        let mut body = format!("{{\"receipt\":{json}}}").into_bytes();
        let at = 11 + at % json.len();
        prop_assume!(body[at] != byte);
        body[at] = byte;
        let decision = answered(200, &[], body, &[collector().public()]);
        prop_assert!(kind(&decision).is_some(), "byte {} of {}", at, json);
    }
}
