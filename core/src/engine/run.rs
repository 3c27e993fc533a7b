//! A run from its first packet to its outcome.

use std::ops::RangeInclusive;
use std::time::Instant;

use ispeed_meter::{Config, StopReason, params};
use ispeed_protocol::control::{ClientMessage, EchoTrain, ServerMessage};
use ispeed_protocol::direction::{Direction, DirectionResult};
use ispeed_protocol::latency::{EchoTransport, Latency};
use ispeed_protocol::sample::MachineContext;
use ispeed_protocol::servers::UsedServer;
use ispeed_wire::Budget as ByteBudget;
use ispeed_wire::tls::client_config;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::clock::{ClockOffset, RunClock};
use super::control::Event;
use super::echo::{self, Echo, TRAIN_DOWN, TRAIN_IDLE, TRAIN_UP, TrainLog};
use super::failure::{Failure, Kind, outcome};
use super::flow::{FlowBounds, Flows};
use super::idle::{self, ALWAYS};
use super::interrupt::Interrupt;
use super::limits;
use super::load::{self, Leg, LoadPlan, Tools, window_bytes};
use super::machine::MachineWatch;
use super::measured::{Measured, Phase, Progress, Reporter};
use super::net::Network;
use super::plan::{Budget, EnginePlan};
use super::select::{Offer, Selection};
use super::session::Session;

/// Plain bytes of each 500 that a budget in TCP payload leaves for TLS records (22 in 16,406) and its alerts.
const RECORD_OVERHEAD_PART: u64 = 500;

/// Makes one run; see [`super::measure`].
pub(crate) async fn run(plan: EnginePlan, progress: watch::Sender<Progress>, interrupt: Interrupt) -> Measured {
    let clock = RunClock::start();
    let mut run = Run::new(plan, clock, Reporter::new(progress, clock));
    let too_late = async {
        let failure = interrupt.raised().await;
        sleep(limits::INTERRUPTED).await;
        failure
    };
    let end = tokio::select! {
        biased;
        end = timeout(limits::RUN, run.phases(&interrupt)) => {
            end.unwrap_or_else(|_| Err(Failure::new(Kind::Timeout, "the run did not come to an end")))
        }
        failure = too_late => Err(failure),
    };
    run.finish(end.err()).await
}

/// A direction that ran, and the window its round trips are taken from.
#[derive(Debug)]
struct Ran {
    leg: Leg,
    /// On the run's time line, microseconds.
    window_us: RangeInclusive<u64>,
    log: TrainLog,
}

/// Everything a run has found so far; it outlives the phases, so that no failure takes it away.
struct Run {
    plan: EnginePlan,
    clock: RunClock,
    reporter: Reporter,
    network: Network,
    budget: Budget,
    offset: ClockOffset,
    used: Option<UsedServer>,
    session: Option<Session>,
    echo: Option<Echo>,
    idle_log: TrainLog,
    latency: Latency,
    machine: Option<MachineWatch>,
    down: Option<Ran>,
    up: Option<Ran>,
    /// What the directions could not do, the first of it.
    failure: Option<Failure>,
}

impl Run {
    fn new(plan: EnginePlan, clock: RunClock, reporter: Reporter) -> Self {
        Self {
            network: Network { interface: plan.interface.clone(), family: plan.family },
            budget: Budget::new(&plan),
            plan,
            clock,
            reporter,
            offset: ClockOffset::default(),
            used: None,
            session: None,
            echo: None,
            idle_log: TrainLog::default(),
            latency: Latency::default(),
            machine: None,
            down: None,
            up: None,
            failure: None,
        }
    }

