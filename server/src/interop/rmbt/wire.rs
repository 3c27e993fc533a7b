//! The test connection: lines and chunks on one stream, with one buffer for all reading.

use std::io::{self, IoSlice};
use std::time::Duration;

use hyper::body::Bytes;
use ispeed_wire::{LoadStream, NOTSENT_LOWAT_BYTES, Payload};
use thiserror::Error;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout};

use crate::measure::GuestLoad;

use super::limits::{
    CLOSE_TIMEOUT, LINE_MAX_BYTES, LINE_TIMEOUT, PROGRESS_TIMEOUT, PUT_REPORT_PERIOD, READ_BYTES, WRITE_BYTES,
};

/// Last byte of a chunk that another follows.
const MORE: u8 = 0x00;
/// Last byte of the last chunk.
const LAST: u8 = 0xFF;

/// Why a connection cannot go on.
#[derive(Debug, Error)]
pub(super) enum WireError {
    /// The peer closed or reset it.
    #[error("closed by the client")]
    Closed,
    #[error("line longer than {LINE_MAX_BYTES} bytes; expected a command and its arguments")]
    LineTooLong,
    #[error("line with bytes that are not ASCII; expected a command and its arguments")]
    LineNotText,
    #[error("no line for {} s; expected a command or QUIT", LINE_TIMEOUT.as_secs())]
    LineLate,
    #[error(
        "last byte of a chunk 0x{0:02x}; expected 0x00 (more follow) or 0xff (the last), and chunks as long as was said"
    )]
    ChunkEnd(u8),
    #[error("nothing moved for {} s; expected the client to go on", PROGRESS_TIMEOUT.as_secs())]
    Stalled,
    #[error("no random numbers on this system; expected a payload to send")]
    NoPayload,
}

/// A connection after its upgrade.
#[derive(Debug)]
pub(super) struct Wire {
    stream: LoadStream,
    load: GuestLoad,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    payload: Option<Payload>,
}

impl Wire {
    /// Takes an upgraded connection and what was read of it already.
    pub(super) fn new(stream: LoadStream, read: &Bytes, load: GuestLoad) -> Self {
        let mut buffer = vec![0; READ_BYTES.max(read.len())];
        buffer[..read.len()].copy_from_slice(read);
        // Where the system refuses, more is queued behind the end of a download, and its time tells of it.
        let _ = stream.probe().set_notsent_lowat(NOTSENT_LOWAT_BYTES);
        Self { stream, load, buffer, start: 0, end: read.len(), payload: None }
    }

    /// What the server counts of this connection.
    pub(super) fn load(&self) -> &GuestLoad {
        &self.load
    }

    /// Writes lines; each ends with a line feed already.
    pub(super) async fn write(&mut self, lines: &str) -> Result<(), WireError> {
        let written = async {
            self.stream.write_all(lines.as_bytes()).await?;
            self.stream.flush().await
        };
        in_time(PROGRESS_TIMEOUT, written, WireError::Stalled).await
    }

    /// The client's next line, without its end.
    pub(super) async fn read_line(&mut self) -> Result<String, WireError> {
        let by = Instant::now() + LINE_TIMEOUT;
        let mut line = Vec::new();
        loop {
            let waiting = &self.buffer[self.start..self.end];
            let (part, ended) = match waiting.iter().position(|byte| *byte == b'\n') {
                Some(at) => (at, true),
                None => (waiting.len(), false),
            };
            if line.len() + part > LINE_MAX_BYTES {
                return Err(WireError::LineTooLong);
            }
            line.extend_from_slice(&waiting[..part]);
            self.start += part + usize::from(ended);
            if ended {
                return text(line);
            }
            self.fill(by.saturating_duration_since(Instant::now()), WireError::LineLate).await?;
        }
    }

