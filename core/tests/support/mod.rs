//! What the tests of this crate share: drafts, finished samples, and a collector that signs like the real one.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part")]

pub mod http;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ispeed_core::Result;
use ispeed_core::assemble::{Assembled, Assembler, Draft, died};
use ispeed_core::engine::Measured;
use ispeed_core::outbox::{Answer, NextUpload, Outbox, UploadRequest};
use ispeed_core::place::Resolver;
use ispeed_protocol::UtcMicros;
use ispeed_protocol::consent::{Consent, Share};
use ispeed_protocol::device::Program;
use ispeed_protocol::evidence::evidence_sha256;
use ispeed_protocol::facts::Facts;
use ispeed_protocol::identity::SIGNATURE_HEADER;
use ispeed_protocol::problem::Problem;
use ispeed_protocol::receipt::{CHAIN_START, Receipt, ReceiptKind, Submitted};
use ispeed_protocol::sample::{Outcome, Sample};
use ispeed_protocol::signing::{SecretKey, sha256_hex};
use uuid::Uuid;

/// 2026-11-23, a little after midnight in Vietnam.
pub const NOW: UtcMicros = UtcMicros(1_795_370_400_000_000);
pub const SECOND: i64 = 1_000_000;
pub const HOUR: i64 = 3_600 * SECOND;
pub const COLLECTOR: &str = "https://collector.example";

pub fn consent(share: Share, upload: bool) -> Consent {
    Consent { version: "2026-01".into(), at: NOW, run: true, share, upload }
}

pub fn draft(consent: Consent, at: UtcMicros) -> Draft {
    Draft {
        id: Uuid::now_v7(),
        begun_at: at,
        collector: COLLECTOR.into(),
        consent,
        facts: Facts::default(),
        sim: "452-04".into(),
        reserved_bytes: 90_000_000,
        program: Program { name: "ispeed-cli".into(), version: "0.1.0".into(), build: None },
        platform: "linux".into(),
        method: 1,
    }
}

/// What an engine gives back after a run of ten seconds that measured nothing worth a figure.
pub fn measured(draft: &Draft, outcome: Outcome) -> Measured {
    let ended_at = draft.begun_at.plus_micros(10 * SECOND);
    Measured { outcome, outcome_reason: None, ..died(draft, ended_at, 2_000_000, 1_000_000) }
}

/// Ends a begun attempt as a sample.
pub fn finish(outbox: &Outbox, draft: &Draft, measured: Measured) -> Result<Assembled> {
    let now = measured.ended_at;
    outbox.finish(draft, now, |before| {
        let assembler = Assembler {
            identity: outbox.identity(),
            resolver: &Resolver::default(),
            accept_simulated: false,
            first_run: before.first_run()?,
        };
        assembler.assemble(draft, measured, now, |code, at| before.repetition(code, at))
    })
}

/// A whole attempt: begun, finished, waiting.
pub fn keep(outbox: &Outbox, at: UtcMicros) -> Assembled {
    keep_under(outbox, consent(Share::Commune, true), at)
}

pub fn keep_under(outbox: &Outbox, consent: Consent, at: UtcMicros) -> Assembled {
    let draft = draft(consent, at);
    outbox.begin(&draft, at).unwrap();
    finish(outbox, &draft, measured(&draft, Outcome::Complete)).unwrap()
}

/// An outbox in a directory of its own, with consent to everything but the point.
pub fn outbox() -> (tempfile::TempDir, Outbox) {
    let dir = tempfile::tempdir().unwrap();
    let outbox = open(&path_in(dir.path()));
    outbox.record_consent(&consent(Share::Commune, true)).unwrap();
    (dir, outbox)
}

pub fn path_in(dir: &Path) -> PathBuf {
    dir.join("outbox.sqlite")
}

pub fn open(path: &Path) -> Outbox {
    Outbox::open(path, NOW).unwrap()
}

pub fn request(next: NextUpload) -> UploadRequest {
    match next {
        NextUpload::Upload(request) => request,
        other => panic!("expected an upload, got {other:?}"),
    }
}

/// A collector as the protocol describes it: one receipt an id, the same for the same body, chained.
#[derive(Clone, Debug)]
pub struct Collector {
    pub key: SecretKey,
    pub held: BTreeMap<Uuid, (String, Receipt)>,
    last: Option<Receipt>,
}

impl Default for Collector {
    fn default() -> Self {
        Self::with_key(9)
    }
}

impl Collector {
    pub fn with_key(seed: u8) -> Self {
        Self { key: SecretKey::from_bytes(&[seed; 32]), held: BTreeMap::new(), last: None }
    }

    pub fn put(&mut self, request: &UploadRequest) -> Answer {
        let signature = request.headers.iter().find(|(name, _)| name == SIGNATURE_HEADER).map(|(_, v)| v.as_str());
        let (code, body) = self.take_in(request.id, &request.body, signature);
        Answer::HttpStatus { code, headers: Vec::new(), body }
    }

    /// Status and body of the answer to `PUT /v1/samples/{id}`.
    pub fn take_in(&mut self, id: Uuid, body: &[u8], signature: Option<&str>) -> (u16, Vec<u8>) {
        let sha256 = sha256_hex(body);
        if let Some((held, receipt)) = self.held.get(&id) {
            if *held != sha256 {
                let problem = Problem::new(409, "sample_conflict", "Conflict", "this id is held with another body");
                return (409, serde_json::to_vec(&problem).unwrap());
            }
            return (200, Self::submitted(body, receipt));
        }
        let receipt = self.sign(id, &sha256, body, signature);
        self.held.insert(id, (sha256, receipt.clone()));
        (200, Self::submitted(body, &receipt))
    }

    fn sign(&mut self, id: Uuid, sha256: &str, body: &[u8], signature: Option<&str>) -> Receipt {
        let sample: Sample = serde_json::from_slice(body).unwrap();
        let previous = self.last.as_ref().map_or_else(|| CHAIN_START.to_owned(), Receipt::sha256);
        let receipt = Receipt {
            v: 1,
            kind: ReceiptKind::Sample,
            sample_id: id,
            sample_sha256: sha256.to_owned(),
            device_signature: signature.map(str::to_owned),
            evidence_sha256: evidence_sha256(&sample.evidence),
            attested: false,
            received_at: NOW,
            collector: "thử".into(),
            sequence: self.last.as_ref().map_or(1, |last| last.sequence + 1),
            previous,
            key: String::new(),
            signature: String::new(),
        }
        .sign(&self.key)
        .unwrap();
        self.last = Some(receipt.clone());
        receipt
    }

    fn submitted(body: &[u8], receipt: &Receipt) -> Vec<u8> {
        let sample: Sample = serde_json::from_slice(body).unwrap();
        serde_json::to_vec(&Submitted { receipt: receipt.clone(), verdict: sample.verdict, place: None }).unwrap()
    }
}
