//! What an answer to an upload means: a pure function, so that every answer a network can give is tested by name.

use std::fmt;

use ispeed_protocol::UtcMicros;
use ispeed_protocol::problem::Problem;
use ispeed_protocol::receipt::{Receipt, ReceiptError, ReceiptKind};
use ispeed_protocol::signing::PublicKey;
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::retry::{CREDENTIALS_WAIT_MICROS, header, retry_after_micros};
use crate::error::{Error, Result};

/// Longest problem text that is kept and shown.
const PROBLEM_MAX_CHARS: usize = 500;

/// What the shell saw.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// An HTTP answer, of the collector or of whoever stood in its place. Redirects are answers: they are not followed.
    HttpStatus {
        /// Status.
        code: u16,
        /// Headers; `retry-after`, `date` and `location` are looked at.
        headers: Vec<(String, String)>,
        /// Body, whole or as far as it came.
        body: Vec<u8>,
    },
    /// No answer.
    NetworkFailure {
        /// Why.
        kind: NetworkFailure,
    },
}

/// Why there was no answer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum NetworkFailure {
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

impl NetworkFailure {
    fn text(self) -> &'static str {
        match self {
            Self::NoNetwork => "no network",
            Self::Dns => "the collector's name could not be resolved",
            Self::Connect => "no connection to the collector",
            Self::Tls => "the TLS handshake with the collector failed",
            Self::Timeout => "the collector did not answer in time",
            Self::Cut => "the connection was cut before the whole answer came",
            Self::Other => "the network failed",
        }
    }
}

/// Kind of what keeps a sample here. Stable.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ProblemKind {
    /// No answer came.
    Network,
    /// A success without a receipt: a captive portal, or not the collector.
    NotAReceipt,
    /// A receipt that is not for this sample, or whose signature is wrong.
    ReceiptRefused,
    /// A good receipt of a key that is not the collector's known one.
    CollectorKeyChanged,
    /// Sent elsewhere; not followed.
    Redirected,
    /// 401 or 403.
    Credentials,
    /// 408, 425, 429, 503: later.
    Busy,
    /// Another 5xx, or a status that means nothing here.
    ServerError,
    /// Refused: 400, 409, 413, 422 and other 4xx.
    Refused,
    /// The bytes on this device are not those that were signed.
    Damaged,
}

impl ProblemKind {
    const ALL: [Self; 10] = [
        Self::Network,
        Self::NotAReceipt,
        Self::ReceiptRefused,
        Self::CollectorKeyChanged,
        Self::Redirected,
        Self::Credentials,
        Self::Busy,
        Self::ServerError,
        Self::Refused,
        Self::Damaged,
    ];

    /// Stable text.
    pub fn text(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::NotAReceipt => "not_a_receipt",
            Self::ReceiptRefused => "receipt_refused",
            Self::CollectorKeyChanged => "collector_key_changed",
            Self::Redirected => "redirected",
            Self::Credentials => "credentials",
            Self::Busy => "busy",
            Self::ServerError => "server_error",
            Self::Refused => "refused",
            Self::Damaged => "damaged",
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self> {
        let unknown = || Error::Storage { reason: format!("the outbox holds the unknown problem {text:?}") };
        Self::ALL.into_iter().find(|kind| kind.text() == text).ok_or_else(unknown)
    }
}

/// Why a sample is still here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UploadProblem {
    /// Kind.
    pub kind: ProblemKind,
    /// For a person, with the collector's own words where it gave some.
    pub text: String,
}

impl UploadProblem {
    pub(super) fn new(kind: ProblemKind, text: impl Into<String>) -> Self {
        Self { kind, text: shortened(&text.into()) }
    }
}

impl fmt::Display for UploadProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What was asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'a> {
    pub(super) id: Uuid,
    pub(super) body: &'a [u8],
    pub(super) signature: &'a str,
    /// Keys the collector may sign with; empty: its first receipt decides.
    pub(super) trusted: &'a [PublicKey],
}

/// What to do.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Decision {
    /// The collector holds it.
    Sent { receipt_json: Vec<u8>, key: String },
    /// Try again.
    Retry { problem: UploadProblem, wait: Wait },
    /// Keep it and show it.
    Quarantine { problem: UploadProblem },
}

/// How long to wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wait {
    /// As the number of failures says.
    Backoff,
    /// As the collector, or the kind of the refusal, asks.
    Micros(i64),
}

