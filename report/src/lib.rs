//! Month statistics: the samples of a month, the figures they give, and what is printed of them.
//!
//! Pure: values in, values out. The store hands over [`MonthSample`]s in the order of [`MonthSample::order`]; a
//! figure is one line of `figures.csv`; documents print figures and nothing else.

mod compute;
mod computer;
pub mod document;
pub mod duties;
pub mod figure;
pub mod figures;
pub mod group;
pub mod history;
pub mod metric;
pub mod month;
pub mod pairs;
pub mod place;
pub mod publicness;
pub mod ranking;
pub mod sample;
pub mod settings;
pub mod statements;
pub mod stats;
pub mod targets;

pub use computer::MonthComputer;
pub use document::{MonthFile, MonthHead};
pub use figure::{Decimal, Figure};
pub use figures::Figures;
pub use group::{Group, Level, OperatorGroup, TechnologyGroup};
pub use history::History;
pub use metric::Metric;
pub use month::{CommuneMonth, MonthError, NationMonth, ProvinceMonth};
pub use place::Place;
pub use sample::MonthSample;
pub use settings::Settings;

#[cfg(test)]
mod tests;
