//! All groups of a place: its figures, targets and rankings.

use ispeed_protocol::Month;

use super::counters::Counters;
use super::group::{Buffers, GroupMean, Selection, Sheet, figures};
use super::row::{Marks, Row};
use crate::figure::Figure;
use crate::figures::Figures;
use crate::group::{Group, Level, OperatorGroup, TechnologyGroup};
use crate::history::History;
use crate::metric::Metric;
use crate::ranking::{self, Entry};
use crate::settings::Settings;
use crate::statements::{Ranking, TargetStatement};
use crate::targets;

const TECHNOLOGIES: usize = TechnologyGroup::EACH.len();

/// A place.
pub(crate) struct PlaceInput<'a> {
    pub(crate) level: Level,
    pub(crate) code: &'a str,
    pub(crate) rows: &'a [Row],
    pub(crate) counters: &'a Counters,
}

/// What is said of it.
pub(crate) struct PlaceOutput {
    pub(crate) figures: Vec<Figure>,
    pub(crate) targets: Vec<TargetStatement>,
    pub(crate) rankings: Vec<Ranking>,
}

/// Settings that hold for the whole month, and buffers.
pub(crate) struct Workbench {
    pub(crate) settings: Settings,
    pub(crate) month: Month,
    pub(crate) history: History,
    floors: [Option<f64>; TECHNOLOGIES],
    /// Target of the mean download in bit/s, by technology.
    pub(crate) down_targets: [Option<f64>; TECHNOLOGIES],
    leaves: Vec<Vec<u32>>,
    chosen: Vec<u32>,
    buffers: Buffers,
}

impl Workbench {
    pub(crate) fn new(settings: Settings, month: Month, history: History) -> Self {
        let floors = TechnologyGroup::EACH.map(|technology| settings.floor_bps(technology));
        let down_targets = TechnologyGroup::EACH.map(|technology| settings.down_target_bps(month, technology));
        let leaves = vec![Vec::new(); OperatorGroup::EACH.len() * TECHNOLOGIES];
        let (chosen, buffers) = (Vec::new(), Buffers::default());
        Self { settings, month, history, floors, down_targets, leaves, chosen, buffers }
    }

    /// Computes a place.
    pub(crate) fn place(&mut self, input: &PlaceInput<'_>) -> PlaceOutput {
        self.leaves.iter_mut().for_each(Vec::clear);
        for (at, row) in input.rows.iter().enumerate() {
            self.leaves[usize::from(row.leaf)].push(at as u32);
        }
        let mut out = Vec::new();
        let mut entries = Vec::new();
        for operator in [None].into_iter().chain((0..OperatorGroup::EACH.len()).map(Some)) {
            for technology in [None].into_iter().chain((0..TECHNOLOGIES).map(Some)) {
                self.group(input, operator, technology, &mut out, &mut entries);
            }
        }
        out.sort_unstable_by(|a, b| a.group.cmp(&b.group).then(a.metric.cmp(&b.metric)));
        let view = Figures::new(&out);
        let targets = targets::statements(&self.settings, self.month, input.level, input.code, &view);
        let rankings = ranking::rankings(&entries, &self.settings);
        out.shrink_to_fit();
        PlaceOutput { figures: out, targets, rankings }
    }

    fn group(
        &mut self,
        input: &PlaceInput<'_>,
        operator: Option<usize>,
        technology: Option<usize>,
        out: &mut Vec<Figure>,
        entries: &mut Vec<Entry>,
    ) {
        let count = input.counters.group(operator, technology);
        self.chosen.clear();
        for (at, leaf) in self.leaves.iter().enumerate() {
            let (o, t) = (at / TECHNOLOGIES, at % TECHNOLOGIES);
            if operator.is_none_or(|wanted| wanted == o) && technology.is_none_or(|wanted| wanted == t) {
                self.chosen.extend_from_slice(leaf);
            }
        }
        let whole = operator.is_none() && technology.is_none();
        if !whole && count.samples == 0 {
            return;
        }
        let group = Group {
            level: input.level,
            code: input.code.to_owned(),
            operator: operator.map_or(OperatorGroup::All, |at| OperatorGroup::EACH[at]),
            technology: technology.map_or(TechnologyGroup::All, |at| TechnologyGroup::EACH[at]),
        };
        let rows = Selection { rows: input.rows, chosen: &self.chosen };
        let devices_shown = self.chosen.iter().all(|at| !input.rows[*at as usize].marks.has(Marks::MASKED));
        let mut sheet = Sheet { group: &group, devices_shown, whole, out };
        let (means, devices) = figures(&mut sheet, &rows, count, &self.settings, &self.floors, &mut self.buffers);
        let weak_at = if technology.is_none() { Some(operator.unwrap_or(OperatorGroup::EACH.len())) } else { None };
        if let Some(at) = weak_at {
            let (cells, attempts) = (input.counters.weak_cells[at], input.counters.cell_attempts[at]);
            sheet.count(Metric::WeakCells, cells, attempts, devices);
        }
        if whole {
            whole_place(&mut sheet, input, devices);
        }
        trend(&mut sheet, &self.history, self.month);
        entries.extend(entry(&group, &means));
    }
}

/// Figures of a place as a whole.
fn whole_place(sheet: &mut Sheet<'_>, input: &PlaceInput<'_>, devices: u64) {
    let counters = input.counters;
    let count = counters.group(None, None);
    sheet.count(Metric::Missing, counters.missing, count.counted, devices);
    sheet.count(Metric::Installs, count.installs, count.samples, devices);
    if input.level != Level::Commune {
        sheet.count(Metric::CommunesTotal, counters.communes, counters.communes, devices);
        sheet.count(Metric::CommunesReached, counters.communes_reached, counters.communes, devices);
    }
}

fn trend(sheet: &mut Sheet<'_>, history: &History, month: Month) {
    let mean = sheet.out.iter().rev().take_while(|f| f.group == *sheet.group).find(|f| f.metric == Metric::DownMean);
    let Some(mean) = mean.cloned() else { return };
    let (change, year) = (history.change(month, &mean), history.twelve_months(month, &mean));
    for (metric, found) in [(Metric::DownMeanChange, change), (Metric::DownMean12Months, year)] {
        let (value, interval) = (found.map(|f| f.value), found.and_then(|f| f.interval));
        sheet.put(metric, value, interval, found.map_or(0, |f| f.n), mean.devices);
    }
}

fn entry(group: &Group, means: &[GroupMean]) -> Vec<Entry> {
    if group.operator == OperatorGroup::All || group.technology == TechnologyGroup::All {
        return Vec::new();
    }
    let of = |m: &GroupMean| Entry {
        operator: group.operator,
        technology: group.technology,
        metric: m.metric,
        value: m.mean.estimate.value,
        log_error: m.mean.log_error,
        degrees: m.mean.degrees,
        n: m.n,
    };
    means.iter().map(of).collect()
}