/// The meaning of an answer.
pub(super) fn decide(question: Question<'_>, answer: &Answer, now: UtcMicros) -> Decision {
    let (code, headers, body) = match answer {
        Answer::HttpStatus { code, headers, body } => (*code, headers, body),
        Answer::NetworkFailure { kind } => {
            let problem = UploadProblem::new(ProblemKind::Network, kind.text());
            return Decision::Retry { problem, wait: Wait::Backoff };
        }
    };
    let demanded = retry_after_micros(headers, now);
    let wait = demanded.map_or(Wait::Backoff, Wait::Micros);
    let retry = |kind, text: String| Decision::Retry { problem: UploadProblem::new(kind, text), wait };
    match code {
        200..=299 => receipt(question, code, body),
        300..=399 => {
            let to = header(headers, "location").unwrap_or("nowhere");
            retry(
                ProblemKind::Redirected,
                format!("the answer {code} points to {to}; uploads are never redirected (a captive portal does this)"),
            )
        }
        401 | 403 | 407 => {
            let least = demanded.unwrap_or(0).max(CREDENTIALS_WAIT_MICROS);
            let problem = UploadProblem::new(ProblemKind::Credentials, explain(code, body));
            Decision::Retry { problem, wait: Wait::Micros(least) }
        }
        408 | 425 | 429 | 503 => retry(ProblemKind::Busy, explain(code, body)),
        400..=499 => Decision::Quarantine { problem: UploadProblem::new(ProblemKind::Refused, explain(code, body)) },
        _ => retry(ProblemKind::ServerError, explain(code, body)),
    }
}

#[derive(Deserialize)]
struct WithReceipt<'a> {
    #[serde(borrow)]
    receipt: &'a RawValue,
}

fn receipt(question: Question<'_>, code: u16, body: &[u8]) -> Decision {
    let retry = |kind, text| Decision::Retry { problem: UploadProblem::new(kind, text), wait: Wait::Backoff };
    let Ok(answer) = serde_json::from_slice::<WithReceipt<'_>>(body) else {
        let begins = String::from_utf8_lossy(body).chars().take(40).collect::<String>();
        let text = format!(
            "the answer {code} holds no receipt (it begins {begins:?}): a captive portal or another server answers in \
             place of the collector"
        );
        return retry(ProblemKind::NotAReceipt, text);
    };
    let json = answer.receipt.get();
    let receipt = match Receipt::parse(json.as_bytes()) {
        Ok(receipt) => receipt,
        Err(e) => return retry(ProblemKind::NotAReceipt, format!("the answer {code} holds no receipt: {e}")),
    };
    if let Err(e) = covers(question, &receipt) {
        return retry(ProblemKind::ReceiptRefused, format!("the receipt does not hold: {e}"));
    }
    match receipt.verify(question.trusted) {
        Ok(()) => Decision::Sent { receipt_json: json.as_bytes().to_vec(), key: receipt.key },
        Err(ReceiptError::UntrustedKey(key)) if receipt.verify(&[]).is_ok() => {
            let known = question.trusted.iter().map(PublicKey::text).collect::<Vec<_>>().join(", ");
            let text = format!(
                "the receipt is signed by {key}; this collector is known by {known}. Ask its operator whether the key \
                 was changed, and accept the new one before sending again"
            );
            Decision::Quarantine { problem: UploadProblem::new(ProblemKind::CollectorKeyChanged, text) }
        }
        Err(ReceiptError::UntrustedKey(_)) => {
            retry(ProblemKind::ReceiptRefused, "the receipt's signature does not hold".to_owned())
        }
        Err(e) => retry(ProblemKind::ReceiptRefused, format!("the receipt does not hold: {e}")),
    }
}

/// Whether the receipt speaks of exactly this sample, with this device's signature.
fn covers(question: Question<'_>, receipt: &Receipt) -> std::result::Result<(), String> {
    if receipt.kind != ReceiptKind::Sample {
        return Err("it is for a deletion".to_owned());
    }
    receipt.covers(question.id, question.body).map_err(|e| e.to_string())?;
    if receipt.device_signature.as_deref() != Some(question.signature) {
        return Err("it names another signature of the device".to_owned());
    }
    Ok(())
}

/// The collector's own words (RFC 9457), else the status.
fn explain(code: u16, body: &[u8]) -> String {
    let Ok(problem) = serde_json::from_slice::<Problem>(body) else {
        return format!("the collector answered {code}");
    };
    let mut text = format!("{code} {}", problem.title);
    if let Some(detail) = &problem.detail {
        text = format!("{text}: {detail}");
    }
    for error in problem.errors.iter().take(3) {
        text = format!("{text}; {} is {}, expected {}", error.pointer, error.value, error.expected);
    }
    text
}

/// One line of bounded length: a collector's words end up in terminals and notifications.
fn shortened(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(PROBLEM_MAX_CHARS).collect()
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
