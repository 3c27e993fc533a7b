//! A program that serves on loopback while something else is done.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server that is ended when dropped, whatever becomes of its work.
pub(crate) struct Server(Child);

impl Server {
    /// Starts it with what it says in a file, and waits until it listens on a port of 127.0.0.1.
    pub(crate) fn start(command: &mut Command, log: &Path, port: u16, limit: Duration) -> Result<Self, String> {
        let file = File::create(log).map_err(|error| format!("{}: {error}", log.display()))?;
        let again = file.try_clone().map_err(|error| error.to_string())?;
        let program = format!("{:?}", command.get_program());
        let child = command.stdin(Stdio::null()).stdout(file).stderr(again).spawn();
        let mut server = Self(child.map_err(|error| format!("{program} could not be started: {error}"))?);
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Ok(Some(status)) = server.0.try_wait() {
                return Err(format!("{program} ended at once, {status}; it says why in {}", log.display()));
            }
            if begun.elapsed() > limit {
                return Err(format!("{program} does not listen on port {port} after {} s", limit.as_secs()));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port nobody listens on now.
pub(crate) fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(|error| format!("no free port: {error}"))?;
    listener.local_addr().map(|address| address.port()).map_err(|error| format!("no free port: {error}"))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_ends_is_not_waited_for() {
        let log = std::env::temp_dir().join(format!("ispeed-server-{}.log", std::process::id()));
        let mut command = Command::new("sh");
        command.args(["-c", "exit 3"]);
        let started = Server::start(&mut command, &log, free_port().unwrap(), Duration::from_secs(60));
        let why = started.err().unwrap();
        assert!(why.contains("ended at once") && why.contains('3'), "{why}");
        let _ = std::fs::remove_file(log);
    }
}
