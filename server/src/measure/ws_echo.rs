//! `GET /v1/echo`: the echo for those whose UDP is blocked.
//!
//! A WebSocket whose binary messages are the very packets of [`ispeed_protocol::echo`], requests with the session's id
//! and MAC, replies of the same length with this server's times. Anything else ends the connection. It is labelled as a
//! fallback by the client, and loss is not told over it, for TCP loses nothing.

use std::sync::Arc;

use axum::body::Body;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{Request, Response};
use hyper::body::Incoming;
use ispeed_protocol::echo::{ECHO_MAX_BYTES, EchoKind, EchoPacket};
use ispeed_wire::LoadStream;
use tokio::time::{sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::refusal::Refusal;
use super::sessions::Session;
use super::{Connection, Measure, answer, echo, upgrade};
use crate::limits;

pub(super) fn open(
    measure: &Measure,
    request: Request<Incoming>,
    connection: Connection,
) -> Result<Response<Body>, Refusal> {
    let bearer = answer::bearer(request.headers()).ok_or(Refusal::NoBearer)?;
    let session = measure.0.sessions.by_bearer(bearer).ok_or(Refusal::Session)?;
    let response = upgrade::websocket_answer(&request)?;
    let on_upgrade = hyper::upgrade::on(request);
    let measure = measure.clone();
    tokio::spawn(async move {
        let Some(raw) = upgrade::raw(on_upgrade, connection.place).await else { return };
        let (mut socket, _place) = upgrade::websocket(raw, ECHO_MAX_BYTES).await;
        tokio::select! {
            () = session.ended.cancelled() => {}
            () = sleep_until(session.deadline) => {}
            () = echo_all(&measure, &session, &mut socket) => {}
        }
        // The peer may have gone without a word.
        let _ = timeout(limits::CONTROL_PROGRESS_TIMEOUT, socket.close(None)).await;
    });
    Ok(response)
}

async fn echo_all(measure: &Measure, session: &Arc<Session>, socket: &mut WebSocketStream<LoadStream>) {
    let clock = measure.0.clock;
    while let Some(Ok(message)) = socket.next().await {
        let received_us = clock.us();
        let packet = match message {
            Message::Binary(packet) => packet,
            // Pings too: each is answered with as many bytes, which no budget would see.
            _ => return,
        };
        let key = session.echo.key();
        let Some(request) = EchoPacket::decode(&packet, key).filter(|p| p.kind == EchoKind::Request) else { return };
        if request.echo_id != session.echo.id()
            || !session.echo.take(request.train, request.sequence, packet.len(), false)
        {
            return;
        }
        let reply = echo::reply(&request, EchoKind::Reply, received_us, &clock, key, packet.len());
        let sent = timeout(limits::CONTROL_PROGRESS_TIMEOUT, socket.send(Message::binary(reply))).await;
        if !matches!(sent, Ok(Ok(()))) {
            return;
        }
    }
}
