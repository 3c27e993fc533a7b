//! What this end counts of a direction while it runs, and what it tells the client of it.
//!
//! Load starts (`t_us = 0`) at the last poll that saw nothing: at most 10 ms before the first payload byte, which then
//! lies in the first bin and is not lost. Payload that was there before the client's `Start` counts from `Start` on.
//! A download counts what was acknowledged (`kernel_bytes`) and handed to TCP (`app_bytes`); an upload what arrived.

use std::io;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use ispeed_meter::params::BIN_US;
use ispeed_protocol::control::{SenderSummary, ServerMessage};
use ispeed_protocol::direction::{Direction, Series};
use ispeed_protocol::time::UtcMicros;
use ispeed_wire::{Meter, Poller, SocketCounters};
use tokio::sync::mpsc;

use super::monitor::Monitor;
use super::series::{Counted, SeriesBuilder};
use super::stats::MeasureStats;
use crate::limits;

/// Records a direction on a thread of its own, so that polls come on time while the runtime encrypts.
#[derive(Debug)]
pub(super) struct Recorder {
    record: Arc<Mutex<Record>>,
    _poller: Poller,
}

/// Where a recorder's findings go.
#[derive(Clone, Debug)]
pub(super) struct Reports {
    pub(super) out: mpsc::Sender<ServerMessage>,
    pub(super) stats: Arc<MeasureStats>,
    pub(super) monitor: Arc<Monitor>,
}

/// What was recorded.
#[derive(Debug)]
pub(super) struct Recorded {
    pub(super) series: Series,
    pub(super) bytes: u64,
    pub(super) started_at: UtcMicros,
    pub(super) ended_at: UtcMicros,
    pub(super) totals: SocketCounters,
    pub(super) flows: u8,
}

#[derive(Debug)]
struct Record {
    direction: Direction,
    meter: Meter,
    reports: Reports,
    origin: Instant,
    origin_utc: UtcMicros,
    /// Start of load, µs after `origin`.
    zero_us: Option<u64>,
    previous_poll_us: u64,
    last_change_us: u64,
    now: Counted,
    builder: SeriesBuilder,
    sender: SenderReports,
    arrivals: ArrivalReports,
    quiet: bool,
    done: bool,
}

/// Edges of an upload that wait to be told together.
#[derive(Debug, Default)]
struct ArrivalReports {
    last_us: u64,
    waiting: Vec<ServerMessage>,
}

#[derive(Debug, Default)]
struct SenderReports {
    last_us: u64,
    last: SocketCounters,
}

impl Recorder {
    pub(super) fn start(direction: Direction, meter: Meter, now_utc: UtcMicros, reports: Reports) -> io::Result<Self> {
        // What the server did before is not this run's.
        reports.monitor.look();
        let origin = Instant::now();
        let record = Arc::new(Mutex::new(Record {
            direction,
            meter,
            reports,
            origin,
            origin_utc: now_utc,
            zero_us: None,
            previous_poll_us: 0,
            last_change_us: 0,
            now: Counted::default(),
            builder: SeriesBuilder::new(),
            sender: SenderReports::default(),
            arrivals: ArrivalReports::default(),
            quiet: false,
            done: false,
        }));
        let polled = Arc::clone(&record);
        let poller = Poller::spawn_clock(origin, move |t_us| lock(&polled).poll(t_us))?;
        Ok(Self { record, _poller: poller })
    }

    /// Counts on but tells the client nothing more.
    pub(super) fn quiet(&self) {
        lock(&self.record).quiet = true;
    }

    /// A last look at the counters, and all that was recorded.
    pub(super) fn finish(self) -> Recorded {
        let mut record = lock(&self.record);
        let t_us = u64::try_from(record.origin.elapsed().as_micros()).unwrap_or(u64::MAX);
        record.quiet = true;
        // The last poll stands even when it is the first that saw something.
        let _ = record.poll(t_us);
        record.done = true;
        record.recorded(t_us)
    }
}