    /// All phases with load; what they found is in `self`.
    async fn phases(&mut self, interrupt: &Interrupt) -> Result<(), Failure> {
        self.reporter.phase(Phase::Connecting);
        self.check_plan()?;
        self.network.check_interface()?;
        self.machine = Some(MachineWatch::begin(self.plan.machine_context).await);
        interrupt.guard(self.connect()).await?;

        self.reporter.phase(Phase::Latency);
        let mut down = self.flows(Direction::Down);
        let mut up = self.flows(Direction::Up);
        interrupt.guard(self.without_load()).await?;

        for (direction, flows, follows) in
            [(Direction::Down, &mut down, self.plan.directions.up), (Direction::Up, &mut up, false)]
        {
            let Some(flows) = flows else { continue };
            self.direction(direction, flows, follows, interrupt).await?;
        }
        Ok(())
    }

    fn check_plan(&self) -> Result<(), Failure> {
        let wrong = |what: String| Err(Failure::new(Kind::Plan, what));
        if self.plan.max_seconds.is_some_and(|seconds| !(seconds > 0.0)) {
            return wrong(format!(
                "max_seconds is {:?}, expected more than 0",
                self.plan.max_seconds.unwrap_or_default()
            ));
        }
        if !self.plan.directions.down && !self.plan.directions.up {
            return wrong("directions names none, expected down, up or both".to_owned());
        }
        Ok(())
    }

    /// Token, selection, control channel.
    async fn connect(&mut self) -> Result<(), Failure> {
        let pem = self.plan.tls.extra_ca_pem.as_ref().map(String::as_bytes);
        let tls = client_config(pem).map_err(|error| Failure::new(Kind::Plan, error.to_string()))?;
        let selection = Selection { plan: &self.plan, network: &self.network, tls: &tls, clock: &self.clock };
        let mut offer: Offer = selection.offer(&mut self.offset).await?;
        let session = Session::open(&mut offer, &self.network, &self.clock, &mut self.offset, &mut self.used).await?;
        let id = self.used.as_ref().map(|used| used.id.clone());
        self.reporter.write(|progress| progress.server = id);
        self.session = Some(session);
        Ok(())
    }

    /// The flows of a direction, opening; `None` when the plan does not want it or the budget has no room for it.
    fn flows(&mut self, direction: Direction) -> Option<Flows> {
        if !self.plan.directions.contains(direction) {
            return None;
        }
        let session = self.session.as_ref()?;
        let bounds = match (direction, self.share(direction).bytes()) {
            (Direction::Down, None) => FlowBounds::default(),
            (Direction::Down, Some(bytes)) => {
                let Some((window, _, readable)) = window_bytes(bytes, self.flows_max()) else {
                    self.failed(too_small(direction, bytes));
                    return None;
                };
                FlowBounds { budget: Some(ByteBudget::new(readable)), window_bytes: Some(window) }
            }
            (Direction::Up, Some(bytes)) if bytes < load::BUDGET_MIN_BYTES => {
                self.failed(too_small(direction, bytes));
                return None;
            }
            // What an upload may move is known when the download is over; until then nothing.
            (Direction::Up, _) => FlowBounds { budget: Some(ByteBudget::new(0)), window_bytes: None },
        };
        let mut flows = Flows::new(direction, session.site.clone(), bounds);
        flows.open(limits::FLOWS_AHEAD.min(self.flows_max_of(direction)));
        Some(flows)
    }

    /// The direction's part of the person's budget as it stands.
    fn share(&self, direction: Direction) -> Budget {
        self.budget.share(direction == Direction::Down && self.plan.directions.up)
    }

    /// Load flows the method and the token allow at once.
    fn flows_max(&self) -> u8 {
        let most = params::FLOW_STEPS[params::FLOW_STEPS.len() - 1];
        self.session.as_ref().map_or(most, |session| most.min(session.claims.max_streams.max(1)))
    }

    fn flows_max_of(&self, direction: Direction) -> u8 {
        let most = self.flows_max();
        let bytes = self.share(direction).bytes().filter(|_| direction == Direction::Down);
        bytes.and_then(|bytes| window_bytes(bytes, most)).map_or(most, |(_, flows, _)| flows)
    }

