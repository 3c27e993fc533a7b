//! Settings of the kernel in a namespace.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::emulator::{LabError, Namespaces};

/// Writes `net.…` of namespace `ns` and returns what it held. The tree below `/proc/sys/net` is that of the thread that
/// opens it.
pub(super) fn set(ns: &str, name: &str, value: &str) -> Result<String, LabError> {
    let path = PathBuf::from("/proc/sys").join(name.replace('.', "/"));
    let value = value.to_owned();
    let exchange = move || {
        let before = std::fs::read_to_string(&path)?;
        std::fs::write(&path, value)?;
        Ok(before.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    let failed = |source| LabError::System { what: "a setting below /proc/sys/net", source };
    Namespaces::inside(ns, exchange)?.map_err(failed)
}

/// Makes `name` the congestion control of new sockets in `ns`.
pub(crate) fn set_congestion_control(ns: &str, name: &str) -> Result<(), LabError> {
    const ALLOWED: &str = "/proc/sys/net/ipv4/tcp_allowed_congestion_control";
    let system = |source| LabError::System { what: "tcp_allowed_congestion_control", source };
    // Only what the whole machine allows may be the default of a namespace.
    let allowed = std::fs::read_to_string(ALLOWED).map_err(system)?;
    if !allowed.split_whitespace().any(|one| one == name) {
        std::fs::write(ALLOWED, format!("{} {name}", allowed.trim())).map_err(system)?;
    }
    set(ns, "net.ipv4.tcp_congestion_control", name).map(|_| ())
}

/// Rules of nft in a namespace; gone when dropped.
#[derive(Debug)]
pub(super) struct Rules {
    ns: String,
}

impl Rules {
    /// Loads `chains` into a table of its own.
    pub(super) fn load(ns: &str, chains: &str) -> Result<Self, LabError> {
        nft(ns, &format!("table inet lab\ndelete table inet lab\ntable inet lab {{\n{chains}\n}}\n"))?;
        Ok(Self { ns: ns.to_owned() })
    }
}

impl Drop for Rules {
    fn drop(&mut self) {
        let _ = nft(&self.ns, "delete table inet lab\n");
    }
}

fn nft(ns: &str, script: &str) -> Result<(), LabError> {
    let text = script.to_owned();
    let run = move || {
        let mut child = Command::new("nft")
            .args(["-f", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        child.stdin.take().map_or(Ok(()), |mut pipe| pipe.write_all(text.as_bytes()))?;
        child.wait_with_output()
    };
    let failed = |detail: String| LabError::Command { command: "nft -f -".into(), detail };
    let output = Namespaces::inside(ns, run)?
        .map_err(|source| LabError::System { what: "running nft, of the package nftables", source })?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed(String::from_utf8_lossy(&output.stderr).split_whitespace().collect::<Vec<_>>().join(" ")))
}
