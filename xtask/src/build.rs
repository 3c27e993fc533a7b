//! What parts build before they look at it. Each selection of packages has features of its own, and with them dependencies
//! of its own: so parts that want the same thing ask for it here.

use std::path::PathBuf;
use std::time::Duration;

use crate::counts::Counts;
use crate::machine::Machine;
use crate::process::{self, Show};

/// From nothing on two cores, with room.
const LIMIT: Duration = Duration::from_secs(30 * 60);

/// The targets that the tests of a phone's shell take: the library it loads, and a program to serve it.
pub(crate) const LIBRARY_AND_PROGRAM: [&str; 3] = ["--lib", "--bin", "ispeed"];

/// Builds targets of the workspace for debugging; the folder they lie in.
///
/// cargo takes the features that the selected packages ask for, and those their tests ask for where a test is selected. With
/// the whole workspace and its smallest test they are those of `cargo test --workspace`, and nothing is built twice.
pub(crate) fn debug(machine: &Machine, targets: &[&str]) -> Result<PathBuf, Counts> {
    let words = [&["build", "--quiet", "--workspace", "--test", "dependencies"][..], targets].concat();
    cargo(machine, &words)?;
    Ok(machine.target.join("debug"))
}

/// Builds the program as people install it; its file.
pub(crate) fn release(machine: &Machine) -> Result<PathBuf, Counts> {
    cargo(machine, &["build", "--quiet", "--release", "--locked", "--package", "ispeed"])?;
    Ok(machine.target.join("release").join(format!("ispeed{}", std::env::consts::EXE_SUFFIX)))
}

/// Builds the laboratory and the program it runs; the folder they lie in.
pub(crate) fn laboratory(machine: &Machine) -> Result<PathBuf, Counts> {
    cargo(machine, &["build", "--quiet", "--release", "--package", "ispeed", "--package", "ispeed-lab"])?;
    Ok(machine.target.join("release"))
}

fn cargo(machine: &Machine, words: &[&str]) -> Result<(), Counts> {
    let finished = process::run(machine.cargo().args(words), LIMIT, Show::Yes);
    if finished.ok {
        return Ok(());
    }
    let why = format!("the build failed ({}), see above", finished.why());
    Err(Counts::of_one(false, why, format!("cargo {}", words.join(" "))))
}
