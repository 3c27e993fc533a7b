//! A collector over a real SQLite file, and samples that hold.
#![allow(dead_code, reason = "each test file uses its part")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};
use ispeed_meter::{RecomputeContext, recompute};
use ispeed_protocol::UtcMicros;
use ispeed_protocol::direction::{Direction, DirectionResult};
use ispeed_protocol::evidence::{Evidence, series_sha256};
use ispeed_protocol::identity::{SAMPLE_DOMAIN, SIGNATURE_HEADER, device_id};
use ispeed_protocol::receipt::{Receipt, Submitted};
use ispeed_protocol::sample::Sample;
use ispeed_protocol::servers::{ServerClass, ServerEntry, ServerList};
use ispeed_protocol::signing::{PublicKey, SecretKey};
use ispeed_server::Peer;
use ispeed_server::collect::{self, Collector, CollectorConfig, KeyPair, PlanSettings, TokenLimits};
use ispeed_server::store::{SqliteStore, Store};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tower::ServiceExt as _;
use uuid::Uuid;

pub(crate) const MINUTE_US: i64 = 60_000_000;

pub(crate) fn at(text: &str) -> UtcMicros {
    text.parse().unwrap()
}

/// Key of the measuring end `hcm-vnix-1`, which runs on another machine.
pub(crate) fn remote_evidence_key() -> SecretKey {
    SecretKey::from_bytes(&[42; 32])
}

pub(crate) fn device(n: u8) -> SecretKey {
    SecretKey::from_bytes(&[n; 32])
}

/// A collector that can be closed and opened again over the same folder.
pub(crate) struct World {
    pub(crate) folder: Arc<tempfile::TempDir>,
    pub(crate) collector: Arc<Collector>,
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) router: Router,
    pub(crate) clock: Arc<AtomicI64>,
}

#[derive(Default)]
pub(crate) struct Options {
    pub(crate) accept_simulated: bool,
    pub(crate) boundaries: Option<Vec<u8>>,
    pub(crate) token_limits: TokenLimits,
    pub(crate) plan: PlanSettings,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        Self::open(Arc::new(tempfile::tempdir().unwrap()), options).await
    }

    pub(crate) async fn open(folder: Arc<tempfile::TempDir>, options: Options) -> Self {
        let clock = Arc::new(AtomicI64::new(at("2026-11-23T08:00:00Z").as_micros()));
        let store = Arc::new(SqliteStore::open(&store_path(folder.path())).unwrap());
        let keys = KeyPair::load_or_create(folder.path()).unwrap();
        let ticking = Arc::clone(&clock);
        let config = CollectorConfig {
            name: "test.example".into(),
            own_server: entry("local", ServerClass::Lab, &keys.evidence),
            keys,
            servers: ServerList { servers: vec![entry("hcm-vnix-1", ServerClass::Vnix, &remote_evidence_key())] },
            boundaries: options.boundaries,
            accept_simulated: options.accept_simulated,
            oldest_method: 1,
            oldest_version: "0.1.0".into(),
            token_limits: options.token_limits,
            plan: options.plan,
            as_table: None,
            clock: Arc::new(move || UtcMicros(ticking.load(Ordering::Relaxed))),
        };
        let collector = Arc::new(Collector::open(config, Arc::clone(&store) as Arc<dyn Store>).await.unwrap());
        let router = collect::router(Arc::clone(&collector));
        Self { folder, collector, store, router, clock }
    }

    pub(crate) fn set_clock(&self, text: &str) {
        self.clock.store(at(text).as_micros(), Ordering::Relaxed);
    }

    pub(crate) fn receipt_key(&self) -> String {
        KeyPair::load_or_create(self.folder.path()).unwrap().receipt.public().text()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        send(&self.router, request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn put(&self, body: &SignedBody) -> Answer {
        self.send(body.request()).await
    }
}

pub(crate) fn store_path(folder: &Path) -> std::path::PathBuf {
    folder.join("ispeed.sqlite")
}

fn entry(id: &str, class: ServerClass, key: &SecretKey) -> ServerEntry {
    ServerEntry {
        id: id.into(),
        name: id.into(),
        place: "TP. Hồ Chí Minh".into(),
        host_network: "VNIX".into(),
        class,
        url: format!("https://{id}.example"),
        udp_port: None,
        public_key: key.public().text(),
    }
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    /// Status and the kind of the problem; a non-problem error is a failure.
    #[track_caller]
    pub(crate) fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text());
        let value: Value = self.json();
        assert_eq!(value["status"], self.status.as_u16());
        (self.status.as_u16(), value["type"].as_str().unwrap().replace("urn:ispeed:problem:", ""))
    }

    /// JSON Pointers of the wrong members.
    #[track_caller]
    pub(crate) fn pointers(&self) -> Vec<String> {
        let value: Value = self.json();
        let errors = value["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|e| e["pointer"].as_str().unwrap().to_owned()).collect()
    }
}

pub(crate) async fn send(router: &Router, mut request: Request<Body>) -> Answer {
    if request.extensions().get::<Peer>().is_none() {
        request.extensions_mut().insert(Peer { addr: "203.0.113.7:40000".parse().unwrap() });
    }
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec();
    Answer { status: parts.status, headers: parts.headers, bytes }
}

