//! `GET /metrics`: Prometheus text format 0.0.4, base units, label values from fixed sets only.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use ispeed_protocol::UtcMicros;
use ispeed_protocol::verdict::Verdict;
use ispeed_verdict::{Reason, TABLE};

use crate::accept::RenewalCounts;
use crate::measure::StatsSnapshot;

/// What became of a request for tokens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TokenOutcome {
    Granted,
    LimitedDevice,
    LimitedNetwork,
    UnknownServer,
    Malformed,
}

const TOKEN_OUTCOMES: [&str; 5] = ["granted", "limited_device", "limited_network", "unknown_server", "malformed"];

/// What became of a sample that was handed in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SampleOutcome {
    Stored,
    Repeated,
    Conflict,
    Deleted,
    Malformed,
    TooLarge,
    MediaType,
    Busy,
    Failed,
}

const SAMPLE_OUTCOMES: [&str; 9] =
    ["stored", "repeated", "conflict", "deleted", "malformed", "too_large", "media_type", "busy", "failed"];

impl SampleOutcome {
    pub(crate) fn of_status(status: u16) -> Self {
        match status {
            409 => Self::Conflict,
            410 => Self::Deleted,
            413 => Self::TooLarge,
            415 => Self::MediaType,
            503 => Self::Busy,
            400..=499 => Self::Malformed,
            _ => Self::Failed,
        }
    }
}

/// Counters, one a value of a label.
pub(crate) struct Counters<const N: usize>([AtomicU64; N]);

impl<const N: usize> Counters<N> {
    fn new() -> Self {
        Self([const { AtomicU64::new(0) }; N])
    }

    pub(crate) fn add(&self, index: usize) {
        if let Some(counter) = self.0.get(index) {
            counter.fetch_add(1, Relaxed);
        }
    }

    fn values(&self) -> impl Iterator<Item = u64> {
        self.0.iter().map(|counter| counter.load(Relaxed))
    }
}

/// One counter.
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, by: u64) {
        self.0.fetch_add(by, Relaxed);
    }
}

/// Upper bounds of the buckets of a submission, seconds; 0.25 is the goal of the 99th percentile.
const BUCKETS_SECONDS: [f64; 9] = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0];

/// A histogram of seconds.
pub(crate) struct Histogram {
    buckets: Counters<10>,
    micros: AtomicU64,
}

impl Histogram {
    pub(crate) fn observe(&self, seconds: f64) {
        let bucket = BUCKETS_SECONDS.iter().position(|bound| seconds <= *bound).unwrap_or(BUCKETS_SECONDS.len());
        self.buckets.add(bucket);
        self.micros.fetch_add((seconds * 1e6) as u64, Relaxed);
    }

    fn write(&self, name: &str, out: &mut String) {
        let mut total = 0;
        for (i, n) in self.buckets.values().enumerate() {
            total += n;
            let bound = BUCKETS_SECONDS.get(i).map_or_else(|| "+Inf".to_owned(), f64::to_string);
            let _ = writeln!(out, "{name}_bucket{{le=\"{bound}\"}} {total}");
        }
        let _ = writeln!(out, "{name}_sum {}", self.micros.load(Relaxed) as f64 / 1e6);
        let _ = writeln!(out, "{name}_count {total}");
    }
}

