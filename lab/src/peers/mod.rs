//! The other tools on our links: real, unmodified clients from their registries, each through an adapter that turns its
//! output into the line of a run, with the truth of the same time beside it.
//!
//! `iperf3` talks to its own server; the others talk to `ispeed serve --interop`, because their own servers are in no
//! registry. [`baselines::validity`] says whether that handicaps them.

pub mod baselines;
pub mod cells;
mod cloudflare;
mod iperf3;
mod ndt7;
mod own;
mod phases;
mod reading;
mod rmbt;
mod stand;

use std::collections::HashSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use thiserror::Error;

use crate::emulator::{Emulator, LabError};
use crate::runner::sys;
use cells::PeerCell;
use reading::{Costs, Reading};
use stand::Stand;

/// The slowest of them takes over two minutes at 1 Mbit/s; a client that takes longer than this hangs.
const RUN_LIMIT: Duration = Duration::from_secs(240);

/// Why a tool could not be judged.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PeerError {
    /// The link, or a server.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// The file of runs.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A client gave no result.
    #[error("{tool} on {cell}: {why}")]
    Client {
        /// Which.
        tool: &'static str,
        /// On which link.
        cell: &'static str,
        /// What it said.
        why: String,
    },
}

/// A tool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Peer {
    /// Ours.
    Ispeed,
    /// `ndt7-client`.
    Ndt7Rust,
    /// `@cloudflare/speedtest`.
    Cloudflare,
    /// `rmbt-client`.
    Rmbt,
    /// `iperf3` with so many streams.
    Iperf3(u8),
}

impl Peer {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Ispeed, Self::Ndt7Rust, Self::Cloudflare, Self::Rmbt, Self::Iperf3(1), Self::Iperf3(8)];

    /// Name in lines and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ispeed => "ispeed",
            Self::Ndt7Rust => "ndt7-client",
            Self::Cloudflare => "cloudflare-speedtest",
            Self::Rmbt => "rmbt-client",
            Self::Iperf3(1) => "iperf3",
            Self::Iperf3(_) => "iperf3-8",
        }
    }

    /// The tool of a name.
    pub fn parse(name: &str) -> Result<Self, String> {
        let known = || Self::ALL.map(Self::name).join(", ");
        let found = Self::ALL.into_iter().find(|peer| peer.name() == name);
        found.ok_or_else(|| format!("{name:?} is not a tool of the laboratory; expected one of {}", known()))
    }
}

/// Which programs, on which links, and where the lines go.
#[derive(clap::Args, Clone, Debug)]
pub struct Options {
    /// The `ispeed` binary: our client, and the server of the others.
    #[arg(long)]
    pub ispeed: PathBuf,
    /// Where `cargo xtask lab --peers` installed the others.
    #[arg(long = "peers-dir")]
    pub peers: PathBuf,
    /// JSON lines; what is there already is not run again.
    #[arg(long)]
    pub out: PathBuf,
    /// Seeds, one run of every tool on every link each.
    #[arg(long, value_delimiter = ',', default_value = "1,2")]
    pub seeds: Vec<u64>,
    /// No run begins later than this; a later call goes on.
    #[arg(long, default_value_t = 150)]
    pub minutes: u64,
    /// A link's name, or a part of several; empty for all.
    #[arg(long, default_value = "")]
    pub only: String,
    /// Which tools.
    #[arg(long, value_delimiter = ',', default_values = Peer::ALL.map(Peer::name), value_parser = Peer::parse)]
    pub tools: Vec<Peer>,
}

/// How a call ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// Every run is there.
    Complete,
    /// Time was up; another call goes on.
    TimeUp,
}

/// Runs what is not in the file yet; `watch` sees every line. A tool that fails on a link is told of and left out of the
/// file, so that another call tries again.
pub fn run(options: &Options, mut watch: impl FnMut(Result<&Value, &PeerError>)) -> Result<Ended, PeerError> {
    let failed = |source| PeerError::File { path: options.out.clone(), source };
    let deadline = Instant::now() + Duration::from_secs(options.minutes * 60);
    let known = known(&options.out).map_err(failed)?;
    let mut file = std::fs::File::options().create(true).append(true).open(&options.out).map_err(failed)?;
    for &seed in &options.seeds {
        for cell in chosen(&options.only) {
            for &peer in &options.tools {
                if known.contains(&(peer.name().to_owned(), cell.name.to_owned(), seed)) {
                    continue;
                }
                if Instant::now() > deadline {
                    return Ok(Ended::TimeUp);
                }
                match one(options, peer, &cell, seed) {
                    Ok(line) => {
                        writeln!(file, "{line}").map_err(failed)?;
                        watch(Ok(&line));
                    }
                    Err(error) => watch(Err(&error)),
                }
            }
        }
    }
    Ok(Ended::Complete)
}

