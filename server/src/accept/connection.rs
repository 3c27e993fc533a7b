//! One connection from its handshake to its end or its upgrade.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use ispeed_wire::{LoadSocket, LoadStream, Probe};
use tokio::net::TcpStream;
use tokio::time::{Instant, interval, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::{AnswerDeadline, Place, Security};
use crate::interop::InteropEnd;
use crate::measure::{Connection, Measure, problem};
use crate::{Peer, limits};

/// What every connection of a listen address needs.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) security: Security,
    pub(super) measure: Measure,
    pub(super) router: axum::Router,
    pub(super) interop: InteropEnd,
    pub(super) udp_port: u16,
    /// Answers under way are finished, nothing new is begun.
    pub(super) closing: CancellationToken,
    /// Everything ends now.
    pub(super) killed: CancellationToken,
}

pub(super) async fn serve(stream: TcpStream, peer: SocketAddr, place: Place, service: Arc<Service>) {
    let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
    let killed = service.killed.clone();
    let served = async {
        // A connection that is over already has none; then there is nobody to serve either.
        let Ok(local) = stream.local_addr() else { return };
        let socket = LoadSocket::new(stream);
        let Some(stream) = secure(socket, &service).await else {
            service.measure.stats().handshake_failed();
            return;
        };
        serve_http(stream, (peer, local), place, service).await;
    };
    tokio::select! {
        () = killed.cancelled() => {}
        () = served => {}
    }
}

async fn secure(socket: LoadSocket, service: &Service) -> Option<LoadStream> {
    match &service.security {
        Security::Plain => Some(LoadStream::Plain(socket)),
        Security::Tls(served) => {
            let handshake = TlsAcceptor::from(served.current()).accept(socket);
            let stream = tokio::select! {
                () = service.closing.cancelled() => return None,
                stream = timeout(limits::HANDSHAKE_TIMEOUT, handshake) => stream.ok()?.ok()?,
            };
            Some(LoadStream::TlsServer(Box::new(stream)))
        }
    }
}

async fn serve_http(stream: LoadStream, (peer, local): (SocketAddr, SocketAddr), place: Place, service: Arc<Service>) {
    let probe = stream.probe().clone();
    let answer_deadline = AnswerDeadline::default();
    let connection = Connection {
        peer,
        local: SocketAddr::new(local.ip().to_canonical(), local.port()),
        probe: probe.clone(),
        udp_port: service.udp_port,
        secure: matches!(service.security, Security::Tls(_)),
        place: Arc::new(place),
        answer_deadline: answer_deadline.clone(),
    };
    let closing = service.closing.clone();
    let http = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HEADER_TIMEOUT)
        .max_buf_size(limits::HEADER_MAX_BYTES)
        .serve_connection(
            TokioIo::new(stream),
            service_fn(move |request| answer(Arc::clone(&service), connection.clone(), request)),
        )
        .with_upgrades();
    let mut http = std::pin::pin!(http);
    let stuck = not_taking(&probe, &answer_deadline);
    let mut stuck = std::pin::pin!(stuck);
    let mut closed = false;
    loop {
        tokio::select! {
            // Errors are the peer's: a reset, half a header, a deadline. There is nobody to tell.
            _ = http.as_mut() => return,
            () = &mut stuck => return,
            () = closing.cancelled(), if !closed => {
                http.as_mut().graceful_shutdown();
                closed = true;
            }
        }
    }
}

/// Ends when bytes have been waiting for the peer and it took none of them for [`limits::ANSWER_PROGRESS_TIMEOUT`], or
/// when an answer with a deadline is not over by then.
async fn not_taking(probe: &Probe, deadline: &AnswerDeadline) {
    const LOOK_EVERY: Duration = Duration::from_secs(1);
    let mut ticks = interval(LOOK_EVERY);
    let (mut before, mut since) = (None, Instant::now());
    loop {
        ticks.tick().await;
        // Where the system does not tell what waits, a connection without any traffic counts as stuck.
        let waiting = probe.outstanding_bytes();
        let now = Some((waiting, probe.written_bytes(), probe.read_bytes()));
        if waiting == Some(0) || now != before {
            (before, since) = (now, Instant::now());
        } else if since.elapsed() >= limits::ANSWER_PROGRESS_TIMEOUT {
            return;
        }
        if deadline.has_passed() {
            return;
        }
    }
}

async fn answer(
    service: Arc<Service>,
    connection: Connection,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    if Measure::serves(request.uri().path()) {
        return Ok(service.measure.answer(request, connection));
    }
    if let Some(found) = service.interop.finds(request.uri().path()) {
        return Ok(service.interop.answer(found, &service.measure, request, connection).await);
    }
    request.extensions_mut().insert(Peer { addr: connection.peer });
    request.extensions_mut().insert(connection.probe);
    let answered = timeout(limits::REQUEST_TIMEOUT, service.router.clone().oneshot(request.map(Body::new))).await;
    Ok(match answered {
        Ok(Ok(response)) => response,
        Err(_) => problem(
            StatusCode::REQUEST_TIMEOUT,
            "timeout",
            "The request took too long.",
            format!("it was not complete after {} s", limits::REQUEST_TIMEOUT.as_secs()),
        ),
    })
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn an_answer_is_cut_at_its_deadline_however_well_it_goes_on() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let socket = LoadSocket::new(stream);
        let deadline = AnswerDeadline::default();
        let cut = |wait| timeout(wait, not_taking(socket.probe(), &deadline));
        deadline.set(Instant::now() + Duration::from_secs(60));
        assert!(cut(Duration::from_millis(1_500)).await.is_err(), "not before");
        deadline.set(Instant::now());
        assert!(cut(Duration::from_secs(10)).await.is_ok(), "then");
        deadline.clear();
        assert!(cut(Duration::from_millis(1_500)).await.is_err(), "an answer that is complete has none");
    }
}