    /// Idle round trips, while the flows open.
    async fn without_load(&mut self) -> Result<(), Failure> {
        let Some(session) = &self.session else { return Ok(()) };
        let machine = &mut self.machine;
        let quiet = async {
            sleep(limits::OPENING).await;
            if let Some(machine) = machine {
                machine.look(super::machine::Machine::quiet).await;
            }
        };
        let measure = idle::measure(session, self.clock, self.plan.long, self.plan.force_websocket_echo);
        let (idle, ()) = tokio::join!(measure, quiet);
        self.latency.transport = idle.echo.as_ref().map(Echo::transport);
        self.latency.radio_wake_ms = idle.radio_wake_ms;
        self.echo = idle.echo;
        self.idle_log = idle.log;
        let figures = echo::figures(&self.idle_log, &ALWAYS, self.transport(), None);
        self.latency.idle_ms = figures.round_trips.as_ref().map(|trips| trips.median_ms);
        let latency_ms = self.latency.idle_ms;
        self.reporter.write(|progress| progress.latency_ms = latency_ms);
        Ok(())
    }

    fn transport(&self) -> EchoTransport {
        self.latency.transport.unwrap_or(EchoTransport::Udp)
    }

    /// One direction. An error ends the run; what only this direction could not do is kept in `failure`.
    async fn direction(
        &mut self,
        direction: Direction,
        flows: &mut Flows,
        follows: bool,
        interrupt: &Interrupt,
    ) -> Result<(), Failure> {
        let share = self.budget.share(follows);
        if share.is_spent() || share.bytes().is_some_and(|bytes| bytes < load::BUDGET_MIN_BYTES) {
            self.failed(Failure::new(Kind::Budget, format!("the budget left nothing for {}", name(direction))));
            return Ok(());
        }
        interrupt.guard(idle::ready(flows)).await?;
        self.note_flows(flows);
        self.load_begins(direction).await;
        if direction == Direction::Up {
            self.fund_upload(flows, &share);
        }
        self.reporter.phase(match direction {
            Direction::Down => Phase::Download,
            Direction::Up => Phase::Upload,
        });
        let plan = self.load_plan(direction, &share);
        let Some(session) = &mut self.session else { return Ok(()) };
        let tools =
            Tools { control: &mut session.control, echo: self.echo.as_ref(), interrupt, reporter: &mut self.reporter };
        let mut leg = load::run(direction, flows, plan, tools).await;
        self.budget.spend(leg.bytes, leg.duration.as_secs_f64());
        let failure = leg.failure.take();
        self.keep(direction, leg);
        let Some(failure) = failure else { return Ok(()) };
        let channel_lost = self.session.as_ref().is_some_and(|session| session.control.closed().is_some());
        if channel_lost || matches!(failure.kind, Kind::Cancelled | Kind::NetworkChanged) {
            return Err(failure);
        }
        self.failed(failure);
        Ok(())
    }

    fn load_plan(&self, direction: Direction, share: &Budget) -> LoadPlan {
        let session = self.session.as_ref();
        let ipv4 = session.is_none_or(|session| session.site.peer.is_ipv4());
        let sender = session.and_then(|session| session.congestion_control.as_deref());
        let config = Config {
            idle_rtt_us: echo::idle_rtt_us(&self.latency),
            forced_counter: self.plan.forced_counter,
            max_bytes: share.bytes(),
            max_seconds: share.seconds(),
            long: self.plan.long,
            flows_max: self.flows_max_of(direction),
            header_bytes: if ipv4 { params::HEADER_BYTES_IPV4 } else { params::HEADER_BYTES_IPV6 },
            sender_bbr: direction == Direction::Down && sender == Some("bbr"),
            ..Config::new(direction)
        };
        let flows_most = session.map_or(config.flows_max, |session| session.claims.max_streams.max(1));
        LoadPlan { config, clock: self.clock, flows_most }
    }

    /// What the upload may write: what the token allows and the person left.
    fn fund_upload(&self, flows: &Flows, share: &Budget) {
        let token = self.session.as_ref().map_or(u64::MAX, |session| session.claims.max_bytes_up);
        let bytes = share.bytes().unwrap_or(u64::MAX).min(token);
        flows.fund(bytes - bytes / RECORD_OVERHEAD_PART);
    }

