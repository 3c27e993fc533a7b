//! Somebody else's traffic through the same link.
//!
//! The log knows the port of a packet, and this traffic has one of its own.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::net::sockopt;

use crate::cells::Cross;
use crate::emulator::namespace::{CLIENT_IP, SERVER_IP};
use crate::emulator::{DirectionConfig, DirectionLog, Fate, LabError, LinkConfig, Namespaces, Rate};

/// Part of the rate a constant stream takes.
const UDP_SHARE: f64 = 0.3;
const UDP_PAYLOAD_BYTES: usize = 1400;
/// Headers of IPv4 and UDP.
const UDP_HEADER_BYTES: usize = 28;
const PORT: u16 = 5001;
/// Packets of the stream leave in groups this far apart: finer than the queue, coarse enough to cost nothing.
const TICK: Duration = Duration::from_millis(2);
/// Both ends of a flow look this often whether it is over.
const LOOK: Duration = Duration::from_millis(50);
const CONNECT_LIMIT: Duration = Duration::from_secs(3);

/// Traffic in both directions; ends when dropped.
#[derive(Debug)]
pub(super) struct CrossTraffic {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl CrossTraffic {
    /// Starts it.
    pub(super) fn start(namespaces: &Namespaces, kind: Cross, link: &LinkConfig) -> Result<Self, LabError> {
        let mut traffic = Self { stop: Arc::default(), threads: Vec::new() };
        let (client, server) = (namespaces.client(), namespaces.server());
        match kind {
            Cross::Udp => {
                traffic.stream(&server, CLIENT_IP, &link.down)?;
                traffic.stream(&client, SERVER_IP, &link.up)?;
            }
            Cross::Tcp => {
                let listener = inside(&server, move || TcpListener::bind((ip(SERVER_IP), PORT)))?;
                // The first connection loads the way down, the second the way up.
                for towards_client in [true, false] {
                    let near = inside(&client, connect)?;
                    let (far, _) = listener.accept().map_err(failed)?;
                    let (sender, receiver) = if towards_client { (far, near) } else { (near, far) };
                    traffic.flow(sender, receiver)?;
                }
            }
        }
        Ok(traffic)
    }

    fn stream(&mut self, ns: &str, to: &'static str, config: &DirectionConfig) -> Result<(), LabError> {
        let Rate::Steps(steps) = &config.rate else {
            return Err(LabError::Config {
                field: "cross_traffic",
                value: format!("{:?}", config.rate),
                expected: "a link of constant rate",
            });
        };
        let packets_per_second = steps[0].1 * UDP_SHARE / ((UDP_PAYLOAD_BYTES + UDP_HEADER_BYTES) as f64 * 8.0);
        let socket = inside(ns, move || UdpSocket::bind((Ipv4Addr::UNSPECIFIED, PORT)))?;
        let stop = self.stop.clone();
        self.spawn(move || {
            let (begun, mut sent) = (Instant::now(), 0u64);
            while !stop.load(Ordering::Relaxed) {
                let due = (begun.elapsed().as_secs_f64() * packets_per_second) as u64;
                for _ in sent..due {
                    // A full device queue drops the packet, as a full link does.
                    let _ = socket.send_to(&[0; UDP_PAYLOAD_BYTES], (ip(to), PORT));
                }
                sent = due;
                std::thread::sleep(TICK);
            }
        });
        Ok(())
    }

    fn flow(&mut self, mut sender: TcpStream, mut receiver: TcpStream) -> Result<(), LabError> {
        for socket in [&sender, &receiver] {
            sockopt::set_tcp_congestion(socket, "cubic").map_err(|e| failed(e.into()))?;
            // What is still in a buffer at the end must not run into the next test.
            sockopt::set_socket_linger(socket, Some(Duration::ZERO)).map_err(|e| failed(e.into()))?;
            socket.set_read_timeout(Some(LOOK)).map_err(failed)?;
            socket.set_write_timeout(Some(LOOK)).map_err(failed)?;
        }
        let (send_stop, receive_stop) = (self.stop.clone(), self.stop.clone());
        self.spawn(move || {
            let chunk = [0u8; 16 * 1024];
            while !send_stop.load(Ordering::Relaxed) {
                let _ = sender.write(&chunk);
            }
        });
        self.spawn(move || {
            let mut chunk = vec![0u8; 64 * 1024];
            while !receive_stop.load(Ordering::Relaxed) {
                let _ = receiver.read(&mut chunk);
            }
        });
        Ok(())
    }

    fn spawn(&mut self, work: impl FnOnce() + Send + 'static) {
        self.threads.push(std::thread::spawn(work));
    }
}

impl Drop for CrossTraffic {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// IP bytes of this traffic served in `[from_ns, to_ns)`, acknowledgements of a flow included.
pub(super) fn served_bytes(log: &DirectionLog, from_ns: u64, to_ns: u64) -> u64 {
    let own = log.packets.iter().filter(|p| p.fate == Fate::Delivered && p.service_port() == Some(PORT));
    own.filter(|p| (from_ns..to_ns).contains(&p.depart_ns)).map(|p| u64::from(p.bytes)).sum()
}

fn connect() -> std::io::Result<TcpStream> {
    let address: SocketAddr = (ip(SERVER_IP), PORT).into();
    TcpStream::connect_timeout(&address, CONNECT_LIMIT)
}

fn ip(text: &str) -> Ipv4Addr {
    text.parse().expect("an address of the lab")
}

fn inside<T: Send + 'static>(
    ns: &str,
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, LabError> {
    Namespaces::inside(ns, work)?.map_err(failed)
}

fn failed(source: std::io::Error) -> LabError {
    LabError::System { what: "cross-traffic", source }
}
