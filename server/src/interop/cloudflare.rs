//! The shape of Cloudflare's test: `__down` and `__up`, timed by their headers.
//!
//! What its client calls beside them is not served: it hands in no results, and there is no TURN server.

use std::fmt::Write as _;
use std::time::Instant;

use axum::body::Body;
use http::{HeaderName, HeaderValue, Method, Request, Response, header};
use hyper::body::Incoming;

use super::load::Content;
use super::query::number;
use super::{answers, load};
use crate::limits;
use crate::measure::{Connection, Measure};

const DOWN: &str = "/__down";
const UP: &str = "/__up";
const TRACE: &str = "/cdn-cgi/trace";
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

pub(super) fn serves(path: &str) -> bool {
    [DOWN, UP, TRACE].contains(&path)
}

pub(super) async fn answer(measure: &Measure, request: Request<Incoming>, connection: &Connection) -> Response<Body> {
    let response = answer_without_cors(measure, request, connection).await.unwrap_or_else(|refusal| *refusal);
    answers::for_any_origin(response)
}

async fn answer_without_cors(
    measure: &Measure,
    request: Request<Incoming>,
    connection: &Connection,
) -> Result<Response<Body>, Box<Response<Body>>> {
    match (request.uri().path(), request.method()) {
        (_, &Method::OPTIONS) => Ok(answers::empty()),
        (DOWN, &Method::GET | &Method::HEAD) => {
            let begun = Instant::now();
            let bytes = size(request.uri().query()).map_err(|wrong| Box::new(answers::bad_request(wrong)))?;
            let body = load::download(measure, connection, bytes, Content::Text)?;
            Ok(timed(answers::octets(body), begun))
        }
        (UP, &Method::POST) => {
            load::upload(measure, connection, request.into_body()).await?;
            // The client takes this time off its own; the body's arrival is what it measures.
            Ok(timed(answers::empty(), Instant::now()))
        }
        (TRACE, &Method::GET) => Ok(answers::text(trace(measure, &request, connection))),
        (UP, method) => Err(Box::new(answers::method(method, "POST, OPTIONS"))),
        (_, method) => Err(Box::new(answers::method(method, "GET, HEAD, OPTIONS"))),
    }
}

fn size(query: Option<&str>) -> Result<u64, String> {
    let max = limits::CLOUDFLARE_DOWNLOAD_MAX_BYTES;
    match number(query, "bytes")? {
        Some(bytes) if bytes > max => Err(format!("bytes: {bytes}; expected at most {max}")),
        bytes => Ok(bytes.unwrap_or(0)),
    }
}

/// Tells how long this server took over the request, in milliseconds.
fn timed(mut response: Response<Body>, begun: Instant) -> Response<Body> {
    let ms = begun.elapsed().as_secs_f64() * 1_000.0;
    if let Ok(value) = HeaderValue::from_str(&format!("cfRequestDuration;dur={ms:.6}")) {
        response.headers_mut().insert(SERVER_TIMING, value);
    }
    response
}

/// Lines `name=value` about the request; `colo` is this server's id.
fn trace(measure: &Measure, request: &Request<Incoming>, connection: &Connection) -> String {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    let seconds = format!("{:.3}", measure.now().as_micros() as f64 / 1e6);
    let mut lines = String::new();
    for (name, value) in [
        ("h", header(header::HOST)),
        ("ip", &connection.peer.ip().to_string()),
        ("ts", &seconds),
        ("visit_scheme", if connection.secure { "https" } else { "http" }),
        ("uag", header(header::USER_AGENT)),
        ("colo", measure.server_id()),
        ("http", "http/1.1"),
    ] {
        // Writing to a string cannot fail.
        let _ = writeln!(lines, "{name}={value}");
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!((size(None), size(Some("bytes=0")), size(Some("bytes=25000000"))), (Ok(0), Ok(0), Ok(25_000_000)));
        let error = size(Some("bytes=1000000001")).unwrap_err();
        assert_eq!(error, "bytes: 1000000001; expected at most 1000000000");
    }
}
