//! A whole store as one file: to move it between databases, and to keep it.
//!
//! JSON lines in zstd. The first line names the form, the last one the number of the others and their hash; between them, each
//! with its `kind`:
//!
//! - `key`: `purpose` (`receipt`, `evidence`), `key`, `since`.
//! - `sample`: `row` (what the month sees), `receipt`, `place` (or `null`), and `body`: the sample's body as received, as text.
//! - `deleted`: what is left of a deleted sample: `id`, `sha256`, `deleted_at`, the receipts `given` and `deletion`.
//! - `record`: `record`, `key`, `revision`, `json`, `at`: campaigns, closed months and the like; not how a collector is set.
//!
//! Tallies are not in it: they are rebuilt. The hash is that of the content and not of an order: SHA-256 over the sorted
//! SHA-256 of the lines between first and last. Two stores that hold the same have the same, whatever database they are.

mod line;
mod read;
mod write;

use ispeed_protocol::signing::sha256_hex;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::collect::PLAN_SETTINGS_KIND;
use crate::store::{Imported, Record, StoreError};

pub use read::import;
pub use write::{content, export};

/// Form of the file; a reader refuses another.
pub const ARCHIVE_VERSION: u32 = 1;

/// What a store, or a file, holds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Content {
    /// Samples.
    pub samples: u64,
    /// What is left of deleted ones.
    pub deleted: u64,
    /// Records.
    pub records: u64,
    /// Public keys.
    pub keys: u64,
    /// Hash of it all.
    pub sha256: String,
}

/// What an import did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Import {
    /// What the file holds.
    pub file: Content,
    /// What the store holds now; the same as the file when the store was empty.
    pub store: Content,
    /// Samples, deletions and records together.
    pub imported: Imported,
}

/// Why a store was not exported or imported.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// Reading or writing the file.
    #[error("{0}")]
    File(#[from] std::io::Error),
    /// The file is no archive, or not whole.
    #[error("line {line}: {cause}")]
    Line {
        /// Which, from 1.
        line: u64,
        /// What is wrong.
        cause: String,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A chain of the store has a gap after the import: the file was not made of a whole store.
    #[error("the receipts of key {key} do not follow each other after {after}")]
    Chain {
        /// The chain.
        key: String,
        /// The last receipt that follows.
        after: u64,
    },
    /// The store was empty and does not hold now what the file holds.
    #[error("the store holds {store} after the import, the file {file}")]
    Differs {
        /// Hash of the store.
        store: String,
        /// Hash of the file.
        file: String,
    },
}

/// Whether a record moves with the samples: how the collectors of a database are set does not.
fn moves(record: &Record) -> bool {
    record.kind != PLAN_SETTINGS_KIND
}

/// Counts and hashes lines, in whatever order they come.
#[derive(Default)]
struct Tally {
    content: Content,
    hashes: Vec<[u8; 32]>,
}

impl Tally {
    fn add(&mut self, kind: &line::Line<'_>, text: &[u8]) {
        let count = match kind {
            line::Line::Key { .. } => &mut self.content.keys,
            line::Line::Sample { .. } => &mut self.content.samples,
            line::Line::Deleted { .. } => &mut self.content.deleted,
            line::Line::Record { .. } => &mut self.content.records,
            line::Line::Archive { .. } | line::Line::End { .. } => return,
        };
        *count += 1;
        self.hashes.push(Sha256::digest(text).into());
    }

    fn lines(&self) -> u64 {
        self.hashes.len() as u64
    }

    fn finish(mut self) -> Content {
        self.hashes.sort_unstable();
        Content { sha256: sha256_hex(self.hashes.as_flattened()), ..self.content }
    }
}