/// A body with its signature.
#[derive(Clone)]
pub(crate) struct SignedBody {
    pub(crate) id: Uuid,
    pub(crate) bytes: Vec<u8>,
    pub(crate) signature: Option<String>,
}

impl SignedBody {
    pub(crate) fn request(&self) -> Request<Body> {
        let mut request = Request::put(format!("/v1/samples/{}", self.id)).header("content-type", "application/json");
        if let Some(signature) = &self.signature {
            request = request.header(SIGNATURE_HEADER, signature);
        }
        request.body(Body::from(self.bytes.clone())).unwrap()
    }
}

pub(crate) fn signed(sample: &Sample, key: &SecretKey) -> SignedBody {
    sign_bytes(sample.id, serde_json::to_vec(sample).unwrap(), key)
}

pub(crate) fn sign_bytes(id: Uuid, bytes: Vec<u8>, key: &SecretKey) -> SignedBody {
    let signature = Some(key.sign(SAMPLE_DOMAIN, &bytes));
    SignedBody { id, bytes, signature }
}

/// A sample that counts: complete, over a Vietnamese mobile network, in Phường Bình Phước, attested by `hcm-vnix-1`.
pub(crate) fn sample(n: u128, started_at: UtcMicros, device: &SecretKey) -> Sample {
    let mut sample: Sample = serde_json::from_str(include_str!("../../../protocol/vectors/sample.json")).unwrap();
    let by = started_at.micros_since(sample.started_at);
    sample.id = Uuid::from_u128(0x01a2_0738_1094_7c3e_9d21_0000_0000_0000 | n);
    sample.started_at = started_at;
    sample.ended_at = sample.ended_at.plus_micros(by);
    for fix in [&mut sample.fixes.start, &mut sample.fixes.mid, &mut sample.fixes.end].into_iter().flatten() {
        fix.at = fix.at.map(|at| at.plus_micros(by));
    }
    sample.device.key = device.public().text();
    sample.device.id = device_id(&device.public());
    for result in [sample.down.as_mut(), sample.up.as_mut()].into_iter().flatten() {
        let idle_rtt_us = sample.latency.idle_ms.map(|ms| (ms * 1_000.0).round() as u64);
        restate(result, &RecomputeContext { idle_rtt_us, ..RecomputeContext::default() });
    }
    for evidence in &mut sample.evidence {
        evidence.started_at = evidence.started_at.plus_micros(by);
        evidence.ended_at = evidence.ended_at.plus_micros(by);
    }
    attest(&mut sample, &remote_evidence_key());
    sample
}

/// States the figures that follow from the series.
pub(crate) fn restate(result: &mut DirectionResult, context: &RecomputeContext) {
    let computed = recompute(&result.series, context).unwrap();
    result.goodput_bps = computed.goodput_bps;
    result.interval_bps = computed.interval_bps;
    result.ip_rate_bps = computed.ip_rate_bps;
    result.counter = computed.counter;
    result.window_ms = computed.window_us.map(|us| us as f64 / 1_000.0);
    result.window_start_ms = computed.window_start_us.map(|us| (us + result.load_start_us) as f64 / 1_000.0);
    assert!(result.goodput_bps.is_some());
}

/// Signs the evidence again, after the sample changed.
pub(crate) fn attest(sample: &mut Sample, key: &SecretKey) {
    let hashes = [
        (Direction::Down, sample.down_sender_series.as_ref().map(series_sha256)),
        (Direction::Up, sample.up.as_ref().map(|up| series_sha256(&up.series))),
    ];
    sample.evidence = std::mem::take(&mut sample.evidence)
        .into_iter()
        .map(|evidence| {
            let hash = hashes.iter().find(|(d, _)| *d == evidence.direction).and_then(|(_, h)| h.clone());
            let series_sha256 = hash.unwrap_or(evidence.series_sha256.clone());
            Evidence { sample_id: sample.id, series_sha256, ..evidence }.sign(key).unwrap()
        })
        .collect();
}

/// One wrong member, signed as it is.
pub(crate) fn with(sample: &Sample, pointer: &str, value: Value, key: &SecretKey) -> SignedBody {
    let mut document = serde_json::to_value(sample).unwrap();
    *document.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer} is not in the sample")) = value;
    sign_bytes(sample.id, serde_json::to_vec(&document).unwrap(), key)
}

/// Hands a sample in and checks its receipt.
pub(crate) async fn stored(world: &World, body: &SignedBody) -> Submitted {
    let answer = world.put(body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let submitted: Submitted = answer.json();
    let key = PublicKey::parse(&world.receipt_key()).unwrap();
    submitted.receipt.verify(&[key]).unwrap();
    submitted.receipt.covers(body.id, &body.bytes).unwrap();
    submitted
}

/// All receipts of the collector.
pub(crate) async fn chain(world: &World) -> Vec<Receipt> {
    world.store.receipts(world.receipt_key(), 0, 100_000).await.unwrap()
}
