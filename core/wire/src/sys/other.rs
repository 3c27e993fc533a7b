//! Systems without socket counters: everything is unknown and the program's own byte counts are used.

use std::io;

use socket2::SockRef;

use super::SocketCounters;

fn unsupported<T>(what: &str) -> io::Result<T> {
    Err(io::Error::new(io::ErrorKind::Unsupported, format!("{what} is not supported on this system")))
}

pub(super) fn socket_counters(_socket: &SockRef<'_>) -> SocketCounters {
    SocketCounters::default()
}

pub(super) fn congestion_control(_socket: &SockRef<'_>) -> Option<String> {
    None
}

pub(super) fn set_congestion_control(_socket: &SockRef<'_>, _name: &str) -> io::Result<()> {
    unsupported("choosing the congestion control of a socket")
}

pub(super) fn set_notsent_lowat(_socket: &SockRef<'_>, _bytes: u32) -> io::Result<()> {
    Ok(())
}

pub(super) fn set_thin_linear_timeouts(_socket: &SockRef<'_>, _on: bool) -> io::Result<()> {
    Ok(())
}

pub(super) fn outstanding_bytes(_socket: &SockRef<'_>) -> Option<u64> {
    None
}

pub(super) fn bind_to_interface(_socket: &SockRef<'_>, _name: &str, _ipv6: bool) -> io::Result<()> {
    unsupported("binding a socket to a network interface")
}
