//! Every figure marked public, computed again from the public table.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;

use ispeed_protocol::cell::Cell;
use ispeed_report::group::NATION;
use ispeed_report::publicness::{self, Difference};
use ispeed_report::{Figure, Group, Level, Metric, ProvinceMonth};

use super::{Basis, Report};
use crate::error::Result;
use crate::feed::Feed;
use crate::figures_csv::{FIGURES_FILE, FigureFile, line};
use crate::rows::{PUBLIC_FILE, PublicRow, RowReader};

/// How stated and recomputed figures of one place are compared.
pub(super) type Compare = fn(&[Figure], &[Figure]) -> Option<Difference>;

/// Compares figures place by place as they are recomputed, and keeps the difference that comes first in the file.
pub(super) struct Comparison {
    stated: FigureFile,
    compare: Compare,
    left: BTreeSet<(Level, String)>,
    first: Option<((Group, Metric), Difference)>,
    pub(super) figures: u64,
    pub(super) public: u64,
}

impl Comparison {
    pub(super) fn new(stated: FigureFile, compare: Compare) -> Self {
        let left = stated.places().map(|(level, code)| (level, code.to_owned())).collect();
        Self { stated, compare, left, first: None, figures: 0, public: 0 }
    }

    pub(super) fn place(&mut self, level: Level, code: &str, recomputed: &[Figure]) -> Result<()> {
        self.left.remove(&(level, code.to_owned()));
        let stated = self.stated.of(level, code)?;
        self.figures += stated.len() as u64;
        self.public += stated.iter().filter(|figure| figure.public).count() as u64;
        if let Some(difference) = (self.compare)(&stated, recomputed)
            && let Some(figure) = difference.published.as_ref().or(difference.recomputed.as_ref())
        {
            let key = (figure.group.clone(), figure.metric);
            if self.first.as_ref().is_none_or(|(first, _)| key < *first) {
                self.first = Some((key, difference));
            }
        }
        Ok(())
    }

    pub(super) fn province(&mut self, province: &ProvinceMonth) -> Result<()> {
        self.place(Level::Province, &province.code, &province.figures)?;
        province.communes.iter().try_for_each(|c| self.place(Level::Commune, &c.code, &c.figures))
    }

    /// The first difference in words, or none.
    pub(super) fn end(self) -> std::result::Result<(), String> {
        if let Some((level, code)) = self.left.first() {
            return Err(format!("{FIGURES_FILE}: {level:?} {code} is not a place of the month"));
        }
        let Some(((group, metric), difference)) = self.first else { return Ok(()) };
        Err(format!(
            "{FIGURES_FILE}: {} {metric} is the first figure that differs: stated {}, recomputed {}",
            group,
            told(difference.published.as_ref()),
            told(difference.recomputed.as_ref())
        ))
    }
}

/// The fields after the metric, as they stand in the file.
fn told(figure: Option<&Figure>) -> String {
    let Some(figure) = figure else { return "nothing".into() };
    let text = line(figure);
    let fields: Vec<&str> = text.splitn(6, ',').collect();
    fields.last().map_or_else(String::new, |rest| format!("({rest})"))
}

pub(super) fn check(folder: &Path, basis: &Basis, report: &mut Report) {
    match recompute(folder, basis, report) {
        Ok(()) => {}
        Err(error) => report.refused.push(error.to_string()),
    }
}

fn recompute(folder: &Path, basis: &Basis, report: &mut Report) -> Result<()> {
    let month = report.manifest.month;
    let cut_off = basis.settings.cut_off(month);
    let mut comparison = Comparison::new(FigureFile::open(folder)?, publicness::first_difference);
    let mut feed = Feed::new(basis.settings.clone(), month, basis.places.clone(), basis.history.clone())?;
    let mut shown = Shown::new(basis.settings.min_devices_public as usize);
    let (mut rows, mut counted) = (0, 0);
    for row in RowReader::public(folder)? {
        let row = row?;
        rows += 1;
        counted += u64::from(row.facts.counts);
        shown.push(&row, report);
        feed.push(row.to_sample(rows, cut_off), &mut |province| comparison.province(&province))?;
    }
    shown.end(report);
    let nation = feed.end(&mut |province| comparison.province(&province))?;
    if report.manifest.scope == NATION {
        comparison.place(Level::Nation, NATION, &nation.figures)?;
    }
    let inputs = &report.manifest.inputs;
    let stated = (inputs.samples, inputs.counted);
    report.check(if stated == (rows, counted) {
        Ok(format!("{rows} samples, of which {counted} count"))
    } else {
        Err(format!(
            "{PUBLIC_FILE}: it has {rows} samples of which {counted} count, the manifest says {} and {}",
            stated.0, stated.1
        ))
    });
    (report.figures, report.public_figures) = (comparison.figures, comparison.public);
    let (figures, public) = (comparison.figures, comparison.public);
    report.check(
        comparison.end().map(|()| format!("{public} public figures come out of {PUBLIC_FILE} as they are stated")),
    );
    if figures > public {
        let text = format!("{} figures that are not public: only the sealed table gives them", figures - public);
        report.not_proven.push(text);
    }
    Ok(())
}

/// Whether rows show more than they may: devices and hours where there are few devices, cells where few measured.
struct Shown {
    least: usize,
    place: (Option<String>, Option<String>),
    devices: HashSet<String>,
    numbered: bool,
    cells: HashMap<Cell, HashSet<String>>,
    last_row: String,
    told: bool,
}

impl Shown {
    fn new(least: usize) -> Self {
        Self {
            least,
            place: (None, None),
            devices: HashSet::new(),
            numbered: false,
            cells: HashMap::new(),
            last_row: String::new(),
            told: false,
        }
    }

    fn push(&mut self, row: &PublicRow, report: &mut Report) {
        if (&self.place.0, &self.place.1) != (&row.province, &row.commune) {
            self.end(report);
            self.place = (row.province.clone(), row.commune.clone());
        }
        if row.commune.is_some() && row.row <= self.last_row {
            self.tell(report, &format!("row {} is out of order or stands twice", row.row));
        }
        self.last_row.clone_from(&row.row);
        if let Some(device) = &row.device {
            self.numbered = true;
            if row.facts.counts {
                self.devices.insert(device.clone());
            }
            if let Some(cell) = row.cell {
                self.cells.entry(cell).or_default().insert(device.clone());
            }
        } else if row.hour.is_some() || row.cell.is_some() {
            self.tell(report, &format!("row {} shows hour or cell without a device number", row.row));
        }
    }

    /// At the end of a place.
    fn end(&mut self, report: &mut Report) {
        let place = self.place.1.clone().unwrap_or_else(|| "no commune".into());
        if self.numbered && self.devices.len() < self.least {
            self.tell(
                report,
                &format!("{place}: shows numbers of {} devices; expected at least {}", self.devices.len(), self.least),
            );
        }
        let few = self.cells.iter().filter(|(_, devices)| devices.len() < self.least).map(|(cell, _)| *cell).min();
        if let Some(cell) = few {
            self.tell(report, &format!("{place}: shows cell {cell} with fewer than {} devices", self.least));
        }
        self.devices.clear();
        self.cells.clear();
        self.numbered = false;
        self.last_row.clear();
    }

    /// Once is enough.
    fn tell(&mut self, report: &mut Report, text: &str) {
        if !self.told {
            report.refused.push(format!("{PUBLIC_FILE}: {text}"));
        }
        self.told = true;
    }
}
