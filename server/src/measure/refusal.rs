//! Why a request of the measuring end is refused.

use axum::body::Body;
use http::{HeaderValue, Response, StatusCode, header};
use ispeed_protocol::token::TokenError;

use super::answer::problem;
use crate::limits;

/// A refusal; each has a stable kind.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The token does not hold.
    Token(TokenError),
    /// No bearer in the request.
    NoBearer,
    /// Not a session, or one that has ended.
    Session,
    /// No free place for a run now.
    Busy(&'static str),
    /// The server is ending.
    Shutdown,
    /// Not a GET.
    Method,
    /// Not the upgrade that was expected.
    Upgrade(&'static str),
    /// No such flow.
    Flow(String),
    /// The flow is open.
    FlowOpen(u8),
}

impl Refusal {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Token(e) => e.kind(),
            Self::NoBearer => "no_bearer",
            Self::Session => "session",
            Self::Busy(_) => "busy",
            Self::Shutdown => "shutdown",
            Self::Method => "method",
            Self::Upgrade(_) => "upgrade",
            Self::Flow(_) => "flow",
            Self::FlowOpen(_) => "flow_open",
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Token(TokenError::Audience(..) | TokenError::Used) => StatusCode::FORBIDDEN,
            Self::Token(_) | Self::NoBearer | Self::Session => StatusCode::UNAUTHORIZED,
            Self::Busy(_) | Self::Shutdown => StatusCode::SERVICE_UNAVAILABLE,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Upgrade(_) => StatusCode::UPGRADE_REQUIRED,
            Self::Flow(_) => StatusCode::NOT_FOUND,
            Self::FlowOpen(_) => StatusCode::CONFLICT,
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::Token(_) => "The token was refused.",
            Self::NoBearer => "The request carries no bearer.",
            Self::Session => "The session does not exist or has ended.",
            Self::Busy(_) => "The server has no place for another test now; use another server.",
            Self::Shutdown => "The server is shutting down; use another server.",
            Self::Method => "This address takes GET only.",
            Self::Upgrade(_) => "This address has to be upgraded.",
            Self::Flow(_) => "There is no such load flow.",
            Self::FlowOpen(_) => "The load flow is open already.",
        }
    }

    pub(crate) fn detail(&self) -> String {
        match self {
            Self::Token(e) => e.to_string(),
            Self::NoBearer => "expected the header Authorization: Bearer …".to_owned(),
            Self::Session => "expected the bearer that Welcome gave, while the control connection is open".to_owned(),
            Self::Busy(what) => format!("{what}; a place may be free in {} s", limits::BUSY_RETRY_AFTER_S),
            Self::Shutdown => "running tests are finished, no new one is begun".to_owned(),
            Self::Method => "expected GET".to_owned(),
            Self::Upgrade(expected) => format!("expected {expected}"),
            Self::Flow(wrong) => wrong.clone(),
            Self::FlowOpen(flow) => format!("flow {flow} is open; expected another number"),
        }
    }

    pub(super) fn response(&self) -> Response<Body> {
        let mut response = problem(self.status(), self.kind(), self.title(), self.detail());
        let headers = response.headers_mut();
        match self {
            Self::Busy(_) | Self::Shutdown => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(limits::BUSY_RETRY_AFTER_S));
            }
            Self::NoBearer | Self::Session | Self::Token(_) => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::Method => {
                headers.insert(header::ALLOW, HeaderValue::from_static("GET"));
            }
            Self::Upgrade(_) | Self::Flow(_) | Self::FlowOpen(_) => {}
        }
        response
    }
}

impl From<TokenError> for Refusal {
    fn from(error: TokenError) -> Self {
        Self::Token(error)
    }
}
