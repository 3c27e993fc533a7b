//! How busy this server is: what it sends, and its processors.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ispeed_wire::sys::CpuLook;

use crate::limits;

/// Time over which rates are taken: a little less than a sender's report, which looks, comes after the one before.
const LOOK_EVERY: Duration = Duration::from_millis(90);

/// Rates of the whole server, refreshed by whoever looks.
#[derive(Debug)]
pub(super) struct Monitor {
    egress_ceiling_bps: Option<u64>,
    cores: f64,
    sent_bytes: AtomicU64,
    latest: Mutex<Latest>,
}

#[derive(Debug)]
struct Latest {
    cpu: CpuLook,
    sent_bytes: u64,
    busy: Busy,
    /// The look before it.
    before: Busy,
}

/// The server over the last tenth of a second or more.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Busy {
    /// Load bits sent a second.
    pub(super) egress_bps: u64,
    /// How near this program is to all it could get from the cores ([`ispeed_wire::sys::Cores`]); `None` where the system does not tell.
    pub(super) cpu_share: Option<f64>,
}

impl Monitor {
    pub(super) fn new(egress_ceiling_bps: Option<u64>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let latest = Latest { cpu: CpuLook::now(), sent_bytes: 0, busy: Busy::default(), before: Busy::default() };
        Self { egress_ceiling_bps, cores: cores as f64, sent_bytes: AtomicU64::new(0), latest: Mutex::new(latest) }
    }

    pub(super) fn sent(&self, bytes: u64) {
        self.sent_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The last look and the one before it.
    fn looks(&self) -> [Busy; 2] {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.cpu.elapsed() < LOOK_EVERY {
            return [latest.busy, latest.before];
        }
        let (cpu, sent_bytes) = (CpuLook::now(), self.sent_bytes.load(Ordering::Relaxed));
        let seconds = cpu.since(&latest.cpu).as_secs_f64();
        let busy = Busy {
            egress_bps: ((sent_bytes - latest.sent_bytes) as f64 * 8.0 / seconds) as u64,
            cpu_share: cpu.cores_since(&latest.cpu, self.cores).map(|cores| cores.share()),
        };
        let before = latest.busy;
        *latest = Latest { cpu, sent_bytes, busy, before };
        [busy, before]
    }

    pub(super) fn look(&self) -> Busy {
        self.looks()[0]
    }

    /// Whether the server, not the network, is what limits its runs just now.
    pub(super) fn is_limit(&self) -> bool {
        limits_runs(self.looks(), self.egress_ceiling_bps)
    }
}

/// Whether these looks, the last one first, show a limit: a full egress in the last, busy processors in both. The handshakes of
/// sixteen flows, or a neighbour's burst, fill the processors for one look. Full are they on the mean of both: what a machine left
/// idle is told in ticks of 10 ms, a twentieth of what two cores have in a look.
fn limits_runs(looks: [Busy; 2], egress_ceiling_bps: Option<u64>) -> bool {
    let egress_full =
        egress_ceiling_bps.is_some_and(|max| looks[0].egress_bps as f64 >= max as f64 * limits::EGRESS_FULL_SHARE);
    let [Some(last), Some(before)] = looks.map(|busy| busy.cpu_share) else { return egress_full };
    egress_full || last.min(before) >= limits::CPU_BUSY_SHARE && (last + before) / 2.0 >= limits::CPU_FULL_SHARE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_egress_limits_at_once_and_busy_processors_when_they_stay_so() {
        let look = |egress_bps: u64, share: f64| Busy { egress_bps, cpu_share: Some(share) };
        let blind = Busy { egress_bps: 0, cpu_share: None };
        assert!(limits_runs([look(0, 0.95), look(0, 0.92)], None));
        assert!(limits_runs([look(0, 0.89), look(0, 0.92)], None), "a tick");
        assert!(!limits_runs([look(0, 0.88), look(0, 0.91)], None));
        assert!(!limits_runs([look(0, 1.0), look(0, 0.79)], None), "a burst");
        assert!(!limits_runs([look(0, 0.95), look(0, 0.5)], None), "a burst");
        assert!(!limits_runs([look(0, 0.5), look(0, 0.95)], None), "over");
        assert!(!limits_runs([blind, blind], None));
        assert!(limits_runs([look(990, 0.1), look(0, 0.1)], Some(1000)));
        assert!(!limits_runs([look(900, 0.1), look(0, 0.1)], Some(1000)));
    }
}
