//! Records that arrive.

use std::io;
use std::ops::Range;
use std::task::{Context, Poll, ready};

use rustls::crypto::cipher::{InboundOpaqueMessage, MessageDecrypter};
use rustls::{ConnectionTrafficSecrets, ContentType, ProtocolVersion, Tls13CipherSuite};

use super::{HEADER_BYTES, invalid, parts};
use crate::socket::BULK_BYTES;
use crate::{Budget, LoadSocket, RECORD_BYTES};

/// Longest record (RFC 8446 section 5.2): the plain bytes and what padding and the cipher may add.
const RECORD_MAX_BYTES: usize = HEADER_BYTES + RECORD_BYTES + 256;
/// Handshake messages after the handshake: a ticket, which may be ignored.
const NEW_SESSION_TICKET: u8 = 4;
/// Alert that announces the end.
const CLOSE_NOTIFY: u8 = 0;

/// What was read of the socket and not looked at yet. One buffer, allocated with the first read.
pub(super) struct Inbox {
    decrypter: Box<dyn MessageDecrypter>,
    sequence: u64,
    bytes: Box<[u8]>,
    wanted_bytes: usize,
    /// Records as they came.
    sealed: Range<usize>,
    /// The opened record before them, as far as it was not taken.
    plain: Range<usize>,
    closed: bool,
    budget: Option<Budget>,
}

/// What a record was.
enum Opened {
    Data(Range<usize>),
    Nothing,
    Closed,
}

impl Inbox {
    pub(super) fn new(
        suite: &'static Tls13CipherSuite,
        sequence: u64,
        secrets: ConnectionTrafficSecrets,
    ) -> io::Result<Self> {
        let (key, iv, _) = parts(secrets)?;
        Ok(Self {
            decrypter: suite.aead_alg.decrypter(key, iv),
            sequence,
            bytes: Box::default(),
            wanted_bytes: RECORD_MAX_BYTES,
            sealed: 0..0,
            plain: 0..0,
            closed: false,
            budget: None,
        })
    }

    pub(super) fn read_in_bulk(&mut self, budget: Option<&Budget>) {
        self.wanted_bytes = BULK_BYTES;
        self.budget = budget.cloned();
    }

    pub(super) fn poll_discard(&mut self, socket: &mut LoadSocket, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let first = ready!(self.poll_plain(socket, cx))?.len();
        self.consume(first);
        let mut n = first;
        // The rest of what one system call brought; 0 stays the end of the stream.
        while n > 0 && self.next()? {
            n += self.plain.len();
            self.plain = 0..0;
        }
        Poll::Ready(Ok(n))
    }

    /// Plain bytes, at least one but at the end of the stream.
    pub(super) fn poll_plain(&mut self, socket: &mut LoadSocket, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        while self.plain.is_empty() && !self.closed {
            if !self.next()? && !self.closed {
                ready!(self.poll_fill(socket, cx))?;
            }
        }
        Poll::Ready(Ok(&self.bytes[self.plain.clone()]))
    }

    pub(super) fn consume(&mut self, bytes: usize) {
        self.plain.start = self.plain.end.min(self.plain.start + bytes);
    }

    /// Opens the next record that holds data; false when none is complete.
    fn next(&mut self) -> io::Result<bool> {
        while let Some(opened) = self.open()? {
            match opened {
                Opened::Data(plain) if !plain.is_empty() => {
                    self.plain = plain;
                    return Ok(true);
                }
                Opened::Data(_) | Opened::Nothing => {}
                Opened::Closed => {
                    self.closed = true;
                    return Ok(false);
                }
            }
        }
        Ok(false)
    }

    /// Opens the first record where it lies; `None` when it is not complete.
    fn open(&mut self) -> io::Result<Option<Opened>> {
        let sealed = &mut self.bytes[self.sealed.clone()];
        let Some((header, rest)) = sealed.split_first_chunk_mut::<HEADER_BYTES>() else { return Ok(None) };
        let [kind, _, _, high, low] = *header;
        let length = usize::from(u16::from_be_bytes([high, low]));
        if ContentType::from(kind) != ContentType::ApplicationData || HEADER_BYTES + length > RECORD_MAX_BYTES {
            return Err(invalid(format!(
                "record of type {kind} and {length} bytes; expected sealed data of at most 16640"
            )));
        }
        let Some(body) = rest.get_mut(..length) else { return Ok(None) };
        let message = InboundOpaqueMessage::new(ContentType::ApplicationData, ProtocolVersion::TLSv1_2, body);
        let message = self.decrypter.decrypt(message, self.sequence).map_err(invalid)?;
        self.sequence += 1;
        let start = self.sealed.start + HEADER_BYTES;
        let opened = match (message.typ, message.payload) {
            (ContentType::ApplicationData, data) => Opened::Data(start..start + data.len()),
            (ContentType::Alert, [_, CLOSE_NOTIFY]) => Opened::Closed,
            (ContentType::Handshake, [NEW_SESSION_TICKET, ..]) => Opened::Nothing,
            // A change of keys among others: it comes after 2^24 records, which no load has.
            (typ, _) => return Err(invalid(format!("{typ:?} in a load; expected data"))),
        };
        self.sealed.start = start + length;
        Ok(Some(opened))
    }

    /// Reads behind what is there.
    fn poll_fill(&mut self, socket: &mut LoadSocket, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.bytes.len() < self.wanted_bytes {
            let mut bytes = vec![0; self.wanted_bytes].into_boxed_slice();
            bytes[..self.sealed.len()].copy_from_slice(&self.bytes[self.sealed.clone()]);
            self.bytes = bytes;
        } else {
            // At most a part of a record: next to nothing, once in a bulk.
            self.bytes.copy_within(self.sealed.clone(), 0);
        }
        self.sealed = 0..self.sealed.len();
        self.plain = 0..0;
        let read = ready!(socket.poll_read_granted(cx, &mut self.bytes[self.sealed.end..], self.budget.as_ref()))?;
        if read == 0 {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        self.sealed.end += read;
        Poll::Ready(Ok(()))
    }
}
