//! A small client of RMBT, written by hand.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ispeed_server::interop::Interop;
use ispeed_server::server::{Certificate, Config, Running, start};
use ispeed_wire::tls;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// No step of a test takes longer than this unless the test says so.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
pub(crate) const ACCEPT: &str = "ACCEPT GETCHUNKS GETTIME PUT PUTNORESULT PING QUIT";
pub(crate) const UPGRADE: &str =
    "GET /rmbt HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: RMBT\r\nRMBT-Version: 1.3.5\r\n\r\n";

pub(crate) trait Socket: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Socket for S {}

/// A server that speaks RMBT, and what a client needs for it.
pub(crate) struct Lab {
    pub(crate) running: Option<Running>,
    pub(crate) addr: SocketAddr,
    tls: Option<Arc<rustls::ClientConfig>>,
    _dir: tempfile::TempDir,
}

impl Lab {
    pub(crate) async fn start() -> Self {
        Self::with(Certificate::SelfSigned, vec![Interop::Rmbt]).await
    }

    pub(crate) async fn with(certificate: Certificate, interop: Vec<Interop>) -> Self {
        Self::configured(|config| {
            config.certificate = certificate;
            config.interop = interop;
        })
        .await
    }

    pub(crate) async fn configured(configure: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::new(vec!["127.0.0.1:0".parse().unwrap()], dir.path());
        configure(&mut config);
        let running = start(config).await.unwrap();
        let tls = running.ca().map(|path| tls::client_config(Some(&std::fs::read(path).unwrap())).unwrap());
        Self { addr: running.local_addrs()[0], running: Some(running), tls, _dir: dir }
    }

    async fn connect(&self) -> Box<dyn Socket> {
        let tcp = TcpStream::connect(self.addr).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        match &self.tls {
            None => Box::new(tcp),
            Some(config) => {
                let name = tls::server_name("localhost").unwrap();
                Box::new(TlsConnector::from(Arc::clone(config)).connect(name, tcp).await.unwrap())
            }
        }
    }

    /// Sends a request as it is; the status and the body of the answer, which ends with the connection.
    pub(crate) async fn request(&self, request: &[u8]) -> (u16, String) {
        let mut socket = self.connect().await;
        socket.write_all(request).await.unwrap();
        socket.flush().await.unwrap();
        let mut answer = Vec::new();
        // A server that closes in the middle of a request ends TLS without ceremony; what came counts.
        let _ = timeout(PATIENCE, socket.read_to_end(&mut answer)).await.expect("an answer in time");
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        (status.unwrap_or_else(|| panic!("no status in {head:?}")), body.to_owned())
    }

    pub(crate) async fn post(&self, name: &str, body: &str) -> (u16, String) {
        let request = format!(
            "POST /RMBTControlServer/{name} HTTP/1.1\r\nHost: localhost:{}\r\nContent-Type: application/json\r\n\
             Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
            self.addr.port(),
            body.len()
        );
        self.request(request.as_bytes()).await
    }

    pub(crate) async fn ask(&self, name: &str, body: &Value) -> Value {
        let (status, answer) = self.post(name, &body.to_string()).await;
        assert_eq!(status, 200, "{answer}");
        serde_json::from_str(&answer).unwrap()
    }

    pub(crate) async fn token(&self) -> String {
        let test = self.ask("testRequest", &json!({ "client": "RMBT" })).await;
        test["test_token"].as_str().unwrap().to_owned()
    }

    /// A test connection up to its greeting.
    pub(crate) async fn greeted(&self) -> Talk {
        let mut socket = self.connect().await;
        socket.write_all(UPGRADE.as_bytes()).await.unwrap();
        socket.flush().await.unwrap();
        let mut talk = Talk(BufReader::new(socket));
        assert_eq!(talk.line().await, "HTTP/1.1 101 Switching Protocols\r");
        let mut headers = Vec::new();
        loop {
            let line = talk.line().await.to_lowercase();
            if line == "\r" {
                break;
            }
            headers.push(line);
        }
        assert!(headers.iter().any(|header| header == "upgrade: rmbt\r"), "{headers:?}");
        assert!(headers.iter().any(|header| header == "connection: upgrade\r"), "{headers:?}");
        assert!(talk.line().await.starts_with("RMBTv"));
        assert_eq!(talk.line().await, "ACCEPT TOKEN QUIT");
        talk
    }

    /// A test connection that takes commands.
    pub(crate) async fn open(&self, token: &str) -> Talk {
        let mut talk = self.greeted().await;
        talk.say(&format!("TOKEN {token}")).await;
        assert_eq!(talk.line().await, "OK");
        assert_eq!(talk.line().await, "CHUNKSIZE 4096 4096 4194304");
        talk
    }
}

/// A test connection.
pub(crate) struct Talk(BufReader<Box<dyn Socket>>);

impl Talk {
    pub(crate) async fn line(&mut self) -> String {
        self.line_or_end().await.expect("a line, not the end")
    }

    /// `None` at the end of the connection.
    pub(crate) async fn line_or_end(&mut self) -> Option<String> {
        let mut line = Vec::new();
        loop {
            match timeout(PATIENCE, self.0.read_u8()).await.expect("a line in time") {
                Ok(b'\n') => return Some(String::from_utf8(line).unwrap()),
                Ok(byte) => line.push(byte),
                Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof && line.is_empty() => return None,
                Err(e) => panic!("{e} after {line:?}"),
            }
        }
    }

    pub(crate) async fn say(&mut self, line: &str) {
        self.send(format!("{line}\n").as_bytes()).await;
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
        self.0.flush().await.unwrap();
    }

    /// As [`Talk::send`], where the server may have closed already.
    pub(crate) async fn send_perhaps(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes).await;
        let _ = self.0.flush().await;
    }

    pub(crate) async fn chunk(&mut self, bytes: usize) -> Vec<u8> {
        let mut chunk = vec![0; bytes];
        timeout(PATIENCE, self.0.read_exact(&mut chunk)).await.expect("a chunk in time").unwrap();
        chunk
    }

    pub(crate) async fn command(&mut self, command: &str) {
        assert_eq!(self.line().await, ACCEPT);
        self.say(command).await;
    }

    /// The nanoseconds of a `TIME` line.
    pub(crate) async fn time(&mut self) -> u64 {
        let line = self.line().await;
        line.strip_prefix("TIME ").and_then(|ns| ns.parse().ok()).unwrap_or_else(|| panic!("{line:?}; expected TIME"))
    }

    pub(crate) async fn quit(mut self) {
        self.command("QUIT").await;
        assert_eq!(self.line().await, "BYE");
        assert_eq!(self.line_or_end().await, None);
    }

    /// The one line that refuses, after which the server closes.
    pub(crate) async fn refusal(mut self) -> String {
        let line = self.line().await;
        assert!(line.starts_with("ERR ") && line.contains("; expected "), "{line}");
        assert_eq!(self.line_or_end().await, None, "nothing follows {line}");
        line
    }
}
