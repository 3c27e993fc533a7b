//! One direction under load: start, growth, decision, stop.

mod budget;
mod cpu;
mod figures;
mod shared;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ispeed_meter::{Config, Hint, Reading, StopReason, params};
use ispeed_protocol::control::{ClientMessage, ServerMessage};
use ispeed_protocol::direction::{Direction, DirectionResult, Series};
use ispeed_protocol::echo::ECHO_MIN_BYTES;
use ispeed_protocol::evidence::Evidence;
use ispeed_wire::{Poller, Probe, SocketCounters};
use tokio::sync::watch;
use tokio::time::{Instant as TokioInstant, MissedTickBehavior, interval, sleep_until, timeout};

use super::clock::RunClock;
use super::control::{Control, Event, of_server_error};
use super::echo::{Echo, Pace, TRAIN_DOWN, TRAIN_UP, Train, TrainPlan};
use super::failure::{Failure, Kind};
use super::flow::{FlowEnd, FlowEvent, Flows};
use super::interrupt::Interrupt;
use super::limits;
use super::measured::Reporter;
pub(crate) use budget::{BUDGET_MIN_BYTES, window_bytes};
use cpu::CpuMeter;
use figures::Facts;
use shared::Shared;

/// Between two looks at what moves slowly: CPU, retransmissions, the display (M 5: "per 100 ms").
const TICK: Duration = Duration::from_micros(params::HINT_US);

/// What a direction is run with.
#[derive(Debug)]
pub(crate) struct LoadPlan {
    pub(crate) config: Config,
    pub(crate) clock: RunClock,
    /// Most flows the token lets open, those that are replaced included.
    pub(crate) flows_most: u8,
}

/// What the direction borrows from the run.
#[derive(Debug)]
pub(crate) struct Tools<'a> {
    pub(crate) control: &'a mut Control,
    pub(crate) echo: Option<&'a Echo>,
    pub(crate) interrupt: &'a Interrupt,
    pub(crate) reporter: &'a mut Reporter,
}

/// What a direction leaves behind, however it ended.
#[derive(Debug)]
pub(crate) struct Leg {
    /// The figures; `None` when load never started.
    pub(crate) result: Option<DirectionResult>,
    /// Payload bytes moved, tail included: the server's count, or this end's where the server told none.
    pub(crate) bytes: u64,
    /// What the server counted.
    pub(crate) server_series: Option<Series>,
    /// Signed by the server.
    pub(crate) evidence: Option<Evidence>,
    /// Round trips under load.
    pub(crate) train: Option<Train>,
    /// What went wrong, if something did.
    pub(crate) failure: Option<Failure>,
    /// Time load ran.
    pub(crate) duration: Duration,
}

/// Why the loop of a direction ended.
#[derive(Debug)]
enum End {
    /// The estimator decided.
    Decided,
    /// The person or the network.
    Interrupted(Failure),
    /// The byte budget is used up to the last byte.
    BudgetUsed,
    /// The server ended the direction by itself.
    ServerEnded(Failure),
    /// Nothing comes any more.
    Lost(Failure),
}

/// Runs one direction on flows that are open or about to be.
pub(crate) async fn run(direction: Direction, flows: &mut Flows, plan: LoadPlan, tools: Tools<'_>) -> Leg {
    let mut running = Running::new(direction, flows, plan, tools);
    let end = running.load().await;
    running.end(end).await
}

/// The server's last word on a direction.
#[derive(Debug)]
struct Stopped {
    bytes: u64,
    series: Series,
    evidence: Evidence,
    sender: Option<ispeed_protocol::control::SenderSummary>,
    congestion_control: Option<String>,
    mss_bytes: Option<u32>,
}

struct Running<'a> {
    direction: Direction,
    flows: &'a mut Flows,
    plan: LoadPlan,
    tools: Tools<'a>,
    shared: Arc<Shared>,
    wanted: watch::Receiver<u8>,
    train: Option<Train>,
    cpu: CpuMeter,
    /// Flows that carry load.
    active: u8,
    /// Flows that were let go and do not carry load yet.
    starting: u8,
    /// Flows that carried load and are gone.
    lost: u8,
    /// This end's, asked while the sockets are open.
    congestion_control: Option<String>,
    /// Where the server's zero lies on this direction's time line: least of arrival less stated time.
    server_zero_us: Option<u64>,
    last_message: TokioInstant,
    held_back: SocketCounters,
    stopped: Option<Stopped>,
}

