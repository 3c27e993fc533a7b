//! What a store tells of a month, and the records of closed months it keeps.

use std::collections::BTreeMap;

use ispeed_protocol::Month;
use ispeed_protocol::signing::sha256_hex;
use ispeed_report::sample::ChainHead;
use ispeed_report::{History, MonthSample};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::{MonthError, Result};
use crate::figures_csv;
use crate::manifest::TemplateNote;

/// Kind of the records of closed months.
pub const CLOSED_KIND: &str = "closed_month";
/// Kind of the records of their mean downloads, which trends of later months need.
pub const MEANS_KIND: &str = "closed_means";
/// Months a trend looks back.
const HISTORY_MONTHS: usize = 11;
/// Rows asked of a store at a time: 4 MB.
const PAGE_ROWS: u32 = 5_000;

/// Which rows are asked for.
#[derive(Clone, PartialEq, Debug)]
pub struct RowQuery {
    /// Month.
    pub month: Month,
    /// Only this province.
    pub province: Option<String>,
    /// Only what these heads cover.
    pub upto: Vec<ChainHead>,
    /// Only rows after this place in [`MonthSample::order`].
    pub after: Option<(String, String, Uuid)>,
    /// At most so many.
    pub limit: u32,
}

/// A collector's store, as far as closing a month needs it. An error is one line.
pub trait MonthStore: Send {
    /// The newest receipt of every chain, by key.
    fn heads(&mut self) -> std::result::Result<Vec<ChainHead>, String>;

    /// Rows in [`MonthSample::order`].
    fn rows(&mut self, query: RowQuery) -> std::result::Result<Vec<MonthSample>, String>;

    /// A record.
    fn record(&mut self, kind: &str, key: &str) -> std::result::Result<Option<String>, String>;

    /// The records of a kind whose keys begin with `prefix`: key and document, by key.
    fn records(&mut self, kind: &str, prefix: &str) -> std::result::Result<Vec<(String, String)>, String>;

    /// Keeps a record: if `new`, only when there is none of the key, else in place of what is there. False: there was one.
    fn put_record(&mut self, kind: &str, key: &str, json: String, new: bool) -> std::result::Result<bool, String>;
}

/// What the store keeps of a closed month.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClosedRecord {
    /// Version of this record.
    pub v: u32,
    /// Month.
    pub month: Month,
    /// `VN`, or the code of a province.
    pub scope: String,
    /// Version of the closed month.
    pub version: u32,
    /// The frozen heads.
    pub heads: Vec<ChainHead>,
    /// Hash of the frozen set.
    pub set_sha256: String,
    /// Its samples.
    pub samples: u64,
    /// Secret key of the numbers in the tables, hex.
    pub month_key: String,
    /// The program.
    pub program: String,
    /// Table of communes.
    pub boundaries: Option<String>,
    /// Hash of the list of communes.
    pub places_sha256: String,
    /// Hash of the settings.
    pub settings_sha256: String,
    /// Templates of the documents.
    pub templates: Vec<TemplateNote>,
    /// What officials had typed in.
    pub typed_in: String,
    /// Manifests of earlier months that trends rest on.
    pub history: BTreeMap<Month, String>,
    /// The manifest before it in the chain.
    pub previous: Option<String>,
    /// The manifest of the version before.
    pub revises: Option<String>,
    /// SHA-256 of the manifest.
    pub manifest_sha256: String,
}

/// Key of a record: sorted, the newest version of a month comes last.
pub fn record_key(month: Month, scope: &str, version: u32) -> String {
    format!("{month}/{scope}/{version:04}")
}

fn parse_record(key: &str, json: &str) -> Result<ClosedRecord> {
    serde_json::from_str(json).map_err(|error| MonthError::Record { key: key.to_owned(), cause: error.to_string() })
}

/// A store with what is done of it here.
pub(crate) struct Ledger<'a>(pub(crate) &'a mut dyn MonthStore);

