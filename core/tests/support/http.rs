//! A small HTTP/1.1 server on loopback that misbehaves to order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What came in.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }
}

/// What goes out.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A whole answer.
    Full { code: u16, headers: Vec<(String, String)>, body: Vec<u8> },
    /// The connection ends without a byte.
    Cut,
    /// The head promises a body of which half comes.
    Half { body: Vec<u8> },
    /// The head comes, and then nothing for long.
    Stall,
    /// A body that does not end.
    Endless,
}

impl Reply {
    pub fn status(code: u16) -> Self {
        Self::Full { code, headers: Vec::new(), body: Vec::new() }
    }

    pub fn json(code: u16, body: Vec<u8>) -> Self {
        Self::with(code, "content-type", "application/json", body)
    }

    pub fn with(code: u16, header: &str, value: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::Full { code, headers: vec![(header.to_owned(), value.to_owned())], body: body.into() }
    }
}

pub type Handler = Arc<dyn Fn(Request) -> Reply + Send + Sync>;

/// Serves until the test's runtime ends.
pub async fn serve(listen: &str, handler: Handler) -> SocketAddr {
    let listener = TcpListener::bind(listen).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, Arc::clone(&handler)));
        }
    });
    address
}

async fn answer(mut stream: TcpStream, handler: Handler) {
    while let Some(request) = read(&mut stream).await {
        if write(&mut stream, handler(request)).await.is_none() {
            return;
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).ok()?;
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<(String, String)> =
        lines.filter_map(|l| l.split_once(':')).map(|(n, v)| (n.to_owned(), v.trim().to_owned())).collect();
    let mut request = Request { method, path, headers, body: bytes[head_end + 4..].to_vec() };
    let length: usize = request.header("content-length").and_then(|v| v.parse().ok()).unwrap_or(0);
    while request.body.len() < length {
        if stream.read_buf(&mut request.body).await.ok()? == 0 {
            return None;
        }
    }
    Some(request)
}

async fn write(stream: &mut TcpStream, reply: Reply) -> Option<()> {
    match reply {
        Reply::Full { code, headers, body } => {
            let mut head = format!("HTTP/1.1 {code} Said\r\ncontent-length: {}\r\n", body.len());
            headers.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
            stream.write_all(format!("{head}\r\n").as_bytes()).await.ok()?;
            stream.write_all(&body).await.ok()
        }
        Reply::Cut => None,
        Reply::Half { body } => {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            stream.write_all(head.as_bytes()).await.ok()?;
            stream.write_all(&body[..body.len() / 2]).await.ok()?;
            None
        }
        Reply::Stall => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n").await.ok()?;
            tokio::time::sleep(Duration::from_secs(600)).await;
            None
        }
        Reply::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n").await.ok()?;
            loop {
                stream.write_all(&[b' '; 4096]).await.ok()?;
            }
        }
    }
}
