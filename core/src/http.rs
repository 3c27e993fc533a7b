//! The HTTP client for everything that is not load: certificates of the web's roots and the caller's, ring, no redirects,
//! no proxy, bounded answers.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use ispeed_protocol::problem::Problem;
use reqwest::header::ETAG;
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::outbox::NetworkFailure;

/// How this program names itself to a collector, here and where a run asks by its own connections.
pub(crate) const USER_AGENT: &str = concat!("ispeed-core/", env!("CARGO_PKG_VERSION"));
/// Longest wait for a connection: a phone at the edge of coverage needs several seconds.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait for a whole answer: 50 KB at the 10 kbit/s of a bad EDGE cell.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// Largest answer to an upload: a receipt, a verdict, a place; what is larger is not that.
pub const UPLOAD_ANSWER_MAX_BYTES: usize = 64 * 1024;
/// Largest answer to any other question: a page of 100 samples at 64 KB.
pub const ANSWER_MAX_BYTES: usize = 16 * 1024 * 1024;

/// A client. `extra_ca_pem` is trusted beside the web's roots. Errors: `tls` when it is no certificate.
pub fn client(extra_ca_pem: Option<&str>) -> Result<Client> {
    let tls = ispeed_wire::tls::client_config(extra_ca_pem.map(str::as_bytes))
        .map_err(|e| Error::Tls { reason: e.to_string() })?;
    Client::builder()
        .tls_backend_preconfigured((*tls).clone())
        .no_proxy()
        .redirect(Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(REQUEST_TIMEOUT)
        .user_agent(USER_AGENT)
        .build()
        .map_err(Error::internal)
}

/// What names the content of an answer.
pub(crate) fn etag(response: &Response) -> Option<String> {
    response.headers().get(ETAG)?.to_str().ok().map(str::to_owned)
}

/// Reads a body of at most `max_bytes`; `None` when it is longer.
pub(crate) async fn bounded_body(mut response: Response, max_bytes: usize) -> reqwest::Result<Option<Vec<u8>>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > max_bytes {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// The body of a successful answer, else the error that says what the server said.
pub(crate) async fn successful_body(response: reqwest::Result<Response>, what: &str) -> Result<Vec<u8>> {
    let response = successful(response, what).await?;
    let status = response.status().as_u16();
    let body = bounded_body(response, ANSWER_MAX_BYTES).await.map_err(|e| unreached(what, &e))?;
    body.ok_or_else(|| Error::Server { status, detail: format!("{what}: more than {ANSWER_MAX_BYTES} bytes") })
}

/// A successful answer whose body is still to be read, else the error that says what the server said.
pub(crate) async fn successful(response: reqwest::Result<Response>, what: &str) -> Result<Response> {
    let response = response.map_err(|e| unreached(what, &e))?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = bounded_body(response, ANSWER_MAX_BYTES).await.map_err(|e| unreached(what, &e))?;
    let body = body.unwrap_or_default();
    let said = serde_json::from_slice::<Problem>(&body).map(|problem| problem.detail.unwrap_or(problem.title));
    Err(Error::Server { status: status.as_u16(), detail: said.unwrap_or_else(|_| what.to_owned()) })
}

/// A successful JSON answer.
pub(crate) async fn json<T: DeserializeOwned>(response: reqwest::Result<Response>, what: &str) -> Result<T> {
    let body = successful_body(response, what).await?;
    serde_json::from_slice(&body).map_err(|e| Error::Server { status: 200, detail: format!("{what}: {e}") })
}

pub(crate) fn unreached(what: &str, error: &reqwest::Error) -> Error {
    match network_failure(error) {
        NetworkFailure::Timeout => Error::Timeout { phase: what.to_owned() },
        NetworkFailure::Tls => Error::Tls { reason: format!("{what}: {}", root_cause(error)) },
        _ => Error::NoNetwork { to: what.to_owned(), reason: root_cause(error) },
    }
}

fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// Which failure an error of the client is, by what lies among its causes.
pub(crate) fn network_failure(error: &reqwest::Error) -> NetworkFailure {
    if error.is_timeout() {
        return NetworkFailure::Timeout;
    }
    let mut cause = error.source();
    while let Some(error) = cause {
        if is_tls(error) {
            return NetworkFailure::Tls;
        }
        let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
        if matches!(kind, Some(io::ErrorKind::NetworkUnreachable | io::ErrorKind::NetworkDown)) {
            return NetworkFailure::NoNetwork;
        }
        // The connector names its step and nothing else tells a failed look-up from a refused connection.
        if error.to_string().contains("dns error") {
            return NetworkFailure::Dns;
        }
        cause = error.source();
    }
    if error.is_connect() {
        NetworkFailure::Connect
    } else if error.is_request() || error.is_body() || error.is_decode() {
        NetworkFailure::Cut
    } else {
        NetworkFailure::Other
    }
}

/// An I/O error wraps another one without naming it as its source, so the chain of sources alone misses TLS errors.
fn is_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    let within = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    error.is::<rustls::Error>() || within.is_some_and(|inner| is_tls(inner))
}
