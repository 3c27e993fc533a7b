//! A user-space relay that plays a mobile link between a client and a server on loopback.
//!
//! TCP is terminated and carried in segments of at most 1,448 payload bytes, each charged as the IP packet it would
//! be; UDP datagrams are charged with their headers. Both share one queue a direction ([`Lane`]), so that a full
//! link shows in the round trips of UDP. TCP is held back when the queue is full, UDP is dropped; a reset travels
//! through the queue like a packet and is passed on as a reset.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::lane::Lane;
use super::link::{Link, SEGMENT_PAYLOAD_BYTES, TCP_HEADER_BYTES, UDP_HEADER_BYTES};

/// A control segment (SYN, FIN, RST) on the wire.
const CONTROL_BYTES: usize = 40;
/// A mapping of a UDP client is forgotten after this silence, as a carrier's address translation would.
const UDP_IDLE: Duration = Duration::from_secs(60);
/// Ports tried before the relay gives up finding one that is free for TCP and UDP.
const PORT_CHOICES: u32 = 16;
/// Maximum segment size announced, so that both ends see the segments of a link with an MTU of 1,500.
#[cfg(unix)]
const MSS_BYTES: u32 = 1_460;

enum Body {
    Data(Vec<u8>, OwnedSemaphorePermit),
    Fin,
    Reset,
}

enum Parcel {
    Tcp(mpsc::UnboundedSender<Body>, Body),
    Udp(Arc<UdpSocket>, Option<SocketAddr>, Vec<u8>),
}

type TcpLane = Arc<Lane<Parcel>>;

/// A running relay; it ends when dropped.
pub(crate) struct Relay {
    address: SocketAddr,
    stop: CancellationToken,
    lanes: [TcpLane; 2],
    threads: Vec<JoinHandle<()>>,
}

impl Relay {
    /// Starts a relay to `tcp` and `udp` on its own threads, listening on `listen` for both.
    pub(crate) fn start(listen: SocketAddr, tcp: SocketAddr, udp: SocketAddr, link: &Link) -> io::Result<Self> {
        let buffer_bytes = buffer_bytes(link);
        let (listener, datagrams) = both(listen, buffer_bytes)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let one_way = link.round_trip / 2;
        let lane = |rate_bps| Arc::new(Lane::new(rate_bps, one_way, link.queue));
        let lanes: [TcpLane; 2] = [lane(link.up_bps), lane(link.down_bps)];
        let mut relay = Self { address, stop: CancellationToken::new(), lanes, threads: Vec::new() };
        for lane in relay.lanes.clone() {
            relay.threads.push(thread("ispeed-lane", move || lane.deliver(hand_over))?);
        }
        let [up, down] = relay.lanes.clone();
        let serving = serve(listener, datagrams, tcp, udp, Way { up, down, round_trip: link.round_trip, buffer_bytes });
        let stop = relay.stop.clone();
        relay.threads.push(thread("ispeed-link", move || {
            runtime.block_on(async {
                tokio::select! {
                    () = stop.cancelled() => {}
                    result = serving => {
                        if let Err(error) = result {
                            tracing::error!(%error, "the simulated link ended");
                        }
                    }
                }
            });
        })?);
        Ok(relay)
    }