impl Ledger<'_> {
    pub(crate) fn heads(&mut self) -> Result<Vec<ChainHead>> {
        self.0.heads().map_err(MonthError::Store)
    }

    /// The versions of a closed month, oldest first.
    pub(crate) fn versions(&mut self, month: Month, scope: &str) -> Result<Vec<ClosedRecord>> {
        let held = self.0.records(CLOSED_KIND, &format!("{month}/{scope}/")).map_err(MonthError::Store)?;
        held.iter().map(|(key, json)| parse_record(key, json)).collect()
    }

    /// The newest version of each earlier month of a scope, newest month first.
    pub(crate) fn earlier(&mut self, month: Month, scope: &str) -> Result<Vec<ClosedRecord>> {
        let held = self.0.records(CLOSED_KIND, "").map_err(MonthError::Store)?;
        let mut newest: BTreeMap<Month, ClosedRecord> = BTreeMap::new();
        for (key, json) in &held {
            let mut parts = key.split('/');
            let of_month = parts.next().and_then(|text| text.parse::<Month>().ok());
            if of_month.is_some_and(|of| of < month) && parts.next() == Some(scope) {
                let record = parse_record(key, json)?;
                newest.insert(record.month, record);
            }
        }
        Ok(newest.into_values().rev().collect())
    }

    /// Keeps a closed month; false when another run was faster.
    pub(crate) fn keep(&mut self, record: &ClosedRecord, means: &str) -> Result<bool> {
        let key = record_key(record.month, &record.scope, record.version);
        let wrong = |error: serde_json::Error| MonthError::Record { key: key.clone(), cause: error.to_string() };
        let means = serde_json::to_string(&Means { lines: means.to_owned() }).map_err(wrong)?;
        let json = serde_json::to_string(record).map_err(wrong)?;
        // The record is what closes the month: it comes last.
        self.0.put_record(MEANS_KIND, &means_key(record), means, false).map_err(MonthError::Store)?;
        self.0.put_record(CLOSED_KIND, &key, json, true).map_err(MonthError::Store)
    }

    /// The means of the months a trend looks back on, by manifest, in the order of the months.
    pub(crate) fn history(&mut self, months: &BTreeMap<Month, ClosedRecord>) -> Result<Vec<(Month, String)>> {
        let mut found = Vec::new();
        for (month, record) in months {
            let key = means_key(record);
            if let Some(json) = self.0.record(MEANS_KIND, &key).map_err(MonthError::Store)? {
                let means: Means = serde_json::from_str(&json)
                    .map_err(|error| MonthError::Record { key: key.clone(), cause: error.to_string() })?;
                found.push((*month, means.lines));
            }
        }
        Ok(found)
    }
}

#[derive(Serialize, Deserialize)]
struct Means {
    lines: String,
}

/// By manifest: a run that was overtaken by another leaves means that nobody reads, and overwrites none.
fn means_key(record: &ClosedRecord) -> String {
    format!("{}/{}", record_key(record.month, &record.scope, record.version), record.manifest_sha256)
}

/// The months that trends of `month` look back on, out of the closed ones: only those of the same table of communes, since codes
/// were given to other communes before.
pub(crate) fn looked_back_on(
    month: Month,
    boundaries: Option<&str>,
    earlier: Vec<ClosedRecord>,
) -> BTreeMap<Month, ClosedRecord> {
    let mut first = month;
    for _ in 0..HISTORY_MONTHS {
        first = before(first);
    }
    let of_table = |record: &ClosedRecord| record.month >= first && record.boundaries.as_deref() == boundaries;
    earlier.into_iter().filter(of_table).map(|record| (record.month, record)).collect()
}

fn before(month: Month) -> Month {
    if month.month <= 1 { Month { year: month.year - 1, month: 12 } } else { Month { month: month.month - 1, ..month } }
}

/// `history.csv`: the means of earlier months, each line with its month before it.
pub(crate) const HISTORY_FILE: &str = "history.csv";

pub(crate) fn history_bytes(months: &[(Month, String)]) -> Vec<u8> {
    let mut text = format!("month,{}\n", figures_csv::HEADER);
    for (month, lines) in months {
        for line in lines.lines() {
            text += &format!("{month},{line}\n");
        }
    }
    text.into_bytes()
}

pub(crate) fn read_history(bytes: &[u8]) -> Result<History> {
    let wrong = |n: usize, cause: String| MonthError::malformed(HISTORY_FILE, format!("line {}: {cause}", n + 1));
    let text = std::str::from_utf8(bytes).map_err(|_| wrong(0, "not UTF-8".into()))?;
    let mut history = History::default();
    for (n, line) in text.lines().enumerate().skip(1) {
        let (month, line) = line.split_once(',').ok_or_else(|| wrong(n, "no month".into()))?;
        let month = month.parse().map_err(|cause| wrong(n, cause))?;
        history.add(month, &figures_csv::parse(line).map_err(|cause| wrong(n, cause))?);
    }
    Ok(history)
}

/// Hash of bytes that were given apart from the folder.
pub(crate) fn hash_of(bytes: &[u8]) -> String {
    sha256_hex(bytes)
}

/// Asks for page after page.
pub(crate) struct Rows<'a> {
    store: &'a mut dyn MonthStore,
    query: RowQuery,
    page: std::vec::IntoIter<MonthSample>,
    done: bool,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(store: &'a mut dyn MonthStore, month: Month, scope: &str, heads: &[ChainHead]) -> Self {
        let province = (scope != ispeed_report::group::NATION).then(|| scope.to_owned());
        let query = RowQuery { month, province, upto: heads.to_vec(), after: None, limit: PAGE_ROWS };
        Self { store, query, page: Vec::new().into_iter(), done: false }
    }

    fn turn(&mut self) -> std::result::Result<(), String> {
        let page = self.store.rows(self.query.clone())?;
        self.done = page.len() < PAGE_ROWS as usize;
        if let Some(last) = page.last() {
            self.query.after = Some(last.owned_order());
        }
        self.page = page.into_iter();
        Ok(())
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<MonthSample>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.len() == 0
            && !self.done
            && let Err(error) = self.turn()
        {
            self.done = true;
            return Some(Err(MonthError::Store(error)));
        }
        self.page.next().map(Ok)
    }
}
