//! `cargo xtask lab --bench`: the figures of `docs/ACCURACY.md` that no emulated link gives, into one JSON file.
//!
//! The programs and tests that measure print them among their tables, as lines `bench: {…}`; here they are put together.
//! The members are those of `lab/src/report/bench.rs`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::machine::Machine;
use crate::process::{self, Show};
use crate::server::{Server, free_port};

/// What such a line begins with.
const MARK: &str = "bench: ";
/// A release build of the tests and ten thousand simulated links, with room.
const TABLES_LIMIT: Duration = Duration::from_secs(60 * 60);
const SAMPLE_LIMIT: Duration = Duration::from_secs(60);
const START_LIMIT: Duration = Duration::from_secs(20);

/// Where the figures are.
pub(crate) fn file(machine: &Machine) -> PathBuf {
    machine.target.join("lab").join("bench.json")
}

/// Measures and writes [`file()`].
pub(crate) fn run(machine: &Machine, ispeed: &Path) -> Result<(), String> {
    let mut all = Map::new();
    for (package, tests) in [("ispeed-wire", &["cpu"][..]), ("ispeed-meter", &["coverage", "links"][..])] {
        let mut command = machine.cargo();
        command.args(["test", "--release", "--quiet", "--package", package]);
        for test in tests {
            command.args(["--test", test]);
        }
        command.args(["--", "--ignored", "--test-threads=1", "--nocapture"]);
        let finished = process::run(&mut command, TABLES_LIMIT, Show::Yes);
        if !finished.ok {
            return Err(format!("the tables of {package}: {}", finished.why()));
        }
        gather(&mut all, &finished.lines)?;
    }
    all.insert("loopback".into(), loopback(machine, ispeed)?);
    all.insert("machine".into(), this_machine().into());
    all.insert("commit".into(), said(Command::new("git").args(["describe", "--always", "--dirty"])).into());
    let path = file(machine);
    let text = format!("{:#}\n", Value::Object(all));
    std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Adds the figures among `lines`; members of one object come from several of them.
fn gather(all: &mut Map<String, Value>, lines: &[String]) -> Result<(), String> {
    for text in lines.iter().filter_map(|line| line.strip_prefix(MARK)) {
        let figures: Map<String, Value> = serde_json::from_str(text).map_err(|error| format!("{text}: {error}"))?;
        for (name, figure) in figures {
            match (all.get_mut(&name), figure) {
                (Some(Value::Object(known)), Value::Object(more)) => known.extend(more),
                (_, figure) => drop(all.insert(name, figure)),
            }
        }
    }
    Ok(())
}

/// What the client measures over TLS where there is no link: on the loopback device, and long, for the byte budget of a
/// default sample is spent there before the second look at the processor.
fn loopback(machine: &Machine, ispeed: &Path) -> Result<Value, String> {
    let dir = machine.target.join("lab").join(format!("loopback-{}", std::process::id()));
    let sample = measured(ispeed, &dir);
    let _ = std::fs::remove_dir_all(&dir);
    let sample = sample?;
    let gbps = |way: &str| sample[way]["goodput_bps"].as_f64().map(|bps| (bps / 1e7).round() / 100.0);
    let limit = |way: &str| {
        let flags = sample[way]["flags"].as_array()?;
        ["cpu_limited", "server_limited"].into_iter().find(|flag| flags.iter().any(|set| set == flag))
    };
    match (gbps("down"), gbps("up")) {
        (Some(down), Some(up)) => Ok(json!({
            "down_gbps": down, "up_gbps": up, "down_limit": limit("down"), "up_limit": limit("up"),
        })),
        _ => Err(format!("no figure on loopback: {sample}")),
    }
}

fn measured(ispeed: &Path, dir: &Path) -> Result<Value, String> {
    std::fs::create_dir_all(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    let port = free_port()?;
    let authority = format!("127.0.0.1:{port}");
    let mut serve = Command::new(ispeed);
    serve.args(["serve", "--listen", &authority, "--self-signed", "--public-name", "127.0.0.1", "--data"]).arg(dir);
    let _server = Server::start(&mut serve, &dir.join("serve.log"), port, START_LIMIT)?;
    let mut test = Command::new(ispeed);
    test.args(["test", "--long", "--server", &format!("https://{authority}"), "--format", "json"]);
    test.arg("--ca").arg(dir.join("cert.pem")).arg("--outbox").arg(dir.join("outbox.sqlite"));
    let finished = process::run(&mut test, SAMPLE_LIMIT, Show::No);
    let document: Value = serde_json::from_str(&finished.lines.join("\n"))
        .map_err(|error| format!("ispeed test on loopback: {}, {error}", finished.why()))?;
    Ok(document["sample"].clone())
}

fn this_machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown processor");
    let system = said(Command::new("uname").args(["-s", "-r"]));
    format!("{cores} cores, {}, {system}", model.trim_start_matches([' ', '\t', ':']))
}

/// What a command prints; empty where it cannot.
fn said(command: &mut Command) -> String {
    command.output().map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_one_object_come_from_several_lines() {
        let lines = [
            "a table".to_owned(),
            r#"bench: {"simulation": {"runs": 10000}}"#.to_owned(),
            r#"bench: {"simulation": {"coverage_lowest": 0.93}, "other": 1}"#.to_owned(),
        ];
        let mut all = Map::new();
        gather(&mut all, &lines).unwrap();
        let expected = json!({"simulation": {"runs": 10000, "coverage_lowest": 0.93}, "other": 1});
        assert_eq!(Value::Object(all.clone()), expected);
        assert!(gather(&mut all, &["bench: {".to_owned()]).is_err());
    }
}
