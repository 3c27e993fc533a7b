//! Where files are, and reading and writing them with errors a person can act on.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};

use directories::ProjectDirs;

use crate::error::{CliError, Result};

/// Folder of a server's or demo's data unless told otherwise.
pub(crate) const DEFAULT_DATA: &str = "ispeed-data";
/// File name of a boundary bundle in a data folder.
pub(crate) const BUNDLE_FILE: &str = "communes.bundle";
/// File name of the outbox in a data folder.
pub(crate) const OUTBOX_FILE: &str = "outbox.db";

/// The folder of this user's data: the outbox, and the bundle that `boundaries fetch` brings.
pub(crate) fn user_data_dir() -> Result<PathBuf> {
    ProjectDirs::from("", "", "ispeed").map(|dirs| dirs.data_dir().to_owned()).ok_or_else(|| {
        CliError::failed("this user has no home folder", "set HOME, or name the files with --outbox and --boundaries")
    })
}

/// Makes a folder that only its owner can read: it holds a secret key.
pub(crate) fn make_private_dir(dir: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(|error| {
        CliError::failed(
            format_args!("cannot make the folder {}: {error}", dir.display()),
            "check its rights, or name one you may write to (--outbox FILE, --data DIR, --out FILE)",
        )
    })
}

/// All of a file, or of standard input for `-`, up to `max_bytes`.
pub(crate) fn read_all(path: &Path, max_bytes: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(max_bytes + 1).read_to_end(&mut bytes).map_err(|error| cannot_read(path, &error))?;
    if bytes.len() as u64 > max_bytes {
        return Err(CliError::failed(
            format_args!("{} has more than {max_bytes} bytes", shown(path)),
            "give a file of the expected kind",
        ));
    }
    Ok(bytes)
}

/// A file, or standard input for `-`, for reading line by line.
pub(crate) fn open(path: &Path) -> Result<Box<dyn BufRead>> {
    if path == Path::new("-") {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    let file = File::open(path).map_err(|error| cannot_read(path, &error))?;
    // Opening a folder succeeds and reading it fails with a riddle.
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(CliError::failed(format_args!("{} is a folder", shown(path)), "give a file"));
    }
    Ok(Box::new(BufReader::new(file)))
}

pub(crate) fn cannot_read(path: &Path, error: &io::Error) -> CliError {
    CliError::failed(
        format_args!("cannot read {}: {error}", shown(path)),
        "check the path; - means standard input where a file is read",
    )
}

fn shown(path: &Path) -> String {
    if path == Path::new("-") { "standard input".into() } else { path.display().to_string() }
}

/// Writes a file so that it is there whole or not at all.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let write = || {
        let mut file = File::create(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&part, path)
    };
    write().map_err(|error| {
        // Nothing half-written stays behind; that it may not exist is fine.
        let _ = fs::remove_file(&part);
        CliError::failed(
            format_args!("cannot write {}: {error}", path.display()),
            "check the folder, its rights and the free space",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_written_whole_and_read_within_limits() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        write_whole(&path, b"first").unwrap();
        write_whole(&path, b"second").unwrap();
        assert_eq!(read_all(&path, 6).unwrap(), b"second");
        assert!(read_all(&path, 5).unwrap_err().line().unwrap().contains("more than 5 bytes"));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no .part stays");
        assert!(read_all(dir.path(), 5).unwrap_err().line().unwrap().contains("is a folder"));
        assert!(write_whole(&dir.path().join("no/x"), b"").is_err());
    }
}
