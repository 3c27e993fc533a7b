//! CPU time of this thread, of the whole program and of the machine.

use std::time::{Duration, Instant};

/// CPU time of the calling thread, user and system, microseconds; `None` where the system does not tell.
pub fn thread_cpu_us() -> Option<u64> {
    #[cfg(unix)]
    return clock_us(libc::CLOCK_THREAD_CPUTIME_ID);
    #[cfg(not(unix))]
    return None;
}

/// CPU time of all threads of this program, user and system, microseconds; `None` where the system does not tell.
pub fn process_cpu_us() -> Option<u64> {
    #[cfg(unix)]
    return clock_us(libc::CLOCK_PROCESS_CPUTIME_ID);
    #[cfg(not(unix))]
    return None;
}

/// Time that threads of this program were ready to run and did not, microseconds: other programs had the processor, or a
/// quota kept it from them. Linux only (`schedstat`); threads that ended are no longer in it.
pub fn process_wait_us() -> Option<u64> {
    let waited_ns = |task: std::io::Result<std::fs::DirEntry>| {
        let text = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        text.split_ascii_whitespace().nth(1)?.parse::<u64>().ok()
    };
    let tasks = std::fs::read_dir("/proc/self/task").ok()?;
    tasks.filter_map(waited_ns).reduce(u64::saturating_add).map(|ns| ns / 1_000)
}

/// Time for which the machine's cores had nothing to do, all cores together, microseconds in steps of a tick (10 ms as a
/// rule). Linux only (`/proc/stat`), and not on a phone, where programs may not read it.
fn machine_idle_us() -> Option<u64> {
    idle_us(&std::fs::read_to_string("/proc/stat").ok()?, ticks_per_second()?)
}

/// Idle time of all cores in `/proc/stat` (proc_stat(5)): the fourth figure of the first line, and the fifth, which is
/// idle time while a disk works.
fn idle_us(stat: &str, ticks_per_second: u64) -> Option<u64> {
    let all = stat.lines().next()?.strip_prefix("cpu ")?;
    let ticks = |place: usize| all.split_ascii_whitespace().nth(place)?.parse::<u64>().ok();
    Some(ticks(3)?.saturating_add(ticks(4)?).saturating_mul(1_000_000) / ticks_per_second)
}

#[cfg(unix)]
fn ticks_per_second() -> Option<u64> {
    // SAFETY: `sysconf` takes no pointer.
    u64::try_from(unsafe { libc::sysconf(libc::_SC_CLK_TCK) }).ok().filter(|&ticks| ticks > 0)
}

#[cfg(not(unix))]
fn ticks_per_second() -> Option<u64> {
    None
}

/// A program that uses less than this part of its cores is not limited by them because nothing is idle: a busy machine gives
/// each program its share when it asks.
const SUBSTANTIAL_SHARE: f64 = 0.4;

/// Cores, over some time.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Cores {
    /// That the program used.
    pub used: f64,
    /// That it was ready to use and did not get.
    pub waited: f64,
    /// That it has work for.
    pub usable: f64,
    /// That nobody used; `None` where the system does not tell.
    pub idle: Option<f64>,
}

impl Cores {
    /// How near the program is to all it could get: 1.0 means that it could not have done more.
    ///
    /// Two programs that wait for each other keep every core busy without either ever waiting for one, so a program that uses
    /// a substantial part counts against what was left as well.
    pub fn share(&self) -> f64 {
        let wanted = self.used + self.waited;
        let share = wanted / self.usable;
        match self.idle {
            Some(idle) if self.used >= SUBSTANTIAL_SHARE * self.usable => share.max(wanted / (wanted + idle)),
            _ => share,
        }
    }
}

/// The processors at one moment, for the difference to a later one.
#[derive(Clone, Copy, Debug)]
pub struct CpuLook {
    at: Instant,
    used_us: Option<u64>,
    waited_us: Option<u64>,
    idle_us: Option<u64>,
}

impl CpuLook {
    /// Now.
    pub fn now() -> Self {
        Self { at: Instant::now(), used_us: process_cpu_us(), waited_us: process_wait_us(), idle_us: machine_idle_us() }
    }

    /// Time since.
    pub fn elapsed(&self) -> Duration {
        self.at.elapsed()
    }

    /// Time between `earlier` and this look.
    pub fn since(&self, earlier: &Self) -> Duration {
        self.at.saturating_duration_since(earlier.at)
    }

    /// Cores between `earlier` and this look, of `usable` the program had work for; `None` where the system does not tell.
    pub fn cores_since(&self, earlier: &Self, usable: f64) -> Option<Cores> {
        let cores = |now, before| grown(now, before, self.since(earlier));
        Some(Cores {
            used: cores(self.used_us, earlier.used_us)?,
            waited: cores(self.waited_us, earlier.waited_us).unwrap_or(0.0),
            usable,
            idle: cores(self.idle_us, earlier.idle_us),
        })
    }

