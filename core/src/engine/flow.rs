//! Load flows: opened ahead of time, started by permits, reset all at once.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ispeed_protocol::control::{CUBIC, GO, GO_CUBIC};
use ispeed_protocol::direction::Direction;
use ispeed_wire::{Budget, DrainEnd, LoadStream, Meter, Payload, Probe, SendEnd, SendLimits, drain, drain_load, send};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::control::Endpoint;
use super::failure::{Failure, Kind};
use super::limits;
use super::net::Network;
use super::upgrade::upgrade;

/// A peer that takes nothing for this long while an upload runs is lost to this flow; the server's counters decide
/// earlier, so this only keeps a task from waiting for ever.
const PROGRESS_TIMEOUT: Duration = Duration::from_secs(10);
/// Latest end of a flow's task; every method cap is far below.
const FLOW_LIFE: Duration = Duration::from_secs(60);
/// The congestion control without HyStart that every Linux has and lets every program choose (RFC 5681).
pub(crate) const RENO: &str = "reno";
/// Events that may wait: four of each of sixteen flows and room.
const EVENTS: usize = 128;

/// The admitted run at its server.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) endpoint: Endpoint,
    pub(crate) network: Network,
    /// The address the control channel reached; all flows go there.
    pub(crate) peer: SocketAddr,
    /// Bearer of load flows.
    pub(crate) session: String,
}

/// What a flow tells.
#[derive(Debug)]
pub(crate) enum FlowEvent {
    /// It is open and silent.
    Open {
        /// Time of its SYN.
        connect_rtt: Duration,
        /// From its SYN to the answer that made it a load flow.
        took: Duration,
        /// TLS cipher suite.
        cipher: Option<String>,
        /// Its counters.
        probe: Probe,
    },
    /// It could not be opened.
    Failed(Failure),
    /// It carries load from now on.
    Started,
    /// It ended by itself.
    Ended(FlowEnd),
}

/// Why a flow ended without being told to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FlowEnd {
    /// The peer closed or reset it, or takes nothing.
    Lost,
    /// The byte budget is used up.
    Budget,
}

/// What bounds the flows of a direction besides the estimator.
#[derive(Clone, Debug, Default)]
pub(crate) struct FlowBounds {
    /// Payload bytes all flows together may move.
    pub(crate) budget: Option<Budget>,
    /// Bytes the peer may have on their way on one flow.
    pub(crate) window_bytes: Option<usize>,
}

/// The load flows of one direction. Dropping it resets them all.
#[derive(Debug)]
pub(crate) struct Flows {
    direction: Direction,
    site: Arc<Site>,
    bounds: FlowBounds,
    meter: Meter,
    stop: CancellationToken,
    permits: Arc<Semaphore>,
    chosen: Arc<Chosen>,
    tasks: JoinSet<()>,
    sender: mpsc::Sender<FlowEvent>,
    events: mpsc::Receiver<FlowEvent>,
    seen: Seen,
    /// Number of the first flow; those below it were let go before they carried anything.
    first: u8,
    /// When the first of them was asked for.
    since: Instant,
}

/// The congestion control that flows shall have from now on, where it is not their sender's own.
#[derive(Debug, Default)]
struct Chosen {
    /// For the flows that begin while the rate varies.
    cubic: AtomicBool,
    /// For the others, once it is chosen.
    upload: OnceLock<&'static str>,
}

impl Chosen {
    fn cubic(&self) -> bool {
        self.cubic.load(Ordering::Relaxed)
    }

    fn name(&self) -> Option<&'static str> {
        if self.cubic() { Some(CUBIC) } else { self.upload.get().copied() }
    }
}

/// What the flows have told so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Flows that were asked for.
    pub(crate) asked: u8,
    /// Of them: open, or open once.
    pub(crate) opened: u8,
    /// Of them: could not be opened.
    pub(crate) failed: u8,
    /// Shortest connect.
    pub(crate) connect_rtt: Option<Duration>,
    /// Longest opening.
    pub(crate) took: Option<Duration>,
    /// TLS cipher suite of the first.
    pub(crate) cipher: Option<String>,
    /// Counters of the first.
    pub(crate) probe: Option<Probe>,
    /// Why the last one that failed did.
    pub(crate) failure: Option<Failure>,
}

