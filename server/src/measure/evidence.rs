//! `Stopped`: what this end saw of a direction, signed.

use ispeed_protocol::control::ServerMessage;
use ispeed_protocol::direction::Direction;
use ispeed_protocol::evidence::{Evidence, series_sha256};
use ispeed_protocol::signing::{SecretKey, SignatureError};

use super::recorder::Recorded;
use super::sessions::Session;

/// Version of the evidence record.
const EVIDENCE_VERSION: u32 = 1;

/// The answer to `Stop`.
///
/// # Errors
/// When the record cannot be put in canonical form, which a record of strings and integers always can.
pub(super) fn stopped(
    session: &Session,
    direction: Direction,
    recorded: Recorded,
    server_id: &str,
    key: &SecretKey,
) -> Result<ServerMessage, SignatureError> {
    let evidence = Evidence {
        v: EVIDENCE_VERSION,
        token_id: session.claims.id,
        sample_id: session.claims.sample_id,
        server_id: server_id.to_owned(),
        direction,
        bytes: recorded.bytes,
        started_at: recorded.started_at,
        ended_at: recorded.ended_at,
        network_prefix: session.network_prefix.clone(),
        asn: session.asn,
        flows: recorded.flows,
        series_sha256: series_sha256(&recorded.series),
        key: String::new(),
        signature: String::new(),
    }
    .sign(key)?;
    let sent = direction == Direction::Down;
    let mss_bytes = if sent { recorded.totals.send_mss_bytes } else { recorded.totals.receive_mss_bytes };
    Ok(ServerMessage::Stopped {
        direction,
        bytes: recorded.bytes,
        sender: sent.then(|| recorded.summary()),
        series: recorded.series,
        evidence,
        congestion_control: session.side(direction).congestion_control(),
        mss_bytes,
    })
}
