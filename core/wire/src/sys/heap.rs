//! How the C library's allocator spreads over threads.

/// Lets all threads of this program share two heaps, where the C library is glibc.
///
/// glibc gives a thread that finds every heap in use one of its own, up to eight for each core, and what one thread has
/// freed serves no other. A job that hands large pieces from thread to thread then keeps several times what it uses: the
/// nation's month 315 MB instead of 260, for a tenth more of its time. Call it before threads are started; memory already
/// handed out stays where it is.
pub fn share_heaps() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: the call takes two numbers and changes a limit of the allocator, which it may at any time.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 2);
    }
}
