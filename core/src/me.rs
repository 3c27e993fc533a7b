//! "What do you hold of me?" and "delete it": answered for the monthly keys of this device, without an account.

use ispeed_protocol::identity::{OwnershipProof, PROOF_HEADER};
use ispeed_protocol::receipt::Receipt;
use ispeed_protocol::servers::Info;
use ispeed_protocol::{Month, UtcMicros};
use reqwest::{Client, Method};
use serde_json::Value;

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

/// The collector's answer for one month.
#[derive(Clone, PartialEq, Debug)]
pub struct MonthAnswer {
    /// Month.
    pub month: Month,
    /// Its answer, as it came.
    pub answer: Value,
}

/// Proofs for `months`, made for the collector whose receipt key is `audience`; they hold five minutes.
pub fn proofs(
    identity: &Identity,
    months: &[Month],
    action: Action,
    audience: &str,
    now: UtcMicros,
) -> Result<Vec<MonthProof>> {
    let proof = |&month: &Month| {
        let header = OwnershipProof::header(&identity.key(month), action.method(), audience, now);
        Ok(MonthProof { month, header: header.map_err(Error::internal)? })
    };
    months.iter().map(proof).collect()
}

/// Everything a collector holds of this device, month by month.
pub async fn read(outbox: &Outbox, client: &Client, collector: &str, now: UtcMicros) -> Result<Vec<MonthAnswer>> {
    ask(outbox, client, collector, Action::Read, now).await
}

/// Has a collector delete everything of this device, and notes its receipts in the ledger. What waits here is not touched:
/// withdraw the consent to keep it from being sent.
///
/// Errors: as of any question; `input` when a receipt does not hold, after the others were noted.
pub async fn delete(outbox: &Outbox, client: &Client, collector: &str, now: UtcMicros) -> Result<Vec<Receipt>> {
    let mut receipts = Vec::new();
    for month in ask(outbox, client, collector, Action::Delete, now).await? {
        receipts.extend(receipts_in(&month.answer)?);
    }
    let noted = receipts.iter().map(|receipt| outbox.deleted_at_collector(collector, receipt, now));
    noted.fold(Ok(()), |all, one| all.and(one))?;
    Ok(receipts)
}

async fn ask(
    outbox: &Outbox,
    client: &Client,
    collector: &str,
    action: Action,
    now: UtcMicros,
) -> Result<Vec<MonthAnswer>> {
    let base = collector_url(collector)?;
    let months = outbox.months_used(&base)?;
    if months.is_empty() {
        return Ok(Vec::new());
    }
    let info_url = format!("{base}/v1/info");
    let info: Info = http::json(client.get(&info_url).send().await, &format!("GET {info_url}")).await?;
    let url = format!("{base}/v1/me");
    let method = if action == Action::Read { Method::GET } else { Method::DELETE };
    let mut answers = Vec::new();
    for proof in proofs(outbox.identity(), &months, action, &info.public_key, now)? {
        let request = client.request(method.clone(), &url).header(PROOF_HEADER, proof.header);
        let answer = http::json(request.send().await, &format!("{method} {url}")).await?;
        answers.push(MonthAnswer { month: proof.month, answer });
    }
    Ok(answers)
}

/// The deletion receipts of an answer, in its member `receipts`.
fn receipts_in(answer: &Value) -> Result<Vec<Receipt>> {
    let wrong = |detail: String| Error::Server { status: 200, detail: format!("DELETE /v1/me: {detail}") };
    let list = answer.get("receipts").and_then(Value::as_array);
    let list = list.ok_or_else(|| wrong("the answer holds no list of receipts".into()))?;
    list.iter().map(|one| Receipt::parse(one.to_string().as_bytes()).map_err(|e| wrong(e.to_string()))).collect()
}
