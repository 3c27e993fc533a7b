//! The official month: freeze, compute, write, chain, sign; and the check of all that by anyone.
//!
//! [`close`] makes a folder out of a store, [`revise`] its next version, [`verify`] checks a folder without any store. What is in
//! the folder is described in `docs/MONTH.md`.

mod close;
mod computing;
mod differences;
mod documents;
mod error;
mod feed;
mod figures_csv;
mod keys;
mod ledger;
mod manifest;
mod pass;
mod places_csv;
mod print;
mod rows;
mod set_hash;
mod staging;
mod table;
#[cfg(test)]
mod tests;
mod verify;
mod words;

pub use close::{Closed, Request, close, revise};
pub use documents::{DocumentWriter, NoDocuments};
pub use error::MonthError;
pub use figures_csv::{FigureFile, line as figure_line, parse as parse_figure};
pub use ledger::{CLOSED_KIND, ClosedRecord, MEANS_KIND, MonthStore, RowQuery, record_key};
pub use manifest::{
    Annex, BoundaryNote, FileNote, Inputs, MANIFEST_DOMAIN, MANIFEST_FILE, Manifest, NOTICE, TemplateNote,
};
pub use rows::{Facts, PublicRow, SealedRow};
pub use set_hash::SetHash;
pub use staging::Published;
pub use verify::{Checks, Report, verify};
