//! Figures of a computed month where they lie: nothing is copied.

use std::collections::BTreeMap;

use ispeed_report::{CommuneMonth, Figure, Figures, Group, Level, Metric, NationMonth, ProvinceMonth};

use crate::input::FigureLookup;

pub(super) struct CommuneFigures<'a>(pub(super) &'a CommuneMonth);

impl FigureLookup for CommuneFigures<'_> {
    fn figure(&self, group: &Group, metric: Metric) -> Option<&Figure> {
        Figures::new(&self.0.figures).get(group, metric)
    }
}

pub(super) struct ProvinceFigures<'a>(pub(super) &'a ProvinceMonth);

impl FigureLookup for ProvinceFigures<'_> {
    fn figure(&self, group: &Group, metric: Metric) -> Option<&Figure> {
        if group.level != Level::Commune {
            return Figures::new(&self.0.figures).get(group, metric);
        }
        // Communes come by code.
        let communes = &self.0.communes;
        let at = communes.binary_search_by(|commune| commune.code.as_str().cmp(&group.code)).ok()?;
        Figures::new(&communes[at].figures).get(group, metric)
    }
}

pub(super) struct NationFigures<'a> {
    nation: &'a NationMonth,
    provinces: BTreeMap<&'a str, &'a ProvinceMonth>,
}

impl<'a> NationFigures<'a> {
    pub(super) fn new(nation: &'a NationMonth, provinces: &'a [ProvinceMonth]) -> Self {
        Self { nation, provinces: provinces.iter().map(|province| (province.code.as_str(), province)).collect() }
    }
}

impl FigureLookup for NationFigures<'_> {
    fn figure(&self, group: &Group, metric: Metric) -> Option<&Figure> {
        let figures = match group.level {
            Level::Nation => &self.nation.figures,
            Level::Province => &self.provinces.get(group.code.as_str())?.figures,
            Level::Commune => return None,
        };
        Figures::new(figures).get(group, metric)
    }
}
