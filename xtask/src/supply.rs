//! What comes from others: licences, sources, banned crates, known vulnerabilities.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::counts::Counts;
use crate::machine::{Machine, on_path};
use crate::process::{self, Show};

/// Pinned, so that one commit is judged alike everywhere.
const VERSION: &str = "0.20.2";
/// It builds in two to three minutes on two cores; more means a machine that is busy with something else.
const INSTALL_LIMIT: Duration = Duration::from_secs(12 * 60);
const LIMIT: Duration = Duration::from_secs(5 * 60);

pub(crate) fn deny(machine: &Machine, _: &[&str]) -> Counts {
    check(machine, &["check", "bans", "licenses", "sources"])
}

pub(crate) fn advisories(machine: &Machine, _: &[&str]) -> Counts {
    let Some(program) = cargo_deny(machine) else { return not_installed() };
    let mut fetch = Command::new(program);
    if !process::run(fetch.args(["fetch", "db"]).current_dir(&machine.root), LIMIT, Show::No).ok {
        return Counts::skipped(
            "the advisory database cannot be fetched here",
            "the same with a network: cargo xtask advisories",
        );
    }
    check(machine, &["check", "--disable-fetch", "advisories"])
}

fn check(machine: &Machine, words: &[&str]) -> Counts {
    let Some(program) = cargo_deny(machine) else { return not_installed() };
    let mut command = Command::new(program);
    let finished = process::run(command.args(words).current_dir(&machine.root), LIMIT, Show::Yes);
    Counts::of_one(
        finished.ok,
        format!("cargo-deny objects ({}), see above", finished.why()),
        format!("cargo deny {}", words.join(" ")),
    )
}

fn not_installed() -> Counts {
    let cure = format!("cargo install cargo-deny --locked --version {VERSION}");
    Counts::skipped("cargo-deny is not installed and could not be built", cure)
}

/// The program on the path or in the user's cache, built there if it is in neither: another clone needs no other.
fn cargo_deny(machine: &Machine) -> Option<PathBuf> {
    if on_path("cargo-deny") {
        return Some("cargo-deny".into());
    }
    let tools = machine.cache.join(format!("cargo-deny-{VERSION}"));
    let program = tools.join("bin").join(if cfg!(windows) { "cargo-deny.exe" } else { "cargo-deny" });
    if !program.exists() {
        eprintln!("building cargo-deny {VERSION} into {}", tools.display());
        let mut install = machine.cargo();
        install
            .args(["install", "cargo-deny", "--locked", "--quiet", "--debug", "--version", VERSION, "--root"])
            .arg(&tools);
        process::run(&mut install, INSTALL_LIMIT, Show::Yes);
    }
    program.exists().then_some(program)
}
