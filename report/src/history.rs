//! Earlier months: the change since the month before, and the 12 months up to this one.

use std::collections::BTreeMap;

use ispeed_protocol::Month;

use crate::figure::Figure;
use crate::group::Group;
use crate::metric::Metric;

/// What is needed of the closed figures of earlier months (newest version of each).
#[derive(Clone, Debug, Default)]
pub struct History {
    by_group: BTreeMap<Group, Vec<(Month, Figure)>>,
}

impl History {
    /// Takes a figure of an earlier month in; figures that no trend needs are left aside, so a whole `figures.csv` may be handed over.
    pub fn add(&mut self, month: Month, figure: &Figure) {
        if figure.metric == Metric::DownMean && figure.value.is_some() {
            self.by_group.entry(figure.group.clone()).or_default().push((month, figure.clone()));
        }
    }
}
