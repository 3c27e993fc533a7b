//! What the kernel knows of a socket and of this program's CPU time, behind one interface for every system; and the
//! limits of this process that a program sets for itself.
//!
//! A counter the kernel does not have is `None`. Linux and Android answer from `TCP_INFO` as far as the running kernel
//! fills it; macOS and iOS from `TCP_CONNECTION_INFO`; elsewhere everything is `None` and callers count in the program.
#![allow(unsafe_code, reason = "socket options and clocks that neither the standard library nor socket2 offer")]

#[cfg(target_vendor = "apple")]
mod apple;
mod cpu;
mod datagram;
mod files;
mod heap;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux;
#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
mod other;

#[cfg(target_vendor = "apple")]
use apple as os;
#[cfg(any(target_os = "linux", target_os = "android"))]
use linux as os;
#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
use other as os;

use std::io;
use std::time::Duration;

use socket2::SockRef;

pub use cpu::{Cores, CpuLook, process_cpu_us, process_wait_us, thread_cpu_us};
pub use datagram::{Datagram, answer_datagram, receive_datagram, stamp_datagrams, tell_local_addresses};
pub use files::raise_open_files_limit;
pub use heap::share_heaps;

/// What the kernel counts on one TCP connection, cumulative since it opened unless said otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SocketCounters {
    /// Data segments that arrived, out-of-order ones included: `tcpi_data_segs_in` (RFC 4898
    /// tcpEStatsPerfDataSegsIn).
    pub segments_in: Option<u64>,
    /// Payload bytes delivered in order: `tcpi_bytes_received` (tcpEStatsAppHCThruOctetsReceived).
    pub bytes_received: Option<u64>,
    /// Payload bytes the peer acknowledged: `tcpi_bytes_acked`.
    pub bytes_acked: Option<u64>,
    /// Payload bytes sent, retransmissions included: `tcpi_bytes_sent`.
    pub bytes_sent: Option<u64>,
    /// Payload bytes sent again: `tcpi_bytes_retrans`.
    pub bytes_retransmitted: Option<u64>,
    /// Data segments sent, retransmissions included: `tcpi_data_segs_out`.
    pub segments_out: Option<u64>,
    /// Segments sent again: `tcpi_total_retrans`.
    pub retransmits: Option<u64>,
    /// Smoothed RTT now, microseconds.
    pub rtt_us: Option<u32>,
    /// Mean deviation of the RTT (RFC 6298's RTTVAR), microseconds.
    pub rtt_var_us: Option<u32>,
    /// Least RTT seen, microseconds.
    pub min_rtt_us: Option<u32>,
    /// Maximum segment size of what is sent, bytes.
    pub send_mss_bytes: Option<u32>,
    /// Segment size of what arrives as the kernel estimates it, bytes.
    pub receive_mss_bytes: Option<u32>,
    /// Congestion window now, segments.
    pub congestion_window_segments: Option<u32>,
    /// Bytes written but not sent yet.
    pub unsent_bytes: Option<u64>,
    /// Time with data to send, microseconds: `tcpi_busy_time`.
    pub busy_us: Option<u64>,
    /// Part of it limited by the peer's receive window: `tcpi_rwnd_limited`.
    pub rwnd_limited_us: Option<u64>,
    /// Part of it limited by the own send buffer: `tcpi_sndbuf_limited`.
    pub sndbuf_limited_us: Option<u64>,
    /// Delivery rate of the latest sample, bytes a second: `tcpi_delivery_rate`.
    pub delivery_rate_bytes_per_s: Option<u64>,
    /// That sample was limited by the program, not the network.
    pub app_limited: Option<bool>,
}

impl SocketCounters {
    /// Payload bytes that left this end at least once: sent less retransmitted.
    pub fn bytes_left(&self) -> Option<u64> {
        Some(self.bytes_sent?.saturating_sub(self.bytes_retransmitted?))
    }
}

