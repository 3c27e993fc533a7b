//! CPU time of this thread, of the whole program and of the machine.

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
pub fn machine_idle_us() -> Option<u64> {
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

/// A program that uses or waits for less than this part of its cores is not limited by them, however little is idle: a busy
/// machine gives each program its share when it asks.
const SUBSTANTIAL_SHARE: f64 = 0.4;

/// How near a program is to all it could get from the processors: 1.0 means that it could not have done more. It used, or
/// waited for, `own_cores` of the `usable_cores` it has work for; `idle_cores` were left by everybody.
///
/// Two programs that wait for each other keep every core busy without either ever waiting for one, so a program that has a
/// substantial part counts against what was left as well.
pub fn cpu_share(own_cores: f64, usable_cores: f64, idle_cores: Option<f64>) -> f64 {
    let share = own_cores / usable_cores;
    match idle_cores {
        Some(idle_cores) if share >= SUBSTANTIAL_SHARE => share.max(own_cores / (own_cores + idle_cores)),
        _ => share,
    }
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
        near(cpu_share(1.0, 2.0, Some(0.0)), 1.0);
        near(cpu_share(1.0, 2.0, Some(0.25)), 0.8);
        near(cpu_share(1.0, 2.0, Some(1.0)), 0.5);
        near(cpu_share(1.0, 2.0, None), 0.5);
        near(cpu_share(0.1, 2.0, Some(0.0)), 0.05);
        near(cpu_share(2.0, 2.0, Some(0.3)), 1.0);
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
