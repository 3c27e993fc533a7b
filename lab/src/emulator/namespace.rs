//! The two network namespaces of an emulation, made and removed by it.

use std::fs::File;
use std::process::Command;

use super::{LabError, sys};

/// IPv4 address of the client.
pub const CLIENT_IP: &str = "10.78.0.2";
/// IPv4 address of the server.
pub const SERVER_IP: &str = "10.78.1.2";
/// IPv6 address of the client (RFC 4193).
pub const CLIENT_IP6: &str = "fd78::2";
/// IPv6 address of the server.
pub const SERVER_IP6: &str = "fd78:1::2";

const DEVICE: &str = "link0";
/// Packets the kernel keeps for the emulator: a scheduling gap of 10 ms at 1 Gbit/s.
const TUN_QUEUE_PACKETS: &str = "1000";

/// Two namespaces with a TUN device each; removed when dropped.
#[derive(Debug)]
pub struct Namespaces {
    name: String,
}

impl Namespaces {
    /// Makes the namespaces `<name>-c` and `<name>-s`.
    pub fn new(name: &str) -> Result<Self, LabError> {
        let namespaces = Self { name: name.to_owned() };
        namespaces.remove();
        for ns in [namespaces.client(), namespaces.server()] {
            ip(&["netns", "add", &ns])?;
            ip(&["-n", &ns, "link", "set", "lo", "up"])?;
        }
        Ok(namespaces)
    }

    /// Name of the client's namespace.
    pub fn client(&self) -> String {
        format!("{}-c", self.name)
    }

    /// Name of the server's namespace.
    pub fn server(&self) -> String {
        format!("{}-s", self.name)
    }

    /// A command inside the client's namespace.
    pub fn client_command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        command_in(&self.client(), program)
    }

    /// A command inside the server's namespace.
    pub fn server_command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        command_in(&self.server(), program)
    }

    /// Runs `work` on a thread of its own inside namespace `ns`; sockets it makes stay there.
    pub fn inside<T: Send + 'static>(ns: &str, work: impl FnOnce() -> T + Send + 'static) -> Result<T, LabError> {
        let file = File::open(format!("/run/netns/{ns}"))
            .map_err(|source| LabError::System { what: "opening a network namespace", source })?;
        std::thread::spawn(move || {
            let kind = Some(rustix::thread::LinkNameSpaceType::Network);
            rustix::thread::move_into_link_name_space(std::os::fd::AsFd::as_fd(&file), kind)
                .map_err(|e| LabError::System { what: "entering a network namespace", source: e.into() })?;
            Ok(work())
        })
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    pub(super) fn open_client_tun(&self) -> Result<File, LabError> {
        open(&self.client(), CLIENT_IP, CLIENT_IP6)
    }

    pub(super) fn open_server_tun(&self) -> Result<File, LabError> {
        open(&self.server(), SERVER_IP, SERVER_IP6)
    }

    fn remove(&self) {
        for ns in [self.client(), self.server()] {
            let _ = Command::new("ip").args(["netns", "del", &ns]).output();
        }
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        self.remove();
    }
}

fn open(ns: &str, ipv4: &str, ipv6: &str) -> Result<File, LabError> {
    let file = Namespaces::inside(ns, || sys::open_tun(DEVICE))??;
    ip(&["-n", ns, "addr", "replace", &format!("{ipv4}/24"), "dev", DEVICE])?;
    ip(&["-n", ns, "addr", "replace", &format!("{ipv6}/64"), "dev", DEVICE, "nodad"])?;
    ip(&["-n", ns, "link", "set", DEVICE, "mtu", "1500", "txqueuelen", TUN_QUEUE_PACKETS, "up"])?;
    ip(&["-n", ns, "route", "replace", "default", "dev", DEVICE])?;
    ip(&["-n", ns, "-6", "route", "replace", "default", "dev", DEVICE])?;
    receive_on_a_thread(ns);
    Ok(file)
}

/// Has the kernel receive on a thread of its own what the emulator hands over (Linux 5.12), and not on the emulator's: at
/// 1 Gbit/s a receiver under loss is busy for up to 30 ms on end, and the link would stand still so long. An older kernel
/// goes on as before, and the lateness in the log says what that costs.
fn receive_on_a_thread(ns: &str) {
    let said = command_in(ns, "sh").args(["-c", &format!("echo 1 > /sys/class/net/{DEVICE}/threaded")]).output();
    if said.is_ok_and(|output| output.status.success()) {
        sys::raise_priority_of_receivers(DEVICE);
    }
}

/// Packets the kernel dropped on their way into the device of `ns`; 0 where it does not say.
pub(super) fn dropped_by_device(ns: &str) -> u64 {
    let Ok(output) = Command::new("ip").args(["-n", ns, "-j", "-s", "link", "show", "dev", DEVICE]).output() else {
        return 0;
    };
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    said[0]["stats64"]["tx"]["dropped"].as_u64().unwrap_or(0)
}

fn command_in(ns: &str, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", ns]).arg(program);
    command
}

fn ip(words: &[&str]) -> Result<(), LabError> {
    let command = || format!("ip {}", words.join(" "));
    let output = Command::new("ip").args(words).output();
    let output = output.map_err(|e| LabError::Command { command: command(), detail: e.to_string() })?;
    if output.status.success() {
        return Ok(());
    }
    Err(LabError::Command { command: command(), detail: String::from_utf8_lossy(&output.stderr).trim().to_owned() })
}
