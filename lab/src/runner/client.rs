//! One `ispeed test` in the client's namespace: what it said, how long it took, what it cost.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::sys;
use crate::cgroup::Quota;
use crate::emulator::{LabError, Namespaces};

/// A run that takes longer than this hangs.
const RUN_LIMIT: Duration = Duration::from_secs(90);

/// What became of a run of the client.
#[derive(Debug)]
pub(super) struct Finished {
    /// The document it printed; null when there is none.
    pub(super) document: Value,
    /// Why there is none.
    pub(super) failure: Option<String>,
    /// From start to end of the process.
    pub(super) seconds: f64,
    /// CPU seconds.
    pub(super) cpu_s: f64,
}

/// Starts a program on a thread in the namespace, which it inherits: no wrapper whose own cost would have to be subtracted.
pub(super) fn spawn(ns: &str, mut command: Command, what: &'static str) -> Result<Child, LabError> {
    Namespaces::inside(ns, move || command.spawn())?.map_err(|source| LabError::System { what, source })
}

/// Runs `command` to its end, or to [`RUN_LIMIT`].
pub(super) fn run(ns: &str, mut command: Command, quota: Option<&Quota>) -> Result<Finished, LabError> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let (begun, cpu_before) = (Instant::now(), sys::children_cpu_s());
    let mut child = spawn(ns, command, "starting ispeed test")?;
    if let Some(quota) = quota {
        quota.take(child.id())?;
    }
    let output = collect(child.stdout.take());
    let complaint = collect(child.stderr.take());
    let stdout = output.recv_timeout(RUN_LIMIT);
    if stdout.is_err() {
        let _ = child.kill();
    }
    child.wait().map_err(|source| LabError::System { what: "waiting for ispeed test", source })?;
    let (seconds, cpu_s) = (begun.elapsed().as_secs_f64(), sys::children_cpu_s() - cpu_before);
    let stderr = complaint.recv_timeout(Duration::from_secs(1)).unwrap_or_default();
    let parsed = match stdout {
        Ok(text) => {
            serde_json::from_slice(&text).map_err(|e| format!("{e}: {}", String::from_utf8_lossy(&stderr).trim()))
        }
        Err(_) => Err(format!("ended after {} s: {}", RUN_LIMIT.as_secs(), String::from_utf8_lossy(&stderr).trim())),
    };
    let (document, failure) = match parsed {
        Ok(document) => (document, None),
        Err(why) => (Value::Null, Some(why)),
    };
    Ok(Finished { document, failure, seconds, cpu_s })
}

/// Reads a pipe to its end on a thread: neither of two pipes may fill up while the other is read.
fn collect(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        // Nobody waits any more after the limit.
        let _ = sender.send(bytes);
    });
    receiver
}
