//! The phase without load: the radio is woken, round trips are taken, load connections open meanwhile.

use std::ops::RangeInclusive;
use std::sync::Arc;

use ispeed_protocol::echo::ECHO_TRAIN_BYTES;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::clock::RunClock;
use super::echo::{
    Echo, IDLE_GAP, IDLE_PACKETS, IDLE_PACKETS_LONG, Pace, TRAIN_IDLE, TRAIN_IDLE_AGAIN, TRAIN_WAKE, TrainLog,
    TrainPlan, UDP_WAIT, WAKE_PACKETS,
};
use super::failure::{Failure, Kind};
use super::flow::Flows;
use super::limits;
use super::session::Session;

/// What the phase found.
#[derive(Debug)]
pub(crate) struct Idle {
    /// How round trips are taken from here on; `None` when neither way answers.
    pub(crate) echo: Option<Echo>,
    /// First round trip, milliseconds.
    pub(crate) radio_wake_ms: Option<f64>,
    /// The idle train.
    pub(crate) log: TrainLog,
}

impl Idle {
    /// Whether the median lies so far above the least round trip that a queue stood, which without load is this program's
    /// own: opening the load connections takes eight TLS handshakes, 13 kB, half a second of 0.25 Mbit/s.
    pub(crate) fn is_disturbed(&self) -> bool {
        let mut rtts_us: Vec<u64> = self.log.answers.iter().map(|answer| answer.rtt_us).collect();
        rtts_us.sort_unstable();
        let Some((&least, &median)) = rtts_us.first().zip(rtts_us.get(rtts_us.len() / 2)) else { return false };
        median - least >= DISTURBED_US && median as f64 >= DISTURBED_FACTOR * least as f64
    }

    /// Takes the idle round trips once more; call it when the connections are open.
    pub(crate) async fn take_again(&mut self, long: bool) {
        let Some(echo) = &self.echo else { return };
        let log = idle_log(echo, TRAIN_IDLE_AGAIN, long).await;
        if log.answers.len() * 2 >= self.log.answers.len() {
            self.log = log;
        }
    }
}

/// Median over least idle round trip from which on the idle train is taken again ...
const DISTURBED_FACTOR: f64 = 1.5;
/// ... where they differ by this much at least; radio schedulers alone make several milliseconds.
const DISTURBED_US: u64 = 10_000;

/// All times of a train that was never beside load.
pub(crate) const ALWAYS: RangeInclusive<u64> = 0..=u64::MAX;

/// Wakes the radio and takes the idle round trips: by UDP, or where nothing comes back in time by WebSocket.
pub(crate) async fn measure(session: &Session, clock: RunClock, long: bool, force_websocket: bool) -> Idle {
    if !force_websocket && let Some(idle) = by_udp(session, clock, long).await {
        return idle;
    }
    let Ok(echo) = session.websocket_echo(clock).await else {
        return Idle { echo: None, radio_wake_ms: None, log: TrainLog::default() };
    };
    let echo = Echo::Websocket(echo);
    let log = idle_log(&echo, TRAIN_IDLE, long).await;
    let echo = (!log.answers.is_empty()).then_some(echo);
    Idle { echo, radio_wake_ms: None, log }
}

/// `None` when UDP is blocked.
async fn by_udp(session: &Session, clock: RunClock, long: bool) -> Option<Idle> {
    let echo = Echo::Udp(session.udp_echo(clock));
    let answered = Arc::new(Notify::new());
    let notify = Arc::clone(&answered);
    let pace = Pace::Count { packets: WAKE_PACKETS, gap: IDLE_GAP };
    let wake = TrainPlan { train: TRAIN_WAKE, packet_bytes: ECHO_TRAIN_BYTES, pace };
    let wake = echo.start(wake, Box::new(move |_| notify.notify_one())).await;
    timeout(UDP_WAIT, answered.notified()).await.ok()?;
    let train = echo.start(idle_train(TRAIN_IDLE, long), Box::new(|_| {})).await;
    let logs = async { tokio::join!(wake.log(), train.log()) };
    let (wake, log) = timeout(limits::IDLE, logs).await.unwrap_or_default();
    let first = wake.answers.iter().min_by_key(|answer| answer.sequence);
    Some(Idle { echo: Some(echo), radio_wake_ms: first.map(|answer| answer.rtt_us as f64 / 1e3), log })
}

/// What the idle train takes each way, IPv4, UDP and Ethernet headers included.
pub(crate) fn train_bps() -> f64 {
    const HEADER_BYTES: usize = 42;
    ((ECHO_TRAIN_BYTES + HEADER_BYTES) * 8) as f64 / IDLE_GAP.as_secs_f64()
}

async fn idle_log(echo: &Echo, number: u16, long: bool) -> TrainLog {
    let train = echo.start(idle_train(number, long), Box::new(|_| {})).await;
    timeout(limits::IDLE, train.log()).await.unwrap_or_default()
}

fn idle_train(train: u16, long: bool) -> TrainPlan {
    let packets = if long { IDLE_PACKETS_LONG } else { IDLE_PACKETS };
    TrainPlan { train, packet_bytes: ECHO_TRAIN_BYTES, pace: Pace::Count { packets, gap: IDLE_GAP } }
}

/// Waits for the flows a direction starts with: the first one it needs, the rest of the first step it can do without.
pub(crate) async fn ready(flows: &mut Flows) -> Result<(), Failure> {
    // Without an answer in time the events say nothing either, and the check below has the cause.
    let _ = timeout(limits::FLOWS, flows.ready(1)).await;
    if flows.seen().opened == 0 {
        let late = || Failure::new(Kind::Timeout, "no load connection came about in time");
        return Err(flows.seen().failure.clone().unwrap_or_else(late).mid_run());
    }
    tokio::select! {
        () = flows.ready(limits::FLOWS_AHEAD) => {}
        () = sleep(limits::FLOWS_GRACE) => {}
    }
    Ok(())
}
