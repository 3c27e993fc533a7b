//! The parts, in the order in which they run: cheap ones first.

use std::process::Command;
use std::time::Duration;

use crate::counts::Counts;
use crate::machine::Machine;
use crate::namespace::Namespace;
use crate::process::{self, Show};
use crate::{android, bindings, demo, ios, lab, month, package, peers, strings, supply};

/// A part of the checks.
pub(crate) struct Part {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// Runs it; the second argument names all parts of this run.
    pub(crate) run: fn(&Machine, &[&str]) -> Counts,
}

/// All parts.
pub(crate) const PARTS: &[Part] = &[
    Part { name: "fmt", about: "the formatting is rustfmt's", run: fmt },
    Part { name: "clippy", about: "no warning in any target", run: clippy },
    Part { name: "deny", about: "licences, sources and banned crates (cargo-deny)", run: supply::deny },
    Part {
        name: "advisories",
        about: "known vulnerabilities (cargo-deny, needs its database)",
        run: supply::advisories,
    },
    Part { name: "docs", about: "the documentation builds without a warning", run: docs },
    Part { name: "unit", about: "all tests that need nothing but this machine's loopback", run: unit },
    Part {
        name: "slow",
        about: "tests on loopback that take minutes: a thousand kills, thousands of half-open connections",
        run: slow,
    },
    Part {
        name: "store",
        about: "the store in PostgreSQL, started by the tests; several collectors on it",
        run: store,
    },
    Part { name: "netns", about: "links of known capacity in network namespaces (root)", run: netns },
    Part { name: "boundaries", about: "the real communes, from ../shared", run: boundaries },
    Part { name: "demo", about: "the release program: demo, receipt, one byte changed", run: demo::run },
    Part {
        name: "bindings",
        about: "the library of the phone shells: fresh Kotlin and Swift, its size, its pages, its tests from Python",
        run: bindings::run,
    },
    Part {
        name: "month",
        about: "a made-up month, closed on both databases, opened and recomputed by others",
        run: month::run,
    },
    Part {
        name: "android",
        about: "the Android app on this machine: the real library, a real server, screens, style, API level",
        run: android::run,
    },
    Part {
        name: "ios",
        about: "the iOS app's core by Swift for Linux: the real library, a real server, every screen; the rest parsed",
        run: ios::run,
    },
    Part { name: "interop", about: "other people's clients against ours on loopback", run: peers::interop },
    Part { name: "lab", about: "the release program on emulated links, truth beside the result (root)", run: lab::run },
    Part {
        name: "package",
        about: "the release program as .deb and OCI image: made twice, installed, run",
        run: package::run,
    },
    Part {
        name: "strings",
        about: "writes what Android and iOS read of the table of strings that all phones share",
        run: strings::write,
    },
    Part {
        name: "bench",
        about: "tables of speed and accuracy of the pure parts, and of submissions, in release",
        run: bench,
    },
];

/// `cargo xtask test`.
pub(crate) const TEST: &[&str] = &[
    "fmt",
    "clippy",
    "deny",
    "advisories",
    "docs",
    "unit",
    "slow",
    "store",
    "netns",
    "boundaries",
    "demo",
    "bindings",
    "month",
    "android",
    "ios",
    "package",
    "interop",
    "lab",
];

/// `cargo xtask lint`.
pub(crate) const LINT: &[&str] = &["fmt", "clippy", "deny", "advisories"];

/// A build from nothing on two cores, with room.
const BUILD_LIMIT: Duration = Duration::from_secs(30 * 60);
/// Clusters made, crashed and filled, with room.
const STORE_LIMIT: Duration = Duration::from_secs(20 * 60);
/// Ten runs and the faults, with room.
const NETNS_LIMIT: Duration = Duration::from_secs(20 * 60);
const SLOW_LIMIT: Duration = Duration::from_secs(15 * 60);
const QUICK_LIMIT: Duration = Duration::from_secs(5 * 60);

fn fmt(machine: &Machine, _: &[&str]) -> Counts {
    if let Err(why) = machine.ensure_component("fmt", "rustfmt") {
        return Counts::skipped(why, "rustup component add rustfmt");
    }
    let finished = process::run(machine.cargo().args(["fmt", "--all", "--check"]), QUICK_LIMIT, Show::Yes);
    Counts::of_one(finished.ok, "files are not formatted, see above", "cargo fmt --all")
}

