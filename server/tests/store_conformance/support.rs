//! Samples, receipts and decisions of the suite.

use std::collections::BTreeMap;

use ispeed_protocol::cell::Cell;
use ispeed_protocol::device::{MeasurerKind, RadioTechnology, Surroundings};
use ispeed_protocol::place::Place;
use ispeed_protocol::receipt::{Receipt, ReceiptKind};
use ispeed_protocol::sample::Outcome;
use ispeed_protocol::signing::{SecretKey, SignatureError, sha256_hex};
use ispeed_protocol::verdict::Verdict;
use ispeed_protocol::{Month, UtcMicros};
use ispeed_report::MonthSample;
use ispeed_report::sample::PacketCounts;
use ispeed_server::store::{ChainLink, Decide, Decision, MonthTallies, NewSample, SignDeletion, Store, Submission};
use uuid::Uuid;

pub(crate) const MINUTE_US: i64 = 60_000_000;

pub(crate) fn key() -> SecretKey {
    SecretKey::from_bytes(&[5; 32])
}

pub(crate) fn chain_key() -> String {
    key().public().text()
}

pub(crate) fn start() -> UtcMicros {
    "2026-11-23T07:00:00Z".parse().unwrap()
}

pub(crate) fn november() -> Month {
    "2026-11".parse().unwrap()
}

/// A sample with something in every member.
pub(crate) fn sample(n: u128, device: &str, commune: Option<&str>, started_at: UtcMicros) -> NewSample {
    let body = format!("{{\"n\":{n}}}").into_bytes();
    let facts = MonthSample {
        id: Uuid::from_u128(n),
        sha256: sha256_hex(&body),
        device_id: device.into(),
        started_at,
        received_at: started_at.plus_micros(9_000_001),
        receipt_key: String::new(),
        receipt_sequence: 0,
        outcome: Outcome::Partial,
        counts: false,
        reasons: Vec::new(),
        rules: 0,
        attested: true,
        commune: commune.map(str::to_owned),
        province: commune.map(|code| if code < "20000" { "01" } else { "75" }.to_owned()),
        cell: Some(Cell { row: 6413, column: -58_224 }),
        operator: "viettel".into(),
        brand: Some("iTel".into()),
        technology: RadioTechnology::G5Nsa,
        measurer: MeasurerKind::Official,
        campaign: Some("đợt 1".into()),
        pair_id: None,
        surroundings: Some(Surroundings::Moving),
        first_run: n.is_multiple_of(2),
        // Not a number of few decimals: it has to come back to the last bit.
        down_bps: Some(1e8 / 3.0 + n as f64),
        up_bps: None,
        byte_capped: true,
        idle_ms: Some(27.4),
        loaded_down_ms: Some(0.1 + 0.2),
        loaded_up_ms: None,
        pdv_ms: Some(4.2),
        echo: PacketCounts { sent: u32::MAX, lost: 1 },
        bytes: 16_395_336,
        simulated: false,
        synthetic: true,
    };
    NewSample { facts, body }
}

fn receipt(
    kind: ReceiptKind,
    sample: &NewSample,
    link: &ChainLink,
    key: &SecretKey,
) -> Result<Receipt, SignatureError> {
    let sample = &sample.facts;
    Receipt {
        v: 1,
        kind,
        sample_id: sample.id,
        sample_sha256: sample.sha256.clone(),
        device_signature: None,
        evidence_sha256: sha256_hex(b"[]"),
        attested: sample.attested,
        received_at: sample.received_at,
        collector: "suite".into(),
        sequence: link.sequence,
        previous: link.previous.clone(),
        key: String::new(),
        signature: String::new(),
    }
    .sign(key)
}

/// Counts unless there is a reason.
pub(crate) fn decide(sample: &NewSample, reason: Option<&str>) -> Decide {
    decide_by(sample, reason, &key())
}

pub(crate) fn decide_by(sample: &NewSample, reason: Option<&str>, key: &SecretKey) -> Decide {
    let (sample, reasons) = (sample.clone(), reason.map(str::to_owned).into_iter().collect::<Vec<_>>());
    let key = key.clone();
    Box::new(move |standing| {
        let verdict = Verdict { counts: reasons.is_empty(), reasons, rules: 1 };
        let receipt = receipt(ReceiptKind::Sample, &sample, &standing.link, &key)?;
        Ok(Decision { verdict, place: Some(place()), receipt })
    })
}

pub(crate) fn place() -> Place {
    Place { border_m: Some(1.0 / 3.0), code: Some("25195".into()), ..Place::unknown() }
}

pub(crate) async fn keep(store: &dyn Store, sample: &NewSample, reason: Option<&str>) -> Submission {
    store.submit(chain_key(), sample.clone(), decide(sample, reason)).await.unwrap()
}

/// Keeps it in the chain of another key.
pub(crate) async fn keep_by(store: &dyn Store, sample: &NewSample, key: &SecretKey) -> Submission {
    store.submit(key.public().text(), sample.clone(), decide_by(sample, None, key)).await.unwrap()
}

pub(crate) fn deletion() -> SignDeletion {
    Box::new(|given, link| {
        Receipt {
            kind: ReceiptKind::Deletion,
            sequence: link.sequence,
            previous: link.previous.clone(),
            ..given.clone()
        }
        .sign(&key())
    })
}

pub(crate) async fn chain(store: &dyn Store) -> Vec<Receipt> {
    store.receipts(chain_key(), 0, 10_000).await.unwrap()
}

pub(crate) fn sums(tallies: &MonthTallies) -> BTreeMap<(String, String), u32> {
    let mut sums = BTreeMap::new();
    for t in &tallies.tallies {
        *sums.entry((t.commune.clone().unwrap_or_default(), t.reason.clone().unwrap_or_default())).or_default() +=
            t.samples;
    }
    sums
}
