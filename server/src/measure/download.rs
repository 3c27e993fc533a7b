//! A download flow: random bytes once the client says go.

use ispeed_protocol::control::{CUBIC, GO, GO_CUBIC};
use ispeed_protocol::direction::Direction;
use ispeed_wire::{LoadStream, Payload, SendEnd, SendLimits, send};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{sleep_until, timeout};

use super::load::LoadFlow;
use crate::limits;

pub(super) async fn serve(mut flow: LoadFlow) {
    let session = flow.session.clone();
    let side = &session.down;
    let go = tokio::select! {
        biased;
        () = side.stop.cancelled() => false,
        () = sleep_until(session.deadline) => false,
        go = go(&mut flow) => go,
    };
    if !go || !flow.started(Direction::Down).await {
        return flow.raw.stream.reset();
    }
    let Ok(mut payload) = Payload::new() else { return flow.raw.stream.reset() };
    side.meter.add(flow.raw.stream.probe().clone());
    side.note_congestion_control(flow.raw.stream.probe());
    let limits = SendLimits {
        budget: side.budget.clone(),
        deadline: session.deadline,
        progress_timeout: limits::LOAD_PROGRESS_TIMEOUT,
    };
    // After its go the client is silent until it closes, so that nothing can be lost on the way.
    let Ok(mut stream) = flow.raw.stream.for_load() else { return };
    match send(&mut stream, &mut payload, &limits, &side.stop).await {
        SendEnd::Budget => tokio::select! {
            () = side.stop.cancelled() => {}
            () = sleep_until(session.deadline) => {}
            () = end_in_order(&mut stream) => {}
        },
        SendEnd::Stalled => flow.measure.stats().flow_stalled(),
        SendEnd::Stopped | SendEnd::Deadline | SendEnd::Broken(_) => {}
    }
    stream.reset();
}

/// Whether the client's first byte says go; sets the congestion control that it may ask for, while nothing flows yet.
async fn go(flow: &mut LoadFlow) -> bool {
    let byte = match flow.raw.read.first().copied() {
        None => flow.raw.stream.read_u8().await.ok(),
        byte => byte,
    };
    if byte == Some(GO_CUBIC) {
        // Where the kernel has it not, this server's own goes on.
        let _ = flow.raw.stream.probe().set_congestion_control(CUBIC);
    }
    matches!(byte, Some(GO | GO_CUBIC))
}

/// Tells the client that no more will come, and waits until it has taken what is queued and closes.
async fn end_in_order(stream: &mut LoadStream) {
    if !matches!(timeout(limits::LOAD_PROGRESS_TIMEOUT, stream.shutdown()).await, Ok(Ok(()))) {
        return;
    }
    // Until the client closes, or sends what it should not.
    let _ = stream.read_u8().await;
}
