//! The real program as a process: finds the binary beside the tests, starts servers, reads what it prints.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The `ispeed` binary of the profile these tests were built with; built now if it is not there.
pub fn ispeed() -> PathBuf {
    let exe = std::env::current_exe().expect("a test has a path");
    let target = exe.ancestors().nth(2).expect("target/<profile>/deps/test");
    let binary = target.join("ispeed");
    static BUILD: std::sync::Once = std::sync::Once::new();
    BUILD.call_once(|| {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--package", "ispeed"]).current_dir(env!("CARGO_MANIFEST_DIR"));
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

/// A running `ispeed serve`; killed when dropped.
pub struct Server {
    child: Child,
}

impl Server {
    /// Starts `command` (an `ispeed serve` with its arguments) and waits until `ready` answers true.
    pub fn start(mut command: Command, ready: impl Fn() -> bool) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let stderr = child.stderr.take().expect("piped");
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                eprintln!("server: {line}");
            }
        });
        let deadline = Instant::now() + Duration::from_secs(20);
        while !ready() {
            assert!(child.try_wait().expect("waitable").is_none(), "the server ended at once");
            assert!(Instant::now() < deadline, "the server is not ready after 20 s");
            std::thread::sleep(Duration::from_millis(50));
        }
        Self { child }
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
