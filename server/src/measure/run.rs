//! `GET /v1/measure`: admission of a run.

use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use ispeed_protocol::control::ServerMessage;
use ispeed_protocol::token;

use super::refusal::Refusal;
use super::sessions::Opened;
use super::{Connection, Measure, answer, control, network_prefix, upgrade};
use crate::limits;
use std::sync::atomic::Ordering;

/// Admits a run, or says why not; the control channel runs on after the answer.
pub(super) fn open(
    measure: &Measure,
    request: Request<Incoming>,
    connection: Connection,
) -> Result<Response<Body>, Refusal> {
    if measure.0.draining.load(Ordering::Relaxed) {
        return Err(Refusal::Shutdown);
    }
    let response = upgrade::websocket_answer(&request)?;
    let opened = admit(measure, &request, &connection)?;
    let welcome = welcome(measure, &opened, connection.udp_port);
    let on_upgrade = hyper::upgrade::on(request);
    let running = measure.clone();
    measure.0.stats.run_admitted();
    measure.0.runs.spawn(async move {
        // Named, so that it ends with the run and not before it.
        let _registered = opened.registered;
        let completed = match upgrade::raw(on_upgrade, connection.place).await {
            Some(raw) => {
                let (socket, _place) = upgrade::websocket(raw, limits::CONTROL_MESSAGE_MAX_BYTES).await;
                control::run(&running, opened.session, socket, welcome).await
            }
            None => false,
        };
        running.0.stats.run_ended(completed);
    });
    Ok(response)
}

fn admit(measure: &Measure, request: &Request<Incoming>, connection: &Connection) -> Result<Opened, Refusal> {
    let inner = &measure.0;
    let text = answer::bearer(request.headers()).ok_or(Refusal::NoBearer)?;
    let now = inner.clock.utc();
    let claims = token::verify(text, &inner.config.issuers, &inner.config.server_id, now)?;
    let prefix = network_prefix(connection.peer.ip());
    let reservation = inner.admission.admit(&claims, &prefix, inner.monitor.look().egress_bps, now)?;
    let asn = inner.config.asn.as_ref().and_then(|look_up| look_up(connection.peer.ip()));
    inner
        .sessions
        .open(claims, prefix, asn, reservation, &inner.cancelled)
        .map_err(|_| Refusal::Busy("the system has no random numbers"))
}

fn welcome(measure: &Measure, opened: &Opened, udp_port: u16) -> ServerMessage {
    let inner = &measure.0;
    ServerMessage::Welcome {
        session: opened.bearer.clone(),
        echo_id: opened.session.echo.id(),
        echo_key: opened.echo_key_text.clone(),
        udp_port,
        server_id: inner.config.server_id.clone(),
        evidence_key: inner.config.evidence_key.public().text(),
        server_time: inner.clock.utc(),
        network_prefix: opened.session.network_prefix.clone(),
        asn: opened.session.asn,
        congestion_control: inner.congestion_control.clone(),
    }
}
