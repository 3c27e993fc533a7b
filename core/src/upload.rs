//! Uploading with reqwest, for programs that own their sockets (the command line, probes). Phones do the same with the
//! platform's background upload; both go through [`Outbox::next_upload`] and [`Outbox::upload_answered`].

use std::sync::Arc;

use ispeed_protocol::UtcMicros;
use reqwest::{Client, Method};
use tokio::task::spawn_blocking;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::http::{UPLOAD_ANSWER_MAX_BYTES, bounded_body, network_failure};
use crate::outbox::{AfterUpload, Answer, NextUpload, Outbox, UploadRequest};

/// A clock: [`crate::clock::now`], or a test's own.
pub type Now = Arc<dyn Fn() -> UtcMicros + Send + Sync>;

/// What a drain did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Drained {
    /// Each upload in order, and what its answer did.
    pub uploads: Vec<(Uuid, AfterUpload)>,
    /// Something still waits, until this instant; `None`: nothing does, or nothing may be sent.
    pub waits_until: Option<UtcMicros>,
}

impl Drained {
    /// How many samples got their receipt.
    pub fn sent(&self) -> usize {
        self.uploads.iter().filter(|(_, after)| *after == AfterUpload::Sent).count()
    }
}

/// Sends whatever is due, one after the other, until nothing is: a network failure makes the rest wait, so that it ends
/// there. Dropping the future leaves nothing half done: what was in flight waits again after its lease.
pub async fn drain(outbox: Arc<Outbox>, client: &Client, now: Now) -> Result<Drained> {
    let mut drained = Drained::default();
    blocking(&outbox, Outbox::release_dead).await?;
    loop {
        let request = match blocking(&outbox, {
            let now = now();
            move |outbox| outbox.next_upload(now)
        })
        .await?
        {
            NextUpload::Upload(request) => request,
            NextUpload::Wait { until } => {
                drained.waits_until = Some(until);
                return Ok(drained);
            }
            NextUpload::Done => return Ok(drained),
        };
        let id = request.id;
        let answer = send(client, request).await;
        let answered_at = now();
        let after = blocking(&outbox, move |outbox| outbox.upload_answered(id, &answer, answered_at)).await?;
        drained.uploads.push((id, after));
    }
}

/// One upload. Whatever happens is an [`Answer`].
pub async fn send(client: &Client, request: UploadRequest) -> Answer {
    let method = Method::from_bytes(request.method.as_bytes()).unwrap_or(Method::PUT);
    let mut builder = client.request(method, request.url());
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    let response = match builder.body(request.body).send().await {
        Ok(response) => response,
        Err(error) => return Answer::NetworkFailure { kind: network_failure(&error) },
    };
    let code = response.status().as_u16();
    let headers = response
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect();
    match bounded_body(response, UPLOAD_ANSWER_MAX_BYTES).await {
        // An endless answer is no receipt; its status still says what it says.
        Ok(body) => Answer::HttpStatus { code, headers, body: body.unwrap_or_default() },
        Err(error) => Answer::NetworkFailure { kind: network_failure(&error) },
    }
}

pub(crate) async fn blocking<T: Send + 'static>(
    outbox: &Arc<Outbox>,
    work: impl FnOnce(&Outbox) -> Result<T> + Send + 'static,
) -> Result<T> {
    let outbox = Arc::clone(outbox);
    match spawn_blocking(move || work(&outbox)).await {
        Ok(done) => done,
        // The runtime is being shut down.
        Err(error) if error.is_cancelled() => Err(Error::Cancelled),
        Err(error) => Err(Error::internal(error)),
    }
}
