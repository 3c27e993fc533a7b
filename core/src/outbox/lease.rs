//! Who is alive: several programs may share one outbox, and a run of a live one must not be declared dead.
//!
//! Each opened outbox that owns something unfinished holds an exclusive lock on a file of its own beside the database.
//! The system drops the lock with the process, however it dies, and after a power cut; unlike a process id it is never
//! reused. All of it happens inside `BEGIN IMMEDIATE` transactions, so no two programs look and make at once.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use uuid::Uuid;

const MARK: &str = "-lease-";

/// This opening of the outbox.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) id: String,
    lease: PathBuf,
    held: Mutex<Option<File>>,
}

impl Session {
    pub(super) fn new(outbox: &Path) -> Self {
        let id = Uuid::now_v7().simple().to_string();
        Self { lease: lease_path(outbox, &id), id, held: Mutex::new(None) }
    }

    /// Takes the lease unless it is held; call inside an immediate transaction, before anything names this session.
    pub(super) fn hold(&self) -> io::Result<()> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_none() {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let file = options.open(&self.lease)?;
            file.try_lock().map_err(io::Error::from)?;
            *held = Some(file);
        }
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let held = self.held.get_mut().unwrap_or_else(PoisonError::into_inner);
        if held.take().is_some() {
            // What is left of this session is taken over by whoever opens next; a file that stays does no harm.
            let _ = std::fs::remove_file(&self.lease);
        }
    }
}

/// Whether another session still runs; clears away the lease of a dead one. Call inside an immediate transaction.
pub(super) fn is_live(outbox: &Path, session: &str) -> bool {
    let path = lease_path(outbox, session);
    let Ok(file) = OpenOptions::new().read(true).write(true).open(&path) else { return false };
    match file.try_lock() {
        Ok(()) => {
            let _ = std::fs::remove_file(&path);
            false
        }
        Err(TryLockError::WouldBlock) => true,
        // A lock that cannot be asked for proves nothing; calling a live run dead is the worse mistake.
        Err(TryLockError::Error(_)) => true,
    }
}

/// The sessions that have a lease file, dead or alive.
pub(super) fn known(outbox: &Path) -> Vec<String> {
    let (Some(directory), Some(name)) = (outbox.parent(), outbox.file_name().and_then(|n| n.to_str())) else {
        return Vec::new();
    };
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let prefix = format!("{name}{MARK}");
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_prefix(&prefix).map(str::to_owned)).collect()
}

fn lease_path(outbox: &Path, session: &str) -> PathBuf {
    let mut name = outbox.as_os_str().to_owned();
    name.push(MARK);
    name.push(session);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_live_until_it_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let outbox = dir.path().join("o.sqlite");
        let session = Session::new(&outbox);
        assert!(!is_live(&outbox, &session.id), "nothing held yet");
        session.hold().unwrap();
        session.hold().unwrap();
        assert!(is_live(&outbox, &session.id));
        assert_eq!(known(&outbox), std::slice::from_ref(&session.id));
        let id = session.id.clone();
        drop(session);
        assert!(!is_live(&outbox, &id));
        assert!(known(&outbox).is_empty());
    }

    #[test]
    fn a_lease_left_by_a_dead_process_is_cleared() {
        let dir = tempfile::tempdir().unwrap();
        let outbox = dir.path().join("o.sqlite");
        std::fs::write(lease_path(&outbox, "dead"), b"").unwrap();
        assert!(!is_live(&outbox, "dead"));
        assert!(known(&outbox).is_empty());
    }
}
