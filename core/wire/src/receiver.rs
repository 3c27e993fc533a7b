//! The receiving loop: read, count below TLS, forget.

use std::future::poll_fn;
use std::io;
use std::task::Poll;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::socket::BudgetUsed;
use crate::{Budget, LoadStream};

/// Why receiving ended.
#[derive(Debug)]
pub enum DrainEnd {
    /// The peer closed in order.
    Closed,
    /// The peer reset the connection, or it broke.
    Broken(io::Error),
    /// The stop signal.
    Stopped,
    /// The deadline.
    Deadline,
    /// The budget is used up.
    Budget,
}

/// Bytes taken before other tasks get their turn: 0.3 ms of a fast core.
const TURN_BYTES: usize = 1 << 20;

/// Reads and forgets until the peer closes, resets, or `stop` is cancelled. Progress is in the socket's
/// [`Probe`](crate::Probe); one 256 KiB buffer is allocated at the start and none while load flows.
pub async fn drain(stream: &mut LoadStream, stop: &CancellationToken) -> DrainEnd {
    tokio::select! {
        biased;
        () = stop.cancelled() => DrainEnd::Stopped,
        end = drain_all(stream, None) => end,
    }
}

/// As [`drain`], bounded by a deadline and a budget of TCP payload bytes that may be shared with other flows.
pub async fn drain_load(
    stream: &mut LoadStream,
    budget: &Budget,
    deadline: Instant,
    stop: &CancellationToken,
) -> DrainEnd {
    tokio::select! {
        biased;
        () = stop.cancelled() => DrainEnd::Stopped,
        () = tokio::time::sleep_until(deadline) => DrainEnd::Deadline,
        end = drain_all(stream, Some(budget)) => end,
    }
}

async fn drain_all(stream: &mut LoadStream, budget: Option<&Budget>) -> DrainEnd {
    stream.read_in_bulk(budget);
    loop {
        let mut taken = 0;
        let end = poll_fn(|cx| {
            while taken < TURN_BYTES {
                match stream.poll_discard(cx) {
                    Poll::Ready(Ok(0)) => return Poll::Ready(Some(DrainEnd::Closed)),
                    Poll::Ready(Ok(n)) => taken += n,
                    Poll::Ready(Err(e)) => return Poll::Ready(Some(end_of(e))),
                    Poll::Pending => return Poll::Pending,
                }
            }
            Poll::Ready(None)
        })
        .await;
        if let Some(end) = end {
            return end;
        }
        tokio::task::yield_now().await;
    }
}

fn end_of(error: io::Error) -> DrainEnd {
    if error.get_ref().is_some_and(|inner| inner.is::<BudgetUsed>()) {
        DrainEnd::Budget
    } else {
        DrainEnd::Broken(error)
    }
}