impl Flows {
    pub(crate) fn new(direction: Direction, site: Arc<Site>, bounds: FlowBounds) -> Self {
        let (sender, events) = mpsc::channel(EVENTS);
        Self {
            direction,
            site,
            bounds,
            meter: Meter::new(),
            stop: CancellationToken::new(),
            permits: Arc::new(Semaphore::new(0)),
            chosen: Arc::default(),
            tasks: JoinSet::new(),
            sender,
            events,
            seen: Seen::default(),
            first: 0,
            since: Instant::now(),
        }
    }

    /// Lets go of all flows, which have carried nothing, and opens as many new ones, with numbers of their own: the server
    /// may not have noticed yet that the old ones are gone.
    pub(crate) fn renew(&mut self) {
        let asked = self.seen.asked;
        let first = self.first.saturating_add(asked);
        let renewed = Self::new(self.direction, Arc::clone(&self.site), self.bounds.clone());
        // The old ones are reset when they are dropped.
        *self = Self { first, chosen: Arc::clone(&self.chosen), ..renewed };
        self.open(asked);
    }

    /// Number of the first flow.
    pub(crate) fn first(&self) -> u8 {
        self.first
    }

    /// Time since the first of them was asked for.
    pub(crate) fn age(&self) -> Duration {
        self.since.elapsed()
    }

    /// Opens further flows until `flows` were asked for; each waits for its permit.
    pub(crate) fn open(&mut self, flows: u8) {
        while self.seen.asked < flows {
            let flow = Flow {
                direction: self.direction,
                index: self.first.saturating_add(self.seen.asked),
                site: Arc::clone(&self.site),
                bounds: self.bounds.clone(),
                meter: self.meter.clone(),
                stop: self.stop.clone(),
                permits: Arc::clone(&self.permits),
                chosen: Arc::clone(&self.chosen),
                events: self.sender.clone(),
            };
            self.tasks.spawn(flow.run());
            self.seen.asked += 1;
        }
    }

    /// Each permit lets one more flow carry load, the first opened first.
    pub(crate) fn permits(&self) -> Arc<Semaphore> {
        Arc::clone(&self.permits)
    }

    /// Whether the flows that begin from now on are sent by CUBIC, not by what their sender has: BBR on a server, on a phone the
    /// system's.
    pub(crate) fn cubic_from_now_on(&self, cubic: bool) {
        self.chosen.cubic.store(cubic, Ordering::Relaxed);
    }

    /// Has an upload that has not begun sent by this, where the system lets the first flow; once.
    pub(crate) fn send_by(&self, name: &'static str) {
        if self.seen.probe.as_ref().is_some_and(|probe| probe.set_congestion_control(name).is_ok()) {
            // The first choice stays.
            let _ = self.chosen.upload.set(name);
        }
    }

    /// Whether [`Self::send_by`] was granted for Reno.
    pub(crate) fn sent_by_reno(&self) -> bool {
        self.chosen.upload.get() == Some(&RENO)
    }

    /// The next event; cancel-safe.
    pub(crate) async fn event(&mut self) -> FlowEvent {
        let Some(event) = self.events.recv().await else {
            // Not while `sender` lives; waiting is the harmless answer.
            return std::future::pending().await;
        };
        match &event {
            FlowEvent::Open { connect_rtt, took, cipher, probe } => {
                let seen = &mut self.seen;
                seen.opened += 1;
                seen.took = seen.took.max(Some(*took));
                seen.connect_rtt = Some(seen.connect_rtt.map_or(*connect_rtt, |least| least.min(*connect_rtt)));
                seen.cipher = seen.cipher.take().or_else(|| cipher.clone());
                seen.probe.get_or_insert_with(|| probe.clone());
            }
            FlowEvent::Failed(failure) => {
                self.seen.failed += 1;
                self.seen.failure = Some(failure.clone());
            }
            FlowEvent::Started | FlowEvent::Ended(_) => {}
        }
        event
    }