fn chosen(only: &str) -> Vec<PeerCell> {
    let all = cells::all();
    let exact = all.iter().any(|cell| cell.name == only);
    all.into_iter().filter(|cell| if exact { cell.name == only } else { cell.name.contains(only) }).collect()
}

fn known(out: &Path) -> std::io::Result<HashSet<(String, String, u64)>> {
    let text = match std::fs::read_to_string(out) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
        other => other?,
    };
    // A line that was cut short when the machine stopped is a run that is not there.
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let key =
        |run: Value| Some((run["tool"].as_str()?.to_owned(), run["cell"].as_str()?.to_owned(), run["seed"].as_u64()?));
    Ok(lines.filter_map(key).collect())
}

/// One tool on one link.
fn one(options: &Options, peer: Peer, cell: &PeerCell, seed: u64) -> Result<Value, PeerError> {
    let link = cell.link(seed);
    let mut stand = Stand::new(cell)?;
    let emulator = Emulator::start(&stand.namespaces, &link)?;
    match peer {
        Peer::Iperf3(_) => stand.iperf3()?,
        _ => stand.serve(&options.ispeed, cell)?,
    }
    let read = measure(options, peer, &stand);
    // What the client reset is still draining out of the queue; the tail is part of the cost.
    std::thread::sleep(Duration::from_millis(300));
    let log = emulator.stop();
    let (reading, costs) = read.map_err(|why| PeerError::Client { tool: peer.name(), cell: cell.name, why })?;
    Ok(reading::record(peer.name(), cell, &link, &reading, &log, costs))
}

fn measure(options: &Options, peer: Peer, stand: &Stand) -> Result<(Reading, Costs), String> {
    let commands = match peer {
        Peer::Ispeed => own::commands(stand, &options.ispeed),
        Peer::Ndt7Rust => ndt7::commands(stand, &options.peers),
        Peer::Cloudflare => cloudflare::commands(stand, &options.peers)?,
        Peer::Rmbt => rmbt::commands(stand, &options.peers),
        Peer::Iperf3(streams) => iperf3::commands(stand, streams),
    };
    let (begun, client_before, server_before) = (Instant::now(), sys::children_cpu_s(), stand.server_cpu_s());
    let outputs = commands.into_iter().map(output).collect::<Result<Vec<_>, _>>()?;
    let costs = Costs {
        seconds: begun.elapsed().as_secs_f64(),
        client_cpu_s: sys::children_cpu_s() - client_before,
        server_cpu_s: stand.server_cpu_s().zip(server_before).map(|(after, before)| after - before),
    };
    let reading = match peer {
        Peer::Ispeed => own::parse(&outputs),
        Peer::Ndt7Rust => ndt7::parse(&outputs),
        Peer::Cloudflare => cloudflare::parse(&outputs),
        Peer::Rmbt => rmbt::parse(&outputs),
        Peer::Iperf3(streams) => iperf3::parse(&outputs, streams),
    };
    Ok((reading?, costs))
}

/// Standard output of a command, in at most [`RUN_LIMIT`].
fn output(command: Command) -> Result<String, String> {
    let mut limited = Command::new("timeout");
    limited.arg(RUN_LIMIT.as_secs().to_string()).arg(command.get_program()).args(command.get_args());
    for (key, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(key, value),
            None => limited.env_remove(key),
        };
    }
    let output = limited.stdin(Stdio::null()).output().map_err(|e| format!("timeout: {e}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = [&output.stderr, &output.stdout].map(|bytes| String::from_utf8_lossy(bytes).trim().to_owned());
    Err(format!("{}: {}", output.status, said.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_lead_back() {
        for peer in Peer::ALL {
            assert_eq!(Peer::parse(peer.name()), Ok(peer));
        }
        assert!(Peer::parse("speedtest").unwrap_err().contains("iperf3-8"));
    }

    #[test]
    fn a_whole_name_is_one_link_and_a_part_is_several() {
        assert_eq!(chosen("48/24").len(), 1);
        assert_eq!(chosen("rtt").len(), 2);
        assert_eq!(chosen("").len(), 12);
    }

    #[test]
    fn what_is_there_is_known_and_a_torn_line_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("runs.jsonl");
        assert!(known(&file).unwrap().is_empty());
        std::fs::write(&file, "{\"tool\":\"iperf3\",\"cell\":\"1/1\",\"seed\":2}\n{\"tool\":\"iper").unwrap();
        assert_eq!(known(&file).unwrap(), HashSet::from([("iperf3".into(), "1/1".into(), 2)]));
    }
}