    async fn load_begins(&mut self, direction: Direction) {
        let first = direction == Direction::Down || !self.plan.directions.down;
        let Some((local, machine)) = self.session.as_ref().map(|session| session.local).zip(self.machine.as_mut())
        else {
            return;
        };
        if first {
            machine.look(move |machine| machine.load_begins(local, idle::train_bps())).await;
        }
    }

    fn note_flows(&mut self, flows: &Flows) {
        let seen = flows.seen();
        if let Some(used) = &mut self.used {
            used.cipher = used.cipher.take().or_else(|| seen.cipher.clone());
        }
        if let Some(rtt) = seen.connect_rtt {
            let rtt_ms = rtt.as_secs_f64() * 1e3;
            let known = self.latency.tcp_connect_ms;
            self.latency.tcp_connect_ms = Some(known.map_or(rtt_ms, |least: f64| least.min(rtt_ms)));
        }
    }

    fn keep(&mut self, direction: Direction, leg: Leg) {
        let window_us = leg.result.as_ref().map_or(0..=0, window_us);
        let ran = Some(Ran { leg, window_us, log: TrainLog::default() });
        match direction {
            Direction::Down => self.down = ran,
            Direction::Up => self.up = ran,
        }
    }

    fn failed(&mut self, failure: Failure) {
        self.failure.get_or_insert(failure);
    }

    /// Everything after the load: the machine, the echo logs, the figures. Bounded, and nothing here changes a figure
    /// of throughput.
    async fn finish(mut self, fatal: Option<Failure>) -> Measured {
        self.reporter.phase(Phase::Finishing);
        let failure = fatal.or_else(|| self.failure.take());
        let aborted =
            failure.as_ref().is_some_and(|failure| matches!(failure.kind, Kind::Cancelled | Kind::NetworkChanged));
        let loaded = self.down.is_some() || self.up.is_some();
        if let Some(machine) = self.machine.as_mut().filter(|_| loaded && !aborted) {
            machine.look(super::machine::Machine::load_ended).await;
        }
        self.collect_logs(aborted).await;
        let trains = if aborted { Vec::new() } else { self.server_logs().await };
        self.latency_figures(&trains);
        let machine = self.machine_context(aborted).await;
        let measured = self.measured(failure, machine);
        self.reporter.phase(Phase::Done);
        measured
    }

    async fn collect_logs(&mut self, aborted: bool) {
        let patience = if aborted { limits::TRAIN_LOG_ABORTED } else { limits::TRAIN_LOG };
        for ran in [&mut self.down, &mut self.up].into_iter().flatten() {
            if let Some(train) = ran.leg.train.take() {
                train.stop();
                ran.log = timeout(patience, train.log()).await.unwrap_or_default();
            }
        }
    }

    /// `Finish`, and what the server saw of the trains; nothing when it does not say.
    async fn server_logs(&mut self) -> Vec<EchoTrain> {
        let Some(session) = &mut self.session else { return Vec::new() };
        if session.control.send(ClientMessage::Finish).await.is_err() {
            return Vec::new();
        }
        let heard = async {
            loop {
                match session.control.next().await {
                    Event::Message { message: ServerMessage::Echoes { trains }, .. } => return trains,
                    Event::Message { .. } => {}
                    Event::Closed(_) => return Vec::new(),
                }
            }
        };
        timeout(limits::ECHOES, heard).await.unwrap_or_default()
    }