    /// Sends chunks until `is_last`, asked before each, makes one the last.
    pub(super) async fn send(
        &mut self,
        chunk_bytes: usize,
        mut is_last: impl FnMut() -> bool,
    ) -> Result<(), WireError> {
        let mut payload = match self.payload.take() {
            Some(payload) => payload,
            None => Payload::new().map_err(|_| WireError::NoPayload)?,
        };
        loop {
            let last = is_last();
            self.send_chunk(&mut payload, chunk_bytes, if last { LAST } else { MORE }).await?;
            if last {
                break;
            }
        }
        self.payload = Some(payload);
        in_time(PROGRESS_TIMEOUT, self.stream.flush(), WireError::Stalled).await
    }

    /// Random bytes and the end byte, in writes of full TLS records as far as the chunk has them.
    async fn send_chunk(&mut self, payload: &mut Payload, chunk_bytes: usize, end: u8) -> Result<(), WireError> {
        let end = [end];
        let mut left = chunk_bytes;
        while left > 0 {
            // The end byte goes with the random bytes before it: a record of its own would cost 22 bytes and a call.
            let random = payload.chunk((left - 1).min(WRITE_BYTES));
            let parts = [IoSlice::new(random), IoSlice::new(if random.len() + 1 == left { &end } else { &[] })];
            let written = in_time(PROGRESS_TIMEOUT, self.stream.write_vectored(&parts), WireError::Stalled).await?;
            if written == 0 {
                return Err(WireError::Closed);
            }
            self.load.sent(written as u64);
            payload.advance(written.min(random.len()));
            left -= written;
        }
        Ok(())
    }

    /// Reads chunks to the last one; the bytes. `report` is told of the bytes after a chunk, not more often than each
    /// [`PUT_REPORT_PERIOD`], and gives the line to send, if any.
    pub(super) async fn receive(
        &mut self,
        chunk_bytes: usize,
        report: impl Fn(u64) -> Option<String>,
    ) -> Result<u64, WireError> {
        let (mut total, mut left) = (0, chunk_bytes);
        let mut reported_at: Option<Instant> = None;
        loop {
            if self.start == self.end {
                self.fill(PROGRESS_TIMEOUT, WireError::Stalled).await?;
            }
            let part = left.min(self.end - self.start);
            self.load.received(part as u64);
            self.start += part;
            left -= part;
            total += part as u64;
            if left > 0 {
                continue;
            }
            match self.buffer[self.start - 1] {
                LAST => return Ok(total),
                MORE => left = chunk_bytes,
                other => return Err(WireError::ChunkEnd(other)),
            }
            if reported_at.is_none_or(|at| at.elapsed() >= PUT_REPORT_PERIOD)
                && let Some(line) = report(total)
            {
                reported_at = Some(Instant::now());
                self.write(&line).await?;
            }
        }
    }

    /// Reads what there is into the empty buffer.
    async fn fill(&mut self, patience: Duration, late: WireError) -> Result<(), WireError> {
        (self.start, self.end) = (0, 0);
        self.end = in_time(patience, self.stream.read(&mut self.buffer), late).await?;
        if self.end == 0 { Err(WireError::Closed) } else { Ok(()) }
    }

    /// Says a last line, and waits until the client closes. Reading goes on meanwhile: a close with bytes unread is a
    /// reset, which may take the line away from the client that it was for.
    pub(super) async fn end(mut self, line: &str) {
        let ended = async {
            self.write(line).await.ok()?;
            self.stream.shutdown().await.ok()?;
            while self.stream.read(&mut self.buffer).await.ok()? > 0 {}
            Some(())
        };
        let _ = timeout(CLOSE_TIMEOUT, ended).await;
    }

    /// Drops the connection with what is queued.
    pub(super) fn reset(self) {
        self.stream.reset();
    }
}

async fn in_time<T>(
    patience: Duration,
    work: impl Future<Output = io::Result<T>>,
    late: WireError,
) -> Result<T, WireError> {
    // Errors of the socket are the peer's reset or close; there is nobody to tell.
    timeout(patience, work).await.map_err(|_| late)?.map_err(|_| WireError::Closed)
}

fn text(mut line: Vec<u8>) -> Result<String, WireError> {
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    String::from_utf8(line).ok().filter(|line| line.is_ascii()).ok_or(WireError::LineNotText)
}
