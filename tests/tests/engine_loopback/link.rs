//! A link of known rate between client and server on one machine: a relay on another loopback address with the same
//! ports, so that what the server says of itself (its URL, its UDP port) leads through it.
//!
//! TCP and UDP of a direction share one queue: each piece waits its turn and takes the time its bytes take.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UdpSocket};
use tokio::sync::Mutex;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};

/// A piece of a stream: 1.6 ms at 40 Mbit/s.
const PIECE_BYTES: usize = 8 * 1024;
/// What a socket of the relay may hold: little, so that the queue is the link's and not the relay's.
const BUFFER_BYTES: u32 = 64 * 1024;

/// Lateness of a timer that is made up for.
const LATE: Duration = Duration::from_millis(5);

/// One direction of the link.
#[derive(Debug)]
struct Way {
    rate_bps: f64,
    free_at: Mutex<Instant>,
    broken: AtomicBool,
}

impl Way {
    fn new(rate_bps: f64) -> Arc<Self> {
        Arc::new(Self { rate_bps, free_at: Mutex::new(Instant::now()), broken: AtomicBool::new(false) })
    }

    /// Waits until `bytes` have crossed.
    async fn cross(&self, bytes: usize) {
        let mut free_at = self.free_at.lock().await;
        while self.broken.load(Ordering::Relaxed) {
            sleep(Duration::from_millis(1)).await;
        }
        // Timers are late by a millisecond; what they lose is made up for, what nobody used is lost.
        let from = (*free_at).max(Instant::now() - LATE);
        *free_at = from + Duration::from_secs_f64(bytes as f64 * 8.0 / self.rate_bps);
        sleep_until(*free_at).await;
    }
}

/// A link that carries until it is dropped.
#[derive(Debug)]
pub(crate) struct Link {
    down: Arc<Way>,
    up: Arc<Way>,
    tasks: Vec<AbortHandle>,
}

impl Link {
    /// From `near` to `far`, which have the same port; `udp_port` likewise.
    pub(crate) async fn open(near: SocketAddr, far: SocketAddr, udp_port: u16, down_bps: f64, up_bps: f64) -> Self {
        let (down, up) = (Way::new(down_bps), Way::new(up_bps));
        let listener = TcpListener::bind(near).await.unwrap();
        let udp = UdpSocket::bind((near.ip(), udp_port)).await.unwrap();
        let tcp = tokio::spawn(accept(listener, far, Arc::clone(&down), Arc::clone(&up)));
        let echo = tokio::spawn(datagrams(udp, (far.ip(), udp_port).into(), Arc::clone(&down), Arc::clone(&up)));
        Self { down, up, tasks: vec![tcp.abort_handle(), echo.abort_handle()] }
    }

    /// No UDP crosses any more.
    pub(crate) fn block_udp(&self) {
        self.tasks[1].abort();
    }

    /// Nothing crosses in either direction for a while; nothing is lost.
    pub(crate) async fn gap(&self, length: Duration) {
        for broken in [true, false] {
            self.down.broken.store(broken, Ordering::Relaxed);
            self.up.broken.store(broken, Ordering::Relaxed);
            if broken {
                sleep(length).await;
            }
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

async fn accept(listener: TcpListener, far: SocketAddr, down: Arc<Way>, up: Arc<Way>) {
    let mut flows = JoinSet::new();
    loop {
        let Ok((near, _)) = listener.accept().await else { continue };
        flows.spawn(flow(near, far, Arc::clone(&down), Arc::clone(&up)));
        while flows.try_join_next().is_some() {}
    }
}

async fn flow(near: TcpStream, far: SocketAddr, down: Arc<Way>, up: Arc<Way>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(BUFFER_BYTES).unwrap();
    let Ok(far) = socket.connect(far).await else { return };
    near.set_nodelay(true).unwrap();
    far.set_nodelay(true).unwrap();
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    // The end of either way is the end of both, as when a path is reset.
    tokio::select! {
        () = pipe(near_read, far_write, up) => {}
        () = pipe(far_read, near_write, down) => {}
    }
}

async fn pipe(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, way: Arc<Way>) {
    let mut piece = vec![0; PIECE_BYTES];
    while let Ok(bytes @ 1..) = from.read(&mut piece).await {
        way.cross(bytes).await;
        // What the kernel holds of a flow that was reset is not on the link: a phone's own kernel would have dropped it.
        let reset = from.as_ref().take_error().is_ok_and(|error| error.is_some());
        if reset || to.write_all(&piece[..bytes]).await.is_err() {
            return;
        }
    }
}

async fn datagrams(near: UdpSocket, far: SocketAddr, down: Arc<Way>, up: Arc<Way>) {
    let near = Arc::new(near);
    let mut peers: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
    let mut tasks = JoinSet::new();
    let mut packet = vec![0; 2048];
    loop {
        let Ok((bytes, from)) = near.recv_from(&mut packet).await else { continue };
        let socket = match peers.entry(from) {
            Entry::Occupied(known) => Arc::clone(known.get()),
            Entry::Vacant(new) => {
                let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
                socket.connect(far).await.unwrap();
                tasks.spawn(answers(Arc::clone(&socket), Arc::clone(&near), from, Arc::clone(&down)));
                Arc::clone(new.insert(socket))
            }
        };
        let (up, packet) = (Arc::clone(&up), packet[..bytes].to_vec());
        tasks.spawn(async move {
            up.cross(packet.len()).await;
            let _ = socket.send(&packet).await;
        });
        while tasks.try_join_next().is_some() {}
    }
}

async fn answers(socket: Arc<UdpSocket>, near: Arc<UdpSocket>, to: SocketAddr, down: Arc<Way>) {
    let mut packet = vec![0; 2048];
    loop {
        let Ok(bytes) = socket.recv(&mut packet).await else { continue };
        down.cross(bytes).await;
        let _ = near.send_to(&packet[..bytes], to).await;
    }
}
