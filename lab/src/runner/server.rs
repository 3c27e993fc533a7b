//! The server of all runs: one `ispeed serve` in its namespace.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{client, sys};
use crate::emulator::namespace::{SERVER_IP, SERVER_IP6};
use crate::emulator::{LabError, Namespaces};

/// Port of both protocol versions.
pub(super) const PORT: u16 = 4433;
const START_LIMIT: Duration = Duration::from_secs(20);

/// A running server; killed when dropped.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
}

impl Server {
    /// Starts `ispeed serve` in namespace `ns` and waits until it listens; its files are in `dir`.
    pub(super) fn start(ispeed: &Path, ns: &str, dir: &Path) -> Result<Self, LabError> {
        let log_path = dir.join("server.log");
        let log =
            std::fs::File::create(&log_path).map_err(|source| LabError::System { what: "the server's log", source })?;
        let mut command = Command::new(ispeed);
        command.arg("serve").arg("--listen").arg(format!("{SERVER_IP}:{PORT}")).arg(format!("[{SERVER_IP6}]:{PORT}"));
        command.args(["--self-signed", "--public-name", SERVER_IP]).arg("--data").arg(dir.join("server"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let server = Self { child: client::spawn(ns, command, "starting ispeed serve")? };
        let deadline = Instant::now() + START_LIMIT;
        while !dir.join("server").join("cert.pem").exists() || !listens(ns) {
            if Instant::now() > deadline {
                let detail = std::fs::read_to_string(&log_path).unwrap_or_default();
                return Err(LabError::Command { command: "ispeed serve".into(), detail });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// Its process.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// CPU seconds so far.
    pub(super) fn cpu_s(&self) -> Option<f64> {
        sys::process_cpu_s(self.pid())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listens(ns: &str) -> bool {
    let connect = || {
        [format!("{SERVER_IP}:{PORT}"), format!("[{SERVER_IP6}]:{PORT}")].iter().all(|address| {
            let address = address.parse().expect("an address");
            std::net::TcpStream::connect_timeout(&address, Duration::from_millis(300)).is_ok()
        })
    };
    Namespaces::inside(ns, connect).unwrap_or(false)
}
