//! The accept loop: TCP, TLS, HTTP/1.1, limits, graceful shutdown.
//!
//! Own loop on hyper, because a load connection has to give its socket back, and because the deadlines of
//! `axum::serve` end neither half a header nor a peer that stops reading. Addresses are those of the socket; no header
//! such as `X-Forwarded-For` is ever believed.

mod certificate;
mod connection;
mod deadline;
mod listen;
mod places;
mod self_signed;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::interop::{Interop, InteropEnd};
use crate::limits;
use crate::measure::{EchoServer, Measure};
pub use certificate::{PairFiles, Renewal, RenewalCounts, RenewalError, Renewed, Served};
use connection::Service;
pub(crate) use deadline::AnswerDeadline;
use listen::Listening;
pub(crate) use places::Place;
use places::Places;
pub use self_signed::{CERT_FILE, KEY_FILE, SelfSigned, self_signed};

/// Why the server could not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServeError {
    /// No address to listen on.
    #[error("no address to listen on; expected at least one, such as [::]:8443")]
    NoAddress,
    /// An address that cannot be listened on.
    #[error("cannot listen on {addr}: {source}")]
    Listen {
        /// Which.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A file of the certificate.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// One half of a certificate and its key.
    #[error(
        "{there} is there but {missing} is not; restore it, or remove the other to have a new pair made",
        there = there.display(), missing = missing.display()
    )]
    HalfPair {
        /// The file that is there.
        there: PathBuf,
        /// The file that is not.
        missing: PathBuf,
    },
    /// A certificate that could not be made; the public name is the likely cause.
    #[error("the certificate cannot be made: {0}")]
    Certificate(#[from] rcgen::Error),
    /// No thread for the UDP echo.
    #[error("cannot start the UDP echo: {0}")]
    Echo(io::Error),
}

/// How connections are protected.
#[derive(Clone, Debug)]
pub enum Security {
    /// TLS with the configuration that is current when a handshake begins.
    Tls(Served),
    /// None: tests, and servers behind nothing but loopback.
    Plain,
}

/// Where and how to serve.
#[derive(Clone, Debug)]
pub struct ServeConfig {
    /// Addresses; port 0 takes a free one. `[::]` takes IPv4 too unless an IPv4 address is listed as well.
    pub listen: Vec<SocketAddr>,
    /// TLS or not.
    pub security: Security,
    /// Connections at once, see [`limits::CONNECTIONS_MAX`].
    pub connections_max: usize,
    /// Connections at once from one network, see [`limits::CONNECTIONS_PER_PREFIX_MAX`].
    pub connections_per_prefix_max: usize,
    /// Other speed tests' protocols to speak; none of their addresses exists without.
    pub interop: Vec<Interop>,
    /// Host name clients reach this server by, where the addresses they are given must not depend on how they came.
    pub public_name: Option<String>,
}

impl ServeConfig {
    /// These addresses with the limits of [`limits`].
    pub fn new(listen: Vec<SocketAddr>, security: Security) -> Self {
        Self {
            listen,
            security,
            connections_max: limits::CONNECTIONS_MAX,
            connections_per_prefix_max: limits::CONNECTIONS_PER_PREFIX_MAX,
            interop: Vec::new(),
            public_name: None,
        }
    }
}

/// A server that runs. Dropping it ends it at once; [`Running::shutdown`] lets tests finish.
#[derive(Debug)]
pub struct Running {
    addrs: Vec<(SocketAddr, u16)>,
    measure: Measure,
    accepting: CancellationToken,
    closing: CancellationToken,
    killed: CancellationToken,
    tasks: TaskTracker,
    _echoes: Vec<EchoServer>,
}

