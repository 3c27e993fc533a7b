//! Answers that several of the protocols give.

use axum::body::Body;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};

use crate::measure::problem;

/// Never kept and never recoded: what a proxy stores or compresses is not what the link carried.
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store, no-transform");
const ANYONE: HeaderValue = HeaderValue::from_static("*");
const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// A body of bytes that mean nothing.
pub(super) fn octets(body: Body) -> Response<Body> {
    with(body, OCTETS)
}

/// Nothing.
pub(super) fn empty() -> Response<Body> {
    with(Body::empty(), OCTETS)
}

/// A document.
pub(super) fn json(document: &serde_json::Value) -> Response<Body> {
    with(Body::from(document.to_string()), HeaderValue::from_static("application/json"))
}

/// Lines of text.
pub(super) fn text(lines: String) -> Response<Body> {
    with(Body::from(lines), HeaderValue::from_static("text/plain; charset=utf-8"))
}

fn with(body: Body, content_type: HeaderValue) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    response
}

/// Lets pages of any origin read the answer.
pub(super) fn for_any_origin(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANYONE);
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, OPTIONS"));
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("content-encoding, content-type, authorization"),
    );
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("server-timing"));
    headers.insert(HeaderName::from_static("timing-allow-origin"), ANYONE);
    response
}

/// A request that is not what the protocol has.
pub(super) fn bad_request(detail: impl Into<String>) -> Response<Body> {
    problem(StatusCode::BAD_REQUEST, "request", "The request is not one of this protocol.", detail)
}

/// A method that the address does not take.
pub(super) fn method(found: &Method, allowed: &'static str) -> Response<Body> {
    let detail = format!("{found}; expected {allowed}");
    let mut response = problem(StatusCode::METHOD_NOT_ALLOWED, "method", "This address takes other methods.", detail);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    response
}
