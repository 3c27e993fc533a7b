//! Linux and Android: `TCP_INFO`.

use std::io;
use std::mem::{offset_of, size_of};
use std::os::fd::{AsFd, AsRawFd};

use socket2::SockRef;

use super::SocketCounters;

/// `struct tcp_info` of `linux/tcp.h`. The kernel writes as much of it as it knows and says how much that was; the
/// layout only ever grows at its end.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct TcpInfo {
    state: u8,
    ca_state: u8,
    retransmits: u8,
    probes: u8,
    backoff: u8,
    options: u8,
    window_scales: u8,
    /// Bit 0: the latest delivery rate sample was limited by the program.
    delivery_flags: u8,
    rto: u32,
    ato: u32,
    snd_mss: u32,
    rcv_mss: u32,
    unacked: u32,
    sacked: u32,
    lost: u32,
    retrans: u32,
    fackets: u32,
    last_data_sent: u32,
    last_ack_sent: u32,
    last_data_recv: u32,
    last_ack_recv: u32,
    pmtu: u32,
    rcv_ssthresh: u32,
    rtt: u32,
    rttvar: u32,
    snd_ssthresh: u32,
    snd_cwnd: u32,
    advmss: u32,
    reordering: u32,
    rcv_rtt: u32,
    rcv_space: u32,
    total_retrans: u32,
    // Linux 3.15
    pacing_rate: u64,
    max_pacing_rate: u64,
    // 4.1
    bytes_acked: u64,
    bytes_received: u64,
    // 4.2
    segs_out: u32,
    segs_in: u32,
    // 4.6
    notsent_bytes: u32,
    min_rtt: u32,
    data_segs_in: u32,
    data_segs_out: u32,
    // 4.9
    delivery_rate: u64,
    // 4.10
    busy_time: u64,
    rwnd_limited: u64,
    sndbuf_limited: u64,
    // 4.18
    delivered: u32,
    delivered_ce: u32,
    // 4.19
    bytes_sent: u64,
    bytes_retrans: u64,
}

// States of `net/tcp_states.h`.
const TIME_WAIT: u8 = 6;
const CLOSE_WAIT: u8 = 8;
const LAST_ACK: u8 = 9;
const CLOSING: u8 = 11;

/// `tcpi_min_rtt` before the first measurement.
const MIN_RTT_UNKNOWN: u32 = u32::MAX;

fn tcp_info(socket: &SockRef<'_>) -> Option<(TcpInfo, usize)> {
    let mut info = TcpInfo::default();
    let mut len = size_of::<TcpInfo>() as libc::socklen_t;
    // SAFETY: `info` is valid for writes of `len` bytes for the whole call, every bit pattern is a valid `TcpInfo`, and
    // the kernel writes at most `len` bytes.
    let rc = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            (&raw mut info).cast::<libc::c_void>(),
            &raw mut len,
        )
    };
    (rc == 0).then_some((info, len as usize))
}

/// The field's value if the kernel wrote it.
macro_rules! known {
    ($info:ident, $len:ident, $field:ident) => {
        ($len >= offset_of!(TcpInfo, $field) + size_of_val(&$info.$field)).then_some($info.$field)
    };
}

pub(super) fn socket_counters(socket: &SockRef<'_>) -> SocketCounters {
    let Some((info, len)) = tcp_info(socket) else { return SocketCounters::default() };
    let nonzero = |value: Option<u32>| value.filter(|v| *v != 0);
    let (bytes_sent, bytes_retransmitted) = (known!(info, len, bytes_sent), known!(info, len, bytes_retrans));
    let payload_sent = bytes_sent.zip(bytes_retransmitted).map(|(sent, again)| sent.saturating_sub(again));
    // The kernel counts SYN and FIN, which take a sequence number each, as a byte acknowledged or received.
    let fin_arrived = u64::from([TIME_WAIT, CLOSE_WAIT, LAST_ACK, CLOSING].contains(&info.state));
    let rated = known!(info, len, delivery_rate).is_some();
    SocketCounters {
        segments_in: known!(info, len, data_segs_in).map(u64::from),
        bytes_received: known!(info, len, bytes_received).map(|bytes| bytes.saturating_sub(fin_arrived)),
        bytes_acked: known!(info, len, bytes_acked).map(|bytes| bytes.min(payload_sent.unwrap_or(u64::MAX))),
        bytes_sent,
        bytes_retransmitted,
        segments_out: known!(info, len, data_segs_out).map(u64::from),
        retransmits: known!(info, len, total_retrans).map(u64::from),
        rtt_us: nonzero(known!(info, len, rtt)),
        rtt_var_us: nonzero(known!(info, len, rttvar)),
        min_rtt_us: known!(info, len, min_rtt).filter(|v| *v != MIN_RTT_UNKNOWN),
        send_mss_bytes: nonzero(known!(info, len, snd_mss)),
        receive_mss_bytes: nonzero(known!(info, len, rcv_mss)),
        congestion_window_segments: known!(info, len, snd_cwnd),
        unsent_bytes: known!(info, len, notsent_bytes).map(u64::from),
        busy_us: known!(info, len, busy_time),
        rwnd_limited_us: known!(info, len, rwnd_limited),
        sndbuf_limited_us: known!(info, len, sndbuf_limited),
        delivery_rate_bytes_per_s: known!(info, len, delivery_rate).filter(|v| *v != 0),
        app_limited: rated.then_some(info.delivery_flags & 1 == 1),
    }
}

