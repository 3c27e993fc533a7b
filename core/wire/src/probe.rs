//! Reading a socket that another task owns.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use socket2::SockRef;

use crate::sys::{self, RawHandle, SocketCounters};

/// A cheap handle for the counters and options of a socket owned elsewhere.
///
/// It never keeps the socket open: a reset sends its RST only when the last descriptor of a socket is closed, so the
/// probe borrows the owner's descriptor under a lock instead of duplicating it. After the owner closed it, the last
/// counters stay readable.
#[derive(Clone, Debug)]
pub struct Probe(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    read_bytes: AtomicU64,
    written_bytes: AtomicU64,
}

#[derive(Debug)]
enum State {
    Open(RawHandle),
    Closed(Box<SocketCounters>),
}

impl Probe {
    pub(crate) fn new(handle: RawHandle) -> Self {
        Self(Arc::new(Shared {
            state: Mutex::new(State::Open(handle)),
            read_bytes: AtomicU64::new(0),
            written_bytes: AtomicU64::new(0),
        }))
    }

    /// What the kernel counts now, or counted last before the socket was closed.
    pub fn counters(&self) -> SocketCounters {
        match &*self.state() {
            State::Open(handle) => handle.with(|socket| sys::socket_counters(&socket)),
            State::Closed(last) => **last,
        }
    }

    /// TCP payload bytes this end's program has read from the socket.
    pub fn read_bytes(&self) -> u64 {
        self.0.read_bytes.load(Ordering::Relaxed)
    }

    /// TCP payload bytes this end's program has handed to the socket.
    pub fn written_bytes(&self) -> u64 {
        self.0.written_bytes.load(Ordering::Relaxed)
    }

    /// Whether the owner still holds the socket.
    pub fn is_open(&self) -> bool {
        matches!(*self.state(), State::Open(_))
    }

    /// Congestion control in use; `None` where the system does not tell or the socket is closed.
    pub fn congestion_control(&self) -> Option<String> {
        self.with(|socket| Ok(sys::congestion_control(&socket))).ok().flatten()
    }

    /// Asks for a congestion control by name.
    pub fn set_congestion_control(&self, name: &str) -> io::Result<()> {
        self.with(|socket| sys::set_congestion_control(&socket, name))
    }

    /// Lets at most about `bytes` of unsent data queue in the kernel.
    pub fn set_notsent_lowat(&self, bytes: u32) -> io::Result<()> {
        self.with(|socket| sys::set_notsent_lowat(&socket, bytes))
    }

    /// Has what is lost of a connection that sends little sent again after one time-out each time, not after ones that double.
    pub fn set_thin_linear_timeouts(&self, on: bool) -> io::Result<()> {
        self.with(|socket| sys::set_thin_linear_timeouts(&socket, on))
    }

    /// Bytes written that the peer has not acknowledged.
    pub fn outstanding_bytes(&self) -> Option<u64> {
        self.with(|socket| Ok(sys::outstanding_bytes(&socket))).ok().flatten()
    }

    /// Makes the owner's close send RST and drop what is queued.
    pub fn set_reset_on_close(&self) -> io::Result<()> {
        self.with(|socket| sys::set_linger_zero(&socket))
    }

    /// Runs `f` with the socket; `NotConnected` after its owner closed it.
    pub(crate) fn with<R>(&self, f: impl FnOnce(SockRef<'_>) -> io::Result<R>) -> io::Result<R> {
        match &*self.state() {
            State::Open(handle) => handle.with(f),
            State::Closed(_) => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    pub(crate) fn add_read(&self, bytes: usize) {
        self.0.read_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn add_written(&self, bytes: usize) {
        self.0.written_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Keeps the last counters and lets go of the socket; the owner calls this before it closes.
    pub(crate) fn retire(&self) {
        let mut state = self.state();
        if let State::Open(handle) = &*state {
            *state = State::Closed(Box::new(handle.with(|socket| sys::socket_counters(&socket))));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is replaced in one assignment, so a panic elsewhere cannot have left it half written.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
