//! Progress for a display: the newest picture, at most ten a second, on a thread of its own.
//!
//! The measurement writes into a `watch` channel and never waits for anybody. What is slow here sees fewer pictures; what
//! throws sees no more.

use std::sync::Arc;
use std::time::Duration;

use ispeed_core::engine;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::error::IspeedError;
use crate::mirror::mirror_enum;

/// Least time between two calls of an observer: a call from a thread the virtual machine does not know costs it some
/// 100 µs, and no display shows more.
const PERIOD: Duration = Duration::from_millis(100);

mirror_enum! {
    /// Where a run is.
    Phase = engine::Phase {
        /// Token, choice of the test point, control channel.
        Connecting,
        /// Idle round trips.
        Latency,
        /// Download.
        Download,
        /// Upload.
        Upload,
        /// The server's logs.
        Finishing,
        /// Over.
        Done,
    }
}

/// A picture of a run. The figures are of the direction that runs.
#[derive(Clone, PartialEq, Debug, uniffi::Record)]
pub struct Progress {
    /// Where the run is.
    pub phase: Phase,
    /// Since its start.
    pub elapsed_ms: u64,
    /// Goodput so far.
    pub rate_bps: Option<f64>,
    /// Lower end of its 95 % interval.
    pub low_bps: Option<f64>,
    /// Upper end of its 95 % interval.
    pub high_bps: Option<f64>,
    /// Payload bytes received so far.
    pub bytes_down: u64,
    /// Payload bytes sent so far.
    pub bytes_up: u64,
    /// Median round trip without load.
    pub latency_ms: Option<f64>,
    /// Last round trip under load.
    pub loaded_ms: Option<f64>,
    /// Id of the server.
    pub server: Option<String>,
    /// Load flows.
    pub flows: u8,
}

impl From<engine::Progress> for Progress {
    fn from(core: engine::Progress) -> Self {
        Self {
            phase: core.phase.into(),
            elapsed_ms: core.elapsed_ms,
            rate_bps: core.rate_bps,
            low_bps: core.interval_bps.map(|[low, _]| low),
            high_bps: core.interval_bps.map(|[_, high]| high),
            bytes_down: core.bytes_down,
            bytes_up: core.bytes_up,
            latency_ms: core.latency_ms,
            loaded_ms: core.loaded_ms,
            server: core.server,
            flows: core.flows,
        }
    }
}

/// A display. Implemented by the shell.
#[uniffi::export(foreign)]
pub trait RunObserver: Send + Sync {
    /// Called with the newest picture. One call at a time, on a thread that may wait; an error ends the display of this run.
    fn progress(&self, snapshot: Progress) -> Result<(), IspeedError>;
}

/// Shows a run until it ends or the observer does.
pub(crate) async fn show(mut progress: watch::Receiver<engine::Progress>, observer: Arc<dyn RunObserver>) {
    let mut not_before = Instant::now();
    // The channel closes with the run; its last picture is shown before.
    while progress.changed().await.is_ok() {
        sleep_until(not_before).await;
        let snapshot = Progress::from(progress.borrow_and_update().clone());
        let observer = Arc::clone(&observer);
        let shown = tokio::task::spawn_blocking(move || observer.progress(snapshot)).await;
        if !matches!(shown, Ok(Ok(()))) {
            return;
        }
        // Counted from its end: on a machine that gives this thread no time, pictures still do not come in a heap.
        not_before = Instant::now() + PERIOD;
    }
}
