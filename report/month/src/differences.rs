//! `differences.csv` of a revised month: samples that came, went or are judged otherwise, and every figure that changed, with why.
//!
//! A sample is named by its row number, never by id or device. Of samples that went from a place without device numbers only
//! their number is told: listed one by one they would be known to be one person's.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use ispeed_report::group::NATION;
use ispeed_report::{Figure, Level, MonthSample};

use crate::error::{MonthError, Result};
use crate::figures_csv::FigureFile;
use crate::keys::{MonthKey, Numbers};
use crate::ledger::ClosedRecord;
use crate::manifest::{self, MANIFEST_FILE, Manifest};
use crate::rows::{PublicRow, RowReader};
use crate::words::Word as _;

/// Its name in the folder.
pub(crate) const DIFFERENCES_FILE: &str = "differences.csv";
const HEADER: &str = "what,level,code,operator,technology,subject,before,after,why";
/// Code of what lies in no commune.
const NOWHERE: &str = "-";

/// How many samples of a place changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Tally {
    added: u64,
    removed: u64,
    changed: u64,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.added += other.added;
        self.removed += other.removed;
        self.changed += other.changed;
    }

    fn text(self) -> String {
        if self == Self::default() {
            return "no sample of it changed: other settings; table or program".into();
        }
        format!("samples: {} added; {} removed; {} judged otherwise", self.added, self.removed, self.changed)
    }
}

/// A row of the version before.
struct Old {
    commune: String,
    verdict: String,
    shown: bool,
}

/// Finds out, while the new version is made, which samples changed.
pub(crate) struct SampleChanges {
    folder: PathBuf,
    /// Why a sample of the version before is not in this one.
    gone: &'static str,
    numbers: Numbers,
    old: HashMap<String, Old>,
    lines: BTreeSet<String>,
    tallies: BTreeMap<String, Tally>,
}

fn verdict(counts: bool, reasons: &[String]) -> String {
    if counts { "counts".into() } else { reasons.join(" ") }
}

fn place(commune: Option<&str>) -> String {
    commune.unwrap_or(NOWHERE).to_owned()
}

