//! Records that leave.

use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ring::aead::{Aad, LessSafeKey, UnboundKey};
use rustls::crypto::cipher::{Iv, Nonce, make_tls13_aad};
use rustls::{ConnectionTrafficSecrets, ContentType, Tls13CipherSuite};
use tokio::io::AsyncWrite as _;

use super::{HEADER_BYTES, invalid, parts};
use crate::{LoadSocket, Payload, RECORD_BYTES};

/// The type of what is inside, behind it.
const TYPE_BYTES: usize = 1;
/// The tag of every cipher of TLS 1.3 that ring has.
const TAG_BYTES: usize = 16;
/// A full record on the wire.
const SLOT_BYTES: usize = HEADER_BYTES + RECORD_BYTES + TYPE_BYTES + TAG_BYTES;
/// Records handed to the kernel in one system call: what it may hold unsent.
const SLOTS: usize = 8;
/// Warning, close notify (RFC 8446 section 6.1).
const CLOSE_NOTIFY: [u8; 2] = [1, 0];

/// Sealed records that the kernel has not taken yet. One buffer, allocated once.
pub(super) struct Outbox {
    key: LessSafeKey,
    iv: Iv,
    sequence: u64,
    sequence_end: u64,
    bytes: Vec<u8>,
    waiting: Range<usize>,
    /// All slots hold random bytes.
    random: bool,
    closed: bool,
}

impl Outbox {
    pub(super) fn new(
        suite: &'static Tls13CipherSuite,
        sequence: u64,
        secrets: ConnectionTrafficSecrets,
    ) -> io::Result<Self> {
        let (key, iv, algorithm) = parts(secrets)?;
        let key = UnboundKey::new(algorithm, key.as_ref()).map_err(|_| io::Error::other("a key of another length"))?;
        Ok(Self {
            key: LessSafeKey::new(key),
            iv,
            sequence,
            sequence_end: suite.common.confidentiality_limit,
            bytes: Vec::new(),
            waiting: 0..0,
            random: false,
            closed: false,
        })
    }

    /// Seals the beginning of `data`; how much of it. Only when nothing waits.
    pub(super) fn seal(&mut self, data: &[u8]) -> io::Result<usize> {
        let data = &data[..data.len().min(SLOTS * RECORD_BYTES)];
        let slots = data.len().div_ceil(RECORD_BYTES);
        self.reserve(slots);
        for (slot, chunk) in data.chunks(RECORD_BYTES).enumerate() {
            self.slot(slot)[HEADER_BYTES..HEADER_BYTES + chunk.len()].copy_from_slice(chunk);
            self.seal_slot(slot, chunk.len(), ContentType::ApplicationData)?;
        }
        Ok(data.len())
    }

    /// Seals up to `max` random bytes; how many. Only when nothing waits.
    ///
    /// What was sealed before is as good as random, so that it is the next plain text where it lies: each record goes
    /// through the cipher once more under its own number, and nothing is copied.
    pub(super) fn seal_random(&mut self, payload: &mut Payload, max: usize) -> io::Result<usize> {
        if !self.random {
            self.reserve(SLOTS);
            for slot in 0..SLOTS {
                let chunk = payload.chunk(RECORD_BYTES);
                self.slot(slot)[HEADER_BYTES..HEADER_BYTES + chunk.len()].copy_from_slice(chunk);
                payload.advance(chunk.len());
            }
            self.random = true;
        }
        let n = max.min(SLOTS * RECORD_BYTES);
        for slot in 0..n.div_ceil(RECORD_BYTES) {
            let plain_bytes = RECORD_BYTES.min(n - slot * RECORD_BYTES);
            self.seal_slot(slot, plain_bytes, ContentType::ApplicationData)?;
        }
        Ok(n)
    }

    /// Seals the announcement of the end, once.
    pub(super) fn seal_close(&mut self) -> io::Result<()> {
        if !self.closed {
            self.closed = true;
            self.reserve(1);
            self.slot(0)[HEADER_BYTES..HEADER_BYTES + CLOSE_NOTIFY.len()].copy_from_slice(&CLOSE_NOTIFY);
            self.seal_slot(0, CLOSE_NOTIFY.len(), ContentType::Alert)?;
        }
        Ok(())
    }

    /// Hands all that waits to the kernel.
    pub(super) fn poll_drain(&mut self, socket: &mut LoadSocket, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.waiting.is_empty() {
            let n = ready!(Pin::new(&mut *socket).poll_write(cx, &self.bytes[self.waiting.clone()]))?;
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.waiting.start += n;
        }
        self.waiting = 0..0;
        Poll::Ready(Ok(()))
    }

    /// Hands as much to the kernel as it takes now.
    pub(super) fn send_now(&mut self, socket: &mut LoadSocket, cx: &mut Context<'_>) -> io::Result<()> {
        match self.poll_drain(socket, cx) {
            Poll::Ready(result) => result,
            Poll::Pending => Ok(()),
        }
    }

    fn reserve(&mut self, slots: usize) {
        let bytes = slots * SLOT_BYTES;
        if self.bytes.len() < bytes {
            self.bytes.resize(bytes, 0);
        }
    }

    fn slot(&mut self, slot: usize) -> &mut [u8] {
        &mut self.bytes[slot * SLOT_BYTES..(slot + 1) * SLOT_BYTES]
    }

    /// Seals the first `plain_bytes` of a slot; only the last of the slots that wait may be short.
    fn seal_slot(&mut self, slot: usize, plain_bytes: usize, typ: ContentType) -> io::Result<()> {
        if self.sequence >= self.sequence_end {
            return Err(invalid("the key has sealed as many records as it may"));
        }
        let inner_bytes = plain_bytes + TYPE_BYTES;
        let header = make_tls13_aad(inner_bytes + TAG_BYTES);
        let nonce = ring::aead::Nonce::assume_unique_for_key(Nonce::new(&self.iv, self.sequence).0);
        self.sequence += 1;
        let start = slot * SLOT_BYTES;
        let end = start + HEADER_BYTES + inner_bytes + TAG_BYTES;
        let record = &mut self.bytes[start..end];
        record[..HEADER_BYTES].copy_from_slice(&header);
        let (inner, tag_place) = record[HEADER_BYTES..].split_at_mut(inner_bytes);
        inner[plain_bytes] = u8::from(typ);
        let tag = self.key.seal_in_place_separate_tag(nonce, Aad::from(header), inner);
        let tag = tag.map_err(|_| invalid("a record cannot be sealed"))?;
        tag_place.copy_from_slice(tag.as_ref());
        self.waiting.end = end;
        Ok(())
    }
}
