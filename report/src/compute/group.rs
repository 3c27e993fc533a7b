//! The figures of one group.

use ispeed_protocol::device::MeasurerKind;

use super::counters::Count;
use super::devices::Distinct;
use super::row::{Marks, Row};
use crate::figure::{Decimal, Figure};
use crate::group::{Group, TechnologyGroup};
use crate::metric::Metric;
use crate::publicness;
use crate::settings::Settings;
use crate::stats::{self, Clustered, Counts, Mean};

/// Buffers that are used for one group after the other.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    values: Clustered,
    distinct: Distinct,
    clusters: Vec<Counts>,
    numbers: super::devices::Distinct,
}

/// A value of a row; NaN where it has none.
type Value = fn(&Row) -> f64;

/// A mean with what a comparison needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GroupMean {
    pub(crate) metric: Metric,
    pub(crate) mean: Mean,
    pub(crate) n: u64,
}

/// Collects the figures of a group.
pub(crate) struct Sheet<'a> {
    pub(crate) group: &'a Group,
    /// Every device of the group's counted samples and failed attempts is shown in the public set.
    pub(crate) devices_shown: bool,
    /// The group is the whole place: figures without a value are kept.
    pub(crate) whole: bool,
    pub(crate) out: &'a mut Vec<Figure>,
}

impl Sheet<'_> {
    pub(crate) fn put(&mut self, metric: Metric, value: Option<f64>, interval: Option<[f64; 2]>, n: u64, devices: u64) {
        let value = value.and_then(|v| Decimal::round(v, metric.decimals()));
        if value.is_none() && !self.whole {
            return;
        }
        let round = |v: f64| Decimal::round(v, metric.decimals());
        let interval = interval.and_then(|[low, high]| Some([round(low)?, round(high)?])).filter(|_| value.is_some());
        let public = publicness::is_public(metric, self.devices_shown);
        self.out.push(Figure { group: self.group.clone(), metric, value, interval, n, devices, public });
    }

    pub(crate) fn count(&mut self, metric: Metric, count: u64, n: u64, devices: u64) {
        self.put(metric, Some(count as f64), None, n, devices);
    }
}

/// Rows of a group: numbers of places in `rows`.
pub(crate) struct Selection<'a> {
    pub(crate) rows: &'a [Row],
    pub(crate) chosen: &'a [u32],
}

impl<'a> Selection<'a> {
    fn all(&self) -> impl Iterator<Item = &'a Row> + '_ {
        self.chosen.iter().map(|at| &self.rows[*at as usize])
    }

    fn counted(&self) -> impl Iterator<Item = &'a Row> + '_ {
        self.all().filter(|row| row.counted())
    }
}

/// Every figure of a group that is made of rows; gives back the means that operators are compared by, and the devices
/// of the counted samples.
pub(crate) fn figures(
    sheet: &mut Sheet<'_>,
    rows: &Selection<'_>,
    count: Count,
    settings: &Settings,
    floors: &[Option<f64>; TechnologyGroup::EACH.len()],
    buffers: &mut Buffers,
) -> (Vec<GroupMean>, u64) {
    let devices = counts(sheet, rows, count, buffers);
    let min = settings.min_devices_interval as usize;
    let down: Value = |row| row.down_bps / 1e6;
    let up: Value = |row| row.up_bps / 1e6;
    let shares = [(Metric::DownMedian, 0.5), (Metric::DownP10, 0.1), (Metric::DownP90, 0.9)];
    quantiles(sheet, rows, &shares, down, min, buffers);
    let filled = above_floor(sheet, rows, floors, min, buffers);
    let down_mean = mean(sheet, rows, (Metric::DownMean, down), filled, min, buffers);
    without_operators(sheet, rows, down_mean.as_ref(), min, buffers);
    let shares = [(Metric::UpMedian, 0.5), (Metric::UpP10, 0.1), (Metric::UpP90, 0.9)];
    quantiles(sheet, rows, &shares, up, min, buffers);
    let up_mean = mean(sheet, rows, (Metric::UpMean, up), true, min, buffers);
    let latencies: [(Metric, Value); 4] = [
        (Metric::IdleLatency, |row| row.idle_ms),
        (Metric::LoadedDownLatency, |row| row.loaded_down_ms),
        (Metric::LoadedUpLatency, |row| row.loaded_up_ms),
        (Metric::Pdv, |row| row.pdv_ms),
    ];
    for (metric, value) in latencies {
        quantiles(sheet, rows, &[(metric, 0.5)], value, min, buffers);
    }
    pooled(sheet, rows, Metric::Loss, min, buffers, |row| {
        row.counted().then_some((u64::from(row.echo_sent), u64::from(row.echo_lost)))
    });
    pooled(sheet, rows, Metric::Failed, min, buffers, |row| {
        row.marks.has(Marks::ATTEMPT).then_some((1, u64::from(row.marks.has(Marks::FAILED))))
    });
    measurers(sheet, rows, devices);
    (down_mean.into_iter().chain(up_mean).map(|(mean, _)| mean).collect(), devices)
}

