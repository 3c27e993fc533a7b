//! The upload: the client's messages, counted, and measurements of what came.

use std::io;

use ispeed_wire::LoadStream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, sleep_until, timeout};

use super::frame::{Event, FrameReader, Opcode, message};
use super::measurement::gap;
use super::{NORMAL_CLOSURE, Run, finish};
use crate::limits;
use crate::measure::upgrade::Raw;

/// Plain bytes taken from the connection at once.
const READ_BYTES: usize = 64 * 1024;

pub(super) async fn serve(run: Run, raw: Raw) {
    let Raw { mut stream, read, place: _place } = raw;
    stream.read_in_bulk(None);
    let cancelled = run.load.cancelled().clone();
    let hard_end = run.hard_end();
    let mut receiver =
        Receiver { run, frames: FrameReader::default(), received: 0, pings: Vec::new(), asked: 0, closed: false };
    let in_order = tokio::select! {
        biased;
        () = cancelled.cancelled() => false,
        () = sleep_until(hard_end) => false,
        received = receiver.receive_all(&mut stream, &read) => received.is_ok(),
    };
    finish(stream, in_order).await;
}

struct Receiver {
    run: Run,
    frames: FrameReader,
    /// Payload of messages so far.
    received: u64,
    pings: Vec<Vec<u8>>,
    asked: u32,
    /// The client will send nothing more.
    closed: bool,
}

impl Receiver {
    /// Reads until both ends have closed.
    async fn receive_all(&mut self, stream: &mut LoadStream, read: &[u8]) -> io::Result<()> {
        let mut buffer = vec![0; READ_BYTES];
        let end = self.run.end();
        let due = sleep_until(Instant::now() + gap());
        tokio::pin!(due);
        let mut closing = false;
        self.take(read)?;
        while !self.closed {
            tokio::select! {
                () = &mut due, if !closing => {
                    let text = self.run.measurer.take(self.received);
                    send(stream, Opcode::Text, &text).await?;
                    let now = Instant::now();
                    closing = now >= end;
                    if closing {
                        send(stream, Opcode::Close, &NORMAL_CLOSURE).await?;
                    } else {
                        // The last is due at the end and not after it: it is the result.
                        due.as_mut().reset((now + gap()).min(end));
                    }
                }
                n = stream.read(&mut buffer) => match n? {
                    // Without a close frame: a client that has what it wants, or is gone.
                    0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                    n => self.take(&buffer[..n])?,
                },
            }
            for ping in std::mem::take(&mut self.pings) {
                send(stream, Opcode::Pong, &ping).await?;
            }
        }
        if closing { Ok(()) } else { send(stream, Opcode::Close, &NORMAL_CLOSURE).await }
    }

    fn take(&mut self, arrived: &[u8]) -> io::Result<()> {
        let Self { frames, received, pings, asked, closed, run } = self;
        let before = *received;
        let taken = frames.read(arrived, |event| {
            match event {
                Event::Begins(_) => {}
                Event::Payload(bytes) => *received += bytes,
                Event::Ping(payload) => {
                    *asked += 1;
                    pings.push(payload);
                }
                Event::Close => *closed = true,
            }
            Ok(())
        });
        run.load.received(*received - before);
        taken.map_err(|wrong| io::Error::new(io::ErrorKind::InvalidData, wrong))?;
        if *asked > limits::NDT7_PINGS_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(())
    }
}

async fn send(stream: &mut LoadStream, opcode: Opcode, payload: &[u8]) -> io::Result<()> {
    let message = message(opcode, payload);
    let written = async {
        stream.write_all(&message).await?;
        stream.flush().await
    };
    timeout(limits::INTEROP_PROGRESS_TIMEOUT, written).await?
}
