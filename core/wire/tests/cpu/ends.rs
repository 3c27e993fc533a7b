//! Two threads with a connection between them.

use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ispeed_wire::{Budget, LoadSocket, LoadStream, Payload, SendLimits, drain_load, send, sys, tls};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{CipherSuite, ClientConfig, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_util::sync::CancellationToken;

/// What one run moves.
const LOAD_BYTES: u64 = 1_000_000_000;
pub(super) const LOAD_GBIT: f64 = LOAD_BYTES as f64 * 8e-9;
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    Down,
    Up,
}

/// How the client handles its records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Path {
    /// As rustls's stream of bytes.
    Stream,
    /// Where they lie.
    Records,
}

pub(super) struct Run {
    pub(super) client_cpu_s: f64,
    pub(super) seconds: f64,
    pub(super) gbit: f64,
}

pub(super) struct Ends {
    suite: Option<CipherSuite>,
    pub(super) client: Arc<ClientConfig>,
    pub(super) server: Arc<ServerConfig>,
}

impl Ends {
    /// Ends that agree on this suite; without one, no TLS.
    pub(super) fn new(suite: Option<CipherSuite>) -> Self {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let client = tls::client_config(Some(cert.pem().as_bytes())).unwrap();
        let server = tls::server_config(cert.pem().as_bytes(), signing_key.serialize_pem().as_bytes()).unwrap();
        let mut only = tls::provider().as_ref().clone();
        only.cipher_suites.retain(|known| suite.is_none_or(|suite| known.suite() == suite));
        let mut restricted = ServerConfig::builder_with_provider(Arc::new(only))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&server.cert_resolver));
        restricted.enable_secret_extraction = server.enable_secret_extraction;
        Self { suite, client, server: Arc::new(restricted) }
    }

    pub(super) fn name(&self) -> String {
        self.suite.map_or("no TLS".to_owned(), |suite| format!("{suite:?}"))
    }

    /// Moves [`LOAD_BYTES`] once.
    pub(super) fn run(&self, way: Way, path: Path) -> Run {
        let listener = StdListener::bind("127.0.0.1:0").unwrap();
        let to = listener.local_addr().unwrap();
        let acceptor = self.suite.map(|_| TlsAcceptor::from(Arc::clone(&self.server)));
        let connector = self.suite.map(|_| TlsConnector::from(Arc::clone(&self.client)));
        let server = std::thread::spawn(move || runtime().block_on(serve(listener, acceptor, way)));
        let client = std::thread::spawn(move || runtime().block_on(load(to, connector, way, path)));
        let run = client.join().unwrap();
        server.join().unwrap();
        run
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

async fn serve(listener: StdListener, acceptor: Option<TlsAcceptor>, way: Way) {
    listener.set_nonblocking(true).unwrap();
    let (stream, _) = TcpListener::from_std(listener).unwrap().accept().await.unwrap();
    let socket = LoadSocket::new(stream);
    let mut stream = match acceptor {
        Some(acceptor) => LoadStream::TlsServer(Box::new(acceptor.accept(socket).await.unwrap())),
        None => LoadStream::Plain(socket),
    };
    stream.write_all(b"ready").await.unwrap();
    stream.flush().await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'g');
    match way {
        Way::Down => {
            let mut stream = stream.for_load().unwrap();
            move_load(&mut stream, true).await;
            let _ = stream.read_u8().await;
        }
        Way::Up => move_load(&mut stream, false).await,
    }
}

async fn load(to: SocketAddr, connector: Option<TlsConnector>, way: Way, path: Path) -> Run {
    let socket = LoadSocket::new(TcpStream::connect(to).await.unwrap());
    let name = tls::server_name("localhost").unwrap();
    let mut stream = match connector {
        Some(connector) => LoadStream::TlsClient(Box::new(connector.connect(name, socket).await.unwrap())),
        None => LoadStream::Plain(socket),
    };
    let mut ready = [0; 5];
    stream.read_exact(&mut ready).await.unwrap();
    if path == Path::Records {
        stream = stream.for_load().unwrap();
    }
    stream.write_all(b"g").await.unwrap();
    stream.flush().await.unwrap();
    let (began, cpu_us) = (Instant::now(), sys::thread_cpu_us().unwrap());
    move_load(&mut stream, way == Way::Up).await;
    let cpu_us = sys::thread_cpu_us().unwrap() - cpu_us;
    let seconds = began.elapsed().as_secs_f64();
    stream.reset();
    Run { client_cpu_s: cpu_us as f64 / 1e6, seconds, gbit: LOAD_GBIT }
}

/// Sends, or receives until as much has come.
async fn move_load(stream: &mut LoadStream, sending: bool) {
    let (deadline, stop) = (tokio::time::Instant::now() + PATIENCE, CancellationToken::new());
    if sending {
        // A little more than the receiver waits for: the handshake's bytes do not count there.
        let budget = Budget::new(LOAD_BYTES + 1_000_000);
        let limits = SendLimits { budget, deadline, progress_timeout: PATIENCE };
        let _ = send(stream, &mut Payload::new().unwrap(), &limits, &stop).await;
    } else {
        let _ = drain_load(stream, &Budget::new(LOAD_BYTES), deadline, &stop).await;
    }
}
