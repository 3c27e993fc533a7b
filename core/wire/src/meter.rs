//! The counters of all load flows of a direction at one instant.

use std::io;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ispeed_meter::Reading;

use crate::{Probe, SocketCounters};

/// Time between two polls of the counters.
pub const POLL_PERIOD: Duration = Duration::from_millis(10);

/// Sums the counters of the load flows of one direction, each relative to its own baseline: the moment it was added.
///
/// TLS handshake and HTTP upgrade lie before the baseline. A flow that ended keeps its last counters, so that no sum
/// ever falls. Clones share the flows.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<Mutex<Vec<Flow>>>);

#[derive(Debug)]
struct Flow {
    probe: Probe,
    base: SocketCounters,
    base_read_bytes: u64,
    base_written_bytes: u64,
}

impl Flow {
    fn loaded(&self) -> bool {
        self.probe.read_bytes() > self.base_read_bytes || self.probe.written_bytes() > self.base_written_bytes
    }
}

impl Meter {
    /// A meter without flows.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts a flow from now on. Add it before its first payload byte can move.
    pub fn add(&self, probe: Probe) {
        let flow = Flow {
            base: probe.counters(),
            base_read_bytes: probe.read_bytes(),
            base_written_bytes: probe.written_bytes(),
            probe,
        };
        self.flows().push(flow);
    }

    /// Flows added so far, the ended ones included.
    pub fn len(&self) -> usize {
        self.flows().len()
    }

    /// Whether no flow was added yet.
    pub fn is_empty(&self) -> bool {
        self.flows().is_empty()
    }

    /// Flows whose socket is still open here.
    pub fn open(&self) -> usize {
        self.flows().iter().filter(|flow| flow.probe.is_open()).count()
    }

    /// Flows that carried payload in either direction since they were added.
    pub fn loaded(&self) -> usize {
        self.flows().iter().filter(|flow| flow.loaded()).count()
    }

    /// Flows that payload has arrived on. What this end wrote may be the answer that a flow was opened with.
    pub fn receiving(&self) -> usize {
        self.flows().iter().filter(|flow| flow.probe.read_bytes() > flow.base_read_bytes).count()
    }

    /// Flows that carried payload and whose socket is still open here.
    pub fn loaded_open(&self) -> usize {
        self.flows().iter().filter(|flow| flow.loaded() && flow.probe.is_open()).count()
    }

    /// Congestion control of the first flow that tells it.
    pub fn congestion_control(&self) -> Option<String> {
        self.flows().iter().find_map(|flow| flow.probe.congestion_control())
    }

    /// Asks for a congestion control on all flows that are open. Where the system has it not, its own goes on.
    pub fn set_congestion_control(&self, name: &str) {
        for flow in self.flows().iter() {
            let _ = flow.probe.set_congestion_control(name);
        }
    }

    /// Reads all flows: what arrived, for the estimator.
    pub fn reading(&self, t_us: u64) -> Reading {
        let flows = self.flows();
        let mut reading = Reading { t_us, segments: Some(0), kernel_bytes: Some(0), app_bytes: 0 };
        for flow in flows.iter() {
            let now = flow.probe.counters();
            reading.segments = plus(reading.segments, now.segments_in, flow.base.segments_in);
            reading.kernel_bytes = plus(reading.kernel_bytes, now.bytes_received, flow.base.bytes_received);
            reading.app_bytes += flow.probe.read_bytes().saturating_sub(flow.base_read_bytes);
        }
        reading
    }

    /// Bytes this end's program handed to the flows' sockets.
    pub fn written_bytes(&self) -> u64 {
        self.flows().iter().map(|flow| flow.probe.written_bytes().saturating_sub(flow.base_written_bytes)).sum()
    }

