//! Client and server as separate processes over TLS on links of known capacity, in network namespaces.
//!
//! Needs root, `ip` and `tc`; run by `cargo xtask netns`. Each test makes its own namespaces.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a failed unwrap is a failed test; figures are printed")]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use ispeed_tests::netns::{Lab, SERVER_IP, TBF_GOODPUT_SHARE};
use ispeed_tests::program::{Server, ispeed};
use serde_json::{Value, json};
use tempfile::TempDir;

const PORT: u16 = 4433;

/// A laboratory with one `ispeed serve` that is measuring end and collector at once.
struct Site {
    lab: Lab,
    dir: TempDir,
}

impl Site {
    fn new(name: &str) -> Self {
        Self { lab: Lab::new(name, 48_000, 24_000), dir: TempDir::new().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn serve_with(&self, data: &str, port: u16, more: &[&str]) -> Server {
        let data = self.path(data);
        let mut command = self.lab.command("s", ispeed());
        command.args([
            "serve",
            "--listen",
            &format!("{SERVER_IP}:{port}"),
            "--self-signed",
            "--public-name",
            SERVER_IP,
        ]);
        command.arg("--data").arg(&data).args(more);
        Server::start(command, || self.answers(port, &data.join("cert.pem")))
    }

    fn serve(&self) -> Server {
        self.serve_with("server", PORT, &[])
    }

    fn answers(&self, port: u16, cert: &Path) -> bool {
        let mut command = self.lab.command("c", "curl");
        command.args(["--silent", "--fail", "--max-time", "2", "--cacert"]).arg(cert);
        command.arg(format!("https://{SERVER_IP}:{port}/healthz"));
        command.output().is_ok_and(|o| o.status.success())
    }

    fn test_command(&self, port: u16, data: &str, more: &[&str]) -> Command {
        let mut command = self.lab.command("c", ispeed());
        command.args(["test", "--server", &format!("https://{SERVER_IP}:{port}")]);
        command.arg("--ca").arg(self.path(data).join("cert.pem")).arg("--outbox").arg(self.path("outbox.sqlite"));
        command.args(more);
        command
    }

    fn test(&self, more: &[&str]) -> Value {
        document(&finished(self.test_command(PORT, "server", more).args(["--format", "json"])))
    }

    fn outbox(&self, words: &[&str]) -> Output {
        let mut command = self.lab.command("c", ispeed());
        command.arg("outbox").args(words).arg("--outbox").arg(self.path("outbox.sqlite"));
        finished(&mut command)
    }

    fn send(&self) {
        let ca = self.path("server").join("cert.pem");
        self.outbox(&["send", "--ca", ca.to_str().unwrap()]);
    }

    fn states(&self) -> Vec<(String, String)> {
        let list: Value = serde_json::from_slice(&self.outbox(&["list", "--format", "json"]).stdout).unwrap();
        let text = |v: &Value| v.as_str().unwrap().to_owned();
        list.as_array().unwrap().iter().map(|item| (text(&item["id"]), text(&item["state"]))).collect()
    }

    /// Samples the collector holds, as `sqlite3` sees them: a check that does not go through our own code.
    fn stored_ids(&self, data: &str) -> Vec<String> {
        let mut command = Command::new("sqlite3");
        command
            .arg("-readonly")
            .arg(self.path(data).join("ispeed.sqlite"))
            .arg("SELECT lower(hex(id)) FROM sample ORDER BY id");
        let output = finished(&mut command);
        let dashed = |h: &str| format!("{}-{}-{}-{}-{}", &h[..8], &h[8..12], &h[12..16], &h[16..20], &h[20..]);
        String::from_utf8(output.stdout).unwrap().lines().map(dashed).collect()
    }
}

fn finished(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?} ended with {:?}: {text}", output.status.code());
    output
}

fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("stdout is not one JSON document: {e}\n{}", String::from_utf8_lossy(&output.stdout)))
}

fn assert_within(what: &str, measured: &Value, truth_bps: f64, tolerance: f64) -> f64 {
    let bps = measured["goodput_bps"].as_f64().unwrap_or_else(|| panic!("{what} was not measured: {measured}"));
    let error = bps / truth_bps - 1.0;
    assert!(error.abs() <= tolerance, "{what}: {bps:.0} bit/s, truth {truth_bps:.0}, error {:+.2} %", error * 100.0);
    error * 100.0
}

