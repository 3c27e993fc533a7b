//! The other tools, from their registries: real clients, none of whose code is in this repository.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::counts::Counts;
use crate::machine::{Machine, on_path};
use crate::process::{self, Show};

const NDT7_CLIENT: &str = "ndt7-client@0.3.1";
const CLOUDFLARE: &str = "@cloudflare/speedtest@1.14.1";
const RMBT_CLIENT: &str = "rmbt-client==1.1.1";

/// One of them is built from source.
const INSTALL_LIMIT: Duration = Duration::from_secs(25 * 60);
const TESTS_LIMIT: Duration = Duration::from_secs(15 * 60);

/// No part takes longer; a later call goes on.
const RUNS_LIMIT: Duration = Duration::from_secs(160 * 60);

/// Installs what is not there yet and says where: the folder `ispeed-lab peers --peers-dir` and the tests expect. An
/// error says which tool and why.
pub(crate) fn ensure(machine: &Machine) -> Result<PathBuf, String> {
    let root = machine.target.join("peers");
    machine.ensure("iperf3", "iperf3")?;
    ndt7(machine, &root.join("ndt7"))?;
    cloudflare(machine, &root.join("cloudflare"))?;
    rmbt(machine, &root.join("rmbt"))?;
    Ok(root)
}

/// Lines of the runs.
pub(crate) fn file(machine: &Machine) -> PathBuf {
    machine.target.join("lab").join("peers.jsonl")
}

/// The words of `cargo xtask lab` for the matrix, and those for the tools beside it: with `--peers` alone there is no
/// matrix, without it there are no tools.
pub(crate) fn split(words: &[String]) -> (Option<Vec<String>>, Option<Vec<String>>) {
    if !words.iter().any(|word| word == "--peers") {
        return (Some(words.to_vec()), None);
    }
    let matrix = words.iter().any(|word| word == "--full");
    let (mut grid, mut beside) = (Vec::new(), Vec::new());
    let mut rest = words.iter().filter(|word| *word != "--peers");
    while let Some(word) = rest.next() {
        let (of_grid, of_tools) = match word.as_str() {
            "--seeds" | "--minutes" => (true, true),
            "--tools" => (false, true),
            // A link's name is of the matrix if there is one.
            "--only" => (matrix, !matrix),
            _ => (true, false),
        };
        // Those of the tools all have a value.
        let with_value: Vec<String> =
            std::iter::once(word).chain(of_tools.then(|| rest.next()).flatten()).cloned().collect();
        if of_grid {
            grid.extend_from_slice(&with_value);
        }
        if of_tools {
            beside.extend(with_value);
        }
    }
    (matrix.then_some(grid), Some(beside))
}

/// The tools on the named links, with `words` of `ispeed-lab peers` such as `--seeds 1,2`.
pub(crate) fn run(machine: &Machine, lab: &Path, ispeed: &Path, words: &[String]) -> Result<(), String> {
    let peers = ensure(machine)?;
    let mut command = Command::new(lab);
    command.arg("peers").arg("--ispeed").arg(ispeed).arg("--peers-dir").arg(peers);
    command.arg("--out").arg(file(machine)).args(words);
    let ran = process::run(&mut command, RUNS_LIMIT, Show::Yes);
    if ran.ok { Ok(()) } else { Err(ran.why()) }
}

/// `cargo xtask interop`: every client against `ispeed serve` on loopback.
pub(crate) fn interop(machine: &Machine, parts: &[&str]) -> Counts {
    if let Err(why) = ensure(machine) {
        return Counts::skipped(
            why,
            "install it by hand into target/peers, or give this machine a way to its registry",
        );
    }
    let mut command = machine.cargo();
    command.args(["test", "--workspace", "--test", "interop_clients", "--no-fail-fast"]);
    command.args(["--", "--ignored", "--test-threads=1", "--nocapture"]);
    let finished = process::run(&mut command, TESTS_LIMIT, Show::Yes);
    Counts::of_tests(&finished.lines, finished.ok, parts)
}

fn ndt7(machine: &Machine, root: &Path) -> Result<(), String> {
    if root.join("bin/ndt7-client").exists() {
        return Ok(());
    }
    let mut install = niced(machine.cargo().get_program());
    install.args(["install", "--quiet", "--locked", "--root"]).arg(root).arg(NDT7_CLIENT);
    // Its build folder is its own: a lock on ours would keep others waiting.
    install.env("CARGO_TARGET_DIR", root.join("build"));
    installed(NDT7_CLIENT, install)?;
    // Only the program is of use.
    std::fs::remove_dir_all(root.join("build")).map_err(|error| format!("{}: {error}", root.display()))
}

fn cloudflare(machine: &Machine, root: &Path) -> Result<(), String> {
    if !on_path("node") || !on_path("npm") {
        machine.ensure("node", "nodejs")?;
        machine.ensure("npm", "npm")?;
    }
    if root.join("node_modules/@cloudflare/speedtest/dist/speedtest.js").exists() {
        return Ok(());
    }
    make(root)?;
    let manifest = root.join("package.json");
    std::fs::write(&manifest, "{\"private\":true}\n").map_err(|error| format!("{}: {error}", manifest.display()))?;
    let mut install = niced("npm");
    install.current_dir(root).args(["install", "--save-exact", "--ignore-scripts", "--no-audit", "--no-fund"]);
    install.args(["--silent", CLOUDFLARE]);
    installed(CLOUDFLARE, install)
}

fn rmbt(machine: &Machine, root: &Path) -> Result<(), String> {
    if root.join("bin/rmbt-client").exists() {
        return Ok(());
    }
    machine.ensure("python3", "python3")?;
    make(root)?;
    let mut environment = Command::new("python3");
    environment.args(["-m", "venv"]).arg(root);
    installed("a virtual environment of Python (apt-get install python3-venv)", environment)?;
    let mut install = niced(root.join("bin/pip"));
    install.args(["install", "--quiet", "--disable-pip-version-check", RMBT_CLIENT]);
    installed(RMBT_CLIENT, install)
}

fn make(folder: &Path) -> Result<(), String> {
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))
}

fn installed(what: &str, mut command: Command) -> Result<(), String> {
    eprintln!("installing {what}");
    let finished = process::run(&mut command, INSTALL_LIMIT, Show::No);
    if finished.ok { Ok(()) } else { Err(format!("{what} could not be installed: {}", finished.why())) }
}

/// A command at the lowest priority: an installation must not disturb a measurement.
fn niced(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("nice");
    command.args(["-n", "19"]).arg(program);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_go_to_those_who_know_them() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let of = |text: &str| split(&words(text));
        assert_eq!(of("--full --seeds 1,2"), (Some(words("--full --seeds 1,2")), None));
        assert_eq!(of("--peers --only 1/1 --seeds 3"), (None, Some(words("--only 1/1 --seeds 3"))));
        let (grid, beside) = of("--full --peers --seeds 7 --tools iperf3 --part 1/2");
        assert_eq!(grid, Some(words("--full --seeds 7 --part 1/2")));
        assert_eq!(beside, Some(words("--seeds 7 --tools iperf3")));
    }
}
