//! Other people's clients, unmodified, against the real program on loopback. `cargo xtask interop` installs them into
//! `target/peers` and runs this.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a failed unwrap is a failed test; figures are printed")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ispeed_tests::program::{Server, ispeed};
use serde_json::Value;

/// Slower than this is no loopback but a fault.
const LEAST_BPS: f64 = 5e6;
/// Faster than this is a wrong unit.
const MOST_BPS: f64 = 1e12;
/// The slowest client measures each direction for ten seconds.
const CLIENT_LIMIT: Duration = Duration::from_secs(60);

/// A server with every protocol, and its folder.
struct Stand {
    dir: tempfile::TempDir,
    authority: String,
    _server: Server,
}

impl Stand {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new(ispeed());
        command.args(["serve", "--listen", "127.0.0.1:0", "--self-signed", "--public-name", "127.0.0.1"]);
        command.args(["--interop", "ndt7,librespeed,cloudflare,nq,rmbt", "--data"]).arg(dir.path());
        let (server, url) = Server::start_anywhere(command);
        let authority = url.trim_start_matches("https://").trim_end_matches('/').to_owned();
        Self { dir, authority, _server: server }
    }

    fn url(&self) -> String {
        format!("https://{}", self.authority)
    }

    fn certificate(&self) -> PathBuf {
        self.dir.path().join("cert.pem")
    }
}

/// `target/peers/PATH`.
fn peer(path: &str) -> PathBuf {
    let exe = std::env::current_exe().unwrap();
    let path = exe.ancestors().nth(3).unwrap().join("peers").join(path);
    assert!(path.exists(), "{} is not installed: cargo xtask interop", path.display());
    path
}

/// Standard output of a client that ends well and in time.
fn output(command: &mut Command) -> String {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || std::io::read_to_string(&mut stdout).unwrap());
    let status = ended(&mut child);
    let said = reader.join().unwrap();
    assert!(status.success(), "{command:?}: {status}: {said}");
    said
}

fn ended(child: &mut Child) -> std::process::ExitStatus {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if begun.elapsed() > CLIENT_LIMIT {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn sane(what: &str, bps: f64) {
    println!("{what}: {:.0} Mbit/s", bps / 1e6);
    assert!((LEAST_BPS..MOST_BPS).contains(&bps), "{what}: {bps} bit/s");
}

#[test]
#[ignore = "needs clients from registries: cargo xtask interop"]
fn ndt7_client_completes_both_directions() {
    let stand = Stand::new();
    let mut command = Command::new(peer("ndt7/bin/ndt7-client"));
    command.args(["--server", &stand.authority, "--no-locate", "--no-verify", "--format", "json"]);
    let said = output(&mut command);
    let events: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(events.iter().all(|event| event["Type"] != "Error"), "{said}");
    let summary = &events.last().unwrap()["Summary"];
    for side in ["Download", "Upload"] {
        sane(&format!("ndt7 {side}"), summary[side]["ThroughputMbps"].as_f64().unwrap() * 1e6);
        let latency_ms = summary[side]["LatencyMs"].as_f64().unwrap();
        assert!(latency_ms > 0.0 && latency_ms < 100.0, "{side}: {latency_ms} ms");
    }
    // Upload: the client shows what the server counted.
    let counted = |event: &&Value| event["Test"] == "upload" && event["Measurement"]["Origin"] == "server";
    assert!(events.iter().filter(counted).count() > 5, "{said}");
}

#[test]
#[ignore = "needs clients from registries: cargo xtask interop"]
fn cloudflare_speedtest_climbs_its_whole_ladder() {
    let stand = Stand::new();
    let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lab/src/peers/cloudflare.mjs");
    let mut command = Command::new("node");
    command.arg(driver).arg(peer("cloudflare/node_modules/@cloudflare/speedtest/dist/speedtest.js")).arg(stand.url());
    command.env("NODE_EXTRA_CA_CERTS", stand.certificate());
    let result: Value = serde_json::from_str(&output(&mut command)).unwrap();
    assert_eq!(result["error"], Value::Null, "{result}");
    for side in ["download", "upload"] {
        sane(&format!("Cloudflare {side}"), result[side].as_f64().unwrap());
        assert!(result["bytes"][side].as_u64().unwrap() > 10_000_000, "{result}");
    }
    let latency_ms = result["latency"].as_f64().unwrap();
    assert!((0.0..100.0).contains(&latency_ms), "{latency_ms} ms");
}

#[test]
#[ignore = "needs clients from registries: cargo xtask interop"]
fn rmbt_client_completes_both_directions() {
    let stand = Stand::new();
    let mut command = Command::new(peer("rmbt/bin/rmbt-client"));
    command.args(["--host", &stand.url()]);
    command.env("SSL_CERT_FILE", stand.certificate()).env("HOME", stand.dir.path());
    let said = output(&mut command);
    let results = said.split_once("=== Results ===").unwrap_or_else(|| panic!("no results: {said}")).1;
    for side in ["Download", "Upload"] {
        let line = results.lines().find_map(|line| line.strip_prefix(side)?.strip_prefix(':')).unwrap();
        sane(&format!("RMBT {side}"), line.split_whitespace().next().unwrap().parse::<f64>().unwrap() * 1e6);
    }
    let ping = results.lines().find_map(|line| line.strip_prefix("Ping (median):")).unwrap();
    let ping_ms: f64 = ping.split_whitespace().next().unwrap().parse().unwrap();
    assert!(ping_ms > 0.0 && ping_ms < 100.0, "{ping}");
}
