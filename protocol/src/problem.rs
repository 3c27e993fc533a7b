//! Errors over HTTP: problem details (RFC 9457), media type `application/problem+json`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One wrong member.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// JSON Pointer (RFC 6901) to the member; empty for the whole document.
    pub pointer: String,
    /// What it holds, shortened.
    pub value: String,
    /// What was expected.
    pub expected: String,
}

/// Problem details. `type` is `urn:ispeed:problem:<kind>`; kinds are stable.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Stable URN of the kind.
    #[serde(rename = "type")]
    pub kind: String,
    /// One sentence for the kind.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What happened this time and what to do.
    #[serde(default)]
    pub detail: Option<String>,
    /// The wrong members, all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

impl Problem {
    /// A problem of a stable kind such as `sample_conflict`.
    pub fn new(status: u16, kind: &str, title: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:ispeed:problem:{kind}"),
            title: title.to_owned(),
            status,
            detail: Some(detail.into()),
            errors: Vec::new(),
        }
    }
}
