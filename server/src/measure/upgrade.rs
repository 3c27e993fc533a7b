//! From an HTTP request to the connection below it.

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::body::{Bytes, Incoming};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use ispeed_wire::LoadStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::answer::names;
use super::refusal::Refusal;
use crate::accept::Place;
use crate::limits;

/// An upgraded connection, what was read of it already, and the place it holds.
#[derive(Debug)]
pub(crate) struct Raw {
    pub(crate) stream: LoadStream,
    pub(crate) read: Bytes,
    pub(crate) place: Arc<Place>,
}

/// The connection of an upgraded request, once the answer is sent.
pub(crate) async fn raw(upgrade: OnUpgrade, place: Arc<Place>) -> Option<Raw> {
    let upgraded = timeout(limits::UPGRADE_TIMEOUT, upgrade).await.ok()?.ok()?;
    // Every connection of this server is of this type; see `accept::connection`.
    let parts = upgraded.downcast::<TokioIo<LoadStream>>().ok()?;
    Some(Raw { stream: parts.io.into_inner(), read: parts.read_buf, place })
}

/// Whether the request asks to upgrade to `protocol`.
pub(crate) fn asks_for(request: &Request<Incoming>, protocol: &str) -> bool {
    names(request.headers(), header::CONNECTION, "upgrade") && names(request.headers(), header::UPGRADE, protocol)
}

/// `101 Switching Protocols`.
pub(crate) fn switching(protocol: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static(protocol));
    response
}

/// Checks a WebSocket handshake (RFC 6455 section 4.2.1); the answer to it.
pub(crate) fn websocket_answer(request: &Request<Incoming>) -> Result<Response<Body>, Refusal> {
    let expected = Refusal::Upgrade("a WebSocket handshake of version 13 (RFC 6455)");
    let version = request.headers().get(header::SEC_WEBSOCKET_VERSION);
    let Some(key) = request.headers().get(header::SEC_WEBSOCKET_KEY) else { return Err(expected) };
    if !asks_for(request, "websocket") || version.is_none_or(|v| v != "13") {
        return Err(expected);
    }
    let mut response = switching("websocket");
    let accept = HeaderValue::from_str(&derive_accept_key(key.as_bytes())).map_err(|_| expected)?;
    response.headers_mut().insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    Ok(response)
}

/// A WebSocket on an upgraded connection, for messages of at most `max_bytes`; the place goes along.
pub(crate) async fn websocket(raw: Raw, max_bytes: usize) -> (WebSocketStream<LoadStream>, Arc<Place>) {
    let config = WebSocketConfig::default().max_message_size(Some(max_bytes)).max_frame_size(Some(max_bytes));
    let Raw { stream, read, place } = raw;
    (WebSocketStream::from_partially_read(stream, read.to_vec(), Role::Server, Some(config)).await, place)
}
