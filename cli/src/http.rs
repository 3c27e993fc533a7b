//! Requests to collectors and to the public data set: everything over HTTP that is not load.

use std::path::Path;
use std::time::Duration;

use ispeed_protocol::problem::Problem;
use reqwest::{Client, Response, Url};
use serde::de::DeserializeOwned;

use crate::error::{CliError, Result};
use crate::files;

/// Longest JSON answer read: a month of 3,321 communes is about 1 MB.
const ANSWER_MAX_BYTES: usize = 32 << 20;

/// Runs what waits for the network.
pub(crate) fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| {
        CliError::failed(
            format_args!("cannot start the threads of this program: {error}"),
            "check the limits of this user",
        )
    })?;
    runtime.block_on(future)
}

/// The certificates of `--ca`.
pub(crate) fn read_ca(ca: Option<&Path>) -> Result<Option<Vec<u8>>> {
    ca.map(|path| files::read_all(path, 1 << 20)).transpose()
}

/// The same as text, as the core takes it.
pub(crate) fn read_ca_text(ca: Option<&Path>) -> Result<Option<String>> {
    let text = read_ca(ca)?.map(String::from_utf8).transpose();
    text.map_err(|_| CliError::usage("--ca is not a PEM file", "give a file with BEGIN CERTIFICATE"))
}

/// A client that trusts the web's roots and `ca_pem`.
pub(crate) fn client(ca_pem: Option<&[u8]>) -> Result<Client> {
    let tls = ispeed_wire::tls::client_config(ca_pem)
        .map_err(|error| CliError::failed(format_args!("--ca: {error}"), "give a PEM file with certificates"))?;
    Client::builder()
        .tls_backend_preconfigured((*tls).clone())
        .connect_timeout(Duration::from_secs(10))
        .read_timeout(Duration::from_secs(30))
        .user_agent(concat!("ispeed/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| {
            CliError::failed(format_args!("no HTTP client: {}", with_causes(&error)), "report this as a defect")
        })
}

/// `base` with `path` below it.
pub(crate) fn endpoint(base: &Url, path: &str) -> Result<Url> {
    let mut base = base.clone();
    if !base.path().ends_with('/') {
        base.set_path(&format!("{}/", base.path()));
    }
    base.join(path).map_err(|error| CliError::usage(format_args!("{base}: {error}"), "give https://host[:port]"))
}

/// Reads `https://host[:port]` for clap.
pub(crate) fn parse_url(text: &str) -> std::result::Result<Url, String> {
    let wrong = || format!("{text:?} is not the address of a server; expected https://host[:port]");
    let url: Url = text.parse().map_err(|_| wrong())?;
    if matches!(url.scheme(), "https" | "http") && url.has_host() { Ok(url) } else { Err(wrong()) }
}

/// Sends; an answer that is no success becomes an error with the server's own words.
pub(crate) async fn send(request: reqwest::RequestBuilder) -> Result<Response> {
    let (client, request) = request.build_split();
    let request = request.map_err(|error| CliError::usage(with_causes(&error), "check the address"))?;
    let url = request.url().clone();
    let answer = client.execute(request).await.map_err(|error| cannot_reach(&url, &error))?;
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let body = answer.bytes().await.unwrap_or_default();
    let said = serde_json::from_slice::<Problem>(&body).map(|problem| problem.detail.unwrap_or(problem.title));
    Err(CliError::failed(
        format_args!("{url} answered {status}{}", said.map(|said| format!(": {said}")).unwrap_or_default()),
        if status.is_server_error() || status.as_u16() == 429 {
            "try again later"
        } else {
            "check the address and the arguments"
        },
    ))
}

pub(crate) fn cannot_reach(url: &Url, error: &reqwest::Error) -> CliError {
    let remedy = if format!("{error:?}").contains("Certificate") {
        "give the server's own certificate with --ca FILE if you trust it"
    } else {
        "check the address and that this machine is online"
    };
    CliError::failed(
        format_args!("cannot reach {}: {}", url.host_str().unwrap_or_default(), with_causes(error)),
        remedy,
    )
}

/// Sends and reads the JSON answer.
pub(crate) async fn json<T: DeserializeOwned>(request: reqwest::RequestBuilder) -> Result<T> {
    let answer = send(request).await?;
    let url = answer.url().clone();
    let bytes = body(answer, ANSWER_MAX_BYTES).await?;
    serde_json::from_slice(&bytes).map_err(|error| {
        CliError::failed(format_args!("{url} did not answer as an ispeed server does: {error}"), "check the address")
    })
}

/// The body of an answer, bounded.
pub(crate) async fn body(mut answer: Response, max_bytes: usize) -> Result<Vec<u8>> {
    let url = answer.url().clone();
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| cannot_reach(&url, &error))? {
        if bytes.len() + chunk.len() > max_bytes {
            return Err(CliError::failed(format_args!("{url} sends more than {max_bytes} bytes"), "check the address"));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// An error with the causes that its own text leaves out.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
