//! The request that turns a connection into a load flow.

use ispeed_protocol::control::LOAD_UPGRADE;
use ispeed_wire::LoadStream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::api::of_status;
use super::failure::{Failure, Kind};
use super::flow::Site;

/// Longest head of an answer to an upgrade.
const HEAD_MAX_BYTES: usize = 8 * 1024;

/// Asks for the connection to carry raw load.
pub(super) async fn upgrade(stream: &mut LoadStream, site: &Site, path: &str) -> Result<(), Failure> {
    let authority = site.endpoint.authority();
    let what = format!("GET https://{authority}{path}");
    let broken = |error: std::io::Error| Failure::io(&what, &error);
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {authority}\r\nAuthorization: Bearer {}\r\nConnection: Upgrade\r\nUpgrade: {LOAD_UPGRADE}\r\n\r\n",
        site.session
    );
    stream.write_all(request.as_bytes()).await.map_err(broken)?;
    stream.flush().await.map_err(broken)?;
    let mut head = Vec::new();
    let end = loop {
        if stream.read_buf(&mut head).await.map_err(broken)? == 0 {
            return Err(Failure::new(Kind::Reset, format!("{what}: closed without an answer")));
        }
        if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if head.len() > HEAD_MAX_BYTES {
            return Err(Failure::new(Kind::Protocol, format!("{what}: the answer's head is too long")));
        }
    };
    match status(&head) {
        Some(http::StatusCode::SWITCHING_PROTOCOLS) if head.len() == end => Ok(()),
        Some(http::StatusCode::SWITCHING_PROTOCOLS) => {
            Err(Failure::new(Kind::Protocol, format!("{what}: load came before it was asked for")))
        }
        Some(status) => Err(of_status(&what, status, &head[end..])),
        None => Err(Failure::new(Kind::Protocol, format!("{what}: not an HTTP/1.1 answer"))),
    }
}

fn status(head: &[u8]) -> Option<http::StatusCode> {
    http::StatusCode::from_bytes(head.strip_prefix(b"HTTP/1.1 ")?.get(..3)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_line_is_read_strictly() {
        assert_eq!(status(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"), Some(http::StatusCode::SWITCHING_PROTOCOLS));
        assert_eq!(status(b"HTTP/1.1 403 Forbidden\r\n\r\n"), Some(http::StatusCode::FORBIDDEN));
        assert_eq!(status(b"HTTP/1.0 200 OK\r\n\r\n"), None);
        assert_eq!(status(b"SSH-2.0"), None);
        assert_eq!(status(b"HTTP/1.1 1"), None);
    }
}
