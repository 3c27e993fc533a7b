//! Who answers: `GET /v1/info`, `/v1/servers`, `/v1/keys`, `/v1/boundaries`, and the schemas.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use ispeed_protocol::PROTOCOL_VERSION;
use ispeed_protocol::mine::{PublishedKey, PublishedKeys};
use ispeed_protocol::problem::Problem;
use ispeed_protocol::servers::{Info, ServerList};

use super::Collector;
use super::error::{ApiError, not_found};
use super::range::Part;
use crate::store::{KeyUse, UsedKey};

/// Who answers, and what it still accepts.
#[utoipa::path(get, path = "/v1/info", tag = "about", responses((status = 200, body = Info)))]
pub(super) async fn get_info(State(collector): State<Arc<Collector>>) -> Json<Info> {
    let config = &collector.config;
    Json(Info {
        name: config.name.clone(),
        server_id: config.server_id.clone(),
        public_key: config.keys.receipt.public().text(),
        evidence_key: config.keys.evidence.public().text(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        protocol: PROTOCOL_VERSION,
        oldest_method: config.oldest_method,
        oldest_version: config.oldest_version.clone(),
        boundaries: collector.communes.table().map(str::to_owned),
        simulated_accepted: config.accept_simulated,
        udp_port: collector.address.get().map_or(0, |a| a.udp_port),
        time: (config.clock)(),
    })
}

/// Test points.
#[utoipa::path(get, path = "/v1/servers", tag = "measure", responses((status = 200, body = ServerList)))]
pub(super) async fn get_servers(State(collector): State<Arc<Collector>>) -> Json<ServerList> {
    Json(collector.server_list())
}

/// Present and former public keys.
#[utoipa::path(get, path = "/v1/keys", tag = "about", responses((status = 200, body = PublishedKeys)))]
pub(super) async fn get_keys(State(collector): State<Arc<Collector>>) -> Result<Json<PublishedKeys>, ApiError> {
    let keys = &collector.config.keys;
    let current = [keys.receipt.public().text(), keys.evidence.public().text()];
    let mut published = PublishedKeys::default();
    for UsedKey { purpose, key, since } in collector.store.keys().await? {
        let entry = PublishedKey { current: current.contains(&key), key, since };
        match purpose {
            KeyUse::Receipt => published.receipt.push(entry),
            KeyUse::Evidence => published.evidence.push(entry),
        }
    }
    Ok(Json(published))
}

/// The boundary bundle this collector resolves with.
#[utoipa::path(
    get, path = "/v1/boundaries", tag = "plan",
    params(
        ("if-none-match" = Option<String>, Header, description = "ETag of the bundle at hand"),
        ("range" = Option<String>, Header, description = "The rest of one that was cut, bytes=N-"),
        ("if-range" = Option<String>, Header, description = "ETag of the one that was cut"),
    ),
    responses(
        (status = 200, body = [u8], content_type = "application/octet-stream", description = "The bundle; its ETag is its SHA-256"),
        (status = 206, description = "The rest of it"),
        (status = 304, description = "The bundle at hand is the present one"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "This collector has no bundle"),
        (status = 416, description = "It has no byte of that number"),
    )
)]
pub(super) async fn get_boundaries(
    State(collector): State<Arc<Collector>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (file, sha256) = collector.communes.file().ok_or_else(|| {
        not_found("this collector has no boundary bundle; ispeed boundaries fetch without --from takes the public one")
    })?;
    let etag = format!("\"{sha256}\"");
    let matches = has_etag(&headers, &etag);
    let part = Part::wanted(&headers, &etag, file.len());
    let caching = [(ETAG, etag), (CACHE_CONTROL, "public, max-age=3600".to_owned())];
    if matches {
        return Ok((StatusCode::NOT_MODIFIED, caching).into_response());
    }
    let kind =
        [(CONTENT_TYPE, "application/octet-stream"), (CONTENT_DISPOSITION, "attachment; filename=\"communes.bundle\"")];
    let ranges = [(ACCEPT_RANGES, "bytes")];
    let length = file.len();
    Ok(match part {
        Part::Whole => (caching, kind, ranges, file).into_response(),
        Part::From(first) => {
            let range = [(CONTENT_RANGE, format!("bytes {first}-{}/{length}", length - 1))];
            (StatusCode::PARTIAL_CONTENT, caching, kind, ranges, range, file.slice(first..)).into_response()
        }
        Part::Beyond => {
            (StatusCode::RANGE_NOT_SATISFIABLE, [(CONTENT_RANGE, format!("bytes */{length}"))]).into_response()
        }
    })
}

/// Whether the asker has what this tag names already (RFC 9110 section 13.1.2).
pub(super) fn has_etag(headers: &HeaderMap, etag: &str) -> bool {
    headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(','))
        .any(|tag| tag.trim().trim_start_matches("W/") == etag || tag.trim() == "*")
}
