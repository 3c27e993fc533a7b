//! A load connection with or without TLS.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::{client, server};

use crate::{Budget, LoadSocket, Probe};

/// A connection of either end. The size differs little between the variants because the TLS states are boxed.
#[derive(Debug)]
pub enum LoadStream {
    /// Without TLS: tests, and devices whose CPU cannot decrypt at line rate.
    Plain(LoadSocket),
    /// The client's end.
    TlsClient(Box<client::TlsStream<LoadSocket>>),
    /// The server's end.
    TlsServer(Box<server::TlsStream<LoadSocket>>),
}

impl LoadStream {
    /// The socket below.
    pub fn socket(&self) -> &LoadSocket {
        match self {
            Self::Plain(socket) => socket,
            Self::TlsClient(tls) => tls.get_ref().0,
            Self::TlsServer(tls) => tls.get_ref().0,
        }
    }

    fn socket_mut(&mut self) -> &mut LoadSocket {
        match self {
            Self::Plain(socket) => socket,
            Self::TlsClient(tls) => tls.get_mut().0,
            Self::TlsServer(tls) => tls.get_mut().0,
        }
    }

    /// Handle for the socket's counters.
    pub fn probe(&self) -> &Probe {
        self.socket().probe()
    }

    /// Whether the handshake was a resumption; `None` without TLS.
    pub fn resumed(&self) -> Option<bool> {
        let kind = match self {
            Self::Plain(_) => return None,
            Self::TlsClient(tls) => tls.get_ref().1.handshake_kind(),
            Self::TlsServer(tls) => tls.get_ref().1.handshake_kind(),
        };
        Some(kind == Some(rustls::HandshakeKind::Resumed))
    }

    /// Reads ahead in large steps from now on, within a budget; for the receiving end of a load.
    pub(crate) fn read_in_bulk(&mut self, budget: Option<&Budget>) {
        self.socket_mut().read_in_bulk(budget);
    }

    /// Closes with RST at once: what is queued here is dropped, what the peer still sends is refused.
    pub fn reset(self) {
        // If the system refuses, the close that follows is an ordinary one, and the peer sees the end all the same.
        let _ = self.probe().set_reset_on_close();
    }

    /// Reads, decrypts and forgets what has arrived; the number of plain bytes, 0 at the end of the stream.
    pub(crate) fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(socket) => socket.poll_discard(cx),
            Self::TlsClient(tls) => poll_discard_buffered(Pin::new(&mut **tls), cx),
            Self::TlsServer(tls) => poll_discard_buffered(Pin::new(&mut **tls), cx),
        }
    }
}

/// Takes the decrypted records where TLS keeps them, without copying them out.
fn poll_discard_buffered(
    mut stream: Pin<&mut (impl AsyncBufRead + ?Sized)>,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    let n = ready!(stream.as_mut().poll_fill_buf(cx))?.len();
    stream.consume(n);
    Poll::Ready(Ok(n))
}

/// Runs an expression on the stream inside, pinned.
macro_rules! inner {
    ($self:ident, $stream:ident => $body:expr) => {
        match $self.get_mut() {
            LoadStream::Plain(socket) => {
                let $stream = Pin::new(socket);
                $body
            }
            LoadStream::TlsClient(tls) => {
                let $stream = Pin::new(&mut **tls);
                $body
            }
            LoadStream::TlsServer(tls) => {
                let $stream = Pin::new(&mut **tls);
                $body
            }
        }
    };
}

impl AsyncRead for LoadStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        inner!(self, stream => stream.poll_read(cx, buf))
    }
}

impl AsyncWrite for LoadStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        inner!(self, stream => stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        inner!(self, stream => stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(socket) => socket.is_write_vectored(),
            Self::TlsClient(tls) => tls.is_write_vectored(),
            Self::TlsServer(tls) => tls.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        inner!(self, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        inner!(self, stream => stream.poll_shutdown(cx))
    }
}
