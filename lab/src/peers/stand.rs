//! One run's namespaces, server and files. Every run has its own, so that no kernel remembers an earlier one's paths.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::PeerError;
use super::cells::{CLIENT_CC, PeerCell};
use crate::emulator::namespace::SERVER_IP;
use crate::emulator::{LabError, Namespaces};
use crate::runner::{kernel, sys};

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
        kernel::set_congestion_control(&namespaces.server(), cell.server_cc)?;
        kernel::set_congestion_control(&namespaces.client(), CLIENT_CC)?;
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
    pub(super) fn server_cpu_s(&self) -> Option<f64> {
        // `ip netns exec` becomes the server: its process is the server's.
        self.server.as_ref().and_then(|server| sys::process_cpu_s(server.id()))
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