    /// Every counter over all flows: sums since the baselines; RTT and MSS as means over the flows, least RTT as the
    /// least, `app_limited` when all flows are.
    pub fn totals(&self) -> SocketCounters {
        let flows = self.flows();
        let now: Vec<(SocketCounters, SocketCounters)> =
            flows.iter().map(|flow| (flow.probe.counters(), flow.base)).collect();
        let sum = |field: fn(&SocketCounters) -> Option<u64>| {
            now.iter().try_fold(0, |sum, (now, base)| plus(Some(sum), field(now), field(base)))
        };
        let level =
            |field: fn(&SocketCounters) -> Option<u64>| now.iter().try_fold(0, |sum, (now, _)| Some(sum + field(now)?));
        let mean = |field: fn(&SocketCounters) -> Option<u32>| {
            let known: Vec<u64> = now.iter().filter_map(|(now, _)| field(now)).map(u64::from).collect();
            let n = u64::try_from(known.len()).ok().filter(|n| *n > 0)?;
            u32::try_from(known.iter().sum::<u64>() / n).ok()
        };
        SocketCounters {
            segments_in: sum(|c| c.segments_in),
            bytes_received: sum(|c| c.bytes_received),
            bytes_acked: sum(|c| c.bytes_acked),
            bytes_sent: sum(|c| c.bytes_sent),
            bytes_retransmitted: sum(|c| c.bytes_retransmitted),
            segments_out: sum(|c| c.segments_out),
            retransmits: sum(|c| c.retransmits),
            rtt_us: mean(|c| c.rtt_us),
            rtt_var_us: mean(|c| c.rtt_var_us),
            min_rtt_us: now.iter().filter_map(|(now, _)| now.min_rtt_us).min(),
            send_mss_bytes: mean(|c| c.send_mss_bytes),
            receive_mss_bytes: mean(|c| c.receive_mss_bytes),
            congestion_window_segments: level(|c| c.congestion_window_segments.map(u64::from))
                .and_then(|n| u32::try_from(n).ok()),
            unsent_bytes: level(|c| c.unsent_bytes),
            busy_us: sum(|c| c.busy_us),
            rwnd_limited_us: sum(|c| c.rwnd_limited_us),
            sndbuf_limited_us: sum(|c| c.sndbuf_limited_us),
            delivery_rate_bytes_per_s: level(|c| c.delivery_rate_bytes_per_s),
            app_limited: now.iter().map(|(now, _)| now.app_limited).reduce(|a, b| Some(a? && b?)).flatten(),
        }
    }

    fn flows(&self) -> MutexGuard<'_, Vec<Flow>> {
        // Flows are only pushed, whole; a panic elsewhere leaves a usable list.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `sum + now - base`; unknown when a part is.
fn plus(sum: Option<u64>, now: Option<u64>, base: Option<u64>) -> Option<u64> {
    Some(sum? + now?.saturating_sub(base?))
}

/// A thread that reads a [`Meter`] each [`POLL_PERIOD`], on time however busy the async runtime is.
#[derive(Debug)]
pub struct Poller {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Poller {
    /// Starts polling; `origin` is `t_us = 0`. `on_reading` runs on the polling thread, so that reading and deciding are
    /// one step; it ends the thread with `Break`. The first reading is taken at once.
    ///
    /// # Errors
    /// When the system has no more threads.
    pub fn spawn(
        meter: Meter,
        origin: Instant,
        mut on_reading: impl FnMut(Reading) -> ControlFlow<()> + Send + 'static,
    ) -> io::Result<Self> {
        Self::spawn_clock(origin, move |t_us| on_reading(meter.reading(t_us)))
    }

    /// As [`Poller::spawn`] for callers that read other counters: `on_tick` gets the microseconds since `origin`.
    ///
    /// # Errors
    /// When the system has no more threads.
    pub fn spawn_clock(
        origin: Instant,
        mut on_tick: impl FnMut(u64) -> ControlFlow<()> + Send + 'static,
    ) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("ispeed-meter".into()).spawn(move || {
            let mut due = Instant::now();
            while !stopped.load(Ordering::Relaxed) {
                let t_us = u64::try_from(origin.elapsed().as_micros()).unwrap_or(u64::MAX);
                if on_tick(t_us).is_break() {
                    return;
                }
                // A late poll shifts the next ones: two in a row would measure the scheduler, not the link.
                due = (due + POLL_PERIOD).max(Instant::now());
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
            }
        })?;
        Ok(Self { stop, thread: Some(thread) })
    }

    /// Ends the thread and waits for it: at most one period.
    pub fn stop(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // The thread's panic is the caller's closure's; it was reported where it happened.
            let _ = thread.join();
        }
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
