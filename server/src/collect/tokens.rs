//! `POST /v1/tokens`: the right to make servers move bytes, given sparingly.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use ispeed_meter::params;
use ispeed_protocol::UtcMicros;
use ispeed_protocol::direction::Direction;
use ispeed_protocol::problem::{FieldError, Problem};
use ispeed_protocol::token::{GrantedToken, TokenClaims, TokenRequest, TokenResponse, issue};
use uuid::Uuid;

use super::body::{self, Media};
use super::error::ApiError;
use super::limiter::Limited;
use super::metrics::TokenOutcome;
use super::prefix::PeerAddress;
use super::{Collector, parse};
use crate::limits;

/// Ask for tokens: one for each known server that is named, for the answering one when none is.
#[utoipa::path(
    post, path = "/v1/tokens", tag = "measure", request_body = TokenRequest,
    responses(
        (status = 200, body = TokenResponse, description = "One token a server that was asked for and is known"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "Wrong members, or no server known"),
        (status = 429, body = Problem, content_type = "application/problem+json", description = "Too many; see Retry-After"),
    )
)]
pub(super) async fn post_tokens(
    State(collector): State<Arc<Collector>>,
    peer: PeerAddress,
    media: Media,
    request: Body,
) -> Result<Json<TokenResponse>, ApiError> {
    let result = grant(&collector, peer, media, request).await;
    let outcome = match &result {
        Ok(_) => TokenOutcome::Granted,
        Err((outcome, _)) => *outcome,
    };
    collector.metrics.tokens.add(outcome as usize);
    result.map(Json).map_err(|(_, error)| error)
}

async fn grant(
    collector: &Collector,
    peer: PeerAddress,
    media: Media,
    request: Body,
) -> Result<TokenResponse, (TokenOutcome, ApiError)> {
    let malformed = |error| (TokenOutcome::Malformed, error);
    media.expect_json().map_err(malformed)?;
    let bytes = body::read(request, limits::SMALL_BODY_MAX_BYTES).await.map_err(malformed)?;
    let wrong = |errors| malformed(ApiError::fields("token_request_invalid", "The request has wrong members", errors));
    let request: TokenRequest = parse::record(&bytes).map_err(wrong)?;
    let device = check(&request).map_err(wrong)?;
    collector.limiter.check(device, peer.prefix()).map_err(limited)?;

    let servers = known_servers(collector, &request);
    if servers.is_empty() {
        let error = FieldError {
            pointer: "/servers".into(),
            value: format!("{:?}", request.servers),
            expected: "ids of GET /v1/servers".into(),
        };
        let error = ApiError::fields("server_unknown", "None of the servers is known here", vec![error]);
        return Err((TokenOutcome::UnknownServer, error));
    }
    let now = (collector.config.clock)();
    let tokens = servers.into_iter().map(|server| token(collector, &request, server, now)).collect();
    Ok(TokenResponse { tokens, server_time: now })
}

/// The device id as a number, or what is wrong with the request.
fn check(request: &TokenRequest) -> Result<u128, Vec<FieldError>> {
    let mut errors = Vec::new();
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    let device = Some(&request.device_id)
        .filter(|id| id.len() == 32 && id.bytes().all(hex))
        .and_then(|id| u128::from_str_radix(id, 16).ok());
    if device.is_none() {
        errors.push(FieldError {
            pointer: "/device_id".into(),
            value: parse::excerpt(&request.device_id.as_str().into()),
            expected: "32 lower-case hex digits".into(),
        });
    }
    if request.servers.len() > limits::TOKEN_SERVERS_MAX {
        errors.push(FieldError {
            pointer: "/servers".into(),
            value: format!("{} servers", request.servers.len()),
            expected: format!("at most {}", limits::TOKEN_SERVERS_MAX),
        });
    }
    device.filter(|_| errors.is_empty()).ok_or(errors)
}

fn limited(limit: Limited) -> (TokenOutcome, ApiError) {
    let (outcome, who, seconds) = match limit {
        Limited::Device { retry_after_s } => (TokenOutcome::LimitedDevice, "this installation", retry_after_s),
        Limited::Prefix { retry_after_s } => (TokenOutcome::LimitedNetwork, "this network", retry_after_s),
    };
    (outcome, ApiError::too_many("too_many_tokens", "Too many measurements for now", who, seconds))
}

fn known_servers(collector: &Collector, request: &TokenRequest) -> Vec<String> {
    if request.servers.is_empty() {
        return vec![collector.config.server_id.clone()];
    }
    let mut known: Vec<String> = Vec::new();
    for id in &request.servers {
        if collector.servers.approved(id).is_some() && !known.contains(id) {
            known.push(id.clone());
        }
    }
    known
}

fn token(collector: &Collector, request: &TokenRequest, server: String, now: UtcMicros) -> GrantedToken {
    let key = &collector.config.keys.receipt;
    let claims = TokenClaims {
        id: Uuid::now_v7(),
        issuer: key.public().text(),
        audience: server.clone(),
        sample_id: request.sample_id,
        device_id: request.device_id.clone(),
        issued_at: now,
        start_by: now.plus_micros(i64::from(limits::TOKEN_START_SECONDS) * 1_000_000),
        max_bytes_down: budget(params::bytes_most(Direction::Down, request.long)),
        max_bytes_up: budget(params::bytes_most(Direction::Up, request.long)),
        max_seconds: if request.long { limits::TOKEN_LONG_RUN_SECONDS } else { limits::TOKEN_RUN_SECONDS },
        max_streams: limits::TOKEN_STREAMS,
    };
    GrantedToken { server, token: issue(&claims, key), claims }
}

/// The method's cap and what may be under way when the client stops.
fn budget(cap: u64) -> u64 {
    cap + ((cap as f64 * limits::TOKEN_TAIL_SHARE) as u64).max(limits::TOKEN_TAIL_MIN_BYTES)
}
