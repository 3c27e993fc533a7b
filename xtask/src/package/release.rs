//! The program that is packed, its version, its time and what it needs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::machine::Machine;
use crate::process::{self, Show};

use super::tree;

/// xz takes a minute of one core for the program; a machine that builds beside it gives it a part of one.
const TOOL_LIMIT: Duration = Duration::from_secs(600);

/// A program ready to be packed.
pub(crate) struct Release {
    /// Without symbols.
    pub(crate) program: Vec<u8>,
    /// Where that lies.
    pub(crate) path: PathBuf,
    /// Version of the workspace: `0.1.0`.
    pub(crate) version: &'static str,
    /// The commit, short; empty outside a repository.
    pub(crate) commit: String,
    /// Seconds since 1970 that everything in a package carries.
    pub(crate) epoch_s: u64,
    /// Shared libraries, by the names the loader looks for.
    pub(crate) needs: Vec<String>,
    /// Oldest glibc it runs with.
    pub(crate) glibc: (u32, u32),
}

/// Builds the program, unless another is named, and looks at it.
pub(crate) fn build(machine: &Machine, program: Option<&Path>, work: &Path) -> Result<Release, String> {
    let built = match program {
        Some(path) => path.to_owned(),
        None => crate::build::release(machine).map_err(|counts| counts.why)?,
    };
    tree::make_folder(work)?;
    let path = work.join("ispeed");
    // Line tables are two thirds of it, and a package is no place to look for them.
    said(Command::new("strip").args(["--strip-all", "--remove-section=.comment", "-o"]).arg(&path).arg(&built))?;
    let headers = said(Command::new("objdump").arg("-p").arg(&path))?;
    let commit = said(git(machine).args(["rev-parse", "--short=12", "HEAD"])).unwrap_or_default();
    Ok(Release {
        program: tree::read(&path)?,
        path,
        version: env!("CARGO_PKG_VERSION"),
        commit,
        epoch_s: epoch(machine)?,
        needs: needs(&headers),
        glibc: glibc(&headers).ok_or("the program asks for no glibc: packages for musl are not made here")?,
    })
}

fn git(machine: &Machine) -> Command {
    let mut command = Command::new("git");
    command.current_dir(&machine.root).env("TZ", "UTC");
    command
}

/// `SOURCE_DATE_EPOCH`, else the time of the commit.
fn epoch(machine: &Machine) -> Result<u64, String> {
    let (text, source) = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => (text, "SOURCE_DATE_EPOCH"),
        Err(_) => {
            let text = said(git(machine).args(["log", "-1", "--format=%ct"]))
                .map_err(|why| format!("{why}; outside a repository set SOURCE_DATE_EPOCH to seconds since 1970"))?;
            (text, "the time of the commit")
        }
    };
    text.parse().map_err(|_| format!("{source} is {text:?}; expected seconds since 1970"))
}

/// What a command wrote to standard output, trimmed.
pub(crate) fn said(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let finished = process::run(command, TOOL_LIMIT, Show::No);
    if finished.ok {
        Ok(finished.lines.join("\n").trim().to_owned())
    } else {
        Err(format!("{name}: {}", finished.why()))
    }
}

/// `NEEDED` of `objdump -p`.
fn needs(headers: &str) -> Vec<String> {
    let name = |line: &str| line.trim().strip_prefix("NEEDED").map(|name| name.trim().to_owned());
    headers.lines().filter_map(name).collect()
}

/// The newest `GLIBC_a.b` of the version references.
fn glibc(headers: &str) -> Option<(u32, u32)> {
    let version = |line: &str| {
        let mut numbers = line.split_whitespace().last()?.strip_prefix("GLIBC_")?.split('.');
        Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    };
    headers.lines().filter_map(version).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADERS: &str = "
Dynamic Section:
  NEEDED               libgcc_s.so.1
  NEEDED               libc.so.6
  INIT                 0x0000000000400000

Version References:
  required from libgcc_s.so.1:
    0x0b792650 0x00 05 GCC_3.0
  required from libc.so.6:
    0x09691a75 0x00 03 GLIBC_2.2.5
    0x069691b4 0x00 02 GLIBC_2.34
    0x06969187 0x00 07 GLIBC_2.9
";

    #[test]
    fn what_a_program_needs_is_read_from_its_headers() {
        assert_eq!(needs(HEADERS), ["libgcc_s.so.1", "libc.so.6"]);
        assert_eq!(glibc(HEADERS), Some((2, 34)));
        assert_eq!(glibc("static"), None);
    }
}
