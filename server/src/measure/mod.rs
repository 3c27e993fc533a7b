//! The measuring end: control channel, load flows, UDP echo, budgets, evidence. Knows no database.
//!
//! | request | what it is |
//! | --- | --- |
//! | `GET /v1/measure` | WebSocket, bearer = token: admits a run ([`ispeed_protocol::control`]) |
//! | `GET /v1/load/{down\|up}/{flow}` | upgrade to raw payload, bearer = session: a load flow |
//! | `GET /v1/echo` | WebSocket, bearer = session: the echo for those whose UDP is blocked |
//! | UDP | echo, authenticated per session ([`ispeed_protocol::echo`]) |
//!
//! A run is admitted by reservation: a place, and a part of the egress. What its token allows is enforced here, by the
//! side that moves the bytes. When the control connection ends, everything of the run ends.

mod admission;
mod answer;
mod clock;
mod control;
mod download;
mod echo;
mod echo_log;
mod evidence;
mod guests;
mod load;
mod monitor;
mod network;
mod recorder;
mod refusal;
mod run;
mod series;
mod sessions;
mod stats;
pub(crate) mod upgrade;
mod upload;
mod ws_echo;

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use http::{Method, Request, Response};
use hyper::body::Incoming;
use ispeed_protocol::signing::{PublicKey, SecretKey};
use ispeed_wire::Probe;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::accept::{AnswerDeadline, Place};
use crate::limits;
use admission::Admission;
pub(crate) use answer::{names, problem};
use clock::Clock;
pub use echo::EchoServer;
pub(crate) use guests::GuestLoad;
use monitor::Monitor;
pub use network::network_prefix;
pub(crate) use refusal::Refusal;
use sessions::Sessions;
pub use stats::{MeasureStats, REFUSAL_KINDS, StatsSnapshot};

/// Autonomous system of an address, if it is in a table.
pub type AsnLookup = Arc<dyn Fn(IpAddr) -> Option<u32> + Send + Sync>;

/// How much at once.
#[derive(Clone, Debug)]
pub struct MeasureLimits {
    /// Runs at once.
    pub runs_max: usize,
    /// Runs at once from one /24 or /48.
    pub runs_per_prefix_max: usize,
    /// Runs at once of one installation.
    pub runs_per_device_max: usize,
    /// What this server may send; `None`: as much as its runs take.
    pub egress_ceiling_bps: Option<u64>,
    /// Part of it reserved for each run.
    pub run_reserved_bps: u64,
    /// Congestion control asked for on load sockets.
    pub congestion_control: String,
}

impl Default for MeasureLimits {
    fn default() -> Self {
        Self {
            runs_max: limits::RUNS_MAX,
            runs_per_prefix_max: limits::RUNS_PER_PREFIX_MAX,
            runs_per_device_max: limits::RUNS_PER_DEVICE_MAX,
            egress_ceiling_bps: None,
            run_reserved_bps: limits::RUN_RESERVED_BPS,
            congestion_control: "bbr".to_owned(),
        }
    }
}

/// What a measuring end is.
#[derive(Clone)]
pub struct MeasureConfig {
    /// Its id: the audience of its tokens.
    pub server_id: String,
    /// Signs evidence.
    pub evidence_key: SecretKey,
    /// Whose tokens it takes.
    pub issuers: Vec<PublicKey>,
    /// Autonomous systems, if there is a table.
    pub asn: Option<AsnLookup>,
    /// How much at once.
    pub limits: MeasureLimits,
}

impl std::fmt::Debug for MeasureConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MeasureConfig")
            .field("server_id", &self.server_id)
            .field("evidence_key", &self.evidence_key)
            .field("issuers", &self.issuers)
            .field("asn", &self.asn.is_some())
            .field("limits", &self.limits)
            .finish()
    }
}

/// The measuring end; clones are the same one.
#[derive(Clone, Debug)]
pub struct Measure(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: MeasureConfig,
    clock: Clock,
    stats: Arc<MeasureStats>,
    monitor: Arc<Monitor>,
    admission: Arc<Admission>,
    sessions: Arc<Sessions>,
    /// What load sockets will really use.
    congestion_control: Option<String>,
    draining: AtomicBool,
    cancelled: CancellationToken,
    runs: TaskTracker,
}

/// The connection a request came on.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    pub(crate) peer: SocketAddr,
    /// This server's end of it.
    pub(crate) local: SocketAddr,
    pub(crate) probe: Probe,
    pub(crate) udp_port: u16,
    /// Whether it has TLS.
    pub(crate) secure: bool,
    /// Held until the connection, or what it was upgraded to, has ended.
    pub(crate) place: Arc<Place>,
    /// Latest end of the answer under way.
    pub(crate) answer_deadline: AnswerDeadline,
}

impl Measure {
    /// A measuring end without sockets; [`crate::accept::serve`] gives it some.
    pub fn new(config: MeasureConfig) -> Self {
        let clock = Clock::new();
        let stats = Arc::new(MeasureStats::default());
        let congestion_control = load::effective_congestion_control(&config.limits.congestion_control);
        Self(Arc::new(Inner {
            admission: Arc::new(Admission::new(config.limits.clone(), clock.utc())),
            monitor: Arc::new(Monitor::new(config.limits.egress_ceiling_bps)),
            sessions: Arc::new(Sessions::default()),
            draining: AtomicBool::new(false),
            cancelled: CancellationToken::new(),
            runs: TaskTracker::new(),
            config,
            clock,
            stats,
            congestion_control,
        }))
    }

    /// Counters for `/metrics`.
    pub fn stats(&self) -> &Arc<MeasureStats> {
        &self.0.stats
    }

    /// Its id.
    pub fn server_id(&self) -> &str {
        &self.0.config.server_id
    }

    /// The key its evidence verifies with.
    pub fn evidence_public_key(&self) -> PublicKey {
        self.0.config.evidence_key.public()
    }

    /// Answers UDP on a socket from a thread of its own; ends when the returned handle is dropped.
    ///
    /// # Errors
    /// When the socket cannot be set up or there are no more threads.
    pub fn echo_on(&self, socket: UdpSocket) -> io::Result<EchoServer> {
        EchoServer::spawn(socket, echo::Echo::new(self))
    }

    /// Whether a path belongs to the measuring end.
    pub(crate) fn serves(path: &str) -> bool {
        path == "/v1/measure" || path == "/v1/echo" || path.starts_with("/v1/load/")
    }

    /// Answers a request at once; what it upgrades to runs on.
    pub(crate) fn answer(&self, request: Request<Incoming>, connection: Connection) -> Response<Body> {
        let answered = if request.method() != Method::GET {
            Err(Refusal::Method)
        } else if request.uri().path() == "/v1/measure" {
            run::open(self, request, connection)
        } else if request.uri().path() == "/v1/echo" {
            ws_echo::open(self, request, connection)
        } else {
            load::open(self, request, connection)
        };
        answered.unwrap_or_else(|refusal| self.refuse(&refusal))
    }

    /// Counts a refusal and answers with it.
    pub(crate) fn refuse(&self, refusal: &Refusal) -> Response<Body> {
        self.0.stats.refused(refusal.kind());
        refusal.response()
    }

    /// Admits no further run and waits until the running ones have ended.
    pub(crate) async fn finish_runs(&self) {
        self.0.draining.store(true, Ordering::Relaxed);
        self.0.runs.close();
        self.0.runs.wait().await;
    }

    /// Ends all runs now.
    pub(crate) fn cancel_runs(&self) {
        self.0.draining.store(true, Ordering::Relaxed);
        self.0.cancelled.cancel();
    }
}
