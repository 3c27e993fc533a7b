//! Addresses and sockets: bound to an interface, of one family, every wait bounded.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use ispeed_wire::sys::{bind_to_interface, set_congestion_control};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

use super::binding::NetworkBinding;
use super::failure::{Failure, Kind};
use super::limits;
use super::plan::Family;

/// How packets leave this machine.
#[derive(Clone, Debug, Default)]
pub(crate) struct Network {
    pub(crate) interface: Option<String>,
    pub(crate) binding: Option<NetworkBinding>,
    pub(crate) family: Option<Family>,
}

/// A connection and the time its SYN took.
#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) stream: TcpStream,
    pub(crate) peer: SocketAddr,
    pub(crate) connect_rtt: Duration,
}

impl Network {
    /// Addresses of a host, of the family wanted, in the system's order of preference (RFC 6724).
    pub(crate) async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Failure> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let found: Vec<SocketAddr> = if let Ok(address) = bare.parse::<IpAddr>() {
            vec![SocketAddr::new(address, port)]
        } else {
            match timeout(limits::DNS, self.look_up(bare, port)).await {
                Ok(Ok(addresses)) => addresses,
                Ok(Err(error)) => return Err(self.unresolved(host, &error.to_string())),
                Err(_) => return Err(self.unresolved(host, "no answer in time")),
            }
        };
        let wanted: Vec<SocketAddr> = found.into_iter().filter(|address| self.accepts(address)).collect();
        if wanted.is_empty() {
            return Err(self.unresolved(host, "no address of the family wanted"));
        }
        Ok(wanted)
    }

    async fn look_up(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let Some(NetworkBinding(binding)) = self.binding.clone() else {
            return Ok(tokio::net::lookup_host((host, port)).await?.collect());
        };
        let host = host.to_owned();
        tokio::task::spawn_blocking(move || binding.resolve(&host, port)).await.map_err(io::Error::other)?
    }

    /// A name service that does not answer is a lost network when there is no route to ask it by.
    fn unresolved(&self, host: &str, why: &str) -> Failure {
        let kind = if self.has_route() { Kind::Dns } else { Kind::NoRoute };
        Failure::new(kind, format!("cannot look up {host}: {why}"))
    }

    fn accepts(&self, address: &SocketAddr) -> bool {
        match self.family {
            None => true,
            Some(Family::V4) => address.is_ipv4(),
            Some(Family::V6) => address.is_ipv6(),
        }
    }

    /// Whether the interface is there and may be used; nothing to check where the system chooses.
    pub(crate) fn check_interface(&self) -> Result<(), Failure> {
        let loopback: SocketAddr = match self.family {
            Some(Family::V6) => (Ipv6Addr::LOCALHOST, 9).into(),
            _ => (Ipv4Addr::LOCALHOST, 9).into(),
        };
        self.socket(loopback, Type::DGRAM, Protocol::UDP).map(drop)
    }

    /// Whether the system knows a way out at all. Connecting a UDP socket asks the routing table and sends nothing; the
    /// addresses are for documentation (RFC 5737, RFC 3849).
    pub(crate) fn has_route(&self) -> bool {
        let outside: [SocketAddr; 2] =
            [(Ipv4Addr::new(192, 0, 2, 1), 9).into(), (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), 9).into()];
        outside.iter().filter(|address| self.accepts(address)).any(|address| self.udp(*address).is_ok())
    }

    /// Opens a connection to the first of the addresses that answers, each tried a little after the one before
    /// (RFC 8305).
    pub(crate) async fn connect_any(&self, addresses: &[SocketAddr]) -> Result<Connected, Failure> {
        let mut tries: FuturesUnordered<_> = addresses
            .iter()
            .enumerate()
            .map(|(turn, address)| async move {
                sleep(limits::CONNECT_STAGGER * u32::try_from(turn).unwrap_or(u32::MAX)).await;
                self.connect(*address).await
            })
            .collect();
        let mut first_failure = None;
        while let Some(tried) = tries.next().await {
            match tried {
                Ok(connected) => return Ok(connected),
                Err(failure) => first_failure = first_failure.or(Some(failure)),
            }
        }
        Err(first_failure.unwrap_or_else(|| Failure::new(Kind::NoServer, "the server has no address")))
    }

    /// Opens a connection.
    pub(crate) async fn connect(&self, peer: SocketAddr) -> Result<Connected, Failure> {
        self.connect_with(peer, None, None).await
    }

    /// Opens a connection whose peer may have at most about `window_bytes` on their way at once, and which this end sends
    /// with `congestion_control`, where the system lets it.
    pub(crate) async fn connect_with(
        &self,
        peer: SocketAddr,
        window_bytes: Option<usize>,
        congestion_control: Option<&str>,
    ) -> Result<Connected, Failure> {
        let what = format!("cannot connect to {peer}");
        let socket = self.socket(peer, Type::STREAM, Protocol::TCP).map_err(|failure| failure.at(&what))?;
        if let Some(bytes) = window_bytes {
            // Linux doubles the number for its own bookkeeping and never offers more than all of it (tcp(7)).
            socket.set_recv_buffer_size(bytes / 2).map_err(|error| Failure::io(&what, &error))?;
        }
        if let Some(name) = congestion_control {
            let _ = set_congestion_control(&SockRef::from(&socket), name);
        }
        let socket = TcpSocket::from_std_stream(socket.into());
        let sent = Instant::now();
        let stream = match timeout(limits::CONNECT, socket.connect(peer)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(Failure::io(&what, &error)),
            Err(_) => return Err(Failure::new(Kind::Timeout, format!("{what}: no answer in time"))),
        };
        Ok(Connected { stream, peer, connect_rtt: sent.elapsed() })
    }

    /// A UDP socket that speaks with one peer only.
    pub(crate) fn udp(&self, peer: SocketAddr) -> Result<std::net::UdpSocket, Failure> {
        let what = format!("cannot send to {peer} by UDP");
        let socket = self.socket(peer, Type::DGRAM, Protocol::UDP).map_err(|failure| failure.at(&what))?;
        socket.connect(&peer.into()).map_err(|error| Failure::io(&what, &error))?;
        Ok(socket.into())
    }

    fn socket(&self, peer: SocketAddr, kind: Type, protocol: Protocol) -> Result<Socket, Failure> {
        let make = || -> io::Result<Socket> {
            let socket = Socket::new(Domain::for_address(peer), kind, Some(protocol))?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        };
        let socket = make().map_err(|error| Failure::io("no socket", &error))?;
        if let Some(interface) = &self.interface {
            bind_to_interface(&SockRef::from(&socket), interface, peer.is_ipv6())
                .map_err(|error| unusable(&format!("the interface {interface}"), &error))?;
        }
        if let Some(NetworkBinding(binding)) = &self.binding {
            binding.bind(&socket).map_err(|error| unusable("the network that was asked for", &error))?;
        }
        Ok(socket)
    }
}

