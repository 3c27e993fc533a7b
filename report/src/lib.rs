//! Month statistics: the samples of a month, the figures they give, and what is printed of them.
//!
//! Pure: values in, values out. The store hands over [`MonthSample`]s in the order of [`MonthSample::order`]; a figure is one
//! line of `figures.csv`; documents print figures and nothing else.

pub mod duties;
pub mod figure;
pub mod group;
pub mod metric;
pub mod pairs;
pub mod sample;

pub use figure::{Decimal, Figure};
pub use group::{Group, Level, OperatorGroup, TechnologyGroup};
pub use metric::Metric;
pub use sample::MonthSample;