    /// Cores the program used since; nothing else is asked for.
    pub fn used_since(&self) -> Option<f64> {
        grown(process_cpu_us(), self.used_us, self.elapsed())
    }
}

/// Cores by which a sum of core time grew. Waiting of threads that ended is no longer in its sum.
fn grown(now_us: Option<u64>, before_us: Option<u64>, elapsed: Duration) -> Option<f64> {
    let wall_us = elapsed.as_micros() as f64;
    let grown_us = now_us?.saturating_sub(before_us?) as f64;
    (wall_us > 0.0).then_some(grown_us / wall_us)
}

#[cfg(unix)]
fn clock_us(clock: libc::clockid_t) -> Option<u64> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid for writes for the whole call.
    let rc = unsafe { libc::clock_gettime(clock, &raw mut time) };
    if rc != 0 {
        return None;
    }
    Some(u64::try_from(time.tv_sec).ok()? * 1_000_000 + u64::try_from(time.tv_nsec).ok()? / 1_000)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_program_with_much_of_a_machine_that_has_nothing_left_is_at_its_limit() {
        let near = |share: f64, expected: f64| assert!((share - expected).abs() < 1e-9, "{share} {expected}");
        let share = |used: f64, waited: f64, idle: Option<f64>| Cores { used, waited, usable: 2.0, idle }.share();
        near(share(1.0, 0.0, Some(0.0)), 1.0);
        near(share(1.0, 0.0, Some(0.25)), 0.8);
        near(share(1.0, 0.0, Some(1.0)), 0.5);
        near(share(1.0, 0.0, None), 0.5);
        near(share(0.5, 0.5, Some(0.0)), 0.5);
        near(share(1.5, 0.5, Some(0.3)), 1.0);
    }

    #[test]
    fn what_grew_between_two_looks_is_cores() {
        let at = Instant::now();
        let look = |after_ms: u64, used_us: u64, waited_us: u64, idle_us: Option<u64>| CpuLook {
            at: at + Duration::from_millis(after_ms),
            used_us: Some(used_us),
            waited_us: Some(waited_us),
            idle_us,
        };
        let (first, later) = (look(0, 5, 90_000, Some(10)), look(100, 50_005, 70_000, Some(20_010)));
        let expected = Cores { used: 0.5, waited: 0.0, usable: 2.0, idle: Some(0.2) };
        assert_eq!(later.cores_since(&first, 2.0), Some(expected), "threads that waited have ended");
        assert_eq!(first.cores_since(&first, 2.0), None);
        let blind = CpuLook { used_us: None, ..later };
        assert_eq!(blind.cores_since(&first, 2.0), None);
        assert_eq!(CpuLook { idle_us: None, ..later }.cores_since(&first, 2.0), Some(Cores { idle: None, ..expected }));
    }

    #[test]
    fn idle_time_is_that_of_all_cores() {
        let stat = "cpu  100 5 20 2718 30 0 3 1 0 0\ncpu0 50 2 10 1359 15 0 1 0 0 0\n";
        assert_eq!(idle_us(stat, 100), Some(27_480_000));
        assert_eq!(idle_us("cpu  100 5 20\n", 100), None);
        assert_eq!(idle_us("", 100), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_machine_is_idle_for_no_longer_than_there_is_time() {
        let (before, started) = (machine_idle_us().unwrap(), std::time::Instant::now());
        std::thread::sleep(std::time::Duration::from_millis(100));
        let idle_us = machine_idle_us().unwrap() - before;
        let cores = std::fs::read_to_string("/proc/stat").unwrap().matches("\ncpu").count() as u64;
        let most_us = (started.elapsed().as_micros() as u64 + 20_000) * cores;
        assert!(idle_us <= most_us, "{idle_us} of {most_us}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn threads_that_share_a_core_wait_for_it() {
        let Some(before) = process_wait_us() else { return };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let started = std::time::Instant::now();
        let spin = move || while started.elapsed().as_millis() < 200 {};
        std::thread::scope(|scope| {
            for _ in 0..cores * 3 {
                scope.spawn(spin);
            }
            std::thread::sleep(std::time::Duration::from_millis(150));
            assert!(process_wait_us().unwrap() > before + 50_000, "three threads a core wait two thirds of the time");
        });
    }

    #[test]
    fn work_costs_cpu_time() {
        let before = (thread_cpu_us().unwrap(), process_cpu_us().unwrap());
        let started = std::time::Instant::now();
        let mut n = 0u64;
        while started.elapsed().as_millis() < 30 {
            n = std::hint::black_box(n.wrapping_mul(31).wrapping_add(7));
        }
        let (thread, process) = (thread_cpu_us().unwrap() - before.0, process_cpu_us().unwrap() - before.1);
        assert!(thread > 0 && process > 0, "{thread} {process}");
        assert!(thread <= started.elapsed().as_micros() as u64 + 20_000, "one thread cannot use more than its time");
    }
}