impl SampleChanges {
    /// Reads the public table of the version before out of its folder.
    pub(crate) fn open(folder: Option<&Path>, before: &ClosedRecord) -> Result<Self> {
        let Some(folder) = folder else {
            return Err(MonthError::NeedsPrevious { month: before.month, version: before.version });
        };
        let (_, found) = manifest::read::<Manifest>(folder, MANIFEST_FILE)?;
        if found != before.manifest_sha256 {
            return Err(MonthError::OtherFolder {
                folder: folder.to_owned(),
                found,
                month: before.month,
                version: before.version,
                expected: before.manifest_sha256.clone(),
            });
        }
        let key = MonthKey::parse(&before.month_key)
            .ok_or_else(|| MonthError::Record { key: before.scope.clone(), cause: "its month key".into() })?;
        let mut old = HashMap::new();
        for row in RowReader::public(folder)? {
            let row = row?;
            let verdict = verdict(row.facts.counts, &row.facts.reasons);
            let shown = row.device.is_some();
            old.insert(row.row, Old { commune: place(row.commune.as_deref()), verdict, shown });
        }
        let (lines, tallies) = (BTreeSet::new(), BTreeMap::new());
        let gone = if before.scope == NATION { DELETED } else { DELETED_OR_ELSEWHERE };
        Ok(Self { folder: folder.to_owned(), gone, numbers: key.numbers(), old, lines, tallies })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A sample of the new version with its row.
    pub(crate) fn push(&mut self, sample: &MonthSample, row: &PublicRow) {
        let code = place(sample.commune.as_deref());
        let now = verdict(sample.counts, &sample.reasons);
        match self.old.remove(&self.numbers.row(sample.id)) {
            None => {
                let why = if row.late { "came in after the cut-off" } else { "came in after the month was closed" };
                self.line("sample_added", &code, &row.row, "", &now, why);
                self.tallies.entry(code).or_default().added += 1;
            }
            Some(old) if old.commune != code => {
                let (from, to) = (format!("{} {}", old.commune, old.verdict), format!("{code} {now}"));
                self.line("sample_changed", &code, &row.row, &from, &to, "placed otherwise");
                self.tallies.entry(code).or_default().added += 1;
                self.tallies.entry(old.commune).or_default().removed += 1;
            }
            Some(old) if old.verdict != now => {
                self.line("sample_changed", &code, &row.row, &old.verdict, &now, "judged otherwise");
                self.tallies.entry(code).or_default().changed += 1;
            }
            Some(_) => {}
        }
    }

    fn line(&mut self, what: &str, code: &str, subject: &str, before: &str, after: &str, why: &str) {
        self.lines.insert(format!("{what},commune,{code},,,{subject},{before},{after},{why}"));
    }

    /// What is left of the version before went.
    fn end(&mut self) {
        let mut hidden: BTreeMap<String, u64> = BTreeMap::new();
        for (row, old) in std::mem::take(&mut self.old) {
            self.tallies.entry(old.commune.clone()).or_default().removed += 1;
            if old.shown {
                self.line("sample_removed", &old.commune, &row, &old.verdict, "", self.gone);
            } else {
                *hidden.entry(old.commune).or_default() += 1;
            }
        }
        for (code, n) in hidden {
            self.line("samples_removed", &code, "", &n.to_string(), "", self.gone);
        }
    }
}

const DELETED: &str = "deleted by its owner";
/// The samples of a province are those placed in it; one that another boundary moved out is not among them either.
const DELETED_OR_ELSEWHERE: &str = "deleted by its owner or placed outside the province";

/// The list.
pub(crate) struct Differences {
    lines: Vec<String>,
}

impl Differences {
    /// `provinces`: the province of every commune.
    pub(crate) fn of(
        mut changes: SampleChanges,
        provinces: &BTreeMap<String, String>,
        before: &mut FigureFile,
        now: &mut FigureFile,
    ) -> Result<Self> {
        changes.end();
        let mut tallies: BTreeMap<(Level, String), Tally> = BTreeMap::new();
        for (code, tally) in &changes.tallies {
            let province = provinces.get(code).cloned().unwrap_or_default();
            for place in
                [(Level::Commune, code.clone()), (Level::Province, province), (Level::Nation, NATION.to_owned())]
            {
                tallies.entry(place).or_default().add(*tally);
            }
        }
        let mut lines: Vec<String> = changes.lines.into_iter().collect();
        let own = |(level, code): (Level, &str)| (level, code.to_owned());
        let places: BTreeSet<(Level, String)> = before.places().map(own).chain(now.places().map(own)).collect();
        for (level, code) in places {
            let why = tallies.get(&(level, code.clone())).copied().unwrap_or_default().text();
            let (old, new) = (before.of(level, &code)?, now.of(level, &code)?);
            lines.extend(figure_lines(&old, &new, &why));
        }
        Ok(Self { lines })
    }

    /// Differences.
    pub(crate) fn len(&self) -> u64 {
        self.lines.len() as u64
    }

    /// The file.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{HEADER}\n");
        for line in &self.lines {
            text += line;
            text.push('\n');
        }
        text
    }
}

/// Figures of one place that differ, in order.
fn figure_lines(old: &[Figure], new: &[Figure], why: &str) -> Vec<String> {
    let mut by_key: BTreeMap<_, [Option<&Figure>; 2]> = BTreeMap::new();
    for (at, figures) in [old, new].into_iter().enumerate() {
        for figure in figures {
            by_key.entry((&figure.group, figure.metric)).or_default()[at] = Some(figure);
        }
    }
    let differing = by_key.into_iter().filter(|(_, [old, new])| old != new);
    differing
        .map(|((group, metric), [old, new])| {
            format!(
                "figure,{},{},{},{},{},{},{},{why}",
                group.level.word(),
                group.code,
                group.operator.code(),
                group.technology.code(),
                metric.code(),
                told(old),
                told(new)
            )
        })
        .collect()
}

/// A figure in one field: `38.68 [37.68 39.68] n=300 devices=30`.
fn told(figure: Option<&Figure>) -> String {
    let Some(figure) = figure else { return String::new() };
    let value = figure.value.map_or_else(|| "none".to_owned(), |value| value.to_string());
    let interval = figure.interval.map_or_else(String::new, |[lo, hi]| format!(" [{lo} {hi}]"));
    let public = if figure.public { "" } else { " not public" };
    format!("{value}{interval} n={} devices={}{public}", figure.n, figure.devices)
}
