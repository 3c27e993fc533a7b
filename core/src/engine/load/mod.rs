//! One direction under load: start, growth, decision, stop.

mod budget;
mod cpu;
mod ending;
mod events;
mod figures;
mod shared;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use ispeed_meter::{Config, Hint, params};
use ispeed_protocol::control::ClientMessage;
use ispeed_protocol::direction::{Direction, DirectionResult, Series};
use ispeed_protocol::echo::ECHO_MIN_BYTES;
use ispeed_protocol::evidence::Evidence;
use ispeed_wire::{Poller, SocketCounters};
use tokio::sync::watch;
use tokio::time::{Instant as TokioInstant, MissedTickBehavior, interval, sleep_until};

use super::clock::RunClock;
use super::control::Control;
use super::echo::{Echo, Pace, TRAIN_DOWN, TRAIN_UP, Train, TrainPlan};
use super::failure::{Failure, Kind};
use super::flow::Flows;
use super::interrupt::Interrupt;
use super::limits;
use super::measured::Reporter;
pub(crate) use budget::{BUDGET_MIN_BYTES, window_bytes};
use cpu::CpuMeter;
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
    /// Whether all flows are sent by CUBIC, for the rate varies.
    by_cubic: bool,
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
            by_cubic: false,
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
        self.congestion_control = self.flows.congestion_control();
        let poller = match self.start_metering() {
            Ok(poller) => poller,
            Err(error) => return End::Lost(Failure::io("no thread to meter with", &error)),
        };
        let end = self.watch().await;
        self.flows.stop().cancel();
        if let Some(poller) = poller {
            // At most a poll's time; afterwards nothing feeds the estimator any more.
            let _ = tokio::task::spawn_blocking(move || poller.stop()).await;
            if matches!(end, End::BudgetUsed) {
                // All of a small budget may have come since the last poll.
                let t_us = u64::try_from(self.shared.origin().elapsed().as_micros()).unwrap_or(u64::MAX);
                self.shared.reading(&self.flows.meter().reading(t_us));
            }
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
}
