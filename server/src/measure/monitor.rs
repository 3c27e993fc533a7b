//! How busy this server is: what it sends, and its processors.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ispeed_wire::sys::CpuLook;

use crate::limits;

/// Time over which rates are taken.
const LOOK_EVERY: Duration = Duration::from_millis(100);

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
        let latest = Latest { cpu: CpuLook::now(), sent_bytes: 0, busy: Busy::default() };
        Self { egress_ceiling_bps, cores: cores as f64, sent_bytes: AtomicU64::new(0), latest: Mutex::new(latest) }
    }

    pub(super) fn sent(&self, bytes: u64) {
        self.sent_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn look(&self) -> Busy {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.cpu.elapsed() < LOOK_EVERY {
            return latest.busy;
        }
        let (cpu, sent_bytes) = (CpuLook::now(), self.sent_bytes.load(Ordering::Relaxed));
        let seconds = cpu.since(&latest.cpu).as_secs_f64();
        let busy = Busy {
            egress_bps: ((sent_bytes - latest.sent_bytes) as f64 * 8.0 / seconds) as u64,
            cpu_share: cpu.cores_since(&latest.cpu, self.cores).map(|cores| cores.share()),
        };
        *latest = Latest { cpu, sent_bytes, busy };
        busy
    }

    /// Whether the server, not the network, is what limits its runs just now.
    pub(super) fn is_limit(&self) -> bool {
        let busy = self.look();
        let egress_full =
            self.egress_ceiling_bps.is_some_and(|max| busy.egress_bps as f64 >= max as f64 * limits::EGRESS_FULL_SHARE);
        egress_full || busy.cpu_share.is_some_and(|share| share >= limits::CPU_FULL_SHARE)
    }
}
