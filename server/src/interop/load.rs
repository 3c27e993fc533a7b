//! Load over HTTP: bodies of random bytes, and bodies that are read and forgotten.

use std::io;
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};

use axum::body::Body;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Bytes, Frame, Incoming, SizeHint};
use ispeed_wire::{NOTSENT_LOWAT_BYTES, PAYLOAD_BYTES, Payload, RECORD_BYTES};
use tokio::time::{Instant, sleep_until, timeout};

use crate::accept::AnswerDeadline;
use crate::limits;
use crate::measure::{Connection, GuestLoad, Measure, problem};

/// Bytes handed to the connection at once: four full TLS records, which go out in one system call.
const FRAME_BYTES: usize = 4 * RECORD_BYTES;

/// What a download consists of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Content {
    /// Random bytes.
    Bytes,
    /// Random ASCII, for clients that make a text of what they get: repairing what is no UTF-8 takes them four times as
    /// long as receiving it, and they would measure that.
    Text,
}

#[derive(Debug)]
enum Source {
    Bytes(Payload),
    Text { block: &'static [u8], offset: usize },
}

/// A body of `bytes` random bytes, or why there is none.
pub(super) fn download(
    measure: &Measure,
    connection: &Connection,
    bytes: u64,
    content: Content,
) -> Result<Body, Box<Response<Body>>> {
    let no_random =
        |_| Box::new(problem(StatusCode::SERVICE_UNAVAILABLE, "busy", "The system has no random numbers.", ""));
    let source = Source::new(content).map_err(no_random)?;
    let load = if bytes > limits::INTEROP_PROBE_MAX_BYTES {
        let guest = measure.admit_guest(connection.peer.ip())?;
        // Where the kernel refuses either, the transfer goes on as the system has it.
        let _ = connection.probe.set_congestion_control(measure.wanted_congestion_control());
        let _ = connection.probe.set_notsent_lowat(NOTSENT_LOWAT_BYTES);
        Some(Load::begin(guest, &connection.answer_deadline))
    } else {
        None
    };
    Ok(Body::new(RandomBody { source, left: bytes, load }))
}

/// Reads a request's body and forgets it; the bytes read, or the refusal.
pub(super) async fn upload(
    measure: &Measure,
    connection: &Connection,
    mut body: Incoming,
) -> Result<u64, Box<Response<Body>>> {
    let announced = body.size_hint().exact();
    if announced.is_some_and(|bytes| bytes > limits::INTEROP_UPLOAD_MAX_BYTES) {
        return Err(Box::new(too_large()));
    }
    let load = if announced.is_none_or(|bytes| bytes > limits::INTEROP_PROBE_MAX_BYTES) {
        Some(Load::begin(measure.admit_guest(connection.peer.ip())?, &connection.answer_deadline))
    } else {
        None
    };
    let cancelled = load.as_ref().map(|load| load.guest.cancelled().clone()).unwrap_or_default();
    let mut read = 0;
    let over = Instant::now() + limits::INTEROP_LOAD_MAX;
    loop {
        let frame = tokio::select! {
            biased;
            () = cancelled.cancelled() => return Err(Box::new(ended(measure))),
            // A load has its own deadline; what announced little may not trickle for ever either.
            () = sleep_until(over), if load.is_none() => return Err(Box::new(stalled())),
            frame = timeout(limits::INTEROP_PROGRESS_TIMEOUT, body.frame()) => frame,
        };
        let bytes = match frame {
            Ok(None) => return Ok(read),
            Ok(Some(Ok(frame))) => frame.data_ref().map_or(0, Bytes::len) as u64,
            // The peer is gone; nobody will read the answer.
            Ok(Some(Err(e))) => return Err(Box::new(broken(&e))),
            Err(_) => {
                if let Some(load) = &load {
                    load.guest.stalled();
                }
                return Err(Box::new(stalled()));
            }
        };
        read += bytes;
        if let Some(load) = &load {
            load.guest.received(bytes);
        }
        if read > limits::INTEROP_UPLOAD_MAX_BYTES {
            return Err(Box::new(too_large()));
        }
    }
}

/// A load under way: its seat, and the time by which it is over.
#[derive(Debug)]
struct Load {
    guest: GuestLoad,
    until: Instant,
    deadline: AnswerDeadline,
}

impl Load {
    fn begin(guest: GuestLoad, deadline: &AnswerDeadline) -> Self {
        let until = Instant::now() + limits::INTEROP_LOAD_MAX;
        deadline.set(until);
        Self { guest, until, deadline: deadline.clone() }
    }

