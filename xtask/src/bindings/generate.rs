//! The generated files: what the generator makes, and whether it is what is checked in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::Check;
use crate::build;
use crate::machine::Machine;
use crate::process::{self, Show};
use crate::walk;

/// Where the checked-in files lie.
const KEPT: &str = "bindings/generated";
const CONFIG: &str = "bindings/bindgen.toml";
const RUN_LIMIT: Duration = Duration::from_secs(120);

/// Checks that the kept files are fresh, or makes them so.
pub(super) fn checks(machine: &Machine, library: &Path, write: bool) -> Vec<Check> {
    let fresh = machine.target.join("bindings").join("generated");
    let name = "the generator".to_owned();
    if let Err(why) = all(machine, library, &fresh) {
        return vec![(name, Err(why))];
    }
    let kept = machine.root.join(KEPT);
    let compared = files(&fresh).and_then(|made| {
        if write {
            replace(&kept, &made)?;
        }
        compare(&files(&kept)?, &made)
    });
    vec![(name, Ok(())), ("the checked-in files are the generator's".to_owned(), compared)]
}

/// Python for the tests: `ispeed.py` beside the library.
pub(super) fn python(machine: &Machine, library: &Path, out: &Path) -> Result<(), String> {
    language(machine, &generators(machine)?, library, "python", out)?;
    let to = out.join("libispeed.so");
    std::fs::copy(library, &to).map(drop).map_err(|error| format!("{}: {error}", to.display()))
}

fn all(machine: &Machine, library: &Path, out: &Path) -> Result<(), String> {
    let _ = std::fs::remove_dir_all(out);
    let generators = generators(machine)?;
    language(machine, &generators, library, "kotlin", &out.join("kotlin"))?;
    let swift = generators.join("uniffi-bindgen-swift");
    let (sources, headers) = (out.join("swift"), out.join("swift").join("headers"));
    let map = ["--modulemap", "--module-name", "IspeedFFI", "--modulemap-filename", "module.modulemap"];
    for (dir, words) in [(&sources, &["--swift-sources"][..]), (&headers, &["--headers"][..]), (&headers, &map[..])] {
        let mut command = Command::new(&swift);
        finish(machine, command.args(["--config", CONFIG]).arg(library).arg(dir).args(words))?;
    }
    Ok(())
}

/// The folder with the programs of `bindings/bindgen`, built for this machine.
fn generators(machine: &Machine) -> Result<PathBuf, String> {
    let programs = ["--bin", "uniffi-bindgen", "--bin", "uniffi-bindgen-swift"];
    build::debug(machine, &programs).map_err(|counts| counts.why)
}

/// The files of a language that one program makes in one go.
fn language(machine: &Machine, generators: &Path, library: &Path, name: &str, out: &Path) -> Result<(), String> {
    let mut command = Command::new(generators.join("uniffi-bindgen"));
    command.args(["generate", "--no-format", "--config", CONFIG, "--language", name, "--out-dir"]).arg(out);
    finish(machine, command.arg(library))
}

fn finish(machine: &Machine, command: &mut Command) -> Result<(), String> {
    let finished = process::run(command.current_dir(&machine.root), RUN_LIMIT, Show::No);
    if finished.ok { Ok(()) } else { Err(format!("{:?}: {}", command.get_program(), finished.why())) }
}

type Files = BTreeMap<PathBuf, Vec<u8>>;

/// All files below a folder, by their path in it.
fn files(root: &Path) -> Result<Files, String> {
    Ok(walk::contents(root)?.into_iter().map(|(path, bytes)| (path.into(), bytes)).collect())
}

fn compare(kept: &Files, made: &Files) -> Result<(), String> {
    let differ: Vec<String> = kept
        .keys()
        .chain(made.keys())
        .filter(|path| kept.get(*path) != made.get(*path))
        .map(|path| path.display().to_string())
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect();
    if differ.is_empty() {
        Ok(())
    } else {
        Err(format!("{KEPT} is not what the generator makes: {}", differ.join(", ")))
    }
}

fn replace(kept: &Path, made: &Files) -> Result<(), String> {
    let _ = std::fs::remove_dir_all(kept);
    for (path, bytes) in made {
        let to = kept.join(path);
        let dir = to.parent().unwrap_or(kept);
        let written = std::fs::create_dir_all(dir).and_then(|()| std::fs::write(&to, bytes));
        written.map_err(|error| format!("{}: {error}", to.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_a_missing_and_a_superfluous_file_are_named() {
        let files = |all: &[(&str, &str)]| -> Files {
            all.iter().map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec())).collect()
        };
        let made = files(&[("a.kt", "1"), ("b.h", "2")]);
        assert_eq!(compare(&made, &made), Ok(()));
        let why = compare(&files(&[("a.kt", "0"), ("c.h", "2")]), &made).unwrap_err();
        assert!(why.ends_with("a.kt, b.h, c.h"), "{why}");
    }
}
