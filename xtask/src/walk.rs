//! What lies below a folder.

use std::path::{Path, PathBuf};

/// Every file, in order.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let (mut found, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = open.pop() {
        let cannot = |error: std::io::Error| format!("{}: {error}", folder.display());
        for entry in std::fs::read_dir(&folder).map_err(cannot)? {
            let path = entry.map_err(cannot)?.path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Every file, by its path below the folder, with its bytes.
pub(crate) fn contents(folder: &Path) -> Result<Vec<(String, Vec<u8>)>, String> {
    let read = |path: PathBuf| -> Result<(String, Vec<u8>), String> {
        let bytes = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok((path.strip_prefix(folder).unwrap_or(&path).display().to_string(), bytes))
    };
    files(folder)?.into_iter().map(read).collect()
}
