//! One walk over the frozen samples: set hash, public table, sealed table, figures.
//!
//! Samples come commune by commune. Those of one commune are held until all are there, since only then it is known whether it has
//! enough devices to show numbers and hours; then they are sorted by row number, which hides the order in which they were
//! measured, and handed on in that order.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};

use ispeed_protocol::cell::Cell;
use ispeed_protocol::{Month, UtcMicros};
use ispeed_report::{History, MonthSample, NationMonth, Place, ProvinceMonth, Settings};
use uuid::Uuid;

use crate::computing::Computing;
use crate::error::{MonthError, Result};
use crate::feed::Feed;
use crate::figures_csv::{FigureFile, FigureWriter};
use crate::keys::Numbers;
use crate::rows::{PublicRow, RowWriter};
use crate::set_hash::SetHash;

/// Samples outside every commune are handed on in groups of so many: they show neither device nor hour, and a nation may have
/// any number of them.
pub(crate) const UNPLACED_ROWS: usize = 8_192;
/// Communes that wait for the thread that computes.
const PLACES_AHEAD: usize = 4;

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
    public: RowWriter,
    sealed: Option<RowWriter>,
    /// To the thread that computes.
    places: SyncSender<Vec<MonthSample>>,
    set: SetHash,
    counted: u64,
    made_up: u64,
    as_of: Option<UtcMicros>,
    rules: BTreeMap<u32, u64>,
}

/// Walks over `samples`, which come in [`MonthSample::order`], and writes tables and figures into the folder; the figures' file
/// is handed back open.
pub(crate) fn run(
    order: Order<'_>,
    nation: bool,
    samples: impl Iterator<Item = Result<MonthSample>>,
    on_row: &mut OnRow<'_>,
) -> Result<(Found, FigureFile)> {
    let feed = Feed::new(order.settings.clone(), order.month, order.places.to_vec(), order.history)?;
    let computing = Computing::new(feed, FigureWriter::create(order.folder)?);
    let (send, receive) = sync_channel(PLACES_AHEAD);
    let pass = Pass {
        numbers: order.numbers,
        min_devices: order.settings.min_devices_public as usize,
        cut_off: order.settings.cut_off(order.month),
        communes: order.places.iter().map(|place| (place.code.as_str(), place.province_code.as_str())).collect(),
        public: RowWriter::public(order.folder)?,
        sealed: order.sealed.then(|| RowWriter::sealed(order.folder)).transpose()?,
        places: send,
        set: SetHash::default(),
        counted: 0,
        made_up: 0,
        as_of: None,
        rules: BTreeMap::new(),
    };
    std::thread::scope(|scope| {
        let computer = scope.spawn(move || computing.run(receive, nation));
        let walked = pass.walk(samples, on_row);
        let computed = computer.join().unwrap_or_else(|_| Err(MonthError::Panicked));
        // When the computer gave up, the walk only knows that nobody takes what it sends.
        let (walked, computed) = match (walked, computed) {
            (Err(MonthError::Panicked), Err(error)) | (Err(error), _) | (_, Err(error)) => return Err(error),
            (Ok(walked), Ok(computed)) => (walked, computed),
        };
        Ok((walked.with(computed.provinces, computed.nation, computed.means), computed.file))
    })
}

/// What the walk found, before the figures are known.
struct Walked {
    set: SetHash,
    counted: u64,
    made_up: u64,
    as_of: Option<UtcMicros>,
    rules: BTreeMap<u32, u64>,
}

impl Walked {
    fn with(self, provinces: Vec<ProvinceMonth>, nation: NationMonth, means: String) -> Found {
        Found {
            samples: self.set.samples(),
            set_sha256: self.set.finish(),
            counted: self.counted,
            made_up: self.made_up,
            as_of: self.as_of,
            rules: self.rules,
            provinces,
            nation,
            means,
        }
    }
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
    *last = Some(sample.owned_order());
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
    fn walk(mut self, samples: impl Iterator<Item = Result<MonthSample>>, on_row: &mut OnRow<'_>) -> Result<Walked> {
        let mut held: Vec<MonthSample> = Vec::new();
        let mut last: Option<(String, String, Uuid)> = None;
        for sample in samples {
            let sample = sample?;
            check_order(&mut last, &sample)?;
            let full = sample.commune.is_none() && held.len() >= UNPLACED_ROWS;
            if full || held.first().is_some_and(|first| !same_place(first, &sample)) {
                self.place(std::mem::take(&mut held), on_row)?;
            }
            self.note(&sample);
            held.push(sample);
        }
        self.place(held, on_row)?;
        self.public.finish()?;
        self.sealed.map(RowWriter::finish).transpose()?;
        let Self { set, counted, made_up, as_of, rules, .. } = self;
        Ok(Walked { set, counted, made_up, as_of, rules })
    }

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
        let mut numbered = Vec::with_capacity(rows.len());
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
            numbered.push(sample);
        }
        self.places.send(numbered).map_err(|_| MonthError::Panicked)
    }
}