/// Counts; gives back the devices of the counted samples.
fn counts(sheet: &mut Sheet<'_>, rows: &Selection<'_>, count: Count, buffers: &mut Buffers) -> u64 {
    let n = count.counted;
    let devices = buffers.distinct.of(rows.counted().map(|row| row.device));
    let busiest = buffers.distinct.most();
    let cells = buffers.numbers.of(rows.counted().map(|row| row.cell));
    let days = rows.counted().fold(0u32, |days, row| days | 1 << (row.day & 31)).count_ones();
    sheet.count(Metric::Samples, count.samples, count.samples, devices);
    sheet.count(Metric::Counted, n, n, devices);
    sheet.count(Metric::Excluded, count.samples - n, count.samples, devices);
    sheet.count(Metric::Late, count.late, count.samples, devices);
    sheet.count(Metric::Devices, devices, n, devices);
    sheet.count(Metric::Cells, cells, n, devices);
    sheet.count(Metric::Days, u64::from(days), n, devices);
    let top = (n > 0 && busiest > 0).then(|| 100.0 * busiest as f64 / n as f64);
    sheet.put(Metric::TopDeviceShare, top, None, n, devices);
    devices
}

/// The mean of the values that [`quantiles`] was called with just before: where none is capped they are sorted
/// already. Gives back the devices too.
fn mean(
    sheet: &mut Sheet<'_>,
    rows: &Selection<'_>,
    (metric, value): (Metric, Value),
    filled: bool,
    min: usize,
    buffers: &mut Buffers,
) -> Option<(GroupMean, u64)> {
    let whole = |row: &&Row| !row.marks.has(Marks::CAPPED);
    let values = || rows.counted().filter(whole).map(|row| (row, value(row)));
    if !filled || rows.counted().any(|row| row.marks.has(Marks::CAPPED)) {
        buffers.values.fill(values().map(|(row, value)| (value, row.cluster)));
    }
    let devices = buffers.distinct.of(values().filter(|(_, value)| value.is_finite()).map(|(row, _)| row.device));
    let found = buffers.values.mean(min).map(|mean| GroupMean { metric, mean, n: buffers.values.n() as u64 });
    put_mean(sheet, metric, found.as_ref(), devices);
    found.map(|mean| (mean, devices))
}

fn put_mean(sheet: &mut Sheet<'_>, metric: Metric, mean: Option<&GroupMean>, devices: u64) {
    let estimate = mean.map(|m| m.mean.estimate);
    let (value, interval) = (estimate.map(|e| e.value), estimate.and_then(|e| e.interval));
    sheet.put(metric, value, interval, mean.map_or(0, |m| m.n), devices);
}

/// The mean download without operators' staff; where none of them measured it is the mean download.
fn without_operators(
    sheet: &mut Sheet<'_>,
    rows: &Selection<'_>,
    all: Option<&(GroupMean, u64)>,
    min: usize,
    buffers: &mut Buffers,
) {
    let metric = Metric::DownMeanWithoutOperators;
    if rows.counted().all(|row| row.measurer != MeasurerKind::Operator) {
        return put_mean(sheet, metric, all.map(|(mean, _)| mean), all.map_or(0, |(_, devices)| *devices));
    }
    let others = |row: &&Row| row.measurer != MeasurerKind::Operator && !row.marks.has(Marks::CAPPED);
    buffers.values.fill(rows.counted().filter(others).map(|row| (row.down_bps / 1e6, row.cluster)));
    let finite = |row: &&Row| others(row) && row.down_bps.is_finite();
    let devices = buffers.distinct.of(rows.counted().filter(finite).map(|row| row.device));
    let found = buffers.values.mean(min).map(|mean| GroupMean { metric, mean, n: buffers.values.n() as u64 });
    put_mean(sheet, metric, found.as_ref(), devices);
}