#[test]
#[ignore = "needs root and network namespaces: cargo xtask netns"]
fn ten_of_ten_runs_are_within_three_percent_of_the_bucket() {
    let site = Site::new("rate");
    let _server = site.serve();
    for run in 1..=10 {
        let sample = &site.test(&[])["sample"];
        assert_eq!(sample["outcome"], "complete", "{sample}");
        let down = assert_within("down", &sample["down"], 48e6 * TBF_GOODPUT_SHARE, 0.03);
        let up = assert_within("up", &sample["up"], 24e6 * TBF_GOODPUT_SHARE, 0.03);
        println!(
            "run {run:2}: down {down:+.2} % in {:.2} s, up {up:+.2} % in {:.2} s, {:.1} MB",
            sample["down"]["duration_ms"].as_f64().unwrap() / 1e3,
            sample["up"]["duration_ms"].as_f64().unwrap() / 1e3,
            (sample["bytes_down"].as_f64().unwrap() + sample["bytes_up"].as_f64().unwrap()) / 1e6,
        );
    }
    let sent = site.states();
    assert_eq!(sent.len(), 10);
    assert!(sent.iter().all(|(_, state)| state == "sent"), "{sent:?}");
    assert_eq!(site.stored_ids("server").len(), 10);
}

#[test]
#[ignore = "needs root and network namespaces: cargo xtask netns"]
fn a_server_killed_in_mid_download_leaves_a_sample_that_is_sent_later_exactly_once() {
    let site = Site::new("kill");
    let mut server = site.serve();
    let mut child = site
        .test_command(PORT, "server", &["--format", "jsonl", "--long"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let loading = lines.find(|line| {
        let event: Value = serde_json::from_str(line).unwrap();
        event["phase"] == "download" && event["bytes_down"].as_f64().is_some_and(|b| b > 1e6)
    });
    assert!(loading.is_some(), "no progress event of the download with bytes in it");
    server.kill();
    let last = lines.last().expect("a document after the events");
    assert!(child.wait().unwrap().success(), "a bad network is a result, not an error");
    let sample = serde_json::from_str::<Value>(&last).unwrap()["sample"].clone();
    // The download may have become valid before the server died; then the attempt is partial.
    let outcome = sample["outcome"].as_str().unwrap();
    assert!(["server_failed", "partial"].contains(&outcome), "{outcome}");
    assert_eq!(sample["verdict"]["counts"], false);
    assert!(sample["up"].is_null() || sample["up"]["goodput_bps"].is_null());
    assert_eq!(site.states().iter().map(|(_, s)| s.as_str()).collect::<Vec<_>>(), ["waiting"]);
    drop(server);

    let _server = site.serve();
    site.send();
    site.send();
    assert_eq!(site.states().iter().map(|(_, s)| s.as_str()).collect::<Vec<_>>(), ["sent"]);
    assert_eq!(site.stored_ids("server"), [sample["id"].as_str().unwrap()]);
}

#[test]
#[ignore = "needs root and network namespaces: cargo xtask netns"]
fn no_server_is_a_failed_attempt_and_no_route_is_no_service() {
    let site = Site::new("none");
    drop(site.serve()); // leaves its certificate, nobody listens
    let refused = site.test(&[])["sample"].clone();
    assert_eq!(refused["outcome"], "server_failed", "{refused}");
    assert_eq!(refused["outcome_reason"], "connection_refused");
    site.lab.client_link(false);
    let unreachable = site.test(&[])["sample"].clone();
    assert_eq!(unreachable["outcome"], "no_service", "{unreachable}");
    assert_eq!(unreachable["evidence"], json!([]));
    site.lab.client_link(true);
    // Silence is not refusal: packets vanish, the route stands.
    site.lab.forwarding(false);
    let begun = Instant::now();
    let silent = site.test(&[])["sample"].clone();
    assert_eq!(silent["outcome"], "server_failed", "{silent}");
    assert_eq!(silent["outcome_reason"], "timeout");
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
    site.lab.forwarding(true);
    let states = site.states();
    assert!(states.len() == 3 && states.iter().all(|(_, state)| state == "waiting"), "{states:?}");

    let _server = site.serve();
    site.send();
    assert!(site.states().iter().all(|(_, state)| state == "sent"), "{:?}", site.states());
    assert_eq!(site.stored_ids("server").len(), 3);
}

#[test]
#[ignore = "needs root and network namespaces: cargo xtask netns"]
fn an_outage_of_a_second_is_a_flag_not_a_failure() {
    let site = Site::new("gap");
    let _server = site.serve();
    let mut child = site
        .test_command(PORT, "server", &["--format", "jsonl", "--long"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    lines.find(|line| {
        let event: Value = serde_json::from_str(line).unwrap();
        event["phase"] == "download" && event["bytes_down"].as_f64().is_some_and(|b| b > 2e5)
    });
    site.lab.forwarding(false);
    std::thread::sleep(Duration::from_secs(1));
    site.lab.forwarding(true);
    let last = lines.last().expect("a document after the events");
    assert!(child.wait().unwrap().success());
    let sample = serde_json::from_str::<Value>(&last).unwrap()["sample"].clone();
    assert_eq!(sample["outcome"], "complete", "{sample}");
    let flags = sample["down"]["flags"].as_array().unwrap();
    assert!(flags.contains(&json!("outage")), "{flags:?} {}", sample["down"]);
}

#[test]
#[ignore = "needs root and network namespaces: cargo xtask netns"]
fn measuring_end_and_collector_may_be_two_machines() {
    let site = Site::new("two");
    // Learn both keys, then start each end with what it must know of the other.
    let point_key = key_of(&site, "point", PORT + 1, "evidence_key");
    let issuer_key = key_of(&site, "server", PORT, "public_key");
    let servers = json!({"servers": [{
        "id": "point-1", "name": "Điểm đo 1", "place": "Đồng Nai", "host_network": "lab", "class": "vnix",
        "url": format!("https://{SERVER_IP}:{}", PORT + 1), "public_key": point_key,
    }]});
    let file = site.path("servers.json");
    std::fs::File::create(&file).unwrap().write_all(servers.to_string().as_bytes()).unwrap();
    let cas = site.path("cas.pem");
    let both: String =
        ["server", "point"].iter().map(|d| std::fs::read_to_string(site.path(d).join("cert.pem")).unwrap()).collect();
    std::fs::write(&cas, both).unwrap();

    let collector = site.serve_with("server", PORT, &["--servers", file.to_str().unwrap()]);
    let untrusting = site.serve_with("point", PORT + 1, &["--server-id", "point-1"]);
    let url = format!("https://{SERVER_IP}:{PORT}");
    let run = || {
        let mut command = site.lab.command("c", ispeed());
        command.args(["test", "--server", "point-1", "--collector", &url, "--format", "json"]);
        command.arg("--ca").arg(&cas).arg("--outbox").arg(site.path("outbox.sqlite"));
        document(&finished(&mut command))
    };
    // A token of an issuer the measuring end does not trust moves no bytes.
    let refused = run()["sample"].clone();
    assert_eq!(refused["outcome"], "server_failed", "{refused}");
    assert_eq!(refused["outcome_reason"], "token_refused");
    assert_eq!(refused["bytes_down"], 0);
    drop(untrusting);

    let _point = site.serve_with("point", PORT + 1, &["--server-id", "point-1", "--trust-issuer", &issuer_key]);
    let document = run();
    let sample = &document["sample"];
    assert_eq!(sample["outcome"], "complete", "{sample}");
    assert_within("down", &sample["down"], 48e6 * TBF_GOODPUT_SHARE, 0.03);
    assert_within("up", &sample["up"], 24e6 * TBF_GOODPUT_SHARE, 0.03);
    assert_eq!(sample["server"]["id"], "point-1");
    assert_eq!(sample["evidence"].as_array().unwrap().len(), 2);
    assert!(sample["evidence"].as_array().unwrap().iter().all(|e| e["key"] == point_key.as_str()));
    assert_eq!(document["receipt"]["attested"], true, "{}", document["receipt"]);
    assert_eq!(document["receipt"]["key"], issuer_key.as_str());
    assert_eq!(site.stored_ids("server").len(), 2);
    drop(collector);
}

/// Starts a server for a moment to make its keys, and reads one of them from the data folder.
fn key_of(site: &Site, data: &str, port: u16, which: &str) -> String {
    assert_eq!(site.serve_with(data, port, &[]).terminate(), Some(0));
    let mut command = Command::new(ispeed());
    command.args(["server-key", "--format", "json", "--data"]).arg(site.path(data));
    let keys = document(&finished(&mut command));
    keys[which].as_str().unwrap_or_else(|| panic!("no {which} key in {keys}")).to_owned()
}
