//! One run's namespaces, server and files. Every run has its own, so that no kernel remembers an earlier one's paths.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::PeerError;
use super::cells::{CLIENT_CC, PeerCell};
use crate::emulator::namespace::SERVER_IP;
use crate::emulator::{LabError, Namespaces};

/// Port of `ispeed serve`.
const PORT: u16 = 4433;
/// What of the server is for clients of others.
const INTEROP: &str = "ndt7,cloudflare,rmbt";
const START_LIMIT: Duration = Duration::from_secs(20);

/// Two namespaces, a folder, and a server in one of the namespaces.
pub(super) struct Stand {
    pub(super) namespaces: Namespaces,
    dir: tempfile::TempDir,
    server: Option<Child>,
}

impl Stand {
    pub(super) fn new(cell: &PeerCell) -> Result<Self, PeerError> {
        let dir = tempfile::tempdir().map_err(|source| LabError::System { what: "a temporary folder", source })?;
        let namespaces = Namespaces::new(&format!("peers-{}", std::process::id()))?;
        set_congestion_control(namespaces.server_command("sysctl"), cell.server_cc)?;
        set_congestion_control(namespaces.client_command("sysctl"), CLIENT_CC)?;
        Ok(Self { namespaces, dir, server: None })
    }

    /// A file or folder of this run.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        Path::new(self.dir.path()).join(name)
    }

    /// What clients trust the server by.
    pub(super) fn certificate(&self) -> PathBuf {
        self.path("server").join("cert.pem")
    }

    /// Host and port of `ispeed serve`.
    pub(super) fn authority() -> String {
        format!("{SERVER_IP}:{PORT}")
    }

    /// Starts `ispeed serve` with the other tools' protocols.
    pub(super) fn serve(&mut self, ispeed: &Path, cell: &PeerCell) -> Result<(), PeerError> {
        let mut command = self.namespaces.server_command(ispeed);
        command.args(["serve", "--listen", &Self::authority(), "--self-signed", "--public-name", SERVER_IP]);
        command.args(["--interop", INTEROP, "--congestion-control", cell.server_cc]);
        command.arg("--data").arg(self.path("server"));
        let certificate = self.certificate();
        self.start(command, "ispeed serve", move |stand, _| certificate.exists() && stand.listens())
    }

    /// Starts `iperf3 -s`. It takes any connection for a test, so that its own word says when it is there.
    pub(super) fn iperf3(&mut self) -> Result<(), PeerError> {
        let mut command = self.namespaces.server_command("iperf3");
        command.args(["--server", "--bind", SERVER_IP, "--forceflush"]);
        self.start(command, "iperf3 --server", |_, said| said.contains("Server listening"))
    }

    /// CPU seconds the server has used.
    pub(super) fn server_cpu_s(&self) -> f64 {
        self.server.as_ref().map_or(0.0, |server| cpu_s(&format!("/proc/{}/stat", server.id()), [11, 12]))
    }

    fn start(
        &mut self,
        mut command: Command,
        name: &str,
        ready: impl Fn(&Self, &str) -> bool,
    ) -> Result<(), PeerError> {
        let log = self.path("server.log");
        let open = || std::fs::File::options().create(true).append(true).open(&log);
        let system = |source| LabError::System { what: "the server's log", source };
        command.stdin(Stdio::null()).stdout(open().map_err(system)?).stderr(open().map_err(system)?);
        let child = command.spawn().map_err(|source| LabError::System { what: "starting a server", source })?;
        self.server = Some(child);
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            if ready(self, &said) {
                return Ok(());
            }
            let ended = self.server.as_mut().is_some_and(|server| !matches!(server.try_wait(), Ok(None)));
            if ended || Instant::now() > deadline {
                return Err(LabError::Command { command: name.to_owned(), detail: said }.into());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn listens(&self) -> bool {
        let connect = || {
            let address = Self::authority().parse().expect("an address");
            std::net::TcpStream::connect_timeout(&address, Duration::from_millis(300)).is_ok()
        };
        Namespaces::inside(&self.namespaces.server(), connect).unwrap_or(false)
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

/// CPU seconds of the children that were waited for: the clients, while the servers run.
pub(super) fn children_cpu_s() -> f64 {
    cpu_s("/proc/self/stat", [13, 14])
}

fn cpu_s(stat: &str, fields: [usize; 2]) -> f64 {
    // The name of the program may hold spaces; what follows it may not.
    let text = std::fs::read_to_string(stat).unwrap_or_default();
    let after = text.rsplit(") ").next().unwrap_or_default();
    let ticks = |i: usize| after.split(' ').nth(i).and_then(|t| t.parse::<f64>().ok()).unwrap_or(0.0);
    fields.into_iter().map(ticks).sum::<f64>() / 100.0
}

fn set_congestion_control(mut sysctl: Command, name: &str) -> Result<(), PeerError> {
    allow_congestion_control(name)?;
    sysctl.args(["-qw", &format!("net.ipv4.tcp_congestion_control={name}")]);
    let output = sysctl.output().map_err(|source| LabError::System { what: "sysctl", source })?;
    if output.status.success() {
        return Ok(());
    }
    let detail = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(LabError::Command { command: format!("sysctl net.ipv4.tcp_congestion_control={name}"), detail }.into())
}

/// Only what the whole machine allows may be the default of a namespace.
fn allow_congestion_control(name: &str) -> Result<(), LabError> {
    const ALLOWED: &str = "/proc/sys/net/ipv4/tcp_allowed_congestion_control";
    let system = |source| LabError::System { what: "tcp_allowed_congestion_control", source };
    let allowed = std::fs::read_to_string(ALLOWED).map_err(system)?;
    if allowed.split_whitespace().any(|one| one == name) {
        return Ok(());
    }
    std::fs::write(ALLOWED, format!("{} {name}", allowed.trim())).map_err(system)
}
