//! The sealed table: the frozen set, what is public of it, every figure, the caps of a device.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use ispeed_protocol::{Day, UtcMicros};
use ispeed_report::group::NATION;
use ispeed_report::publicness::Difference;
use ispeed_report::{Figure, Level};
use ispeed_verdict::limits::{SPACING, SPACING_PER_DAY};

use super::figures::Comparison;
use super::{Basis, Report};
use crate::error::Result;
use crate::feed::Feed;
use crate::figures_csv::{FIGURES_FILE, FigureFile};
use crate::pass::{UNPLACED_ROWS, shown_cells, shows_devices};
use crate::rows::{PUBLIC_FILE, PublicRow, RowReader, SEALED_FILE, SealedRow};
use crate::set_hash::SetHash;

pub(super) fn check(folder: &Path, basis: &Basis, report: &mut Report) {
    if let Err(error) = walk(folder, basis, report) {
        report.refused.push(error.to_string());
    }
}

/// Every figure in every field.
fn any_difference(stated: &[Figure], recomputed: &[Figure]) -> Option<Difference> {
    let key = |figure: &Figure| (figure.group.clone(), figure.metric);
    let (mut left, mut right) = (stated.iter().peekable(), recomputed.iter().peekable());
    loop {
        let (published, recomputed) = match (left.peek(), right.peek()) {
            (None, None) => return None,
            (Some(a), Some(b)) if a == b => {
                left.next();
                right.next();
                continue;
            }
            (Some(a), Some(b)) if key(a) == key(b) => (Some(*a), Some(*b)),
            (Some(a), Some(b)) if key(a) < key(b) => (Some(*a), None),
            (Some(a), None) => (Some(*a), None),
            (_, Some(b)) => (None, Some(*b)),
        };
        return Some(Difference { published: published.cloned(), recomputed: recomputed.cloned() });
    }
}

struct Walk<'a> {
    basis: &'a Basis,
    cut_off: UtcMicros,
    set: SetHash,
    /// Numbers of devices, sealed to public and back.
    numbers: HashMap<String, String>,
    back: HashMap<String, String>,
    public: RowReader<PublicRow>,
    wrong: Vec<String>,
    /// The first device beyond the usual cap: whether its collector was set up so, nobody can tell from here.
    above_usual: Option<String>,
}

fn walk(folder: &Path, basis: &Basis, report: &mut Report) -> Result<()> {
    let month = report.manifest.month;
    let mut comparison = Comparison::new(FigureFile::open(folder)?, any_difference);
    let mut feed = Feed::new(basis.settings.clone(), month, basis.places.clone(), basis.history.clone())?;
    let mut walk = Walk {
        basis,
        cut_off: basis.settings.cut_off(month),
        set: SetHash::default(),
        numbers: HashMap::new(),
        back: HashMap::new(),
        public: RowReader::public(folder)?,
        wrong: Vec::new(),
        above_usual: None,
    };
    let mut held: Vec<SealedRow> = Vec::new();
    for row in RowReader::sealed(folder)? {
        let row = row?;
        let same = |first: &SealedRow| {
            first.sample.province == row.sample.province && first.sample.commune == row.sample.commune
        };
        let full = row.sample.commune.is_none() && held.len() >= UNPLACED_ROWS;
        if full || held.first().is_some_and(|first| !same(first)) {
            walk.place(&std::mem::take(&mut held))?;
        }
        feed.push(row.sample.clone(), &mut |province| comparison.province(&province))?;
        held.push(row);
    }
    walk.place(&held)?;
    let nation = feed.end(&mut |province| comparison.province(&province))?;
    if report.manifest.scope == NATION {
        comparison.place(Level::Nation, NATION, &nation.figures)?;
    }
    walk.end(report);
    let figures = comparison.figures;
    let found =
        comparison.end().map(|()| format!("all {figures} figures come out of {SEALED_FILE} as they are stated"));
    report.check(
        found.map_err(|cause| cause.replacen(FIGURES_FILE, &format!("{FIGURES_FILE} against {SEALED_FILE}"), 1)),
    );
    report.not_proven.retain(|text| !text.contains("only the sealed table gives them"));
    Ok(())
}