    /// Waits until `flows` are open, or all that were asked for are open or have failed; cancel-safe.
    pub(crate) async fn ready(&mut self, flows: u8) {
        while self.seen.opened < flows && self.seen.opened + self.seen.failed < self.seen.asked {
            self.event().await;
        }
    }

    /// What this end sends the first flow with.
    pub(crate) fn congestion_control(&self) -> Option<String> {
        self.seen.probe.as_ref().and_then(Probe::congestion_control)
    }

    /// What the flows have told so far.
    pub(crate) fn seen(&self) -> &Seen {
        &self.seen
    }

    /// Lets the flows move `bytes` more payload bytes; nothing where they have no budget.
    pub(crate) fn fund(&self, bytes: u64) {
        if let Some(budget) = &self.bounds.budget {
            budget.give_back(bytes);
        }
    }

    /// The counters of all flows.
    pub(crate) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// The signal that resets all flows.
    pub(crate) fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Resets all flows and waits until their sockets are closed.
    pub(crate) async fn reset(&mut self) {
        self.stop.cancel();
        let closed = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(limits::RESET, closed).await.is_err() {
            self.tasks.abort_all();
        }
    }
}

/// One flow's task.
#[derive(Debug)]
struct Flow {
    direction: Direction,
    index: u8,
    site: Arc<Site>,
    bounds: FlowBounds,
    meter: Meter,
    stop: CancellationToken,
    permits: Arc<Semaphore>,
    chosen: Arc<Chosen>,
    events: mpsc::Sender<FlowEvent>,
}

impl Flow {
    async fn run(self) {
        let stop = self.stop.clone();
        let opened = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            opened = self.open() => opened,
        };
        let mut stream = match opened {
            Ok(stream) => stream,
            Err(failure) => return self.tell(FlowEvent::Failed(failure)),
        };
        let permit = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            permit = self.permits.acquire() => permit,
        };
        // The semaphore is never closed; a permit is used up by the flow that got it.
        let Ok(permit) = permit else { return };
        permit.forget();
        if let Some(end) = self.load(&mut stream).await {
            self.tell(FlowEvent::Ended(end));
        }
    }

    /// Connects, secures, upgrades and counts from here on. Any close from now on is a reset.
    async fn open(&self) -> Result<LoadStream, Failure> {
        let site = &self.site;
        let started = Instant::now();
        let connected = site.network.connect_with(site.peer, self.bounds.window_bytes, self.chosen.name()).await?;
        let connect_rtt = connected.connect_rtt;
        let mut stream = site.endpoint.secure(connected).await?;
        let name = match self.direction {
            Direction::Down => "down",
            Direction::Up => "up",
        };
        let path = format!("/v1/load/{name}/{}", self.index);
        match timeout(limits::HANDSHAKE, upgrade(&mut stream, site, &path)).await {
            Ok(upgraded) => upgraded?,
            Err(_) => return Err(Failure::new(Kind::Timeout, format!("{path}: no answer in time"))),
        }
        let cipher = cipher(&stream);
        // The server is silent until this end begins, so that nothing can be lost on the way.
        let stream = stream.for_load().map_err(|error| Failure::io(&path, &error))?;
        let probe = stream.probe().clone();
        // Where the system refuses, the flow closes in order and the peer learns of it a little later.
        let _ = probe.set_reset_on_close();
        self.meter.add(probe.clone());
        self.tell(FlowEvent::Open { connect_rtt, took: started.elapsed(), cipher, probe });
        Ok(stream)
    }

    /// Carries load until the stop signal; why, if it ended otherwise.
    async fn load(&self, stream: &mut LoadStream) -> Option<FlowEnd> {
        match self.direction {
            Direction::Down => self.receive(stream).await,
            Direction::Up => self.transmit(stream).await,
        }
    }

    async fn receive(&self, stream: &mut LoadStream) -> Option<FlowEnd> {
        let go = async {
            stream.write_all(&[if self.chosen.cubic() { GO_CUBIC } else { GO }]).await?;
            stream.flush().await
        };
        if !matches!(timeout(PROGRESS_TIMEOUT, go).await, Ok(Ok(()))) {
            return Some(FlowEnd::Lost);
        }
        self.tell(FlowEvent::Started);
        let end = match &self.bounds.budget {
            None => drain(stream, &self.stop).await,
            Some(budget) => drain_load(stream, budget, Instant::now() + FLOW_LIFE, &self.stop).await,
        };
        match end {
            DrainEnd::Stopped => None,
            DrainEnd::Budget => Some(FlowEnd::Budget),
            DrainEnd::Closed | DrainEnd::Broken(_) | DrainEnd::Deadline => Some(FlowEnd::Lost),
        }
    }

    async fn transmit(&self, stream: &mut LoadStream) -> Option<FlowEnd> {
        let Ok(mut payload) = Payload::new() else { return Some(FlowEnd::Lost) };
        let limits = SendLimits {
            budget: self.bounds.budget.clone().unwrap_or_else(|| Budget::new(u64::MAX)),
            deadline: Instant::now() + FLOW_LIFE,
            progress_timeout: PROGRESS_TIMEOUT,
        };
        if let Some(name) = self.chosen.name() {
            // Where the system refuses, its own goes on.
            let _ = stream.probe().set_congestion_control(name);
        }
        self.tell(FlowEvent::Started);
        match send(stream, &mut payload, &limits, &self.stop).await {
            SendEnd::Stopped => None,
            SendEnd::Budget => {
                self.tell(FlowEvent::Ended(FlowEnd::Budget));
                // Closing would drop what is still queued; the end of the direction does that.
                self.stop.cancelled().await;
                None
            }
            SendEnd::Deadline | SendEnd::Stalled | SendEnd::Broken(_) => Some(FlowEnd::Lost),
        }
    }

    fn tell(&self, event: FlowEvent) {
        // The queue holds more events than all flows have; a direction that is over listens to none.
        let _ = self.events.try_send(event);
    }
}

