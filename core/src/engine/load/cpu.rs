//! The client's own CPU while it loads.

use std::time::Duration;

use ispeed_wire::sys::CpuLook;

/// A shorter stretch says nothing: the system counts some of its time in ticks of up to 10 ms.
const STRETCH_MIN: Duration = Duration::from_millis(20);

/// CPU time of this program against the wall clock.
#[derive(Debug)]
pub(super) struct CpuMeter {
    started: CpuLook,
    last: CpuLook,
    cores: usize,
}

impl CpuMeter {
    pub(super) fn start() -> Self {
        let now = CpuLook::now();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { started: now, last: now, cores }
    }

    /// Share of the cores that `flows` tasks can keep busy, since the last call: 1.0 means that the program could not
    /// have moved more. Time it waited for a core counts: beside a busy neighbour, or under a quota, it uses few and is the
    /// limit all the same. `None` where the system does not tell, or the last call was just now.
    pub(super) fn share(&mut self, flows: u8) -> Option<f64> {
        if self.last.elapsed() < STRETCH_MIN {
            return None;
        }
        let now = CpuLook::now();
        let before = std::mem::replace(&mut self.last, now);
        let usable = usize::from(flows.max(1)).min(self.cores);
        Some(now.cores_since(&before, usable as f64)?.share())
    }

    /// Cores used since the start: 1.0 is one of them.
    pub(super) fn overall(&self) -> Option<f64> {
        self.started.used_since()
    }
}
