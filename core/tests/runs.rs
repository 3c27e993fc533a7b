//! The object a shell holds, with an engine that measures nothing: consent, facts, shares, cancelling, dropping, dying.
#![allow(clippy::unwrap_used, reason = "a failed unwrap in a test is a failed test")]

mod support;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ispeed_core::assemble::died;
use ispeed_core::budget::DataLimits;
use ispeed_core::engine::{ChangeSignal, EnginePlan, Measured, Phase, Progress, Target};
use ispeed_core::outbox::{Filter, State};
use ispeed_core::{Error, Ispeed, Measure, RunPlan, Settings, clock};
use ispeed_protocol::consent::Share;
use ispeed_protocol::device::{Transport, TransportKind};
use ispeed_protocol::facts::Facts;
use ispeed_protocol::identity::SIGNATURE_HEADER;
use ispeed_protocol::place::{Fix, FixSource, Fixes, PlaceVerdict};
use ispeed_protocol::sample::Outcome;
use support::http::{Handler, Reply, serve};
use support::*;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// An engine that ends as it is told to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fake {
    /// At once.
    Complete,
    /// When cancelled, or when the network changes.
    Patient,
    Panic,
}

impl Measure for Fake {
    fn measure(
        &self,
        plan: EnginePlan,
        progress: watch::Sender<Progress>,
        mut changes: ChangeSignal,
        cancel: CancellationToken,
    ) -> Pin<Box<dyn Future<Output = Measured> + Send>> {
        let fake = *self;
        Box::pin(async move {
            let mut draft = draft(consent(Share::None, false), clock::now());
            draft.id = plan.sample_id;
            for phase in [Phase::Latency, Phase::Download, Phase::Upload] {
                progress.send_modify(|p| {
                    p.phase = phase;
                    p.bytes_down += 1_000_000;
                });
                tokio::task::yield_now().await;
            }
            assert!(fake != Fake::Panic, "the engine is broken (on purpose)");
            if fake == Fake::Patient {
                let reason = tokio::select! {
                    () = cancel.cancelled() => "cancelled",
                    () = changes.next() => "network_changed",
                };
                let reason = Some(reason.to_owned());
                return Measured { outcome_reason: reason, ..died(&draft, clock::now(), 3_000_000, 0) };
            }
            Measured { bytes_down: plan.max_bytes.unwrap_or(7), ..measured(&draft, Outcome::Complete) }
        })
    }
}

fn fix(lat: f64, lon: f64) -> Fix {
    Fix {
        lat: Some(lat),
        lon: Some(lon),
        accuracy_m: Some(10.0),
        at: None,
        age_ms: Some(0),
        speed_mps: None,
        altitude_m: Some(33.25),
        mock: Some(false),
        source: FixSource::Gnss,
    }
}

fn facts() -> Facts {
    Facts {
        fixes: Fixes { start: Some(fix(11.520_913, 106.899_123)), ..Fixes::default() },
        transport: Transport { kind: TransportKind::Cellular, ..Transport::default() },
        ..Facts::default()
    }
}

struct Bench {
    dir: tempfile::TempDir,
    ispeed: Ispeed,
}

fn open_in(dir: &std::path::Path, settings: Settings, fake: Fake) -> Ispeed {
    let runtime = tokio::runtime::Handle::current();
    Ispeed::open_with(runtime, path_in(dir), settings, None, Arc::new(fake), Arc::new(clock::now)).unwrap()
}

fn bench(fake: Fake, share: Share) -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let ispeed = open_in(dir.path(), Settings::new(COLLECTOR, "ispeed-cli"), fake);
    ispeed.outbox().record_consent(&consent(share, true)).unwrap();
    Bench { dir, ispeed }
}

fn plan() -> RunPlan {
    RunPlan::new(Target::Url("https://127.0.0.1:1".parse().unwrap()))
}

