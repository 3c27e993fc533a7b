//! The nation: 996,300 samples, its time and memory on both databases, a tenth and ten times as many, Spark with two workers,
//! 100,000 uploads through two collectors.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use super::python::{Python, text};
use super::servers::Spark;
use super::stage::{Stage, Store, same};
use super::{Check, Checks, MONTH, closes, prepare};
use crate::counts::Counts;
use crate::machine::Machine;
use crate::process::{self, Show};

/// 300 for each of 3,321 communes.
const NATION: u64 = 996_300;
/// What a close of the nation may take on two cores (issue 5).
const CLOSE_SECONDS: f64 = 60.0;
const CLOSE_MB: f64 = 300.0;
/// Cost a sample may not rise by more than this from a tenth to ten times.
const LINEAR: f64 = 1.6;
const TESTS_LIMIT: Duration = Duration::from_secs(60 * 60);

pub(super) fn run(machine: &Machine) -> Result<Vec<Check>, Counts> {
    let (stage, postgres, python) = prepare(machine, true)?;
    let mut checks = Checks::default();
    let timed = Timed { stage: &stage, python: &python };
    // First, while the disk is empty: ten million samples are 40 GB.
    checks.of("cost grows linearly: 0.1, 1 and 10 million", || scaling(&stage, &timed));
    let sqlite = Store { data: stage.dir.join("sqlite"), database: None };
    let database = postgres.create("nation").map_err(|why| Counts::of_one(false, why, "cargo xtask month --full"))?;
    let postgresql = stage.beside("postgres", &database);
    for (name, store) in [("SQLite", &sqlite), ("PostgreSQL", &postgresql)] {
        checks.of(&format!("{NATION} samples in {name}"), || stage.synth(store, NATION, 1, &[]));
    }
    let (closed, other) = (stage.dir.join("closed"), stage.dir.join("closed-pg"));
    for (name, store, out) in [("SQLite", &sqlite, &closed), ("PostgreSQL", &postgresql, &other)] {
        checks.of(&format!("the nation and 34 provinces are closed from {name} in 60 s and 300 MB"), || {
            timed.close(store, out, &[])?.within(CLOSE_SECONDS, CLOSE_MB)
        });
    }
    checks.of("both folders are equal to the byte", || same(&closed, &other));
    checks.of("month verify", || stage.succeeds(&["month", "verify", &text(&closed)]));
    checks.of("with the documents of 3,321 communes", || {
        let cost = timed.close(&sqlite, &stage.dir.join("closed-communes"), &["--communes"])?;
        eprintln!("   with commune documents: {cost}");
        Ok(())
    });
    checks.extend(python.checks("readers.py", &[&closed, &"--work", &stage.dir.join("readers")]));
    checks.extend(python.checks("recompute.py", &[&closed, &"--seed", &"1"]));
    checks.extend(closes::raw(&stage, &python, &sqlite, &closed));
    checks.extend(by_spark(&stage, &python, &closed));
    checks.extend(two_collectors(machine));
    stage.finish(&checks.list);
    Ok(checks.list)
}

/// The same figures from a cluster.
fn by_spark(stage: &Stage, python: &Python, closed: &Path) -> Vec<Check> {
    let spark = match Spark::start(python, &stage.dir) {
        Ok(spark) => spark,
        Err(why) => return vec![("a Spark cluster of two workers".to_owned(), Err(why))],
    };
    let month = stage.dir.join("raw").join(format!("month={MONTH}"));
    let figures = closed.join("figures.csv");
    let arguments: [&dyn AsRef<OsStr>; 8] =
        [&"--engine", &"spark", &"--master", &spark.master, &"--raw", &month, &"--figures", &figures];
    python.checks("by_sql.py", &arguments)
}

fn scaling(stage: &Stage, timed: &Timed<'_>) -> Result<(), String> {
    let mut costs = Vec::new();
    for samples in [100_000, 1_000_000, 10_000_000_u64] {
        let store = Store { data: stage.dir.join(format!("scale-{samples}")), database: None };
        stage.synth(&store, samples, 2, &[])?;
        let cost = timed.close(&store, &stage.dir.join(format!("scale-{samples}-closed")), &[])?;
        eprintln!("   {samples} samples: {cost}, {:.1} µs a sample", cost.seconds * 1e6 / samples as f64);
        let _ = std::fs::remove_dir_all(&store.data);
        costs.push((samples as f64, cost.seconds));
    }
    // The documents cost the same whatever the samples, so it is the slope that is compared.
    let slope = |a: usize, b: usize| (costs[b].1 - costs[a].1) / (costs[b].0 - costs[a].0);
    let (small, large) = (slope(0, 1), slope(1, 2));
    if large <= small * LINEAR {
        Ok(())
    } else {
        Err(format!("{:.1} µs a sample, then {:.1}", small * 1e6, large * 1e6))
    }
}

/// The server's own test of two collectors on one database.
fn two_collectors(machine: &Machine) -> Vec<Check> {
    let mut command = machine.cargo();
    command.args(["test", "--release", "--package", "ispeed-server", "--no-fail-fast", "--test", "collectors"]);
    command.args(["--", "--ignored", "--test-threads=1", "--nocapture", "two_collectors_take_uploads"]);
    command.env("ISPEED_UPLOADS", "100000");
    let finished = process::run(&mut command, TESTS_LIMIT, Show::Yes);
    let counts = Counts::of_tests(&finished.lines, finished.ok, &["store"]);
    let passed = counts.passed > 0 && counts.failed == 0;
    let result = if passed { Ok(()) } else { Err(format!("{} passed; {}", counts.passed, counts.why)) };
    vec![("two collectors take 100,000 uploads at once".to_owned(), result)]
}

struct Timed<'a> {
    stage: &'a Stage,
    python: &'a Python,
}

/// What a run took.
struct Cost {
    seconds: f64,
    resident_mb: f64,
}

impl std::fmt::Display for Cost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.1} s, {:.0} MB resident", self.seconds, self.resident_mb)
    }
}

impl Cost {
    fn within(&self, seconds: f64, megabytes: f64) -> Result<(), String> {
        eprintln!("   {self}");
        let holds = self.seconds <= seconds && self.resident_mb <= megabytes;
        if holds { Ok(()) } else { Err(format!("{self}; allowed are {seconds} s and {megabytes} MB")) }
    }
}

impl Timed<'_> {
    /// A close under the eye of `timed.py`, which knows its time and greatest resident size.
    fn close(&self, store: &Store, out: &Path, more: &[&str]) -> Result<Cost, String> {
        let words = self.stage.close_words(store, out, more);
        let lines = self.python.lines("timed.py", &self.stage.program, &words)?;
        let last = lines.last().cloned().unwrap_or_default();
        let mut numbers = last.strip_prefix("timed ").unwrap_or_default().split(' ').map(str::parse::<f64>);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(seconds)), Some(Ok(resident_mb))) => Ok(Cost { seconds, resident_mb }),
            _ => Err(lines.join(" / ")),
        }
    }
}