    fn latency_figures(&mut self, trains: &[EchoTrain]) {
        let transport = self.transport();
        let seen = |number: u16| trains.iter().find(|train| train.train == number);
        let idle = echo::figures(&self.idle_log, &ALWAYS, transport, seen(TRAIN_IDLE));
        let of = |ran: &Option<Ran>, number: u16| {
            ran.as_ref().map(|ran| echo::figures(&ran.log, &ran.window_us, transport, seen(number))).unwrap_or_default()
        };
        let (down, up) = (of(&self.down, TRAIN_DOWN), of(&self.up, TRAIN_UP));
        let loaded = [&self.down, &self.up].into_iter().flatten().map(|ran| (&ran.log, &ran.window_us));
        let latency = &mut self.latency;
        latency.rpm_short = echo::rpm(loaded);
        latency.loaded_down_ms = down.round_trips.as_ref().map(|trips| trips.median_ms);
        latency.loaded_up_ms = up.round_trips.as_ref().map(|trips| trips.median_ms);
        (latency.idle, latency.idle_path) = (idle.round_trips, idle.path);
        (latency.loaded_down, latency.loaded_down_path) = (down.round_trips, down.path);
        (latency.loaded_up, latency.loaded_up_path) = (up.round_trips, up.path);
    }

    async fn machine_context(&mut self, aborted: bool) -> MachineContext {
        let Some(machine) = &mut self.machine else { return MachineContext::default() };
        if !aborted {
            sleep(machine.settle()).await;
        }
        machine.end().await
    }

    fn measured(&mut self, failure: Option<Failure>, machine: MachineContext) -> Measured {
        let (down, up) = (self.down.take().map(|ran| ran.leg), self.up.take().map(|ran| ran.leg));
        let valid = [&down, &up].into_iter().flatten().filter(|leg| leg.result.as_ref().is_some_and(is_valid)).count();
        let wanted = usize::from(self.plan.directions.down) + usize::from(self.plan.directions.up);
        let failure = failure.or_else(|| {
            (valid < wanted).then(|| Failure::new(Kind::NoEstimate, "too little arrived to estimate anything"))
        });
        let outcome = outcome(failure.as_ref(), valid, wanted);
        let correction_us = self.offset.correction_us();
        let bytes = |leg: &Option<Leg>| leg.as_ref().map_or(0, |leg| leg.bytes);
        Measured {
            started_at: self.clock.started_at().plus_micros(correction_us),
            ended_at: self.clock.utc(Instant::now()).plus_micros(correction_us),
            outcome,
            outcome_reason: failure.as_ref().map(|failure| failure.kind.reason().to_owned()),
            outcome_detail: failure.map(|failure| failure.detail),
            clock: self.offset.clock(),
            server: self.used.take(),
            latency: std::mem::take(&mut self.latency),
            bytes_down: bytes(&down),
            bytes_up: bytes(&up),
            evidence: [&down, &up].into_iter().flatten().filter_map(|leg| leg.evidence.clone()).collect(),
            down_sender_series: down.as_ref().and_then(|leg| leg.server_series.clone()),
            down: down.and_then(|leg| leg.result),
            up: up.and_then(|leg| leg.result),
            machine,
        }
    }
}

/// The averaged window of a direction on the run's time line; the whole of the load where there is none.
fn window_us(result: &DirectionResult) -> RangeInclusive<u64> {
    let end_us = |start_us: u64, ms: f64| start_us + (ms * 1e3) as u64;
    match result.window_start_ms.zip(result.window_ms) {
        Some((start_ms, window_ms)) => {
            let start_us = (start_ms * 1e3) as u64;
            start_us..=end_us(start_us, window_ms)
        }
        None => result.load_start_us..=end_us(result.load_start_us, result.duration_ms),
    }
}

/// Whether a direction was measured: there is a figure, and its end was not a loss.
fn is_valid(result: &DirectionResult) -> bool {
    result.goodput_bps.is_some() && !matches!(result.stop_reason, StopReason::Lost | StopReason::Aborted)
}

fn too_small(direction: Direction, bytes: u64) -> Failure {
    Failure::new(Kind::Budget, format!("a budget of {bytes} bytes is too small to load a link ({})", name(direction)))
}

fn name(direction: Direction) -> &'static str {
    match direction {
        Direction::Down => "the download",
        Direction::Up => "the upload",
    }
}
