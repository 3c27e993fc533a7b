//! The month: samples in, figures and statements out, one province at a time.

use std::collections::HashMap;

use ispeed_protocol::cell::Cell;
use ispeed_protocol::{Month, UtcMicros};
use uuid::Uuid;

use crate::compute::devices::{DeviceKey, Distinct};
use crate::compute::row::{self, Marks, NONE};
use crate::compute::{Counters, Interner, PlaceInput, Row, Workbench, cells};
use crate::group::{Level, NATION, OperatorGroup};
use crate::history::History;
use crate::month::{COMMUNE_UNKNOWN, CommuneMonth, Exclusions, LATE, MonthError, NationMonth, ProvinceMonth};
use crate::place::Place;
use crate::sample::MonthSample;
use crate::settings::Settings;

/// Computes a month from a stream of samples. Memory: about 100 bytes a sample that is used, beside the figures of
/// one province.
///
/// ```text
/// let mut computer = MonthComputer::new(settings, month, places, history)?;
/// for province in computer.provinces() {
///     for sample in store.samples_of(province) { computer.push(&sample)?; }   // those without a commune before the first
///     let figures = computer.finish_province(&province)?;
/// }
/// let nation = computer.finish();
/// ```
pub struct MonthComputer {
    bench: Workbench,
    cut_off: UtcMicros,
    /// By province, then code.
    places: Vec<Place>,
    /// Place of each commune in `places`.
    index: HashMap<String, usize>,
    /// The next commune to be finished.
    next: usize,
    last: Option<(String, String, Uuid)>,
    devices: Interner<DeviceKey>,
    cells: Interner<Cell>,
    cell_of: Vec<Cell>,
    distinct: Distinct,
    /// Rows of the nation; the current province's begin at `province_start`, the current commune's at `commune_start`.
    rows: Vec<Row>,
    province_start: usize,
    commune_start: usize,
    commune: Tally,
    province: Tally,
    nation: Tally,
    unplaced: Exclusions,
    communes: Vec<CommuneMonth>,
    newest_received_at: Option<UtcMicros>,
}

/// What is counted of a place beside its rows.
#[derive(Debug, Default)]
struct Tally {
    counters: Counters,
    exclusions: Exclusions,
    /// A device number is missing: the commune is masked in the public set that is read.
    devices_missing: bool,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.counters.add(&other.counters);
        for (reason, count) in &other.exclusions {
            *self.exclusions.entry(reason.clone()).or_default() += count;
        }
    }

    fn exclude(&mut self, reasons: &[&str]) {
        for reason in reasons {
            // Almost always there: no text is copied then.
            match self.exclusions.get_mut(*reason) {
                Some(count) => *count += 1,
                None => {
                    self.exclusions.insert((*reason).to_owned(), 1);
                }
            }
        }
    }
}

impl MonthComputer {
    /// A computer of `month` over `places` (in any order). `history`: figures of earlier months, or [`History::default`].
    pub fn new(settings: Settings, month: Month, places: Vec<Place>, history: History) -> Result<Self, MonthError> {
        settings.check().map_err(MonthError::Settings)?;
        let mut places = places;
        places.sort_by(|a, b| (&a.province_code, &a.code).cmp(&(&b.province_code, &b.code)));
        let index: HashMap<String, usize> = places.iter().enumerate().map(|(at, p)| (p.code.clone(), at)).collect();
        if index.len() < places.len() {
            let twice = places.iter().enumerate().find(|(at, p)| index[&p.code] != *at).map(|(_, p)| p.code.clone());
            return Err(MonthError::PlaceTwice { code: twice.unwrap_or_default() });
        }
        Ok(Self {
            cut_off: settings.cut_off(month),
            bench: Workbench::new(settings, month, history),
            places,
            index,
            next: 0,
            last: None,
            devices: Interner::new(),
            cells: Interner::new(),
            cell_of: Vec::new(),
            distinct: Distinct::default(),
            rows: Vec::new(),
            province_start: 0,
            commune_start: 0,
            commune: Tally::default(),
            province: Tally::default(),
            nation: Tally::default(),
            unplaced: Exclusions::new(),
            communes: Vec::new(),
            newest_received_at: None,
        })
    }

