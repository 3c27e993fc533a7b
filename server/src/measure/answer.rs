//! HTTP answers of the measuring end.

use axum::body::Body;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use ispeed_protocol::problem::Problem;

/// An error as problem details (RFC 9457).
pub(crate) fn problem(status: StatusCode, kind: &str, title: &str, detail: impl Into<String>) -> Response<Body> {
    let problem = Problem::new(status.as_u16(), kind, title, detail);
    // Strings and a number always become JSON.
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}

/// The bearer of a request.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, bearer) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| bearer.trim())
}

/// Whether a header that holds a list names `token`.
pub(crate) fn names(headers: &HeaderMap, header: header::HeaderName, token: &str) -> bool {
    headers
        .get_all(header)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(','))
        .any(|item| item.trim().eq_ignore_ascii_case(token))
}
