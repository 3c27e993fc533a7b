//! A run from its first packet to its outcome.

use std::ops::RangeInclusive;
use std::time::Duration;

use ispeed_meter::{Config, flows_to_start_with, params, upload_needs_cubic, upload_needs_reno};
use ispeed_protocol::control::CUBIC;
use ispeed_protocol::direction::Direction;
use ispeed_protocol::latency::{EchoTransport, Latency};
use ispeed_protocol::servers::UsedServer;
use ispeed_wire::Budget as ByteBudget;
use ispeed_wire::tls::client_config;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::clock::{ClockOffset, RunClock};
use super::echo::{self, Echo, TrainLog};
use super::failure::{Failure, Kind};
use super::finish::window_us;
use super::flow::{FlowBounds, Flows, RENO, Seen};
use super::idle::{self, ALWAYS};
use super::interrupt::Interrupt;
use super::limits;
use super::load::{self, Leg, LoadPlan, Tools, window_bytes};
use super::machine::{Machine, MachineWatch};
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
pub(super) struct Ran {
    pub(super) leg: Leg,
    /// On the run's time line, microseconds.
    pub(super) window_us: RangeInclusive<u64>,
    pub(super) log: TrainLog,
}

/// Everything a run has found so far; it outlives the phases, so that no failure takes it away.
pub(super) struct Run {
    pub(super) plan: EnginePlan,
    pub(super) clock: RunClock,
    pub(super) reporter: Reporter,
    pub(super) network: Network,
    pub(super) budget: Budget,
    pub(super) offset: ClockOffset,
    pub(super) used: Option<UsedServer>,
    pub(super) session: Option<Session>,
    pub(super) echo: Option<Echo>,
    pub(super) idle_log: TrainLog,
    pub(super) latency: Latency,
    pub(super) machine: Option<MachineWatch>,
    pub(super) down: Option<Ran>,
    pub(super) up: Option<Ran>,
    /// What the directions could not do, the first of it.
    pub(super) failure: Option<Failure>,
}

