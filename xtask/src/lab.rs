//! The laboratory: the release program on emulated links.
//!
//! `cargo xtask lab` runs the short subset and asserts behaviour; with words behind it (`cargo xtask lab --full --seeds
//! 1,2`) it runs what they say, goes on where an earlier call stopped, and writes `docs/ACCURACY.md`; `--peers` among the
//! words installs the other tools and runs them and ours on their twelve links, `--bench` measures what needs no link.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::counts::Counts;
use crate::machine::Machine;
use crate::process::{self, Show};
use crate::{bench, build, peers};

const SUBSET_LIMIT: Duration = Duration::from_secs(10 * 60);
/// No part takes longer; a later call goes on.
const FULL_LIMIT: Duration = Duration::from_secs(160 * 60);

/// The subset, as a part of the checks.
pub(crate) fn run(machine: &Machine, parts: &[&str]) -> Counts {
    let program = match ready(machine) {
        Ok(program) => program,
        Err(counts) => return counts,
    };
    let runs = machine.target.join("lab").join(format!("subset-{}.jsonl", std::process::id()));
    let mut command = program.run();
    command.arg("--out").arg(&runs).args(["--minutes", "8"]);
    let ran = process::run(&mut command, SUBSET_LIMIT, Show::Yes);
    if !ran.ok {
        return Counts::of_one(false, ran.why(), "cargo xtask lab");
    }
    let mut check = Command::new(&program.lab);
    check.arg("check").arg(&runs);
    let finished = process::run(&mut check, SUBSET_LIMIT, Show::Yes);
    Counts::of_tests(&finished.lines, finished.ok, parts)
}

/// `cargo xtask lab WORDS`: any runs, and the document made of them.
pub(crate) fn with(machine: &Machine, words: &[String]) -> Counts {
    if words == ["--subset", "ci"] {
        return run(machine, &["lab"]);
    }
    let program = match ready(machine) {
        Ok(program) => program,
        Err(counts) => return counts,
    };
    let runs = machine.target.join("lab").join("runs.jsonl");
    let (figures, rest): (Vec<String>, Vec<String>) = words.iter().cloned().partition(|word| word == "--bench");
    let (grid, beside) = if rest.is_empty() { (None, None) } else { peers::split(&rest) };
    if !figures.is_empty()
        && let Err(why) = bench::run(machine, &program.ispeed)
    {
        return Counts::of_one(false, why, "cargo xtask lab --bench");
    }
    if let Some(beside) = beside
        && let Err(why) = peers::run(machine, &program.lab, &program.ispeed, &beside)
    {
        return Counts::of_one(false, why, "cargo xtask lab --peers");
    }
    if let Some(grid) = grid {
        let mut command = program.run();
        command.arg("--out").arg(&runs).args(grid);
        let ran = process::run(&mut command, FULL_LIMIT, Show::Yes);
        if !ran.ok {
            return Counts::of_one(false, ran.why(), "cargo xtask lab --full");
        }
    }
    if !runs.exists() {
        return Counts::of_one(true, "", "");
    }
    let mut report = Command::new(&program.lab);
    report.arg("report").arg(&runs).arg("--out").arg(machine.root.join("docs/ACCURACY.md"));
    for (word, file) in [("--peers", peers::file(machine)), ("--bench", bench::file(machine))] {
        if file.exists() {
            report.arg(word).arg(file);
        }
    }
    report.args(["--command", &format!("cargo xtask lab {}", words.join(" "))]);
    let finished = process::run(&mut report, SUBSET_LIMIT, Show::Yes);
    Counts::of_one(finished.ok, finished.why(), "cargo xtask lab --full")
}

struct Program {
    lab: PathBuf,
    ispeed: PathBuf,
}

impl Program {
    fn run(&self) -> Command {
        let mut command = Command::new(&self.lab);
        command.args(["run", "--ispeed"]).arg(&self.ispeed);
        command
    }
}

fn ready(machine: &Machine) -> Result<Program, Counts> {
    if !machine.is_root || !std::path::Path::new("/dev/net/tun").exists() {
        return Err(Counts::skipped("needs root and /dev/net/tun", "sudo -E env \"PATH=$PATH\" cargo xtask lab"));
    }
    for (program, package) in [("ip", "iproute2"), ("sysctl", "procps")] {
        machine.ensure(program, package).map_err(|why| Counts::skipped(why, format!("apt-get install {package}")))?;
    }
    // Without it the links with a policer and without UDP say that they were not measured.
    let _ = machine.ensure("nft", "nftables");
    let release = build::laboratory(machine)?;
    let _ = std::fs::create_dir_all(machine.target.join("lab"));
    Ok(Program { lab: release.join("ispeed-lab"), ispeed: release.join("ispeed") })
}