impl<'a> Running<'a> {
    fn new(direction: Direction, flows: &'a mut Flows, plan: LoadPlan, tools: Tools<'a>) -> Self {
        let shared = Arc::new(Shared::new(plan.config.clone(), flows.stop().clone()));
        Self {
            direction,
            wanted: shared.wanted(),
            flows,
            plan,
            tools,
            shared,
            train: None,
            cpu: CpuMeter::start(),
            active: 0,
            starting: 0,
            lost: 0,
            congestion_control: None,
            server_zero_us: None,
            last_message: TokioInstant::now(),
            held_back: SocketCounters::default(),
            stopped: None,
        }
    }

    /// Starts load and goes on until something ends it.
    async fn load(&mut self) -> End {
        if let Err(failure) = self.tools.control.send(ClientMessage::Start { direction: self.direction }).await {
            return End::Lost(failure.mid_run());
        }
        self.start_train().await;
        let seen = self.flows.seen();
        if let Some(rtt) = seen.connect_rtt {
            self.shared.hint(Hint::ConnectRttUs { rtt_us: u64::try_from(rtt.as_micros()).unwrap_or(u64::MAX) });
        }
        self.congestion_control = seen.probe.as_ref().and_then(Probe::congestion_control);
        let poller = match self.start_metering() {
            Ok(poller) => poller,
            Err(error) => return End::Lost(Failure::io("no thread to meter with", &error)),
        };
        let end = self.watch().await;
        self.flows.stop().cancel();
        if let Some(poller) = poller {
            // At most a poll's time; afterwards nothing feeds the estimator any more.
            let _ = tokio::task::spawn_blocking(move || poller.stop()).await;
        }
        end
    }

    /// Round trips beside the load, on a socket of their own.
    async fn start_train(&mut self) {
        let Some(echo) = self.tools.echo else { return };
        let train = match self.direction {
            Direction::Down => TRAIN_DOWN,
            Direction::Up => TRAIN_UP,
        };
        let pace = Pace::Loaded(self.shared.rate.clone());
        let shared = Arc::clone(&self.shared);
        let on_answer = Box::new(move |answer: &super::echo::EchoAnswer| shared.loaded_rtt(answer.rtt_us));
        self.train = Some(echo.start(TrainPlan { train, packet_bytes: ECHO_MIN_BYTES, pace }, on_answer).await);
    }

