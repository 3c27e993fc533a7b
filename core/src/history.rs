//! What was measured on this device: list, detail, hand-over file, and how the month stands at the collector.

use std::io::Write;

use ispeed_protocol::place::is_commune_code;
use ispeed_protocol::plan::{CommuneQuota, MonthStatus};
use ispeed_protocol::receipt::Submitted;
use ispeed_protocol::sample::{Outcome, Sample, SampleWithReceipt};
use ispeed_protocol::verdict::Verdict;
use ispeed_protocol::{Month, UtcMicros};
use reqwest::{Client, Url};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::http;
use crate::outbox::{Filter, Outbox, State, StoredSample, UploadProblem, collector_url};

/// Samples looked at for a clock: what failed before any answer says nothing of it.
const RECENT_SAMPLES: u32 = 5;

/// One line of the history.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    /// Sample.
    pub id: Uuid,
    /// Start.
    pub started_at: UtcMicros,
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
    pub state: State,
    /// Why it is still here.
    pub problem: Option<UploadProblem>,
    /// Not sent before this, while it waits.
    pub next_at: Option<UtcMicros>,
    /// When the receipt came.
    pub sent_at: Option<UtcMicros>,
    /// Collector it is for.
    pub collector: String,
}

/// Everything about one sample.
#[derive(Clone, PartialEq, Debug)]
pub struct Detail {
    /// Its line.
    pub entry: Entry,
    /// What its body says.
    pub sample: Sample,
    /// The body and the receipt as they are.
    pub stored: StoredSample,
    /// The collector's whole answer.
    pub answer: Option<Submitted>,
}

impl Detail {
    pub(crate) fn of(stored: StoredSample) -> Result<Self> {
        let sample = read(&stored)?;
        let answer = answer(&stored);
        Ok(Self { entry: entry(&sample, &stored, answer.as_ref()), sample, stored, answer })
    }
}

impl Outbox {
    /// The history, the newest first.
    pub fn history(&self, filter: Filter) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        self.each_sample(filter, |stored| {
            let sample = read(&stored)?;
            entries.push(entry(&sample, &stored, answer(&stored).as_ref()));
            Ok(())
        })?;
        Ok(entries)
    }

    /// One sample with everything known of it. Errors: `not_found`.
    pub fn detail(&self, id: Uuid) -> Result<Detail> {
        Detail::of(self.sample(id)?.ok_or(Error::NotFound { id })?)
    }

    /// What this device's clock lacked to a server's, in the newest run that a server answered, in microseconds.
    pub fn clock_offset_micros(&self) -> Result<Option<i64>> {
        let newest = Filter { limit: Some(RECENT_SAMPLES), ..Filter::default() };
        let mut found = None;
        self.each_sample(newest, |stored| {
            if found.is_none() {
                found = read(&stored)?.clock;
            }
            Ok(())
        })?;
        #[allow(clippy::cast_possible_truncation, reason = "a difference of clocks; what is beyond i64 is no clock")]
        Ok(found.map(|clock| (clock.offset_ms * 1_000.0).round() as i64))
    }

    /// Writes the hand-over file: one line a sample, `{"sample":…,"receipt":…}`, both byte for byte as signed; `receipt` is
    /// `null` while there is none. Anyone checks it with `ispeed verify`. Returns how many lines.
    ///
    /// Errors: `storage`, also when `out` cannot be written.
    pub fn export(&self, filter: Filter, out: &mut dyn Write) -> Result<usize> {
        let mut lines = 0;
        self.each_sample(filter, |stored| {
            out.write_all(&document(&stored)?).and_then(|()| out.write_all(b"\n")).map_err(Error::storage)?;
            lines += 1;
            Ok(())
        })?;
        out.flush().map_err(Error::storage)?;
        Ok(lines)
    }
}

/// The document of one sample, `{"sample":…,"receipt":…}`, as `ispeed test --format json` prints it.
pub fn document(stored: &StoredSample) -> Result<Vec<u8>> {
    document_of(&stored.body, stored.receipt.as_deref())
}

/// The same of a body and its receipt, wherever they are kept.
pub fn document_of(body: &[u8], receipt: Option<&[u8]>) -> Result<Vec<u8>> {
    let raw = |bytes: &[u8]| -> Result<Box<RawValue>> {
        let text = String::from_utf8(bytes.to_vec()).map_err(Error::storage)?;
        RawValue::from_string(text).map_err(Error::storage)
    };
    let (sample, receipt) = (raw(body)?, receipt.map(raw).transpose()?);
    serde_json::to_vec(&SampleWithReceipt { sample: &sample, receipt: receipt.as_deref() }).map_err(Error::internal)
}

/// How a month stands at a collector: communes reached, short, excluded by reason.
pub async fn month_status(
    client: &Client,
    collector: &str,
    month: Month,
    province_code: Option<&str>,
) -> Result<MonthStatus> {
    let mut url = Url::parse(&format!("{}/v1/months/{month}", collector_url(collector)?)).map_err(Error::internal)?;
    if let Some(province) = province_code {
        url.query_pairs_mut().append_pair("province", province);
    }
    http::json(client.get(url.clone()).send().await, &format!("GET {url}")).await
}

/// How one commune stands in a month: "12 more here".
pub async fn commune_quota(client: &Client, collector: &str, code: &str, month: Month) -> Result<CommuneQuota> {
    if !is_commune_code(code) {
        return Err(Error::input("commune code", code, "five digits"));
    }
    let url = format!("{}/v1/communes/{code}/quota?month={month}", collector_url(collector)?);
    http::json(client.get(&url).send().await, &format!("GET {url}")).await
}

fn read(stored: &StoredSample) -> Result<Sample> {
    serde_json::from_slice(&stored.body)
        .map_err(|e| Error::Storage { reason: format!("sample {} cannot be read: {e}", stored.id) })
}

/// The collector's answer; one that this version cannot read is shown as none.
fn answer(stored: &StoredSample) -> Option<Submitted> {
    serde_json::from_slice(stored.answer.as_deref()?).ok()
}

fn entry(sample: &Sample, stored: &StoredSample, answer: Option<&Submitted>) -> Entry {
    let place = answer.and_then(|answer| answer.place.as_ref()).unwrap_or(&sample.place);
    let waits = matches!(stored.state, State::Waiting | State::Sending);
    Entry {
        id: stored.id,
        started_at: sample.started_at,
        outcome: sample.outcome,
        commune: place.code.clone(),
        down_bps: sample.down.as_ref().and_then(|down| down.goodput_bps),
        up_bps: sample.up.as_ref().and_then(|up| up.goodput_bps),
        idle_ms: sample.latency.idle_ms,
        verdict: answer.map_or(&sample.verdict, |answer| &answer.verdict).clone(),
        judged_by_collector: answer.is_some(),
        state: stored.state,
        problem: stored.problem.clone(),
        next_at: waits.then_some(stored.next_at),
        sent_at: stored.sent_at,
        collector: stored.collector.clone(),
    }
}
