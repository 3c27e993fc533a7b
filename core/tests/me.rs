//! Seeing and deleting one's own data: proofs for all months, pages, receipts, a collector that changed its key.
#![allow(clippy::unwrap_used, reason = "a failed unwrap in a test is a failed test")]

mod support;

use std::sync::{Arc, Mutex};

use ispeed_core::http::client;
use ispeed_core::me;
use ispeed_core::outbox::{Event, NextUpload, Outbox};
use ispeed_protocol::identity::{OwnershipProof, PROOF_HEADER, device_id};
use ispeed_protocol::mine::Deleted;
use ispeed_protocol::receipt::{Receipt, ReceiptKind};
use ispeed_protocol::servers::Info;
use ispeed_protocol::{PROTOCOL_VERSION, UtcMicros};
use serde_json::json;
use support::http::{Handler, Reply, Request, serve};
use support::*;

const MONTH: i64 = 30 * 24 * HOUR;
/// The collector's clock is an hour ahead of the device's.
const THEIR_NOW: UtcMicros = NOW.plus_micros(HOUR);
const PAGE: usize = 2;

fn info(key: &str) -> Reply {
    let info = Info {
        name: "thử".into(),
        server_id: "lab".into(),
        public_key: key.into(),
        evidence_key: key.into(),
        version: "0.1.0".into(),
        protocol: PROTOCOL_VERSION,
        oldest_method: 1,
        oldest_version: "0.1.0".into(),
        boundaries: None,
        simulated_accepted: false,
        udp_port: 1,
        time: THEIR_NOW,
    };
    Reply::json(200, serde_json::to_vec(&info).unwrap())
}

/// Answers as the protocol says, from what `bodies` holds: `(device id, body, receipt)`.
fn handler(collector: Collector, bodies: Arc<Mutex<Vec<(String, String, Receipt)>>>) -> Handler {
    Arc::new(move |request: Request| {
        let key = collector.key.public().text();
        if request.path == "/v1/info" {
            return info(&key);
        }
        let proof = request.header(PROOF_HEADER).unwrap_or_default();
        let Ok(owner) = OwnershipProof::check(proof, &request.method, &key, THEIR_NOW) else {
            return Reply::status(401);
        };
        let device = device_id(&owner);
        let mut bodies = bodies.lock().unwrap();
        let own: Vec<_> = bodies.iter().filter(|(d, _, _)| *d == device).cloned().collect();
        if request.method == "DELETE" {
            bodies.retain(|(d, _, _)| *d != device);
            let delete = |(_, _, r): &(String, String, Receipt)| {
                Receipt { kind: ReceiptKind::Deletion, ..r.clone() }.sign(&collector.key).unwrap()
            };
            let deleted = Deleted { device_id: device, receipts: own.iter().map(delete).collect() };
            return Reply::json(200, serde_json::to_vec(&deleted).unwrap());
        }
        let after: usize = request.path.split_once("after=").map_or(0, |(_, n)| n.parse().unwrap());
        let page: Vec<String> = own[after..]
            .iter()
            .take(PAGE)
            .map(|(_, body, receipt)| {
                let rest = json!({"receipt": receipt, "verdict": {"counts": false, "reasons": ["x"], "rules": 1}});
                let rest = &rest.to_string()[1..];
                format!("{{\"id\":\"{}\",\"sample\":{body},{rest}", receipt.sample_id)
            })
            .collect();
        let next = (own.len() > after + PAGE).then_some(after + PAGE);
        let text = json!({"device_id": device, "next": next}).to_string();
        let text = format!("{{\"samples\":[{}],{}", page.join(","), &text[1..]);
        Reply::json(200, text.into_bytes())
    })
}

/// Five samples in two months, all sent; the collector holds them.
async fn bench() -> (tempfile::TempDir, Outbox, String, Arc<Mutex<Vec<(String, String, Receipt)>>>) {
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let mut collector = Collector::default();
    let address = serve("127.0.0.1:0", handler(collector.clone(), Arc::clone(&bodies))).await;
    let url = format!("http://{address}");
    let (dir, outbox) = outbox();
    for i in 0..5 {
        let mut draft = draft(consent(ispeed_protocol::consent::Share::Commune, true), NOW.plus_micros(i / 3 * MONTH));
        draft.collector.clone_from(&url);
        outbox.begin(&draft, NOW).unwrap();
        finish(&outbox, &draft, measured(&draft, ispeed_protocol::sample::Outcome::Complete)).unwrap();
    }
    while let NextUpload::Upload(request) = outbox.next_upload(NOW).unwrap() {
        let answer = collector.put(&request);
        outbox.upload_answered(request.id, &answer, NOW).unwrap();
        let sample = outbox.detail(request.id).unwrap().sample;
        let receipt = collector.held[&request.id].1.clone();
        bodies.lock().unwrap().push((sample.device.id, String::from_utf8(request.body).unwrap(), receipt));
    }
    (dir, outbox, url, bodies)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_sees_all_months_and_pages_byte_for_byte() {
    let (_dir, outbox, url, bodies) = bench().await;
    let months = me::read(&outbox, &client(None).unwrap(), &url).await.unwrap();
    let counts: Vec<_> = months.iter().map(|m| (m.month.to_string(), m.answer.samples.len())).collect();
    assert_eq!(counts, [("2026-11".to_owned(), 3), ("2026-12".to_owned(), 2)]);
    let bodies = bodies.lock().unwrap();
    for sample in months.iter().flat_map(|m| &m.answer.samples) {
        assert!(bodies.iter().any(|(_, body, _)| body == sample.sample.get()), "{}", sample.id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_is_proved_noted_and_repeatable() {
    let (_dir, outbox, url, bodies) = bench().await;
    let client = client(None).unwrap();
    let receipts = me::delete(&outbox, &client, &url, NOW).await.unwrap();
    assert_eq!(receipts.len(), 5);
    assert!(bodies.lock().unwrap().is_empty());
    for receipt in &receipts {
        let ledger = outbox.ledger(Some(receipt.sample_id)).unwrap();
        let last = ledger.last().unwrap();
        assert_eq!(last.event, Event::Deleted);
        assert_eq!(Receipt::parse(last.detail.as_ref().unwrap().as_bytes()).as_ref(), Ok(receipt));
    }
    assert_eq!(me::delete(&outbox, &client, &url, NOW).await.unwrap(), []);
    assert_eq!(outbox.stock().unwrap().sent, 5, "the copies here are their owner's to erase");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_with_another_key_gets_no_proof() {
    let (_dir, outbox, url, _bodies) = bench().await;
    let known = outbox.collector_keys(Some(&url)).unwrap().remove(0).key;
    outbox.distrust_collector(&url, &known).unwrap();
    outbox.trust_collector(&url, &Collector::with_key(5).key.public().text(), NOW).unwrap();
    let error = me::read(&outbox, &client(None).unwrap(), &url).await.unwrap_err();
    assert_eq!(error.kind(), "server");
    assert!(error.to_string().contains(&known), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_never_measured_asks_nobody() {
    let (_dir, outbox) = outbox();
    assert!(me::read(&outbox, &client(None).unwrap(), "http://127.0.0.1:9").await.unwrap().is_empty());
}
