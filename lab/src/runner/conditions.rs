//! What is done to the ends of a link before a run and undone after it.

use super::cross::CrossTraffic;
use super::kernel::{self, Rules};
use crate::cells::{Cell, Condition, End};
use crate::cgroup::Quota;
use crate::emulator::{LabError, LinkConfig, Namespaces};

const TCP_RMEM: &str = "net.ipv4.tcp_rmem";
const DEVICE: &str = "link0";

/// The conditions of one run; undone when dropped.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    /// Quota of the client, which starts later.
    pub(super) client_quota: Option<Quota>,
    /// The server must be started anew under these conditions, and after them.
    pub(super) fresh_server: bool,
    _server_quota: Option<Quota>,
    _rules: Vec<Rules>,
    _cross: Option<CrossTraffic>,
    restore: Vec<(String, String)>,
}

impl Conditions {
    /// Applies the condition of `cell`; the emulation runs already. A kernel without what it takes is an error.
    pub(super) fn apply(
        cell: &Cell,
        link: &LinkConfig,
        namespaces: &Namespaces,
        server_pid: u32,
    ) -> Result<Self, LabError> {
        let (client, server) = (namespaces.client(), namespaces.server());
        let mut applied = Self::default();
        match cell.condition {
            Condition::None | Condition::SmallReceiveBuffer { .. } => {}
            Condition::Policer { mbit, burst_bytes } => {
                applied._rules = vec![
                    Rules::load(&client, &policer(mbit, burst_bytes))?,
                    Rules::load(&server, &policer(mbit / 2.0, burst_bytes))?,
                ];
            }
            Condition::CpuQuota { at, share } => {
                let quota = Quota::new(&format!("ispeed-lab-{}", std::process::id()), share)?;
                match at {
                    End::Client => applied.client_quota = Some(quota),
                    End::Server => {
                        quota.take(server_pid)?;
                        applied._server_quota = Some(quota);
                    }
                }
            }
            Condition::CrossTraffic(kind) => applied._cross = Some(CrossTraffic::start(namespaces, kind, link)?),
            Condition::Ipv6Only => remove_ipv4(&client)?,
            Condition::UdpBlocked => {
                const NO_UDP: &str =
                    "chain in { type filter hook input priority 0; policy accept; meta l4proto udp drop; }";
                applied._rules = vec![Rules::load(&client, NO_UDP)?, Rules::load(&server, NO_UDP)?];
            }
        }
        Ok(applied)
    }

    /// What must be there before the sockets of the server are.
    pub(super) fn before_server(cell: &Cell, namespaces: &Namespaces) -> Result<Self, LabError> {
        let mut applied = Self::default();
        if let Condition::SmallReceiveBuffer { at, bytes } = cell.condition {
            let ns = if at == End::Client { namespaces.client() } else { namespaces.server() };
            let before = kernel::set(&ns, TCP_RMEM, &format!("4096 {} {bytes}", bytes / 4))?;
            applied.restore.push((ns, before));
            applied.fresh_server = at == End::Server;
        }
        Ok(applied)
    }
}

impl Drop for Conditions {
    fn drop(&mut self) {
        for (ns, value) in self.restore.drain(..) {
            // The namespace goes with the session at the latest.
            let _ = kernel::set(&ns, TCP_RMEM, &value);
        }
    }
}

/// Behind the link, where packets come one by one: in front of it the kernel would count trains of up to 64 kB as one.
fn policer(mbit: f64, burst_bytes: u64) -> String {
    let rate = (mbit * 1e6 / 8.0) as u64;
    format!(
        "chain police {{ type filter hook prerouting priority -300; policy accept; iifname \"{DEVICE}\" \
         limit rate over {rate} bytes/second burst {burst_bytes} bytes drop; }}"
    )
}

/// The next emulation gives the address back.
fn remove_ipv4(ns: &str) -> Result<(), LabError> {
    let flush = || std::process::Command::new("ip").args(["-4", "addr", "flush", "dev", DEVICE]).output();
    let failed = |detail: String| LabError::Command { command: "ip -4 addr flush".into(), detail };
    let output = Namespaces::inside(ns, flush)?.map_err(|e| failed(e.to_string()))?;
    if output.status.success() { Ok(()) } else { Err(failed(String::from_utf8_lossy(&output.stderr).into_owned())) }
}