fn quantiles(
    sheet: &mut Sheet<'_>,
    rows: &Selection<'_>,
    metrics: &[(Metric, f64)],
    value: Value,
    min: usize,
    buffers: &mut Buffers,
) {
    buffers.values.fill(rows.counted().map(|row| (value(row), row.cluster)));
    let devices = buffers.distinct.of(rows.counted().filter(|row| value(row).is_finite()).map(|row| row.device));
    for (metric, share) in metrics {
        let estimate = buffers.values.quantile(*share, min);
        let n = buffers.values.n() as u64;
        sheet.put(*metric, estimate.map(|e| e.value), estimate.and_then(|e| e.interval), n, devices);
    }
}

/// Each sample against the floor of its own technology; technologies without one are left out. Called just after
/// [`quantiles`] of the download: within one technology its values are those. Says whether the buffer still holds them.
fn above_floor(
    sheet: &mut Sheet<'_>,
    rows: &Selection<'_>,
    floors: &[Option<f64>; TechnologyGroup::EACH.len()],
    min: usize,
    buffers: &mut Buffers,
) -> bool {
    let floor_of = |row: &Row| floors[row.technology()];
    let technology = TechnologyGroup::EACH.iter().position(|t| *t == sheet.group.technology);
    let floor = match technology.map(|at| floors[at]) {
        Some(floor) => floor.map(|floor| floor / 1e6),
        None => {
            let ratio = |row: &Row| floor_of(row).map_or(f64::NAN, |floor| row.down_bps / floor);
            buffers.values.fill(rows.counted().map(|row| (ratio(row), row.cluster)));
            Some(1.0)
        }
    };
    let estimate = floor.and_then(|floor| buffers.values.share_reaching(floor, min));
    let n = if floor.is_some() { buffers.values.n() as u64 } else { 0 };
    let placed = |row: &&Row| floor_of(row).is_some() && row.down_bps.is_finite();
    let devices = buffers.distinct.of(rows.counted().filter(placed).map(|row| row.device));
    let percent = |share: f64| 100.0 * share;
    let interval = estimate.and_then(|e| e.interval).map(|bounds| bounds.map(percent));
    sheet.put(Metric::AboveFloor, estimate.map(|e| percent(e.value)), interval, n, devices);
    technology.is_some()
}

fn pooled(
    sheet: &mut Sheet<'_>,
    rows: &Selection<'_>,
    metric: Metric,
    min: usize,
    buffers: &mut Buffers,
    counts: impl Fn(&Row) -> Option<(u64, u64)>,
) {
    let used = || rows.all().filter_map(|row| counts(row).filter(|(all, _)| *all > 0).map(|c| (row, c)));
    let devices = buffers.distinct.of(used().map(|(row, _)| row.device));
    let Buffers { clusters, numbers, .. } = buffers;
    clusters.clear();
    numbers.begin();
    let mut all_of_all = 0;
    for (row, (all, hits)) in used() {
        let at = numbers.place(row.cluster) as usize;
        if at == clusters.len() {
            clusters.push(Counts::default());
        }
        clusters[at].all += all;
        clusters[at].hits += hits;
        all_of_all += all;
    }
    let estimate = stats::share(clusters, min);
    let percent = |share: f64| 100.0 * share;
    let interval = estimate.and_then(|e| e.interval).map(|bounds| bounds.map(percent));
    sheet.put(metric, estimate.map(|e| percent(e.value)), interval, all_of_all, devices);
}

fn measurers(sheet: &mut Sheet<'_>, rows: &Selection<'_>, devices: u64) {
    let kinds = [
        (Metric::ByCitizens, MeasurerKind::Citizen),
        (Metric::ByOfficials, MeasurerKind::Official),
        (Metric::ByOperators, MeasurerKind::Operator),
        (Metric::ByProbes, MeasurerKind::Probe),
    ];
    let n = rows.counted().count() as u64;
    for (metric, kind) in kinds {
        sheet.count(metric, rows.counted().filter(|row| row.measurer == kind).count() as u64, n, devices);
    }
}