impl Run {
    fn new(plan: EnginePlan, clock: RunClock, reporter: Reporter) -> Self {
        Self {
            network: Network { interface: plan.interface.clone(), binding: plan.binding.clone(), family: plan.family },
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
        interrupt.guard(self.without_load([&mut down, &mut up])).await?;

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
        if self.plan.max_seconds.is_some_and(|seconds| seconds.is_nan() || seconds <= 0.0) {
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
    async fn without_load(&mut self, flows: [&mut Option<Flows>; 2]) -> Result<(), Failure> {
        let Some(session) = &self.session else { return Ok(()) };
        let machine = &mut self.machine;
        let quiet = async {
            sleep(limits::OPENING).await;
            if let Some(machine) = machine {
                machine.look(Machine::quiet).await;
            }
        };
        let measure = idle::measure(session, self.clock, self.plan.long, self.plan.force_websocket_echo);
        let (mut idle, ()) = tokio::join!(measure, quiet);
        let opened = async {
            for flows in flows.into_iter().flatten() {
                flows.ready(limits::FLOWS_AHEAD).await;
            }
        };
        if idle.is_disturbed() && timeout(limits::FLOWS, opened).await.is_ok() {
            idle.take_again(self.plan.long).await;
        }
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

    pub(super) fn transport(&self) -> EchoTransport {
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
        if direction == Direction::Up {
            self.choose_sender_of_upload(flows, interrupt).await?;
        }
        interrupt.guard(self.open_all_over_a_long_path(direction, flows)).await?;
        self.note_flows(flows);
        self.load_begins(direction).await;
        if direction == Direction::Up {
            self.fund_upload(flows, &share);
        }
        self.reporter.phase(match direction {
            Direction::Down => Phase::Download,
            Direction::Up => Phase::Upload,
        });
        let plan = self.load_plan(direction, &share, flows);
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

    /// Sees to it that an upload's flows, which carry nothing yet, are sent by what will fill the link.
    async fn choose_sender_of_upload(&self, flows: &mut Flows, interrupt: &Interrupt) -> Result<(), Failure> {
        let own = flows.congestion_control();
        let bbr = own.as_deref() == Some("bbr");
        if bbr && !self.has_room_for_new(flows) {
            return Ok(());
        }
        let (rtt_us, download_bps) = (self.idle_rtt_us(), self.download_bps());
        if upload_needs_reno(rtt_us, download_bps) {
            flows.send_by(RENO);
        } else if own.as_deref() == Some(RENO) && upload_needs_cubic(rtt_us, download_bps) {
            flows.send_by(CUBIC);
        }
        // A socket that BBR has paced stays paced.
        if bbr && (flows.sent_by_reno() || self.would_be_ten_seconds_old(flows)) {
            flows.renew();
            interrupt.guard(idle::ready(flows)).await?;
        }
        Ok(())
    }

    /// Whether flows that were opened before the download would look for the least round trip in the middle of the upload:
    /// where the sender is BBR, every flow falls silent at once, ten seconds after its handshake, and the link idles for
    /// half a second (lab: uploads over 300 ms read up to 12 % low). New flows cost three round trips.
    fn would_be_ten_seconds_old(&self, flows: &Flows) -> bool {
        let cap_us = if self.plan.long { params::TIME_CAP_LONG_US } else { params::TIME_CAP_SLOW_US };
        let of_path_us = self.idle_rtt_us().saturating_mul(params::TIME_CAP_RTTS);
        flows.age() + Duration::from_micros(cap_us.max(of_path_us)) > limits::BBR_PROBES_AT
    }

    /// Whether the token has numbers for new flows; one that has none keeps the flows it has.
    fn has_room_for_new(&self, flows: &Flows) -> bool {
        let most_streams = self.session.as_ref().map_or(0, |session| session.claims.max_streams);
        u16::from(flows.seen().asked) + u16::from(self.flows_max_of(Direction::Up)) <= u16::from(most_streams)
    }

    /// Opens every flow of a direction before it starts, over a long path (satellite, or a server on another continent) that is
    /// fast: a handshake takes three round trips, and flows that join in mid-run need seven more to their share, or overrun a
    /// queue that the others had found.
    async fn open_all_over_a_long_path(&self, direction: Direction, flows: &mut Flows) -> Result<(), Failure> {
        let rtt_us = self.idle_rtt_us();
        if rtt_us < params::FLOWS_LONG_RTT_US {
            return Ok(());
        }
        let fast = match direction {
            Direction::Down => {
                let sender = self.session.as_ref().and_then(|session| session.congestion_control.as_deref());
                sender == Some("bbr") && opened_fast(flows.seen(), rtt_us)
            }
            Direction::Up => self.download_bps().is_some_and(|bps| bps >= params::FLOWS_JOIN_BURST_BPS),
        };
        if fast {
            let most = self.flows_max_of(direction);
            flows.open(most);
            let _ = timeout(Duration::from_micros(rtt_us * limits::HANDSHAKE_RTTS), flows.ready(most)).await;
        }
        Ok(())
    }

    /// Idle round trip; zero where there is none.
    fn idle_rtt_us(&self) -> u64 {
        echo::idle_rtt_us(&self.latency).unwrap_or(0)
    }

    /// What the download before an upload reached at least.
    fn download_bps(&self) -> Option<f64> {
        self.down.as_ref().map(|ran| least_rate_bps(&ran.leg))
    }

    fn load_plan(&self, direction: Direction, share: &Budget, flows: &Flows) -> LoadPlan {
        let session = self.session.as_ref();
        let ipv4 = session.is_none_or(|session| session.site.peer.is_ipv4());
        let sender = match direction {
            Direction::Down => session.and_then(|session| session.congestion_control.clone()),
            Direction::Up => flows.congestion_control(),
        };
        let idle_rtt_us = echo::idle_rtt_us(&self.latency);
        let flows_max = self.flows_max_of(direction);
        let download_bps = self.download_bps().filter(|_| direction == Direction::Up);
        let flows_start = flows_to_start_with(self.idle_rtt_us(), download_bps).min(flows_max);
        let config = Config {
            idle_rtt_us,
            forced_counter: self.plan.forced_counter,
            max_bytes: share.bytes(),
            max_seconds: share.seconds(),
            long: self.plan.long,
            flows_start,
            flows_max,
            header_bytes: if ipv4 { params::HEADER_BYTES_IPV4 } else { params::HEADER_BYTES_IPV6 },
            sender_bbr: sender.as_deref() == Some("bbr"),
            sender_reno: flows.sent_by_reno(),
            ..Config::new(direction)
        };
        let flows_most = session.map_or(config.flows_max, |session| session.claims.max_streams.max(1));
        let flows_most = flows_most.saturating_sub(flows.first()).max(1);
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
}

/// Whether the handshakes of the first flows met no queue: the link carries those of the others without being delayed.
fn opened_fast(seen: &Seen, rtt_us: u64) -> bool {
    let all = seen.opened > 0 && seen.opened == seen.asked;
    all && seen.took.is_some_and(|took| took.as_secs_f64() * 1e6 <= rtt_us as f64 * limits::OPENED_FAST_RTTS)
}

/// The figure of a direction; where there is none, for its ramp did not end, all its bytes over all its time.
fn least_rate_bps(leg: &Leg) -> f64 {
    let figure_bps = leg.result.as_ref().and_then(|result| result.goodput_bps);
    let seconds = leg.duration.as_secs_f64();
    figure_bps.unwrap_or(if seconds > 0.0 { leg.bytes as f64 * 8.0 / seconds } else { 0.0 })
}

fn too_small(direction: Direction, bytes: u64) -> Failure {
    Failure::new(Kind::Budget, format!("a budget of {bytes} bytes is too small to load a link ({})", name(direction)))
}

pub(super) fn name(direction: Direction) -> &'static str {
    match direction {
        Direction::Down => "the download",
        Direction::Up => "the upload",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handshakes_that_waited_in_a_queue_say_that_a_link_is_slow() {
        let seen = |asked, ms| Seen { asked, opened: 4, took: Some(Duration::from_millis(ms)), ..Seen::default() };
        assert!(opened_fast(&seen(4, 930), 300_000));
        assert!(!opened_fast(&seen(4, 1_350), 300_000), "eight handshakes on 0.25 Mbit/s");
        assert!(!opened_fast(&seen(5, 930), 300_000), "one is still waiting");
        assert!(!opened_fast(&Seen::default(), 300_000));
    }

    #[test]
    fn a_direction_without_a_figure_still_says_how_fast_it_was_at_least() {
        let leg = Leg {
            result: None,
            bytes: 250_000_000,
            server_series: None,
            evidence: None,
            train: None,
            failure: None,
            duration: Duration::from_secs(4),
        };
        assert!((least_rate_bps(&leg) - 500e6).abs() < 1.0);
        assert!(least_rate_bps(&Leg { duration: Duration::ZERO, ..leg }).abs() < f64::EPSILON);
    }
}