impl Walk<'_> {
    fn place(&mut self, rows: &[SealedRow]) -> Result<()> {
        let Some(first) = rows.first() else { return Ok(()) };
        let samples: Vec<_> = rows.iter().map(|row| row.sample.clone()).collect();
        let least = self.basis.settings.min_devices_public as usize;
        let known = first.sample.commune.as_ref().is_some_and(|code| {
            let found = self.basis.places.binary_search_by(|place| place.code.as_str().cmp(code));
            found.is_ok_and(|at| Some(self.basis.places[at].province_code.as_str()) == first.sample.province.as_deref())
        });
        let open = known && shows_devices(&samples, least);
        let cells = if open { shown_cells(&samples, least) } else { Default::default() };
        for row in rows {
            let Some(public) = self.public.next().transpose()? else {
                self.wrong.push(format!("{PUBLIC_FILE}: row {} of the sealed table is missing", row.row));
                return Ok(());
            };
            let device = self.device_of(&row.sample.device_id, public.device.as_deref());
            let cell = row.sample.cell.filter(|cell| cells.contains(cell));
            let late = row.sample.received_at > self.cut_off;
            let expected = PublicRow::of(&row.sample, row.row.clone(), open.then_some(device), cell, late);
            if expected != public {
                self.wrong.push(format!("{PUBLIC_FILE}: row {} does not show what the sealed table holds", public.row));
            }
        }
        self.caps(&samples);
        let mut by_id: Vec<_> = samples.iter().collect();
        by_id.sort_unstable_by_key(|sample| sample.id);
        by_id.into_iter().for_each(|sample| self.set.push(sample));
        Ok(())
    }

    /// The public number of a device: one for one.
    fn device_of(&mut self, sealed: &str, public: Option<&str>) -> String {
        let Some(public) = public else { return String::new() };
        let number = self.numbers.entry(sealed.to_owned()).or_insert_with(|| public.to_owned()).clone();
        let back = self.back.entry(public.to_owned()).or_insert_with(|| sealed.to_owned());
        if back == sealed { number } else { String::new() }
    }

    /// Counted samples of one device in one commune on one day.
    fn caps(&mut self, samples: &[ispeed_report::MonthSample]) {
        let mut days: BTreeMap<(&str, Day), u32> = BTreeMap::new();
        for sample in samples.iter().filter(|sample| sample.counts && sample.commune.is_some()) {
            *days.entry((&sample.device_id, Day::of(sample.started_at))).or_default() += 1;
        }
        let commune = samples.first().and_then(|sample| sample.commune.as_deref()).unwrap_or_default();
        for ((device, day), counted) in days.into_iter().filter(|(_, counted)| *counted > SPACING.per_day) {
            let found =
                format!("{SEALED_FILE}: device {device} has {counted} counted samples in commune {commune} on {day}");
            if counted > *SPACING_PER_DAY.end() {
                self.wrong.push(format!("{found}; no collector may count more than {}", SPACING_PER_DAY.end()));
            } else {
                self.above_usual.get_or_insert(found);
            }
        }
    }

    fn end(mut self, report: &mut Report) {
        if let Some(Ok(row)) = self.public.next() {
            self.wrong.push(format!("{PUBLIC_FILE}: row {} is not in the sealed table", row.row));
        }
        let (samples, set) = (self.set.samples(), self.set.finish());
        report.check(if set == report.manifest.inputs.set_sha256 {
            Ok(format!("the {samples} sealed samples are the frozen set"))
        } else {
            Err(format!(
                "{SEALED_FILE}: the hash of its samples is {set}, the manifest says {}",
                report.manifest.inputs.set_sha256
            ))
        });
        match self.wrong.into_iter().next() {
            None => report.proven.push("the public table shows of the sealed one what it may".into()),
            Some(first) => return report.refused.push(first),
        }
        match self.above_usual {
            None => report
                .proven
                .push(format!("no device has more than {} counted samples in a commune on a day", SPACING.per_day)),
            Some(found) => report.not_proven.push(format!(
                "{found}; {} is the usual cap: whether the collector had another one (`--spacing-per-day`)",
                SPACING.per_day
            )),
        }
    }
}