fn clippy(machine: &Machine, _: &[&str]) -> Counts {
    if let Err(why) = machine.ensure_component("clippy", "clippy") {
        return Counts::skipped(why, "rustup component add clippy");
    }
    let mut command = machine.cargo();
    command.args(["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]);
    let finished = process::run(&mut command, BUILD_LIMIT, Show::Yes);
    Counts::of_one(finished.ok, "warnings or errors, see above", "cargo clippy --workspace --all-targets")
}

fn docs(machine: &Machine, _: &[&str]) -> Counts {
    let mut command = machine.cargo();
    command.args(["doc", "--workspace", "--no-deps", "--quiet"]).env("RUSTDOCFLAGS", "-D warnings");
    let finished = process::run(&mut command, BUILD_LIMIT, Show::Yes);
    Counts::of_one(
        finished.ok,
        "warnings or errors, see above",
        "RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps",
    )
}

fn unit(machine: &Machine, parts: &[&str]) -> Counts {
    let mut command = machine.cargo();
    command.args(["test", "--workspace", "--no-fail-fast"]);
    tests(&mut command, BUILD_LIMIT, parts)
}

fn slow(machine: &Machine, parts: &[&str]) -> Counts {
    let mut command = machine.cargo();
    command.args([
        "test",
        "--workspace",
        "--no-fail-fast",
        "--test",
        "kill",
        "--test",
        "measure",
        "--",
        "--ignored",
        "--test-threads=1",
    ]);
    command.args(["--nocapture", "--skip", "child"]);
    tests(&mut command, SLOW_LIMIT, parts)
}

fn store(machine: &Machine, parts: &[&str]) -> Counts {
    if let Err(why) = machine.ensure_postgres() {
        return Counts::skipped(why, "apt-get install postgresql");
    }
    let mut command = machine.cargo();
    command.args(["test", "--workspace", "--no-fail-fast"]);
    command.args(["--test", "store_conformance", "--test", "collectors", "--test", "program"]);
    command.args(["--", "--ignored", "--test-threads=2", "--nocapture"]);
    tests(&mut command, STORE_LIMIT, parts)
}

/// Runs `cargo test` of a selection. In debug builds that is one of the whole workspace: of fewer packages cargo takes fewer
/// features, and builds what they depend on again.
fn tests(command: &mut Command, limit: Duration, parts: &[&str]) -> Counts {
    let finished = process::run(command, limit, Show::Yes);
    let mut counts = Counts::of_tests(&finished.lines, finished.ok, parts);
    if let Some(trouble) = finished.trouble {
        counts.why = format!("{trouble}; {}", counts.why);
    }
    counts
}

fn netns(machine: &Machine, parts: &[&str]) -> Counts {
    if !machine.is_root {
        return Counts::skipped("needs root for network namespaces", "sudo -E env \"PATH=$PATH\" cargo xtask netns");
    }
    for (program, package) in
        [("ip", "iproute2"), ("tc", "iproute2"), ("curl", "curl"), ("sqlite3", "sqlite3"), ("sysctl", "procps")]
    {
        if let Err(why) = machine.ensure(program, package) {
            return Counts::skipped(why, format!("apt-get install {package}"));
        }
    }
    if let Err(why) = can_shape() {
        return Counts::skipped(why, "a kernel and container that allow `ip netns add` and `tc qdisc add … tbf`");
    }
    if !std::path::Path::new("/dev/net/tun").exists() {
        let make = "mkdir -p /dev/net && mknod /dev/net/tun c 10 200";
        process::run(Command::new("sh").args(["-c", make]), QUICK_LIMIT, Show::No);
    }
    let mut command = machine.cargo();
    command.args(["test", "--workspace", "--no-fail-fast", "--test", "netns", "--test", "emulator"]);
    command.args(["--", "--ignored", "--test-threads=1", "--nocapture"]);
    tests(&mut command, NETNS_LIMIT, parts)
}

/// Whether a namespace can be made and a link in it shaped: containers often allow neither.
fn can_shape() -> Result<(), &'static str> {
    let namespace = Namespace::make("xtask").ok_or("network namespaces are not permitted here")?;
    if namespace.shape("1mbit", "32kbit") { Ok(()) } else { Err("the kernel has no token bucket (tc qdisc tbf)") }
}

fn boundaries(machine: &Machine, parts: &[&str]) -> Counts {
    if machine.boundaries.is_none() {
        return Counts::skipped(
            "the real boundary file is not here (../shared or $ISPEED_SHARED)",
            "ISPEED_SHARED=DIR cargo xtask boundaries",
        );
    }
    let mut command = machine.cargo();
    command.args(["test", "--release", "--package", "ispeed-commune", "--features", "build", "--no-fail-fast"]);
    command.args(["--test", "country", "--", "--ignored", "--test-threads=1", "--nocapture"]);
    tests(&mut command, BUILD_LIMIT, parts)
}

/// Tables and figures for people; `cargo xtask boundaries` prints those of the real communes.
fn bench(machine: &Machine, parts: &[&str]) -> Counts {
    let mut command = machine.cargo();
    command.args(["test", "--release", "--package", "ispeed-meter", "--package", "ispeed-wire", "--no-fail-fast"]);
    command.args(["--", "--ignored", "--test-threads=1", "--nocapture"]);
    let mut counts = tests(&mut command, BUILD_LIMIT, parts);
    let mut command = machine.cargo();
    command.args(["test", "--release", "--package", "ispeed-server", "--test", "throughput"]);
    command.args(["--", "--ignored", "--nocapture"]);
    counts.add(tests(&mut command, BUILD_LIMIT, parts));
    counts
}
