//! Three network namespaces in a row, client – router – server, made and removed by the test.
//!
//! The router's two egress queues are token buckets (`tbf`), so the capacity of both directions is known: `tbf` charges
//! the Ethernet header, and with segmentation offload off one full TCP segment carries 1448 of 1514 bytes.
//! Needs root, `ip` and `tc`.

use std::process::{Command, Output};

/// Share of the configured `tbf` rate that is TCP payload: IPv4, TCP timestamps, MTU 1500, Ethernet header charged.
pub const TBF_GOODPUT_SHARE: f64 = 1448.0 / 1514.0;

/// Address of the server in its namespace.
pub const SERVER_IP: &str = "10.77.2.2";

/// The three namespaces; removed when dropped.
pub struct Lab {
    name: String,
}

impl Lab {
    /// Builds the chain with `down_kbit` towards the client and `up_kbit` towards the server.
    pub fn new(name: &str, down_kbit: u32, up_kbit: u32) -> Self {
        let lab = Self { name: format!("isp-{name}-{}", std::process::id()) };
        lab.remove();
        for host in ["c", "r", "s"] {
            run(&["ip", "netns", "add", &lab.ns(host)]);
            run(&["ip", "-n", &lab.ns(host), "link", "set", "lo", "up"]);
        }
        lab.link("c", "c0", "10.77.1.2/24", "10.77.1.1/24");
        lab.link("s", "s0", "10.77.2.2/24", "10.77.2.1/24");
        run(&["ip", "-n", &lab.ns("c"), "route", "add", "default", "via", "10.77.1.1"]);
        run(&["ip", "-n", &lab.ns("s"), "route", "add", "default", "via", "10.77.2.1"]);
        lab.forwarding(true);
        lab.shape("c0", down_kbit);
        lab.shape("s0", up_kbit);
        lab
    }

    /// Name of a host's namespace: `c`, `r` or `s`.
    pub fn ns(&self, host: &str) -> String {
        format!("{}-{host}", self.name)
    }

    /// A command inside a host's namespace.
    pub fn command(&self, host: &str, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.ns(host)]).arg(program);
        command
    }

    /// Whether the router passes packets on; off drops silently in both directions: an outage without a link event.
    pub fn forwarding(&self, on: bool) {
        let value = format!("net.ipv4.ip_forward={}", u8::from(on));
        must(self.command("r", "sysctl").args(["-qw", &value]));
    }

    /// Takes the client's link away: no route any more.
    pub fn client_link(&self, up: bool) {
        run(&["ip", "-n", &self.ns("c"), "link", "set", "c0", if up { "up" } else { "down" }]);
        if up {
            run(&["ip", "-n", &self.ns("c"), "route", "replace", "default", "via", "10.77.1.1"]);
        }
    }

    fn link(&self, host: &str, device: &str, address: &str, router_address: &str) {
        let (ns, router) = (self.ns(host), self.ns("r"));
        run(&["ip", "link", "add", device, "netns", &ns, "type", "veth", "peer", "name", device, "netns", &router]);
        for (ns, address) in [(&ns, address), (&router, router_address)] {
            run(&["ip", "-n", ns, "addr", "add", address, "dev", device]);
            // Without this, one 64 KB super-segment is charged a single header and the bucket runs 2.7 % fast.
            run(&["ip", "-n", ns, "link", "set", device, "gso_max_segs", "1", "up"]);
        }
    }

    fn shape(&self, device: &str, kbit: u32) {
        let (ns, rate) = (self.ns("r"), format!("{kbit}kbit"));
        // 50 ms of queue at least, as a base station has.
        let limit = format!("{}", (kbit * 1000 / 8 / 20).max(60_000));
        run(&["ip", "netns", "exec", &ns, "tc", "qdisc", "add", "dev", device, "root", "tbf"]
            .into_iter()
            .chain(["rate", &rate, "burst", "16kb", "limit", &limit])
            .collect::<Vec<_>>());
    }

    fn remove(&self) {
        for host in ["c", "r", "s"] {
            let _ = Command::new("ip").args(["netns", "del", &self.ns(host)]).output();
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.remove();
    }
}

fn run(words: &[&str]) {
    must(Command::new(words[0]).args(&words[1..]));
}

fn must(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}; install iproute2"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}
