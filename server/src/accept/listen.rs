//! Listening sockets: TCP and UDP of one address on the same port.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1_024;
/// Ports tried when any port will do and the UDP one is taken.
const PORT_TRIES: usize = 16;
/// Kernel buffer of the echo: 2,000 packets, should its thread not run for some milliseconds.
const UDP_BUFFER_BYTES: usize = 1 << 20;

/// The sockets of one listen address.
#[derive(Debug)]
pub(super) struct Listening {
    pub(super) tcp: TcpListener,
    pub(super) udp: UdpSocket,
    pub(super) addr: SocketAddr,
    pub(super) udp_port: u16,
}

/// Opens TCP and UDP for `addr`. With port 0 both get the same free port as far as the system allows.
///
/// `v6_only` keeps an IPv6 wildcard from taking IPv4 too, for when IPv4 is listened on apart.
pub(super) fn listen(addr: SocketAddr, v6_only: bool) -> io::Result<Listening> {
    for _ in 0..PORT_TRIES {
        let tcp = tcp(addr, v6_only)?;
        let bound =
            tcp.local_addr()?.as_socket().ok_or_else(|| io::Error::other("a TCP socket without an IP address"))?;
        match udp(bound, v6_only) {
            Ok(udp) => return finish(tcp, udp),
            Err(e) if addr.port() != 0 => return Err(e),
            Err(_) => {}
        }
    }
    let udp = udp(addr, v6_only)?;
    finish(tcp(addr, v6_only)?, udp)
}

fn finish(tcp: Socket, udp: UdpSocket) -> io::Result<Listening> {
    let tcp = TcpListener::from_std(tcp.into())?;
    Ok(Listening { addr: tcp.local_addr()?, udp_port: udp.local_addr()?.port(), tcp, udp })
}

fn tcp(addr: SocketAddr, v6_only: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    if addr.is_ipv6() {
        socket.set_only_v6(v6_only)?;
    }
    // On Windows the option would let another program take the port.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn udp(addr: SocketAddr, v6_only: bool) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
    if addr.is_ipv6() {
        socket.set_only_v6(v6_only)?;
    }
    // A smaller buffer than wished for still works.
    let _ = socket.set_recv_buffer_size(UDP_BUFFER_BYTES);
    socket.bind(&addr.into())?;
    Ok(socket.into())
}
