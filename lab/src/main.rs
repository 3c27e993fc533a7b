//! `ispeed-lab`: runs links and writes one JSON line a run; summarises such a file.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program: its output is its purpose")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};
use ispeed_lab::cells::order::Part;
use ispeed_lab::check;
use ispeed_lab::peers;
use ispeed_lab::report::{self, Origin};
use ispeed_lab::runner::{Bench, Program};
use ispeed_lab::session::{self, Journal, Selection};
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
        /// Every link, not the short subset.
        #[arg(long)]
        full: bool,
        /// Only links whose name contains this, of all there are; may be given several times.
        #[arg(long, value_name = "NAME")]
        only: Vec<String>,
        /// Seeds, one run of every link each.
        #[arg(long, value_delimiter = ',', default_value = "1")]
        seeds: Vec<u64>,
        /// JSON lines.
        #[arg(long)]
        out: PathBuf,
        /// Stop after this many minutes; a later call goes on.
        #[arg(long, default_value_t = 150)]
        minutes: u64,
        /// The fixed grid with each fallback counter forced, too.
        #[arg(long)]
        counters: bool,
        /// Every Mahimahi trace in this folder too: NAME.down and NAME.up are one link, any other file is both directions.
        #[arg(long, value_name = "DIR")]
        traces: Option<PathBuf>,
        /// Every N-th run from the K-th on.
        #[arg(long, value_name = "K/N", default_value = "1/1")]
        part: Part,
        /// The short list: without `--full` and `--only` it is what runs.
        #[arg(long, value_parser = ["ci"], conflicts_with_all = ["full", "only"])]
        subset: Option<String>,
        /// Keep what the program printed in each run in this folder.
        #[arg(long, value_name = "DIR")]
        documents: Option<PathBuf>,
        /// More arguments of `ispeed test`.
        #[arg(last = true)]
        test_args: Vec<String>,
    },
    /// Writes the document of a file of runs, and its plots into the folder `accuracy` beside it.
    Report {
        /// JSON lines.
        file: PathBuf,
        /// JSON lines of all tools on the peers' links.
        #[arg(long, value_name = "FILE")]
        peers: Option<PathBuf>,
        /// JSON lines of the grid with forced counters.
        #[arg(long, value_name = "FILE")]
        counters: Option<PathBuf>,
        /// What other commands measured, one JSON object (`lab/src/report/bench.rs`).
        #[arg(long, value_name = "FILE")]
        bench: Option<PathBuf>,
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
    /// Runs the other tools beside ours on twelve links; appends to OUT and skips what is already there.
    Peers(peers::Options),
    /// Prints the tables of a file of runs.
    Summary {
        /// JSON lines.
        file: PathBuf,
    },
}

fn main() -> std::process::ExitCode {
    let done = match Arguments::parse().command {
        Action::Run {
            ispeed,
            full,
            only,
            seeds,
            out,
            minutes,
            counters,
            traces,
            part,
            subset: _,
            documents,
            test_args,
        } => {
            let selection = Selection { full, counters, traces, only, seeds, part };
            run(Program { ispeed, test_args }, &selection, documents.as_deref(), &out, minutes)
        }
        Action::Report { file, peers, counters, bench, out, command } => {
            write_report([Some(&file), peers.as_ref(), counters.as_ref()], bench.as_deref(), &out, command)
        }
        Action::Check { file } => read(&file).and_then(|runs| {
            let (lines, passed) = check::lines(&runs);
            println!("{}", lines.join("\n"));
            if passed { Ok(()) } else { Err("some links were not measured as they should be".into()) }
        }),
        Action::Peers(options) => beside(&options),
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

fn beside(options: &peers::Options) -> Result<()> {
    let mut failures = 0;
    let ended = peers::run(options, |line| match line {
        Ok(run) => println!("{:21}{}", run["tool"].as_str().unwrap_or("?"), summary::line(run)),
        Err(error) => {
            failures += 1;
            println!("{error}");
        }
    })?;
    if ended == peers::Ended::TimeUp {
        println!("time is up; call again to go on");
    }
    if failures == 0 { Ok(()) } else { Err(format!("{failures} runs gave no result, see above").into()) }
}

fn write_report(files: [Option<&PathBuf>; 3], bench: Option<&Path>, out: &Path, command: String) -> Result<()> {
    let [runs, peers, counters] = files.map(|file| file.map_or(Ok(Vec::new()), read));
    let (runs, peers, counters) = (runs?, peers?, counters?);
    let parse = |file: &Path| -> Result<report::bench::Bench> {
        let told = |e: &dyn std::fmt::Display| format!("{}: {e}", file.display());
        let text = std::fs::read_to_string(file).map_err(|e| told(&e))?;
        Ok(report::bench::Bench::parse(&text).map_err(|e| told(&e))?)
    };
    let bench = bench.map(parse).transpose()?;
    let input = report::Input { runs: &runs, peers: &peers, counters: &counters, bench: bench.as_ref() };
    let document = report::document(&input, &Origin::here(command));
    let folder = out.parent().unwrap_or(Path::new("")).join(report::FIGURES_FOLDER);
    std::fs::create_dir_all(&folder)?;
    for (name, svg) in document.figures {
        std::fs::write(folder.join(name), svg)?;
    }
    Ok(std::fs::write(out, document.markdown)?)
}

fn read(file: &PathBuf) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    Ok(text.lines().map(serde_json::from_str).collect::<std::result::Result<_, _>>()?)
}

fn run(program: Program, selection: &Selection, documents: Option<&Path>, out: &Path, minutes: u64) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(minutes * 60);
    let runs = selection.runs()?;
    let mut journal = Journal::open(out)?;
    let mut bench = Bench::new(program)?;
    if let Some(dir) = documents {
        bench.keep_documents(dir)?;
    }
    let done = session::run(&mut bench, &runs, &mut journal, deadline, |run| println!("{}", summary::line(run)))?;
    if !done {
        println!("time is up; call again to go on");
    }
    Ok(())
}
