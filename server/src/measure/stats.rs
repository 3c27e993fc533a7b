//! Counters of the measuring end for `/metrics`.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Kinds of refusals, the labels of their counters.
pub const REFUSAL_KINDS: [&str; 16] = [
    "token_malformed",
    "token_unknown_issuer",
    "token_signature",
    "token_audience",
    "token_expired",
    "token_times",
    "token_used",
    "no_bearer",
    "session",
    "busy",
    "shutdown",
    "method",
    "upgrade",
    "flow",
    "flow_open",
    "other",
];

/// What the measuring end counted since it started; read by the collector's `/metrics`.
#[derive(Debug, Default)]
pub struct MeasureStats {
    runs_admitted: AtomicU64,
    runs_ended: AtomicU64,
    runs_completed: AtomicU64,
    refused: [AtomicU64; REFUSAL_KINDS.len()],
    bytes_sent: AtomicU64,
    bytes_received: AtomicU64,
    load_flows: AtomicU64,
    flows_stalled: AtomicU64,
    connections_refused: AtomicU64,
    handshakes_failed: AtomicU64,
    echo_replies: AtomicU64,
    echo_ignored: AtomicU64,
}

/// The counters at one moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StatsSnapshot {
    /// Runs admitted.
    pub runs_admitted: u64,
    /// Runs under way.
    pub runs_active: u64,
    /// Runs whose client said that it was done.
    pub runs_completed: u64,
    /// Requests refused, by kind.
    pub refused: Vec<(&'static str, u64)>,
    /// Load bytes sent.
    pub bytes_sent: u64,
    /// Load bytes received.
    pub bytes_received: u64,
    /// Load flows opened.
    pub load_flows: u64,
    /// Load flows cut because their client took nothing.
    pub flows_stalled: u64,
    /// Connections closed at once because every place was taken.
    pub connections_refused: u64,
    /// Connections whose TLS handshake failed or took too long.
    pub handshakes_failed: u64,
    /// UDP packets answered.
    pub echo_replies: u64,
    /// UDP packets not answered.
    pub echo_ignored: u64,
}

impl MeasureStats {
    /// The counters now.
    pub fn snapshot(&self) -> StatsSnapshot {
        let admitted = self.runs_admitted.load(Relaxed);
        StatsSnapshot {
            runs_admitted: admitted,
            runs_active: admitted.saturating_sub(self.runs_ended.load(Relaxed)),
            runs_completed: self.runs_completed.load(Relaxed),
            refused: REFUSAL_KINDS.iter().zip(&self.refused).map(|(kind, n)| (*kind, n.load(Relaxed))).collect(),
            bytes_sent: self.bytes_sent.load(Relaxed),
            bytes_received: self.bytes_received.load(Relaxed),
            load_flows: self.load_flows.load(Relaxed),
            flows_stalled: self.flows_stalled.load(Relaxed),
            connections_refused: self.connections_refused.load(Relaxed),
            handshakes_failed: self.handshakes_failed.load(Relaxed),
            echo_replies: self.echo_replies.load(Relaxed),
            echo_ignored: self.echo_ignored.load(Relaxed),
        }
    }

    pub(crate) fn connection_refused(&self) {
        self.connections_refused.fetch_add(1, Relaxed);
    }

    pub(crate) fn handshake_failed(&self) {
        self.handshakes_failed.fetch_add(1, Relaxed);
    }

    pub(super) fn refused(&self, kind: &str) {
        let at = REFUSAL_KINDS.iter().position(|k| *k == kind).unwrap_or(REFUSAL_KINDS.len() - 1);
        self.refused[at].fetch_add(1, Relaxed);
    }

    pub(super) fn run_admitted(&self) {
        self.runs_admitted.fetch_add(1, Relaxed);
    }

    pub(super) fn run_ended(&self, completed: bool) {
        self.runs_ended.fetch_add(1, Relaxed);
        self.runs_completed.fetch_add(u64::from(completed), Relaxed);
    }

    pub(super) fn flow_opened(&self) {
        self.load_flows.fetch_add(1, Relaxed);
    }

    pub(super) fn flow_stalled(&self) {
        self.flows_stalled.fetch_add(1, Relaxed);
    }

    pub(super) fn sent(&self, bytes: u64) {
        self.bytes_sent.fetch_add(bytes, Relaxed);
    }

    pub(super) fn received(&self, bytes: u64) {
        self.bytes_received.fetch_add(bytes, Relaxed);
    }

    pub(super) fn echo(&self, answered: bool) {
        let counter = if answered { &self.echo_replies } else { &self.echo_ignored };
        counter.fetch_add(1, Relaxed);
    }
}
