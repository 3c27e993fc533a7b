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
