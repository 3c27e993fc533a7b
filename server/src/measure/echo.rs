//! The UDP echo: one thread a socket, answers to valid MACs only, never longer than what it answers.
//!
//! Nothing else gets a reply: not a wrong MAC, not an unknown session, not a probe whose token does not verify. Times
//! are the kernel's receive stamp where there is one, so that a busy server does not look like a slow network.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ispeed_protocol::echo::{ECHO_MAX_BYTES, ECHO_MIN_BYTES, EchoKind, EchoPacket, padding, probe_key};
use ispeed_protocol::signing::PublicKey;
use ispeed_protocol::token;
use ispeed_wire::sys::{answer_datagram, receive_datagram, stamp_datagrams, tell_local_addresses};
use socket2::SockRef;

use super::Measure;
use super::clock::Clock;
use super::network::network_prefix;
use super::sessions::Sessions;
use super::stats::MeasureStats;
use crate::limits;

/// How long the thread may sleep before it looks whether it is to end.
const STOP_LOOK: Duration = Duration::from_millis(200);
/// Tokens are remembered for two such spans at most; a token lives for one.
const PROBES_SPAN: Duration = Duration::from_secs(62);

/// The thread of a UDP socket; dropping it ends it.
#[derive(Debug)]
pub struct EchoServer {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl EchoServer {
    pub(super) fn spawn(socket: UdpSocket, mut echo: Echo) -> io::Result<Self> {
        socket.set_nonblocking(false)?;
        socket.set_read_timeout(Some(STOP_LOOK))?;
        let ipv6 = socket.local_addr()?.is_ipv6();
        // Without stamps the time of reading stands in; without addresses routing chooses the one to answer from.
        let _ = stamp_datagrams(&SockRef::from(&socket));
        let _ = tell_local_addresses(&SockRef::from(&socket), ipv6);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("ispeed-echo".into()).spawn(move || {
            // One byte more than the longest packet: what is longer is not one.
            let mut buffer = [0; ECHO_MAX_BYTES + 1];
            while !stopped.load(Ordering::Relaxed) {
                // Time-outs, and errors such as an ICMP answer to an earlier reply, concern no packet.
                let Ok(datagram) = receive_datagram(&SockRef::from(&socket), &mut buffer) else { continue };
                let received_us = echo.clock.us().saturating_sub(datagram.age_us.unwrap_or(0));
                let reply = echo.answer(&buffer[..datagram.len], datagram.from, received_us);
                echo.stats.echo(reply.is_some());
                if let Some(reply) = reply {
                    // A full queue loses it as a network would.
                    let _ = answer_datagram(&SockRef::from(&socket), &reply, &datagram);
                }
            }
        })?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for EchoServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // Its panic, if any, was reported where it happened.
            let _ = thread.join();
        }
    }
}

/// What answers.
#[derive(Debug)]
pub(super) struct Echo {
    clock: Clock,
    stats: Arc<MeasureStats>,
    sessions: Arc<Sessions>,
    issuers: Vec<PublicKey>,
    server_id: String,
    probes: Probes,
}

impl Echo {
    pub(super) fn new(measure: &Measure) -> Self {
        let inner = &measure.0;
        Self {
            clock: inner.clock,
            stats: Arc::clone(&inner.stats),
            sessions: Arc::clone(&inner.sessions),
            issuers: inner.config.issuers.clone(),
            server_id: inner.config.server_id.clone(),
            probes: Probes::new(Instant::now()),
        }
    }

    fn answer(&mut self, packet: &[u8], from: SocketAddr, received_us: u64) -> Option<Vec<u8>> {
        let header = EchoPacket::peek(packet)?;
        match header.kind {
            EchoKind::Request => {
                let session = self.sessions.by_echo_id(header.echo_id)?;
                let request = EchoPacket::decode(packet, session.key())?;
                session
                    .take(request.train, request.sequence, packet.len(), true)
                    .then(|| reply(&request, EchoKind::Reply, received_us, &self.clock, session.key(), packet.len()))
            }
            EchoKind::Probe => self.answer_probe(packet, from, received_us),
            EchoKind::Reply | EchoKind::ProbeReply => None,
        }
    }

