//! UDP echo packets.
//!
//! Big endian. A reply is exactly as long as its request, so that the echo can amplify nothing; a request without a
//! valid MAC gets no reply at all.
//!
//! ```text
//!  0  magic "iSPE"            4      8 session echo id      8     24 client send time µs   8
//!  4  version 1               1     16 sequence             4     32 server receive time µs 8
//!  5  kind 1 request 2 reply  1     20 reserved 0           4     40 server send time µs    8
//!       3 probe 4 probe reply             48 padding (any), then the last 16 bytes: HMAC-SHA256 truncated
//!  6  train                   2
//! ```
//! A probe (kind 3) is sent before a session exists: its padding is the token's text, its MAC is keyed with
//! SHA-256("ispeed probe" ‖ token), and its reply (kind 4) is 64 bytes with the same key.
//!
//! Where UDP is blocked, kinds 1 and 2 travel as binary messages of a WebSocket (`GET /v1/echo`, bearer = session),
//! packet for packet; what was measured so is labelled, and no loss is told of it.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// Least length of a packet: header and MAC.
pub const ECHO_MIN_BYTES: usize = 64;
/// Length of packets in loss trains: a G.711 frame of 20 ms in RTP (measurement.md section 6).
pub const ECHO_TRAIN_BYTES: usize = 172;
/// Longest packet read.
pub const ECHO_MAX_BYTES: usize = 1_200;
const HEADER_BYTES: usize = 48;
const MAC_BYTES: usize = 16;
const MAGIC: [u8; 4] = *b"iSPE";
const VERSION: u8 = 1;

/// Kind of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum EchoKind {
    /// Client asks.
    Request = 1,
    /// Server answers.
    Reply = 2,
    /// Client asks before a session, with a token.
    Probe = 3,
    /// Server answers a probe.
    ProbeReply = 4,
}

/// The header of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EchoPacket {
    /// Kind.
    pub kind: EchoKind,
    /// Train the packet belongs to.
    pub train: u16,
    /// Session; 0 in probes.
    pub echo_id: u64,
    /// Number in the train, from 0.
    pub sequence: u32,
    /// Client's monotonic clock when it sent, µs.
    pub client_send_us: u64,
    /// Server's monotonic clock when it received, µs; 0 in requests.
    pub server_receive_us: u64,
    /// Server's monotonic clock when it sent, µs; 0 in requests.
    pub server_send_us: u64,
}

impl EchoPacket {
    /// Writes header, padding and MAC into a packet of `len` bytes (at least [`ECHO_MIN_BYTES`] and room for `padding`).
    pub fn encode(&self, key: &[u8; 32], len: usize, padding: &[u8]) -> Vec<u8> {
        let len = len.max(HEADER_BYTES + padding.len() + MAC_BYTES).max(ECHO_MIN_BYTES);
        let mut out = vec![0u8; len];
        out[..4].copy_from_slice(&MAGIC);
        out[4] = VERSION;
        out[5] = self.kind as u8;
        out[6..8].copy_from_slice(&self.train.to_be_bytes());
        out[8..16].copy_from_slice(&self.echo_id.to_be_bytes());
        out[16..20].copy_from_slice(&self.sequence.to_be_bytes());
        out[24..32].copy_from_slice(&self.client_send_us.to_be_bytes());
        out[32..40].copy_from_slice(&self.server_receive_us.to_be_bytes());
        out[40..48].copy_from_slice(&self.server_send_us.to_be_bytes());
        out[HEADER_BYTES..HEADER_BYTES + padding.len()].copy_from_slice(padding);
        let mac = mac(key, &out[..len - MAC_BYTES]);
        out[len - MAC_BYTES..].copy_from_slice(&mac);
        out
    }

    /// Reads the header without checking the MAC: to find the session whose key to check with.
    pub fn peek(packet: &[u8]) -> Option<Self> {
        if packet.len() < ECHO_MIN_BYTES
            || packet.len() > ECHO_MAX_BYTES
            || packet[..4] != MAGIC
            || packet[4] != VERSION
        {
            return None;
        }
        let kind = match packet[5] {
            1 => EchoKind::Request,
            2 => EchoKind::Reply,
            3 => EchoKind::Probe,
            4 => EchoKind::ProbeReply,
            _ => return None,
        };
        let u64_at = |i: usize| packet[i..i + 8].iter().fold(0, |n, b| n << 8 | u64::from(*b));
        Some(Self {
            kind,
            train: u16::from_be_bytes([packet[6], packet[7]]),
            echo_id: u64_at(8),
            sequence: u32::from_be_bytes([packet[16], packet[17], packet[18], packet[19]]),
            client_send_us: u64_at(24),
            server_receive_us: u64_at(32),
            server_send_us: u64_at(40),
        })
    }

    /// Reads a packet and checks its MAC in constant time.
    pub fn decode(packet: &[u8], key: &[u8; 32]) -> Option<Self> {
        let header = Self::peek(packet)?;
        let (body, mac_bytes) = packet.split_at(packet.len() - MAC_BYTES);
        keyed(key, body).verify_truncated_left(mac_bytes).ok()?;
        Some(header)
    }
}

/// Padding of a packet: a probe's token.
pub fn padding(packet: &[u8]) -> &[u8] {
    packet.get(HEADER_BYTES..packet.len().saturating_sub(MAC_BYTES)).unwrap_or_default()
}

/// Key of a probe and its reply.
pub fn probe_key(token: &str) -> [u8; 32] {
    Sha256::new().chain_update(b"ispeed probe").chain_update(token.as_bytes()).finalize().into()
}

fn keyed(key: &[u8; 32], body: &[u8]) -> Hmac<Sha256> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(body);
    mac
}

fn mac(key: &[u8; 32], body: &[u8]) -> [u8; MAC_BYTES] {
    let full = keyed(key, body).finalize().into_bytes();
    let mut out = [0; MAC_BYTES];
    out.copy_from_slice(&full[..MAC_BYTES]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet() -> EchoPacket {
        EchoPacket {
            kind: EchoKind::Request,
            train: 2,
            echo_id: 0x0123_4567_89ab_cdef,
            sequence: 77,
            client_send_us: 123_456,
            server_receive_us: 0,
            server_send_us: 0,
        }
    }

    #[test]
    fn round_trip_and_every_changed_byte_is_refused() {
        let key = [5; 32];
        let bytes = packet().encode(&key, ECHO_TRAIN_BYTES, b"");
        assert_eq!(bytes.len(), ECHO_TRAIN_BYTES);
        assert_eq!(EchoPacket::decode(&bytes, &key), Some(packet()));
        assert_eq!(EchoPacket::decode(&bytes, &[6; 32]), None);
        for i in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[i] ^= 1;
            assert_eq!(EchoPacket::decode(&changed, &key), None, "byte {i}");
        }
        for len in 0..bytes.len() {
            assert_eq!(EchoPacket::decode(&bytes[..len], &key), None, "length {len}");
        }
    }

    #[test]
    fn a_probe_carries_its_token() {
        let token = "ispeed1.abc.def";
        let bytes = EchoPacket { kind: EchoKind::Probe, ..packet() }.encode(&probe_key(token), 0, token.as_bytes());
        assert!(std::str::from_utf8(padding(&bytes)).unwrap().trim_end_matches('\0') == token);
    }
}
