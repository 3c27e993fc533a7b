//! The tests of `bindings/e2e`, in a network namespace whose loopback has a known capacity where this process may make one.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::generate;
use crate::build;
use crate::counts::Counts;
use crate::machine::Machine;
use crate::namespace::Namespace;
use crate::process::{self, Show};

/// Capacity of the shaped loopback: far below what two cores measure, so that a ratio of rates says something.
const SHAPED_BPS: u64 = 50_000_000;
/// Some thirty runs of a few seconds, with room.
const RUN_LIMIT: Duration = Duration::from_secs(15 * 60);
const CURE: &str = "cargo xtask bindings";

pub(super) fn run(machine: &Machine, library: &Path) -> Counts {
    let program = match build::release(machine) {
        Ok(program) => program,
        Err(counts) => return counts,
    };
    let modules = machine.target.join("bindings").join("python");
    let _ = std::fs::remove_dir_all(&modules);
    if let Err(why) = std::fs::create_dir_all(&modules).map_err(|error| error.to_string()) {
        return Counts::of_one(false, why, CURE);
    }
    if let Err(why) = generate::python(machine, library, &modules) {
        return Counts::of_one(false, why, CURE);
    }
    tests(machine, &program, &modules, shaped(machine).as_ref())
}

fn tests(machine: &Machine, program: &Path, modules: &Path, shaped: Option<&Namespace>) -> Counts {
    let mut command = match shaped {
        None => Command::new("python3"),
        Some(shaped) => {
            let mut command = shaped.command("python3");
            command.env("ISPEED_SHAPED_BPS", SHAPED_BPS.to_string());
            command
        }
    };
    // unittest speaks on standard error; the runner of the folder's own says the same on standard output.
    command.arg("run.py").current_dir(machine.root.join("bindings/e2e"));
    command.env("ISPEED_PROGRAM", program).env("PYTHONPATH", modules).env("PYTHONDONTWRITEBYTECODE", "1");
    let finished = process::run(&mut command, RUN_LIMIT, Show::Yes);
    counts(&finished.lines, finished.ok)
}

/// Reads the last line `e2e: N passed, N failed, N skipped: names`.
fn counts(lines: &[String], ok: bool) -> Counts {
    let last = lines.iter().rev().find_map(|line| line.strip_prefix("e2e: "));
    let Some((numbers, names)) = last.and_then(|line| line.split_once(": ")) else {
        return Counts::of_one(false, "the tests of bindings/e2e ended without a result", CURE);
    };
    let numbers: Vec<u32> = numbers.split(", ").filter_map(|part| part.split(' ').next()?.parse().ok()).collect();
    match numbers[..] {
        [passed, failed, skipped] if ok == (failed == 0) => {
            Counts { passed, failed, skipped, why: names.trim().to_owned(), cure: Some(CURE.to_owned()) }
        }
        _ => Counts::of_one(false, format!("cannot read {:?}", last.unwrap_or_default()), CURE),
    }
}

/// A network namespace whose loopback has a known capacity.
fn shaped(machine: &Machine) -> Option<Namespace> {
    if !machine.is_root || machine.ensure("ip", "iproute2").is_err() {
        return None;
    }
    let namespace = Namespace::make("bindings")?;
    // The usual packet of a phone's network: one of loopback's own 64 KB would not fit through the bucket.
    let made = namespace.run(&["ip", "link", "set", "lo", "mtu", "1500", "up"])
        && namespace.shape(&SHAPED_BPS.to_string(), "128kb");
    made.then_some(namespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_the_result() {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let read = counts(&lines("ratio 1.0\ne2e: 12 passed, 1 failed, 2 skipped: test_x"), false);
        assert_eq!((read.passed, read.failed, read.skipped, read.why.as_str()), (12, 1, 2, "test_x"));
        assert_eq!(counts(&lines("Traceback"), false).failed, 1);
        assert_eq!(counts(&lines("e2e: 3 passed, 0 failed, 0 skipped: "), false).failed, 1, "it died after its line");
    }
}
