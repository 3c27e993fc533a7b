//! The measuring engine against the real server over loopback, with real TLS and real UDP.
#![allow(clippy::unwrap_used, reason = "a failed unwrap in a test is a failed test")]

mod link;

use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use ispeed_core::engine::{
    ChangeSignal, ClientTls, Directions, EnginePlan, Family, Measured, Phase, Progress, Target, Url, measure,
};
use ispeed_meter::{RecomputeContext, Recomputed, recompute};
use ispeed_protocol::direction::{CounterKind, Direction, DirectionResult, Flag, StopReason};
use ispeed_protocol::evidence::series_sha256;
use ispeed_protocol::latency::EchoTransport;
use ispeed_protocol::sample::Outcome;
use ispeed_server::measure::MeasureLimits;
use ispeed_server::server::{Config, Running, start};
use link::Link;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The tests share two cores and state rates, so they run one after the other.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
/// Where the link starts: another loopback address.
const NEAR: &str = "127.0.0.2";
const DOWN_BPS: f64 = 48e6;
const UP_BPS: f64 = 24e6;
const DEVICE: &str = "0123456789abcdef0123456789abcdef";

struct Server {
    running: Running,
    pem: String,
    _data: tempfile::TempDir,
    /// Runtime of its own, so that it can die with everything it has.
    runtime: Option<Runtime>,
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Server {
    async fn start() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut config = Config::new(vec!["127.0.0.1:0".parse().unwrap()], data.path());
        change(&mut config);
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let running = runtime.spawn(start(config)).await.unwrap().unwrap();
        let pem = read(running.ca().unwrap());
        Self { running, pem, _data: data, runtime: Some(runtime) }
    }

    /// A server behind a link of 48 Mbit/s down and 24 Mbit/s up.
    async fn behind_link() -> (Self, Link) {
        Self::behind_link_with(|_| {}).await
    }

    async fn behind_link_with(change: impl FnOnce(&mut Config)) -> (Self, Link) {
        let named = |config: &mut Config| {
            config.public_name = Some(NEAR.into());
            change(config);
        };
        let server = Self::with(named).await;
        let far = server.running.local_addrs()[0];
        let near = (NEAR.parse::<IpAddr>().unwrap(), far.port()).into();
        let link = Link::open(near, far, server.running.udp_port(), DOWN_BPS, UP_BPS).await;
        (server, link)
    }

    fn url(&self) -> Url {
        self.running.url().parse().unwrap()
    }

