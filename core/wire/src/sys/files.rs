//! How many sockets this program may hold.

/// Raises the limit of open descriptors to what the system lets this program have; the limit afterwards, `None` where
/// there is no such limit. The usual default of 1,024 is far below what a server needs.
pub fn raise_open_files_limit() -> Option<u64> {
    #[cfg(unix)]
    return raise();
    #[cfg(not(unix))]
    return None;
}

#[cfg(unix)]
fn raise() -> Option<u64> {
    /// macOS refuses "unlimited" for descriptors; this is its own ceiling (`OPEN_MAX` in `sys/syslimits.h`).
    const APPLE_MAX: libc::rlim_t = 10_240;
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is valid for writes for the whole call.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return None;
    }
    let wanted = if cfg!(target_vendor = "apple") { limit.rlim_max.min(APPLE_MAX) } else { limit.rlim_max };
    let raised = libc::rlimit { rlim_cur: wanted, ..limit };
    // SAFETY: `raised` is valid for reads for the whole call.
    let rc = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const raised) };
    Some(if rc == 0 { raised.rlim_cur } else { limit.rlim_cur })
}