    /// Codes of the provinces, in the order in which they are finished.
    pub fn provinces(&self) -> Vec<String> {
        self.places.chunk_by(|a, b| a.province_code == b.province_code).map(|p| p[0].province_code.clone()).collect()
    }

    /// Takes a sample, in the order of [`MonthSample::order`]. A sample whose commune is not in the table, or lies in
    /// another province there, is counted as excluded in the nation, under [`COMMUNE_UNKNOWN`].
    pub fn push(&mut self, sample: &MonthSample) -> Result<(), MonthError> {
        self.check_order(sample)?;
        self.newest_received_at = self.newest_received_at.max(Some(sample.received_at));
        let Some(place) = self.place_of(sample) else {
            self.push_unplaced(sample);
            return Ok(());
        };
        let province = self.places[place].province_code.as_str();
        let expected = self.places.get(self.next).map(|p| p.province_code.as_str());
        if place < self.next || expected != Some(province) {
            let (code, expected) = (province.to_owned(), expected.map(str::to_owned));
            return Err(MonthError::ProvinceOrder { code, expected });
        }
        while self.next < place {
            self.finish_commune()?;
        }
        let late = sample.received_at > self.cut_off;
        let marks = row::marks(sample, late);
        let count = self.commune.counters.at(row::operator_index(sample), row::technology_index(sample));
        count.samples += 1;
        count.late += u64::from(late || sample.reasons.iter().any(|reason| reason == LATE));
        count.installs += u64::from(sample.first_run);
        count.counted += u64::from(marks.has(Marks::COUNTED));
        if !marks.has(Marks::COUNTED) {
            self.commune.exclude(&reasons(sample, late));
        }
        if marks.has(Marks::ATTEMPT) {
            self.push_row(sample, marks)?;
        }
        Ok(())
    }

    fn check_order(&mut self, sample: &MonthSample) -> Result<(), MonthError> {
        let (id, month) = (sample.id, self.bench.month);
        if sample.month() != month {
            return Err(MonthError::WrongMonth { id, found: sample.month(), month });
        }
        let (province, commune, _) = sample.order();
        match &mut self.last {
            Some((p, c, i)) if (p.as_str(), c.as_str()) == (province, commune) => {
                if *i >= id {
                    return Err(MonthError::OutOfOrder { id });
                }
                *i = id;
            }
            Some((p, c, _)) if (p.as_str(), c.as_str()) > (province, commune) => {
                return Err(MonthError::OutOfOrder { id });
            }
            last => *last = Some((province.to_owned(), commune.to_owned(), id)),
        }
        Ok(())
    }

    fn place_of(&self, sample: &MonthSample) -> Option<usize> {
        let place = *self.index.get(sample.commune.as_deref()?)?;
        (Some(self.places[place].province_code.as_str()) == sample.province.as_deref()).then_some(place)
    }

    fn push_unplaced(&mut self, sample: &MonthSample) {
        let late = sample.received_at > self.cut_off;
        let count = self.nation.counters.at(row::operator_index(sample), row::technology_index(sample));
        count.samples += 1;
        count.late += u64::from(late || sample.reasons.iter().any(|reason| reason == LATE));
        count.installs += u64::from(sample.first_run);
        let mut reasons = reasons(sample, late);
        if sample.commune.is_some() || reasons.is_empty() {
            reasons.push(COMMUNE_UNKNOWN);
        }
        self.nation.exclude(&reasons);
        for reason in reasons {
            *self.unplaced.entry(reason.to_owned()).or_default() += 1;
        }
    }

    fn push_row(&mut self, sample: &MonthSample, marks: Marks) -> Result<(), MonthError> {
        let mut row = Row::of(sample, marks);
        if sample.device_id.is_empty() {
            self.commune.devices_missing = true;
        } else {
            row.device = self.devices.number(DeviceKey::of(&sample.device_id)).ok_or(MonthError::TooMany)?;
        }
        if let Some(cell) = sample.cell {
            row.cell = self.cells.number(cell).ok_or(MonthError::TooMany)?;
            if row.cell as usize == self.cell_of.len() {
                self.cell_of.push(cell);
            }
        }
        self.rows.push(row);
        Ok(())
    }

