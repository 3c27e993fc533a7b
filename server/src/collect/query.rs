//! Query parameters, with errors that name them.

use std::collections::HashMap;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Query};
use axum::http::StatusCode;
use axum::http::request::Parts;

use super::error::ApiError;

/// The query of a request.
pub(crate) struct Params(HashMap<String, String>);

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        Query::from_request_parts(parts, state)
            .await
            .map(|Query(map)| Self(map))
            .map_err(|e| invalid("query", &e.body_text(), "name=value pairs, percent-encoded"))
    }
}

impl Params {
    /// A parameter's text; an empty one is an absent one, as forms send it.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// A parameter read as `T`.
    pub(crate) fn parse<T: FromStr>(&self, name: &str, expected: &str) -> Result<Option<T>, ApiError> {
        self.get(name).map(|text| parse(name, text, expected)).transpose()
    }
}

/// A part of the address read as `T`.
pub(crate) fn parse<T: FromStr>(name: &str, text: &str, expected: &str) -> Result<T, ApiError> {
    text.parse().map_err(|_| invalid(name, text, expected))
}

pub(crate) fn invalid(name: &str, found: &str, expected: &str) -> ApiError {
    let found: String = found.chars().take(80).collect();
    ApiError::new(
        StatusCode::BAD_REQUEST,
        "parameter_invalid",
        "A part of the address is wrong",
        format!("{name} is {found:?}; expected {expected}"),
    )
}
