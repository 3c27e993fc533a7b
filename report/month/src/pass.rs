//! One walk over the frozen samples: set hash, public table, sealed table, figures.
//!
//! Samples come commune by commune. Those of one commune are held until all are there, since only then it is known whether it has
//! enough devices to show numbers and hours; then they are sorted by row number, which hides the order in which they were
//! measured, and handed on in that order.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use ispeed_protocol::cell::Cell;
use ispeed_protocol::{Month, UtcMicros};
use ispeed_report::{History, Metric, MonthSample, NationMonth, Place, ProvinceMonth, Settings};
use uuid::Uuid;

use crate::error::{MonthError, Result};
use crate::feed::Feed;
use crate::figures_csv::{self, FigureFile, FigureWriter};
use crate::keys::Numbers;
use crate::rows::{PublicRow, RowWriter};
use crate::set_hash::SetHash;

/// Samples outside every commune are handed on in groups of so many: they show neither device nor hour, and a nation may have
/// any number of them.
pub(crate) const UNPLACED_ROWS: usize = 32_768;

/// What a pass is told.
pub(crate) struct Order<'a> {
    pub(crate) month: Month,
    pub(crate) settings: &'a Settings,
    pub(crate) places: &'a [Place],
    pub(crate) history: History,
    pub(crate) numbers: Numbers,
    pub(crate) sealed: bool,
    pub(crate) folder: &'a Path,
}

/// What a pass found.
pub(crate) struct Found {
    pub(crate) set_sha256: String,
    pub(crate) samples: u64,
    pub(crate) counted: u64,
    pub(crate) made_up: u64,
    pub(crate) as_of: Option<UtcMicros>,
    pub(crate) rules: BTreeMap<u32, u64>,
    /// Without the figures of communes, which are in the file.
    pub(crate) provinces: Vec<ProvinceMonth>,
    pub(crate) nation: NationMonth,
    /// Lines of the mean downloads: what trends of later months rest on.
    pub(crate) means: String,
}

/// Called with every sample and its public row, in the order of the tables.
pub(crate) type OnRow<'a> = dyn FnMut(&MonthSample, &PublicRow) + 'a;

struct Pass<'a> {
    numbers: Numbers,
    min_devices: usize,
    cut_off: UtcMicros,
    /// Province of each commune.
    communes: BTreeMap<&'a str, &'a str>,
    feed: Feed,
    public: RowWriter,
    sealed: Option<RowWriter>,
    figures: FigureWriter,
    set: SetHash,
    counted: u64,
    made_up: u64,
    as_of: Option<UtcMicros>,
    rules: BTreeMap<u32, u64>,
    provinces: Vec<ProvinceMonth>,
    means: String,
}

/// Walks over `samples`, which come in [`MonthSample::order`], and writes tables and figures into the folder; the figures' file
/// is handed back open.
pub(crate) fn run(
    order: Order<'_>,
    nation: bool,
    samples: impl Iterator<Item = Result<MonthSample>>,
    on_row: &mut OnRow<'_>,
) -> Result<(Found, FigureFile)> {
    let sealed = order.sealed.then(|| RowWriter::sealed(order.folder)).transpose()?;
    let mut pass = Pass {
        numbers: order.numbers,
        min_devices: order.settings.min_devices_public as usize,
        cut_off: order.settings.cut_off(order.month),
        communes: order.places.iter().map(|place| (place.code.as_str(), place.province_code.as_str())).collect(),
        feed: Feed::new(order.settings.clone(), order.month, order.places.to_vec(), order.history)?,
        public: RowWriter::public(order.folder)?,
        sealed,
        figures: FigureWriter::create(order.folder)?,
        set: SetHash::default(),
        counted: 0,
        made_up: 0,
        as_of: None,
        rules: BTreeMap::new(),
        provinces: Vec::new(),
        means: String::new(),
    };
    let mut held: Vec<MonthSample> = Vec::new();
    let mut last: Option<(String, String, Uuid)> = None;
    for sample in samples {
        let sample = sample?;
        check_order(&mut last, &sample)?;
        let full = sample.commune.is_none() && held.len() >= UNPLACED_ROWS;
        if full || held.first().is_some_and(|first| !same_place(first, &sample)) {
            pass.place(std::mem::take(&mut held), on_row)?;
        }
        pass.note(&sample);
        held.push(sample);
    }
    pass.place(held, on_row)?;
    pass.end(nation)
}

fn same_place(a: &MonthSample, b: &MonthSample) -> bool {
    a.province == b.province && a.commune == b.commune
}

