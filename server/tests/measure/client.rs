//! A small client of the measuring end, written by hand: real sockets, real TLS, loopback only.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use futures_util::{SinkExt, StreamExt};
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use ispeed_protocol::control::{ClientMessage, EchoTrain, GO, LOAD_UPGRADE, SenderSummary, ServerMessage};
use ispeed_protocol::direction::{Direction, Series, StopReason};
use ispeed_protocol::evidence::Evidence;
use ispeed_protocol::problem::Problem;
use ispeed_protocol::signing::SecretKey;
use ispeed_protocol::time::UtcMicros;
use ispeed_protocol::token::{self, TokenClaims};
use ispeed_server::Peer;
use ispeed_server::accept::{Running, Security, ServeConfig, self_signed, serve};
use ispeed_server::measure::{Measure, MeasureConfig, MeasureLimits};
use ispeed_wire::{LoadSocket, LoadStream, tls};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::{Message, protocol::Role};
use uuid::Uuid;

pub(crate) const SERVER_ID: &str = "test-end";
/// No step of a test takes longer than this unless the test says so.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A server, and what a client needs for it.
pub(crate) struct Lab {
    pub(crate) running: Option<Running>,
    pub(crate) measure: Measure,
    pub(crate) addr: SocketAddr,
    pub(crate) udp: SocketAddr,
    pub(crate) issuer: SecretKey,
    tls: Arc<rustls::ClientConfig>,
    _dir: tempfile::TempDir,
}

impl Lab {
    pub(crate) async fn start() -> Self {
        Self::with(MeasureLimits::default(), |_| {}).await
    }

    pub(crate) async fn with(limits: MeasureLimits, configure: impl FnOnce(&mut ServeConfig)) -> Self {
        let issuer = SecretKey::from_bytes(&[7; 32]);
        let dir = tempfile::tempdir().unwrap();
        let pair = self_signed(dir.path(), &[], None).unwrap();
        let server_tls = tls::server_config(&pair.cert_pem, &pair.key_pem).unwrap();
        let measure = Measure::new(MeasureConfig {
            server_id: SERVER_ID.into(),
            evidence_key: SecretKey::from_bytes(&[8; 32]),
            issuers: vec![issuer.public()],
            asn: Some(Arc::new(|_| Some(64_500))),
            limits,
        });
        let router = axum::Router::new()
            .route("/big", get(|| async { vec![7u8; 64 << 20] }))
            .route("/peer", get(|Extension(peer): Extension<Peer>| async move { peer.addr.to_string() }));
        let mut config = ServeConfig::new(vec!["127.0.0.1:0".parse().unwrap()], Security::Tls(server_tls.into()));
        configure(&mut config);
        let running = serve(config, measure.clone(), router).await.unwrap();
        let addr = running.local_addrs()[0];
        let udp = SocketAddr::new(addr.ip(), running.udp_port());
        let tls = tls::client_config(Some(&pair.cert_pem)).unwrap();
        Self { running: Some(running), measure, addr, udp, issuer, tls, _dir: dir }
    }

    pub(crate) fn claims(&self) -> TokenClaims {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let now = UtcMicros(since.as_micros().try_into().unwrap());
        TokenClaims {
            id: Uuid::now_v7(),
            issuer: self.issuer.public().text(),
            audience: SERVER_ID.into(),
            sample_id: Uuid::now_v7(),
            device_id: Uuid::now_v7().simple().to_string(),
            issued_at: now,
            start_by: now.plus_micros(60_000_000),
            max_bytes_down: 250_000_000,
            max_bytes_up: 100_000_000,
            max_seconds: 30,
            max_streams: 16,
        }
    }

    pub(crate) fn token(&self, claims: &TokenClaims) -> String {
        token::issue(claims, &self.issuer)
    }

    /// A TLS connection.
    pub(crate) async fn connect(&self) -> LoadStream {
        let socket = LoadSocket::new(TcpStream::connect(self.addr).await.unwrap());
        let name = tls::server_name("localhost").unwrap();
        let stream = TlsConnector::from(Arc::clone(&self.tls)).connect(name, socket).await.unwrap();
        LoadStream::TlsClient(Box::new(stream))
    }