async fn wait_for_sample(ispeed: &Ispeed) -> ispeed_protocol::sample::Sample {
    for _ in 0..600 {
        if let Some(entry) = ispeed.outbox().history(Filter::default()).unwrap().first() {
            return ispeed.outbox().detail(entry.id).unwrap().sample;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no sample within 30 s");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_runs_before_a_recorded_consent() {
    let dir = tempfile::tempdir().unwrap();
    let ispeed = open_in(dir.path(), Settings::new(COLLECTOR, "ispeed-cli"), Fake::Complete);
    assert_eq!(ispeed.start(&plan(), facts()).unwrap_err(), Error::Consent { needed: "run" });
    ispeed.outbox().record_consent(&consent(Share::Precise, true)).unwrap();
    ispeed.outbox().withdraw_consent(clock::now()).unwrap();
    assert_eq!(ispeed.start(&plan(), facts()).unwrap_err().kind(), "consent");
    assert_eq!(ispeed.outbox().stock().unwrap().attempts, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_becomes_a_waiting_sample_with_what_the_phone_knew() {
    let bench = bench(Fake::Complete, Share::Commune);
    let run = bench.ispeed.start(&plan(), facts()).unwrap();
    let result = run.outcome().await.unwrap();
    assert_eq!(run.outcome().await.unwrap(), result, "it may be asked again");
    let sample = &result.sample;
    assert_eq!((sample.id, sample.outcome), (run.id(), Outcome::Complete));
    assert_eq!(sample.place.verdict, PlaceVerdict::Approximate);
    assert!(sample.place.code.is_some() && sample.cell.is_some());
    let start = sample.fixes.start.as_ref().unwrap();
    assert_eq!((start.lat, start.lon, start.altitude_m, start.accuracy_m), (None, None, None, Some(10.0)));
    assert_eq!(sample.transport.kind, TransportKind::Cellular);
    assert_eq!(sample.device.id, bench.ispeed.outbox().identity().device_id(sample.started_at.month()));
    let stored = bench.ispeed.outbox().sample(sample.id).unwrap().unwrap();
    assert_eq!((stored.state, &stored.body), (State::Waiting, &result.signed.body));
    assert!(sample.device.first_run);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_that_is_not_shared_is_not_on_the_disk() {
    let digits: [&[u8]; 2] = [b"11.520913", b"106.899123"];
    let found = |dir: &std::path::Path| {
        std::fs::read_dir(dir).unwrap().any(|entry| {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            digits.iter().any(|digits| bytes.windows(digits.len()).any(|window| window == *digits))
        })
    };
    for (share, expected) in [(Share::None, false), (Share::Commune, false), (Share::Precise, true)] {
        let bench = bench(Fake::Patient, share);
        let run = bench.ispeed.start(&plan(), facts()).unwrap();
        run.push(Facts {
            fixes: Fixes { end: Some(fix(11.520_913, 106.899_123)), ..Fixes::default() },
            ..Facts::default()
        })
        .unwrap();
        assert_eq!(found(bench.dir.path()), share != Share::None, "{share:?}, while it runs");
        run.cancel();
        run.outcome().await.unwrap();
        assert_eq!(found(bench.dir.path()), expected, "{share:?}, when it is over");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_run_at_a_time() {
    let bench = bench(Fake::Patient, Share::Commune);
    let first = bench.ispeed.start(&plan(), facts()).unwrap();
    assert_eq!(bench.ispeed.start(&plan(), facts()).unwrap_err(), Error::Busy);
    first.cancel();
    first.outcome().await.unwrap();
    bench.ispeed.start(&plan(), facts()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelled_dropped_and_broken_runs_are_samples_too() {
    let cancelled = bench(Fake::Patient, Share::Commune);
    let run = cancelled.ispeed.start(&plan(), facts()).unwrap();
    run.cancel_token().cancel();
    let sample = run.outcome().await.unwrap().sample;
    assert_eq!((sample.outcome, sample.outcome_reason.as_deref()), (Outcome::Aborted, Some("cancelled")));
    assert_eq!(sample.bytes_down, 3_000_000);

    let dropped = bench(Fake::Patient, Share::Commune);
    drop(dropped.ispeed.start(&plan(), facts()).unwrap());
    let sample = wait_for_sample(&dropped.ispeed).await;
    assert_eq!((sample.outcome, sample.outcome_reason.as_deref()), (Outcome::Aborted, Some("cancelled")));

    let broken = bench(Fake::Panic, Share::Commune);
    let sample = broken.ispeed.start(&plan(), facts()).unwrap().outcome().await.unwrap().sample;
    assert_eq!((sample.outcome, sample.outcome_reason.as_deref()), (Outcome::Aborted, Some("internal")));
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_pushed_in_during_a_run_are_in_the_sample() {
    let bench = bench(Fake::Patient, Share::Precise);
    let run = bench.ispeed.start(&plan(), facts()).unwrap();
    let vpn = Transport { vpn: Some(true), ..Transport::default() };
    let end = Fixes { end: Some(fix(11.521, 106.9)), ..Fixes::default() };
    run.push(Facts { transport: vpn, fixes: end, campaign: Some("bp-11".into()), ..Facts::default() }).unwrap();
    let wrong = run.push(Facts { fixes: Fixes { mid: Some(fix(95.0, 0.0)), ..Fixes::default() }, ..Facts::default() });
    assert_eq!(wrong.unwrap_err().kind(), "input");
    run.cancel();
    let sample = run.outcome().await.unwrap().sample;
    assert_eq!(sample.transport.vpn, Some(true));
    assert_eq!(sample.transport.kind, TransportKind::Cellular, "what was known stays");
    assert_eq!(sample.campaign.as_deref(), Some("bp-11"));
    assert_eq!(sample.fixes.end.as_ref().and_then(|f| f.lat), Some(11.521));
    assert!(sample.fixes.mid.is_none());
    run.push(Facts::default()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_network_ends_the_run() {
    let bench = bench(Fake::Patient, Share::Commune);
    let run = bench.ispeed.start(&plan(), facts()).unwrap();
    let wifi = Transport { kind: TransportKind::Wifi, ..Transport::default() };
    run.push(Facts { transport: wifi, ..Facts::default() }).unwrap();
    let sample = run.outcome().await.unwrap().sample;
    assert_eq!((sample.outcome, sample.outcome_reason.as_deref()), (Outcome::Aborted, Some("network_changed")));
    assert!(sample.transport.changed);
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_arrives_and_an_observer_that_sleeps_sees_the_latest() {
    let bench = bench(Fake::Patient, Share::Commune);
    let run = bench.ispeed.start(&plan(), facts()).unwrap();
    let mut progress = run.progress();
    progress.wait_for(|p| p.phase == Phase::Upload).await.unwrap();
    assert_eq!(progress.borrow().bytes_down, 3_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_a_dead_process_is_a_sample_after_opening() {
    let dir = tempfile::tempdir().unwrap();
    let attempt = draft(consent(Share::Commune, true), NOW);
    {
        let outbox = open(&path_in(dir.path()));
        outbox.begin(&attempt, NOW).unwrap();
        outbox.seen(&attempt, "download", 1_234, 5, NOW.plus_micros(SECOND)).unwrap();
    }
    let ispeed = open_in(dir.path(), Settings::new(COLLECTOR, "ispeed-cli"), Fake::Complete);
    let entry = ispeed.outbox().history(Filter::default()).unwrap().remove(0);
    assert_eq!((entry.id, entry.outcome, entry.state), (attempt.id, Outcome::Aborted, State::Waiting));
    let sample = ispeed.outbox().detail(attempt.id).unwrap().sample;
    assert_eq!((sample.outcome_reason.as_deref(), sample.bytes_down), (Some("process_died"), 1_234));
    assert_eq!(ispeed.recover().unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_budget_reaches_the_engine_and_stops_runs() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = Settings::new(COLLECTOR, "ispeed-cli");
    settings.data_limits = DataLimits { per_run_bytes: Some(20_000_000), per_month_bytes: Some(25_000_000) };
    let ispeed = open_in(dir.path(), settings, Fake::Complete);
    ispeed.outbox().record_consent(&consent(Share::Commune, true)).unwrap();
    assert_eq!(ispeed.estimate(&plan(), &facts()).unwrap().max_bytes, 20_000_000);
    let mut small = plan();
    small.max_bytes = Some(5_000_000);
    assert_eq!(ispeed.estimate(&small, &facts()).unwrap().max_bytes, 5_000_000);

    let sample = ispeed.start(&plan(), facts()).unwrap().outcome().await.unwrap().sample;
    assert_eq!(sample.bytes_down, 20_000_000, "the fake uses all it may");
    assert_eq!(ispeed.estimate(&plan(), &facts()).unwrap().left_bytes, Some(4_000_000));
    let sample = ispeed.start(&plan(), facts()).unwrap().outcome().await.unwrap().sample;
    assert_eq!(sample.bytes_down, 4_000_000);
    assert_eq!(ispeed.start(&plan(), facts()).unwrap_err().kind(), "budget");
    assert_eq!(ispeed.outbox().stock().unwrap().attempts, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_simulated_runs_may_move_their_times() {
    let bench = bench(Fake::Complete, Share::Commune);
    let mut shifted = plan();
    shifted.simulated_shift_micros = -HOUR;
    assert_eq!(bench.ispeed.start(&shifted, facts()).unwrap_err().kind(), "input");
    let simulated = Facts { simulated: true, ..facts() };
    let sample = bench.ispeed.start(&shifted, simulated).unwrap().outcome().await.unwrap().sample;
    let behind = clock::now().micros_since(sample.started_at);
    assert!((HOUR..2 * HOUR).contains(&behind), "{behind}");
    assert!(sample.simulated && sample.ended_at > sample.started_at);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_cannot_be_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Handle::current();
    let open = |settings| Ispeed::open_on(runtime.clone(), path_in(dir.path()), settings, None).map(drop).unwrap_err();
    assert!(open(Settings::new("http://collector.example", "x")).to_string().contains("http://collector.example"));
    assert_eq!(open(Settings::new(COLLECTOR, "")).kind(), "input");
    let mut wrong_ca = Settings::new(COLLECTOR, "x");
    wrong_ca.extra_ca_pem = Some("not PEM".into());
    assert_eq!(open(wrong_ca).kind(), "tls");
    let mut wrong_key = Settings::new(COLLECTOR, "x");
    wrong_key.collector_keys = vec!["short".into()];
    assert_eq!(open(wrong_key).kind(), "input");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_handed_in_and_its_receipt_kept() {
    let collector = Arc::new(std::sync::Mutex::new(Collector::default()));
    let requests = Arc::new(AtomicU32::new(0));
    let handler: Handler = {
        let (collector, requests) = (Arc::clone(&collector), Arc::clone(&requests));
        Arc::new(move |request| {
            requests.fetch_add(1, Ordering::SeqCst);
            let id = request.path.rsplit('/').next().unwrap().parse().unwrap();
            let signature = request.header(SIGNATURE_HEADER);
            let (code, body) = collector.lock().unwrap().take_in(id, &request.body, signature);
            Reply::json(code, body)
        })
    };
    let address = serve("127.0.0.1:0", handler).await;
    let dir = tempfile::tempdir().unwrap();
    let ispeed = open_in(dir.path(), Settings::new(format!("http://{address}"), "ispeed-cli"), Fake::Complete);
    ispeed.outbox().record_consent(&consent(Share::Commune, true)).unwrap();
    let id = ispeed.start(&plan(), facts()).unwrap().outcome().await.unwrap().sample.id;
    let drained = ispeed.drain().await.unwrap();
    assert_eq!((drained.sent(), drained.waits_until), (1, None));
    let detail = ispeed.outbox().detail(id).unwrap();
    assert_eq!(detail.entry.state, State::Sent);
    assert!(detail.entry.judged_by_collector);
    assert_eq!(detail.answer.unwrap().receipt, collector.lock().unwrap().held[&id].1);
    assert_eq!(ispeed.drain().await.unwrap().uploads, []);
    assert_eq!(requests.load(Ordering::SeqCst), 1);
}
