//! A network namespace, whose loopback device is this program's to shape.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::process::{self, Show};

const LIMIT: Duration = Duration::from_secs(20);

/// A network namespace; removed when dropped.
pub(crate) struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes one, where that is permitted.
    pub(crate) fn make(what: &str) -> Option<Self> {
        let name = format!("{what}-{}", std::process::id());
        if ip(&["netns", "add", &name]) { Some(Self { name }) } else { None }
    }

    /// Gives its loopback device a rate, where the kernel has a token bucket.
    pub(crate) fn shape(&self, rate: &str, burst: &str) -> bool {
        self.run(&["tc", "qdisc", "add", "dev", "lo", "root", "tbf", "rate", rate, "burst", burst, "latency", "50ms"])
    }

    /// Runs a command inside; whether it did its work.
    pub(crate) fn run(&self, words: &[&str]) -> bool {
        ip(&[&["netns", "exec", &self.name][..], words].concat())
    }

    /// A command that runs `program` inside.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]);
        command
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        ip(&["netns", "del", &self.name]);
    }
}

fn ip(words: &[&str]) -> bool {
    let mut command = Command::new("ip");
    process::run(command.args(words).stderr(Stdio::null()), LIMIT, Show::No).ok
}
