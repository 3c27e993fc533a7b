//! UDP packets with the time the kernel received them and the address they were sent to.
//!
//! A busy program reads a packet later than it came; the kernel's own stamp (`SO_TIMESTAMPNS`) takes that wait out of a
//! latency measurement. And a socket on a wildcard address would answer from whichever of the machine's addresses
//! routing prefers; a client then drops the answer, so it is sent from the address that was asked (`IP_PKTINFO`).

use std::io;
use std::net::{IpAddr, SocketAddr};

use socket2::SockRef;

/// One received packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Datagram {
    /// Its length; a longer one than the buffer is cut.
    pub len: usize,
    /// Where it came from.
    pub from: SocketAddr,
    /// This machine's address it was sent to; `None` unless [`tell_local_addresses`] was granted.
    pub to: Option<IpAddr>,
    /// How long ago the kernel received it, microseconds; `None` where the system does not tell.
    pub age_us: Option<u64>,
}

/// Asks the kernel to stamp what this socket receives. An error only means that [`Datagram::age_us`] stays `None`.
pub fn stamp_datagrams(socket: &SockRef<'_>) -> io::Result<()> {
    imp::stamp_datagrams(socket)
}

/// Asks the kernel to tell the local address of each packet. An error only means that [`Datagram::to`] stays `None`.
///
/// `ipv6` tells the family of the socket; one that takes IPv4 too is an IPv6 one.
pub fn tell_local_addresses(socket: &SockRef<'_>, ipv6: bool) -> io::Result<()> {
    imp::tell_local_addresses(socket, ipv6)
}

/// Receives one packet; blocks or returns `WouldBlock` as the socket is set.
pub fn receive_datagram(socket: &SockRef<'_>, buffer: &mut [u8]) -> io::Result<Datagram> {
    imp::receive_datagram(socket, buffer)
}

