//! Runs the real client against the real server through the emulator and puts truth beside the result.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cells::Cell;
use crate::emulator::namespace::SERVER_IP;
use crate::emulator::{DirectionConfig, DirectionLog, Emulator, Fate, LabError, LinkConfig, LinkLog, Namespaces};
use crate::truth::{PAYLOAD_SHARE_IPV4, ip_capacity_bps};

const PORT: u16 = 4433;
/// A run that takes longer than this hangs.
const RUN_LIMIT: Duration = Duration::from_secs(90);

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
    namespaces: Namespaces,
    server: Option<Child>,
    dir: tempfile::TempDir,
    program: Program,
}

impl Bench {
    /// Makes the namespaces; the server starts with the first run.
    pub fn new(program: Program) -> Result<Self, LabError> {
        let dir = tempfile::tempdir().map_err(|source| LabError::System { what: "a temporary folder", source })?;
        let namespaces = Namespaces::new(&format!("lab-{}", std::process::id()))?;
        Ok(Self { namespaces, server: None, dir, program })
    }

    /// One run of `cell` with `seed`: one JSON object with inputs, truth, result and costs.
    pub fn run(&mut self, cell: &Cell, seed: u64) -> Result<Value, LabError> {
        let link = cell.link(seed);
        let emulator = Emulator::start(&self.namespaces, &link)?;
        self.start_server()?;
        self.set_congestion_control(cell.client_cc)?;
        let (document, seconds, cpu) = self.client()?;
        // What the client reset is still draining out of the queue; the tail is part of the cost.
        std::thread::sleep(Duration::from_millis(300));
        let log = emulator.stop();
        Ok(record(cell, &link, &document, &log, [seconds, cpu]))
    }

