//! Where and of what a document was made.

use std::process::Command;

/// What the reader must know to make the document again.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Kernel, processor, cores, memory.
    pub machine: String,
    /// Versions of the program and of the compiler, and the commit.
    pub program: String,
    /// The command that makes the runs again.
    pub command: String,
}

impl Origin {
    /// This machine and this state of the repository.
    pub fn here(command: String) -> Self {
        Self { machine: machine(), program: program(), command }
    }
}

fn said(command: &str, arguments: &[&str]) -> String {
    let output = Command::new(command).args(arguments).output();
    output.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned()).unwrap_or_default()
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let of = |file: &str, name: &str| {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let value = text.lines().find(|line| line.starts_with(name)).and_then(|line| line.split_once(':'));
        value.map(|(_, value)| value.trim().to_owned())
    };
    let processor = of("/proc/cpuinfo", "model name").unwrap_or_else(|| "unnamed processor".into());
    let memory_kib = of("/proc/meminfo", "MemTotal").and_then(|kib| kib.trim_end_matches(" kB").parse::<f64>().ok());
    let memory = memory_kib.map_or(String::new(), |kib| format!(", {:.0} GiB", kib / 1024.0 / 1024.0));
    format!("Linux {} on {}, {processor}, {cores} cores{memory}", said("uname", &["-r"]), said("uname", &["-m"]))
}

fn program() -> String {
    let commit = said("git", &["rev-parse", "--short", "HEAD"]);
    let changed = if said("git", &["status", "--porcelain", "--untracked-files=no"]).is_empty() { "" } else { "+" };
    let commit = if commit.is_empty() { "an unknown commit".to_owned() } else { commit + changed };
    format!("ispeed {} at {commit}, {}", env!("CARGO_PKG_VERSION"), said("rustc", &["--version"]))
}