fn check_order(last: &mut Option<(String, String, Uuid)>, sample: &MonthSample) -> Result<()> {
    let (province, commune, id) = sample.order();
    if let Some((last_province, last_commune, last_id)) = last
        && (last_province.as_str(), last_commune.as_str(), *last_id) >= (province, commune, id)
    {
        return Err(MonthError::OutOfOrder(id));
    }
    *last = Some((province.to_owned(), commune.to_owned(), id));
    Ok(())
}

/// Whether a commune has so many devices among its counted samples that it may show their numbers and hours.
pub(crate) fn shows_devices(samples: &[MonthSample], least: usize) -> bool {
    let counted: HashSet<&str> = samples.iter().filter(|s| s.counts).map(|s| s.device_id.as_str()).collect();
    counted.len() >= least
}

/// Cells in which at least `least` devices measured.
pub(crate) fn shown_cells(samples: &[MonthSample], least: usize) -> HashSet<Cell> {
    let mut devices: HashMap<Cell, HashSet<&str>> = HashMap::new();
    for sample in samples {
        if let Some(cell) = sample.cell {
            devices.entry(cell).or_default().insert(&sample.device_id);
        }
    }
    devices.into_iter().filter(|(_, devices)| devices.len() >= least).map(|(cell, _)| cell).collect()
}

impl Pass<'_> {
    /// In the order of the store.
    fn note(&mut self, sample: &MonthSample) {
        self.set.push(sample);
        self.counted += u64::from(sample.counts);
        self.made_up += u64::from(sample.simulated || sample.synthetic);
        self.as_of = self.as_of.max(Some(sample.received_at));
        *self.rules.entry(sample.rules).or_default() += 1;
    }

    /// All samples of one commune, or some that lie in none.
    fn place(&mut self, samples: Vec<MonthSample>, on_row: &mut OnRow<'_>) -> Result<()> {
        let Some(first) = samples.first() else { return Ok(()) };
        let province = first.commune.as_deref().and_then(|code| self.communes.get(code).copied());
        let known = province.is_some() && province == first.province.as_deref();
        let open = known && shows_devices(&samples, self.min_devices);
        let cells = if open { shown_cells(&samples, self.min_devices) } else { HashSet::new() };
        let mut rows: Vec<(String, MonthSample)> =
            samples.into_iter().map(|sample| (self.numbers.row(sample.id), sample)).collect();
        rows.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        for (row, mut sample) in rows {
            if let Some(sealed) = &mut self.sealed {
                sealed.write_sealed(&row, &self.numbers.sealed_device(&sample.device_id), &sample)?;
            }
            let device = self.numbers.public_device(&sample.device_id);
            let cell = sample.cell.filter(|cell| cells.contains(cell));
            let late = sample.received_at > self.cut_off;
            let public = PublicRow::of(&sample, row, open.then(|| device.clone()), cell, late);
            self.public.write_public(&public)?;
            on_row(&sample, &public);
            sample.device_id = device;
            let (figures, means, provinces) = (&mut self.figures, &mut self.means, &mut self.provinces);
            self.feed.push(sample, &mut |province| keep(province, figures, means, provinces))?;
        }
        Ok(())
    }

    fn end(mut self, nation: bool) -> Result<(Found, FigureFile)> {
        let (figures, means, provinces) = (&mut self.figures, &mut self.means, &mut self.provinces);
        let month = self.feed.end(&mut |province| keep(province, figures, means, provinces))?;
        let of_nation = if nation { month.figures.as_slice() } else { &[] };
        note_means(of_nation, means);
        let file = self.figures.finish(of_nation)?;
        self.public.finish()?;
        self.sealed.map(RowWriter::finish).transpose()?;
        let found = Found {
            samples: self.set.samples(),
            set_sha256: self.set.finish(),
            counted: self.counted,
            made_up: self.made_up,
            as_of: self.as_of,
            rules: self.rules,
            provinces: self.provinces,
            nation: month,
            means: self.means,
        };
        Ok((found, file))
    }
}

fn keep(
    mut province: ProvinceMonth,
    figures: &mut FigureWriter,
    means: &mut String,
    provinces: &mut Vec<ProvinceMonth>,
) -> Result<()> {
    figures.province(&province.code, &province.figures);
    note_means(&province.figures, means);
    for commune in &mut province.communes {
        // They are read again, a province at a time, for its documents: all of them at once are 200 MB.
        let of_commune = std::mem::take(&mut commune.figures);
        figures.commune(&commune.code, &of_commune)?;
        note_means(&of_commune, means);
    }
    provinces.push(province);
    Ok(())
}

fn note_means(figures: &[ispeed_report::Figure], means: &mut String) {
    for figure in figures.iter().filter(|figure| figure.metric == Metric::DownMean && figure.value.is_some()) {
        means.push_str(&figures_csv::line(figure));
        means.push('\n');
    }
}
