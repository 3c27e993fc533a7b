//! After the load: the logs of both ends, the latency figures, the outcome.

use std::ops::RangeInclusive;
use std::time::Instant;

use ispeed_meter::StopReason;
use ispeed_protocol::control::{ClientMessage, EchoTrain, ServerMessage};
use ispeed_protocol::direction::{Direction, DirectionResult};
use ispeed_protocol::sample::MachineContext;
use tokio::time::{sleep, timeout};

use super::control::Event;
use super::echo::{self, TRAIN_DOWN, TRAIN_UP};
use super::failure::{Failure, Kind, outcome};
use super::idle::ALWAYS;
use super::limits;
use super::load::Leg;
use super::machine::Machine;
use super::measured::{Measured, Phase};
use super::run::{Ran, Run, name};

impl Run {
    /// Everything after the load: the machine, the echo logs, the figures. Bounded, and nothing here changes a figure
    /// of throughput.
    pub(super) async fn finish(mut self, fatal: Option<Failure>) -> Measured {
        self.reporter.phase(Phase::Finishing);
        let failure = fatal.or_else(|| self.failure.take());
        let aborted =
            failure.as_ref().is_some_and(|failure| matches!(failure.kind, Kind::Cancelled | Kind::NetworkChanged));
        let loaded = self.down.is_some() || self.up.is_some();
        if let Some(machine) = self.machine.as_mut().filter(|_| loaded && !aborted) {
            machine.look(Machine::load_ended).await;
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
                let Event::Message { message, .. } = session.control.next().await else { return Vec::new() };
                if let ServerMessage::Echoes { trains } = *message {
                    return trains;
                }
            }
        };
        timeout(limits::ECHOES, heard).await.unwrap_or_default()
    }

    fn latency_figures(&mut self, trains: &[EchoTrain]) {
        let transport = self.transport();
        let seen = |number: u16| trains.iter().find(|train| train.train == number);
        let idle = echo::figures(&self.idle_log, &ALWAYS, transport, seen(self.idle_log.train));
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

    /// Nothing failed, and a direction ended before its ramp did: says which, and what ended it.
    fn no_estimate(&self, legs: [(Direction, &Option<Leg>); 2]) -> Failure {
        let without = |(direction, leg): (Direction, &Option<Leg>)| {
            let leg = leg.as_ref()?;
            let end = match leg.result.as_ref().filter(|result| !is_valid(result))?.stop_reason {
                StopReason::Bytes => "reached its data cap",
                StopReason::Time => "reached its time cap",
                _ => "ended",
            };
            let (megabytes, seconds) = (leg.bytes as f64 / 1e6, leg.duration.as_secs_f64());
            Some(format!("{} {end} after {megabytes:.2} MB in {seconds:.3} s", name(direction)))
        };
        let end = legs.into_iter().find_map(without).unwrap_or_else(|| "a direction was not measured".to_owned());
        let own = self.plan.max_bytes.is_some() || self.plan.max_seconds.is_some();
        let kind = if own { Kind::Budget } else { Kind::NoEstimate };
        Failure::new(kind, format!("{end}, too early to estimate its rate"))
    }

    fn measured(&mut self, failure: Option<Failure>, machine: MachineContext) -> Measured {
        let (down, up) = (self.down.take().map(|ran| ran.leg), self.up.take().map(|ran| ran.leg));
        let valid = [&down, &up].into_iter().flatten().filter(|leg| leg.result.as_ref().is_some_and(is_valid)).count();
        let wanted = usize::from(self.plan.directions.down) + usize::from(self.plan.directions.up);
        let failure = failure
            .or_else(|| (valid < wanted).then(|| self.no_estimate([(Direction::Down, &down), (Direction::Up, &up)])));
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
pub(super) fn window_us(result: &DirectionResult) -> RangeInclusive<u64> {
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
