//! The control requests of a client: what it is told of itself, of a test, and of its result.
//!
//! No result is kept: a result of this protocol says nothing of where it was measured, is signed by nobody and carries no
//! evidence, so it can never count as a sample. It is read, so that the client ends in order, and forgotten.

use http::uri::Authority;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::limits::{TEST_FLOWS, TEST_SECONDS};

/// Path of all control requests.
pub(super) const CONTROL: &str = "/RMBTControlServer/";

/// What a client says of itself; everything else in the body is of no use here.
#[derive(Default, Deserialize)]
pub(super) struct Client {
    /// The id it was given before.
    pub(super) uuid: Option<String>,
    /// `RMBT`, or the name of a variant.
    pub(super) client: Option<String>,
}

/// Answer to `settings`.
#[derive(Serialize)]
pub(super) struct Settings {
    settings: [OwnId; 1],
    error: [String; 0],
}

#[derive(Serialize)]
struct OwnId {
    uuid: Uuid,
}

/// Answer to `testRequest`.
#[derive(Serialize)]
pub(super) struct Test {
    test_token: String,
    test_uuid: Uuid,
    test_server_address: String,
    test_server_port: u16,
    test_server_encryption: bool,
    test_server_type: &'static str,
    test_duration: u32,
    test_numthreads: u32,
    test_wait: u32,
    error: [String; 0],
}

/// An answer that is nothing but its errors: what this protocol has for a refusal; and without any, for "received".
#[derive(Serialize)]
pub(super) struct Errors {
    error: Vec<String>,
}

impl Settings {
    /// The client's id: the one it has, or a new one. Nothing is remembered of it.
    pub(super) fn of(client: &Client) -> Self {
        let known = client.uuid.as_deref().and_then(|uuid| uuid.parse().ok());
        Self { settings: [OwnId { uuid: known.unwrap_or_else(Uuid::now_v7) }], error: [] }
    }
}

impl Test {
    /// A test with this server, under the name that the client reached it by.
    pub(super) fn new(test_uuid: Uuid, test_token: String, reached_as: &Authority, encrypted: bool) -> Self {
        let host = reached_as.host();
        Self {
            test_token,
            test_uuid,
            // Sockets take an IPv6 address without the brackets that a URL needs.
            test_server_address: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            test_server_port: reached_as.port_u16().unwrap_or(if encrypted { 443 } else { 80 }),
            test_server_encryption: encrypted,
            test_server_type: "RMBThttp",
            test_duration: TEST_SECONDS,
            test_numthreads: TEST_FLOWS,
            test_wait: 0,
            error: [],
        }
    }
}

impl Errors {
    /// Received.
    pub(super) fn none() -> Self {
        Self { error: Vec::new() }
    }

    /// Refused.
    pub(super) fn one(error: impl Into<String>) -> Self {
        Self { error: vec![error.into()] }
    }
}

/// Why a client that speaks a variant gets no test.
pub(super) fn unknown_variant(client: &Client) -> Option<String> {
    let variant = client.client.as_deref().filter(|variant| *variant != "RMBT")?;
    let variant = super::command::quoted(variant);
    Some(format!(
        "client: \"{variant}\"; expected RMBT, which this server speaks after an HTTP upgrade, without WebSocket"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(authority: &str, encrypted: bool) -> serde_json::Value {
        let test = Test::new(Uuid::nil(), "t".into(), &authority.parse().unwrap(), encrypted);
        serde_json::to_value(test).unwrap()
    }

    #[test]
    fn a_test_is_where_the_client_asked_for_it() {
        for (authority, encrypted, address, port) in [
            ("localhost:8443", true, "localhost", 8_443),
            ("do.example.vn", true, "do.example.vn", 443),
            ("do.example.vn", false, "do.example.vn", 80),
            ("[::1]:9000", false, "::1", 9_000),
        ] {
            let told = test(authority, encrypted);
            assert_eq!((&told["test_server_address"], &told["test_server_port"]), (&address.into(), &port.into()));
            assert_eq!(told["test_server_encryption"], encrypted);
            assert_eq!(told["error"], serde_json::json!([]));
        }
    }

    #[test]
    fn a_client_keeps_its_id_and_gets_one_when_it_has_none() {
        let id = Uuid::now_v7();
        let told = |uuid: Option<&str>| {
            let client = Client { uuid: uuid.map(str::to_owned), client: None };
            serde_json::to_value(Settings::of(&client)).unwrap()["settings"][0]["uuid"].as_str().unwrap().to_owned()
        };
        assert_eq!(told(Some(&id.to_string())), id.to_string());
        assert_ne!(told(None), told(Some("not an id")));
        assert_eq!(told(None).len(), 36);
    }

    #[test]
    fn a_variant_is_refused_by_name() {
        let of = |client: Option<&str>| unknown_variant(&Client { uuid: None, client: client.map(str::to_owned) });
        assert_eq!((of(None), of(Some("RMBT"))), (None, None));
        assert!(of(Some("RMBTws")).unwrap().starts_with("client: \"RMBTws\"; expected RMBT"));
    }
}
