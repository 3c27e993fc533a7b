//! "What do you hold of me?" and "delete it": answered for the monthly keys of this device, without an account.

use ispeed_protocol::identity::{OwnershipProof, PROOF_HEADER};
use ispeed_protocol::mine::{Deleted, OwnSamples};
use ispeed_protocol::receipt::Receipt;
use ispeed_protocol::servers::Info;
use ispeed_protocol::{Month, UtcMicros};
use reqwest::{Client, Method};

use crate::error::{Error, Result};
use crate::http;
use crate::identity::Identity;
use crate::outbox::{Outbox, collector_url};

/// What is asked of the collector.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Action {
    /// Show.
    Read,
    /// Delete.
    Delete,
}

impl Action {
    /// The HTTP method, and the action a proof names: a proof for reading cannot be replayed to delete.
    pub fn method(self) -> &'static str {
        match self {
            Self::Read => "GET",
            Self::Delete => "DELETE",
        }
    }
}

/// The proof for one month.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MonthProof {
    /// Month.
    pub month: Month,
    /// Value of the header `ispeed-proof`.
    pub header: String,
}

/// What a collector holds of this device for one month.
#[derive(Debug)]
pub struct MonthAnswer {
    /// Month.
    pub month: Month,
    /// All of it, whatever number of pages it came in; bodies are byte for byte as they were handed in.
    pub answer: OwnSamples,
}

/// Proofs for `months`, made for the collector whose receipt key is `audience`. They hold five minutes around `at`, by the
/// collector's clock.
pub fn proofs(
    identity: &Identity,
    months: &[Month],
    action: Action,
    audience: &str,
    at: UtcMicros,
) -> Result<Vec<MonthProof>> {
    let proof = |&month: &Month| {
        let header = OwnershipProof::header(&identity.key(month), action.method(), audience, at);
        Ok(MonthProof { month, header: header.map_err(Error::internal)? })
    };
    months.iter().map(proof).collect()
}

/// Everything a collector holds of this device, month by month.
///
/// Errors: those of any question (`no_network`, `timeout`, `tls`, `server`); `server` also when the collector answers with
/// another key than the one it is known by.
pub async fn read(outbox: &Outbox, client: &Client, collector: &str) -> Result<Vec<MonthAnswer>> {
    let base = collector_url(collector)?;
    let mut answers = Vec::new();
    for month in outbox.months_used(&base)? {
        let mut answer: Option<OwnSamples> = None;
        loop {
            let after = answer.as_ref().and_then(|all| all.next);
            let page: OwnSamples = ask(outbox, client, &base, month, Action::Read, after).await?;
            let device_id = page.device_id;
            let all = answer.get_or_insert(OwnSamples { device_id, samples: Vec::new(), next: None });
            // A page that leads back to itself would never end.
            all.next = page.next.filter(|next| Some(*next) > after);
            all.samples.extend(page.samples);
            if all.next.is_none() {
                break;
            }
        }
        answers.extend(answer.map(|answer| MonthAnswer { month, answer }));
    }
    Ok(answers)
}

/// Has a collector delete everything of this device, and notes its receipts in the ledger. What waits here is not touched:
/// withdraw the consent, or erase it, to keep it from being sent.
///
/// Errors: as [`read`]; `input` when a receipt does not hold, after the others were noted. Asking again is harmless.
pub async fn delete(outbox: &Outbox, client: &Client, collector: &str, now: UtcMicros) -> Result<Vec<Receipt>> {
    let base = collector_url(collector)?;
    let mut receipts = Vec::new();
    let mut noted = Ok(());
    for month in outbox.months_used(&base)? {
        let deleted: Deleted = ask(outbox, client, &base, month, Action::Delete, None).await?;
        for receipt in deleted.receipts {
            noted = noted.and(outbox.deleted_at_collector(&base, &receipt, now));
            receipts.push(receipt);
        }
    }
    noted.map(|()| receipts)
}

async fn ask<T: serde::de::DeserializeOwned>(
    outbox: &Outbox,
    client: &Client,
    base: &str,
    month: Month,
    action: Action,
    after: Option<i64>,
) -> Result<T> {
    let info_url = format!("{base}/v1/info");
    let info: Info = http::json(client.get(&info_url).send().await, &format!("GET {info_url}")).await?;
    check_key(outbox, base, &info.public_key)?;
    // The proof's time is the collector's own, so that a phone with a wrong clock may see and delete its data too.
    let proof = proofs(outbox.identity(), &[month], action, &info.public_key, info.time)?.remove(0);
    let url = match after {
        None => format!("{base}/v1/me"),
        Some(after) => format!("{base}/v1/me?after={after}"),
    };
    let method = if action == Action::Read { Method::GET } else { Method::DELETE };
    let request = client.request(method, &url).header(PROOF_HEADER, proof.header);
    http::json(request.send().await, &format!("{} {url}", action.method())).await
}

fn check_key(outbox: &Outbox, base: &str, key: &str) -> Result<()> {
    let known = outbox.collector_keys(Some(base))?;
    if known.is_empty() || known.iter().any(|k| k.key == key) {
        return Ok(());
    }
    let known = known.iter().map(|k| k.key.as_str()).collect::<Vec<_>>().join(", ");
    let detail = format!("{base} says its key is {key}; it is known by {known}. Accept the new key first");
    Err(Error::Server { status: 200, detail })
}
