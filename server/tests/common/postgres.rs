//! A PostgreSQL of the test's own: a fresh cluster in a temporary folder, reached by a socket file in it, gone with the test.
//! Needs Debian's `postgresql` (or its programs in $ISPEED_POSTGRES_BIN or on the path); run by the user `postgres` when
//! the test runs as root, which PostgreSQL refuses.
#![allow(dead_code, reason = "each test file uses its part")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Starting, with room for a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running server.
pub(crate) struct Postgres {
    folder: tempfile::TempDir,
    programs: PathBuf,
    server: Option<Child>,
    options: Vec<String>,
    port: String,
}

impl Postgres {
    /// A cluster of its own, running. Its default collation is that of Vietnamese, not of bytes.
    pub(crate) fn start() -> Self {
        Self::with(&[], |_| ())
    }

    /// As [`Postgres::start`], with further settings, after `prepare` has looked at the cluster's folder.
    pub(crate) fn with(settings: &[&str], prepare: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::Builder::new().prefix("ispeed-pg-").tempdir().unwrap();
        give_to_server(folder.path());
        let programs = programs();
        let data = folder.path().join("data");
        let mut init = as_server(&programs.join("initdb"));
        init.arg("--pgdata").arg(&data).args([
            "--username=ispeed",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--locale-provider=icu",
            "--icu-locale=vi",
            "--no-sync",
        ]);
        let made = init.current_dir("/").output().unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        prepare(&data);
        // With a socket file the port is but a part of its name; with a network the test chooses it.
        let port = settings.iter().find_map(|setting| setting.strip_prefix("port=")).unwrap_or("5432").to_owned();
        let options = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let mut postgres = Self { programs, server: None, options, port, folder };
        postgres.start_again();
        postgres
    }

    /// Starts the server over its cluster, after a stop or a crash.
    pub(crate) fn start_again(&mut self) {
        let mut command = as_server(&self.programs.join("postgres"));
        command.arg("-D").arg(self.folder.path().join("data"));
        command.arg("-k").arg(self.folder.path());
        let log = fs::OpenOptions::new().create(true).append(true).open(self.log_path()).unwrap();
        for setting in ["listen_addresses=", "fsync=on", "max_connections=60", "shared_buffers=32MB"] {
            command.args(["-c", setting]);
        }
        for setting in &self.options {
            command.args(["-c", setting]);
        }
        command.current_dir("/").stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.server = Some(command.spawn().unwrap());
        let since = Instant::now();
        while !self.answers() {
            let ended = self.server.as_mut().and_then(|server| server.try_wait().unwrap());
            assert!(ended.is_none() && since.elapsed() < PATIENCE, "postgres did not start: {}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn answers(&self) -> bool {
        let mut ready = Command::new(self.programs.join("pg_isready"));
        ready.arg("--quiet").arg("--host").arg(self.folder.path());
        ready.args(["--username=ispeed", "--dbname=postgres", "--port", &self.port]);
        ready.status().is_ok_and(|status| status.success())
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// The machine loses power as far as the database can tell: no checkpoint, every connection cut.
    pub(crate) fn crash(&mut self) {
        self.signal("-QUIT");
    }

    /// Shuts down in order.
    pub(crate) fn stop(&mut self) {
        self.signal("-INT");
    }

    fn signal(&mut self, signal: &str) {
        if let Some(mut server) = self.server.take() {
            let told = Command::new("kill").args([signal, &server.id().to_string()]).status().unwrap();
            assert!(told.success());
            server.wait().unwrap();
        }
    }

    /// Ends every connection but that of this statement, as an administrator may.
    pub(crate) fn cut_connections(&self) {
        self.sql(
            "postgres",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                              WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
        );
    }

    /// Makes a database and names its address.
    pub(crate) fn database(&self, name: &str) -> String {
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        self.address(name)
    }

    pub(crate) fn address(&self, name: &str) -> String {
        let folder = self.folder.path().display().to_string().replace('/', "%2F");
        format!("postgres://ispeed@{folder}/{name}")
    }

    /// Folder of the socket file.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a statement and returns what it prints, unaligned and without headings.
    pub(crate) fn sql(&self, database: &str, statement: &str) -> String {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.arg("--host").arg(self.folder.path());
        psql.args([
            "--port",
            &self.port,
            "--username=ispeed",
            "--no-psqlrc",
            "--tuples-only",
            "--no-align",
            "--set=ON_ERROR_STOP=1",
        ]);
        let output = psql.arg("--dbname").arg(database).arg("--command").arg(statement).output().unwrap();
        assert!(output.status.success(), "{statement}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.crash();
    }
}

/// Where the server's programs lie: Debian keeps them off the path, a folder a version.
fn programs() -> PathBuf {
    let named = std::env::var_os("ISPEED_POSTGRES_BIN").map(PathBuf::from);
    let mut debian: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    debian.sort();
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let candidates =
        named.into_iter().chain(debian.into_iter().rev().map(|(_, bin)| bin)).chain(std::env::split_paths(&on_path));
    candidates
        .into_iter()
        .find(|folder| folder.join("initdb").is_file())
        .expect("PostgreSQL is not installed: apt-get install postgresql, or name its programs by ISPEED_POSTGRES_BIN")
}

fn is_root() -> bool {
    id(&["-u"]) == "0"
}

fn id(words: &[&str]) -> String {
    let output = Command::new("id").args(words).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A program of the server, run by a user whom the server accepts, and ended with this process whatever ends it.
fn as_server(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    if is_root() {
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]);
    }
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

pub(crate) fn give_to_server(path: &Path) {
    if is_root() {
        let (user, group) = (id(&["-u", "postgres"]).parse().unwrap(), id(&["-g", "postgres"]).parse().unwrap());
        std::os::unix::fs::chown(path, Some(user), Some(group)).unwrap();
    }
}
