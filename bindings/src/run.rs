//! The handle of one run.

use std::sync::Arc;

use ispeed_core::history::{document, document_of};
use ispeed_core::outbox::Outbox;

use crate::error::{IspeedError, Result};
use crate::facts::Facts;
use crate::runtime;
use crate::sample::SampleView;

/// A run that goes on. Closing or dropping it cancels; what was measured until then is kept all the same.
#[derive(uniffi::Object)]
pub struct Run {
    run: ispeed_core::Run,
    outbox: Arc<Outbox>,
}

impl Run {
    pub(crate) fn new(run: ispeed_core::Run, outbox: Arc<Outbox>) -> Self {
        Self { run, outbox }
    }
}

#[uniffi::export]
impl Run {
    /// Id of the sample this run becomes.
    pub fn id(&self) -> String {
        self.run.id().to_string()
    }

    /// Adds what the shell just learned; absent members change nothing. A transport that changed ends the run.
    pub fn push(&self, facts: Facts) -> Result<()> {
        Ok(self.run.push(facts.into())?)
    }

    /// Cell technology, interface or address changed: the run ends as `aborted`, `network_changed`.
    pub fn network_changed(&self) -> Result<()> {
        let mut facts = ispeed_core::protocol::facts::Facts::default();
        facts.transport.changed = true;
        Ok(self.run.push(facts)?)
    }

    /// Ends the run; no byte is moved 200 ms later.
    pub fn cancel(&self) {
        self.run.cancel();
    }

    /// Waits for the sample. May be called again. Whoever stops waiting does not stop the run: [`Run::cancel`] does.
    pub async fn outcome(&self) -> Result<RunResult> {
        let waiter = self.run.waiter();
        let outbox = Arc::clone(&self.outbox);
        let (ended, document) = runtime::run(async move {
            let ended = waiter.await?;
            let id = ended.sample.id;
            let stored = tokio::task::spawn_blocking(move || outbox.sample(id)).await;
            let document = stored.ok().and_then(std::result::Result::ok).flatten().and_then(|s| document(&s).ok());
            let document = match document {
                Some(document) => document,
                // The sample was erased while it was waited for; its bytes are at hand.
                None => document_of(&ended.signed.body, None)?,
            };
            Ok((ended, document))
        })
        .await?;
        Ok(RunResult {
            sample: SampleView::from((*ended.sample).clone()),
            detail: ended.detail,
            document: String::from_utf8(document).map_err(|e| IspeedError::Internal { reason: e.to_string() })?,
        })
    }
}

/// What became of a run: a sample in the outbox, whatever was measured.
#[derive(Clone, PartialEq, Debug, uniffi::Record)]
pub struct RunResult {
    /// The sample.
    pub sample: SampleView,
    /// What failed and at whom, one sentence in English.
    pub detail: Option<String>,
    /// The sample's JSON with its receipt, `{"sample":…,"receipt":…}`.
    pub document: String,
}
