//! Counts that need no row: all samples, excluded, late, installations.

use crate::group::{OperatorGroup, TechnologyGroup};

const OPERATORS: usize = OperatorGroup::EACH.len();
const TECHNOLOGIES: usize = TechnologyGroup::EACH.len();

/// Counts of a cell of the table operator × technology.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Count {
    pub(crate) samples: u64,
    pub(crate) counted: u64,
    pub(crate) late: u64,
    pub(crate) installs: u64,
}

impl Count {
    fn add(&mut self, other: Self) {
        self.samples += other.samples;
        self.counted += other.counted;
        self.late += other.late;
        self.installs += other.installs;
    }
}

/// Counts of a place.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Counters {
    table: [[Count; TECHNOLOGIES]; OPERATORS],
    /// Cells that are weak by operator; at the end, of any operator.
    pub(crate) weak_cells: [u64; OPERATORS + 1],
    /// Attempts in cells, likewise.
    pub(crate) cell_attempts: [u64; OPERATORS + 1],
    /// Quota less counted samples, summed over communes.
    pub(crate) missing: u64,
    pub(crate) communes: u64,
    pub(crate) communes_reached: u64,
}

impl Counters {
    pub(crate) fn at(&mut self, operator: usize, technology: usize) -> &mut Count {
        &mut self.table[operator][technology]
    }

    /// Of a group; `None` stands for all.
    pub(crate) fn group(&self, operator: Option<usize>, technology: Option<usize>) -> Count {
        let mut sum = Count::default();
        for (_, row) in self.table.iter().enumerate().filter(|(o, _)| operator.is_none_or(|wanted| wanted == *o)) {
            row.iter().enumerate().filter(|(t, _)| technology.is_none_or(|w| w == *t)).for_each(|(_, c)| sum.add(*c));
        }
        sum
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (own, its) in self.table.iter_mut().flatten().zip(other.table.iter().flatten()) {
            own.add(*its);
        }
        self.weak_cells.iter_mut().zip(other.weak_cells).for_each(|(own, its)| *own += its);
        self.cell_attempts.iter_mut().zip(other.cell_attempts).for_each(|(own, its)| *own += its);
        self.missing += other.missing;
        self.communes += other.communes;
        self.communes_reached += other.communes_reached;
    }
}
