//! Runs under way, found by their bearer or by their echo id.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use ispeed_protocol::direction::Direction;
use ispeed_protocol::signing::sha256_hex;
use ispeed_protocol::token::TokenClaims;
use ispeed_wire::{Budget, Meter, Probe};
use tokio::sync::watch;
use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::admission::Reservation;
use super::echo_log::EchoSession;
use crate::limits;

/// The runs.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    /// By the hash of the bearer, so that the time of a look-up tells nothing about a bearer.
    by_bearer: Mutex<HashMap<String, Arc<Session>>>,
    by_echo_id: RwLock<HashMap<u64, Arc<EchoSession>>>,
}

/// One run.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) claims: TokenClaims,
    pub(super) network_prefix: String,
    pub(super) asn: Option<u32>,
    /// When its seconds are over.
    pub(super) deadline: Instant,
    pub(super) down: Side,
    pub(super) up: Side,
    pub(super) echo: Arc<EchoSession>,
    /// Ends everything of the run.
    pub(super) ended: CancellationToken,
    _reservation: Reservation,
}

/// One direction of a run.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) meter: Meter,
    pub(super) budget: Budget,
    /// Ends the direction's flows.
    pub(super) stop: CancellationToken,
    /// Whether the client said `Start`.
    pub(super) started: watch::Sender<bool>,
    /// The flows' tasks.
    pub(super) tasks: TaskTracker,
    flows: Mutex<Flows>,
}

#[derive(Debug, Default)]
struct Flows {
    open: HashSet<u8>,
    opened: usize,
    congestion_control: Option<String>,
}

/// A flow's number while it is open.
#[derive(Debug)]
pub(super) struct FlowNumber {
    session: Arc<Session>,
    direction: Direction,
    number: u8,
}

/// A session and its secrets, for `Welcome`.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) session: Arc<Session>,
    pub(super) bearer: String,
    pub(super) echo_key_text: String,
    /// Takes the session out of the registry when dropped, and ends it.
    pub(super) registered: Registered,
}

/// Keeps a session in the registry.
#[derive(Debug)]
pub(super) struct Registered {
    sessions: Arc<Sessions>,
    session: Arc<Session>,
    bearer_hash: String,
}

impl Sessions {
    /// Opens a session for admitted claims.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub(super) fn open(
        self: &Arc<Self>,
        claims: TokenClaims,
        network_prefix: String,
        asn: Option<u32>,
        reservation: Reservation,
        parent: &CancellationToken,
    ) -> Result<Opened, getrandom::Error> {
        let (mut secret, mut echo_key) = ([0u8; 32], [0u8; 32]);
        getrandom::fill(&mut secret)?;
        getrandom::fill(&mut echo_key)?;
        let echo_id = getrandom::u64()?;
        let ended = parent.child_token();
        let bearer = B64.encode(secret);
        let (down, up) = (Side::new(claims.max_bytes_down, &ended), Side::new(claims.max_bytes_up, &ended));
        let session = Arc::new(Session {
            echo: Arc::new(EchoSession::new(echo_id, echo_key, down.budget.clone(), up.budget.clone())),
            down,
            up,
            deadline: Instant::now() + Duration::from_secs(u64::from(claims.max_seconds)),
            claims,
            network_prefix,
            asn,
            ended,
            _reservation: reservation,
        });
        let bearer_hash = sha256_hex(bearer.as_bytes());
        self.bearers().insert(bearer_hash.clone(), Arc::clone(&session));
        self.by_echo_id.write().unwrap_or_else(PoisonError::into_inner).insert(echo_id, Arc::clone(&session.echo));
        let registered = Registered { sessions: Arc::clone(self), session: Arc::clone(&session), bearer_hash };
        Ok(Opened { session, bearer, echo_key_text: B64.encode(echo_key), registered })
    }

    pub(super) fn by_bearer(&self, bearer: &str) -> Option<Arc<Session>> {
        self.bearers().get(&sha256_hex(bearer.as_bytes())).cloned()
    }

    pub(super) fn by_echo_id(&self, id: u64) -> Option<Arc<EchoSession>> {
        self.by_echo_id.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    fn bearers(&self) -> MutexGuard<'_, HashMap<String, Arc<Session>>> {
        self.by_bearer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.session.ended.cancel();
        self.sessions.bearers().remove(&self.bearer_hash);
        self.sessions.by_echo_id.write().unwrap_or_else(PoisonError::into_inner).remove(&self.session.echo.id());
    }
}

impl Session {
    pub(super) fn side(&self, direction: Direction) -> &Side {
        match direction {
            Direction::Down => &self.down,
            Direction::Up => &self.up,
        }
    }

    /// Takes a flow's number; `None` when it is open, or was opened too often.
    pub(super) fn take_flow(self: &Arc<Self>, direction: Direction, number: u8) -> Option<FlowNumber> {
        let mut flows = self.side(direction).flows();
        let openings_max = usize::from(self.claims.max_streams) * limits::FLOW_REOPENS;
        if flows.opened >= openings_max || !flows.open.insert(number) {
            return None;
        }
        flows.opened += 1;
        drop(flows);
        Some(FlowNumber { session: Arc::clone(self), direction, number })
    }
}

impl Drop for FlowNumber {
    fn drop(&mut self) {
        self.session.side(self.direction).flows().open.remove(&self.number);
    }
}

impl Side {
    fn new(max_bytes: u64, ended: &CancellationToken) -> Self {
        Self {
            meter: Meter::new(),
            budget: Budget::new(max_bytes),
            stop: ended.child_token(),
            started: watch::Sender::new(false),
            tasks: TaskTracker::new(),
            flows: Mutex::default(),
        }
    }

    /// Remembers what a flow's socket uses; the sockets are gone when it is told.
    pub(super) fn note_congestion_control(&self, probe: &Probe) {
        let mut flows = self.flows();
        if flows.congestion_control.is_none() {
            flows.congestion_control = probe.congestion_control();
        }
    }

    /// Sends all flows that are open by another congestion control from here on.
    pub(super) fn send_by(&self, name: &str) {
        self.meter.set_congestion_control(name);
        // None tells it where the client has just reset them all.
        if let Some(now) = self.meter.congestion_control() {
            self.flows().congestion_control = Some(now);
        }
    }

    pub(super) fn congestion_control(&self) -> Option<String> {
        self.flows().congestion_control.clone()
    }

    fn flows(&self) -> MutexGuard<'_, Flows> {
        self.flows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
