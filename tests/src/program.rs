//! The real program as a process: finds the binary beside the tests, starts servers, reads what it prints.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// The `ispeed` binary of the profile these tests were built with, as it is in the sources now.
pub fn ispeed() -> PathBuf {
    let exe = std::env::current_exe().expect("a test has a path");
    let target = exe.ancestors().nth(2).expect("target/<profile>/deps/test");
    let binary = target.join("ispeed");
    static BUILD: std::sync::Once = std::sync::Once::new();
    BUILD.call_once(|| {
        let mut build = Command::new(env!("CARGO"));
        // The whole workspace and a test: the features of `cargo test --workspace`, which has then built it already. Of the
        // package alone they are fewer, and ninety libraries would be built for them, typst and rustls among those.
        build.args(["build", "--quiet", "--workspace", "--bin", "ispeed", "--test", "dependencies"]);
        build.current_dir(env!("CARGO_MANIFEST_DIR"));
        if target.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().expect("cargo runs").success(), "the program does not build");
    });
    binary
}

/// The shared boundary file, where this machine has it.
pub fn shared_boundaries() -> Option<PathBuf> {
    let file = "vn-communes-2025.geojsonl.zst";
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared").join(file);
    std::env::var_os("ISPEED_SHARED")
        .map(|dir| PathBuf::from(dir).join(file))
        .into_iter()
        .chain([beside])
        .find(|p| p.exists())
}

/// A server that has not begun to serve by then will not.
const START_LIMIT: Duration = Duration::from_secs(20);

/// A running `ispeed serve`; killed when dropped.
pub struct Server {
    child: Child,
}

impl Server {
    /// Starts `command` (an `ispeed serve` with its arguments) and waits until `ready` answers true.
    pub fn start(command: Command, ready: impl Fn() -> bool) -> Self {
        let (mut server, _) = Self::spawn(command);
        let deadline = Instant::now() + START_LIMIT;
        while !ready() {
            assert!(server.child.try_wait().expect("waitable").is_none(), "the server ended at once");
            assert!(Instant::now() < deadline, "the server is not ready after {START_LIMIT:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    /// Starts `command`, which may listen on any port, and waits until it says where; its URL.
    pub fn start_anywhere(command: Command) -> (Self, String) {
        let (server, lines) = Self::spawn(command);
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let line = lines.recv_timeout(deadline.saturating_duration_since(Instant::now()));
            let line = line.expect("the server says where it serves");
            if let Some((_, url)) = line.split_once("public page ") {
                return (server, url.to_owned());
            }
        }
    }

    /// The process, and what it says on standard error.
    fn spawn(mut command: Command) -> (Self, Receiver<String>) {
        command.env("LANG", "C").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the server starts");
        let stderr = child.stderr.take().expect("piped");
        let (sender, receiver) = channel();
        // Read to the end, or the server would wait for its log.
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                eprintln!("server: {line}");
                // Nobody may listen any more.
                let _ = sender.send(line);
            }
        });
        (Self { child }, receiver)
    }

    /// SIGKILL: the machine is gone.
    pub fn kill(&mut self) {
        self.child.kill().expect("killable");
        self.child.wait().expect("waitable");
    }

    /// SIGTERM, and the exit code.
    pub fn terminate(&mut self) -> Option<i32> {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().expect("kill runs");
        self.child.wait().expect("waitable").code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
