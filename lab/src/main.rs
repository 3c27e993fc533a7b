//! `ispeed-lab`: runs links and writes one JSON line a run; summarises such a file.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program: its output is its purpose")]

use std::collections::HashSet;
use std::io::Write as _;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use ispeed_lab::cells;
use ispeed_lab::check;
use ispeed_lab::report::{self, Origin};
use ispeed_lab::runner::{Bench, Program};
use ispeed_lab::summary;
use serde_json::Value;

/// The laboratory of ispeed.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Runs links; appends to OUT and skips what is already there.
    Run {
        /// The `ispeed` binary.
        #[arg(long)]
        ispeed: PathBuf,
        /// Every link of the grid, not the short subset.
        #[arg(long)]
        full: bool,
        /// Only links whose name contains this.
        #[arg(long, default_value = "")]
        only: String,
        /// Seeds, one run of every link each.
        #[arg(long, value_delimiter = ',', default_value = "1")]
        seeds: Vec<u64>,
        /// JSON lines.
        #[arg(long)]
        out: PathBuf,
        /// Stop after this many minutes; a later call goes on.
        #[arg(long, default_value_t = 150)]
        minutes: u64,
        /// More arguments of `ispeed test`.
        #[arg(last = true)]
        test_args: Vec<String>,
    },
    /// Writes the document of a file of runs.
    Report {
        /// JSON lines.
        file: PathBuf,
        /// The document, such as `docs/ACCURACY.md`.
        #[arg(long)]
        out: PathBuf,
        /// The command that makes the runs again.
        #[arg(long, default_value = "cargo xtask lab --full")]
        command: String,
    },
    /// Asserts behaviour with wide margins, in the words of a test program.
    Check {
        /// JSON lines.
        file: PathBuf,
    },
    /// Prints the tables of a file of runs.
    Summary {
        /// JSON lines.
        file: PathBuf,
    },
}

fn main() -> std::process::ExitCode {
    let done = match Arguments::parse().command {
        Action::Run { ispeed, full, only, seeds, out, minutes, test_args } => {
            let cells = if full { cells::full() } else { cells::subset() };
            let cells = cells.into_iter().filter(|c| c.name.contains(&only)).collect();
            run(Program { ispeed, test_args }, cells, &seeds, &out, minutes)
        }
        Action::Report { file, out, command } => read(&file).and_then(|runs| {
            let origin = Origin { machine: machine(), program: program(), command };
            Ok(std::fs::write(&out, report::markdown(&runs, &origin))?)
        }),
        Action::Check { file } => read(&file).and_then(|runs| {
            let (lines, passed) = check::lines(&runs);
            println!("{}", lines.join("\n"));
            if passed { Ok(()) } else { Err("some links were not measured as they should be".into()) }
        }),
        Action::Summary { file } => read(&file).map(|runs| print!("{}", summary::text(&runs))),
    };
    match done {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("ispeed-lab: {why}");
            std::process::ExitCode::FAILURE
        }
    }
}

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn machine() -> String {
    let said = |command: &str, arguments: &[&str]| {
        let output = std::process::Command::new(command).args(arguments).output();
        output.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned()).unwrap_or_default()
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("Linux {}, {cores} cores, {}", said("uname", &["-r"]), said("uname", &["-m"]))
}

fn program() -> String {
    let commit = std::process::Command::new("git").args(["rev-parse", "--short", "HEAD"]).output();
    let commit = commit.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned()).unwrap_or_default();
    format!("ispeed {} at {commit}", env!("CARGO_PKG_VERSION"))
}

fn read(file: &PathBuf) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    Ok(text.lines().map(serde_json::from_str).collect::<std::result::Result<_, _>>()?)
}

fn run(program: Program, cells: Vec<cells::Cell>, seeds: &[u64], out: &PathBuf, minutes: u64) -> Result<()> {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(minutes * 60);
    let known = if out.exists() { read(out)? } else { Vec::new() };
    let key = |run: &Value| (run["cell"].as_str().unwrap_or_default().to_owned(), run["seed"].as_u64().unwrap_or(0));
    let known: HashSet<_> = known.iter().map(key).collect();
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(out)?;
    let mut bench = Bench::new(program)?;
    for seed in seeds {
        for cell in cells.iter().filter(|cell| !known.contains(&(cell.name.clone(), *seed))) {
            if std::time::Instant::now() > deadline {
                println!("time is up; call again to go on");
                return Ok(());
            }
            let record = bench.run(cell, *seed)?;
            println!("{}", summary::line(&record));
            writeln!(file, "{record}")?;
        }
    }
    Ok(())
}
