//! From compact rows of a place to its figures.

pub(crate) mod cells;
pub(crate) mod counters;
pub(crate) mod devices;
pub(crate) mod group;
pub(crate) mod place;
pub(crate) mod row;

pub(crate) use counters::Counters;
pub(crate) use devices::Interner;
pub(crate) use place::{PlaceInput, Workbench};
pub(crate) use row::Row;
