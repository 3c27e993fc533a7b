//! Runs the real client against the real server through the emulator and puts truth beside the result.

mod capacity;
mod client;
mod conditions;
mod cross;
pub(crate) mod kernel;
mod params;
mod record;
mod server;
pub(crate) mod sys;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use self::client::Finished;
use self::conditions::Conditions;
use self::record::{Ran, Versions};
use self::server::{PORT, Server};
use crate::cells::{Cell, Condition};
use crate::emulator::namespace::{SERVER_IP, SERVER_IP6};
use crate::emulator::{DirectionConfig, Emulator, LabError, LinkConfig, Namespaces, QueueLimit};

/// What the client reset travels this much longer than round trip and queue, at most.
const TAIL_SLACK: Duration = Duration::from_millis(20);
/// Longest wait for a queue to drain: 250 ms of the slowest link, and its round trip.
const TAIL_MOST: Duration = Duration::from_millis(600);

/// Namespaces are called this, the process that made them, and the end.
const NAME: &str = "lab-";

/// The program under test and where it keeps its files.
#[derive(Clone, Debug)]
pub struct Program {
    /// The `ispeed` binary.
    pub ispeed: PathBuf,
    /// More arguments of `ispeed test`.
    pub test_args: Vec<String>,
}

/// A server in one namespace and room for a client in the other.
pub struct Bench {
    server: Option<Server>,
    namespaces: Namespaces,
    dir: tempfile::TempDir,
    program: Program,
    versions: Versions,
    documents: Option<PathBuf>,
}

impl Bench {
    /// Makes the namespaces; the server starts with the first run.
    pub fn new(program: Program) -> Result<Self, LabError> {
        let dir = tempfile::tempdir().map_err(|source| LabError::System { what: "a temporary folder", source })?;
        remove_abandoned();
        let namespaces = Namespaces::new(&format!("{NAME}{}", std::process::id()))?;
        let versions = Versions {
            program: said(Command::new(&program.ispeed).arg("--version")),
            commit: said(Command::new("git").args(["describe", "--always", "--dirty", "--abbrev=12"])),
            kernel: said(Command::new("uname").arg("-r")),
        };
        Ok(Self { namespaces, server: None, dir, program, versions, documents: None })
    }

    /// Keeps what the program printed in each run, its series and the truth of each bin included, as `dir/CELL-SEED.json`: for the
    /// cause of an error.
    pub fn keep_documents(&mut self, dir: &Path) -> Result<(), LabError> {
        std::fs::create_dir_all(dir).map_err(|source| LabError::System { what: "the folder of documents", source })?;
        self.documents = Some(dir.to_owned());
        Ok(())
    }

    /// One run of `cell` with `seed`: one JSON object with inputs, truth, result and costs.
    pub fn run(&mut self, cell: &Cell, seed: u64) -> Result<Value, LabError> {
        let begun = Instant::now();
        let link = cell.link(seed);
        let before = Conditions::before_server(cell, &self.namespaces)?;
        if before.fresh_server {
            self.server = None;
        }
        let server_pid = self.server()?.pid();
        kernel::set_congestion_control(&self.namespaces.client(), cell.client_cc)?;
        let emulator = Emulator::start(&self.namespaces, &link)?;
        let conditions = match Conditions::apply(cell, &link, &self.namespaces, server_pid) {
            Ok(conditions) => conditions,
            Err(why) => {
                drop(emulator.stop());
                return Ok(record::not_measured(cell, &link, &self.versions, &why.to_string()));
            }
        };
        let server_cpu_before = self.server()?.cpu_s();
        let client = self.client(cell, &conditions)?;
        // What the client reset is still draining out of the queue; the tail is part of the cost.
        std::thread::sleep(tail(cell, &link));
        let server_cpu_s = self.server()?.cpu_s().zip(server_cpu_before).map(|(after, before)| after - before);
        drop(conditions);
        let log = emulator.stop();
        if before.fresh_server {
            self.server = None;
        }
        let overhead_s = begun.elapsed().as_secs_f64() - client.seconds;
        let ran = Ran { cell, link: &link, client: &client, server_cpu_s, overhead_s, log: &log };
        if let Some(dir) = &self.documents {
            let path = dir.join(format!("{}-{seed}.json", cell.name));
            std::fs::write(path, record::document(ran).to_string())
                .map_err(|source| LabError::System { what: "keeping a document", source })?;
        }
        Ok(record::line(ran, &self.versions))
    }

    /// The server, started when there is none.
    fn server(&mut self) -> Result<&Server, LabError> {
        if self.server.is_none() {
            // Its address is that of the emulator's device, and stays bound when that goes.
            let any = DirectionConfig::fixed(1e9, 0.0, 10.0);
            let emulator = Emulator::start(&self.namespaces, &LinkConfig { down: any.clone(), up: any, seed: 0 })?;
            let started = Server::start(&self.program.ispeed, &self.namespaces.server(), self.dir.path());
            drop(emulator.stop());
            self.server = Some(started?);
        }
        self.server.as_ref().ok_or(LabError::Command { command: "ispeed serve".into(), detail: "did not start".into() })
    }

    fn client(&self, cell: &Cell, conditions: &Conditions) -> Result<Finished, LabError> {
        let mut command = Command::new(&self.program.ispeed);
        let host = if cell.condition == Condition::Ipv6Only { format!("[{SERVER_IP6}]") } else { SERVER_IP.to_owned() };
        command.args(["test", "--server", &format!("https://{host}:{PORT}"), "--format", "json"]);
        command.arg("--ca").arg(self.path("server").join("cert.pem"));
        // A new installation each run: a server lets one of them begin sixty runs, and then one in two minutes.
        let installation = tempfile::tempdir_in(self.dir.path())
            .map_err(|source| LabError::System { what: "a folder for the client's outbox", source })?;
        command.arg("--outbox").arg(installation.path().join("outbox.sqlite"));
        if let Some(counter) = cell.forced_counter {
            command.args(["--force-counter", counter]);
        }
        command.args(&self.program.test_args);
        client::run(&self.namespaces.client(), command, conditions.client_quota.as_ref())
    }

    fn path(&self, name: &str) -> PathBuf {
        Path::new(self.dir.path()).join(name)
    }
}

/// How long what is in the link may still take to leave it.
fn tail(cell: &Cell, link: &LinkConfig) -> Duration {
    let queue_ms = |config: &DirectionConfig, mbit: f64| match config.queue {
        QueueLimit::Bytes(bytes) => bytes as f64 * 8.0 / mbit / 1e3,
        QueueLimit::Packets(packets) => packets as f64 * 12.0 / mbit,
    };
    let drain_ms = queue_ms(&link.down, cell.down_mbit).max(queue_ms(&link.up, cell.up_mbit)) + cell.rtt_ms;
    (Duration::from_secs_f64(drain_ms / 1e3) + TAIL_SLACK).min(TAIL_MOST)
}

/// Removes the namespaces of sessions that were killed.
fn remove_abandoned() {
    let entries = std::fs::read_dir("/run/netns").into_iter().flatten().flatten();
    for name in entries.filter_map(|entry| entry.file_name().into_string().ok()) {
        let process =
            name.strip_prefix(NAME).and_then(|rest| rest.rsplit_once('-')).and_then(|(pid, _)| pid.parse::<u32>().ok());
        if process.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            let _ = Command::new("ip").args(["netns", "del", &name]).output();
        }
    }
}

/// What a command says of a version; empty where it cannot.
fn said(command: &mut Command) -> String {
    command.output().map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned()).unwrap_or_default()
}
