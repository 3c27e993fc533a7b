//! A PostgreSQL of this run's own, on loopback.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::machine::Machine;
use crate::process::{self, Show};
use crate::server::free_port;

const LIMIT: Duration = Duration::from_secs(120);

/// A running server; ended when dropped.
pub(super) struct Postgres {
    bin: PathBuf,
    data: PathBuf,
    pub(super) port: u16,
    /// PostgreSQL refuses to run as root, so it runs as its own user.
    as_user: bool,
}

impl Postgres {
    /// Makes and starts one, after an attempt to install it.
    pub(super) fn start(machine: &Machine) -> Result<Self, String> {
        machine.ensure_postgres()?;
        let bin = programs().ok_or("PostgreSQL is not installed")?;
        // Not below the build folder, which its user may not be able to enter.
        let data = std::env::temp_dir().join(format!("ispeed-month-{}", std::process::id()));
        let postgres = Self { bin, data, port: free_port()?, as_user: machine.is_root };
        postgres.initialise()?;
        Ok(postgres)
    }

    fn initialise(&self) -> Result<(), String> {
        std::fs::create_dir_all(&self.data).map_err(|error| format!("{}: {error}", self.data.display()))?;
        if self.as_user {
            run(Command::new("chown").arg("postgres").arg(&self.data))?;
        }
        let mut initdb = self.command("initdb");
        initdb.args(["--auth=trust", "--username=ispeed", "--encoding=UTF8", "--no-locale", "--no-sync", "-D"]);
        run(initdb.arg(self.data.join("db")))?;
        self.begin()
    }

    /// Starts the server and waits for it.
    pub(super) fn begin(&self) -> Result<(), String> {
        let options = format!("-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''", self.port);
        let mut start = self.command("pg_ctl");
        start.arg("-D").arg(self.data.join("db")).arg("-l").arg(self.data.join("log"));
        run(start.args(["-w", "-t", "60", "-o", &options, "start"]))
    }

    /// Makes a database; its address.
    pub(super) fn create(&self, name: &str) -> Result<String, String> {
        let port = self.port.to_string();
        let mut create = self.command("createdb");
        run(create.args(["-h", "127.0.0.1", "-p", &port, "-U", "ispeed", name]))?;
        Ok(self.address(self.port, name))
    }

    /// The address of a database behind a port.
    pub(super) fn address(&self, port: u16, name: &str) -> String {
        format!("postgres://ispeed@127.0.0.1:{port}/{name}")
    }

    fn command(&self, program: &str) -> Command {
        let path = self.bin.join(program);
        let mut command = if self.as_user {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        command.current_dir(&self.data).env("LC_ALL", "C.UTF-8");
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let mut stop = self.command("pg_ctl");
        let _ = run(stop.arg("-D").arg(self.data.join("db")).args(["-m", "immediate", "-w", "stop"]));
        let _ = std::fs::remove_dir_all(&self.data);
    }
}

/// Folder of the newest version's programs.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut bins: Vec<PathBuf> = versions.map(|entry| entry.path().join("bin")).collect();
    bins.retain(|bin| bin.join("initdb").is_file() && bin.join("postgres").is_file());
    bins.sort();
    // Debian keeps them off the path; elsewhere their folder is named.
    bins.extend(std::env::var_os("ISPEED_POSTGRES_BIN").map(PathBuf::from));
    bins.pop()
}

/// The server that `pg_ctl` starts keeps the outputs it inherits open, so they go nowhere.
fn run(command: &mut Command) -> Result<(), String> {
    let program = format!("{:?}", command.get_program());
    let finished = process::run(&mut process::redirected(command, ">/dev/null 2>&1"), LIMIT, Show::No);
    if finished.ok {
        return Ok(());
    }
    let args: Vec<_> = command.get_args().map(|arg| arg.to_string_lossy().into_owned()).collect();
    Err(format!("{program} {}: {}", args.join(" "), finished.why()))
}