/// Sends `bytes` to where `request` came from, from the address it was sent to if that is known.
pub fn answer_datagram(socket: &SockRef<'_>, bytes: &[u8], request: &Datagram) -> io::Result<()> {
    match request.to {
        Some(local) => imp::send_from(socket, bytes, request.from, local),
        None => socket.send_to(bytes, &request.from.into()).map(drop),
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod imp {
    use std::mem::size_of;
    use std::net::{Ipv4Addr, Ipv6Addr};
    use std::os::fd::{AsFd, AsRawFd};
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use socket2::SockAddr;

    use super::*;

    /// An older stamp, or one from the future, is a clock that was set in between, not a packet that waited.
    const AGE_MAX: Duration = Duration::from_secs(5);

    /// Room for a time stamp and an address, 32 and 40 bytes on 64-bit systems, aligned as `cmsghdr` wants.
    #[repr(C, align(8))]
    struct Control([u8; 128]);

    fn enable(socket: &SockRef<'_>, level: libc::c_int, name: libc::c_int) -> io::Result<()> {
        let on: libc::c_int = 1;
        crate::sys::os::set_option(socket, level, name, &on.to_ne_bytes())
    }

    pub(super) fn stamp_datagrams(socket: &SockRef<'_>) -> io::Result<()> {
        enable(socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS)
    }

    pub(super) fn tell_local_addresses(socket: &SockRef<'_>, ipv6: bool) -> io::Result<()> {
        if ipv6 {
            enable(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO)
        } else {
            enable(socket, libc::IPPROTO_IP, libc::IP_PKTINFO)
        }
    }

    pub(super) fn receive_datagram(socket: &SockRef<'_>, buffer: &mut [u8]) -> io::Result<Datagram> {
        let mut control = Control([0; 128]);
        let mut vector = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
        // SAFETY: `try_init` gives a zeroed address storage of `*len` bytes; `header` points only at it, at `vector`
        // and at `control`, all of which outlive the call; a zeroed `msghdr` is valid on every target.
        let ((len, told), from) = unsafe {
            SockAddr::try_init(|storage, storage_len| {
                let mut header: libc::msghdr = std::mem::zeroed();
                header.msg_name = storage.cast();
                header.msg_namelen = *storage_len;
                header.msg_iov = &raw mut vector;
                header.msg_iovlen = 1;
                header.msg_control = control.0.as_mut_ptr().cast();
                header.msg_controllen = control.0.len() as _;
                let n = libc::recvmsg(socket.as_fd().as_raw_fd(), &raw mut header, 0);
                let Ok(n) = usize::try_from(n) else { return Err(io::Error::last_os_error()) };
                *storage_len = header.msg_namelen;
                Ok((n, told(&header)))
            })?
        };
        let from = from.as_socket().ok_or_else(|| io::Error::other("a packet without an IP source address"))?;
        Ok(Datagram { len, from, to: told.to, age_us: told.age_us })
    }

    #[derive(Default)]
    struct Told {
        age_us: Option<u64>,
        to: Option<IpAddr>,
    }

    /// Reads the control messages of a received header.
    fn told(header: &libc::msghdr) -> Told {
        let mut told = Told::default();
        // SAFETY: the kernel filled `header` and its control buffer; CMSG_FIRSTHDR returns null or a header inside it.
        let mut next = unsafe { libc::CMSG_FIRSTHDR(header) };
        // SAFETY: `next` is null or points at a whole header inside the control buffer, which outlives this function.
        while let Some(message) = unsafe { next.as_ref() } {
            // SAFETY: as for `next`; the data follows its header inside the buffer.
            let data = unsafe { libc::CMSG_DATA(message) };
            match (message.cmsg_level, message.cmsg_type) {
                (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => {
                    // SAFETY: a message of this type holds a `timespec`, not necessarily aligned.
                    told.age_us = age_us(unsafe { data.cast::<libc::timespec>().read_unaligned() });
                }
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    // SAFETY: a message of this type holds an `in_pktinfo`, not necessarily aligned.
                    let info = unsafe { data.cast::<libc::in_pktinfo>().read_unaligned() };
                    told.to = Some(Ipv4Addr::from(info.ipi_spec_dst.s_addr.to_ne_bytes()).into());
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    // SAFETY: a message of this type holds an `in6_pktinfo`, not necessarily aligned.
                    let info = unsafe { data.cast::<libc::in6_pktinfo>().read_unaligned() };
                    told.to = Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).into());
                }
                _ => {}
            }
            // SAFETY: `header` and `message` are as above; the result is null or a header inside the buffer.
            next = unsafe { libc::CMSG_NXTHDR(header, message) };
        }
        told
    }

    fn age_us(time: libc::timespec) -> Option<u64> {
        let stamp = Duration::new(u64::try_from(time.tv_sec).ok()?, u32::try_from(time.tv_nsec).ok()?);
        let age = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.checked_sub(stamp)?;
        if age > AGE_MAX { None } else { u64::try_from(age.as_micros()).ok() }
    }

    pub(super) fn send_from(socket: &SockRef<'_>, bytes: &[u8], to: SocketAddr, local: IpAddr) -> io::Result<()> {
        match local {
            IpAddr::V4(v4) => {
                let info = libc::in_pktinfo {
                    ipi_ifindex: 0,
                    ipi_spec_dst: libc::in_addr { s_addr: u32::from_ne_bytes(v4.octets()) },
                    ipi_addr: libc::in_addr { s_addr: 0 },
                };
                send_with(socket, bytes, to, libc::IPPROTO_IP, libc::IP_PKTINFO, info)
            }
            IpAddr::V6(v6) => {
                // The interface follows from the route, or from the scope of a link-local destination.
                let info = libc::in6_pktinfo { ipi6_addr: libc::in6_addr { s6_addr: v6.octets() }, ipi6_ifindex: 0 };
                send_with(socket, bytes, to, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info)
            }
        }
    }

    /// Sends with one control message. `info` is one of the two plain structures above.
    fn send_with<T: Copy>(
        socket: &SockRef<'_>,
        bytes: &[u8],
        to: SocketAddr,
        level: libc::c_int,
        name: libc::c_int,
        info: T,
    ) -> io::Result<()> {
        let to = SockAddr::from(to);
        let mut control = Control([0; 128]);
        let mut vector = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
        // SAFETY: `header` points at `to`, `vector` and `control`, which outlive the call; sendmsg does not write to the
        // bytes; `control` has room for one message of at most 40 bytes, so CMSG_FIRSTHDR is not null and the
        // (possibly unaligned) write of `info` stays inside; a zeroed `msghdr` is valid on every target.
        let n = unsafe {
            let mut header: libc::msghdr = std::mem::zeroed();
            header.msg_name = to.as_ptr().cast_mut().cast();
            header.msg_namelen = to.len();
            header.msg_iov = &raw mut vector;
            header.msg_iovlen = 1;
            header.msg_control = control.0.as_mut_ptr().cast();
            header.msg_controllen = libc::CMSG_SPACE(size_of::<T>() as u32) as _;
            let message = libc::CMSG_FIRSTHDR(&raw const header);
            (*message).cmsg_level = level;
            (*message).cmsg_type = name;
            (*message).cmsg_len = libc::CMSG_LEN(size_of::<T>() as u32) as _;
            libc::CMSG_DATA(message).cast::<T>().write_unaligned(info);
            libc::sendmsg(socket.as_fd().as_raw_fd(), &raw const header, 0)
        };
        if n >= 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod imp {
    use std::mem::MaybeUninit;

    use super::*;

    fn unsupported(what: &str) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::Unsupported, format!("{what} of packets are not read on this system")))
    }

    pub(super) fn stamp_datagrams(_socket: &SockRef<'_>) -> io::Result<()> {
        unsupported("receive times")
    }

    pub(super) fn tell_local_addresses(_socket: &SockRef<'_>, _ipv6: bool) -> io::Result<()> {
        unsupported("local addresses")
    }

    pub(super) fn receive_datagram(socket: &SockRef<'_>, buffer: &mut [u8]) -> io::Result<Datagram> {
        // SAFETY: `MaybeUninit<u8>` has the layout of `u8`, and `recv_from` only ever writes initialised bytes to it.
        let uninit = unsafe { &mut *(std::ptr::from_mut(buffer) as *mut [MaybeUninit<u8>]) };
        let (len, from) = socket.recv_from(uninit)?;
        let from = from.as_socket().ok_or_else(|| io::Error::other("a packet without an IP source address"))?;
        Ok(Datagram { len, from, to: None, age_us: None })
    }

    pub(super) fn send_from(socket: &SockRef<'_>, bytes: &[u8], to: SocketAddr, _local: IpAddr) -> io::Result<()> {
        socket.send_to(bytes, &to.into()).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::time::Duration;

    use socket2::{Domain, Protocol, Socket, Type};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    #[test]
    fn a_packet_that_waited_has_its_wait_as_age() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        receiver.set_read_timeout(Some(PATIENCE)).unwrap();
        let stamped = stamp_datagrams(&SockRef::from(&receiver)).is_ok();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        let wait = || {
            sender.send_to(b"waits", receiver.local_addr().unwrap()).unwrap();
            std::thread::sleep(Duration::from_millis(60));
            let mut buffer = [0; 64];
            let datagram = receive_datagram(&SockRef::from(&receiver), &mut buffer).unwrap();
            assert_eq!(&buffer[..datagram.len], b"waits");
            assert_eq!((datagram.from, datagram.to), (sender.local_addr().unwrap(), None));
            datagram.age_us
        };
        // The kernel begins to stamp some time after it was asked; until then the stamp is that of reading.
        let ages: Vec<Option<u64>> =
            (0..20).map(|_| wait()).take_while(|age| age.is_some_and(|us| us < 50_000)).collect();
        assert!(ages.len() < 20, "never stamped: {ages:?}");
        assert_eq!(wait().is_some(), stamped);
    }

    /// Asks `server` at `addr` with a connected socket, which takes answers from that very address only.
    fn ask(server: &UdpSocket, bind: &str, addr: &str) {
        let port = server.local_addr().unwrap().port();
        let client = UdpSocket::bind(bind).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client.connect((addr, port)).unwrap();
        client.send(b"who").unwrap();
        let socket = SockRef::from(server);
        let mut buffer = [0; 64];
        let request = receive_datagram(&socket, &mut buffer).unwrap();
        assert_eq!(&buffer[..request.len], b"who");
        answer_datagram(&socket, b"me", &request).unwrap();
        let n = client.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..n], b"me");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_answer_comes_from_the_address_that_was_asked() {
        let server = UdpSocket::bind("0.0.0.0:0").unwrap();
        server.set_read_timeout(Some(PATIENCE)).unwrap();
        let socket = SockRef::from(&server);
        stamp_datagrams(&socket).unwrap();
        tell_local_addresses(&socket, false).unwrap();
        // Routing would answer a neighbour in 127.0.0.0/8 from 127.0.0.1.
        ask(&server, "127.0.0.1:0", "127.9.8.7");
        ask(&server, "127.0.0.1:0", "127.0.0.1");

        let Ok(both) = Socket::new(Domain::IPV6, Type::DGRAM, Some(Protocol::UDP)) else { return };
        both.set_only_v6(false).unwrap();
        if both.bind(&"[::]:0".parse::<SocketAddr>().unwrap().into()).is_err() {
            return;
        }
        let server: UdpSocket = both.into();
        server.set_read_timeout(Some(PATIENCE)).unwrap();
        tell_local_addresses(&SockRef::from(&server), true).unwrap();
        ask(&server, "127.0.0.1:0", "127.9.8.7");
        ask(&server, "[::1]:0", "::1");
    }
}