/// Starts serving: `/v1/measure`, `/v1/load/…` and `/v1/echo` are `measure`'s, the addresses of the protocols in
/// [`ServeConfig::interop`] those protocols', everything else is `router`'s.
///
/// [`crate::Peer`] and the socket's [`ispeed_wire::Probe`] are in the extensions of every request.
///
/// # Errors
/// When an address cannot be listened on.
#[expect(clippy::unused_async, reason = "the sockets register with the runtime, so it has to be called inside one")]
pub async fn serve(config: ServeConfig, measure: Measure, router: axum::Router) -> Result<Running, ServeError> {
    if config.listen.is_empty() {
        return Err(ServeError::NoAddress);
    }
    let allowed = ispeed_wire::sys::raise_open_files_limit()
        .and_then(|n| usize::try_from(n).ok())
        .map_or(usize::MAX, |n| n.saturating_sub(limits::DESCRIPTORS_KEPT).max(1));
    let places = Places::new(config.connections_max.min(allowed), config.connections_per_prefix_max);
    let mut running = Running {
        addrs: Vec::new(),
        measure: measure.clone(),
        accepting: CancellationToken::new(),
        closing: CancellationToken::new(),
        killed: CancellationToken::new(),
        tasks: TaskTracker::new(),
        _echoes: Vec::new(),
    };
    let interop = InteropEnd::new(config.interop.clone(), config.public_name.clone());
    for (listening, echo) in open_all(&config.listen, &measure)? {
        running.addrs.push((listening.addr, listening.udp_port));
        running._echoes.push(echo);
        let service = Service {
            security: config.security.clone(),
            measure: measure.clone(),
            router: router.clone(),
            interop: interop.clone(),
            udp_port: listening.udp_port,
            closing: running.closing.clone(),
            killed: running.killed.clone(),
        };
        running.tasks.spawn(accept_all(
            listening,
            Arc::new(service),
            places.clone(),
            running.tasks.clone(),
            running.accepting.clone(),
        ));
    }
    running.tasks.close();
    Ok(running)
}

fn open_all(listen: &[SocketAddr], measure: &Measure) -> Result<Vec<(Listening, EchoServer)>, ServeError> {
    let v6_only = listen.iter().any(SocketAddr::is_ipv4);
    listen
        .iter()
        .map(|&addr| {
            let listening = listen::listen(addr, v6_only).map_err(|source| ServeError::Listen { addr, source })?;
            let udp = listening.udp.try_clone().map_err(|source| ServeError::Listen { addr, source })?;
            Ok((listening, measure.echo_on(udp).map_err(ServeError::Echo)?))
        })
        .collect()
}

async fn accept_all(
    listening: Listening,
    service: Arc<Service>,
    places: Places,
    tasks: TaskTracker,
    accepting: CancellationToken,
) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = accepting.cancelled() => return,
            accepted = listening.tcp.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => match places.take(peer.ip()) {
                Some(place) => drop(tasks.spawn(connection::serve(stream, peer, place, Arc::clone(&service)))),
                None => service.measure.stats().connection_refused(),
            },
            Err(e) => {
                tracing::warn!(addr = %listening.addr, "accept: {e}");
                sleep(limits::ACCEPT_PAUSE).await;
            }
        }
    }
}

impl Running {
    /// Addresses listened on, ports filled in.
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        self.addrs.iter().map(|(addr, _)| *addr).collect()
    }

    /// Port of the UDP echo of the first address.
    pub fn udp_port(&self) -> u16 {
        self.addrs.first().map_or(0, |(_, port)| *port)
    }

    /// Ends in order: no new run is admitted; running tests finish, with everything they still need to open; then no
    /// new connection is taken, answers under way are finished, and what is left is cut. Bounded by
    /// [`limits::SHUTDOWN_RUNS_WAIT`] and [`limits::SHUTDOWN_ANSWERS_WAIT`].
    pub async fn shutdown(self) {
        self.shutdown_within(limits::SHUTDOWN_RUNS_WAIT, limits::SHUTDOWN_ANSWERS_WAIT).await;
    }

    /// As [`Running::shutdown`] with other bounds.
    pub async fn shutdown_within(self, runs_wait: Duration, answers_wait: Duration) {
        if timeout(runs_wait, self.measure.finish_runs()).await.is_err() {
            tracing::warn!("shutdown: tests were still running after {runs_wait:?} and are cut");
        }
        self.accepting.cancel();
        self.closing.cancel();
        self.measure.cancel_runs();
        if timeout(answers_wait, self.tasks.wait()).await.is_err() {
            self.killed.cancel();
            self.tasks.wait().await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.accepting.cancel();
        self.closing.cancel();
        self.killed.cancel();
    }
}
