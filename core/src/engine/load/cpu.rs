//! The client's own CPU while it loads.

use std::time::{Duration, Instant};

use ispeed_wire::sys::{cpu_share, machine_idle_us, process_cpu_us, process_wait_us};

/// A shorter stretch says nothing: the system counts some of its time in ticks of up to 10 ms.
const STRETCH_MIN: Duration = Duration::from_millis(20);

/// CPU time of this program against the wall clock.
#[derive(Debug)]
pub(super) struct CpuMeter {
    started: (Instant, Option<u64>),
    last: (Instant, Option<u64>),
    waited_us: u64,
    idle_us: Option<u64>,
    cores: usize,
}

impl CpuMeter {
    pub(super) fn start() -> Self {
        let now = (Instant::now(), process_cpu_us());
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let waited_us = process_wait_us().unwrap_or(0);
        Self { started: now, last: now, waited_us, idle_us: machine_idle_us(), cores }
    }

    /// Share of the cores that `flows` tasks can keep busy, since the last call: 1.0 means that the program could not
    /// have moved more. Time it waited for a core counts: beside a busy neighbour, or under a quota, it uses few and is the
    /// limit all the same. So does a machine that has nothing left ([`cpu_share`]). `None` where the system does not tell, or the last call was just now.
    pub(super) fn share(&mut self, flows: u8) -> Option<f64> {
        if self.last.0.elapsed() < STRETCH_MIN {
            return None;
        }
        let now = (Instant::now(), process_cpu_us());
        let before = std::mem::replace(&mut self.last, now);
        let waited_us = process_wait_us().unwrap_or(0);
        let waited = waited_us.saturating_sub(std::mem::replace(&mut self.waited_us, waited_us));
        let usable = usize::from(flows.max(1)).min(self.cores);
        let with_wait = (now.0, now.1.map(|cpu_us| cpu_us.saturating_add(waited)));
        let idle_us = machine_idle_us();
        let idle_cores = busy((before.0, std::mem::replace(&mut self.idle_us, idle_us)), (now.0, idle_us));
        Some(cpu_share(busy(before, with_wait)?, usable as f64, idle_cores))
    }

    /// Cores used since the start: 1.0 is one of them.
    pub(super) fn overall(&self) -> Option<f64> {
        busy(self.started, (Instant::now(), process_cpu_us()))
    }
}

/// Cores that a sum of core time grew by, between two looks.
fn busy(first: (Instant, Option<u64>), last: (Instant, Option<u64>)) -> Option<f64> {
    let wall_us = last.0.saturating_duration_since(first.0).as_micros() as f64;
    let cpu_us = last.1?.saturating_sub(first.1?) as f64;
    (wall_us > 0.0).then_some(cpu_us / wall_us)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_flow_can_keep_one_core_busy_and_many_all() {
        let at = Instant::now();
        let later = at + Duration::from_millis(100);
        assert_eq!(busy((at, Some(5)), (later, Some(50_005))), Some(0.5));
        assert_eq!(busy((at, None), (later, Some(50_005))), None);
        assert_eq!(busy((at, Some(5)), (at, Some(6))), None);
    }
}