fn cipher(stream: &LoadStream) -> Option<String> {
    let LoadStream::TlsClient(tls) = stream else { return None };
    tls.get_ref().1.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    /// A peer that takes connections and never answers.
    async fn silent_peer() -> (TcpListener, Arc<Site>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = listener.local_addr().unwrap();
        let tls = ispeed_wire::tls::client_config(None).unwrap();
        let endpoint = Endpoint { host: "localhost".into(), port: peer.port(), tls };
        let network = Network { interface: None, family: None, binding: None };
        (listener, Arc::new(Site { endpoint, network, peer, session: "bearer".into() }))
    }

    /// Reads what the other side sent before it closed; an error is a reset.
    async fn ends(stream: &mut TcpStream) -> bool {
        let read = timeout(Duration::from_secs(5), stream.read_to_end(&mut Vec::new())).await;
        read.is_ok()
    }

    #[tokio::test]
    async fn renewed_flows_are_new_connections_with_numbers_of_their_own_and_the_old_ones_are_gone() {
        let (listener, site) = silent_peer().await;
        let bounds = FlowBounds { budget: Some(Budget::new(7)), window_bytes: None };
        let mut flows = Flows::new(Direction::Up, site, bounds);
        flows.open(2);
        let (mut first, _) = listener.accept().await.unwrap();
        let (mut second, _) = listener.accept().await.unwrap();
        flows.permits().add_permits(2);
        let stop = flows.stop().clone();

        flows.renew();
        assert!(ends(&mut first).await && ends(&mut second).await, "the old connections are closed");
        let (mut third, _) = listener.accept().await.unwrap();
        let (_fourth, _) = listener.accept().await.unwrap();
        assert_eq!((flows.first(), flows.seen().asked, flows.seen().opened), (2, 2, 0));
        assert_eq!(flows.permits().available_permits(), 0, "a permit for an old flow lets no new one go");
        assert_eq!(flows.bounds.budget.as_ref().map(Budget::left), Some(7), "the budget stays");
        stop.cancel();
        assert!(!flows.stop().is_cancelled(), "the old signal resets no new flow");

        flows.renew();
        assert!(ends(&mut third).await);
        assert_eq!(flows.first(), 4);
    }
}
