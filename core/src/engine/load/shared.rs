//! What the sides of a running direction share: the estimator, the time line, the stop signal.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use ispeed_meter::{Config, Decision, Estimate, Estimator, Hint, Reading, Snapshot, StopReason};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::engine::echo::LinkRate;

/// One direction while load runs. Readings come from the polling thread (down) or the control channel (up), hints from
/// the echo's thread and from the control channel; the decision goes to the flows by a token, without a detour.
#[derive(Debug)]
pub(super) struct Shared {
    origin: Instant,
    state: Mutex<State>,
    /// Cancelled with the decision: resets all flows.
    stop: CancellationToken,
    /// Load flows the estimator wants.
    wanted: watch::Sender<u8>,
    /// What the train beside the load may take.
    pub(super) rate: LinkRate,
    loaded_rtt_us: AtomicU64,
}

#[derive(Debug)]
struct State {
    /// `None` once it has been finished.
    estimator: Option<Estimator>,
    first_bytes: Option<u64>,
    last_bytes: u64,
}

/// In-order payload of a reading: what the kernel has, or the program took, whichever is more.
fn payload_bytes(reading: &Reading) -> u64 {
    reading.kernel_bytes.unwrap_or(0).max(reading.app_bytes)
}

impl Shared {
    pub(super) fn new(config: Config, stop: CancellationToken) -> Self {
        Self {
            origin: Instant::now(),
            wanted: watch::Sender::new(config.flows_start),
            state: Mutex::new(State { estimator: Some(Estimator::new(config)), first_bytes: None, last_bytes: 0 }),
            stop,
            rate: LinkRate::default(),
            loaded_rtt_us: AtomicU64::new(0),
        }
    }

    /// Start of load.
    pub(super) fn origin(&self) -> Instant {
        self.origin
    }

    /// Now on the direction's time line.
    pub(super) fn t_us(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Feeds a reading and acts on the decision; true when it was to stop.
    pub(super) fn reading(&self, reading: &Reading) -> bool {
        let mut state = self.state();
        let Some(estimator) = state.estimator.as_mut() else { return true };
        let decision = estimator.on_reading(reading);
        state.first_bytes.get_or_insert(payload_bytes(reading));
        state.last_bytes = payload_bytes(reading);
        match decision {
            Decision::Continue => false,
            Decision::Flows(flows) => {
                self.wanted.send_replace(flows);
                false
            }
            Decision::Stop(_) => {
                self.stop.cancel();
                true
            }
        }
    }

    /// Feeds a side observation.
    pub(super) fn hint(&self, hint: Hint) {
        if let Some(estimator) = self.state().estimator.as_mut() {
            estimator.on_hint(hint);
        }
    }

    /// A round trip of the train beside the load.
    pub(super) fn loaded_rtt(&self, rtt_us: u64) {
        self.loaded_rtt_us.store(rtt_us, Ordering::Relaxed);
        self.hint(Hint::LoadedRttUs { t_us: self.t_us(), rtt_us });
    }

    /// The last of them, milliseconds.
    pub(super) fn loaded_ms(&self) -> Option<f64> {
        let us = self.loaded_rtt_us.load(Ordering::Relaxed);
        (us > 0).then_some(us as f64 / 1e3)
    }

    /// Load flows the estimator wants.
    pub(super) fn wanted(&self) -> watch::Receiver<u8> {
        self.wanted.subscribe()
    }

    /// The run as it stands; `None` after [`Shared::finish`].
    pub(super) fn snapshot(&self) -> Option<Snapshot> {
        self.state().estimator.as_ref().map(Estimator::snapshot)
    }

    /// Ends the estimate; `None` the second time.
    pub(super) fn finish(&self, external: Option<StopReason>) -> Option<Estimate> {
        self.state().estimator.take().map(|estimator| estimator.finish(external))
    }

    /// Payload bytes that arrived in order from the first reading to the last.
    pub(super) fn bytes(&self) -> u64 {
        let state = self.state();
        state.last_bytes.saturating_sub(state.first_bytes.unwrap_or(0))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic inside the estimator would leave it between two readings, which is a state it can be finished from.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
