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
    estimator: Mutex<Option<Estimator>>,
    /// Cancelled with the decision: resets all flows.
    stop: CancellationToken,
    /// Load flows the estimator wants.
    wanted: watch::Sender<u8>,
    /// What the train beside the load may take.
    pub(super) rate: LinkRate,
    loaded_rtt_us: AtomicU64,
}

impl Shared {
    pub(super) fn new(config: Config, stop: CancellationToken) -> Self {
        Self {
            origin: Instant::now(),
            wanted: watch::Sender::new(config.flows_start),
            estimator: Mutex::new(Some(Estimator::new(config))),
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
        let mut estimator = self.estimator();
        let Some(estimator) = estimator.as_mut() else { return true };
        match estimator.on_reading(reading) {
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
        if let Some(estimator) = self.estimator().as_mut() {
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
        self.estimator().as_ref().map(Estimator::snapshot)
    }

    /// Ends the estimate; `None` the second time.
    pub(super) fn finish(&self, external: Option<StopReason>) -> Option<Estimate> {
        self.estimator().take().map(|estimator| estimator.finish(external))
    }

    fn estimator(&self) -> MutexGuard<'_, Option<Estimator>> {
        // A panic inside the estimator would leave it between two readings, which is a state it can be finished from.
        self.estimator.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
