//! The board of a commune and month: its samples, counted as a planner needs them. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use ispeed_protocol::plan::{Progress, QUOTA_PER_COMMUNE};
use ispeed_protocol::sample::Outcome;
use ispeed_protocol::{Cell, Day};
use ispeed_report::{MonthSample, OperatorGroup, TechnologyGroup};

/// What a planner knows of a commune's month.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Board {
    /// The commune as a whole.
    pub(crate) total: Progress,
    /// By operator and technology, those with samples.
    pub(crate) groups: BTreeMap<(OperatorGroup, TechnologyGroup), Progress>,
    /// Samples that count, by operator.
    pub(crate) operators: BTreeMap<OperatorGroup, u32>,
    /// Samples that count, by campaign, operator and day.
    pub(crate) campaigns: BTreeMap<String, BTreeMap<(OperatorGroup, Day), u32>>,
    /// Cells in which something was learnt: a sample counts, or there was no service.
    pub(crate) measured: BTreeSet<Cell>,
    /// Devices that were in them.
    pub(crate) measured_by: u32,
}

impl Board {
    /// The board of samples of one commune and month.
    #[cfg(test)]
    pub(crate) fn of(samples: &[MonthSample]) -> Self {
        let mut builder = BoardBuilder::default();
        samples.iter().for_each(|sample| builder.add(sample));
        builder.finish()
    }

    /// Samples of a campaign that count, of one operator, taken on its days.
    pub(crate) fn counted_in(&self, campaign: &str, operator: OperatorGroup, covers: impl Fn(Day) -> bool) -> u32 {
        let days = self.campaigns.get(campaign).into_iter().flatten();
        days.filter(|((of, day), _)| *of == operator && covers(*day)).map(|(_, n)| *n).sum()
    }
}

/// Makes a [`Board`] out of samples that come page by page.
#[derive(Default)]
pub(crate) struct BoardBuilder {
    total: Tally,
    groups: BTreeMap<(OperatorGroup, TechnologyGroup), Tally>,
    board: Board,
    measured_by: HashSet<String>,
}

impl BoardBuilder {
    pub(crate) fn add(&mut self, sample: &MonthSample) {
        let operator = OperatorGroup::of(&sample.operator);
        self.total.add(sample);
        self.groups.entry((operator, TechnologyGroup::of(sample.technology))).or_default().add(sample);
        if (sample.counts || sample.outcome == Outcome::NoService)
            && let Some(cell) = sample.cell
        {
            self.board.measured.insert(cell);
            self.measured_by.insert(sample.device_id.clone());
        }
        if !sample.counts {
            return;
        }
        *self.board.operators.entry(operator).or_default() += 1;
        if let Some(campaign) = &sample.campaign {
            let days = self.board.campaigns.entry(campaign.clone()).or_default();
            *days.entry((operator, Day::of(sample.started_at))).or_default() += 1;
        }
    }

    pub(crate) fn finish(self) -> Board {
        let groups = self.groups.into_iter().map(|(group, tally)| (group, tally.finish())).collect();
        let measured_by = u32::try_from(self.measured_by.len()).unwrap_or(u32::MAX);
        Board { total: self.total.finish(), groups, measured_by, ..self.board }
    }
}

/// A [`Progress`] in the making.
#[derive(Default)]
struct Tally {
    counted: u32,
    excluded: BTreeMap<String, u32>,
    devices: HashMap<String, u32>,
    cells: BTreeSet<Cell>,
    days: BTreeSet<Day>,
}

impl Tally {
    fn add(&mut self, sample: &MonthSample) {
        if !sample.counts {
            let reason = sample.reasons.first().map_or("unstated", String::as_str);
            *self.excluded.entry(reason.to_owned()).or_default() += 1;
            return;
        }
        self.counted += 1;
        *self.devices.entry(sample.device_id.clone()).or_default() += 1;
        self.cells.extend(sample.cell);
        self.days.insert(Day::of(sample.started_at));
    }

    fn finish(self) -> Progress {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let top = self.devices.values().copied().max();
        Progress {
            counted: self.counted,
            excluded: self.excluded,
            missing: QUOTA_PER_COMMUNE.saturating_sub(self.counted),
            devices: count(self.devices.len()),
            cells: count(self.cells.len()),
            days: count(self.days.len()),
            // To the nearest thousandth, halves up.
            top_device_permille: top.map(|top| {
                let permille = (u64::from(top) * 2_000 + u64::from(self.counted)) / (2 * u64::from(self.counted));
                u32::try_from(permille).unwrap_or(1_000)
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::sample;
    use super::*;

    #[test]
    fn counted_excluded_and_spread_by_operator_and_technology() {
        let mut samples = Vec::new();
        for n in 0..6 {
            // Device 1 gives four, device 2 two; three cells; two days.
            let mut one = sample(n, if n < 4 { 1 } else { 2 });
            one.cell = Some(Cell { row: 6_423, column: n as i32 % 3 });
            one.started_at = one.started_at.plus_micros(if n == 0 { 0 } else { 86_400_000_000 });
            one.operator = if n < 5 { "viettel".into() } else { "gmobile".into() };
            one.campaign = (n < 2).then(|| "dot-1".to_owned());
            samples.push(one);
        }
        let mut vpn = sample(10, 3);
        (vpn.counts, vpn.reasons) = (false, vec!["vpn".into(), "place_left".into()]);
        let mut hole = sample(11, 3);
        (hole.counts, hole.reasons, hole.outcome) = (false, vec!["no_service".into()], Outcome::NoService);
        hole.cell = Some(Cell { row: 1, column: 1 });
        samples.extend([vpn, hole]);

        let board = Board::of(&samples);
        let total = &board.total;
        assert_eq!((total.counted, total.missing, total.devices, total.cells, total.days), (6, 294, 2, 3, 2));
        assert_eq!(total.top_device_permille, Some(667));
        assert_eq!(total.excluded, BTreeMap::from([("no_service".into(), 1), ("vpn".into(), 1)]));
        assert_eq!(
            board.groups[&(OperatorGroup::Other, TechnologyGroup::G4)].counted,
            1,
            "small networks share a line"
        );
        assert_eq!(board.groups[&(OperatorGroup::Viettel, TechnologyGroup::G4)].devices, 2);
        assert_eq!(board.operators[&OperatorGroup::Viettel], 5);
        assert_eq!(board.measured.len(), 4, "a hole is learnt, a run over a VPN is not");
        assert_eq!(board.measured_by, 3);
        assert_eq!(board.counted_in("dot-1", OperatorGroup::Viettel, |_| true), 2);
        let first = Day::of(samples[0].started_at);
        assert_eq!(board.counted_in("dot-1", OperatorGroup::Viettel, |day| day == first), 1);
        assert_eq!(board.counted_in("dot-2", OperatorGroup::Viettel, |_| true), 0);
    }

    #[test]
    fn nothing_measured_is_no_share_of_nobody() {
        let board = Board::of(&[]);
        assert_eq!((board.total.counted, board.total.missing, board.total.top_device_permille), (0, 300, None));
        assert!(board.groups.is_empty() && board.measured.is_empty());
    }
}
