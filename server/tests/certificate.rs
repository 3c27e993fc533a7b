//! A certificate that is renewed under a running server, seen by TLS clients.
#![allow(clippy::unwrap_used, reason = "a failed unwrap here is a failed test, in helpers too")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ispeed_server::accept::Renewed;
use ispeed_server::server::{Certificate, Config, Running, start};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, StreamOwned};

struct Pair {
    cert: String,
    der: CertificateDer<'static>,
    key: String,
}

impl Pair {
    fn make() -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        Self { cert: made.cert.pem(), der: made.cert.der().clone(), key: made.signing_key.serialize_pem() }
    }

    fn trusted(&self) -> Arc<ClientConfig> {
        ispeed_wire::tls::client_config(Some(self.cert.as_bytes())).unwrap()
    }
}

struct World {
    running: Running,
    files: (PathBuf, PathBuf),
    _folder: tempfile::TempDir,
}

impl World {
    async fn with(pair: &Pair) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
        put(&files.0, &pair.cert);
        put(&files.1, &pair.key);
        let certificate = Certificate::Files { cert: files.0.clone(), key: files.1.clone() };
        let config = Config { certificate, ..Config::new(vec!["127.0.0.1:0".parse().unwrap()], folder.path()) };
        Self { running: start(config).await.unwrap(), files, _folder: folder }
    }

    fn addr(&self) -> SocketAddr {
        self.running.local_addrs()[0]
    }

    /// A finished request on a new connection.
    async fn connect(&self, config: &Arc<ClientConfig>) -> Result<Client, String> {
        let (addr, config) = (self.addr(), Arc::clone(config));
        tokio::task::spawn_blocking(move || Client::connect(addr, config)).await.unwrap()
    }
}

/// As renewal programs do it: the old content or the new, never half of one.
fn put(path: &Path, text: &str) {
    let beside = path.with_extension("new");
    fs::write(&beside, text).unwrap();
    fs::rename(beside, path).unwrap();
}

#[derive(Debug)]
struct Client(StreamOwned<ClientConnection, TcpStream>);

impl Client {
    fn connect(addr: SocketAddr, config: Arc<ClientConfig>) -> Result<Self, String> {
        let tcp = TcpStream::connect(addr).unwrap();
        tcp.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let tls = ClientConnection::new(config, ServerName::try_from("localhost").unwrap()).unwrap();
        let mut client = Self(StreamOwned::new(tls, tcp));
        client.ask()?;
        Ok(client)
    }

    /// One request; the connection stays open.
    fn ask(&mut self) -> Result<(), String> {
        self.0.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").map_err(|e| e.to_string())?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"ok\n") {
            let mut part = [0; 1024];
            match self.0.read(&mut part).map_err(|e| e.to_string())? {
                0 => return Err("closed".to_owned()),
                n => answer.extend_from_slice(&part[..n]),
            }
        }
        if answer.starts_with(b"HTTP/1.1 200") { Ok(()) } else { Err(String::from_utf8(answer).unwrap()) }
    }

    fn sees(&self) -> CertificateDer<'static> {
        self.0.conn.peer_certificates().unwrap()[0].clone().into_owned()
    }

    fn handshake(&self) -> HandshakeKind {
        self.0.conn.handshake_kind().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_connections_get_the_new_certificate_and_old_ones_go_on() {
    let (first, second) = (Pair::make(), Pair::make());
    let world = World::with(&first).await;
    let mut old = world.connect(&first.trusted()).await.unwrap();
    assert_eq!(old.sees(), first.der);

    put(&world.files.0, &second.cert);
    put(&world.files.1, &second.key);
    assert!(matches!(world.running.renew_certificate().await, Some(Renewed::Taken)));
    let new = world.connect(&second.trusted()).await.unwrap();
    assert_eq!(new.sees(), second.der);
    let error = world.connect(&first.trusted()).await.unwrap_err();
    assert!(error.contains("invalid peer certificate"), "{error}");

    let old = tokio::task::spawn_blocking(move || {
        old.ask().unwrap();
        old
    });
    assert_eq!(old.await.unwrap().sees(), first.der);
    world.running.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_of_the_old_certificate_does_not_hide_the_new_one() {
    let (first, second) = (Pair::make(), Pair::make());
    let world = World::with(&first).await;
    let both = ispeed_wire::tls::client_config(Some(format!("{}{}", first.cert, second.cert).as_bytes())).unwrap();
    assert_eq!(world.connect(&both).await.unwrap().handshake(), HandshakeKind::Full);
    assert_eq!(world.connect(&both).await.unwrap().handshake(), HandshakeKind::Resumed, "else this tests nothing");

    put(&world.files.1, &second.key);
    put(&world.files.0, &second.cert);
    assert!(matches!(world.running.renew_certificate().await, Some(Renewed::Taken)));
    let after = world.connect(&both).await.unwrap();
    assert_eq!((after.handshake(), after.sees()), (HandshakeKind::Full, second.der));
    assert_eq!(world.connect(&both).await.unwrap().handshake(), HandshakeKind::Resumed, "with a ticket of its own");
    world.running.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_of_another_certificate_changes_nothing() {
    let (first, second) = (Pair::make(), Pair::make());
    let world = World::with(&first).await;
    put(&world.files.1, &second.key);
    let Some(Renewed::Kept(error)) = world.running.renew_certificate().await else { panic!("it was taken") };
    assert!(error.to_string().contains("chain.pem") && error.to_string().contains("key.pem"), "{error}");
    assert_eq!(world.connect(&first.trusted()).await.unwrap().sees(), first.der);
    put(&world.files.0, "no certificate\n");
    assert!(matches!(world.running.renew_certificate().await, Some(Renewed::Kept(_))));
    assert_eq!(world.connect(&first.trusted()).await.unwrap().sees(), first.der);

    put(&world.files.0, &second.cert);
    assert!(matches!(world.running.renew_certificate().await, Some(Renewed::Taken)));
    assert_eq!(world.connect(&second.trusted()).await.unwrap().sees(), second.der);
    world.running.shutdown().await.unwrap();
}
