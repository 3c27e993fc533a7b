//! SIGKILL at random moments of begin, finish, send and acknowledge: nothing lost, nothing twice, the store readable.
//!
//! The parent starts the child (this same binary, test `child`), kills it, and compares the outbox with the journal in
//! which the child noted each step after the call for it had returned.
#![cfg(unix)]
#![allow(clippy::print_stdout, reason = "how many kills and samples is the result")]
#![allow(clippy::unwrap_used, reason = "a failed unwrap in a test is a failed test")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use ispeed_core::assemble::died;
use ispeed_core::clock;
use ispeed_core::outbox::{AfterUpload, Answer, Event, Filter, NextUpload, Outbox, State, UploadRequest};
use ispeed_protocol::consent::Share;
use ispeed_protocol::sample::Outcome;
use support::*;
use uuid::Uuid;

const DIRECTORY: &str = "ISPEED_KILL_TEST_DIRECTORY";
/// Steps of the child when it is run by hand.
const STEPS_ALONE: u32 = 60;

fn random(below: u64) -> u64 {
    getrandom::u64().unwrap() % below
}

/// The child: everything an outbox does, in a loop, each step noted once it is done.
#[test]
#[ignore = "the child of the kill tests; alone it runs a while and checks itself"]
fn child() {
    let given = std::env::var_os(DIRECTORY);
    let own = tempfile::tempdir().unwrap();
    let directory = given.as_ref().map_or(own.path(), Path::new);
    std::fs::create_dir_all(directory.join("collector")).unwrap();
    let mut child = Child::new(directory);
    let mut steps = 0;
    while given.is_some() || steps < STEPS_ALONE {
        child.step();
        steps += 1;
    }
    drop(child);
    check(directory);
    settle(directory);
}

struct Child<'a> {
    directory: &'a Path,
    outbox: Outbox,
}

impl<'a> Child<'a> {
    fn new(directory: &'a Path) -> Self {
        let outbox = Outbox::open(path_in(directory), clock::now()).unwrap();
        if outbox.consent().unwrap().is_none() {
            outbox.record_consent(&consent(Share::Commune, true)).unwrap();
        }
        recover(&outbox, |id| note(directory, "kept", id));
        Self { directory, outbox }
    }

    fn step(&mut self) {
        let now = clock::now();
        let draft = draft(consent(Share::Commune, true), now);
        self.outbox.begin(&draft, now).unwrap();
        note(self.directory, "begun", draft.id);
        self.outbox.seen(&draft, "download", 1_000, 0, now).unwrap();
        finish(&self.outbox, &draft, measured(&draft, Outcome::Complete)).unwrap();
        note(self.directory, "kept", draft.id);
        self.outbox.retry_now().unwrap();
        while let NextUpload::Upload(request) = self.outbox.next_upload(now).unwrap() {
            let answer = match random(8) {
                0 => {
                    put(self.directory, &request);
                    break;
                }
                1 => Answer::HttpStatus { code: 500, headers: Vec::new(), body: Vec::new() },
                2 => Answer::HttpStatus { code: 422, headers: Vec::new(), body: Vec::new() },
                _ => put(self.directory, &request),
            };
            if self.outbox.upload_answered(request.id, &answer, now).unwrap() == AfterUpload::Sent {
                note(self.directory, "sent", request.id);
            }
        }
        self.outbox.requeue_all(now).unwrap();
    }
}

fn recover(outbox: &Outbox, mut kept: impl FnMut(Uuid)) {
    for dead in outbox.adopt_dead(clock::now()).unwrap() {
        let measured = died(&dead.draft, dead.seen_at, dead.bytes_down, dead.bytes_up);
        finish(outbox, &dead.draft, measured).unwrap();
        kept(dead.draft.id);
    }
}

/// The collector: one file an id, so that it too survives the child; the same body gets the same receipt.
fn put(directory: &Path, request: &UploadRequest) -> Answer {
    let path = directory.join("collector").join(request.id.to_string());
    let body = std::fs::read(&path).unwrap_or_else(|_| {
        let Answer::HttpStatus { body, .. } = Collector::default().put(request) else { unreachable!() };
        let torn = path.with_extension("torn");
        std::fs::write(&torn, &body).unwrap();
        std::fs::rename(&torn, &path).unwrap();
        body
    });
    Answer::HttpStatus { code: 200, headers: Vec::new(), body }
}

fn note(directory: &Path, step: &str, id: Uuid) {
    let mut journal = OpenOptions::new().create(true).append(true).open(directory.join("journal")).unwrap();
    journal.write_all(format!("{step} {id}\n").as_bytes()).unwrap();
}

