//! TLS 1.3 records of a load, opened and sealed where they lie.
//!
//! rustls makes the connection: handshake, certificates, tickets, the upgrade above it. As a stream of bytes it copies
//! every record twice and allocates for it, which costs as much as the cryptography. From its upgrade on, a load
//! connection carries nothing but application data, so its records can be handled here, with the secrets that rustls
//! hands out for the kernel's TLS. The cryptography stays rustls's and ring's; what is here is framing (RFC 8446
//! section 5). A peer sees no difference.

mod inbox;
mod outbox;

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustls::{ConnectionTrafficSecrets, ExtractedSecrets, SupportedCipherSuite};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::{Budget, LoadSocket, Payload};
use inbox::Inbox;
use outbox::Outbox;

/// Type, version and length before each record.
const HEADER_BYTES: usize = 5;

/// A TLS 1.3 connection whose records are handled here.
pub struct Records {
    socket: LoadSocket,
    inbox: Inbox,
    outbox: Outbox,
    resumed: bool,
}

impl fmt::Debug for Records {
    // Keys are not printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records").field("socket", &self.socket).finish_non_exhaustive()
    }
}

impl Records {
    /// Goes on where rustls stopped: nothing that it read may wait there, nothing that it wrote either.
    pub(crate) fn new(
        socket: LoadSocket,
        suite: SupportedCipherSuite,
        secrets: ExtractedSecrets,
        resumed: bool,
    ) -> io::Result<Self> {
        let SupportedCipherSuite::Tls13(suite) = suite else {
            return Err(io::Error::other("only records of TLS 1.3 are handled here"));
        };
        let ((read, opening), (written, sealing)) = (secrets.rx, secrets.tx);
        Ok(Self {
            socket,
            inbox: Inbox::new(suite, read, opening)?,
            outbox: Outbox::new(suite, written, sealing)?,
            resumed,
        })
    }

    pub(crate) fn socket(&self) -> &LoadSocket {
        &self.socket
    }

    pub(crate) fn resumed(&self) -> bool {
        self.resumed
    }

    /// Reads ahead in large steps from now on, within a budget.
    pub(crate) fn read_in_bulk(&mut self, budget: Option<&Budget>) {
        self.inbox.read_in_bulk(budget);
    }

    /// Opens and forgets what has arrived; the number of plain bytes, 0 at the end of the stream.
    pub(crate) fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.inbox.poll_discard(&mut self.socket, cx)
    }

    /// Seals and sends up to `max` random bytes; how many. They may still wait here: see [`AsyncWrite::poll_flush`].
    pub(crate) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        payload: &mut Payload,
        max: usize,
    ) -> Poll<io::Result<usize>> {
        ready!(self.outbox.poll_drain(&mut self.socket, cx))?;
        let n = self.outbox.seal_random(payload, max)?;
        self.outbox.send_now(&mut self.socket, cx)?;
        Poll::Ready(Ok(n))
    }
}

impl AsyncRead for Records {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { socket, inbox, .. } = &mut *self;
        let plain = ready!(inbox.poll_plain(socket, cx))?;
        let n = plain.len().min(buf.remaining());
        buf.put_slice(&plain[..n]);
        inbox.consume(n);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Records {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let Self { socket, outbox, .. } = &mut *self;
        ready!(outbox.poll_drain(socket, cx))?;
        let n = outbox.seal(buf)?;
        outbox.send_now(socket, cx)?;
        Poll::Ready(Ok(n))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { socket, outbox, .. } = &mut *self;
        ready!(outbox.poll_drain(socket, cx))?;
        Pin::new(socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { socket, outbox, .. } = &mut *self;
        ready!(outbox.poll_drain(socket, cx))?;
        outbox.seal_close()?;
        ready!(outbox.poll_drain(socket, cx))?;
        Pin::new(socket).poll_shutdown(cx)
    }
}

/// Key and initialisation vector of one direction.
fn parts(
    secrets: ConnectionTrafficSecrets,
) -> io::Result<(rustls::crypto::cipher::AeadKey, rustls::crypto::cipher::Iv, &'static ring::aead::Algorithm)> {
    match secrets {
        ConnectionTrafficSecrets::Aes128Gcm { key, iv } => Ok((key, iv, &ring::aead::AES_128_GCM)),
        ConnectionTrafficSecrets::Aes256Gcm { key, iv } => Ok((key, iv, &ring::aead::AES_256_GCM)),
        ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => Ok((key, iv, &ring::aead::CHACHA20_POLY1305)),
        _ => Err(io::Error::other("a cipher that is not known here")),
    }
}

fn invalid(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
