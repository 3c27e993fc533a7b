//! The download: messages of random bytes, and between them measurements and answers to pings.

use std::io::{self, IoSlice};

use ispeed_wire::{LoadStream, Payload, RECORD_BYTES};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::frame::{Event, FrameReader, Header, Opcode, message};
use super::measurement::gap;
use super::{NORMAL_CLOSURE, Run, finish};
use crate::limits;
use crate::measure::upgrade::Raw;

/// First and largest message, and the part of all bytes sent up to which it doubles.
const MESSAGE_MIN_BYTES: usize = 1 << 13;
const MESSAGE_MAX_BYTES: usize = 1 << 20;
const SCALING_FRACTION: u64 = 16;
/// Bytes a write: four full TLS records in one system call.
const WRITE_BYTES: usize = 4 * RECORD_BYTES;
/// Pings that may wait for the end of a message.
const PINGS_WAITING: usize = 4;

/// What the client's side of the connection said last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Heard {
    /// It closes in order.
    Close,
    /// The connection is broken, or the client broke the protocol.
    Broken,
}

pub(super) async fn serve(run: Run, raw: Raw) {
    let Raw { stream, read, place: _place } = raw;
    let Ok(payload) = Payload::new() else { return finish(stream, false).await };
    let cancelled = run.load.cancelled().clone();
    let hard_end = run.hard_end();
    let (mut reading, mut writing) = tokio::io::split(stream);
    let in_order = tokio::select! {
        biased;
        () = cancelled.cancelled() => false,
        () = sleep_until(hard_end) => false,
        in_order = talk(run, payload, &read, &mut reading, &mut writing) => in_order,
    };
    finish(reading.unsplit(writing), in_order).await;
}

/// Both ways at once; whether it ended as it should.
async fn talk(
    run: Run,
    payload: Payload,
    read: &[u8],
    reading: &mut (impl AsyncRead + Unpin),
    writing: &mut tokio::io::WriteHalf<LoadStream>,
) -> bool {
    let (pings, pongs) = mpsc::channel(PINGS_WAITING);
    let stop = CancellationToken::new();
    let mut sender = Sender { run, payload, writing, pongs, sent: 0 };
    let listening = listen(reading, read, &pings);
    let sending = sender.send_all(&stop);
    tokio::pin!(listening, sending);
    let mut heard = None;
    let sent = loop {
        tokio::select! {
            now = &mut listening, if heard.is_none() => match now {
                // The message under way has to end before this end may close too.
                Heard::Close => {
                    heard = Some(now);
                    stop.cancel();
                }
                Heard::Broken => return false,
            },
            sent = &mut sending => break sent,
        }
    };
    if sent.is_err() {
        return false;
    }
    match heard {
        Some(heard) => heard == Heard::Close,
        None => listening.await == Heard::Close,
    }
}

/// Reads what the client says until it closes. Its measurements are of no use here.
async fn listen(reading: &mut (impl AsyncRead + Unpin), read: &[u8], pings: &mpsc::Sender<Vec<u8>>) -> Heard {
    let (mut frames, mut buffer) = (FrameReader::default(), vec![0; 4 * 1024]);
    let mut heard = None;
    let mut asked = 0;
    let mut take = |arrived: &[u8], heard: &mut Option<Heard>| {
        frames.read(arrived, |event| {
            match event {
                // The test goes one way; the specification says to close.
                Event::Begins(Opcode::Binary) => *heard = Some(Heard::Broken),
                Event::Begins(_) | Event::Payload(_) => {}
                Event::Ping(payload) => {
                    asked += 1;
                    if asked > limits::NDT7_PINGS_MAX {
                        *heard = Some(Heard::Broken);
                    }
                    // One that cannot wait is left out; RFC 6455 asks for an answer to the latest only.
                    let _ = pings.try_send(payload);
                }
                Event::Close => _ = heard.get_or_insert(Heard::Close),
            }
            Ok(())
        })
    };
    let mut arrived = take(read, &mut heard);
    loop {
        if arrived.is_err() {
            return Heard::Broken;
        }
        if let Some(heard) = heard {
            return heard;
        }
        match reading.read(&mut buffer).await {
            Ok(0) | Err(_) => return Heard::Broken,
            Ok(n) => arrived = take(&buffer[..n], &mut heard),
        }
    }
}

struct Sender<'w, W> {
    run: Run,
    payload: Payload,
    writing: &'w mut W,
    pongs: mpsc::Receiver<Vec<u8>>,
    /// Payload of messages so far.
    sent: u64,
}

impl<W: AsyncWrite + Unpin> Sender<'_, W> {
    /// Sends until the time, the bytes or `stop` ends it; then the last measurement and the close frame.
    async fn send_all(&mut self, stop: &CancellationToken) -> io::Result<()> {
        let mut size = MESSAGE_MIN_BYTES;
        let mut due = Instant::now() + gap();
        let end = self.run.end();
        loop {
            let now = Instant::now();
            if now >= end || stop.is_cancelled() {
                break;
            }
            if now >= due {
                due = now + gap();
                self.send_measurement().await?;
                let enough = |max| self.run.measurer.acknowledged_bytes().unwrap_or(self.sent) >= max;
                if self.run.max_bytes.is_some_and(enough) {
                    break;
                }
            }
            while let Ok(ping) = self.pongs.try_recv() {
                self.send_message(Opcode::Pong, &ping).await?;
            }
            self.send_random(size).await?;
            if size < MESSAGE_MAX_BYTES && size as u64 <= self.sent / SCALING_FRACTION {
                size *= 2;
            }
        }
        self.send_measurement().await?;
        self.send_message(Opcode::Close, &NORMAL_CLOSURE).await
    }

    async fn send_measurement(&mut self) -> io::Result<()> {
        let text = self.run.measurer.take(self.sent);
        self.send_message(Opcode::Text, &text).await
    }

    async fn send_message(&mut self, opcode: Opcode, payload: &[u8]) -> io::Result<()> {
        let message = message(opcode, payload);
        let written = async {
            self.writing.write_all(&message).await?;
            self.writing.flush().await
        };
        timeout(limits::INTEROP_PROGRESS_TIMEOUT, written).await?
    }

    /// A message of random bytes, out of the one block of this process: nothing is allocated or copied.
    async fn send_random(&mut self, bytes: usize) -> io::Result<()> {
        let header = Header::new(Opcode::Binary, bytes);
        let mut head = header.as_bytes();
        let mut left = bytes;
        while left > 0 || !head.is_empty() {
            let chunk = self.payload.chunk(left.min(WRITE_BYTES));
            let parts = [IoSlice::new(head), IoSlice::new(chunk)];
            let written = timeout(limits::INTEROP_PROGRESS_TIMEOUT, self.writing.write_vectored(&parts));
            let written = match written.await {
                Ok(written) => written?,
                Err(stalled) => {
                    self.run.load.stalled();
                    return Err(stalled.into());
                }
            };
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            let of_head = written.min(head.len());
            head = &head[of_head..];
            let of_payload = written - of_head;
            self.payload.advance(of_payload);
            left -= of_payload;
            self.sent += of_payload as u64;
            self.run.load.sent(of_payload as u64);
        }
        Ok(())
    }
}
