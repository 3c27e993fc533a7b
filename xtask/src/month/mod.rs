//! `cargo xtask month`: a made-up month is closed on both databases, and everything that comes out is checked by others.
//!
//! Small in `cargo xtask test`: a province, some thousand samples. `cargo xtask month --full`: the nation, its costs, ten times
//! and a tenth of it, Spark with two workers, two collectors at once.

mod closes;
mod errors;
mod full;
mod postgres;
mod python;
mod relay;
mod servers;
mod stage;

use std::path::Path;
use std::time::Instant;

use crate::build;
use crate::counts::Counts;
use crate::machine::Machine;
use postgres::Postgres;
use python::Python;
use stage::{Stage, Store};

/// A named check and how it ended.
pub(crate) type Check = (String, Result<(), String>);

/// The month that is made: over, and its cut-off too, for years to come.
pub(crate) const MONTH: &str = "2026-10";
/// Province of the small run, the one of the seed letter, and how many samples it gets.
const PROVINCE: &str = "75";
const SAMPLES: u64 = 6_000;

/// The part of `cargo xtask test`.
pub(crate) fn run(machine: &Machine, _: &[&str]) -> Counts {
    counted(machine, small)
}

/// `cargo xtask month WORDS`.
pub(crate) fn with(machine: &Machine, words: &[String]) -> Counts {
    match words {
        [full] if full == "--full" => counted(machine, full::run),
        _ => Counts::of_one(false, "the one word known here is --full", "cargo xtask month --full"),
    }
}

const CALC: &str = "libreoffice-calc-nogui";
const READERS_CURE: &str =
    "apt-get install poppler-utils libreoffice-calc-nogui libreoffice-writer-nogui fonts-liberation";
/// Debian's font with the measures of Times New Roman.
const SERIF: &str = "/usr/share/fonts/truetype/liberation/LiberationSerif-Regular.ttf";

fn counted(machine: &Machine, checks: fn(&Machine) -> Result<Vec<Check>, Counts>) -> Counts {
    match checks(machine) {
        Ok(checks) => Counts::of_checks(&checks),
        Err(counts) => counts,
    }
}

/// The release program, the other programs, a folder: or why there is none of them.
fn prepare(machine: &Machine, spark: bool) -> Result<(Stage, Postgres, Python), Counts> {
    let skipped = |cure: &'static str| move |why: String| Counts::skipped(why, cure);
    for (program, package) in [("pdftotext", "poppler-utils"), ("pdftoppm", "poppler-utils"), ("soffice", CALC)] {
        machine.ensure(program, package).map_err(skipped(READERS_CURE))?;
    }
    // One program, two packages without windows: each brings the part that opens its kind of file.
    for (part, package) in [("libsclo.so", CALC), ("libswlo.so", "libreoffice-writer-nogui")] {
        machine.ensure_office_part(part, package).map_err(skipped(READERS_CURE))?;
    }
    // The DOCX names Times New Roman: without a font of its measures LibreOffice breaks lines elsewhere.
    if Path::new("/usr/lib/libreoffice").exists() {
        machine.ensure_file(Path::new(SERIF), "fonts-liberation").map_err(skipped(READERS_CURE))?;
    }
    let python = Python::ensure(machine, spark)
        .map_err(skipped("install it by hand into target/month/venv, or give this machine a way to its registry"))?;
    let program = build::release(machine)?;
    let stage = Stage::new(machine, program).map_err(|why| Counts::of_one(false, why, "cargo xtask month"))?;
    let postgres = Postgres::start(machine).map_err(skipped("apt-get install postgresql"))?;
    Ok((stage, postgres, python))
}

fn small(machine: &Machine) -> Result<Vec<Check>, Counts> {
    let (stage, postgres, python) = prepare(machine, false)?;
    let mut checks = Checks::default();
    let sqlite = Store { data: stage.dir.join("sqlite"), database: None };
    let database = postgres.create("month").map_err(|why| Counts::of_one(false, why, "cargo xtask month"))?;
    let postgresql = stage.beside("postgres", &database);
    let area = ["--province", PROVINCE];
    for (name, store) in [("SQLite", &sqlite), ("PostgreSQL", &postgresql)] {
        checks.of(&format!("a made-up month in {name}"), || stage.synth(store, SAMPLES, 1, &area));
    }
    checks.of("made-up months are kept apart from others", || errors::synth_is_kept_apart(&stage, &sqlite));
    checks.extend(closes::both(&stage, &sqlite, &postgresql, &area));
    let folder = stage.dir.join("closed");
    checks.extend(python.checks("readers.py", &[&folder, &"--work", &stage.dir.join("readers")]));
    checks.extend(python.checks("recompute.py", &[&folder, &"--seed", &"1"]));
    checks.extend(closes::raw(&stage, &python, &sqlite, &folder));
    checks.extend(errors::all(&stage, &postgres, &sqlite, &postgresql, &area));
    stage.finish(&checks.list);
    Ok(checks.list)
}

/// Checks as they come, with their time.
#[derive(Default)]
struct Checks {
    list: Vec<Check>,
}

impl Checks {
    fn of<T>(&mut self, name: &str, check: impl FnOnce() -> Result<T, String>) -> Option<T> {
        let begun = Instant::now();
        let result = check();
        let word = if result.is_ok() { "ok" } else { "FAILED" };
        eprintln!("   {word} {name} ({:.1} s)", begun.elapsed().as_secs_f64());
        match result {
            Ok(value) => {
                self.list.push((name.to_owned(), Ok(())));
                Some(value)
            }
            Err(why) => {
                self.list.push((name.to_owned(), Err(why)));
                None
            }
        }
    }

    fn extend(&mut self, more: Vec<Check>) {
        self.list.extend(more);
    }
}
