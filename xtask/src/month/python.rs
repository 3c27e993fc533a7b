//! The programs of `tests/month/`: other people's libraries, in a virtual environment below the build folder.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::Check;
use crate::machine::Machine;
use crate::process::{self, Show};

/// Pinned, so that a run of next year is this run.
const PACKAGES: [&str; 4] = ["openpyxl==3.1.5", "pyarrow==26.0.1", "duckdb==2.0.1", "moto[server]==5.2.5"];
const SPARK: &str = "pyspark==4.0.1";
const INSTALL_LIMIT: Duration = Duration::from_secs(25 * 60);
const SCRIPT_LIMIT: Duration = Duration::from_secs(60 * 60);

/// The environment.
pub(super) struct Python {
    root: PathBuf,
    scripts: PathBuf,
}

impl Python {
    /// Makes it and installs what is missing.
    pub(super) fn ensure(machine: &Machine, spark: bool) -> Result<Self, String> {
        let root = machine.target.join("month").join("venv");
        machine.ensure("python3", "python3")?;
        let python = Self { root, scripts: machine.root.join("tests/month") };
        if !python.bin("pip").exists() {
            // Debian has the module apart.
            let _ = machine.ensure("python3-venv", "python3-venv");
            let mut make = Command::new("python3");
            installed("a virtual environment of Python", make.args(["-m", "venv"]).arg(&python.root))?;
        }
        let wanted: Vec<&str> = PACKAGES.into_iter().chain(spark.then_some(SPARK)).collect();
        let note = python.root.join("installed");
        if std::fs::read_to_string(&note).is_ok_and(|text| wanted.iter().all(|package| text.contains(package))) {
            return Ok(python);
        }
        let mut install = Command::new("nice");
        install.args(["-n", "19"]).arg(python.bin("pip")).args(["install", "--quiet", "--disable-pip-version-check"]);
        installed(&wanted.join(" "), install.args(&wanted))?;
        std::fs::write(&note, wanted.join("\n")).map_err(|error| format!("{}: {error}", note.display()))?;
        Ok(python)
    }

    /// A program of the environment.
    pub(super) fn bin(&self, name: &str) -> PathBuf {
        self.root.join("bin").join(name)
    }

    /// Where a package of the environment lies.
    pub(super) fn package(&self, name: &str) -> Result<PathBuf, String> {
        let libraries = std::fs::read_dir(self.root.join("lib")).map_err(|error| error.to_string())?;
        let mut found = libraries.flatten().map(|entry| entry.path().join("site-packages").join(name));
        found.find(|path| path.is_dir()).ok_or_else(|| format!("{name} is not in {}", self.root.display()))
    }

    /// Runs a script over another program; its lines.
    pub(super) fn lines(&self, script: &str, program: &Path, words: &[String]) -> Result<Vec<String>, String> {
        let mut command = self.script(script);
        let finished = process::run(command.arg(program).args(words), SCRIPT_LIMIT, Show::No);
        if finished.ok {
            Ok(finished.lines)
        } else {
            Err(format!("{}: {}", finished.why(), finished.lines.join(" / ")))
        }
    }

    fn script(&self, script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", "exec \"$0\" \"$@\" 2>&1"]).arg(self.bin("python3")).arg(self.scripts.join(script));
        command.env("PYTHONDONTWRITEBYTECODE", "1").env("LC_ALL", "C.UTF-8");
        command
    }

    /// Runs a script, each of whose lines `ok NAME` and `FAILED NAME: why` is a check; one that says nothing failed.
    pub(super) fn checks(&self, script: &str, arguments: &[&dyn AsRef<OsStr>]) -> Vec<Check> {
        let mut command = self.script(script);
        command.args(arguments.iter().map(|argument| argument.as_ref()));
        let finished = process::run(&mut command, SCRIPT_LIMIT, Show::Yes);
        let mut checks: Vec<Check> = finished.lines.iter().filter_map(|line| of_line(script, line)).collect();
        if !finished.ok && checks.iter().all(|(_, result)| result.is_ok()) || checks.is_empty() {
            let last = finished.lines.last().map_or("", String::as_str);
            checks.push((script.to_owned(), Err(format!("{}: {last}", finished.why()))));
        }
        checks
    }
}

fn of_line(script: &str, line: &str) -> Option<Check> {
    if let Some(name) = line.strip_prefix("ok ") {
        return Some((format!("{script}: {name}"), Ok(())));
    }
    let (name, why) = line.strip_prefix("FAILED ")?.split_once(": ").unwrap_or((line, "it says no more"));
    Some((format!("{script}: {name}"), Err(why.to_owned())))
}

fn installed(what: &str, command: &mut Command) -> Result<(), String> {
    eprintln!("installing {what}");
    let finished = process::run(command, INSTALL_LIMIT, Show::No);
    if finished.ok { Ok(()) } else { Err(format!("{what} could not be installed: {}", finished.why())) }
}

/// As an argument.
pub(super) fn text(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_check_or_talk() {
        assert_eq!(of_line("a.py", "ok 300 rows"), Some(("a.py: 300 rows".to_owned(), Ok(()))));
        assert_eq!(
            of_line("a.py", "FAILED codes: no text"),
            Some(("a.py: codes".to_owned(), Err("no text".to_owned())))
        );
        assert!(of_line("a.py", "FAILED codes").is_some_and(|(_, result)| result.is_err()));
        assert_eq!(of_line("a.py", "okay"), None);
    }
}