/// A socket that is known to be open: the caller holds the lock that its owner takes before closing it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawHandle(os_handle::Raw);

#[cfg(unix)]
mod os_handle {
    pub(crate) type Raw = std::os::fd::RawFd;
}
#[cfg(windows)]
mod os_handle {
    pub(crate) type Raw = std::os::windows::io::RawSocket;
}

impl RawHandle {
    #[cfg(unix)]
    pub(crate) fn of(stream: &impl std::os::fd::AsRawFd) -> Self {
        Self(stream.as_raw_fd())
    }

    #[cfg(windows)]
    pub(crate) fn of(stream: &impl std::os::windows::io::AsRawSocket) -> Self {
        Self(stream.as_raw_socket())
    }

    /// Runs `f` with the socket.
    #[cfg(unix)]
    pub(crate) fn with<R>(self, f: impl FnOnce(SockRef<'_>) -> R) -> R {
        // SAFETY: `probe::Shared` hands the handle out only under its lock while the owning `LoadSocket` lives, and the
        // owner retires it under the same lock before it closes the descriptor; the borrow ends with this call.
        let fd = unsafe { std::os::fd::BorrowedFd::borrow_raw(self.0) };
        f(SockRef::from(&fd))
    }

    /// Runs `f` with the socket.
    #[cfg(windows)]
    pub(crate) fn with<R>(self, f: impl FnOnce(SockRef<'_>) -> R) -> R {
        // SAFETY: as on Unix: the owner retires the handle under the lock before it closes the socket.
        let socket = unsafe { std::os::windows::io::BorrowedSocket::borrow_raw(self.0) };
        f(SockRef::from(&socket))
    }
}

/// Reads every counter the running kernel offers for a TCP socket; one system call.
pub fn socket_counters(socket: &SockRef<'_>) -> SocketCounters {
    os::socket_counters(socket)
}

/// Name of the congestion control in use, such as `bbr` or `cubic`; `None` where the system does not tell.
pub fn congestion_control(socket: &SockRef<'_>) -> Option<String> {
    os::congestion_control(socket)
}

/// Asks for a congestion control by name. An error where the system has none to choose from, or not this one.
pub fn set_congestion_control(socket: &SockRef<'_>, name: &str) -> io::Result<()> {
    os::set_congestion_control(socket, name)
}

/// Lets at most about `bytes` of unsent data queue in the kernel (`TCP_NOTSENT_LOWAT`); nothing where unsupported.
pub fn set_notsent_lowat(socket: &SockRef<'_>, bytes: u32) -> io::Result<()> {
    os::set_notsent_lowat(socket, bytes)
}

/// Has what is lost of a connection that sends little sent again after one time-out each time, the first six times, not after
/// ones that double (Linux, `TCP_THIN_LINEAR_TIMEOUTS`); nothing where unsupported.
pub fn set_thin_linear_timeouts(socket: &SockRef<'_>, on: bool) -> io::Result<()> {
    os::set_thin_linear_timeouts(socket, on)
}

/// Bytes written to the socket that the peer has not acknowledged (`SIOCOUTQ`, `SO_NWRITE`).
pub fn outstanding_bytes(socket: &SockRef<'_>) -> Option<u64> {
    os::outstanding_bytes(socket)
}

/// Makes the next close of the socket send RST and drop what is queued (`SO_LINGER` with time 0).
pub fn set_linger_zero(socket: &SockRef<'_>) -> io::Result<()> {
    socket.set_linger(Some(Duration::ZERO))
}

/// Binds a socket to a network interface by name, so that its packets leave there whatever the routes say.
///
/// `ipv6` tells the family of the socket. An error where the interface does not exist or the system cannot bind.
pub fn bind_to_interface(socket: &SockRef<'_>, name: &str, ipv6: bool) -> io::Result<()> {
    os::bind_to_interface(socket, name, ipv6)
}
