//! Opening the database: pragmas, identification and migrations.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, TransactionBehavior};

use crate::error::{Error, Result};

/// Marks a file as an ispeed outbox (`PRAGMA application_id`): ASCII "iSpO".
const APPLICATION_ID: i64 = 0x6953_704F;
/// How long a statement waits for another program's transaction; those are milliseconds, so seconds mean trouble.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// What is left of the write-ahead log after a checkpoint; phones count every megabyte of an app.
const JOURNAL_SIZE_LIMIT_BYTES: i64 = 1 << 20;
/// Switching a new file to WAL needs it alone for a moment, and SQLite does not wait for that by itself.
const WAL_TRIES: u32 = 100;

/// One entry a version; entry `n` brings a file from version `n` to `n + 1`. Entries are never edited once released.
const MIGRATIONS: &[&str] = &[VERSION_1];

// The large columns come last: SQLite reaches a column through all bytes before it, and the queue is scanned often.
const VERSION_1: &str = "
CREATE TABLE device (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  secret BLOB NOT NULL CHECK (length(secret) = 32),
  made_at INTEGER NOT NULL,
  first_run_sample TEXT,
  first_run_done INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE consents (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  version TEXT NOT NULL,
  at INTEGER NOT NULL,
  run INTEGER NOT NULL,
  share INTEGER NOT NULL CHECK (share BETWEEN 0 AND 2),
  upload INTEGER NOT NULL
) STRICT;
CREATE TABLE attempts (
  id TEXT PRIMARY KEY,
  session TEXT NOT NULL,
  seen_at INTEGER NOT NULL,
  phase TEXT NOT NULL,
  bytes_down INTEGER NOT NULL,
  bytes_up INTEGER NOT NULL,
  draft BLOB NOT NULL
) STRICT;
CREATE TABLE samples (
  id TEXT PRIMARY KEY,
  state TEXT NOT NULL CHECK (state IN ('local', 'waiting', 'sending', 'sent', 'quarantined')),
  share INTEGER NOT NULL,
  tries INTEGER NOT NULL DEFAULT 0,
  next_at INTEGER NOT NULL DEFAULT 0,
  sending_until INTEGER,
  sending_session TEXT,
  started_at INTEGER NOT NULL,
  code TEXT,
  counts INTEGER NOT NULL,
  collector TEXT NOT NULL,
  body_bytes INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  signature TEXT NOT NULL,
  sent_at INTEGER,
  problem_kind TEXT,
  problem TEXT,
  body BLOB NOT NULL,
  receipt BLOB,
  answer BLOB,
  CHECK ((state = 'sent') = (receipt IS NOT NULL)),
  CHECK ((state = 'sending') = (sending_until IS NOT NULL))
) STRICT;
CREATE INDEX samples_by_state ON samples (state, next_at);
CREATE INDEX samples_by_start ON samples (started_at);
CREATE TABLE collectors (
  url TEXT PRIMARY KEY,
  failures INTEGER NOT NULL DEFAULT 0,
  blocked_until INTEGER NOT NULL DEFAULT 0,
  demanded_until INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE collector_keys (
  url TEXT NOT NULL,
  key TEXT NOT NULL,
  source TEXT NOT NULL CHECK (source IN ('first_use', 'explicit')),
  since INTEGER NOT NULL,
  PRIMARY KEY (url, key)
) STRICT;
CREATE TABLE months (
  month TEXT NOT NULL,
  collector TEXT NOT NULL,
  PRIMARY KEY (month, collector)
) STRICT;
CREATE TABLE usage (
  sample_id TEXT PRIMARY KEY,
  month TEXT NOT NULL,
  sim TEXT NOT NULL,
  reserved_bytes INTEGER NOT NULL,
  bytes_down INTEGER,
  bytes_up INTEGER
) STRICT;
CREATE INDEX usage_by_month ON usage (month, sim);
CREATE TABLE ledger (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  sample_id TEXT NOT NULL,
  event TEXT NOT NULL,
  detail TEXT
) STRICT;
CREATE INDEX ledger_by_sample ON ledger (sample_id);
";

/// Opens `path`, making the file with mode 0600 if there is none, and brings it to the newest version.
pub(super) fn open(path: &Path) -> Result<Connection> {
    make_private_file(path)?;
    let mut connection = Connection::open(path).map_err(|e| cannot(path, &e))?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    let application: i64 =
        connection.query_row("PRAGMA application_id", [], |row| row.get(0)).map_err(|e| cannot(path, &e))?;
    let objects: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application != APPLICATION_ID && (application != 0 || objects > 0) {
        let reason = format!("{} is a database of another program; name another file", path.display());
        return Err(Error::Storage { reason });
    }
    configure(&connection)?;
    migrate(&mut connection, path)?;
    Ok(connection)
}

fn cannot(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::Storage { reason: format!("cannot open {}: {error}", path.display()) }
}

/// SQLite gives its log and index the mode of the main file, so only this file has to be made by hand.
fn make_private_file(path: &Path) -> Result<()> {
    if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty() && !p.exists()) {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(parent).map_err(|e| cannot(path, &e))?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop).map_err(|e| cannot(path, &e))
}

fn configure(connection: &Connection) -> Result<()> {
    let mut tries = 0;
    loop {
        let switched = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0));
        match switched {
            Ok(mode) if mode.eq_ignore_ascii_case("wal") => break,
            Ok(mode) => {
                let reason = format!("the file system keeps the outbox in journal mode {mode}; expected wal");
                return Err(Error::Storage { reason });
            }
            Err(e) if e.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) && tries < WAL_TRIES => {
                tries += 1;
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(e) => return Err(e.into()),
        }
    }
    // FULL keeps the last commit through a power cut; a run takes seconds, so its milliseconds cost nothing.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Apple's fsync does not reach the medium without these; elsewhere they do nothing.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection.query_row(&format!("PRAGMA journal_size_limit = {JOURNAL_SIZE_LIMIT_BYTES}"), [], |_| Ok(()))?;
    // A deleted draft held a position; its bytes are overwritten and not left in a free page.
    connection.query_row("PRAGMA secure_delete = ON", [], |_| Ok(()))?;
    connection.pragma_update(None, "trusted_schema", false)?;
    // Phones may have no temporary directory that the process can write.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    Ok(())
}