    /// Takes the zero line, then lets the first flow go: no byte of load lies before the first reading.
    fn start_metering(&mut self) -> std::io::Result<Option<Poller>> {
        let permits = self.flows.permits();
        let first = usize::from(self.plan.config.flows_start.max(1));
        self.starting = u8::try_from(first).unwrap_or(u8::MAX);
        self.last_message = TokioInstant::now();
        if self.direction == Direction::Up {
            permits.add_permits(first);
            return Ok(None);
        }
        let shared = Arc::clone(&self.shared);
        let mut started = false;
        let poller = Poller::spawn(self.flows.meter().clone(), self.shared.origin(), move |reading| {
            let stop = shared.reading(&reading);
            if !started {
                started = true;
                permits.add_permits(first);
            }
            if stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(Some(poller))
    }

    async fn watch(&mut self) -> End {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stop = self.flows.stop().clone();
        let deadline = self.deadline();
        let hard_end = self.own_deadline();
        let interrupt = self.tools.interrupt.clone();
        loop {
            let ended = tokio::select! {
                biased;
                failure = interrupt.raised() => Some(End::Interrupted(failure)),
                () = stop.cancelled() => Some(End::Decided),
                () = sleep_until(hard_end) => Some(End::Decided),
                () = sleep_until(deadline) => {
                    Some(End::Lost(Failure::new(Kind::LostMidRun, "the direction did not come to an end")))
                }
                event = self.flows.event() => self.on_flow(event),
                event = self.tools.control.next() => self.on_control(event),
                Ok(()) = self.wanted.changed() => {
                    self.grow();
                    None
                }
                _ = ticks.tick() => self.on_tick(),
            };
            if let Some(end) = ended {
                return end;
            }
        }
    }

    /// Latest end of any direction: the method's longest cap and what a stuck channel may cost.
    fn deadline(&self) -> TokioInstant {
        let cap_us = if self.plan.config.long { params::TIME_CAP_LONG_US } else { params::TIME_CAP_FAST_US };
        let cap_us = cap_us + params::TIME_EXTENSION_US + params::START_LOST_US;
        TokioInstant::now() + Duration::from_micros(cap_us) + limits::DIRECTION_SLACK
    }

    /// The person's own limit holds by this machine's clock, whatever the server tells and when.
    fn own_deadline(&self) -> TokioInstant {
        let far = TokioInstant::now() + limits::RUN;
        let seconds = self.plan.config.max_seconds.filter(|seconds| seconds.is_finite() && *seconds >= 0.0);
        let own = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        own.map_or(far, |own| far.min(TokioInstant::from_std(self.shared.origin()) + own))
    }

    fn on_flow(&mut self, event: FlowEvent) -> Option<End> {
        match event {
            // A connect under load waited in the load's own queue and says nothing of a proxy.
            FlowEvent::Open { .. } => None,
            FlowEvent::Started => {
                self.active += 1;
                self.starting = self.starting.saturating_sub(1);
                self.tell_flows();
                None
            }
            FlowEvent::Failed(failure) => {
                let seen = self.flows.seen();
                self.starting = self.starting.min((seen.asked - seen.failed).saturating_sub(self.active));
                self.tell_flows();
                (self.active == 0 && self.starting == 0).then(|| End::Lost(failure.mid_run()))
            }
            FlowEvent::Ended(FlowEnd::Budget) => Some(End::BudgetUsed),
            FlowEvent::Ended(FlowEnd::Lost) => {
                self.lost += 1;
                let all = self.lost >= self.active && self.starting == 0;
                // In a download the next message says whether the server meant it.
                (all && (self.direction == Direction::Up || self.tools.control.closed().is_some()))
                    .then(|| End::Lost(Failure::new(Kind::LostMidRun, "all load flows were closed by the server")))
            }
        }
    }

    /// Says how many flows carry load, once those that were let go do.
    fn tell_flows(&self) {
        if self.starting == 0 && self.active > 0 {
            self.shared.hint(Hint::FlowsActive { t_us: self.shared.t_us(), flows: self.active });
        }
    }

    /// Lets further flows carry load, and opens the next step's ahead of time.
    fn grow(&mut self) {
        let wanted = (*self.wanted.borrow_and_update()).min(self.plan.config.flows_max);
        let under_way = self.active + self.starting;
        if wanted <= under_way {
            return;
        }
        // One that failed is replaced.
        self.flows.open(wanted.saturating_add(self.flows.seen().failed).min(self.plan.flows_most));
        self.starting += wanted - under_way;
        self.flows.permits().add_permits(usize::from(wanted - under_way));
    }

    fn on_control(&mut self, event: Event) -> Option<End> {
        let (at, message) = match event {
            Event::Message { at, message } => (at, message),
            Event::Closed(failure) => return Some(End::Lost(failure.mid_run())),
        };
        self.last_message = TokioInstant::now();
        match message {
            ServerMessage::Arrivals { t_us, segments, kernel_bytes, app_bytes } if self.direction == Direction::Up => {
                self.on_arrivals(at, &Reading { t_us, segments, kernel_bytes, app_bytes });
                None
            }
            ServerMessage::Sender { retransmits, segments_sent, rwnd_limited, server_limited, .. }
                if self.direction == Direction::Down =>
            {
                self.on_sender(retransmits, segments_sent, rwnd_limited, server_limited);
                None
            }
            ServerMessage::Error { kind, detail } => Some(End::ServerEnded(of_server_error(&kind, &detail))),
            message => {
                self.on_stopped(message);
                let ended = || Failure::new(Kind::Server, "the server ended the direction");
                self.stopped.is_some().then(|| End::ServerEnded(ended()))
            }
        }
    }

    /// The server's counters, on the server's time line.
    fn on_arrivals(&mut self, at: Instant, reading: &Reading) {
        let heard_us =
            u64::try_from(at.saturating_duration_since(self.shared.origin()).as_micros()).unwrap_or(u64::MAX);
        let zero_us = heard_us.saturating_sub(reading.t_us);
        if self.server_zero_us.is_none() && reading.t_us > 0 {
            let zero = |counter: Option<u64>| counter.map(|_| 0);
            let (segments, kernel_bytes) = (zero(reading.segments), zero(reading.kernel_bytes));
            self.shared.reading(&Reading { t_us: 0, segments, kernel_bytes, app_bytes: 0 });
        }
        self.server_zero_us = Some(self.server_zero_us.map_or(zero_us, |least| least.min(zero_us)));
        self.shared.reading(reading);
    }

    fn on_sender(
        &self,
        retransmits: Option<u64>,
        segments_sent: Option<u64>,
        rwnd_limited: Option<f64>,
        server_limited: bool,
    ) {
        let t_us = self.shared.t_us();
        if let (Some(retransmitted_segments_total), Some(sent_segments_total)) = (retransmits, segments_sent) {
            self.shared.hint(Hint::Retransmits { t_us, retransmitted_segments_total, sent_segments_total });
        }
        if let Some(rwnd_share) = rwnd_limited {
            let rwnd_share = if self.queue_stands() { 0.0 } else { rwnd_share };
            self.shared.hint(Hint::SendLimited { t_us, rwnd_share, sndbuf_share: 0.0 });
        }
        if server_limited {
            self.shared.hint(Hint::ServerLimited);
        }
    }

    fn on_stopped(&mut self, message: ServerMessage) {
        let ServerMessage::Stopped { direction, bytes, series, evidence, sender, congestion_control, mss_bytes } =
            message
        else {
            return;
        };
        if direction == self.direction {
            self.stopped = Some(Stopped { bytes, series, evidence, sender, congestion_control, mss_bytes });
        }
    }

    fn on_tick(&mut self) -> Option<End> {
        let t_us = self.shared.t_us();
        if let Some(share) = self.cpu.share(self.active) {
            self.shared.hint(Hint::CpuShare { t_us, share });
        }
        if self.direction == Direction::Up {
            self.own_sender(t_us);
            if self.last_message.elapsed() > limits::ARRIVALS_SILENT {
                return Some(End::Lost(Failure::new(Kind::LostMidRun, "the server's counters do not come any more")));
            }
        }
        if let Some(now) = self.shared.snapshot() {
            self.shared.rate.set(now.rate_bps.unwrap_or(0.0));
            let (loaded_ms, direction) = (self.shared.loaded_ms(), self.direction);
            self.tools.reporter.tick(|progress| {
                progress.rate_bps = now.rate_bps;
                progress.interval_bps = now.interval_bps;
                progress.flows = now.flows;
                progress.loaded_ms = loaded_ms;
                match direction {
                    Direction::Down => progress.bytes_down = now.bytes,
                    Direction::Up => progress.bytes_up = now.bytes,
                }
            });
        }
        None
    }

    /// Whether packets wait in the path just now. A sender that a window holds back over a standing queue is not limited
    /// by the window: on a slow link the first 64 KB of it are a second of queue.
    fn queue_stands(&self) -> bool {
        let Some((idle_us, loaded_ms)) = self.plan.config.idle_rtt_us.zip(self.shared.loaded_ms()) else {
            return false;
        };
        let rise_us = loaded_ms * 1e3 - idle_us as f64;
        rise_us >= (params::SATURATION_RTT_US as f64).max(params::SATURATION_RTT_SHARE * idle_us as f64)
    }

    /// What this machine sees of its own sending.
    fn own_sender(&mut self, t_us: u64) {
        let now = self.flows.meter().totals();
        if let (Some(retransmitted_segments_total), Some(sent_segments_total)) = (now.retransmits, now.segments_out) {
            self.shared.hint(Hint::Retransmits { t_us, retransmitted_segments_total, sent_segments_total });
        }
        let since = |now: Option<u64>, before: Option<u64>| Some(now?.saturating_sub(before.unwrap_or(0)) as f64);
        let before = std::mem::replace(&mut self.held_back, now);
        let busy_us = since(now.busy_us, before.busy_us).filter(|busy_us| *busy_us > 0.0);
        let rwnd_us = since(now.rwnd_limited_us, before.rwnd_limited_us);
        let sndbuf_us = since(now.sndbuf_limited_us, before.sndbuf_limited_us);
        if let (Some(busy_us), Some(rwnd_us), Some(sndbuf_us)) = (busy_us, rwnd_us, sndbuf_us) {
            let rwnd_share = if self.queue_stands() { 0.0 } else { rwnd_us / busy_us };
            let sndbuf_share = sndbuf_us / busy_us;
            self.shared.hint(Hint::SendLimited { t_us, rwnd_share, sndbuf_share });
        }
    }

    /// Resets the flows, asks the server for its last word, and makes the result.
    async fn end(mut self, end: End) -> Leg {
        let counters = self.flows.meter().totals();
        let cpu_share = self.cpu.overall();
        self.flows.reset().await;
        let (external, failure) = match end {
            End::Decided => (Some(StopReason::Time), None),
            End::BudgetUsed => (Some(StopReason::Bytes), None),
            End::Interrupted(failure) => (Some(StopReason::Aborted), Some(failure)),
            End::ServerEnded(failure) => (Some(StopReason::ServerEnded), Some(failure)),
            End::Lost(failure) => (Some(StopReason::Lost), Some(failure)),
        };
        let duration = self.shared.origin().elapsed();
        let estimate = self.shared.finish(external);
        if let Some(train) = &self.train {
            train.stop();
        }
        let reason = estimate.as_ref().map_or(StopReason::Aborted, |estimate| estimate.stop_reason);
        let failure = match self.last_word(reason).await {
            Ok(()) => failure,
            Err(silent) => failure.or(Some(silent)),
        };
        let result = estimate.map(|estimate| {
            figures::result(
                estimate,
                &Facts {
                    direction: self.direction,
                    clock: &self.plan.clock,
                    context: (&self.plan.config).into(),
                    origin: self.shared.origin(),
                    server_zero_us: self.server_zero_us,
                    idle_rtt_us: self.plan.config.idle_rtt_us,
                    stopped: self.stopped.as_ref(),
                    counters,
                    congestion_control: self.congestion_control.clone(),
                    cpu_share,
                    bytes: self.shared.bytes(),
                },
            )
        });
        let lost = result.as_ref().is_some_and(|result| result.stop_reason == StopReason::Lost);
        let failure = failure.or_else(|| lost.then(|| Failure::new(Kind::LostMidRun, "nothing arrived any more")));
        Leg {
            bytes: self.bytes(result.as_ref()),
            result,
            server_series: self.stopped.as_ref().map(|stopped| stopped.series.clone()),
            evidence: self.stopped.map(|stopped| stopped.evidence),
            train: self.train,
            failure,
            duration,
        }
    }

    /// Bytes moved: the server's count includes what this end no longer saw.
    fn bytes(&self, result: Option<&DirectionResult>) -> u64 {
        let meter = self.flows.meter();
        let own = match self.direction {
            Direction::Down => {
                let seen = meter.reading(0);
                seen.kernel_bytes.unwrap_or(0).max(seen.app_bytes).max(result.map_or(0, |result| result.bytes))
            }
            Direction::Up => meter.written_bytes(),
        };
        self.stopped.as_ref().map_or(own, |stopped| stopped.bytes)
    }

    /// `Stop`, and the wait for `Stopped`.
    async fn last_word(&mut self, reason: StopReason) -> Result<(), Failure> {
        if self.stopped.is_some() {
            return Ok(());
        }
        let stop = ClientMessage::Stop { direction: self.direction, reason };
        self.tools.control.send(stop).await.map_err(Failure::mid_run)?;
        let aborted = reason == StopReason::Aborted;
        let patience = if aborted { limits::STOPPED_ABORTED } else { limits::STOPPED };
        let interrupt = self.tools.interrupt.clone();
        let heard = async {
            while self.stopped.is_none() {
                match self.tools.control.next().await {
                    Event::Message { message: ServerMessage::Error { kind, detail }, .. } => {
                        return Err(of_server_error(&kind, &detail));
                    }
                    Event::Message { message, .. } => self.on_stopped(message),
                    Event::Closed(failure) => return Err(failure.mid_run()),
                }
            }
            Ok(())
        };
        let bounded = async {
            timeout(patience, heard)
                .await
                .unwrap_or_else(|_| Err(Failure::new(Kind::LostMidRun, "the server does not say what it counted")))
        };
        if aborted { bounded.await } else { interrupt.guard(bounded).await }
    }
}
