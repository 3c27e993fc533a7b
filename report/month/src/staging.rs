//! A folder that is there whole or not at all: written under another name beside it, hashed, renamed.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use ispeed_protocol::signing::hex;
use sha2::{Digest as _, Sha256};

use crate::error::{MonthError, Result};
use crate::manifest::FileNote;

/// What became of a folder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Published {
    /// It is there now.
    Written,
    /// It was there already, equal to the byte.
    Unchanged,
}

/// A folder in the making; removed when dropped before it is published.
pub(crate) struct Staging {
    folder: PathBuf,
    out: PathBuf,
    /// Folders that are in `out` already and were not made this time stay out of a comparison.
    published: bool,
}

impl Staging {
    /// Beside `out`, on the same disk, so that the last step is one rename.
    pub(crate) fn beside(out: &Path) -> Result<Self> {
        let parent = match out.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let Some(name) = out.file_name() else {
            return Err(MonthError::Io {
                what: "make",
                path: out.to_owned(),
                source: io::ErrorKind::InvalidInput.into(),
            });
        };
        fs::create_dir_all(&parent).map_err(MonthError::io("make", &parent))?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".part-{}", std::process::id()));
        let folder = parent.join(hidden);
        // Left by a process of the same number that was killed.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).map_err(MonthError::io("make", &folder))?;
        Ok(Self { folder, out: out.to_owned(), published: false })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes a file of the folder.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(MonthError::io("make", parent))?;
        }
        let write = || {
            let mut file = File::create(&path)?;
            io::Write::write_all(&mut file, bytes)?;
            file.sync_all()
        };
        write().map_err(MonthError::io("write", &path))
    }

    /// Gives the folder its name; what is there under it already has to be equal.
    pub(crate) fn publish(mut self) -> Result<Published> {
        if is_empty_or_missing(&self.out)? {
            sync_folder(&self.folder);
            fs::rename(&self.folder, &self.out).map_err(MonthError::io("write", &self.out))?;
            self.published = true;
            // Not that of `out`, which names none where it is relative.
            if let Some(parent) = self.folder.parent() {
                sync_folder(parent);
            }
            return Ok(Published::Written);
        }
        let (made, there) = (notes(&self.folder)?, notes(&self.out)?);
        if made == there { Ok(Published::Unchanged) } else { Err(MonthError::OutTaken(self.out.clone())) }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.published {
            // It holds nothing that is needed; that it cannot be removed hides no other error.
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// Refuses early what would be refused in the end: a file, or a folder of something else.
pub(crate) fn check_out(out: &Path) -> Result<()> {
    let taken = !is_empty_or_missing(out)? && !out.join(crate::manifest::MANIFEST_FILE).is_file();
    if taken { Err(MonthError::OutTaken(out.to_owned())) } else { Ok(()) }
}

fn is_empty_or_missing(out: &Path) -> Result<bool> {
    match fs::read_dir(out) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(false),
        Err(error) => Err(MonthError::io("read", out)(error)),
    }
}

fn sync_folder(folder: &Path) {
    // Systems on which a folder cannot be opened have no need of it.
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

/// Every file of a folder with size and hash, by path.
pub(crate) fn notes(folder: &Path) -> Result<Vec<FileNote>> {
    let mut paths = Vec::new();
    walk(folder, "", &mut paths)?;
    paths.sort();
    paths.into_iter().map(|path| note(folder, path)).collect()
}

fn walk(folder: &Path, prefix: &str, paths: &mut Vec<String>) -> Result<()> {
    let entries = fs::read_dir(folder).map_err(MonthError::io("read", folder))?;
    for entry in entries {
        let entry = entry.map_err(MonthError::io("read", folder))?;
        let name = entry.file_name();
        let path = format!("{prefix}{}", name.to_string_lossy());
        let kind = entry.file_type().map_err(MonthError::io("read", folder))?;
        if kind.is_dir() {
            walk(&entry.path(), &format!("{path}/"), paths)?;
        } else {
            paths.push(path);
        }
    }
    Ok(())
}

/// One file of a folder.
pub(crate) fn note(folder: &Path, path: String) -> Result<FileNote> {
    let full = folder.join(&path);
    let (bytes, sha256) = hash(&full).map_err(MonthError::io("read", &full))?;
    Ok(FileNote { path, bytes, sha256 })
}

fn hash(path: &Path) -> io::Result<(u64, String)> {
    let mut file = BufReader::with_capacity(1 << 18, File::open(path)?);
    let (mut hash, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; 1 << 18]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((bytes, hex(&hash.finalize()))),
            n => {
                hash.update(&buffer[..n]);
                bytes += n as u64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_there_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("2026-10");
        let made = |text: &[u8]| {
            let staging = Staging::beside(&out).unwrap();
            staging.write("a/b.txt", text).unwrap();
            staging
        };
        drop(made(b"1"));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "an unfinished folder leaves nothing");
        assert_eq!(made(b"1").publish().unwrap(), Published::Written);
        assert_eq!(made(b"1").publish().unwrap(), Published::Unchanged);
        assert!(matches!(made(b"2").publish(), Err(MonthError::OutTaken(_))));
        assert_eq!(fs::read(out.join("a/b.txt")).unwrap(), b"1");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        let notes = notes(&out).unwrap();
        assert_eq!((notes.len(), notes[0].path.as_str(), notes[0].bytes), (1, "a/b.txt", 1));

        assert!(matches!(check_out(&out), Err(MonthError::OutTaken(_))), "no month");
        let file = dir.path().join("file");
        fs::write(&file, b"x").unwrap();
        assert!(check_out(&file).is_err());
        assert!(check_out(&dir.path().join("new")).is_ok());
    }
}