    fn start_server(&mut self) -> Result<(), LabError> {
        if self.server.is_some() {
            return Ok(());
        }
        let mut command = self.namespaces.server_command(&self.program.ispeed);
        command.args([
            "serve",
            "--listen",
            &format!("{SERVER_IP}:{PORT}"),
            "--self-signed",
            "--public-name",
            SERVER_IP,
        ]);
        command.arg("--data").arg(self.path("server"));
        let log = std::fs::File::create(self.path("server.log"))
            .map_err(|source| LabError::System { what: "the server's log", source })?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.server =
            Some(command.spawn().map_err(|source| LabError::System { what: "starting ispeed serve", source })?);
        let certificate = self.path("server").join("cert.pem");
        let deadline = Instant::now() + Duration::from_secs(20);
        while !certificate.exists() || !self.listens() {
            if Instant::now() > deadline {
                let said = std::fs::read_to_string(self.path("server.log")).unwrap_or_default();
                return Err(LabError::Command { command: "ispeed serve".into(), detail: said });
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn listens(&self) -> bool {
        let connect = || {
            let address = format!("{SERVER_IP}:{PORT}").parse().expect("an address");
            std::net::TcpStream::connect_timeout(&address, Duration::from_millis(300)).is_ok()
        };
        Namespaces::inside(&self.namespaces.server(), connect).unwrap_or(false)
    }

    fn set_congestion_control(&self, name: &str) -> Result<(), LabError> {
        // Only what the whole machine allows may be the default of a namespace.
        allow_congestion_control(name)?;
        let mut command = self.namespaces.client_command("sysctl");
        command.args(["-qw", &format!("net.ipv4.tcp_congestion_control={name}")]);
        let output = command.output().map_err(|source| LabError::System { what: "sysctl", source })?;
        if output.status.success() {
            return Ok(());
        }
        let detail = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(LabError::Command { command: format!("sysctl net.ipv4.tcp_congestion_control={name}"), detail })
    }

    fn client(&self) -> Result<(Value, f64, f64), LabError> {
        let mut command = self.namespaces.client_command("timeout");
        command.arg(RUN_LIMIT.as_secs().to_string()).arg(&self.program.ispeed);
        command.args(["test", "--server", &format!("https://{SERVER_IP}:{PORT}"), "--format", "json"]);
        command.arg("--ca").arg(self.path("server").join("cert.pem"));
        command.arg("--outbox").arg(self.path("outbox.sqlite")).args(&self.program.test_args);
        let begun = Instant::now();
        let cpu_before = children_cpu_s();
        let output = command.output().map_err(|source| LabError::System { what: "starting ispeed test", source })?;
        let (seconds, cpu) = (begun.elapsed().as_secs_f64(), children_cpu_s() - cpu_before);
        let document = serde_json::from_slice(&output.stdout).map_err(|e| LabError::Command {
            command: "ispeed test".into(),
            detail: format!("{e}: {}", String::from_utf8_lossy(&output.stderr)),
        })?;
        Ok((document, seconds, cpu))
    }

    fn path(&self, name: &str) -> PathBuf {
        Path::new(self.dir.path()).join(name)
    }
}

fn allow_congestion_control(name: &str) -> Result<(), LabError> {
    const ALLOWED: &str = "/proc/sys/net/ipv4/tcp_allowed_congestion_control";
    let system = |source| LabError::System { what: "tcp_allowed_congestion_control", source };
    let allowed = std::fs::read_to_string(ALLOWED).map_err(system)?;
    if allowed.split_whitespace().any(|one| one == name) {
        return Ok(());
    }
    std::fs::write(ALLOWED, format!("{} {name}", allowed.trim())).map_err(system)
}

impl Drop for Bench {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

fn children_cpu_s() -> f64 {
    // The client is a child that was waited for; the server is still running and so not in this sum.
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = text.rsplit(") ").next().unwrap_or_default();
    let ticks = |i: usize| after.split(' ').nth(i).and_then(|t| t.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(13) + ticks(14)) / 100.0
}

fn record(cell: &Cell, link: &LinkConfig, document: &Value, log: &LinkLog, [seconds, cpu_s]: [f64; 2]) -> Value {
    let sample = &document["sample"];
    json!({
        "cell": cell.name, "seed": link.seed, "grid": cell.is_grid(),
        "link": {
            "down_mbit": cell.down_mbit, "up_mbit": cell.up_mbit, "rtt_ms": cell.rtt_ms, "kind": format!("{:?}", cell.kind),
            "queue": format!("{:?}", cell.queue), "client_cc": cell.client_cc,
        },
        "void": log.down.void().or_else(|| log.up.void()),
        "emulator_cpu": [log.down.cpu_share, log.up.cpu_share],
        "outcome": sample["outcome"],
        "seconds": seconds, "client_cpu_s": cpu_s,
        "wire_bytes": [log.down.served_bytes(0, u64::MAX), log.up.served_bytes(0, u64::MAX)],
        "bytes": [sample["bytes_down"], sample["bytes_up"]],
        "idle_ms": sample["latency"]["idle_ms"],
        "down": direction(&sample["down"], window_ns(sample, "down", log), &link.down, &log.down),
        "up": direction(&sample["up"], window_ns(sample, "up", log), &link.up, &log.up),
    })
}

fn direction(result: &Value, window: Option<(u64, u64)>, config: &DirectionConfig, lane: &DirectionLog) -> Value {
    // A bit that arrives in the window was served one delay earlier.
    let delay = config.delay_ns[0].1;
    let served = window.map(|(from, to)| (from.saturating_sub(delay), to.saturating_sub(delay)));
    let truth = served.map(|(from, to)| {
        ip_capacity_bps(&config.rate, from, to, lane.tokens_bytes(&config.rate, from)) * PAYLOAD_SHARE_IPV4
    });
    let delivered =
        served.map(|(from, to)| lane.served_bytes(from, to) as f64 * 8e9 / (to - from) as f64 * PAYLOAD_SHARE_IPV4);
    let goodput = result["goodput_bps"].as_f64();
    json!({
        "truth_bps": truth, "delivered_bps": delivered, "goodput_bps": goodput,
        "error": goodput.zip(truth).map(|(g, t)| g / t - 1.0),
        "interval_bps": result["interval_bps"], "window_ms": result["window_ms"],
        "duration_ms": result["duration_ms"], "stop_reason": result["stop_reason"], "flags": result["flags"],
        "flows": result["flows"], "counter": result["counter"],
        "queue_drops": lane.count(Fate::QueueFull), "lost": lane.count(Fate::Lost),
    })
}

/// The averaged window on the emulator's clock.
fn window_ns(sample: &Value, side: &str, log: &LinkLog) -> Option<(u64, u64)> {
    let result = &sample[side];
    let started_us = parse_utc_us(sample["started_at"].as_str()?)?;
    let start = result["window_start_ms"].as_f64()?;
    let length = result["window_ms"].as_f64()?;
    let from = (started_us - log.base_utc_us) as f64 * 1e3 + start * 1e6;
    (from >= 0.0 && length > 0.0).then_some((from as u64, (from + length * 1e6) as u64))
}

/// Microseconds since 1970 of `2026-11-23T14:04:05.000123Z`, the one form samples use.
fn parse_utc_us(text: &str) -> Option<i64> {
    text.parse::<ispeed_protocol::UtcMicros>().ok().map(|t| t.as_micros())
}
