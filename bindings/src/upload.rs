//! The half of an upload the shell does: it owns the socket, the core decides what and when.

use ispeed_core::outbox;

use crate::history::{SampleState, UploadProblem};
use crate::mirror::mirror_enum;

/// A header.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct Header {
    /// Name.
    pub name: String,
    /// Value.
    pub value: String,
}

/// One upload.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct UploadRequest {
    /// Sample.
    pub id: String,
    /// `PUT`.
    pub method: String,
    /// Where to.
    pub url: String,
    /// Headers to send.
    pub headers: Vec<Header>,
    /// Body, to be sent as it is.
    pub body: Vec<u8>,
}

/// What to do now.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum NextUpload {
    /// Send this, then call `upload_answered`. Redirects are answers and are not followed.
    Upload {
        /// What.
        request: UploadRequest,
    },
    /// Nothing before this instant.
    Wait {
        /// When to ask again.
        until_micros: i64,
    },
    /// Nothing to send, or no consent to send it.
    Done,
}

impl From<outbox::NextUpload> for NextUpload {
    fn from(core: outbox::NextUpload) -> Self {
        match core {
            outbox::NextUpload::Upload(request) => Self::Upload {
                request: UploadRequest {
                    id: request.id.to_string(),
                    method: request.method.to_owned(),
                    url: request.url(),
                    headers: request.headers.into_iter().map(|(name, value)| Header { name, value }).collect(),
                    body: request.body,
                },
            },
            outbox::NextUpload::Wait { until } => Self::Wait { until_micros: until.as_micros() },
            outbox::NextUpload::Done => Self::Done,
        }
    }
}

mirror_enum! {
    /// Why there was no answer.
    NetworkFailure = outbox::NetworkFailure {
        /// No network at all.
        NoNetwork,
        /// The name could not be resolved.
        Dns,
        /// No connection.
        Connect,
        /// The TLS handshake failed.
        Tls,
        /// Nothing came in time.
        Timeout,
        /// The connection ended in the middle.
        Cut,
        /// Something else.
        Other,
    }
}

/// What the shell saw.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum UploadAnswer {
    /// An HTTP answer.
    Http {
        /// Status.
        code: u16,
        /// Headers; `retry-after`, `date` and `location` are looked at.
        headers: Vec<Header>,
        /// Body, whole or as far as it came; 64 KB are enough.
        body: Vec<u8>,
    },
    /// No answer.
    Failed {
        /// Why.
        kind: NetworkFailure,
    },
}

impl From<UploadAnswer> for outbox::Answer {
    fn from(ours: UploadAnswer) -> Self {
        match ours {
            UploadAnswer::Http { code, headers, body } => Self::HttpStatus {
                code,
                headers: headers.into_iter().map(|header| (header.name.to_ascii_lowercase(), header.value)).collect(),
                body,
            },
            UploadAnswer::Failed { kind } => Self::NetworkFailure { kind: kind.into() },
        }
    }
}

/// What an answer did.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum AfterUpload {
    /// The collector holds the sample; its receipt is kept.
    Sent,
    /// The sample waits.
    Retry {
        /// Until then.
        until_micros: i64,
        /// Why.
        problem: UploadProblem,
    },
    /// The sample is kept aside until a person looks at it.
    Quarantined {
        /// Why.
        problem: UploadProblem,
    },
    /// The answer came too late to matter.
    Settled {
        /// Where the sample stands; absent when it is gone.
        state: Option<SampleState>,
    },
}

impl From<outbox::AfterUpload> for AfterUpload {
    fn from(core: outbox::AfterUpload) -> Self {
        match core {
            outbox::AfterUpload::Sent => Self::Sent,
            outbox::AfterUpload::Retry { until, problem } => {
                Self::Retry { until_micros: until.as_micros(), problem: problem.into() }
            }
            outbox::AfterUpload::Quarantined { problem } => Self::Quarantined { problem: problem.into() },
            outbox::AfterUpload::Settled { state } => Self::Settled { state: state.map(Into::into) },
        }
    }
}
