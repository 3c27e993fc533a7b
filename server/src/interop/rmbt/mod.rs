//! Open-RMBT: the control requests and the test connection of its clients.
//!
//! | request | what it is |
//! | --- | --- |
//! | `POST /RMBTControlServer/settings` | an id for the client |
//! | `POST /RMBTControlServer/testRequest` | a token and the address of the test connection: this server |
//! | `POST /RMBTControlServer/result` | read, answered, forgotten: it is no sample |
//! | `GET /rmbt` | upgrade to the test connection ([`talk`]) |
//!
//! The token is no admission, anyone gets one; it says which connections belong to one test, and bounds them. Places are
//! those of all clients without a token of the own protocol. A client is served what it asks for within [`limits`]; there
//! is no budget of bytes, because this protocol loads the link for its seconds whatever the rate.

mod body;
mod command;
mod control;
mod limits;
mod runs;
mod talk;
mod token;
mod wire;

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::body::Body;
use http::uri::Authority;
use http::{HeaderMap, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use serde::Serialize;
use uuid::Uuid;

use super::answers;
use crate::measure::upgrade::{self, Raw};
use crate::measure::{Connection, GuestLoad, Measure, Refusal, problem};
use control::{CONTROL, Client, Errors, Settings, Test, unknown_variant};
use runs::{Refused, Runs, Seat};
use talk::{TalkError, talk};
use token::{BadToken, TokenKey};
use wire::{Wire, WireError};

/// Path of the test connection.
const TEST: &str = "/rmbt";
/// Protocol that the test connection is upgraded to.
const UPGRADE: &str = "RMBT";

/// The server's side of RMBT; clones are the same one.
#[derive(Clone, Debug)]
pub(super) struct Rmbt(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Zero of the seconds in tokens.
    began: Instant,
    key: OnceLock<TokenKey>,
    runs: Runs,
}

impl Default for Rmbt {
    fn default() -> Self {
        Self(Arc::new(Inner { began: Instant::now(), key: OnceLock::new(), runs: Runs::default() }))
    }
}

impl Rmbt {
    /// Whether a path belongs to RMBT.
    pub(super) fn serves(path: &str) -> bool {
        path == TEST || path.starts_with(CONTROL)
    }

    /// Answers a request; a test connection runs on after it.
    pub(super) async fn answer(
        &self,
        measure: &Measure,
        request: Request<Incoming>,
        connection: Connection,
    ) -> Response<Body> {
        let path = request.uri().path();
        let allowed = if path == TEST { "GET" } else { "POST" };
        if request.method() != allowed {
            return answers::method(request.method(), allowed);
        }
        let control = path.strip_prefix(CONTROL).map(str::to_owned);
        match control.as_deref() {
            None => self.open(measure, request, connection),
            Some("settings") => match body::client(request.into_body()).await {
                Ok(client) => json(&Settings::of(&client)),
                Err(refused) => *refused,
            },
            Some("testRequest") => {
                let reached_as = reached_as(request.headers(), connection.local);
                match (body::client(request.into_body()).await, reached_as) {
                    (Ok(client), Ok(reached_as)) => self.test(&client, &reached_as, connection.secure),
                    (Err(refused), _) | (_, Err(refused)) => *refused,
                }
            }
            Some("result") => match body::forget(request.into_body()).await {
                Ok(()) => json(&Errors::none()),
                Err(refused) => *refused,
            },
            Some(other) => {
                let told = format!("\"{}\"; expected settings, testRequest or result", command::quoted(other));
                wrong(StatusCode::NOT_FOUND, "not_found", told)
            }
        }
    }

    /// A test, or why there is none.
    fn test(&self, client: &Client, reached_as: &Authority, encrypted: bool) -> Response<Body> {
        if let Some(told) = unknown_variant(client) {
            return json(&Errors::one(told));
        }
        let Some(key) = self.key() else {
            return json(&Errors::one("no random numbers on this system; expected some for a token"));
        };
        let test = Uuid::now_v7();
        json(&Test::new(test, key.issue(test, self.now_s()), reached_as, encrypted))
    }

    /// Opens a test connection, or says why not.
    fn open(&self, measure: &Measure, request: Request<Incoming>, connection: Connection) -> Response<Body> {
        if !upgrade::asks_for(&request, UPGRADE) {
            return measure.refuse(&Refusal::Upgrade("Connection: Upgrade and Upgrade: RMBT"));
        }
        let load = match measure.admit_guest(connection.peer.ip()) {
            Ok(load) => load,
            Err(refused) => return *refused,
        };
        // While nothing flows. Refused where the kernel has it not.
        let _ = connection.probe.set_congestion_control(measure.wanted_congestion_control());
        let on_upgrade = hyper::upgrade::on(request);
        tokio::spawn(self.clone().serve(on_upgrade, connection, load));
        upgrade::switching(UPGRADE)
    }

    async fn serve(self, on_upgrade: OnUpgrade, connection: Connection, load: GuestLoad) {
        // Named, so that the connection's place is held to the end of this function.
        let Some(Raw { stream, read, place: _place }) = upgrade::raw(on_upgrade, connection.place).await else {
            return;
        };
        let cancelled = load.cancelled().clone();
        let mut wire = Wire::new(stream, &read, load);
        let ended = tokio::select! {
            biased;
            () = cancelled.cancelled() => None,
            ended = talk(&mut wire, |token| self.enter(token)) => Some(ended),
        };
        match ended {
            Some(Ok(())) => wire.end("BYE\n").await,
            Some(Err(TalkError::Wire(WireError::Stalled))) => {
                wire.load().stalled();
                wire.reset();
            }
            Some(Err(TalkError::Wire(WireError::Closed))) | None => wire.reset(),
            Some(Err(error)) => wire.end(&format!("ERR {error}\n")).await,
        }
    }

    fn enter(&self, token: &str) -> Result<Seat, Refused> {
        let now_s = self.now_s();
        let (test, ends_s) = self.key().ok_or(BadToken::Unknown)?.check(token, now_s)?;
        self.0.runs.enter(test, ends_s, now_s)
    }

    /// The key of this process; `None` when the system has no random numbers.
    fn key(&self) -> Option<&TokenKey> {
        match self.0.key.get() {
            Some(key) => Some(key),
            None => {
                let key = TokenKey::new().ok()?;
                Some(self.0.key.get_or_init(|| key))
            }
        }
    }

    fn now_s(&self) -> u64 {
        self.0.began.elapsed().as_secs()
    }
}

/// Name and port by which the client reached this server: it will reach the test connection by them too, whatever stands
/// between. Nobody else is ever told.
fn reached_as(headers: &HeaderMap, local: SocketAddr) -> Result<Authority, Box<Response<Body>>> {
    let host = match headers.get(header::HOST) {
        None => local.to_string(),
        Some(host) => String::from_utf8_lossy(host.as_bytes()).into_owned(),
    };
    let authority = host.parse::<Authority>().ok().filter(|authority| !authority.host().is_empty());
    authority.ok_or_else(|| {
        let told = format!("Host: \"{}\"; expected a name or an address, and perhaps a port", command::quoted(&host));
        Box::new(wrong(StatusCode::BAD_REQUEST, "host", told))
    })
}

fn json(answer: &impl Serialize) -> Response<Body> {
    // Strings and numbers always become JSON.
    answers::json(&serde_json::to_value(answer).unwrap_or_default())
}

fn wrong(status: StatusCode, kind: &str, detail: String) -> Response<Body> {
    problem(status, kind, "The RMBT request was refused.", detail)
}
