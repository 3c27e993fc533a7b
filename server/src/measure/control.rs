//! The control channel of a run, from `Welcome` to its end.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use ispeed_protocol::control::{CUBIC, ClientMessage, ServerMessage};
use ispeed_protocol::direction::Direction;
use ispeed_wire::LoadStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::recorder::{Recorder, Reports};
use super::sessions::Session;
use super::{Measure, evidence};
use crate::limits;

/// Time for tasks that were told to end.
const END_WAIT: Duration = Duration::from_secs(1);
/// Time between two looks whether the client's resets have come.
const TAIL_LOOK: Duration = Duration::from_millis(5);

/// Why a run ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// The client was done.
    Finished,
    /// The control connection ended.
    Gone,
    /// The token's seconds are over.
    Seconds,
    /// The server is ending.
    Shutdown,
    /// The client broke the protocol.
    Protocol(String),
}

struct Control {
    measure: Measure,
    session: Arc<Session>,
    out: mpsc::Sender<ServerMessage>,
    running: Option<(Direction, Recorder)>,
    done: Vec<Direction>,
}

/// Runs the control channel; true when the client finished.
pub(super) async fn run(
    measure: &Measure,
    session: Arc<Session>,
    socket: WebSocketStream<LoadStream>,
    welcome: ServerMessage,
) -> bool {
    let (sink, mut incoming) = socket.split();
    let (out, queue) = mpsc::channel(limits::CONTROL_QUEUE);
    let writer = tokio::spawn(write_all(sink, queue, Arc::clone(&session)));
    let mut control =
        Control { measure: measure.clone(), session: Arc::clone(&session), out, running: None, done: Vec::new() };
    control.tell(welcome).await;
    let end = control.talk(&mut incoming).await;
    tracing::debug!(token = %session.claims.id, ?end, "run ended");
    control.end(&end).await;
    drop(control);
    // The writer ends when the queue is empty and closes; then the client's own close is awaited, because closing a
    // socket with unread bytes would reset it and take the last messages along.
    let _ = timeout(limits::CONTROL_PROGRESS_TIMEOUT, writer).await;
    let _ = timeout(END_WAIT, async { while let Some(Ok(_)) = incoming.next().await {} }).await;
    end == End::Finished
}