    fn is_over(&self) -> bool {
        self.guest.cancelled().is_cancelled() || Instant::now() >= self.until
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.deadline.clear();
    }
}

impl Source {
    fn new(content: Content) -> io::Result<Self> {
        let payload = Payload::new()?;
        Ok(match content {
            Content::Bytes => Self::Bytes(payload),
            Content::Text => Self::Text { block: text_block(payload), offset: 0 },
        })
    }

    /// The next bytes: at most `max`, and not none.
    fn next(&mut self, max: usize) -> &'static [u8] {
        match self {
            Self::Bytes(payload) => {
                let chunk = payload.chunk(max);
                payload.advance(chunk.len());
                chunk
            }
            Self::Text { block, offset } => {
                let chunk = &block[*offset..block.len().min(*offset + max)];
                *offset = (*offset + chunk.len()) % block.len();
                chunk
            }
        }
    }
}

/// The block of random bytes without their top bits: still seven of eight bits, and each byte a character. Made once a
/// process.
fn text_block(mut payload: Payload) -> &'static [u8] {
    static BLOCK: OnceLock<Vec<u8>> = OnceLock::new();
    BLOCK.get_or_init(|| {
        let mut block = Vec::with_capacity(PAYLOAD_BYTES);
        while block.len() < PAYLOAD_BYTES {
            let chunk = payload.chunk(PAYLOAD_BYTES - block.len());
            block.extend(chunk.iter().map(|byte| byte & 0x7f));
            payload.advance(chunk.len());
        }
        block
    })
}

/// Random bytes of a length told beforehand, out of the one block of this process: nothing is allocated or copied.
#[derive(Debug)]
struct RandomBody {
    source: Source,
    left: u64,
    load: Option<Load>,
}

impl HttpBody for RandomBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = &mut *self;
        if this.left == 0 {
            return Poll::Ready(None);
        }
        if this.load.as_ref().is_some_and(Load::is_over) {
            // Cuts the connection: the length was told, so no other end could be told from the whole body.
            return Poll::Ready(Some(Err(io::ErrorKind::TimedOut.into())));
        }
        let max = usize::try_from(this.left).map_or(FRAME_BYTES, |left| left.min(FRAME_BYTES));
        let chunk = this.source.next(max);
        this.left -= chunk.len() as u64;
        if let Some(load) = &this.load {
            load.guest.sent(chunk.len() as u64);
        }
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(chunk)))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// What is left of the body is not read, so the connection cannot go on.
fn last(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

fn too_large() -> Response<Body> {
    let detail = format!("the body; expected at most {} bytes", limits::INTEROP_UPLOAD_MAX_BYTES);
    last(problem(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The upload is too large.", detail))
}

fn stalled() -> Response<Body> {
    let seconds = limits::INTEROP_PROGRESS_TIMEOUT.as_secs();
    let detail = format!("nothing of the body for {seconds} s; expected it to go on");
    last(problem(StatusCode::REQUEST_TIMEOUT, "timeout", "The upload has stalled.", detail))
}

fn broken(error: &hyper::Error) -> Response<Body> {
    last(problem(StatusCode::BAD_REQUEST, "request", "The upload broke off.", error.to_string()))
}

fn ended(measure: &Measure) -> Response<Body> {
    last(measure.refuse(&crate::measure::Refusal::Shutdown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_ascii_and_neither_source_ever_gives_nothing() {
        for content in [Content::Text, Content::Bytes] {
            let mut source = Source::new(content).unwrap();
            let mut seen = Vec::new();
            while seen.len() < PAYLOAD_BYTES * 2 {
                let chunk = source.next(FRAME_BYTES);
                assert!(!chunk.is_empty() && chunk.len() <= FRAME_BYTES);
                seen.extend_from_slice(chunk);
            }
            let values = seen.iter().collect::<std::collections::HashSet<_>>().len();
            assert_eq!((seen.is_ascii(), values), if content == Content::Text { (true, 128) } else { (false, 256) });
        }
    }
}
