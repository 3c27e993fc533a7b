//! Bodies: media type, size and time.

use axum::body::{Body, Bytes};
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::request::Parts;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use super::error::ApiError;
use crate::limits;

/// What the headers say of a body.
#[derive(Clone, Debug)]
pub(crate) struct Media {
    content_type: Option<String>,
    encoding: Option<String>,
    length: Option<u64>,
}

impl<S: Sync> FromRequestParts<S> for Media {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        let text = |name| parts.headers.get(name).map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned());
        let length = text(CONTENT_LENGTH).and_then(|l| l.parse().ok());
        Ok(Self { content_type: text(CONTENT_TYPE), encoding: text(CONTENT_ENCODING), length })
    }
}

impl Media {
    /// `application/json`, not compressed: what is signed is what is sent.
    pub(crate) fn expect_json(&self) -> Result<(), ApiError> {
        let essence = self.content_type.as_deref().and_then(|t| t.split(';').next()).unwrap_or_default().trim();
        let plain = self.encoding.as_deref().is_none_or(|e| e.eq_ignore_ascii_case("identity"));
        if essence.eq_ignore_ascii_case("application/json") && plain {
            return Ok(());
        }
        let found = self.content_type.as_deref().unwrap_or("absent");
        let encoding = self.encoding.as_deref().unwrap_or("identity");
        Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "media_type",
            "The body is not JSON",
            format!("Content-Type is {found}, Content-Encoding {encoding}; expected application/json and identity"),
        ))
    }

    /// Refuses a body that announces itself as too long, before it is read.
    pub(crate) fn expect_at_most(&self, bytes: usize) -> Result<(), ApiError> {
        match self.length {
            Some(length) if length > bytes as u64 => Err(too_large(bytes)),
            _ => Ok(()),
        }
    }
}

fn too_large(most: usize) -> ApiError {
    ApiError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "too_large",
        "The body is too large",
        format!("expected at most {most} bytes"),
    )
}

/// Reads a whole body of at most `most` bytes within the deadline.
pub(crate) async fn read(body: Body, most: usize) -> Result<Bytes, ApiError> {
    let collected = tokio::time::timeout(limits::BODY_DEADLINE, Limited::new(body, most).collect()).await;
    match collected {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large(most)),
        Ok(Err(error)) => Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "body_broken",
            "The body could not be read",
            format!("the body broke off: {error}"),
        )),
        Err(_) => Err(ApiError::new(
            StatusCode::REQUEST_TIMEOUT,
            "body_timeout",
            "The body did not arrive in time",
            format!("expected all of it within {} s", limits::BODY_DEADLINE.as_secs()),
        )),
    }
}