    /// Asks for an upgrade; the raw connection, or the refusal.
    pub(crate) async fn upgrade(&self, request: Request<Empty<Bytes>>) -> Result<(LoadStream, Bytes), Refused> {
        let io = TokioIo::new(self.connect().await);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
        tokio::spawn(connection.with_upgrades());
        let response = sender.send_request(request).await.unwrap();
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let parts = hyper::upgrade::on(response).await.unwrap().downcast::<TokioIo<LoadStream>>().unwrap();
            return Ok((parts.io.into_inner(), parts.read_buf));
        }
        let status = response.status();
        let retry_after = response.headers().get(header::RETRY_AFTER).is_some();
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let problem: Problem = serde_json::from_slice(&body).unwrap();
        let kind = problem.kind.strip_prefix("urn:ispeed:problem:").unwrap().to_owned();
        assert_eq!(problem.status, status.as_u16());
        Err(Refused { status, kind, retry_after })
    }

    /// Opens a run.
    pub(crate) async fn run(&self, claims: &TokenClaims) -> Result<Run, Refused> {
        self.run_with(&self.token(claims)).await
    }

    pub(crate) async fn run_with(&self, token: &str) -> Result<Run, Refused> {
        let mut socket = self.websocket("/v1/measure", token).await?;
        let ServerMessage::Welcome { session, echo_id, echo_key, udp_port, network_prefix, asn, evidence_key, .. } =
            next(&mut socket).await
        else {
            panic!("expected Welcome");
        };
        assert_eq!(network_prefix, "127.0.0.0/24");
        assert_eq!(asn, Some(64_500));
        assert_eq!(udp_port, self.udp.port());
        assert_eq!(evidence_key, self.measure.evidence_public_key().text());
        let echo_key = B64.decode(echo_key).unwrap().try_into().unwrap();
        Ok(Run { session, echo_id, echo_key, socket, side_messages: Vec::new() })
    }

    /// Opens a load flow.
    pub(crate) async fn flow(&self, session: &str, direction: &str, number: u8) -> Result<LoadStream, Refused> {
        let request = Request::get(format!("/v1/load/{direction}/{number}"))
            .header(header::HOST, "localhost")
            .header(header::AUTHORIZATION, format!("Bearer {session}"))
            .header(header::CONNECTION, "Upgrade")
            .header(header::UPGRADE, LOAD_UPGRADE)
            .header("x-forwarded-for", "8.8.8.8")
            .body(Empty::new())
            .unwrap();
        self.upgrade(request).await.map(|(stream, _)| stream)
    }

    pub(crate) async fn websocket(&self, path: &str, bearer: &str) -> Result<WebSocketStream<LoadStream>, Refused> {
        let (stream, read) = self.upgrade(websocket_request(path, bearer)).await?;
        Ok(WebSocketStream::from_partially_read(stream, read.to_vec(), Role::Client, None).await)
    }

    /// Opens download flows and says go on each.
    pub(crate) async fn go(&self, run: &Run, flows: u8) -> Vec<LoadStream> {
        let mut streams = Vec::new();
        for number in 0..flows {
            let mut stream = self.flow(&run.session, "down", number).await.unwrap();
            stream.write_all(&[GO]).await.unwrap();
            stream.flush().await.unwrap();
            streams.push(stream);
        }
        streams
    }
}

/// A WebSocket handshake with a bearer, and a header nobody may believe.
fn websocket_request(path: &str, bearer: &str) -> Request<Empty<Bytes>> {
    Request::get(path)
        .header(header::HOST, "localhost")
        .header(header::AUTHORIZATION, format!("Bearer {bearer}"))
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_VERSION, "13")
        .header(header::SEC_WEBSOCKET_KEY, generate_key())
        .header("x-forwarded-for", "8.8.8.8")
        .body(Empty::new())
        .unwrap()
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) status: StatusCode,
    pub(crate) kind: String,
    pub(crate) retry_after: bool,
}

/// A run's control channel.
pub(crate) struct Run {
    pub(crate) session: String,
    pub(crate) echo_id: u64,
    pub(crate) echo_key: [u8; 32],
    pub(crate) socket: WebSocketStream<LoadStream>,
    /// `Arrivals` and `Sender` messages that came before an answer.
    pub(crate) side_messages: Vec<ServerMessage>,
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Run({})", self.echo_id)
    }
}

/// The answer to `Stop`.
#[derive(Debug)]
pub(crate) struct Stopped {
    pub(crate) bytes: u64,
    pub(crate) series: Series,
    pub(crate) evidence: Evidence,
    pub(crate) sender: Option<SenderSummary>,
    pub(crate) congestion_control: Option<String>,
    pub(crate) mss_bytes: Option<u32>,
}

impl Run {
    pub(crate) async fn tell(&mut self, message: &ClientMessage) {
        self.socket.send(Message::text(serde_json::to_string(message).unwrap())).await.unwrap();
    }

    pub(crate) async fn start(&mut self, direction: Direction) {
        self.tell(&ClientMessage::Start { direction }).await;
    }

    pub(crate) async fn stop(&mut self, direction: Direction) -> Stopped {
        self.tell(&ClientMessage::Stop { direction, reason: StopReason::Converged }).await;
        self.stopped().await
    }

    pub(crate) async fn stopped(&mut self) -> Stopped {
        loop {
            match next(&mut self.socket).await {
                ServerMessage::Stopped { bytes, series, evidence, sender, congestion_control, mss_bytes, .. } => {
                    return Stopped { bytes, series, evidence, sender, congestion_control, mss_bytes };
                }
                side @ (ServerMessage::Arrivals { .. } | ServerMessage::Sender { .. }) => self.side_messages.push(side),
                other => panic!("expected Stopped, got {other:?}"),
            }
        }
    }

    pub(crate) async fn finish(mut self) -> Vec<EchoTrain> {
        self.tell(&ClientMessage::Finish).await;
        let ServerMessage::Echoes { trains } = next(&mut self.socket).await else { panic!("expected Echoes") };
        while let Some(Ok(message)) = timeout(PATIENCE, self.socket.next()).await.unwrap() {
            assert!(message.is_close(), "{message}");
        }
        trains
    }

    /// The error that ends the run; other messages are skipped.
    pub(crate) async fn error(&mut self) -> String {
        loop {
            if let ServerMessage::Error { kind, .. } = next(&mut self.socket).await {
                return kind;
            }
        }
    }
}

pub(crate) async fn next(socket: &mut WebSocketStream<LoadStream>) -> ServerMessage {
    loop {
        let message = timeout(PATIENCE, socket.next()).await.expect("the server answers in time");
        match message.expect("the control channel is open").expect("the control channel is sound") {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("expected text, got {other:?}"),
        }
    }
}
