//! Files beside the outbox: plan packs, borders, exports.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use crate::error::{Error, Result};

/// Writes a file that is there whole or not at all, also after a power cut.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let write = || -> std::io::Result<()> {
        fs::create_dir_all(dir)?;
        let new = path.with_extension("new");
        let mut file = fs::File::create(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    write().map_err(|error| cannot(path, &error))
}

/// What a file system says, with the file it says it of.
pub(crate) fn cannot(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::Storage { reason: format!("{}: {error}", path.display()) }
}
