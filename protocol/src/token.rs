//! Tokens: the right to make one server move bytes, once.
//!
//! Text form `ispeed1.<base64url of the JSON>.<base64url of the signature>`. The issuer (a collector, or the measuring
//! end itself) signs; the measuring end knows the issuers it trusts, checks audience and times, remembers the id until
//! it expires, and enforces the budgets while sending. Not bound to an address: carrier NAT and hand-overs change it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::signing::{PublicKey, SecretKey};
use crate::time::UtcMicros;

/// Domain of a token's signature.
pub const TOKEN_DOMAIN: &str = "ispeed token v1";
/// Longest time between issue and start.
pub const TOKEN_MAX_START_MICROS: i64 = 60_000_000;
/// A longer text is not a token; keeps it in one UDP datagram.
pub const TOKEN_MAX_CHARS: usize = 1_000;
/// Clock difference allowed between issuer and measuring end.
pub const TOKEN_CLOCK_SLACK_MICROS: i64 = 2_000_000;

/// What a token allows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct TokenClaims {
    /// Unique, remembered until `start_by`.
    pub id: Uuid,
    /// Public key of the issuer.
    pub issuer: String,
    /// Id of the one server it is for.
    pub audience: String,
    /// Sample it is for.
    pub sample_id: Uuid,
    /// Monthly id of the device that asked.
    pub device_id: String,
    /// When it was issued.
    #[schema(value_type = String, format = DateTime)]
    pub issued_at: UtcMicros,
    /// The run has to start before this: at most 60 s after `issued_at`.
    #[schema(value_type = String, format = DateTime)]
    pub start_by: UtcMicros,
    /// Bytes the server may send.
    pub max_bytes_down: u64,
    /// Bytes the server may take.
    pub max_bytes_up: u64,
    /// Seconds the whole run may take.
    pub max_seconds: u32,
    /// Load flows at once in a direction.
    pub max_streams: u8,
}

/// Why a token was refused. Stable: the text of `kind()` is sent to clients.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenError {
    /// Not of the text form, or too long.
    #[error("not a token: expected ispeed1.<claims>.<signature> of at most 1000 characters")]
    Malformed,
    /// The issuer is not one this server trusts.
    #[error("the token's issuer {0} is not trusted by this server")]
    UnknownIssuer(String),
    /// The signature is wrong.
    #[error("the token's signature does not match")]
    Signature,
    /// Meant for another server.
    #[error("the token is for server {0:?}, this is {1:?}")]
    Audience(String, String),
    /// Too late to start.
    #[error("the token had to be used before {0}")]
    Expired(UtcMicros),
    /// Issued in the future, or valid for longer than a token may be.
    #[error("the token's times are not acceptable: issued {0}, start by {1}")]
    Times(UtcMicros, UtcMicros),
    /// Used before.
    #[error("the token was used before")]
    Used,
}

impl TokenError {
    /// Stable kind for logs, metrics and clients.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Malformed => "token_malformed",
            Self::UnknownIssuer(_) => "token_unknown_issuer",
            Self::Signature => "token_signature",
            Self::Audience(..) => "token_audience",
            Self::Expired(_) => "token_expired",
            Self::Times(..) => "token_times",
            Self::Used => "token_used",
        }
    }
}

/// Signs claims into the text form.
pub fn issue(claims: &TokenClaims, key: &SecretKey) -> String {
    let json = serde_json::to_vec(claims).expect("claims hold only strings and integers");
    let payload = B64.encode(json);
    let signature = key.sign(TOKEN_DOMAIN, payload.as_bytes());
    format!("ispeed1.{payload}.{signature}")
}

