//! Looking figures up by group and metric.

use crate::figure::Figure;
use crate::group::{Group, Level, OperatorGroup, TechnologyGroup};
use crate::metric::Metric;

/// A table over figures that are sorted by (group, metric), as every list of this crate is.
#[derive(Clone, Copy, Debug)]
pub struct Figures<'a> {
    sorted: &'a [Figure],
}

impl<'a> Figures<'a> {
    /// Over a sorted list: `figures` of a commune, of a province, of the nation.
    pub fn new(sorted: &'a [Figure]) -> Self {
        debug_assert!(sorted.is_sorted_by(|a, b| (&a.group, a.metric) <= (&b.group, b.metric)), "figures are sorted");
        Self { sorted }
    }

    /// The figure of a metric of a group.
    pub fn get(&self, group: &Group, metric: Metric) -> Option<&'a Figure> {
        self.sorted.binary_search_by(|f| f.group.cmp(group).then(f.metric.cmp(&metric))).ok().map(|at| &self.sorted[at])
    }

    /// [`Self::get`] by the parts of a group.
    pub fn of(
        &self,
        level: Level,
        code: &str,
        operator: OperatorGroup,
        technology: TechnologyGroup,
        metric: Metric,
    ) -> Option<&'a Figure> {
        self.get(&Group { level, code: code.to_owned(), operator, technology }, metric)
    }

    /// The groups that have figures, in order.
    pub fn groups(&self) -> impl Iterator<Item = &'a Group> {
        self.sorted.chunk_by(|a, b| a.group == b.group).map(|chunk| &chunk[0].group)
    }

    /// All of them, in order.
    pub fn all(&self) -> &'a [Figure] {
        self.sorted
    }
}