    fn answer_probe(&mut self, packet: &[u8], from: SocketAddr, received_us: u64) -> Option<Vec<u8>> {
        let token = std::str::from_utf8(padding(packet)).ok()?.trim_end_matches('\0');
        let key = probe_key(token);
        let request = EchoPacket::decode(packet, &key)?;
        if !self.probes.may_look(from, Instant::now()) {
            return None;
        }
        token::verify(token, &self.issuers, &self.server_id, self.clock.utc()).ok()?;
        self.probes
            .may_answer(&key)
            .then(|| reply(&request, EchoKind::ProbeReply, received_us, &self.clock, &key, ECHO_MIN_BYTES))
    }
}

/// A reply to a request whose MAC was checked.
pub(super) fn reply(
    request: &EchoPacket,
    kind: EchoKind,
    received_us: u64,
    clock: &Clock,
    key: &[u8; 32],
    len: usize,
) -> Vec<u8> {
    let reply = EchoPacket { kind, server_receive_us: received_us, server_send_us: clock.us(), ..*request };
    reply.encode(key, len, b"")
}

/// Bounds on probes, whose tokens cost a signature check each.
#[derive(Debug)]
struct Probes {
    second: Instant,
    looked: u32,
    looked_by_prefix: HashMap<String, u32>,
    span: Instant,
    answered: HashMap<[u8; 32], u8>,
    answered_before: HashMap<[u8; 32], u8>,
}

impl Probes {
    fn new(now: Instant) -> Self {
        Self {
            second: now,
            looked: 0,
            looked_by_prefix: HashMap::new(),
            span: now,
            answered: HashMap::new(),
            answered_before: HashMap::new(),
        }
    }

    /// Whether a probe may cost a signature check.
    fn may_look(&mut self, from: SocketAddr, now: Instant) -> bool {
        if now.duration_since(self.second) >= Duration::from_secs(1) {
            (self.second, self.looked) = (now, 0);
            self.looked_by_prefix.clear();
        }
        if now.duration_since(self.span) >= PROBES_SPAN {
            self.span = now;
            self.answered_before = std::mem::take(&mut self.answered);
        }
        if self.looked >= limits::PROBES_PER_S {
            return false;
        }
        let of_prefix = self.looked_by_prefix.entry(network_prefix(from.ip())).or_default();
        if *of_prefix >= limits::PROBES_PER_PREFIX_PER_S {
            return false;
        }
        *of_prefix += 1;
        self.looked += 1;
        true
    }

    /// Whether a valid token's probe is still answered.
    fn may_answer(&mut self, key: &[u8; 32]) -> bool {
        let before = self.answered_before.get(key).copied().unwrap_or(0);
        let answered = self.answered.entry(*key).or_default();
        if before.saturating_add(*answered) >= limits::PROBES_PER_TOKEN_MAX {
            return false;
        }
        *answered += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_are_bounded_by_token_by_network_and_in_all() {
        let start = Instant::now();
        let mut probes = Probes::new(start);
        let near: SocketAddr = "192.0.2.1:9".parse().unwrap();
        let looks = (0..1_000).filter(|_| probes.may_look(near, start)).count();
        assert_eq!(looks, limits::PROBES_PER_PREFIX_PER_S as usize);
        let all = (0..255u8)
            .flat_map(|net| std::iter::repeat_n(net, 100))
            .filter(|net| probes.may_look(SocketAddr::from(([198, 51, *net, 1], 9)), start))
            .count();
        assert_eq!(looks + all, limits::PROBES_PER_S as usize);
        assert!(probes.may_look(near, start + Duration::from_secs(1)));

        let answers = |probes: &mut Probes| (0..20).filter(|_| probes.may_answer(&[1; 32])).count();
        assert_eq!(answers(&mut probes), usize::from(limits::PROBES_PER_TOKEN_MAX));
        probes.may_look(near, start + PROBES_SPAN);
        assert_eq!(answers(&mut probes), 0, "remembered for as long as a token lives");
        probes.may_look(near, start + PROBES_SPAN * 2);
        probes.may_look(near, start + PROBES_SPAN * 3);
        assert!(probes.answered.is_empty() && probes.answered_before.is_empty());
    }
}