    /// Ends the commune that is next.
    fn finish_commune(&mut self) -> Result<(), MonthError> {
        let mut tally = std::mem::take(&mut self.commune);
        let rows = &mut self.rows[self.commune_start..];
        let settings = &self.bench.settings;
        let devices = self.distinct.of(rows.iter().filter(|row| row.counted()).map(|row| row.device));
        let devices_public = devices >= u64::from(settings.min_devices_public) && !tally.devices_missing;
        // Of a masked commune a reader cannot tell devices apart, so intervals of larger places take them for one.
        let pool =
            if devices_public || rows.is_empty() { NONE } else { self.devices.fresh().ok_or(MonthError::TooMany)? };
        for row in &mut *rows {
            row.cluster = if devices_public { row.device } else { pool };
            row.marks.set(Marks::MASKED, !devices_public);
        }
        let found = cells::find(rows, &self.cell_of, &self.bench.down_targets, &settings.cells, &mut self.distinct);
        let all = OperatorGroup::EACH.len();
        for weak in &found.weak {
            let at = OperatorGroup::EACH.iter().position(|o| *o == weak.evidence.operator).unwrap_or(all - 1);
            tally.counters.weak_cells[at] += 1;
        }
        tally.counters.weak_cells[all] = found.weak.chunk_by(|a, b| a.cell == b.cell).count() as u64;
        tally.counters.cell_attempts = found.attempts;
        let counted = tally.counters.group(None, None).counted;
        let quota = u64::from(settings.quota);
        tally.counters.missing = quota.saturating_sub(counted);
        tally.counters.communes = 1;
        tally.counters.communes_reached = u64::from(counted >= quota);
        let code = self.places[self.next].code.clone();
        let rows = &self.rows[self.commune_start..];
        let input = PlaceInput { level: Level::Commune, code: &code, rows, counters: &tally.counters };
        let out = self.bench.place(&input);
        self.province.add(&tally);
        self.communes.push(CommuneMonth {
            code,
            figures: out.figures,
            exclusions: tally.exclusions,
            devices_public,
            weak_cells: found.weak,
            sharing: found.sharing,
            targets: out.targets,
            rankings: out.rankings,
        });
        self.commune_start = self.rows.len();
        self.next += 1;
        Ok(())
    }

    /// Ends a province: each of [`Self::provinces`] in turn, also those without a sample, after its last sample and
    /// before the first one of the next.
    pub fn finish_province(&mut self, code: &str) -> Result<ProvinceMonth, MonthError> {
        let expected = self.places.get(self.next).map(|place| place.province_code.clone());
        if expected.as_deref() != Some(code) {
            return Err(MonthError::ProvinceOrder { code: code.to_owned(), expected });
        }
        while self.places.get(self.next).is_some_and(|place| place.province_code == code) {
            self.finish_commune()?;
        }
        let tally = std::mem::take(&mut self.province);
        let rows = &self.rows[self.province_start..];
        let out = self.bench.place(&PlaceInput { level: Level::Province, code, rows, counters: &tally.counters });
        self.nation.add(&tally);
        self.province_start = self.rows.len();
        Ok(ProvinceMonth {
            code: code.to_owned(),
            figures: out.figures,
            exclusions: tally.exclusions,
            targets: out.targets,
            rankings: out.rankings,
            communes: std::mem::take(&mut self.communes),
        })
    }

    /// Ends the month: what was finished of it.
    pub fn finish(self) -> NationMonth {
        let Self { mut bench, devices, cells, cell_of, distinct, rows, province_start, nation, .. } = self;
        // Rows hold numbers by now; the tables that gave them are a nation's largest but the rows, and its buffers are to come.
        drop((devices, cells, cell_of, distinct));
        let (rows, counters) = (&rows[..province_start], &nation.counters);
        let out = bench.place(&PlaceInput { level: Level::Nation, code: NATION, rows, counters });
        NationMonth {
            figures: out.figures,
            exclusions: nation.exclusions,
            unplaced: self.unplaced,
            targets: out.targets,
            rankings: out.rankings,
            newest_received_at: self.newest_received_at,
        }
    }
}

/// Why a sample does not count, each reason once.
fn reasons(sample: &MonthSample, late: bool) -> Vec<&str> {
    let mut reasons: Vec<&str> = sample.reasons.iter().map(String::as_str).collect();
    if late && !reasons.contains(&LATE) {
        reasons.push(LATE);
    }
    reasons
}