    /// Starts a relay in front of `server` on the same port of another loopback address, so that a client that was
    /// told only a port number still goes through it.
    pub(crate) fn before(server: SocketAddr, udp_port: u16, link: &Link) -> io::Result<Self> {
        let udp = SocketAddr::new(server.ip(), udp_port);
        // Both are in every certificate the server makes for itself.
        let hosts = [std::net::IpAddr::V6(Ipv6Addr::LOCALHOST), std::net::IpAddr::V4(Ipv4Addr::LOCALHOST)];
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for host in hosts.into_iter().filter(|host| *host != server.ip()) {
            match Self::start(SocketAddr::new(host, server.port()), server, udp, link) {
                Ok(relay) => return Ok(relay),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Where clients connect, TCP and UDP.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.cancel();
        self.lanes.iter().for_each(|lane| lane.close());
        for thread in self.threads.drain(..) {
            // A thread only panics on a bug, which it has reported by itself.
            let _ = thread.join();
        }
    }
}

fn thread(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work)
}

/// What every connection needs to know of the link.
#[derive(Clone)]
struct Way {
    up: TcpLane,
    down: TcpLane,
    round_trip: Duration,
    buffer_bytes: usize,
}

/// Socket buffers of about 4 ms at the faster rate: enough to bridge a timer tick, too little to hide a queue.
fn buffer_bytes(link: &Link) -> usize {
    ((link.down_bps.max(link.up_bps) / 8.0 * 0.004) as usize).clamp(32 * 1024, 1024 * 1024)
}

fn tcp_socket(address: SocketAddr, buffer_bytes: usize) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_recv_buffer_size(buffer_bytes)?;
    socket.set_send_buffer_size(buffer_bytes)?;
    socket.set_tcp_nodelay(true)?;
    #[cfg(unix)]
    socket.set_tcp_mss(MSS_BYTES)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Listens for TCP and UDP on one port.
///
/// A port that the system chose for TCP may be another program's for UDP: then the next choice is tried.
fn both(listen: SocketAddr, buffer_bytes: usize) -> io::Result<(std::net::TcpListener, std::net::UdpSocket)> {
    let mut tries = if listen.port() == 0 { PORT_CHOICES } else { 1 };
    loop {
        tries -= 1;
        let listener = listener(listen, buffer_bytes)?;
        match std::net::UdpSocket::bind(listener.local_addr()?) {
            Ok(datagrams) => {
                datagrams.set_nonblocking(true)?;
                return Ok((listener, datagrams));
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && tries > 0 => {}
            Err(error) => return Err(error),
        }
    }
}

fn listener(address: SocketAddr, buffer_bytes: usize) -> io::Result<std::net::TcpListener> {
    let socket = tcp_socket(address, buffer_bytes)?;
    // So that the next demo can take the port at once; on Windows it would let another program take it.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(128)?;
    Ok(socket.into())
}

async fn connect(server: SocketAddr, buffer_bytes: usize) -> io::Result<TcpStream> {
    let socket = tokio::net::TcpSocket::from_std_stream(tcp_socket(server, buffer_bytes)?.into());
    socket.connect(server).await
}

async fn serve(
    listener: std::net::TcpListener,
    datagrams: std::net::UdpSocket,
    tcp: SocketAddr,
    udp: SocketAddr,
    way: Way,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let datagrams = Arc::new(UdpSocket::from_std(datagrams)?);
    tokio::spawn(carry_datagrams(datagrams, udp, way.up.clone(), way.down.clone()));
    loop {
        match listener.accept().await {
            Ok((client, _)) => drop(tokio::spawn(carry_client(client, tcp, way.clone()))),
            // A client that went away between its SYN and here, or a passing shortage of descriptors.
            Err(error) => {
                tracing::debug!(%error, "accept");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

async fn carry_client(client: TcpStream, server: SocketAddr, way: Way) {
    match connect(server, way.buffer_bytes).await {
        Ok(server) => carry_connection(client, server, way.up, way.down).await,
        Err(error) => {
            tracing::debug!(%error, "the server does not answer");
            // A refusal comes back after a round trip.
            tokio::time::sleep(way.round_trip).await;
            let _ = client.set_zero_linger();
        }
    }
}

fn hand_over(parcel: Parcel) {
    match parcel {
        // A closed channel is a connection that was reset meanwhile: what was under way is lost.
        Parcel::Tcp(flow, body) => drop(flow.send(body)),
        // A datagram that finds no listener is lost, as on any network.
        Parcel::Udp(socket, Some(to), datagram) => drop(socket.try_send_to(&datagram, to)),
        Parcel::Udp(socket, None, datagram) => drop(socket.try_send(&datagram)),
    }
}

/// One end of a relayed connection and whether its reset was already seen.
struct End {
    stream: TcpStream,
    reset_seen: AtomicBool,
}

async fn carry_connection(client: TcpStream, server: TcpStream, up: TcpLane, down: TcpLane) {
    let client = Arc::new(End { stream: client, reset_seen: AtomicBool::new(false) });
    let server = Arc::new(End { stream: server, reset_seen: AtomicBool::new(false) });
    for end in [&client, &server] {
        // Accepted sockets do not inherit it everywhere.
        let _ = end.stream.set_nodelay(true);
    }
    let cut = CancellationToken::new();
    let (to_server, for_server) = mpsc::unbounded_channel();
    let (to_client, for_client) = mpsc::unbounded_channel();
    let both = async {
        tokio::join!(
            read(&client, &up, to_server.clone()),
            write(&server, for_server, &down, to_client.clone(), &cut),
            read(&server, &down, to_client.clone()),
            write(&client, for_client, &up, to_server.clone(), &cut),
        )
    };
    tokio::select! {
        _ = both => {}
        () = cut.cancelled() => {}
    }
}

/// Reads segments off `from` into the lane until its end.
async fn read(from: &End, lane: &TcpLane, flow: mpsc::UnboundedSender<Body>) {
    let in_transit = Arc::new(Semaphore::new((2 * lane.bytes_in_transit()).max(256 * 1024)));
    loop {
        let mut segment = vec![0u8; SEGMENT_PAYLOAD_BYTES];
        let result = async {
            from.stream.readable().await?;
            let permit = in_transit.clone().acquire_many_owned(SEGMENT_PAYLOAD_BYTES as u32).await;
            let turn = lane.admit().await;
            let n = from.stream.try_read(&mut segment)?;
            drop(turn);
            io::Result::Ok((n, permit))
        }
        .await;
        match result {
            Ok((0, _)) => return lane.push(CONTROL_BYTES, Parcel::Tcp(flow, Body::Fin)),
            Ok((n, Ok(permit))) => {
                segment.truncate(n);
                lane.push(n + TCP_HEADER_BYTES, Parcel::Tcp(flow.clone(), Body::Data(segment, permit)));
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) | Ok((_, Err(_))) => return pass_reset(from, lane, flow),
        }
    }
}

/// The peer of `end` reset: tells the other end, once, at the speed of the link.
fn pass_reset(end: &End, lane: &TcpLane, flow: mpsc::UnboundedSender<Body>) {
    if !end.reset_seen.swap(true, Ordering::Relaxed) {
        lane.push(CONTROL_BYTES, Parcel::Tcp(flow, Body::Reset));
    }
}

/// Writes what the lane delivers to `to`. A write that fails is a reset by the peer: it goes `back` the other way.
async fn write(
    to: &End,
    mut delivered: mpsc::UnboundedReceiver<Body>,
    back: &TcpLane,
    back_flow: mpsc::UnboundedSender<Body>,
    cut: &CancellationToken,
) {
    let mut broken = false;
    while let Some(body) = delivered.recv().await {
        match body {
            Body::Data(segment, _permit) if !broken => {
                if write_all(&to.stream, &segment).await.is_err() {
                    broken = true;
                    pass_reset(to, back, back_flow.clone());
                }
            }
            Body::Data(..) => {}
            Body::Fin => {
                let _ = SockRef::from(&to.stream).shutdown(Shutdown::Write);
                return;
            }
            Body::Reset => {
                let _ = to.stream.set_zero_linger();
                return cut.cancel();
            }
        }
    }
}

async fn write_all(stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match stream.try_write(bytes) {
            Ok(n) => bytes = &bytes[n..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => stream.writable().await?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Carries datagrams both ways, one socket towards the server for each client.
async fn carry_datagrams(client_side: Arc<UdpSocket>, server: SocketAddr, up: TcpLane, down: TcpLane) {
    let mut sessions: HashMap<SocketAddr, (Arc<UdpSocket>, Instant)> = HashMap::new();
    let mut buffer = vec![0u8; 65_536];
    loop {
        let Ok((n, client)) = client_side.recv_from(&mut buffer).await else {
            // ICMP errors of earlier answers surface here on some systems; they concern one client only.
            continue;
        };
        let now = Instant::now();
        sessions.retain(|_, (_, last)| now.duration_since(*last) < UDP_IDLE);
        let socket = match sessions.get_mut(&client) {
            Some((socket, last)) => {
                *last = now;
                socket.clone()
            }
            None => match open_session(server).await {
                Ok(socket) => {
                    tokio::spawn(carry_answers(socket.clone(), client_side.clone(), client, down.clone()));
                    sessions.insert(client, (socket.clone(), now));
                    socket
                }
                Err(error) => {
                    tracing::debug!(%error, "no socket for a datagram");
                    continue;
                }
            },
        };
        up.push_or_drop(n + UDP_HEADER_BYTES, Parcel::Udp(socket, None, buffer[..n].to_vec()));
    }
}

async fn open_session(server: SocketAddr) -> io::Result<Arc<UdpSocket>> {
    let any = if server.is_ipv4() {
        SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
    } else {
        SocketAddr::from((Ipv6Addr::LOCALHOST, 0))
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(server).await?;
    Ok(Arc::new(socket))
}

async fn carry_answers(server_side: Arc<UdpSocket>, client_side: Arc<UdpSocket>, client: SocketAddr, down: TcpLane) {
    let mut buffer = vec![0u8; 65_536];
    // The time-out ends the task of a client that fell silent.
    while let Ok(received) = timeout(UDP_IDLE, server_side.recv(&mut buffer)).await {
        if let Ok(n) = received {
            let parcel = Parcel::Udp(client_side.clone(), Some(client), buffer[..n].to_vec());
            down.push_or_drop(n + UDP_HEADER_BYTES, parcel);
        }
    }
}

#[cfg(test)]
#[path = "relay_tests.rs"]
mod tests;
