//! macOS and iOS: `TCP_CONNECTION_INFO`.

use std::ffi::CString;
use std::io;
use std::mem::size_of;
use std::num::NonZeroU32;
use std::os::fd::{AsFd, AsRawFd};

use socket2::SockRef;

use super::SocketCounters;

fn option<T: Copy>(socket: &SockRef<'_>, level: libc::c_int, name: libc::c_int, zero: T) -> Option<T> {
    let mut value = zero;
    let mut len = size_of::<T>() as libc::socklen_t;
    // SAFETY: `value` is valid for writes of `len` bytes for the whole call, and both types used with this function
    // (`tcp_connection_info`, `c_int`) are plain integers for which every bit pattern is valid.
    let rc = unsafe {
        libc::getsockopt(socket.as_fd().as_raw_fd(), level, name, (&raw mut value).cast::<libc::c_void>(), &raw mut len)
    };
    (rc == 0 && len as usize == size_of::<T>()).then_some(value)
}

/// `tcpi_rxpackets` counts every segment with or without data, so it is no count of data segments and stays unused:
/// this system counts bytes in order.
pub(super) fn socket_counters(socket: &SockRef<'_>) -> SocketCounters {
    // SAFETY: the type holds integers only; all zeros is a valid value.
    let zero: libc::tcp_connection_info = unsafe { std::mem::zeroed() };
    let Some(info) = option(socket, libc::IPPROTO_TCP, libc::TCP_CONNECTION_INFO, zero) else {
        return SocketCounters::default();
    };
    let nonzero = |value: u32| (value != 0).then_some(value);
    SocketCounters {
        bytes_received: Some(info.tcpi_rxbytes),
        bytes_sent: Some(info.tcpi_txbytes),
        bytes_retransmitted: Some(info.tcpi_txretransmitbytes),
        // The kernel keeps milliseconds.
        rtt_us: nonzero(info.tcpi_srtt.saturating_mul(1_000)),
        rtt_var_us: nonzero(info.tcpi_rttvar.saturating_mul(1_000)),
        send_mss_bytes: nonzero(info.tcpi_maxseg),
        ..SocketCounters::default()
    }
}

pub(super) fn congestion_control(_socket: &SockRef<'_>) -> Option<String> {
    None
}

pub(super) fn set_congestion_control(_socket: &SockRef<'_>, _name: &str) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no choice of congestion control per socket"))
}

pub(super) fn set_notsent_lowat(_socket: &SockRef<'_>, _bytes: u32) -> io::Result<()> {
    Ok(())
}

pub(super) fn set_thin_linear_timeouts(_socket: &SockRef<'_>, _on: bool) -> io::Result<()> {
    Ok(())
}

pub(super) fn outstanding_bytes(socket: &SockRef<'_>) -> Option<u64> {
    let queued: libc::c_int = option(socket, libc::SOL_SOCKET, libc::SO_NWRITE, 0)?;
    u64::try_from(queued).ok()
}

pub(super) fn bind_to_interface(socket: &SockRef<'_>, name: &str, ipv6: bool) -> io::Result<()> {
    let text = CString::new(name).map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a NUL in the name"))?;
    // SAFETY: `text` is a NUL-terminated string that lives for the whole call.
    let index = unsafe { libc::if_nametoindex(text.as_ptr()) };
    let Some(index) = NonZeroU32::new(index) else { return Err(io::Error::last_os_error()) };
    if ipv6 { socket.bind_device_by_index_v6(Some(index)) } else { socket.bind_device_by_index_v4(Some(index)) }
}
