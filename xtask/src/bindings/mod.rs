//! `cargo xtask bindings`: the library of the phone shells, built as it is shipped.
//!
//! - The checked-in Kotlin, Swift, header and module map are those the generator makes of it (`--write` makes them so).
//! - Its size, stripped and packed, within its budget, and which crate costs how much; `--full` also at `opt-level` 3 and z.
//! - Its segments can be mapped in pages of 16 KB.
//! - The tests of `bindings/e2e`: the library as a shell sees it, against the release program.

mod e2e;
mod elf;
mod generate;
mod size;
mod symbols;

use std::path::PathBuf;
use std::time::Duration;

use crate::counts::Counts;
use crate::machine::Machine;
use crate::process::{self, Show};

/// A fat link on two cores, with room.
const BUILD_LIMIT: Duration = Duration::from_secs(30 * 60);

type Check = (String, Result<(), String>);

/// `cargo xtask bindings`, as a part of the checks.
pub(crate) fn run(machine: &Machine, _: &[&str]) -> Counts {
    check(machine, &Wanted::default())
}

/// The same with words of its own.
pub(crate) fn with(machine: &Machine, words: &[String]) -> Counts {
    match Wanted::parse(words) {
        Some(wanted) => check(machine, &wanted),
        None => Counts::of_one(
            false,
            format!("cannot read {:?}; expected --write and --full", words.join(" ")),
            "cargo xtask bindings --write",
        ),
    }
}

/// What the words ask for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    /// Replace the checked-in files.
    write: bool,
    /// Build it for size, too.
    full: bool,
}

impl Wanted {
    fn parse(words: &[String]) -> Option<Self> {
        let mut wanted = Self::default();
        for word in words {
            match word.as_str() {
                "--write" => wanted.write = true,
                "--full" => wanted.full = true,
                _ => return None,
            }
        }
        Some(wanted)
    }
}

fn check(machine: &Machine, wanted: &Wanted) -> Counts {
    if !cfg!(target_os = "linux") {
        return Counts::skipped("the library is looked at as ELF", "the same on Linux: cargo xtask bindings");
    }
    for (program, package) in
        [("nm", "binutils"), ("readelf", "binutils"), ("strip", "binutils"), ("python3", "python3"), ("cc", "gcc")]
    {
        if let Err(why) = machine.ensure(program, package) {
            return Counts::skipped(why, format!("apt-get install {package}"));
        }
    }
    let library = match build(machine, "phone") {
        Ok(library) => library,
        Err(why) => return Counts::of_one(false, why, "cargo build --profile phone --package ispeed-ffi"),
    };
    let mut checks = generate::checks(machine, &library, wanted.write);
    checks.push(("the size is within its budget".to_owned(), size::check(&library)));
    checks.push(("pages of 16 KB".to_owned(), elf::check(&library)));
    symbols::print(&library);
    if wanted.full {
        for (profile, name) in [("phone-fast", "opt 3"), ("phone-z", "opt z")] {
            let weighed = build(machine, profile).and_then(|library| size::report(name, &library).map(|_| ()));
            checks.push((format!("built at {name}"), weighed));
        }
    }
    let mut counts = Counts::of_checks(&checks);
    if counts.failed > 0 {
        counts.cure = Some("cargo xtask bindings --write".to_owned());
    }
    counts.add(e2e::run(machine, &library));
    counts
}

/// Builds the library with a profile; its file.
fn build(machine: &Machine, profile: &str) -> Result<PathBuf, String> {
    let mut command = machine.cargo();
    command.args(["build", "--quiet", "--package", "ispeed-ffi", "--profile", profile]);
    let finished = process::run(&mut command, BUILD_LIMIT, Show::Yes);
    if !finished.ok {
        return Err(format!("the build with the profile {profile} failed: {}", finished.why()));
    }
    let library = machine.target.join(profile).join("libispeed.so");
    if library.exists() { Ok(library) } else { Err(format!("{} was not made", library.display())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_taken_in_any_order_and_others_refused() {
        let parse = |words: &[&str]| Wanted::parse(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>());
        assert_eq!(parse(&["--full", "--write"]), Some(Wanted { write: true, full: true }));
        assert_eq!(parse(&["--wrte"]), None);
    }
}
