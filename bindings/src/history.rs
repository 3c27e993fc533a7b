//! What was measured on this device.

use ispeed_core::history as core;
use ispeed_core::outbox;
use ispeed_core::protocol::UtcMicros;

use crate::mirror::mirror_enum;
use crate::sample::{Outcome, Verdict};

mirror_enum! {
    /// Where a sample stands.
    SampleState = outbox::State {
        /// Made without consent to upload: history, never handed in.
        Local,
        /// To be sent.
        Waiting,
        /// On its way.
        Sending,
        /// A collector gave its receipt.
        Sent,
        /// Refused: kept, and not sent again until its owner says so.
        Quarantined,
    }
}

/// Which samples to list.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Record)]
pub struct HistoryFilter {
    /// Only in this state.
    #[uniffi(default = None)]
    pub state: Option<SampleState>,
    /// Only those that started before.
    #[uniffi(default = None)]
    pub before_micros: Option<i64>,
    /// At most so many.
    #[uniffi(default = None)]
    pub limit: Option<u32>,
}

impl From<HistoryFilter> for outbox::Filter {
    fn from(ours: HistoryFilter) -> Self {
        Self { state: ours.state.map(Into::into), before: ours.before_micros.map(UtcMicros), limit: ours.limit }
    }
}

/// Why a sample is still here.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct UploadProblem {
    /// Stable kind: `network`, `not_a_receipt`, `receipt_refused`, `collector_key_changed`, `redirected`, `credentials`,
    /// `busy`, `server_error`, `refused`, `damaged`.
    pub kind: String,
    /// For a person, with the collector's own words where it gave some.
    pub text: String,
}

impl From<outbox::UploadProblem> for UploadProblem {
    fn from(core: outbox::UploadProblem) -> Self {
        Self { kind: core.kind.text().to_owned(), text: core.text }
    }
}

/// One line of the history.
#[derive(Clone, PartialEq, Debug, uniffi::Record)]
pub struct HistoryEntry {
    /// Sample.
    pub id: String,
    /// Start.
    pub started_at_micros: i64,
    /// How it ended.
    pub outcome: Outcome,
    /// Commune code, as shared.
    pub commune: Option<String>,
    /// Download goodput.
    pub down_bps: Option<f64>,
    /// Upload goodput.
    pub up_bps: Option<f64>,
    /// Idle latency.
    pub idle_ms: Option<f64>,
    /// The collector's verdict where it gave one, else the device's own.
    pub verdict: Verdict,
    /// Whether `verdict` is the collector's.
    pub judged_by_collector: bool,
    /// Sent, waiting, refused, …
    pub state: SampleState,
    /// Why it is still here.
    pub problem: Option<UploadProblem>,
    /// Not sent before this, while it waits.
    pub next_at_micros: Option<i64>,
    /// When the receipt came.
    pub sent_at_micros: Option<i64>,
    /// Collector it is for.
    pub collector: String,
}

impl From<core::Entry> for HistoryEntry {
    fn from(core: core::Entry) -> Self {
        Self {
            id: core.id.to_string(),
            started_at_micros: core.started_at.as_micros(),
            outcome: core.outcome.into(),
            commune: core.commune,
            down_bps: core.down_bps,
            up_bps: core.up_bps,
            idle_ms: core.idle_ms,
            verdict: core.verdict.into(),
            judged_by_collector: core.judged_by_collector,
            state: core.state.into(),
            problem: core.problem.map(Into::into),
            next_at_micros: core.next_at.map(UtcMicros::as_micros),
            sent_at_micros: core.sent_at.map(UtcMicros::as_micros),
            collector: core.collector,
        }
    }
}

/// What the outbox holds, by state.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Record)]
pub struct Stock {
    /// Runs going on, of live processes and dead ones.
    pub attempts: u64,
    /// Made without consent to upload.
    pub local: u64,
    /// Waiting to be sent, those in flight included.
    pub waiting: u64,
    /// Refused.
    pub quarantined: u64,
    /// Sent, with receipt.
    pub sent: u64,
    /// Bytes of all that are not sent.
    pub unsent_bytes: u64,
}

impl From<outbox::Stock> for Stock {
    fn from(core: outbox::Stock) -> Self {
        let outbox::Stock { attempts, local, waiting, quarantined, sent, unsent_bytes } = core;
        Self { attempts, local, waiting, quarantined, sent, unsent_bytes }
    }
}

/// A step of a sample.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct LedgerEntry {
    /// When.
    pub at_micros: i64,
    /// Sample.
    pub sample_id: String,
    /// `begun`, `died`, `kept`, `sent`, `quarantined`, `requeued`, `erased`, `deleted`.
    pub event: String,
    /// What else there is to say.
    pub detail: Option<String>,
}

impl From<outbox::LedgerEntry> for LedgerEntry {
    fn from(core: outbox::LedgerEntry) -> Self {
        Self {
            at_micros: core.at.as_micros(),
            sample_id: core.sample_id.to_string(),
            event: core.event.text().to_owned(),
            detail: core.detail,
        }
    }
}
