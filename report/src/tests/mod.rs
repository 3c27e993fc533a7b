//! Whole months through the computer.

mod month;
mod public;
mod reporting;
mod speed;
pub(crate) mod synth;