    fn plan(&self) -> EnginePlan {
        plan(self.url(), &self.pem)
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

fn plan(url: Url, pem: &str) -> EnginePlan {
    let mut plan = EnginePlan::new(Uuid::now_v7(), DEVICE, Target::Url(url));
    plan.tls = ClientTls { extra_ca_pem: Some(pem.to_owned()) };
    plan
}

/// Runs without interruption.
async fn run(plan: EnginePlan) -> Measured {
    let measured =
        measure(plan, watch::Sender::new(Progress::default()), ChangeSignal::never(), CancellationToken::new());
    tokio::time::timeout(Duration::from_secs(60), measured).await.expect("a run never hangs")
}

/// What must hold of every run that names itself complete.
fn assert_complete(measured: &Measured, sample_id: Uuid) {
    assert_eq!(measured.outcome, Outcome::Complete, "{:?} {:?}", measured.outcome_reason, measured.outcome_detail);
    assert_eq!(measured.outcome_reason, None);
    let (down, up) = (measured.down.as_ref().unwrap(), measured.up.as_ref().unwrap());
    for (direction, result) in [(Direction::Down, down), (Direction::Up, up)] {
        assert_figures(measured, direction, result, sample_id);
    }
    for (result, rate_bps) in [(down, DOWN_BPS), (up, UP_BPS)] {
        // What crosses the link is TCP payload, so goodput is its rate.
        let ratio = result.goodput_bps.unwrap() / rate_bps;
        assert!((0.95..1.05).contains(&ratio), "{ratio} of {rate_bps}: {result:?}");
    }
    assert_eq!(measured.evidence.len(), 2);
    let own_series = measured.down_sender_series.as_ref().unwrap();
    assert_eq!(measured.evidence[0].series_sha256, series_sha256(own_series));
    assert_eq!(measured.evidence[1].series_sha256, series_sha256(&up.series));
    // Sent is at least what arrived; an upload is counted where it arrives.
    assert!(measured.bytes_down >= down.bytes, "{} sent, {} received", measured.bytes_down, down.bytes);
    assert!(measured.bytes_up >= up.bytes, "{} arrived in all, {} until the stop", measured.bytes_up, up.bytes);
}

fn assert_figures(measured: &Measured, direction: Direction, result: &DirectionResult, sample_id: Uuid) {
    let goodput_bps = result.goodput_bps.unwrap();
    let [low, high] = result.interval_bps.unwrap();
    assert!(low <= goodput_bps && goodput_bps <= high && low >= 0.0, "{direction:?}");
    let idle_rtt_us = measured.latency.idle_ms.map(|ms| (ms * 1000.0).round() as u64);
    let context = RecomputeContext { idle_rtt_us, forced_counter: Some(result.counter), ..RecomputeContext::default() };
    let again = recompute(&result.series, &context).unwrap();
    assert!(Recomputed::agrees(again.goodput_bps, result.goodput_bps), "{direction:?}: {again:?}");
    let start_ms = (result.load_start_us + again.window_start_us.unwrap()) as f64 / 1e3;
    assert!((start_ms - result.window_start_ms.unwrap()).abs() < 1e-3, "{direction:?}");
    let whole_ms = measured.ended_at.micros_since(measured.started_at) as f64 / 1e3;
    assert!(start_ms + result.window_ms.unwrap() <= whole_ms, "{direction:?}: the window lies in the run");

    let evidence = measured.evidence.iter().find(|evidence| evidence.direction == direction).unwrap();
    evidence.verify().unwrap();
    assert_eq!(evidence.sample_id, sample_id);
    let bytes = if direction == Direction::Down { measured.bytes_down } else { measured.bytes_up };
    assert_eq!(evidence.bytes, bytes, "{direction:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_over_loopback_is_complete_and_consistent() {
    let _turn = TURN.lock().await;
    let (server, _link) = Server::behind_link().await;
    let plan = server.plan();
    let sample_id = plan.sample_id;
    let progress = watch::Sender::new(Progress::default());
    let mut seen = progress.subscribe();
    let phases = tokio::spawn(async move {
        let mut phases = Vec::new();
        while seen.changed().await.is_ok() {
            let now = seen.borrow_and_update().clone();
            if phases.last() != Some(&now.phase) {
                phases.push(now.phase);
            }
            if now.phase == Phase::Done {
                return (phases, now);
            }
        }
        panic!("progress never said done");
    });
    let measured = measure(plan, progress, ChangeSignal::never(), CancellationToken::new()).await;
    assert_complete(&measured, sample_id);

    let latency = &measured.latency;
    assert_eq!(latency.transport, Some(EchoTransport::Udp));
    assert!(latency.idle_ms.unwrap() < 50.0 && latency.radio_wake_ms.is_some() && latency.tcp_connect_ms.is_some());
    let idle = latency.idle_path.as_ref().unwrap();
    assert_eq!(idle.loss_down.as_ref().map(|loss| (loss.sent, loss.lost)), Some((20, 0)));
    assert_eq!(idle.loss_up.as_ref().map(|loss| (loss.sent, loss.lost)), Some((20, 0)));
    assert!(idle.pdv95_down_ms.is_some() && idle.pdv95_up_ms.is_some());
    assert!(latency.loaded_down.is_some() && latency.loaded_up.is_some() && latency.rpm_short.is_some());

    let clock = measured.clock.as_ref().unwrap();
    assert!(clock.offset_ms.abs() <= clock.round_trip_ms + 1.0 && !clock.corrected, "{clock:?}");
    let used = measured.server.as_ref().unwrap();
    assert!(!used.automatic && used.cipher.is_some() && used.family.as_deref() == Some("ipv4"), "{used:?}");
    assert_eq!(used.network_prefix.as_deref(), Some("127.0.0.0/24"));
    let down = measured.down.as_ref().unwrap();
    assert!(down.congestion_control.is_some() && down.mss_bytes.is_some() && down.client_cpu_share.is_some());
    assert!(measured.up.as_ref().unwrap().congestion_control.is_some());
    assert_eq!(measured.machine.interface.as_deref(), Some("lo"));
    assert!(measured.machine.interface_bytes_down.unwrap() >= measured.bytes_down.min(measured.bytes_up));

    let (phases, last) = phases.await.unwrap();
    assert_eq!(last.phase, Phase::Done);
    for phase in [Phase::Download, Phase::Upload, Phase::Finishing] {
        assert!(phases.contains(&phase), "{phases:?}");
    }
    assert!(phases.is_sorted(), "{phases:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_collectors_list_is_probed_and_the_choice_is_recorded() {
    let _turn = TURN.lock().await;
    let (server, _link) = Server::behind_link().await;
    let mut plan = server.plan();
    plan.target = Target::Auto { collector: server.url() };
    plan.directions = Directions { down: true, up: false };
    plan.family = Some(Family::V4);
    let measured = run(plan).await;
    assert_eq!(measured.outcome, Outcome::Complete, "{:?}", measured.outcome_detail);
    assert!(measured.up.is_none() && measured.bytes_up == 0);
    let used = measured.server.unwrap();
    assert!(used.automatic);
    assert_eq!(used.candidates.len(), 1);
    assert_eq!(used.candidates[0].outcome, "chosen");
    assert!(used.candidates[0].rtt_ms.unwrap() < 100.0, "{:?}", used.candidates);

    let mut named = server.plan();
    named.target = Target::Id { collector: server.url(), id: "nowhere".into() };
    let measured = run(named).await;
    assert_eq!((measured.outcome, measured.outcome_reason.as_deref()), (Outcome::ServerFailed, Some("no_server")));
    assert!(measured.outcome_detail.unwrap().contains("nowhere"));
}

#[tokio::test(flavor = "multi_thread")]
async fn forced_counters_and_a_forced_fallback_are_labelled() {
    let _turn = TURN.lock().await;
    let (server, _link) = Server::behind_link().await;
    for counter in [CounterKind::TcpInfoBytes, CounterKind::AppBytes] {
        let mut plan = server.plan();
        plan.forced_counter = Some(counter);
        plan.force_websocket_echo = counter == CounterKind::AppBytes;
        let sample_id = plan.sample_id;
        let measured = run(plan.clone()).await;
        assert_complete(&measured, sample_id);
        assert_eq!(measured.down.as_ref().unwrap().counter, counter);
        assert_eq!(measured.up.as_ref().unwrap().counter, counter);
        let latency = &measured.latency;
        if plan.force_websocket_echo {
            assert_eq!(latency.transport, Some(EchoTransport::Websocket));
            assert!(latency.idle_ms.is_some() && latency.loaded_down_ms.is_some());
            assert!(latency.idle_path.is_none() && latency.loaded_up_path.is_none() && latency.radio_wake_ms.is_none());
        } else {
            assert_eq!(latency.transport, Some(EchoTransport::Udp));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_udp_is_blocked_round_trips_come_over_websocket() {
    let _turn = TURN.lock().await;
    let (server, link) = Server::behind_link().await;
    link.block_udp();
    let plan = server.plan();
    let sample_id = plan.sample_id;
    let measured = run(plan).await;
    assert_complete(&measured, sample_id);
    let latency = &measured.latency;
    assert_eq!(latency.transport, Some(EchoTransport::Websocket));
    assert!(latency.idle_ms.is_some() && latency.loaded_down_ms.is_some() && latency.loaded_up_ms.is_some());
    assert!(latency.idle_path.is_none() && latency.radio_wake_ms.is_none(), "never mixed, never invented");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_of_a_second_is_an_outage_inside_a_complete_run() {
    let _turn = TURN.lock().await;
    let (server, link) = Server::behind_link().await;
    let progress = watch::Sender::new(Progress::default());
    let mut seen = progress.subscribe();
    let plan = server.plan();
    let run = tokio::spawn(measure(plan, progress, ChangeSignal::never(), CancellationToken::new()));
    seen.wait_for(|now| now.phase == Phase::Download && now.bytes_down > 500_000).await.unwrap();
    link.gap(Duration::from_secs(1)).await;
    let measured = tokio::time::timeout(Duration::from_secs(30), run).await.unwrap().unwrap();
    assert_eq!(measured.outcome, Outcome::Complete, "{:?}", measured.outcome_detail);
    assert!(measured.down.unwrap().flags.contains(&Flag::Outage));
    assert_eq!(measured.evidence.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_budget_holds_to_the_last_byte() {
    let _turn = TURN.lock().await;
    let server = Server::start().await;
    for budget in [300_000, 3_000_000, 30_000_000] {
        let mut plan = server.plan();
        plan.max_bytes = Some(budget);
        let measured = run(plan).await;
        let moved = measured.bytes_down + measured.bytes_up;
        assert!(moved <= budget, "{moved} of {budget} bytes");
        assert!(moved > 0, "{:?}", measured.outcome_detail);
        // Over loopback such budgets last for milliseconds, which is nobody's failure.
        let own = measured.outcome == Outcome::Complete || measured.outcome_reason.as_deref() == Some("budget");
        assert!(own, "{budget}: {:?} {:?}", measured.outcome, measured.outcome_reason);
        for result in [&measured.down, &measured.up].into_iter().flatten() {
            assert_eq!(result.stop_reason, StopReason::Bytes, "{budget}");
            assert!(result.goodput_bps.is_none() || result.flags.contains(&Flag::ByteCapped));
        }
    }
    let mut tiny = server.plan();
    tiny.max_bytes = Some(1_000);
    let measured = run(tiny).await;
    assert_eq!((measured.outcome, measured.outcome_reason.as_deref()), (Outcome::Aborted, Some("budget")));
    assert_eq!(measured.bytes_down, 0);
    assert!(measured.bytes_up <= 1_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_budget_holds() {
    let _turn = TURN.lock().await;
    let (server, _link) = Server::behind_link().await;
    let mut plan = server.plan();
    plan.max_seconds = Some(0.5);
    let measured = run(plan).await;
    for result in [&measured.down, &measured.up].into_iter().flatten() {
        assert_eq!(result.stop_reason, StopReason::Time);
        assert!(result.duration_ms < 600.0, "{}", result.duration_ms);
    }
    assert!(measured.down.is_some() && measured.up.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_stops_the_bytes_at_once_and_keeps_what_there_is() {
    let _turn = TURN.lock().await;
    let (server, _link) = Server::behind_link().await;
    for phase in [Phase::Download, Phase::Upload] {
        let progress = watch::Sender::new(Progress::default());
        let mut seen = progress.subscribe();
        let cancel = CancellationToken::new();
        let (notifier, changes) = ChangeSignal::new();
        let mut plan = server.plan();
        // Long enough to be in mid-direction when the cancel comes.
        plan.long = true;
        plan.directions = Directions { down: phase == Phase::Download, up: phase == Phase::Upload };
        let run = tokio::spawn(measure(plan, progress, changes, cancel.clone()));
        seen.wait_for(|now| now.phase == phase && now.bytes_down + now.bytes_up > 0).await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        if phase == Phase::Download {
            cancel.cancel()
        } else {
            notifier.changed()
        }
        let raised = Instant::now();
        tokio::time::sleep(Duration::from_millis(200)).await;
        let stats = server.running.measure().stats().snapshot();
        let later = {
            tokio::time::sleep(Duration::from_millis(400)).await;
            server.running.measure().stats().snapshot()
        };
        assert_eq!(format!("{:?}", moved(&stats)), format!("{:?}", moved(&later)), "{phase:?}: bytes after the cancel");
        let measured = tokio::time::timeout(Duration::from_secs(5), run).await.unwrap().unwrap();
        assert!(raised.elapsed() < Duration::from_secs(3));
        assert_eq!(measured.outcome, Outcome::Aborted);
        let reason = if phase == Phase::Download { "cancelled" } else { "network_changed" };
        assert_eq!(measured.outcome_reason.as_deref(), Some(reason));
        let result = if phase == Phase::Download { &measured.down } else { &measured.up };
        assert_eq!(result.as_ref().unwrap().stop_reason, StopReason::Aborted);
        assert!(!measured.evidence.is_empty(), "the server still signs what moved");
    }
}

/// Load bytes the server has moved.
fn moved(stats: &ispeed_server::measure::StatsSnapshot) -> (u64, u64) {
    (stats.bytes_sent, stats.bytes_received)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_in_mid_download_is_a_failed_server() {
    let _turn = TURN.lock().await;
    let (server, _link) = Server::behind_link().await;
    let mut plan = server.plan();
    plan.long = true;
    let progress = watch::Sender::new(Progress::default());
    let mut seen = progress.subscribe();
    let run = tokio::spawn(measure(plan, progress, ChangeSignal::never(), CancellationToken::new()));
    seen.wait_for(|now| now.phase == Phase::Download && now.bytes_down > 0).await.unwrap();
    drop(server);
    let measured = tokio::time::timeout(Duration::from_secs(20), run).await.unwrap().unwrap();
    assert_eq!(measured.outcome, Outcome::ServerFailed);
    assert_eq!(measured.outcome_reason.as_deref(), Some("lost_mid_run"));
    let down = measured.down.as_ref().unwrap();
    assert_eq!(down.stop_reason, StopReason::Lost);
    assert!(down.bytes > 0 && measured.bytes_down > 0, "what arrived is kept");
    assert!(measured.up.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_in_mid_upload_leaves_a_partial_result() {
    let _turn = TURN.lock().await;
    let (server, _link) = Server::behind_link().await;
    let plan = server.plan();
    let progress = watch::Sender::new(Progress::default());
    let mut seen = progress.subscribe();
    let run = tokio::spawn(measure(plan, progress, ChangeSignal::never(), CancellationToken::new()));
    seen.wait_for(|now| now.phase == Phase::Upload).await.unwrap();
    drop(server);
    let measured = tokio::time::timeout(Duration::from_secs(20), run).await.unwrap().unwrap();
    assert_eq!((measured.outcome, measured.outcome_reason.as_deref()), (Outcome::Partial, Some("lost_mid_run")));
    assert!(measured.down.unwrap().goodput_bps.is_some());
    assert_eq!(measured.evidence.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_server_no_trust_and_no_route_are_told_apart() {
    let _turn = TURN.lock().await;
    let server = Server::start().await;
    let closed: Url = {
        let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("https://{}", unused.local_addr().unwrap()).parse().unwrap()
    };
    let refused = run(plan(closed, &server.pem)).await;
    assert_eq!(
        (refused.outcome, refused.outcome_reason.as_deref()),
        (Outcome::ServerFailed, Some("connection_refused"))
    );

    let mut stranger = server.plan();
    stranger.tls = ClientTls::default();
    let untrusted = run(stranger).await;
    assert_eq!((untrusted.outcome, untrusted.outcome_reason.as_deref()), (Outcome::ServerFailed, Some("tls")));

    let mut nowhere = server.plan();
    nowhere.interface = Some("ispeed-none0".into());
    let unreachable = run(nowhere).await;
    let reason = unreachable.outcome_reason.as_deref();
    assert!(
        matches!(
            (unreachable.outcome, reason),
            (Outcome::NoService, Some("no_route")) | (Outcome::Aborted, Some("permission"))
        ),
        "{unreachable:?}"
    );
    for measured in [&refused, &untrusted, &unreachable] {
        assert!(measured.down.is_none() && measured.up.is_none() && measured.evidence.is_empty());
        assert!(measured.outcome_detail.is_some() && measured.ended_at >= measured.started_at);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_server_and_a_foreign_collector_refuse() {
    let _turn = TURN.lock().await;
    let full = Server::with(|config| {
        config.measure_limits = MeasureLimits { runs_max: 0, ..MeasureLimits::default() };
    })
    .await;
    let busy = run(full.plan()).await;
    assert_eq!((busy.outcome, busy.outcome_reason.as_deref()), (Outcome::ServerFailed, Some("busy")));

    // A collector whose tokens the listed measuring end does not trust.
    let end = Server::with(|config| config.server_id = "far".into()).await;
    let list = format!(
        r#"{{"servers":[{{"id":"far","name":"x","place":"x","host_network":"x","class":"lab","url":"{}","udp_port":{},"public_key":"{}"}}]}}"#,
        end.running.url(),
        end.running.udp_port(),
        end.running.measure().evidence_public_key().text()
    );
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("servers.json");
    std::fs::write(&file, list).unwrap();
    let (collector, _link) = Server::behind_link_with(|config| config.servers = Some(file)).await;
    let mut plan = collector.plan();
    plan.tls.extra_ca_pem = Some(format!("{}\n{}", collector.pem, end.pem));
    plan.target = Target::Id { collector: collector.url(), id: "far".into() };
    let refused = run(plan.clone()).await;
    assert_eq!((refused.outcome, refused.outcome_reason.as_deref()), (Outcome::ServerFailed, Some("token_refused")));
    assert_eq!(refused.server.unwrap().id, "far");

    // With the choice left to the engine, the collector itself is the next candidate and takes the run.
    plan.target = Target::Auto { collector: collector.url() };
    plan.sample_id = Uuid::now_v7();
    plan.directions = Directions { down: true, up: false };
    let measured = run(plan).await;
    assert_eq!(measured.outcome, Outcome::Complete, "{:?}", measured.outcome_detail);
    let used = measured.server.unwrap();
    assert_eq!(used.id, "local");
    let far = used.candidates.iter().find(|candidate| candidate.id == "far").unwrap();
    assert!(matches!(far.outcome.as_str(), "no_answer" | "refused"), "{:?}", used.candidates);
}
