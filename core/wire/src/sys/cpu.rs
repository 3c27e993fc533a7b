//! CPU time of this thread and of the whole program.

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