fn journal(directory: &Path) -> BTreeMap<String, BTreeSet<Uuid>> {
    let mut steps: BTreeMap<String, BTreeSet<Uuid>> = BTreeMap::new();
    for line in std::fs::read_to_string(directory.join("journal")).unwrap_or_default().lines() {
        let (step, id) = line.split_once(' ').unwrap();
        steps.entry(step.to_owned()).or_default().insert(id.parse().unwrap());
    }
    steps
}

/// What the child saw done is done; what is sent is sent once and the collector has it.
fn check(directory: &Path) -> usize {
    let outbox = Outbox::open(path_in(directory), clock::now()).unwrap();
    outbox.check().unwrap();
    let steps = journal(directory);
    let none = BTreeSet::new();
    let noted = |step: &str| steps.get(step).unwrap_or(&none).clone();
    let samples = outbox.samples(Filter::default()).unwrap();
    let states: BTreeMap<Uuid, State> = samples.iter().map(|s| (s.id, s.state)).collect();
    assert_eq!(states.len(), samples.len(), "an id is there twice");
    for id in noted("begun") {
        assert!(outbox.holds(id).unwrap(), "{id} began and is lost");
    }
    for id in noted("kept") {
        assert!(states.contains_key(&id), "{id} was kept and is lost");
    }
    for id in noted("sent") {
        assert_eq!(states[&id], State::Sent, "{id} was acknowledged");
    }
    let mut count: BTreeMap<(Uuid, &str), u32> = BTreeMap::new();
    for entry in outbox.ledger(None).unwrap() {
        *count.entry((entry.sample_id, entry.event.text())).or_default() += 1;
    }
    for sample in &samples {
        let times = |event: Event| count.get(&(sample.id, event.text())).copied().unwrap_or(0);
        assert_eq!((times(Event::Begun), times(Event::Kept)), (1, 1), "{}", sample.id);
        assert_eq!(times(Event::Sent), u32::from(sample.state == State::Sent), "{}", sample.id);
        if let Some(answer) = &sample.answer {
            let held = std::fs::read(directory.join("collector").join(sample.id.to_string())).unwrap();
            assert_eq!(*answer, held, "the receipt is the collector's");
        }
    }
    samples.len()
}

/// After all the dying, one life in peace: everything that ever began is sent, once.
fn settle(directory: &Path) -> usize {
    let outbox = Outbox::open(path_in(directory), clock::now()).unwrap();
    recover(&outbox, |_| ());
    outbox.requeue_all(clock::now()).unwrap();
    outbox.retry_now().unwrap();
    while let NextUpload::Upload(request) = outbox.next_upload(clock::now()).unwrap() {
        let answer = put(directory, &request);
        assert_eq!(outbox.upload_answered(request.id, &answer, clock::now()).unwrap(), AfterUpload::Sent);
    }
    let stock = outbox.stock().unwrap();
    assert_eq!((stock.attempts, stock.waiting, stock.quarantined), (0, 0, 0));
    let begun = outbox.ledger(None).unwrap().iter().filter(|e| e.event == Event::Begun).count();
    let held = std::fs::read_dir(directory.join("collector")).unwrap();
    let held = held.filter(|e| e.as_ref().unwrap().path().extension().is_none()).count();
    let flagged = outbox.history(Filter::default()).unwrap();
    let first_runs = flagged.iter().filter(|e| outbox.detail(e.id).unwrap().sample.device.first_run).count();
    assert_eq!((begun as u64, held as u64, first_runs), (stock.sent, stock.sent, 1));
    begun
}

/// Until the journal grows, at most 10 s.
fn wait_for_work(directory: &Path) {
    let length = || std::fs::metadata(directory.join("journal")).map_or(0, |journal| journal.len());
    let before = length();
    for _ in 0..10_000 {
        if length() > before {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn kill_many(kills: u32) {
    let dir = tempfile::tempdir().unwrap();
    for kill in 0..kills {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--ignored", "--nocapture"])
            .env(DIRECTORY, dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Most deaths come while it works, some while it still opens the file.
        if kill % 5 != 0 {
            wait_for_work(dir.path());
        }
        std::thread::sleep(Duration::from_micros(random(150_000)));
        assert!(child.try_wait().unwrap().is_none(), "the child ended by itself before kill {kill}");
        child.kill().unwrap();
        child.wait().unwrap();
        check(dir.path());
    }
    let samples = settle(dir.path());
    check(dir.path());
    let died = Outbox::open(path_in(dir.path()), clock::now()).unwrap();
    let died = died.ledger(None).unwrap().iter().filter(|e| e.event == Event::Died).count();
    println!("{kills} kills, {samples} samples: 0 lost, 0 twice, {died} runs recovered from a dead process");
    assert!(samples > kills as usize / 2, "the child was killed before it did anything: {samples} samples");
}

#[test]
fn forty_kills_lose_nothing() {
    kill_many(40);
}

#[test]
#[ignore = "takes minutes: cargo xtask slow"]
fn a_thousand_kills_lose_nothing() {
    kill_many(1_000);
}
