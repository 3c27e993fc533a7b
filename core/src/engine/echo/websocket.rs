//! Trains over a WebSocket of its own, where UDP is blocked: round trips only, for TCP hides loss and order.

use std::collections::BTreeMap;
use std::time::Instant;

use futures_util::{SinkExt as _, StreamExt as _};
use ispeed_protocol::echo::{ECHO_MIN_BYTES, EchoKind, EchoPacket};
use ispeed_wire::LoadStream;
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant as TokioInstant, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::task::AbortOnDropHandle;

use super::{Dice, EchoAnswer, LATE, OnAnswer, Train, TrainLog, TrainPlan, TrainSide, waits};
use crate::engine::clock::RunClock;

/// The task looks for a stop at least this often.
const WAKE_UP: Duration = Duration::from_millis(20);
/// Packets on their way at once; beyond, the connection is stuck and more would only queue.
const OPEN_MAX: usize = 64;

/// The connection's task and the way to give it trains, one at a time.
#[derive(Debug)]
pub(crate) struct WebsocketEcho {
    trains: mpsc::Sender<(TrainPlan, OnAnswer, TrainSide)>,
    _task: AbortOnDropHandle<()>,
}

impl WebsocketEcho {
    /// Takes over an open connection.
    pub(crate) fn new(socket: WebSocketStream<LoadStream>, echo_id: u64, key: [u8; 32], clock: RunClock) -> Self {
        let (trains, mut next) = mpsc::channel(1);
        let task = tokio::spawn(async move {
            let mut worker = Worker { socket, echo_id, key, clock };
            while let Some((plan, on_answer, side)) = next.recv().await {
                if !worker.run(plan, on_answer, side).await {
                    return;
                }
            }
        });
        Self { trains, _task: AbortOnDropHandle::new(task) }
    }

    /// Starts a train once the one before has ended.
    pub(crate) async fn start(&self, plan: TrainPlan, on_answer: OnAnswer) -> Train {
        let (train, side) = Train::pair();
        // A connection that broke leaves the side dropped and the log empty.
        let _ = self.trains.send((plan, on_answer, side)).await;
        train
    }
}

struct Worker {
    socket: WebSocketStream<LoadStream>,
    echo_id: u64,
    key: [u8; 32],
    clock: RunClock,
}

impl Worker {
    /// Runs a train; whether the connection can carry another.
    async fn run(&mut self, plan: TrainPlan, mut on_answer: OnAnswer, side: TrainSide) -> bool {
        let mut log = TrainLog { train: plan.train, ..TrainLog::default() };
        let mut open = BTreeMap::new();
        let mut dice = Dice::new();
        let mut due = TokioInstant::now();
        let mut usable = true;
        while usable && !side.abandon.is_cancelled() {
            let sending = !side.stop.is_cancelled() && !plan.pace.is_over(log.sent);
            let longest_rtt_us = || log.answers.iter().map(|answer| answer.rtt_us).max();
            if !sending && !waits(&open, log.sent, longest_rtt_us()) {
                break;
            }
            let wake = TokioInstant::now() + WAKE_UP;
            tokio::select! {
                () = sleep_until(due), if sending && open.len() < OPEN_MAX => {
                    open.insert(log.sent, Instant::now());
                    usable = self.send(&plan, log.sent).await;
                    log.sent += 1;
                    due = (due + plan.pace.gap(plan.packet_bytes, dice.roll())).max(TokioInstant::now());
                }
                received = self.socket.next() => {
                    usable = matches!(received, Some(Ok(_)));
                    if let Some(answer) = self.answer(received, plan.train, &mut open) {
                        log.answers.push(answer);
                        on_answer(&answer);
                    }
                }
                () = sleep_until(wake) => {}
            }
        }
        // A run that was dropped wants no log.
        let _ = side.log.send(log);
        usable
    }

    async fn send(&mut self, plan: &TrainPlan, sequence: u32) -> bool {
        let packet = EchoPacket {
            kind: EchoKind::Request,
            train: plan.train,
            echo_id: self.echo_id,
            sequence,
            client_send_us: self.clock.now_us(),
            server_receive_us: 0,
            server_send_us: 0,
        };
        let bytes = packet.encode(&self.key, ECHO_MIN_BYTES, b"");
        // A connection that takes no packet in the time after which one is lost carries no train.
        matches!(timeout(LATE, self.socket.send(Message::binary(bytes))).await, Ok(Ok(())))
    }

    /// Reads an answer: the packet itself, or the server's reply to it.
    fn answer(
        &self,
        received: Option<Result<Message, tokio_tungstenite::tungstenite::Error>>,
        train: u16,
        open: &mut BTreeMap<u32, Instant>,
    ) -> Option<EchoAnswer> {
        let at = Instant::now();
        let Some(Ok(Message::Binary(bytes))) = received else { return None };
        let packet = EchoPacket::decode(&bytes, &self.key).filter(|packet| packet.train == train)?;
        let sent = open.remove(&packet.sequence)?;
        let rtt = at.saturating_duration_since(sent);
        Some(EchoAnswer {
            sequence: packet.sequence,
            sent_us: self.clock.at_us(sent),
            received_us: self.clock.at_us(at),
            rtt_us: super::round_trip_us(rtt, &packet),
            server_us: None,
        })
    }
}
