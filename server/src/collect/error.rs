//! Answers that are no success: problem details, always.

use axum::Json;
use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ispeed_protocol::problem::{FieldError, Problem};

use crate::limits;
use crate::store::StoreError;

/// Media type of problem details (RFC 9457).
pub const PROBLEM_MEDIA_TYPE: &str = "application/problem+json";

/// An error answer of the collector.
#[derive(Debug)]
pub(crate) struct ApiError {
    problem: Problem,
    retry_after_s: Option<u64>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, kind: &str, title: &str, detail: impl Into<String>) -> Self {
        Self { problem: Problem::new(status.as_u16(), kind, title, detail), retry_after_s: None }
    }

    /// A document with wrong members.
    pub(crate) fn fields(kind: &str, title: &str, errors: Vec<FieldError>) -> Self {
        let first = errors.first().map_or_else(String::new, |e| {
            let at = if e.pointer.is_empty() { "the document" } else { &e.pointer };
            format!("{at} is {}; expected {}", e.value, e.expected)
        });
        let mut error = Self::new(StatusCode::UNPROCESSABLE_ENTITY, kind, title, first);
        error.problem.errors = errors;
        error
    }

    pub(crate) fn busy(detail: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "The collector is busy", detail)
            .retry_after(limits::BUSY_RETRY_AFTER_S.into())
    }

    /// Somebody asked too often.
    pub(crate) fn too_many(kind: &str, title: &str, who: &str, wait_s: u64) -> Self {
        let detail = format!("{who} asked for too many; try again in {wait_s} s");
        Self::new(StatusCode::TOO_MANY_REQUESTS, kind, title, detail).retry_after(wait_s)
    }

    #[must_use]
    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// Status of the answer.
    pub(crate) fn status(&self) -> u16 {
        self.problem.status
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy => Self::busy("too many samples wait to be written; hand it in again later"),
            StoreError::Closed => Self::busy("the collector is shutting down; hand it in again later"),
            StoreError::Unreachable { .. } => {
                tracing::error!(error = %error, "the store does not answer");
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "store_unreachable",
                    "The collector's database does not answer",
                    "hand it in again later; what was kept is answered with its receipt",
                )
                .retry_after(limits::BUSY_RETRY_AFTER_S.into())
            }
            other => {
                tracing::error!(error = %other, "the store failed");
                Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "store_failed",
                    "The collector could not read or write its store",
                    "nothing was kept; hand it in again later",
                )
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self.problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_MEDIA_TYPE));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("ispeed-proof"));
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// Nothing lives at this address.
pub(crate) fn not_found(detail: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "not_found", "There is nothing here", detail)
}

/// Gives every error answer the form of problem details, those of the HTTP library included, and every answer the headers
/// that keep browsers from guessing.
pub(crate) async fn problems_only(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let status = response.status();
    let is_problem =
        response.headers().get(CONTENT_TYPE).is_some_and(|t| t.as_bytes() == PROBLEM_MEDIA_TYPE.as_bytes());
    if (status.is_client_error() || status.is_server_error()) && !is_problem {
        let (kind, detail) = match status {
            StatusCode::METHOD_NOT_ALLOWED => ("method_not_allowed", "see /v1/openapi.json for the methods"),
            StatusCode::NOT_FOUND => ("not_found", "see /v1/openapi.json for the addresses"),
            _ => ("bad_request", "the request is not of the expected form; see /v1/openapi.json"),
        };
        let allow = response.headers().get(axum::http::header::ALLOW).cloned();
        response = ApiError::new(status, kind, status.canonical_reason().unwrap_or("Error"), detail).into_response();
        if let Some(allow) = allow {
            response.headers_mut().insert(axum::http::header::ALLOW, allow);
        }
    }
    let headers = response.headers_mut();
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
