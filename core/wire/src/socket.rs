//! A TCP socket that counts.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::budget::Loan;
use crate::sys::RawHandle;
use crate::{Budget, Probe};

/// Bytes taken from the kernel in one system call while load is received: at 1 Gbit/s a call every 2 ms, and what a
/// phone's cache still holds.
pub(crate) const BULK_BYTES: usize = 256 * 1024;

/// A TCP connection, below TLS if there is any: counts what is read and written, and tells its [`Probe`] before it
/// closes.
#[derive(Debug)]
pub struct LoadSocket {
    stream: TcpStream,
    probe: Probe,
    bulk: Option<Bulk>,
}

/// A read would go beyond the budget.
#[derive(Debug)]
pub(crate) struct BudgetUsed;

/// Read-ahead: TLS asks for 4 KiB at a time, and a system call for each would cost more than decrypting it.
#[derive(Debug)]
struct Bulk {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
    budget: Option<Budget>,
}

impl fmt::Display for BudgetUsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the budget of bytes to receive is used up")
    }
}

impl std::error::Error for BudgetUsed {}

impl LoadSocket {
    /// Takes a connected stream; its small writes are sent at once (`TCP_NODELAY`), because they are control messages.
    pub fn new(stream: TcpStream) -> Self {
        // A refusal costs latency of small messages and nothing else.
        let _ = stream.set_nodelay(true);
        let probe = Probe::new(RawHandle::of(&stream));
        // Handshakes and control messages are single packets with no others behind them that would show a loss: time-outs alone
        // send them again, and ones that double make a message that is lost five times 12 s late.
        let _ = probe.set_thin_linear_timeouts(true);
        Self { stream, probe, bulk: None }
    }

    /// Handle for this socket's counters.
    pub fn probe(&self) -> &Probe {
        &self.probe
    }

    /// Reads ahead in large steps from now on, and takes every byte from a budget if there is one: nothing is read that
    /// was not granted.
    pub(crate) fn read_in_bulk(&mut self, budget: Option<&Budget>) {
        let bulk = self.bulk.get_or_insert_with(|| Bulk {
            bytes: vec![0; BULK_BYTES].into_boxed_slice(),
            start: 0,
            end: 0,
            budget: None,
        });
        bulk.budget = budget.cloned();
    }

    /// Reads and forgets up to 256 KiB; the number of bytes, 0 at the end of the stream.
    pub(crate) fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Self { stream, probe, bulk: Some(bulk) } = self else {
            return Poll::Ready(Err(io::Error::other("only a socket that reads in bulk discards")));
        };
        let n = if bulk.start < bulk.end { bulk.end - bulk.start } else { ready!(bulk.poll_fill(stream, probe, cx))? };
        bulk.start = bulk.end;
        Poll::Ready(Ok(n))
    }

    /// Reads what has arrived into `bytes`, every byte taken from the budget if there is one; for who keeps a buffer of
    /// its own.
    pub(crate) fn poll_read_granted(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &mut [u8],
        budget: Option<&Budget>,
    ) -> Poll<io::Result<usize>> {
        poll_read_granted(&mut self.stream, &self.probe, cx, bytes, budget)
    }
}

impl Bulk {
    fn poll_fill(&mut self, stream: &mut TcpStream, probe: &Probe, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let filled = ready!(poll_read_granted(stream, probe, cx, &mut self.bytes, self.budget.as_ref()))?;
        (self.start, self.end) = (0, filled);
        Poll::Ready(Ok(filled))
    }
}

/// Reads what has arrived, as far as it fits and the budget grants it; the number of bytes, 0 at the end of the stream.
fn poll_read_granted(
    stream: &mut TcpStream,
    probe: &Probe,
    cx: &mut Context<'_>,
    bytes: &mut [u8],
    budget: Option<&Budget>,
) -> Poll<io::Result<usize>> {
    let loan = budget.map(|budget| budget.borrow(bytes.len()));
    let granted = loan.as_ref().map_or(bytes.len(), Loan::bytes);
    if granted == 0 {
        if loan.is_some_and(|loan| loan.others_borrow()) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        return Poll::Ready(Err(io::Error::other(BudgetUsed)));
    }
    let mut buffer = ReadBuf::new(&mut bytes[..granted]);
    let read = Pin::new(stream).poll_read(cx, &mut buffer);
    let filled = buffer.filled().len();
    if let Some(loan) = loan {
        loan.settle(filled);
    }
    ready!(read)?;
    probe.add_read(filled);
    Poll::Ready(Ok(filled))
}

impl Drop for LoadSocket {
    fn drop(&mut self) {
        self.probe.retire();
    }
}

impl AsyncRead for LoadSocket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { stream, probe, bulk } = &mut *self;
        let Some(bulk) = bulk else {
            let before = buf.filled().len();
            ready!(Pin::new(stream).poll_read(cx, buf))?;
            probe.add_read(buf.filled().len() - before);
            return Poll::Ready(Ok(()));
        };
        if bulk.start == bulk.end {
            ready!(bulk.poll_fill(stream, probe, cx))?;
        }
        let n = (bulk.end - bulk.start).min(buf.remaining());
        buf.put_slice(&bulk.bytes[bulk.start..bulk.start + n]);
        bulk.start += n;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for LoadSocket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let n = ready!(Pin::new(&mut self.stream).poll_write(cx, buf))?;
        self.probe.add_written(n);
        Poll::Ready(Ok(n))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let n = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, bufs))?;
        self.probe.add_written(n);
        Poll::Ready(Ok(n))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