/// Checks everything but single use, which needs memory: cheap checks first, the signature last.
pub fn verify(text: &str, issuers: &[PublicKey], audience: &str, now: UtcMicros) -> Result<TokenClaims, TokenError> {
    if text.len() > TOKEN_MAX_CHARS {
        return Err(TokenError::Malformed);
    }
    let body = text.strip_prefix("ispeed1.").ok_or(TokenError::Malformed)?;
    let (payload, signature) = body.split_once('.').ok_or(TokenError::Malformed)?;
    let json = B64.decode(payload).map_err(|_| TokenError::Malformed)?;
    let claims: TokenClaims = serde_json::from_slice(&json).map_err(|_| TokenError::Malformed)?;
    if claims.audience != audience {
        return Err(TokenError::Audience(claims.audience, audience.to_owned()));
    }
    let (issued, start_by) = (claims.issued_at, claims.start_by);
    if start_by.micros_since(issued) > TOKEN_MAX_START_MICROS
        || start_by < issued
        || issued.micros_since(now) > TOKEN_CLOCK_SLACK_MICROS
    {
        return Err(TokenError::Times(issued, start_by));
    }
    if now.micros_since(start_by) > TOKEN_CLOCK_SLACK_MICROS {
        return Err(TokenError::Expired(start_by));
    }
    let issuer = issuers
        .iter()
        .find(|key| key.text() == claims.issuer)
        .ok_or_else(|| TokenError::UnknownIssuer(claims.issuer.clone()))?;
    issuer.verify(TOKEN_DOMAIN, payload.as_bytes(), signature).map_err(|_| TokenError::Signature)?;
    Ok(claims)
}

/// `POST /v1/tokens`: what a client asks for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct TokenRequest {
    /// Sample the tokens are for.
    pub sample_id: Uuid,
    /// Monthly id of the device.
    pub device_id: String,
    /// Servers to get a token for, at most 5; empty: the one that answers.
    #[serde(default)]
    pub servers: Vec<String>,
    /// A long run is meant (10 s a direction).
    #[serde(default)]
    pub long: bool,
}

/// One granted token.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct GrantedToken {
    /// Server it is for.
    pub server: String,
    /// Text form.
    pub token: String,
    /// Its claims, for the client's eyes; the server reads the text form only.
    pub claims: TokenClaims,
}

/// Answer to `POST /v1/tokens`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct TokenResponse {
    /// One token a server that was asked for and is known.
    pub tokens: Vec<GrantedToken>,
    /// The issuer's clock, for the client's clock offset.
    #[schema(value_type = String, format = DateTime)]
    pub server_time: UtcMicros,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(issuer: &SecretKey) -> TokenClaims {
        let now = UtcMicros(1_790_000_000_000_000);
        TokenClaims {
            id: Uuid::from_u128(1),
            issuer: issuer.public().text(),
            audience: "hn1".into(),
            sample_id: Uuid::from_u128(2),
            device_id: "00".repeat(16),
            issued_at: now,
            start_by: now.plus_micros(60_000_000),
            max_bytes_down: 1,
            max_bytes_up: 2,
            max_seconds: 30,
            max_streams: 16,
        }
    }

    #[test]
    fn a_token_is_for_one_server_one_minute_and_one_issuer() {
        let key = SecretKey::from_bytes(&[3; 32]);
        let claims = claims(&key);
        let now = claims.issued_at;
        let text = issue(&claims, &key);
        assert!(text.len() < TOKEN_MAX_CHARS, "{}", text.len());
        let issuers = [key.public()];
        assert_eq!(verify(&text, &issuers, "hn1", now), Ok(claims.clone()));
        assert_eq!(verify(&text, &issuers, "hn2", now).unwrap_err().kind(), "token_audience");
        assert_eq!(verify(&text, &issuers, "hn1", now.plus_micros(63_000_000)).unwrap_err().kind(), "token_expired");
        assert_eq!(verify(&text, &issuers, "hn1", now.plus_micros(-3_000_000)).unwrap_err().kind(), "token_times");
        assert_eq!(verify(&text, &[], "hn1", now).unwrap_err().kind(), "token_unknown_issuer");
        let long = TokenClaims { start_by: now.plus_micros(61_000_000), ..claims };
        assert_eq!(verify(&issue(&long, &key), &issuers, "hn1", now).unwrap_err().kind(), "token_times");
    }

    #[test]
    fn every_changed_character_is_refused() {
        let key = SecretKey::from_bytes(&[3; 32]);
        let claims = claims(&key);
        let text = issue(&claims, &key);
        for i in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[i] = if bytes[i] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(verify(&changed, &[key.public()], "hn1", claims.issued_at).is_err(), "character {i}");
        }
    }
}