fn migrate(connection: &mut Connection, path: &Path) -> Result<()> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: usize = tx.query_row("PRAGMA user_version", [], |row| row.get::<_, u32>(0))? as usize;
    if version > MIGRATIONS.len() {
        let reason = format!(
            "{} was written by a newer ispeed (version {version}, this program knows {}); update the program",
            path.display(),
            MIGRATIONS.len()
        );
        return Err(Error::Storage { reason });
    }
    for migration in MIGRATIONS.iter().skip(version) {
        tx.execute_batch(migration)?;
    }
    if version < MIGRATIONS.len() {
        tx.pragma_update(None, "application_id", APPLICATION_ID)?;
        tx.pragma_update(None, "user_version", MIGRATIONS.len() as u32)?;
    }
    tx.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn temp() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    #[test]
    fn opens_twice_and_stays_at_the_newest_version() {
        let dir = temp();
        let path = dir.path().join("deep/er/outbox.sqlite");
        for _ in 0..2 {
            let connection = open(&path).unwrap();
            let get = |pragma: &str| connection.query_row(pragma, [], |r| r.get::<_, i64>(0)).unwrap();
            assert_eq!(get("PRAGMA user_version"), MIGRATIONS.len() as i64);
            assert_eq!(get("PRAGMA application_id"), APPLICATION_ID);
            assert_eq!(get("PRAGMA synchronous"), 2, "FULL");
            assert_eq!(get("PRAGMA secure_delete"), 1);
            let mode: String = connection.query_row("PRAGMA journal_mode", [], |r| r.get(0)).unwrap();
            assert_eq!(mode, "wal");
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = temp();
        let path = dir.path().join("outbox.sqlite");
        let connection = open(&path).unwrap();
        connection.execute("INSERT INTO months VALUES ('2026-11', 'x')", []).unwrap();
        for entry in std::fs::read_dir(dir.path()).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{:?}", entry.file_name());
        }
    }

    #[test]
    fn refuses_a_newer_file_a_foreign_database_and_garbage() {
        let dir = temp();
        let newer = dir.path().join("newer.sqlite");
        open(&newer).unwrap().pragma_update(None, "user_version", 99).unwrap();
        assert!(open(&newer).unwrap_err().to_string().contains("newer ispeed"));

        let foreign = dir.path().join("foreign.sqlite");
        Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
        assert!(open(&foreign).unwrap_err().to_string().contains("another program"));
        let theirs = Connection::open(&foreign).unwrap();
        assert_eq!(theirs.query_row("SELECT count(*) FROM theirs", [], |r| r.get::<_, i64>(0)).unwrap(), 0);

        let garbage = dir.path().join("garbage.sqlite");
        std::fs::write(&garbage, vec![7u8; 10_000]).unwrap();
        assert_eq!(open(&garbage).unwrap_err().kind(), "storage");
        assert_eq!(std::fs::read(&garbage).unwrap(), vec![7u8; 10_000], "a file that is not ours is left as it was");
    }
}
