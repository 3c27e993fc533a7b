//! Files of a package: paths in order, with fixed modes, owners and one time.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use flate2::{Compression, GzBuilder};
use sha2::{Digest as _, Sha256};

/// A file or folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) mode: u32,
    /// Of user and group; 0 is root.
    pub(crate) owner: u64,
    /// `None` for a folder.
    pub(crate) content: Option<Vec<u8>>,
}

/// Files and folders by their path, which begins with no slash.
#[derive(Debug, Default)]
pub(crate) struct Tree(BTreeMap<String, Entry>);

impl Tree {
    /// Puts a file, and the folders above it.
    pub(crate) fn file(&mut self, path: &str, mode: u32, content: impl Into<Vec<u8>>) {
        self.put(path, Entry { mode, owner: 0, content: Some(content.into()) });
    }

    /// Puts a folder.
    pub(crate) fn folder(&mut self, path: &str, mode: u32, owner: u64) {
        self.put(path, Entry { mode, owner, content: None });
    }

    fn put(&mut self, path: &str, entry: Entry) {
        for (at, _) in path.match_indices('/') {
            self.0.entry(path[..at].to_owned()).or_insert(Entry { mode: 0o755, owner: 0, content: None });
        }
        self.0.insert(path.to_owned(), entry);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.0.iter().map(|(path, entry)| (path.as_str(), entry))
    }

    /// Bytes of all files, in KiB, each file rounded up and each folder one: what `Installed-Size` means.
    pub(crate) fn kibibytes(&self) -> usize {
        self.0.values().map(|entry| entry.content.as_ref().map_or(1, |content| content.len().div_ceil(1024))).sum()
    }

    /// Writes all of it below `root`, every time set to `epoch_s`. Owners are left to who packs it.
    pub(crate) fn write(&self, root: &Path, epoch_s: u64) -> Result<(), String> {
        make_folder(root)?;
        for (path, entry) in self.iter() {
            let path = root.join(path);
            match &entry.content {
                None => make_folder(&path)?,
                Some(content) => fs::write(&path, content).map_err(|error| at(&path, &error))?,
            }
            set_mode(&path, entry.mode)?;
        }
        // From the leaves up: writing a file changes its folder's time.
        for path in self.0.keys().rev().map(|path| root.join(path)).chain([root.to_owned()]) {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(epoch_s);
            fs::File::open(&path).and_then(|file| file.set_modified(time)).map_err(|error| at(&path, &error))?;
        }
        Ok(())
    }

    /// A tar of all of it.
    pub(crate) fn tar(&self, epoch_s: u64) -> Result<Vec<u8>, String> {
        let failed = |error: std::io::Error| format!("cannot write a tar: {error}");
        let mut tar = tar::Builder::new(Vec::new());
        for (path, entry) in self.iter() {
            let mut header = tar::Header::new_ustar();
            header.set_mode(entry.mode);
            header.set_uid(entry.owner);
            header.set_gid(entry.owner);
            header.set_mtime(epoch_s);
            let (kind, name, content) = match &entry.content {
                None => (tar::EntryType::Directory, format!("{path}/"), &[][..]),
                Some(content) => (tar::EntryType::Regular, path.to_owned(), content.as_slice()),
            };
            header.set_entry_type(kind);
            header.set_size(content.len() as u64);
            tar.append_data(&mut header, name, content).map_err(failed)?;
        }
        tar.into_inner().map_err(failed)
    }
}

/// An error of a file with its path.
pub(crate) fn at(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

pub(crate) fn make_folder(path: &Path) -> Result<(), String> {
    fs::create_dir_all(path).map_err(|error| at(path, &error))
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| at(path, &error))
}

pub(crate) fn read_text(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| at(path, &error))
}

/// Files of a folder, by name.
pub(crate) fn files_of(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| at(folder, &error))? {
        files.push(entry.map_err(|error| at(folder, &error))?.path());
    }
    files.sort();
    Ok(files)
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(|error| at(path, &error))
}

#[cfg(not(unix))]
fn set_mode(_: &Path, _: u32) -> Result<(), String> {
    Ok(())
}

/// Compressed without a name and a time.
pub(crate) fn gzip(content: &[u8]) -> Result<Vec<u8>, String> {
    let mut packer = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    packer.write_all(content).and_then(|()| packer.finish()).map_err(|error| format!("cannot compress: {error}"))
}

pub(crate) fn sha256_hex(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Tree {
        let mut tree = Tree::default();
        tree.file("usr/bin/program", 0o755, "text");
        tree.folder("var/lib/program", 0o700, 65_532);
        tree
    }

    #[test]
    fn folders_come_before_what_is_in_them() {
        let tree = tree();
        let paths: Vec<&str> = tree.iter().map(|(path, _)| path).collect();
        assert_eq!(paths, ["usr", "usr/bin", "usr/bin/program", "var", "var/lib", "var/lib/program"]);
        assert_eq!(tree.kibibytes(), 6);
    }

    #[test]
    fn one_tree_is_one_tar_and_another_time_is_another() {
        assert_eq!(tree().tar(1).unwrap(), tree().tar(1).unwrap());
        assert_ne!(tree().tar(1).unwrap(), tree().tar(2).unwrap());
        let bytes = tree().tar(7).unwrap();
        let mut read = tar::Archive::new(bytes.as_slice());
        let headers: Vec<_> = read.entries().unwrap().map(|entry| entry.unwrap().header().clone()).collect();
        assert!(headers.iter().all(|header| header.mtime().unwrap() == 7));
        assert_eq!(headers[2].mode().unwrap(), 0o755);
        assert_eq!((headers[5].uid().unwrap(), headers[5].gid().unwrap()), (65_532, 65_532));
    }

    #[test]
    fn a_known_hash() {
        assert_eq!(sha256_hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