/// `TCP_CA_NAME_MAX` of `net/tcp.h`, the terminating NUL included.
const CONGESTION_NAME_MAX: usize = 16;

/// Sets an option to these bytes: an `int` as the system has it, or a text.
pub(super) fn set_option(socket: &SockRef<'_>, level: libc::c_int, name: libc::c_int, value: &[u8]) -> io::Result<()> {
    // SAFETY: `value` is valid for reads of its length for the whole call.
    let rc = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            name,
            value.as_ptr().cast::<libc::c_void>(),
            value.len() as libc::socklen_t,
        )
    };
    if rc == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// What an option of TCP is set to, as far as it fits.
fn tcp_option<const N: usize>(socket: &SockRef<'_>, name: libc::c_int) -> Option<[u8; N]> {
    let mut value = [0u8; N];
    let mut len = N as libc::socklen_t;
    // SAFETY: `value` is valid for writes of `len` bytes for the whole call.
    let rc = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::IPPROTO_TCP,
            name,
            value.as_mut_ptr().cast::<libc::c_void>(),
            &raw mut len,
        )
    };
    (rc == 0).then_some(value)
}

// socket2 has these two on Linux only, not on Android.
pub(super) fn congestion_control(socket: &SockRef<'_>) -> Option<String> {
    let name = tcp_option::<CONGESTION_NAME_MAX>(socket, libc::TCP_CONGESTION)?;
    let end = name.iter().position(|b| *b == 0).unwrap_or(name.len());
    String::from_utf8(name[..end].to_vec()).ok().filter(|name| !name.is_empty())
}

pub(super) fn set_congestion_control(socket: &SockRef<'_>, name: &str) -> io::Result<()> {
    set_option(socket, libc::IPPROTO_TCP, libc::TCP_CONGESTION, name.as_bytes())
}

pub(super) fn set_notsent_lowat(socket: &SockRef<'_>, bytes: u32) -> io::Result<()> {
    socket.set_tcp_notsent_lowat(bytes)
}

pub(super) fn set_thin_linear_timeouts(socket: &SockRef<'_>, on: bool) -> io::Result<()> {
    let value = libc::c_int::from(on).to_ne_bytes();
    set_option(socket, libc::IPPROTO_TCP, libc::TCP_THIN_LINEAR_TIMEOUTS, &value)
}

pub(super) fn outstanding_bytes(socket: &SockRef<'_>) -> Option<u64> {
    let mut queued: libc::c_int = 0;
    // SIOCOUTQ has the number of TIOCOUTQ (linux/sockios.h); libc names only the latter on every target.
    // SAFETY: the request writes one `int` to the given pointer, which is valid for the whole call.
    let rc = unsafe { libc::ioctl(socket.as_fd().as_raw_fd(), libc::TIOCOUTQ, &raw mut queued) };
    if rc == 0 { u64::try_from(queued).ok() } else { None }
}

pub(super) fn bind_to_interface(socket: &SockRef<'_>, name: &str, _ipv6: bool) -> io::Result<()> {
    socket.bind_device(Some(name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::{LoadSocket, LoadStream};

    fn thin_linear_timeouts(stream: &LoadStream) -> i32 {
        let value = stream.probe().with(|socket| Ok(tcp_option(&socket, libc::TCP_THIN_LINEAR_TIMEOUTS)));
        i32::from_ne_bytes(value.unwrap().unwrap())
    }

    #[tokio::test]
    async fn timeouts_do_not_double_until_a_connection_carries_load() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let stream = LoadStream::Plain(LoadSocket::new(stream));
        assert_eq!(thin_linear_timeouts(&stream), 1);
        let stream = stream.for_load().unwrap();
        assert_eq!(thin_linear_timeouts(&stream), 0);
    }
}
