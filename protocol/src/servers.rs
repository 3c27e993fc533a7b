//! Test points (điểm đo): the list a collector serves and the file an administrator writes.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::time::UtcMicros;

/// Which network a test point sits in; decides what a figure speaks of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ServerClass {
    /// Inside an operator's network: measures access.
    Operator,
    /// At the national exchange: access and domestic peering.
    Vnix,
    /// Outside Vietnam: never counts towards the quota.
    Abroad,
    /// The collector of a demo or a laboratory.
    Lab,
}

/// One test point.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerEntry {
    /// Short id, `[a-z0-9-]{1,32}`.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// City or place.
    pub place: String,
    /// Name or AS of the network it sits in.
    pub host_network: String,
    /// Class of that network.
    pub class: ServerClass,
    /// Base URL, `https://host[:port]`. UDP echo listens on the same port unless `udp_port` says another.
    pub url: String,
    /// UDP port of the echo.
    #[serde(default)]
    pub udp_port: Option<u16>,
    /// Ed25519 public key its evidence is signed with.
    pub public_key: String,
}

/// `GET /v1/servers`, and the file of `--servers`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerList {
    /// Test points.
    pub servers: Vec<ServerEntry>,
}

/// `GET /v1/info`: who answers, and what it still accepts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Info {
    /// Public name of the collector.
    pub name: String,
    /// Id of the measuring end that answers.
    pub server_id: String,
    /// Public key of receipts and tokens.
    pub public_key: String,
    /// Public key of the evidence of the measuring end that answers.
    pub evidence_key: String,
    /// Version of the program.
    pub version: String,
    /// Version of the protocol.
    pub protocol: u32,
    /// Oldest method whose samples are still counted.
    pub oldest_method: u32,
    /// Oldest version of the core whose samples are still accepted, semantic.
    pub oldest_version: String,
    /// Version of the boundary table, if one is loaded.
    #[serde(default)]
    pub boundaries: Option<String>,
    /// Accepts simulated facts (demo).
    #[serde(default)]
    pub simulated_accepted: bool,
    /// UDP port of the echo.
    pub udp_port: u16,
    /// Clock.
    #[schema(value_type = String, format = DateTime)]
    pub time: UtcMicros,
}

/// What happened to a candidate in server selection; kept in the sample.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub struct ServerCandidate {
    /// Id.
    pub id: String,
    /// Median round trip of the probes, ms; `null` when none came back.
    pub rtt_ms: Option<f64>,
    /// `chosen`, `slower`, `no_answer`, `refused`.
    pub outcome: String,
}

/// The server a sample was measured against.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub struct UsedServer {
    /// Id.
    pub id: String,
    /// Class of its network, if the list said.
    #[serde(default)]
    pub class: Option<ServerClass>,
    /// The choice was automatic.
    pub automatic: bool,
    /// Everything that was considered.
    #[serde(default)]
    pub candidates: Vec<ServerCandidate>,
    /// Address family of the load: `ipv4` or `ipv6`.
    #[serde(default)]
    pub family: Option<String>,
    /// Network prefix the server saw: /24 or /48.
    #[serde(default)]
    pub network_prefix: Option<String>,
    /// Autonomous system the server saw.
    #[serde(default)]
    pub asn: Option<u32>,
    /// TLS cipher suite of the load flows.
    #[serde(default)]
    pub cipher: Option<String>,
}
