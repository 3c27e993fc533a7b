//! `GET /v1/load/{down|up}/{flow}`: from the request to the raw connection.

use std::sync::Arc;

use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use ispeed_protocol::control::LOAD_UPGRADE;
use ispeed_protocol::direction::Direction;
use ispeed_wire::sys;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::time::sleep_until;

use super::refusal::Refusal;
use super::sessions::{FlowNumber, Session};
use super::upgrade::Raw;
use super::{Connection, Measure, answer, download, upgrade, upload};

/// A load flow on its raw connection.
#[derive(Debug)]
pub(super) struct LoadFlow {
    pub(super) measure: Measure,
    pub(super) session: Arc<Session>,
    pub(super) raw: Raw,
    _number: FlowNumber,
}

/// Upgrades a load flow, or says why not.
pub(super) fn open(
    measure: &Measure,
    request: Request<Incoming>,
    connection: Connection,
) -> Result<Response<Body>, Refusal> {
    let (direction, number) = parse(request.uri().path())?;
    let bearer = answer::bearer(request.headers()).ok_or(Refusal::NoBearer)?;
    let session = measure.0.sessions.by_bearer(bearer).ok_or(Refusal::Session)?;
    if session.side(direction).stop.is_cancelled() {
        return Err(Refusal::Session);
    }
    if !upgrade::asks_for(&request, LOAD_UPGRADE) {
        return Err(Refusal::Upgrade("Connection: Upgrade and Upgrade: ispeed-load/1"));
    }
    let max = session.claims.max_streams;
    if number >= max {
        return Err(Refusal::Flow(format!("flow {number}; expected a number below {max}, as the token allows")));
    }
    let number = session.take_flow(direction, number).ok_or(Refusal::FlowOpen(number))?;
    measure.0.stats.flow_opened();
    prepare(measure, &session, direction, &connection);
    let (measure, flow_session) = (measure.clone(), Arc::clone(&session));
    let on_upgrade = hyper::upgrade::on(request);
    session.side(direction).tasks.spawn(async move {
        let Some(raw) = upgrade::raw(on_upgrade, connection.place).await else { return };
        let flow = LoadFlow { measure, session: flow_session, raw, _number: number };
        match direction {
            Direction::Down => download::serve(flow).await,
            Direction::Up => upload::serve(flow).await,
        }
    });
    Ok(upgrade::switching(LOAD_UPGRADE))
}

/// Before the answer: the congestion control while nothing flows, and an upload's zero line, because its payload may
/// arrive before this end has noticed that its answer is sent.
fn prepare(measure: &Measure, session: &Session, direction: Direction, connection: &Connection) {
    let side = session.side(direction);
    if direction == Direction::Down {
        // Refused where the kernel has it not; the result tells what was used.
        let _ = connection.probe.set_congestion_control(&measure.0.config.limits.congestion_control);
    } else {
        side.meter.add(connection.probe.clone());
        side.note_congestion_control(&connection.probe);
    }
}

fn parse(path: &str) -> Result<(Direction, u8), Refusal> {
    let wrong = || Refusal::Flow(format!("{path:?}; expected /v1/load/down/0 or /v1/load/up/0"));
    let (direction, number) = path.strip_prefix("/v1/load/").and_then(|rest| rest.split_once('/')).ok_or_else(wrong)?;
    let direction = match direction {
        "down" => Direction::Down,
        "up" => Direction::Up,
        _ => return Err(wrong()),
    };
    Ok((direction, number.parse().map_err(|_| wrong())?))
}

impl LoadFlow {
    /// Waits for the client's `Start`; false when the run is over first.
    pub(super) async fn started(&self, direction: Direction) -> bool {
        let side = self.session.side(direction);
        let mut started = side.started.subscribe();
        tokio::select! {
            biased;
            () = side.stop.cancelled() => false,
            () = sleep_until(self.session.deadline) => false,
            started = started.wait_for(|started| *started) => started.is_ok(),
        }
    }
}

/// What a socket of this system really uses when `wanted` is asked for.
pub(super) fn effective_congestion_control(wanted: &str) -> Option<String> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).ok()?;
    let socket = SockRef::from(&socket);
    let _ = sys::set_congestion_control(&socket, wanted);
    sys::congestion_control(&socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        assert_eq!(parse("/v1/load/down/0"), Ok((Direction::Down, 0)));
        assert_eq!(parse("/v1/load/up/15"), Ok((Direction::Up, 15)));
        for wrong in
            ["/v1/load/", "/v1/load/down", "/v1/load/down/", "/v1/load/down/256", "/v1/load/side/1", "/v1/load/up/1/"]
        {
            assert_eq!(parse(wrong).unwrap_err().kind(), "flow", "{wrong}");
        }
    }
}
