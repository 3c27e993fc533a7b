//! Network quality, the responsiveness test of draft-ietf-ippm-responsiveness: a document with three addresses, and they.
//!
//! Over HTTP/1.1, which is what this server speaks: a client cannot put its probes among the load of a connection.

use std::net::SocketAddr;

use axum::body::Body;
use http::uri::Authority;
use http::{Method, Request, Response, header};
use hyper::body::Incoming;
use serde_json::json;

use super::load::Content;
use super::{answers, load};
use crate::limits;
use crate::measure::{Connection, Measure};

const DOCUMENT: &str = "/.well-known/nq";
const LARGE: &str = "/nq/large";
const SMALL: &str = "/nq/small";
const UPLOAD: &str = "/nq/upload";
const SMALL_BYTES: u64 = 1;

pub(super) fn serves(path: &str) -> bool {
    [DOCUMENT, LARGE, SMALL, UPLOAD].contains(&path)
}

/// `public_name` is what clients are to reach this server by; without it, the name this request has for it.
pub(super) async fn answer(
    measure: &Measure,
    request: Request<Incoming>,
    connection: &Connection,
    public_name: Option<&str>,
) -> Response<Body> {
    let answered = match (request.uri().path(), request.method()) {
        (DOCUMENT, &Method::GET | &Method::HEAD) => {
            let scheme = if connection.secure { "https" } else { "http" };
            let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
            Ok(document(&format!("{scheme}://{}", authority(public_name, host, connection.local))))
        }
        (LARGE, &Method::GET | &Method::HEAD) => {
            load::download(measure, connection, limits::NQ_LARGE_BYTES, Content::Bytes).map(answers::octets)
        }
        (SMALL, &Method::GET | &Method::HEAD) => {
            load::download(measure, connection, SMALL_BYTES, Content::Bytes).map(answers::octets)
        }
        (UPLOAD, &Method::POST | &Method::PUT) => {
            load::upload(measure, connection, request.into_body()).await.map(|_| answers::empty())
        }
        (UPLOAD, method) => Err(Box::new(answers::method(method, "POST, PUT"))),
        (_, method) => Err(Box::new(answers::method(method, "GET, HEAD"))),
    };
    answered.unwrap_or_else(|refusal| *refusal)
}

/// Name and port for the addresses: the port is the one this request was sent to, whatever forwarded it here.
fn authority(public_name: Option<&str>, host: Option<&str>, local: SocketAddr) -> String {
    let authority = host.and_then(|host| host.parse::<Authority>().ok());
    match (public_name, authority.filter(|authority| !authority.as_str().contains('@'))) {
        (None, Some(authority)) => authority.to_string(),
        (None, None) => local.to_string(),
        (Some(name), Some(authority)) => match authority.port() {
            Some(port) => format!("{name}:{port}"),
            None => name.to_owned(),
        },
        (Some(name), None) => format!("{name}:{}", local.port()),
    }
}

/// The draft's names, and those of servers from before it, which older clients ask for.
fn document(base: &str) -> Response<Body> {
    let [large, small, upload] = [LARGE, SMALL, UPLOAD].map(|path| format!("{base}{path}"));
    answers::json(&json!({
        "version": 1,
        "urls": {
            "large_download_url": large,
            "small_download_url": small,
            "upload_url": upload,
            "large_https_download_url": large,
            "small_https_download_url": small,
            "https_upload_url": upload,
        },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_on_the_host_that_clients_reach() {
        let local = "192.0.2.1:8443".parse().unwrap();
        for (name, host, expected) in [
            (None, Some("do.example.vn:8443"), "do.example.vn:8443"),
            (None, Some("[2001:db8::1]:8443"), "[2001:db8::1]:8443"),
            (None, Some("user@evil.example"), "192.0.2.1:8443"),
            (None, None, "192.0.2.1:8443"),
            (Some("do.example.vn"), Some("192.0.2.1:443"), "do.example.vn:443"),
            (Some("do.example.vn"), Some("192.0.2.1"), "do.example.vn"),
            (Some("do.example.vn"), None, "do.example.vn:8443"),
        ] {
            assert_eq!(authority(name, host, local), expected, "{name:?} {host:?}");
        }
    }
}
