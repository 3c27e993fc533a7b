//! `GET` and `DELETE /v1/me`: what the owner of a monthly key may see and take back.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use ispeed_protocol::identity::{OwnershipProof, PROOF_HEADER, device_id};
use ispeed_protocol::mine::{Deleted, OwnSample, OwnSamples};
use ispeed_protocol::problem::Problem;
use ispeed_protocol::receipt::{Receipt, ReceiptKind};
use serde_json::value::RawValue;

use super::error::ApiError;
use super::query::Params;
use super::{Collector, submit};
use crate::limits;
use crate::store::{OwnedSample, StoreError};

/// The samples of a monthly key, for its owner.
#[utoipa::path(
    get, path = "/v1/me", tag = "my data",
    params(
        ("ispeed-proof" = String, Header, description = "base64url of an ownership proof for GET"),
        ("after" = Option<i64>, Query, description = "`next` of the answer before"),
    ),
    responses(
        (status = 200, body = OwnSamples),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "No proof, or not for this key, action, collector and time"),
    )
)]
pub(super) async fn get_me(
    State(collector): State<Arc<Collector>>,
    headers: HeaderMap,
    params: Params,
) -> Result<Json<OwnSamples>, ApiError> {
    let device_id = proven_device(&collector, &headers, "GET")?;
    let after = params.parse::<i64>("after", "the `next` of the answer before, a whole number")?.unwrap_or(0);
    let held = collector.store.of_device(device_id.clone(), after, limits::OWN_SAMPLES_PAGE).await?;
    let full = held.len() == limits::OWN_SAMPLES_PAGE as usize;
    let next = held.last().filter(|_| full).map(|last| last.position);
    let samples = held.into_iter().map(own).collect::<Result<_, _>>()?;
    Ok(Json(OwnSamples { device_id, samples, next }))
}

fn own(held: OwnedSample) -> Result<OwnSample, StoreError> {
    let unreadable = |cause: String| StoreError::Unreadable { what: "sample body", cause };
    let text = String::from_utf8(held.body).map_err(|e| unreadable(e.to_string()))?;
    Ok(OwnSample {
        id: held.id,
        sample: RawValue::from_string(text).map_err(|e| unreadable(e.to_string()))?,
        receipt: held.held.receipt,
        verdict: held.held.verdict,
        place: held.held.place,
    })
}

/// Delete every sample of a monthly key. Ids and hashes stay, so that chains of receipts verify.
#[utoipa::path(
    delete, path = "/v1/me", tag = "my data",
    params(("ispeed-proof" = String, Header, description = "base64url of an ownership proof for DELETE")),
    responses(
        (status = 200, body = Deleted, description = "One receipt a deleted sample; none when nothing was held"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "Busy; see Retry-After"),
    )
)]
pub(super) async fn delete_me(
    State(collector): State<Arc<Collector>>,
    headers: HeaderMap,
) -> Result<Json<Deleted>, ApiError> {
    let device_id = proven_device(&collector, &headers, "DELETE")?;
    let at = (collector.config.clock)();
    let key = collector.config.keys.receipt.clone();
    let name = collector.config.name.clone();
    let chain_key = key.public().text();
    let sign = Box::new(move |given: &Receipt, next: &crate::store::ChainLink| {
        let deletion =
            Receipt { kind: ReceiptKind::Deletion, received_at: at, collector: name.clone(), ..given.clone() };
        submit::link(deletion, next, &key)
    });
    let receipts = collector.store.delete_device(chain_key, device_id.clone(), at, sign).await?;
    collector.metrics.deleted.add(receipts.len() as u64);
    Ok(Json(Deleted { device_id, receipts }))
}

fn proven_device(collector: &Collector, headers: &HeaderMap, action: &str) -> Result<String, ApiError> {
    let refused =
        |detail: String| ApiError::new(StatusCode::UNAUTHORIZED, "proof_invalid", "Ownership is not proven", detail);
    let header = headers
        .get(PROOF_HEADER)
        .and_then(|value| value.to_str().ok())
        .ok_or_else(|| refused(format!("expected the header {PROOF_HEADER} with an ownership proof")))?;
    let audience = collector.config.keys.receipt.public().text();
    let key = OwnershipProof::check(header, action, &audience, (collector.config.clock)()).map_err(refused)?;
    Ok(device_id(&key))
}