fn lock(record: &Mutex<Record>) -> MutexGuard<'_, Record> {
    record.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Record {
    fn poll(&mut self, t_us: u64) -> ControlFlow<()> {
        if self.done {
            return ControlFlow::Break(());
        }
        let totals = if self.direction == Direction::Down { Some(self.meter.totals()) } else { None };
        let now = match &totals {
            Some(totals) => {
                Counted { segments: None, kernel_bytes: totals.bytes_acked, app_bytes: self.meter.written_bytes() }
            }
            None => {
                let reading = self.meter.reading(t_us);
                Counted { segments: reading.segments, kernel_bytes: reading.kernel_bytes, app_bytes: reading.app_bytes }
            }
        };
        self.count(t_us, now);
        if self.zero_us.is_none() {
            if !now.any() {
                self.previous_poll_us = t_us;
                return ControlFlow::Continue(());
            }
            self.zero_us = Some(self.previous_poll_us);
        }
        let load_us = t_us - self.zero_us.unwrap_or(t_us);
        let flows = self.flows();
        let closed = !self.load_ended() && self.builder.push(load_us, now, flows);
        match totals {
            Some(totals) => self.report_sender(load_us, totals),
            None if closed => self.report_arrivals(load_us, now),
            None => {}
        }
        ControlFlow::Continue(())
    }

    /// Whether an upload's sender has stopped. From its resets on, silence speaks of the stop and not of the link, and a
    /// bin that held some would bias the figure that is recomputed from the series.
    fn load_ended(&self) -> bool {
        self.direction == Direction::Up && (self.quiet || (self.meter.loaded() > 0 && self.meter.loaded_open() == 0))
    }

    fn count(&mut self, t_us: u64, now: Counted) {
        let grown = now.app_bytes.saturating_sub(self.now.app_bytes);
        match self.direction {
            Direction::Down => {
                self.reports.stats.sent(grown);
                self.reports.monitor.sent(grown);
            }
            Direction::Up => self.reports.stats.received(grown),
        }
        if now != self.now {
            self.last_change_us = t_us;
        }
        self.now = now;
    }

    /// Time after which `bits` are at most [`limits::REPORT_SHARE`] of what the link carries.
    fn paced_us(&self, bits: f64, load_us: u64) -> u64 {
        let bits_per_us = self.now.bytes() as f64 * 8.0 / load_us.max(1) as f64;
        (bits / (limits::REPORT_SHARE * bits_per_us.max(1e-6))) as u64
    }

    /// Tells an edge of an upload, on a slow link together with those before it: every report is acknowledged, and
    /// twenty acknowledgements a second are 3 % of 0.25 Mbit/s.
    fn report_arrivals(&mut self, load_us: u64, now: Counted) {
        self.arrivals.waiting.push(ServerMessage::Arrivals {
            t_us: load_us,
            segments: now.segments,
            kernel_bytes: now.kernel_bytes,
            app_bytes: now.app_bytes,
            server_limited: self.reports.monitor.is_limit(),
        });
        let wait_us = self.paced_us(limits::ARRIVALS_ACK_BITS, load_us).min(limits::ARRIVALS_WAIT_MAX_US);
        // The next edge is a bin away: told now, unless that one is still in time.
        if load_us + BIN_US > self.arrivals.last_us + wait_us {
            self.arrivals.last_us = load_us;
            for message in std::mem::take(&mut self.arrivals.waiting) {
                self.tell(message);
            }
        }
    }

    fn report_sender(&mut self, load_us: u64, totals: SocketCounters) {
        let paced_us = self.paced_us(limits::SENDER_REPORT_BITS, load_us);
        let period_us = paced_us.clamp(limits::SENDER_REPORT_US, limits::SENDER_REPORT_MAX_US);
        if load_us.saturating_sub(self.sender.last_us) < period_us {
            return;
        }
        let before = std::mem::replace(&mut self.sender.last, totals);
        self.sender.last_us = load_us;
        let grown = |now: Option<u64>, before: Option<u64>| Some(now?.saturating_sub(before.unwrap_or(0)));
        let rwnd_limited = grown(totals.busy_us, before.busy_us)
            .filter(|busy_us| *busy_us > 0)
            .zip(grown(totals.rwnd_limited_us, before.rwnd_limited_us))
            .map(|(busy_us, limited_us)| limited_us as f64 / busy_us as f64);
        self.tell(ServerMessage::Sender {
            t_us: load_us,
            bytes_sent: self.now.app_bytes,
            retransmits: totals.retransmits,
            segments_sent: totals.segments_out,
            rtt_us: totals.rtt_us,
            rwnd_limited,
            server_limited: self.reports.monitor.is_limit(),
        });
    }

    fn tell(&self, message: ServerMessage) {
        if !self.quiet {
            // A full queue is a control connection that takes nothing; its writer gives it up soon.
            let _ = self.reports.out.try_send(message);
        }
    }

    fn recorded(&mut self, t_us: u64) -> Recorded {
        let totals = self.meter.totals();
        let zero_us = self.zero_us.unwrap_or(t_us);
        let builder = std::mem::replace(&mut self.builder, SeriesBuilder::new());
        let utc = |us: u64| self.origin_utc.plus_micros(i64::try_from(us).unwrap_or(i64::MAX));
        let (bytes, series) = match self.direction {
            Direction::Down => {
                (totals.bytes_left().unwrap_or(self.now.app_bytes), builder.finish(t_us - zero_us, self.now))
            }
            // The bin under way holds the stop; where the last resets were lost, empty ones follow until the order to stop
            // is heard. A silence that is longer is the path's.
            Direction::Up => {
                let silent_us = t_us.saturating_sub(self.last_change_us);
                let until_us = if silent_us < limits::STOP_HEARD_US { self.last_change_us } else { t_us };
                let series = builder.full_bins(t_us - zero_us, until_us.saturating_sub(zero_us), self.now);
                (self.now.bytes(), series)
            }
        };
        Recorded {
            series,
            bytes,
            started_at: utc(zero_us),
            ended_at: utc(self.last_change_us.max(zero_us)),
            totals,
            flows: self.flows(),
        }
    }

    /// Flows that carried load. An upload's are counted from before their answer is written, which is no load.
    fn flows(&self) -> u8 {
        let flows = match self.direction {
            Direction::Down => self.meter.loaded(),
            Direction::Up => self.meter.receiving(),
        };
        u8::try_from(flows).unwrap_or(u8::MAX)
    }
}

impl Recorded {
    /// The sender's summary.
    pub(super) fn summary(&self) -> SenderSummary {
        SenderSummary {
            retransmits: self.totals.retransmits,
            segments_sent: self.totals.segments_out,
            rtt_us: self.totals.rtt_us,
        }
    }
}
