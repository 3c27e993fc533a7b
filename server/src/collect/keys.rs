//! Secret keys on the disk: made once, readable by their owner only.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use ispeed_protocol::signing::SecretKey;
use thiserror::Error;

/// File of the key that signs receipts and tokens.
pub const RECEIPT_KEY_FILE: &str = "receipt.key";
/// File of the key that signs the evidence of the measuring end.
pub const EVIDENCE_KEY_FILE: &str = "evidence.key";

/// Why a key file could not be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// The file could not be read or written.
    #[error("key file {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds something else.
    #[error(
        "key file {0} does not hold a key; expected 43 characters of base64url. Restore it from a backup: a new key starts a new chain"
    )]
    Malformed(PathBuf),
    /// Others can read the secret.
    #[error("key file {path} can be read by others (mode {mode:o}); expected 600: chmod 600 {path}")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The system gave no random bytes.
    #[error("no random bytes for a new key: {0}")]
    Random(String),
}

/// The secret keys of a collector and its measuring end.
#[derive(Clone, Debug)]
pub struct KeyPair {
    /// Signs receipts and tokens.
    pub receipt: SecretKey,
    /// Signs evidence.
    pub evidence: SecretKey,
}

impl KeyPair {
    /// Reads both keys of a data folder; makes the ones that are not there.
    pub fn load_or_create(data: &Path) -> Result<Self, KeyFileError> {
        Ok(Self {
            receipt: load_or_create(&data.join(RECEIPT_KEY_FILE))?,
            evidence: load_or_create(&data.join(EVIDENCE_KEY_FILE))?,
        })
    }
}

/// Reads a key file, or makes it with mode 0600 and flushes it, so that nothing is ever signed with a key that a power cut
/// takes away.
pub fn load_or_create(path: &Path) -> Result<SecretKey, KeyFileError> {
    match read(path) {
        Err(KeyFileError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => create(path),
        other => other,
    }
}

fn read(path: &Path) -> Result<SecretKey, KeyFileError> {
    let io_error = |source| KeyFileError::Io { path: path.to_owned(), source };
    refuse_exposed(path, &fs::metadata(path).map_err(io_error)?)?;
    let text = fs::read_to_string(path).map_err(io_error)?;
    let bytes: Option<[u8; 32]> = B64.decode(text.trim()).ok().and_then(|b| b.try_into().ok());
    bytes.map(|b| SecretKey::from_bytes(&b)).ok_or_else(|| KeyFileError::Malformed(path.to_owned()))
}

#[cfg(unix)]
fn refuse_exposed(path: &Path, metadata: &fs::Metadata) -> Result<(), KeyFileError> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(KeyFileError::Exposed { path: path.to_owned(), mode }) }
}

#[cfg(not(unix))]
fn refuse_exposed(_path: &Path, _metadata: &fs::Metadata) -> Result<(), KeyFileError> {
    Ok(())
}

fn create(path: &Path) -> Result<SecretKey, KeyFileError> {
    let io_error = |source| KeyFileError::Io { path: path.to_owned(), source };
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|e| KeyFileError::Random(e.to_string()))?;
    // Written aside and linked into place: whoever starts at the same time finds either nothing or a whole key.
    let aside = path.with_extension(format!("new-{}", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&aside).and_then(|mut file| {
        file.write_all(format!("{}\n", B64.encode(seed)).as_bytes())?;
        file.sync_all()
    });
    let linked = written.and_then(|()| fs::hard_link(&aside, path));
    let _ = fs::remove_file(&aside);
    match linked {
        Ok(()) => {
            sync_folder(path);
            read(path)
        }
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.exists() => read(path),
        Err(e) => Err(io_error(e)),
    }
}

/// Makes the new name durable; systems on which a folder cannot be opened have no need of it.
fn sync_folder(path: &Path) {
    if let Some(folder) = path.parent()
        && let Ok(folder) = fs::File::open(folder)
    {
        let _ = folder.sync_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_is_its_owners() {
        let folder = tempfile::tempdir().unwrap();
        let first = KeyPair::load_or_create(folder.path()).unwrap();
        let again = KeyPair::load_or_create(folder.path()).unwrap();
        assert_eq!(first.receipt.public(), again.receipt.public());
        assert_ne!(first.receipt.public(), first.evidence.public());
        let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "{names:?}");
    }

    #[cfg(unix)]
    #[test]
    fn an_exposed_or_broken_key_file_is_refused_by_name() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("receipt.key");
        load_or_create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(load_or_create(&path).unwrap_err().to_string().contains("chmod 600"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "not a key").unwrap();
        assert!(matches!(load_or_create(&path), Err(KeyFileError::Malformed(_))));
        assert_eq!(fs::read_to_string(&path).unwrap(), "not a key", "a broken key is never overwritten");
    }
}
