//! The control channel: a WebSocket that carries `ispeed_protocol::control` messages.

use std::sync::Arc;
use std::time::Instant;

use futures_util::{SinkExt as _, StreamExt as _};
use ispeed_protocol::control::{ClientMessage, ServerMessage};
use ispeed_wire::tls::server_name;
use ispeed_wire::{LoadSocket, LoadStream};
use rustls::ClientConfig;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_util::task::AbortOnDropHandle;

use super::api::of_status;
use super::failure::{Failure, Kind};
use super::limits;
use super::net::Connected;

/// Longest message taken: a series of 224 bins in JSON is some 10 KB.
const MESSAGE_MAX_BYTES: usize = 512 * 1024;
/// Messages that may wait here: 10 s of counters every 50 ms, so that the reader never stands in the way of the socket.
const QUEUE: usize = 256;

/// Where a measuring end is and how it is spoken to.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    /// Host as in the URL: the name in the certificate and in `Host`.
    pub(crate) host: String,
    /// Port of the URL.
    pub(crate) port: u16,
    /// One configuration for all connections of a run, so that TLS sessions are resumed.
    pub(crate) tls: Arc<ClientConfig>,
}

impl Endpoint {
    /// `Host` header: the port is named where it is not the scheme's own.
    pub(crate) fn authority(&self) -> String {
        if self.port == 443 { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }

    /// TLS over a fresh connection.
    pub(crate) async fn secure(&self, connected: Connected) -> Result<LoadStream, Failure> {
        let what = format!("TLS with {}", self.authority());
        let name = server_name(&self.host).map_err(|error| Failure::new(Kind::Protocol, format!("{what}: {error}")))?;
        let handshake = TlsConnector::from(Arc::clone(&self.tls)).connect(name, LoadSocket::new(connected.stream));
        match timeout(limits::HANDSHAKE, handshake).await {
            Ok(Ok(stream)) => Ok(LoadStream::TlsClient(Box::new(stream))),
            Ok(Err(error)) => Err(Failure::io(&what, &error)),
            Err(_) => Err(Failure::new(Kind::Timeout, format!("{what}: no answer in time"))),
        }
    }

    /// A WebSocket on a connection under TLS.
    pub(crate) async fn websocket(
        &self,
        stream: LoadStream,
        path: &str,
        bearer: &str,
    ) -> Result<WebSocketStream<LoadStream>, Failure> {
        let what = format!("GET wss://{}{path}", self.authority());
        let wrong = |error: &dyn std::fmt::Display| Failure::new(Kind::Protocol, format!("{what}: {error}"));
        let mut request =
            format!("wss://{}{path}", self.authority()).into_client_request().map_err(|error| wrong(&error))?;
        let bearer = format!("Bearer {bearer}").parse().map_err(|_| wrong(&"the token is not text"))?;
        request.headers_mut().insert(http::header::AUTHORIZATION, bearer);
        let config = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_MAX_BYTES))
            .max_frame_size(Some(MESSAGE_MAX_BYTES));
        let upgrade = tokio_tungstenite::client_async_with_config(request, stream, Some(config));
        match timeout(limits::HANDSHAKE, upgrade).await {
            Ok(Ok((socket, _))) => Ok(socket),
            Ok(Err(error)) => Err(of_websocket(&what, &error)),
            Err(_) => Err(Failure::new(Kind::Timeout, format!("{what}: no answer in time"))),
        }
    }
}

fn of_websocket(what: &str, error: &WsError) -> Failure {
    match error {
        WsError::Http(response) => of_status(what, response.status(), response.body().as_deref().unwrap_or_default()),
        error => Failure::caused(what, error, Kind::Protocol),
    }
}

/// What comes from the server, and when it came.
#[derive(Debug)]
pub(crate) enum Event {
    /// A message.
    Message {
        /// When it was read.
        at: Instant,
        /// What it says.
        message: Box<ServerMessage>,
    },
    /// The channel is gone; nothing follows.
    Closed(Failure),
}

