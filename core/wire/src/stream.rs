//! A load connection with or without TLS.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::{client, server};

use crate::records::Records;
use crate::{Budget, LoadSocket, Payload, Probe};

/// A connection of either end. The size differs little between the variants because the TLS states are boxed.
#[derive(Debug)]
pub enum LoadStream {
    /// Without TLS: tests, and devices whose CPU cannot decrypt at line rate.
    Plain(LoadSocket),
    /// The client's end.
    TlsClient(Box<client::TlsStream<LoadSocket>>),
    /// The server's end.
    TlsServer(Box<server::TlsStream<LoadSocket>>),
    /// Either end's, once it carries load and nothing else: see [`LoadStream::for_load`].
    Records(Box<Records>),
}

impl LoadStream {
    /// The socket below.
    pub fn socket(&self) -> &LoadSocket {
        match self {
            Self::Plain(socket) => socket,
            Self::TlsClient(tls) => tls.get_ref().0,
            Self::TlsServer(tls) => tls.get_ref().0,
            Self::Records(records) => records.socket(),
        }
    }

    /// The same connection for load and nothing else: its TLS 1.3 records are from now on opened and sealed where they
    /// lie, without a copy. Without TLS, and under TLS 1.2, it stays as it is.
    ///
    /// For use at a moment when nothing of the peer can be under way, such as after its `101` while it waits for this
    /// end: what rustls has read of an unfinished record is lost.
    ///
    /// # Errors
    /// When plain bytes or records wait in rustls, or its configuration keeps the secrets to itself.
    pub fn for_load(self) -> io::Result<Self> {
        // Load backs off as every flow beside it does.
        let _ = self.probe().set_thin_linear_timeouts(false);
        match self {
            Self::TlsClient(tls) if is_tls13(tls.get_ref().1) => {
                let (socket, connection) = tls.into_inner();
                of_connection(socket, rustls::Connection::Client(connection))
            }
            Self::TlsServer(tls) if is_tls13(tls.get_ref().1) => {
                let (socket, connection) = tls.into_inner();
                of_connection(socket, rustls::Connection::Server(connection))
            }
            other => Ok(other),
        }
    }

    /// Handle for the socket's counters.
    pub fn probe(&self) -> &Probe {
        self.socket().probe()
    }

    /// Whether the handshake was a resumption; `None` without TLS.
    pub fn resumed(&self) -> Option<bool> {
        match self {
            Self::Plain(_) => None,
            Self::TlsClient(tls) => Some(is_resumed(tls.get_ref().1)),
            Self::TlsServer(tls) => Some(is_resumed(tls.get_ref().1)),
            Self::Records(records) => Some(records.resumed()),
        }
    }

    /// Reads ahead in large steps from now on, within a budget; for the receiving end of a load.
    pub fn read_in_bulk(&mut self, budget: Option<&Budget>) {
        match self {
            Self::Plain(socket) => socket.read_in_bulk(budget),
            Self::TlsClient(tls) => tls.get_mut().0.read_in_bulk(budget),
            Self::TlsServer(tls) => tls.get_mut().0.read_in_bulk(budget),
            Self::Records(records) => records.read_in_bulk(budget),
        }
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
            Self::Records(records) => records.poll_discard(cx),
        }
    }

    /// Sends up to `max` random bytes; how many the stream took.
    pub(crate) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        payload: &mut Payload,
        max: usize,
    ) -> Poll<io::Result<usize>> {
        if let Self::Records(records) = self {
            return records.poll_send(cx, payload, max);
        }
        let n = ready!(Pin::new(self).poll_write(cx, payload.chunk(max)))?;
        payload.advance(n);
        Poll::Ready(Ok(n))
    }
}

fn is_tls13(connection: &rustls::CommonState) -> bool {
    connection.protocol_version() == Some(rustls::ProtocolVersion::TLSv1_3)
}

fn is_resumed(connection: &rustls::CommonState) -> bool {
    connection.handshake_kind() == Some(rustls::HandshakeKind::Resumed)
}

/// Takes the records over from rustls, provided that nothing waits there.
fn of_connection(socket: LoadSocket, mut connection: rustls::Connection) -> io::Result<LoadStream> {
    let state = connection.process_new_packets().map_err(io::Error::other)?;
    let (read, written) = (state.plaintext_bytes_to_read(), state.tls_bytes_to_write());
    if read > 0 || written > 0 {
        let why = format!("{read} bytes read and {written} written wait before the load; expected none");
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    let resumed = is_resumed(&connection);
    let suite = connection.negotiated_cipher_suite().ok_or(io::ErrorKind::NotConnected)?;
    let secrets = connection.dangerous_extract_secrets().map_err(io::Error::other)?;
    Ok(LoadStream::Records(Box::new(Records::new(socket, suite, secrets, resumed)?)))
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
            LoadStream::Records(records) => {
                let $stream = Pin::new(&mut **records);
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
            Self::Records(records) => records.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        inner!(self, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        inner!(self, stream => stream.poll_shutdown(cx))
    }
}