/// The way out that the plan names is not there, or may not be used.
fn unusable(what: &str, error: &io::Error) -> Failure {
    let denied = error.kind() == io::ErrorKind::PermissionDenied;
    let kind = if denied { Kind::Permission } else { Kind::NoRoute };
    Failure::new(kind, format!("cannot use {what}: {error}"))
}

impl Failure {
    fn at(self, what: &str) -> Self {
        Self { detail: format!("{what}: {}", self.detail), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_address_that_answers_is_used() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let there = listener.local_addr().unwrap();
        let closed = {
            let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            unused.local_addr().unwrap()
        };
        let network = Network::default();
        let connected = network.connect_any(&[closed, there]).await.unwrap();
        assert_eq!(connected.peer, there);
        let failure = network.connect_any(&[closed]).await.unwrap_err();
        assert_eq!(failure.kind, Kind::Refused);
        assert!(failure.detail.contains(&closed.to_string()), "{failure}");
        assert_eq!(network.connect_any(&[]).await.unwrap_err().kind, Kind::NoServer);
    }

    #[tokio::test]
    async fn literal_addresses_need_no_name_service_and_families_are_kept_apart() {
        let four = Network { family: Some(Family::V4), ..Network::default() };
        assert_eq!(four.resolve("127.0.0.1", 7).await.unwrap(), ["127.0.0.1:7".parse().unwrap()]);
        assert!(four.resolve("[::1]", 7).await.is_err());
        let six = Network { family: Some(Family::V6), ..Network::default() };
        assert_eq!(six.resolve("[::1]", 7).await.unwrap(), ["[::1]:7".parse().unwrap()]);
    }

    #[tokio::test]
    async fn an_interface_that_is_not_there_is_no_route() {
        let network = Network { interface: Some("ispeed-none0".into()), ..Network::default() };
        let failure = network.connect("127.0.0.1:9".parse().unwrap()).await.unwrap_err();
        assert!(matches!(failure.kind, Kind::NoRoute | Kind::Permission), "{failure:?}");
        assert!(failure.detail.contains("ispeed-none0"), "{failure}");
        assert!(!network.has_route());
    }
}
