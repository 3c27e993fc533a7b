//! The power fails at every sector written: begin, finish, send, acknowledge, and the checkpoint that follows.
//!
//! What a call wrote before it returned is on the medium (`synchronous=FULL`); what it was writing when the power failed is
//! there up to some sector, followed by nothing or by garbage. Each such file is made, opened, and must hold the state
//! before the call or the state after it, whole.
#![allow(clippy::unwrap_used, reason = "a failed unwrap in a test is a failed test")]

mod support;

use std::path::{Path, PathBuf};

use ispeed_core::outbox::{Filter, Outbox, Stock};
use ispeed_protocol::consent::Share;
use ispeed_protocol::sample::Outcome;
use rusqlite::Connection;
use support::*;

/// What disks write whole.
const SECTOR_BYTES: usize = 512;

/// What an outbox says it holds.
type Held = (Stock, Vec<(String, &'static str)>);

fn held(outbox: &Outbox) -> Held {
    outbox.check().unwrap();
    let samples = outbox.samples(Filter::default()).unwrap();
    (outbox.stock().unwrap(), samples.into_iter().map(|s| (s.sha256, s.state.text())).collect())
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Opens a medium with these bytes on it.
fn after_failure(database: &[u8], log: &[u8]) -> Held {
    let dir = tempfile::tempdir().unwrap();
    let path = path_in(dir.path());
    std::fs::write(&path, database).unwrap();
    std::fs::write(beside(&path, "-wal"), log).unwrap();
    held(&open(&path))
}

/// The log after each call, and what the outbox held then.
struct Recorder {
    path: PathBuf,
    outbox: Outbox,
    calls: Vec<(Vec<u8>, Held)>,
}

impl Recorder {
    fn call(&mut self, call: impl FnOnce(&Outbox)) {
        call(&self.outbox);
        let log = std::fs::read(beside(&self.path, "-wal")).unwrap();
        self.calls.push((log, held(&self.outbox)));
    }
}

#[test]
fn every_cut_of_every_call_leaves_the_state_before_or_after() {
    let (_dir, outbox) = outbox();
    let path = outbox.path().to_owned();
    // A reader keeps the log from being emptied, so that it grows by each call and the database file stays.
    let reader = Connection::open(&path).unwrap();
    reader.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM samples;").unwrap();
    let mut recorder = Recorder { path: path.clone(), outbox, calls: Vec::new() };
    recorder.call(|_| ());
    let database = std::fs::read(&path).unwrap();

    let draft = draft(consent(Share::Commune, true), NOW);
    recorder.call(|outbox| outbox.begin(&draft, NOW).unwrap());
    recorder.call(|outbox| outbox.seen(&draft, "download", 1, 0, NOW).unwrap());
    recorder.call(|outbox| drop(finish(outbox, &draft, measured(&draft, Outcome::Complete)).unwrap()));
    let mut asked = None;
    recorder.call(|outbox| asked = Some(request(outbox.next_upload(NOW).unwrap())));
    let asked = asked.unwrap();
    let answer = Collector::default().put(&asked);
    recorder.call(|outbox| drop(outbox.upload_answered(asked.id, &answer, NOW).unwrap()));
    assert!(std::fs::read(&path).unwrap() == database, "all of it is in the log");

    let mut failures = 0;
    for pair in recorder.calls.windows(2) {
        let [(before_log, before), (log, after)] = pair else { unreachable!() };
        assert!(log.starts_with(before_log), "the log only grows");
        for cut in (before_log.len()..log.len()).step_by(SECTOR_BYTES) {
            let mut torn = log[..cut].to_vec();
            let found = after_failure(&database, &torn);
            assert!(found == *before || found == *after, "cut at {cut}: {found:?}");
            torn.extend_from_slice(&[0xA5; SECTOR_BYTES]);
            let found = after_failure(&database, &torn);
            assert!(found == *before || found == *after, "torn at {cut}: {found:?}");
            failures += 2;
        }
        assert_eq!(after_failure(&database, log), *after, "what returned stays");
    }
    assert!(failures > 100, "{failures} power failures");

    reader.execute_batch("COMMIT").unwrap();
    checkpoint_fails_at_every_page(&path, &database, recorder);
}

/// The checkpoint copies pages of the log into the database; the log is emptied only when all of them are there.
fn checkpoint_fails_at_every_page(path: &Path, database: &[u8], recorder: Recorder) {
    let (log, state) = recorder.calls.last().unwrap();
    Connection::open(path).unwrap().query_row("PRAGMA wal_checkpoint(FULL)", [], |_| Ok(())).unwrap();
    let copied = std::fs::read(path).unwrap();
    assert!(copied != database);
    for cut in (0..=copied.len()).step_by(4096) {
        let mut half = copied[..cut].to_vec();
        half.extend_from_slice(database.get(cut..).unwrap_or_default());
        assert_eq!(after_failure(&half, log), *state, "checkpoint cut at {cut}");
    }
}