/// Everything the collector counts.
pub(crate) struct Metrics {
    pub(crate) tokens: Counters<5>,
    pub(crate) samples: Counters<9>,
    pub(crate) submission_seconds: Histogram,
    pub(crate) deleted: Counter,
    counted: AtomicU64,
    /// By the rows of the rule table.
    excluded: Vec<AtomicU64>,
    last_sample_us: AtomicI64,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        Self {
            tokens: Counters::new(),
            samples: Counters::new(),
            submission_seconds: Histogram { buckets: Counters::new(), micros: AtomicU64::new(0) },
            deleted: Counter(AtomicU64::new(0)),
            counted: AtomicU64::new(0),
            excluded: TABLE.iter().map(|_| AtomicU64::new(0)).collect(),
            last_sample_us: AtomicI64::new(0),
        }
    }

    /// Counts a new sample under its first reason.
    pub(crate) fn judged(&self, verdict: &Verdict, at: UtcMicros) {
        self.last_sample_us.fetch_max(at.as_micros(), Relaxed);
        let first = verdict.reasons.first().and_then(|code| Reason::from_code(code));
        match first.filter(|_| !verdict.counts) {
            None => self.counted.fetch_add(1, Relaxed),
            Some(reason) => self.excluded[reason as usize].fetch_add(1, Relaxed),
        };
    }

    /// The text; `store_up` is whether the store just answered.
    pub(crate) fn render(&self, store_up: bool) -> String {
        let mut out = String::with_capacity(8 * 1024);
        let _ = writeln!(
            out,
            "# HELP ispeed_up 1 while the collector can read and write its store.\n# TYPE ispeed_up gauge\n\
             ispeed_up {}\n# HELP ispeed_build_info Version of the program.\n# TYPE ispeed_build_info gauge\n\
             ispeed_build_info{{version=\"{}\"}} 1",
            u8::from(store_up),
            env!("CARGO_PKG_VERSION")
        );
        render_labelled(
            &mut out,
            "ispeed_token_requests_total",
            "Requests for tokens by outcome.",
            "outcome",
            TOKEN_OUTCOMES.into_iter().zip(self.tokens.values()),
        );
        render_labelled(
            &mut out,
            "ispeed_submissions_total",
            "Samples handed in, by what became of them.",
            "outcome",
            SAMPLE_OUTCOMES.into_iter().zip(self.samples.values()),
        );
        let verdicts = std::iter::once(("counts", self.counted.load(Relaxed)))
            .chain(TABLE.iter().zip(&self.excluded).map(|(rule, n)| (rule.code, n.load(Relaxed))));
        render_labelled(
            &mut out,
            "ispeed_samples_judged_total",
            "New samples by verdict: counts, or the first reason why not.",
            "verdict",
            verdicts,
        );
        self.render_rest(&mut out);
        out
    }

    fn render_rest(&self, out: &mut String) {
        let _ = writeln!(
            out,
            "# HELP ispeed_samples_deleted_total Samples deleted by their owners.\n\
             # TYPE ispeed_samples_deleted_total counter\nispeed_samples_deleted_total {}",
            self.deleted.0.load(Relaxed)
        );
        let last_us = self.last_sample_us.load(Relaxed);
        // Nothing yet is an absent series, not the year 1970.
        if last_us > 0 {
            let _ = writeln!(
                out,
                "# HELP ispeed_last_sample_timestamp_seconds When the last new sample came in.\n\
                 # TYPE ispeed_last_sample_timestamp_seconds gauge\nispeed_last_sample_timestamp_seconds {}",
                last_us as f64 / 1e6
            );
        }
        let _ = writeln!(
            out,
            "# HELP ispeed_submission_seconds Time from the head of a submission to its answer.\n\
             # TYPE ispeed_submission_seconds histogram"
        );
        self.submission_seconds.write("ispeed_submission_seconds", out);
    }
}

fn render_labelled(
    out: &mut String,
    name: &str,
    help: &str,
    label: &str,
    values: impl Iterator<Item = (&'static str, u64)>,
) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} counter");
    for (value, n) in values {
        let _ = writeln!(out, "{name}{{{label}=\"{value}\"}} {n}");
    }
}

/// The counters of the measuring end that runs with the collector.
pub(crate) fn render_measuring_end(stats: &StatsSnapshot, out: &mut String) {
    let _ = writeln!(
        out,
        "# HELP ispeed_runs_active Measurements under way.\n# TYPE ispeed_runs_active gauge\nispeed_runs_active {}",
        stats.runs_active
    );
    for (name, help, value) in [
        ("ispeed_runs_admitted_total", "Measurements admitted.", stats.runs_admitted),
        ("ispeed_runs_completed_total", "Measurements whose client said that it was done.", stats.runs_completed),
        ("ispeed_load_flows_total", "Load flows opened.", stats.load_flows),
        ("ispeed_load_flows_stalled_total", "Load flows cut because their client took nothing.", stats.flows_stalled),
        ("ispeed_connections_refused_total", "Connections closed for want of a place.", stats.connections_refused),
        ("ispeed_tls_handshakes_failed_total", "TLS handshakes failed or too slow.", stats.handshakes_failed),
        ("ispeed_echo_replies_total", "UDP packets answered.", stats.echo_replies),
        ("ispeed_echo_ignored_total", "UDP packets not answered.", stats.echo_ignored),
    ] {
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}");
    }
    let bytes = [("sent", stats.bytes_sent), ("received", stats.bytes_received)];
    render_labelled(out, "ispeed_load_bytes_total", "Load bytes moved.", "direction", bytes.into_iter());
    let refused = stats.refused.iter().copied();
    render_labelled(out, "ispeed_runs_refused_total", "Requests to measure refused, by kind.", "kind", refused);
}

/// What became of changed files of the certificate.
pub(crate) fn render_certificate(counts: RenewalCounts, out: &mut String) {
    render_labelled(
        out,
        "ispeed_certificate_changes_total",
        "Changed certificate files, by what became of them.",
        "outcome",
        [("taken", counts.taken), ("refused", counts.refused)].into_iter(),
    );
}