/// An open control channel. Reading and writing run in a task of their own, so that a message never waits for the
/// measurement to look.
#[derive(Debug)]
pub(crate) struct Control {
    outgoing: mpsc::Sender<ClientMessage>,
    incoming: mpsc::Receiver<Event>,
    closed: Option<Failure>,
    _task: AbortOnDropHandle<()>,
}

impl Control {
    /// Starts reading and writing.
    pub(crate) fn start(socket: WebSocketStream<LoadStream>) -> Self {
        let (outgoing, to_send) = mpsc::channel(QUEUE);
        let (events, incoming) = mpsc::channel(QUEUE);
        let task = tokio::spawn(async move {
            let end = exchange(socket, to_send, &events).await;
            // Nobody listens when the run is over.
            let _ = events.send(Event::Closed(end)).await;
        });
        Self { outgoing, incoming, closed: None, _task: AbortOnDropHandle::new(task) }
    }

    /// Hands a message to the writer.
    pub(crate) async fn send(&mut self, message: ClientMessage) -> Result<(), Failure> {
        if let Some(failure) = &self.closed {
            return Err(failure.clone());
        }
        match timeout(limits::CONTROL_SEND, self.outgoing.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Failure::new(Kind::Reset, "the control channel is closed")),
            Err(_) => Err(Failure::new(Kind::Timeout, "the control channel takes no message")),
        }
    }

    /// Hands a message to the writer if that takes it at once.
    pub(crate) fn try_send(&self, message: ClientMessage) -> bool {
        self.closed.is_none() && self.outgoing.try_send(message).is_ok()
    }

    /// The next event; cancel-safe. After [`Event::Closed`] it answers the same again.
    pub(crate) async fn next(&mut self) -> Event {
        if let Some(failure) = &self.closed {
            return Event::Closed(failure.clone());
        }
        let event = self.incoming.recv().await;
        let event = event.unwrap_or_else(|| Event::Closed(Failure::new(Kind::Reset, "the control channel ended")));
        if let Event::Closed(failure) = &event {
            self.closed = Some(failure.clone());
        }
        event
    }

    /// Why the channel is closed, if it is known to be.
    pub(crate) fn closed(&self) -> Option<&Failure> {
        self.closed.as_ref()
    }
}

async fn exchange(
    mut socket: WebSocketStream<LoadStream>,
    mut to_send: mpsc::Receiver<ClientMessage>,
    events: &mpsc::Sender<Event>,
) -> Failure {
    loop {
        tokio::select! {
            received = socket.next() => {
                let at = Instant::now();
                let message = match received {
                    Some(Ok(Message::Text(text))) => serde_json::from_str(&text).map(Box::new),
                    Some(Ok(Message::Close(_))) | None => return Failure::new(Kind::Reset, "the server closed the control channel"),
                    Some(Ok(_)) => continue,
                    Some(Err(error)) => return of_websocket("control channel", &error),
                };
                let message = match message {
                    Ok(message) => message,
                    Err(error) => return Failure::new(Kind::Protocol, format!("control channel: {error}")),
                };
                if events.send(Event::Message { at, message }).await.is_err() {
                    return Failure::new(Kind::Reset, "nobody listens");
                }
            }
            message = to_send.recv() => {
                let Some(message) = message else {
                    // A close that cannot be said any more changes nothing.
                    let _ = socket.close(None).await;
                    return Failure::new(Kind::Reset, "the run is over");
                };
                let text = match serde_json::to_string(&message) {
                    Ok(text) => text,
                    Err(error) => return Failure::new(Kind::Protocol, format!("control channel: {error}")),
                };
                if let Err(error) = socket.send(Message::text(text)).await {
                    return of_websocket("control channel", &error);
                }
            }
        }
    }
}

/// What a server's own error means for the run.
pub(crate) fn of_server_error(kind: &str, detail: &str) -> Failure {
    let meaning = match kind {
        "token_used" => Kind::TokenRefused,
        "busy" => Kind::Busy,
        kind if kind.starts_with("token") => Kind::TokenRefused,
        "protocol" => Kind::Protocol,
        _ => Kind::Server,
    };
    Failure::new(meaning, format!("the server ended the run: {detail} ({kind})"))
}
