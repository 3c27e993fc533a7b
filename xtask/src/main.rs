//! `cargo xtask COMMAND`: one command per job, the same on a laptop and in CI.
//!
//! `cargo xtask test` runs those of its parts that this machine can run, goes on after a failed one, and ends with a table and one
//! line `N passed, N failed, N skipped`. With `CI=true` a skipped part is a failure, except those that
//! `xtask/allowed-skips` names with a reason.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people: its output is its purpose")]

mod allowed;
mod android;
mod bench;
mod bindings;
mod build;
mod counts;
mod demo;
mod demo_checks;
mod ios;
mod ios_strings;
mod lab;
mod machine;
mod month;
mod namespace;
mod package;
mod parts;
mod peers;
mod process;
mod server;
mod strings;
mod supply;
mod table;
mod walk;

use std::process::ExitCode;
use std::time::Instant;

use counts::Counts;
use machine::Machine;
use parts::{LINT, PARTS, Part, TEST};
use table::Row;

/// A part that takes words of its own.
type WithWords = (&'static str, fn(&Machine, &[String]) -> Counts);
/// Those there are.
const WITH_WORDS: [WithWords; 3] = [("bindings", bindings::with), ("lab", lab::with), ("month", month::with)];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [part, more @ ..] = words.as_slice()
        && !more.is_empty()
        && let Some((name, with)) = WITH_WORDS.iter().find(|(name, _)| name == part)
    {
        let begun = Instant::now();
        return match Machine::find() {
            Ok(machine) => finish(vec![row(name, with(&machine, more), begun)]),
            Err(error) => fail(&error),
        };
    }
    if let [package, more @ ..] = words.as_slice()
        && package == "package"
        && let Some(wanted) = package::Wanted::parse(more)
    {
        let begun = Instant::now();
        return match Machine::find() {
            Ok(machine) => finish(vec![row("package", package::make(&machine, &wanted), begun)]),
            Err(error) => fail(&error),
        };
    }
    let Some(parts) = chosen(&words) else {
        eprint!("{}", usage());
        return ExitCode::from(2);
    };
    let machine = match Machine::find() {
        Ok(machine) => machine,
        Err(error) => return fail(&error),
    };
    finish(run(&parts, &machine))
}

fn fail(error: &impl std::fmt::Display) -> ExitCode {
    eprintln!("xtask: {error}");
    ExitCode::FAILURE
}

fn finish(rows: Vec<Row>) -> ExitCode {
    print!("{}", table::render(&rows));
    if rows.iter().any(|row| row.counts.failed > 0) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// The parts the words name: a group, or any number of parts; `None` for a word that is neither.
fn chosen(words: &[String]) -> Option<Vec<&'static Part>> {
    let named = |names: &[&str]| -> Option<Vec<&'static Part>> {
        names.iter().map(|name| PARTS.iter().find(|part| part.name == *name)).collect()
    };
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => None,
        ["test"] => named(TEST),
        ["lint"] => named(LINT),
        names => named(names),
    }
}

fn run(parts: &[&Part], machine: &Machine) -> Vec<Row> {
    let allowed = allowed::read(&machine.root);
    let all: Vec<&str> = parts.iter().map(|part| part.name).collect();
    parts
        .iter()
        .map(|part| {
            eprintln!("\n== {}: {}", part.name, part.about);
            let begun = Instant::now();
            let mut counts = (part.run)(machine, &all);
            if machine.ci && counts.skipped > 0 && !allowed.iter().any(|(name, _)| name == part.name) {
                counts.why = format!("skipped, which CI does not allow: {}", counts.why);
                counts.failed += counts.skipped;
                counts.skipped = 0;
            }
            let row = row(part.name, counts, begun);
            // A part that hangs the terminal later must not take the earlier results with it.
            eprintln!("== {}", row.line());
            row
        })
        .collect()
}

fn row(part: &'static str, counts: Counts, begun: Instant) -> Row {
    let cure = if counts.failed + counts.skipped == 0 {
        String::new()
    } else {
        counts.cure.clone().unwrap_or_else(|| format!("cargo xtask {part}"))
    };
    Row { part, counts, cure, elapsed: begun.elapsed() }
}

fn usage() -> String {
    let mut text = String::from(
        "cargo xtask COMMAND\n\n  test        all of the parts below that are marked *, then a table\n  lint        fmt, clippy, \
         deny, advisories\n  lab WORDS   runs of the laboratory, such as --full --peers --seeds 1,2, and docs/ACCURACY.md of them\n  \
         month --full  the month of the nation: time, memory, a tenth and ten times of it, Spark\n  \
         bindings --write|--full  the checked-in Kotlin, Swift and header made anew; the size at opt-levels 3 and z too\n  package deb|oci|all  a Debian package, an OCI image in a file, or both (--program FILE, --out DIR)\n\n\
         or any parts:\n\n",
    );
    for part in PARTS {
        let mark = if TEST.contains(&part.name) { '*' } else { ' ' };
        text.push_str(&format!("{mark} {:<11} {}\n", part.name, part.about));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_a_group_is_a_part_and_usage_names_them_all() {
        let words = |text: &str| vec![text.to_owned()];
        assert_eq!(chosen(&words("test")).unwrap().len(), TEST.len());
        assert_eq!(chosen(&words("lint")).unwrap().len(), LINT.len());
        assert!(chosen(&words("tset")).is_none());
        assert!(chosen(&[]).is_none());
        assert!(PARTS.iter().all(|part| usage().contains(part.name)));
    }
}
