//! A server that speaks other tests' protocols, and requests to it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use ispeed_server::interop::Interop;
use ispeed_server::measure::StatsSnapshot;
use ispeed_server::server::{Config, Running, start};
use ispeed_wire::{LoadSocket, LoadStream, tls};
use serde_json::Value;
use tokio::net::TcpSocket;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// No step of a test takes longer than this unless the test says so.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
pub(crate) const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Another address of this machine, of the same network prefix.
pub(crate) const THERE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

pub(crate) type Body = http_body_util::combinators::BoxBody<Bytes, std::io::Error>;

pub(crate) struct Lab {
    pub(crate) running: Option<Running>,
    pub(crate) addr: SocketAddr,
    tls: Arc<rustls::ClientConfig>,
    _dir: tempfile::TempDir,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Lab {
    pub(crate) async fn start(interop: &[Interop]) -> Self {
        Self::with(interop, |_| {}).await
    }

    pub(crate) async fn with(interop: &[Interop], configure: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::new(vec!["127.0.0.1:0".parse().unwrap()], dir.path());
        config.interop = interop.to_vec();
        configure(&mut config);
        let running = start(config).await.unwrap();
        let ca = std::fs::read(running.ca().unwrap()).unwrap();
        let tls = tls::client_config(Some(&ca)).unwrap();
        Self { addr: running.local_addrs()[0], running: Some(running), tls, _dir: dir }
    }

    pub(crate) fn stats(&self) -> StatsSnapshot {
        self.running.as_ref().unwrap().measure().stats().snapshot()
    }

    /// A TLS connection.
    pub(crate) async fn connect(&self, from: IpAddr) -> LoadStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(from, 0)).unwrap();
        let socket = LoadSocket::new(socket.connect(self.addr).await.unwrap());
        let name = tls::server_name("localhost").unwrap();
        LoadStream::TlsClient(Box::new(TlsConnector::from(Arc::clone(&self.tls)).connect(name, socket).await.unwrap()))
    }

    /// A connection for requests.
    pub(crate) async fn http(&self, from: IpAddr) -> SendRequest<Body> {
        let (sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(self.connect(from).await)).await.unwrap();
        tokio::spawn(connection.with_upgrades());
        sender
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(request(Method::GET, path, empty())).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        read(&mut self.http(HERE).await, request).await
    }
}

/// Sends a request on a kept connection and reads the answer.
pub(crate) async fn read(sender: &mut SendRequest<Body>, request: Request<Body>) -> Answer {
    let answered = async {
        sender.ready().await.unwrap();
        let (parts, body) = sender.send_request(request).await.unwrap().into_parts();
        Answer { status: parts.status, headers: parts.headers, body: body.collect().await.unwrap().to_bytes() }
    };
    timeout(PATIENCE, answered).await.expect("an answer in time")
}

/// Begins an answer; its body is the caller's to read.
pub(crate) async fn begin(sender: &mut SendRequest<Body>, path: &str) -> (StatusCode, Incoming) {
    timeout(PATIENCE, sender.ready()).await.expect("the answer before is over").unwrap();
    let response = sender.send_request(request(Method::GET, path, empty()));
    let response = timeout(PATIENCE, response).await.expect("a header in time").unwrap();
    (response.status(), response.into_body())
}

pub(crate) fn request(method: Method, path: &str, body: Body) -> Request<Body> {
    Request::builder().method(method).uri(path).header(header::HOST, "localhost:4443").body(body).unwrap()
}

pub(crate) fn empty() -> Body {
    whole(Vec::new())
}

/// A body whose length is told.
pub(crate) fn whole(bytes: Vec<u8>) -> Body {
    Full::new(Bytes::from(bytes)).map_err(|never| match never {}).boxed()
}

/// A body in chunks, of no length told.
pub(crate) fn chunked(chunks: usize, chunk_bytes: usize) -> Body {
    let chunk = Bytes::from(vec![5; chunk_bytes]);
    BodyExt::boxed(StreamBody::new(futures_util::stream::iter(
        (0..chunks).map(move |_| Ok::<_, std::io::Error>(Frame::data(chunk.clone()))),
    )))
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Status, kind and detail of a refusal.
    pub(crate) fn problem(&self) -> (u16, String, String) {
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        let text = |name: &str| problem[name].as_str().unwrap().to_owned();
        (self.status.as_u16(), text("type").replace("urn:ispeed:problem:", ""), text("detail"))
    }
}
