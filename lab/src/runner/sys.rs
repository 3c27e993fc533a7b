//! CPU time of other processes, to the microsecond: ticks of 10 ms would be a tenth of what a short test uses. Two system
//! calls that neither the standard library nor rustix has.
#![allow(unsafe_code)]

/// CPU seconds of all children of this process that were waited for.
pub(crate) fn children_cpu_s() -> f64 {
    // SAFETY: rusage is plain old data for which zero is valid.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to an rusage that outlives the call.
    if unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage) } != 0 {
        return 0.0;
    }
    let seconds = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}

/// CPU seconds of a running process, threads that ended included; `None` when there is no such process.
pub(crate) fn process_cpu_s(pid: u32) -> Option<f64> {
    let mut clock: libc::clockid_t = 0;
    // SAFETY: the pointer is to a clock id that outlives the call.
    if unsafe { libc::clock_getcpuclockid(pid.cast_signed(), &raw mut clock) } != 0 {
        return None;
    }
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a timespec that outlives the call.
    if unsafe { libc::clock_gettime(clock, &raw mut time) } != 0 {
        return None;
    }
    Some(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_seen_while_a_child_runs_and_after_it() {
        let before = children_cpu_s();
        let words = ["-c", "i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done; read x"];
        let mut child =
            std::process::Command::new("sh").args(words).stdin(std::process::Stdio::piped()).spawn().unwrap();
        let used = || process_cpu_s(child.id()).unwrap();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while used() < 0.005 && std::time::Instant::now() < deadline {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let running = used();
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(running >= 0.005, "{running}");
        assert!(children_cpu_s() - before >= running);
        assert_eq!(process_cpu_s(child.id()), None);
    }
}
