//! The sending loop: random records until a budget, a deadline, a signal or the peer ends it.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::AsyncWrite as _;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{Budget, LoadStream, Payload, RECORD_BYTES};

/// Unsent bytes the kernel may hold a flow: 1 Gbit/s on four flows for 4 ms, the time a busy program may need to come
/// back. What is queued beyond would only delay the stop.
pub const NOTSENT_LOWAT_BYTES: u32 = 128 * 1024;

/// Plain bytes a write: eight records in one system call, what the kernel may hold unsent.
const WRITE_BYTES: usize = 8 * RECORD_BYTES;

/// What bounds a sender.
#[derive(Clone, Debug)]
pub struct SendLimits {
    /// Payload bytes above TLS (which adds 22 to 16,384), shared by the flows of a direction.
    pub budget: Budget,
    /// Latest end.
    pub deadline: Instant,
    /// A peer that takes nothing for this long is given up.
    pub progress_timeout: Duration,
}

/// Why sending ended.
#[derive(Debug)]
pub enum SendEnd {
    /// The stop signal.
    Stopped,
    /// The deadline.
    Deadline,
    /// The budget is used up.
    Budget,
    /// The peer takes nothing any more.
    Stalled,
    /// The peer reset or closed the connection.
    Broken(io::Error),
}

/// Sends random records until something ends it; the stream stays open, for the caller to reset or close.
pub async fn send(
    stream: &mut LoadStream,
    payload: &mut Payload,
    limits: &SendLimits,
    stop: &CancellationToken,
) -> SendEnd {
    // Where the system refuses, more is queued and thrown away at the reset.
    let _ = stream.probe().set_notsent_lowat(NOTSENT_LOWAT_BYTES);
    tokio::select! {
        biased;
        () = stop.cancelled() => SendEnd::Stopped,
        () = tokio::time::sleep_until(limits.deadline) => SendEnd::Deadline,
        end = send_all(stream, payload, limits) => end,
    }
}

async fn send_all(stream: &mut LoadStream, payload: &mut Payload, limits: &SendLimits) -> SendEnd {
    let mut granted = 0;
    loop {
        if granted == 0 {
            granted = limits.budget.take_len(WRITE_BYTES);
            if granted == 0 {
                return flush(stream, limits).await;
            }
        }
        match while_it_moves(stream, limits, |stream, cx| stream.poll_send(cx, payload, granted)).await {
            Ok(0) => return SendEnd::Broken(io::ErrorKind::WriteZero.into()),
            Ok(n) => granted -= n,
            Err(end) => return end,
        }
    }
}

/// Hands what TLS still holds to the kernel.
async fn flush(stream: &mut LoadStream, limits: &SendLimits) -> SendEnd {
    match while_it_moves(stream, limits, |stream, cx| Pin::new(stream).poll_flush(cx)).await {
        Ok(()) => SendEnd::Budget,
        Err(end) => end,
    }
}

/// Waits for a step of sending as long as the peer takes anything: on a slow link one step, 128 KiB, may last longer than a
/// peer that takes nothing is waited for.
async fn while_it_moves<T>(
    stream: &mut LoadStream,
    limits: &SendLimits,
    mut step: impl FnMut(&mut LoadStream, &mut Context<'_>) -> Poll<io::Result<T>>,
) -> Result<T, SendEnd> {
    let moved = |stream: &LoadStream| (stream.probe().outstanding_bytes(), stream.probe().written_bytes());
    loop {
        let before = moved(stream);
        match tokio::time::timeout(limits.progress_timeout, poll_fn(|cx| step(stream, cx))).await {
            Ok(done) => return done.map_err(SendEnd::Broken),
            Err(_) if moved(stream) == before => return Err(SendEnd::Stalled),
            Err(_) => {}
        }
    }
}