impl Control {
    async fn talk(&mut self, incoming: &mut (impl Stream<Item = Result<Message, Error>> + Unpin)) -> End {
        let session = Arc::clone(&self.session);
        for _ in 0..limits::CONTROL_MESSAGES_MAX {
            let message = tokio::select! {
                biased;
                () = self.measure.0.cancelled.cancelled() => return End::Shutdown,
                () = session.ended.cancelled() => return End::Gone,
                () = sleep_until(session.deadline) => return End::Seconds,
                message = incoming.next() => message,
            };
            let text = match message {
                Some(Ok(Message::Text(text))) => text,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                Some(Ok(Message::Binary(_) | Message::Frame(_))) => {
                    return End::Protocol("a binary message; expected JSON text".to_owned());
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return End::Gone,
            };
            let done = match serde_json::from_str(&text) {
                Ok(ClientMessage::Start { direction }) => self.start(direction),
                Ok(ClientMessage::SendByCubic) => self.send_by_cubic(),
                Ok(ClientMessage::Stop { direction, reason: _ }) => self.stop(direction).await,
                Ok(ClientMessage::Finish) => return End::Finished,
                Err(e) => Err(format!("not a control message: {e}")),
            };
            if let Err(wrong) = done {
                return End::Protocol(wrong);
            }
        }
        End::Protocol(format!("more than {} messages", limits::CONTROL_MESSAGES_MAX))
    }

    fn start(&mut self, direction: Direction) -> Result<(), String> {
        if let Some((running, _)) = &self.running {
            return Err(format!("start of {direction:?} while {running:?} runs; expected its stop first"));
        }
        if self.done.contains(&direction) {
            return Err(format!("a second start of {direction:?}; a direction runs once"));
        }
        let inner = &self.measure.0;
        let side = self.session.side(direction);
        let reports =
            Reports { out: self.out.clone(), stats: Arc::clone(&inner.stats), monitor: Arc::clone(&inner.monitor) };
        let recorder = Recorder::start(direction, side.meter.clone(), inner.clock.utc(), reports)
            .map_err(|e| format!("the server cannot record: {e}"))?;
        self.running = Some((direction, recorder));
        side.started.send_replace(true);
        Ok(())
    }

    fn send_by_cubic(&self) -> Result<(), String> {
        if !matches!(self.running, Some((Direction::Down, _))) {
            return Err("send_by_cubic while no download runs; expected its start first".to_owned());
        }
        self.session.side(Direction::Down).send_by(CUBIC);
        Ok(())
    }

    async fn stop(&mut self, direction: Direction) -> Result<(), String> {
        match self.running.take() {
            Some((running, recorder)) if running == direction => {
                self.finish_direction(direction, recorder).await;
                Ok(())
            }
            other => {
                self.running = other;
                Err(format!("stop of {direction:?}, which does not run"))
            }
        }
    }

    /// Ends the flows, waits for the tail, tells what was counted.
    async fn finish_direction(&mut self, direction: Direction, recorder: Recorder) {
        self.done.push(direction);
        recorder.quiet();
        let side = self.session.side(direction);
        if direction == Direction::Up {
            // What was on its way when the client reset its sockets comes before the resets.
            let latest = (Instant::now() + limits::TAIL_WAIT).min(self.session.deadline);
            while side.meter.loaded_open() > 0 && Instant::now() < latest {
                sleep(TAIL_LOOK).await;
            }
        }
        side.stop.cancel();
        side.tasks.close();
        if timeout(END_WAIT, side.tasks.wait()).await.is_err() {
            tracing::warn!(?direction, "load flows did not end in time");
        }
        let inner = &self.measure.0;
        let recorded = recorder.finish();
        match evidence::stopped(&self.session, direction, recorded, &inner.config.server_id, &inner.config.evidence_key)
        {
            Ok(stopped) => self.tell(stopped).await,
            Err(e) => tracing::error!("evidence cannot be signed: {e}"),
        }
    }

    async fn end(&mut self, end: &End) {
        // What was measured until here is told even when the run ends otherwise than the client wanted.
        if let Some((direction, recorder)) = self.running.take() {
            self.finish_direction(direction, recorder).await;
        }
        let (kind, detail) = match end {
            End::Finished => return self.tell(ServerMessage::Echoes { trains: self.session.echo.trains() }).await,
            End::Gone => return,
            End::Seconds => {
                let seconds = self.session.claims.max_seconds;
                ("budget", format!("the token's {seconds} s are over"))
            }
            End::Shutdown => ("shutdown", "the server is shutting down".to_owned()),
            End::Protocol(wrong) => ("protocol", wrong.clone()),
        };
        self.tell(ServerMessage::Error { kind: kind.to_owned(), detail }).await;
    }

    /// Queues a message; a closed queue is a connection that has ended.
    async fn tell(&self, message: ServerMessage) {
        let _ = self.out.send(message).await;
    }
}

/// Sends what is queued; ends the run when the connection takes nothing any more.
async fn write_all(
    mut sink: impl Sink<Message, Error = Error> + Unpin,
    mut queue: mpsc::Receiver<ServerMessage>,
    session: Arc<Session>,
) {
    while let Some(message) = queue.recv().await {
        // What waits goes in one segment: on a slow link each would be acknowledged.
        let sent = async {
            let mut next = Some(message);
            while let Some(message) = next {
                if let Ok(text) = serde_json::to_string(&message) {
                    sink.feed(Message::text(text)).await?;
                }
                next = queue.try_recv().ok();
            }
            sink.flush().await
        };
        if !matches!(timeout(limits::CONTROL_PROGRESS_TIMEOUT, sent).await, Ok(Ok(()))) {
            session.ended.cancel();
            return;
        }
    }
    let _ = timeout(limits::CONTROL_PROGRESS_TIMEOUT, sink.close()).await;
}
