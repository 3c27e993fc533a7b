//! What a run gives back, and what it shows while it runs.

use std::time::Duration;

use ispeed_protocol::UtcMicros;
use ispeed_protocol::direction::{DirectionResult, Series};
use ispeed_protocol::evidence::Evidence;
use ispeed_protocol::latency::Latency;
use ispeed_protocol::sample::{Clock, MachineContext, Outcome};
use ispeed_protocol::servers::UsedServer;
use tokio::sync::watch;

/// The measured part of a sample. Always there, whatever became of the run; what was not measured is `None`.
#[derive(Clone, PartialEq, Debug)]
pub struct Measured {
    /// Start of the run on the device's clock, corrected where `clock` says so; every window is relative to it.
    pub started_at: UtcMicros,
    /// End of the run.
    pub ended_at: UtcMicros,
    /// How it ended.
    pub outcome: Outcome,
    /// Stable kind of what went wrong.
    pub outcome_reason: Option<String>,
    /// The same for a person: what failed and at whom, one sentence in English.
    pub outcome_detail: Option<String>,
    /// Clock difference, if a server answered.
    pub clock: Option<Clock>,
    /// Server, if one was asked for a token or chosen.
    pub server: Option<UsedServer>,
    /// Latency, PDV, loss.
    pub latency: Latency,
    /// Download.
    pub down: Option<DirectionResult>,
    /// Upload.
    pub up: Option<DirectionResult>,
    /// What the server had acknowledged while it sent the download.
    pub down_sender_series: Option<Series>,
    /// All payload bytes received, tail included.
    pub bytes_down: u64,
    /// All payload bytes sent, tail included.
    pub bytes_up: u64,
    /// What else the machine did.
    pub machine: MachineContext,
    /// Signed by the measuring end, one a direction.
    pub evidence: Vec<Evidence>,
}

/// Where a run is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Phase {
    /// Token, server selection, control channel.
    #[default]
    Connecting,
    /// Idle round trips, while load connections open.
    Latency,
    /// Download.
    Download,
    /// Upload.
    Upload,
    /// The server's logs.
    Finishing,
    /// Over.
    Done,
}

/// A picture of a running measurement, for display. The figures are of the direction that runs.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Progress {
    /// Where the run is.
    pub phase: Phase,
    /// Since its start.
    pub elapsed_ms: u64,
    /// Goodput so far.
    pub rate_bps: Option<f64>,
    /// 95 % interval of it.
    pub interval_bps: Option<[f64; 2]>,
    /// Payload bytes received so far.
    pub bytes_down: u64,
    /// Payload bytes sent so far, as far as the server has told.
    pub bytes_up: u64,
    /// Median round trip without load.
    pub latency_ms: Option<f64>,
    /// Last round trip under load.
    pub loaded_ms: Option<f64>,
    /// Id of the server.
    pub server: Option<String>,
    /// Load flows that carry load.
    pub flows: u8,
}

/// Least time between two pictures of one phase: a display cannot use more than ten a second.
const PROGRESS_PERIOD: Duration = Duration::from_millis(100);

/// Writes [`Progress`], at most ten times a second but each change of phase at once.
#[derive(Debug)]
pub(crate) struct Reporter {
    sender: watch::Sender<Progress>,
    clock: super::clock::RunClock,
    last_us: Option<u64>,
}

impl Reporter {
    pub(crate) fn new(sender: watch::Sender<Progress>, clock: super::clock::RunClock) -> Self {
        sender.send_replace(Progress::default());
        Self { sender, clock, last_us: None }
    }

    /// A new phase: what it shows of its own starts empty.
    pub(crate) fn phase(&mut self, phase: Phase) {
        self.last_us = Some(self.clock.now_us());
        self.write(|p| {
            p.phase = phase;
            p.rate_bps = None;
            p.interval_bps = None;
            p.loaded_ms = None;
            p.flows = 0;
        });
    }

    /// Changes the picture now.
    pub(crate) fn write(&self, change: impl FnOnce(&mut Progress)) {
        let elapsed_ms = self.clock.now_us() / 1000;
        self.sender.send_modify(|p| {
            change(p);
            p.elapsed_ms = elapsed_ms;
        });
    }

    /// Changes the picture if the last change is long enough ago.
    pub(crate) fn tick(&mut self, change: impl FnOnce(&mut Progress)) {
        let now_us = self.clock.now_us();
        let period_us = u64::try_from(PROGRESS_PERIOD.as_micros()).unwrap_or(u64::MAX);
        if self.last_us.is_none_or(|last_us| now_us.saturating_sub(last_us) >= period_us) {
            self.last_us = Some(now_us);
            self.write(change);
        }
    }
}
