use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};

use serde_json::Value;

use crate::{ispeed, run, run_with, stdout_of, text};

/// A server in its own process.
struct Server {
    child: Child,
    url: String,
    /// What it says on standard error after that.
    lines: Receiver<String>,
}

impl Server {
    fn start(home: &Path) -> Self {
        let mut child = ispeed(home)
            .args(["serve", "--listen", "127.0.0.1:0", "--data", "srv", "--self-signed"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let url = lines.by_ref().find_map(|line| Some(line.unwrap().split_once("public page ")?.1.to_owned())).unwrap();
        // Somebody has to read the rest, or the server would wait for its log.
        let (sender, receiver) = channel();
        std::thread::spawn(move || lines.for_each(|line| drop(sender.send(line.unwrap()))));
        Self { child, url, lines: receiver }
    }

    #[cfg(unix)]
    fn signal(&self, name: &str) {
        let told = std::process::Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(told.success());
    }

    /// The next line that holds `words`.
    #[cfg(unix)]
    fn says(&self, words: &str) -> String {
        let next = || self.lines.recv_timeout(std::time::Duration::from_secs(20));
        loop {
            let line = next().unwrap_or_else(|_| panic!("the server did not say {words:?}"));
            if line.contains(words) {
                return line;
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_test_against_a_server_of_its_own_and_what_the_owner_may_ask() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let server = Server::start(home);
    let (url, ca) = (server.url.as_str(), "srv/cert.pem");
    let output = run(
        home,
        &[
            "test",
            "--server",
            url,
            "--ca",
            ca,
            "--share",
            "commune",
            "--at",
            "11.5209,106.899,10",
            "--max-seconds",
            "1",
            "--format",
            "json",
        ],
    );
    let stdout = stdout_of(&output);
    let document: Value = serde_json::from_str(&stdout).unwrap();
    let sample = &document["sample"];
    assert_eq!(sample["place"]["code"], "25195", "{}", text(&output.stderr));
    assert_eq!(sample["fixes"]["start"]["lat"], Value::Null, "the point is not shared: {sample}");
    let reasons = sample["verdict"]["reasons"].as_array().unwrap();
    assert!(
        reasons.iter().any(|reason| reason == "position_declared"),
        "a declared position never counts: {reasons:?}"
    );
    assert!(!document["receipt"].is_null(), "{}", text(&output.stderr));
    stdout_of(&run_with(home, &["verify", "-"], stdout.as_bytes()));

    let key = stdout_of(&run(home, &["server-key", "--server", url, "--ca", ca, "--format", "json"]));
    assert_eq!(key, stdout_of(&run(home, &["server-key", "--data", "srv", "--format", "json"])));

    let held = stdout_of(&run(home, &["me", "show", "--server", url, "--ca", ca]));
    assert!(held.contains(sample["id"].as_str().unwrap()), "{held}");
    let deleted = stdout_of(&run(home, &["me", "delete", "--server", url, "--ca", ca, "--yes"]));
    let receipt: Value = serde_json::from_str(deleted.lines().next().unwrap()).unwrap();
    assert_eq!((&receipt["kind"], &receipt["sample_id"]), (&"deletion".into(), &sample["id"]));
    stdout_of(&run_with(home, &["verify", "-"], deleted.as_bytes()));

    let status = stdout_of(&run(home, &["month", "status", "--server", url, "--ca", ca, "--format", "json"]));
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!((&status["communes_total"], &status["counted"]), (&3321.into(), &0.into()));
}

#[test]
fn what_is_refused_is_neither_shared_nor_handed_in() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let server = Server::start(home);
    let args =
        ["test", "--server", &server.url, "--ca", "srv/cert.pem", "--at", "11.5209,106.899", "--max-seconds", "0.5"];
    let refused = [&args[..], &["--share", "none", "--no-upload", "--format", "json"]].concat();
    let document: Value = serde_json::from_str(&stdout_of(&run(home, &refused))).unwrap();
    assert!(document["receipt"].is_null());
    assert_eq!(document["sample"]["place"]["verdict"], "unknown");
    assert_eq!(document["sample"]["fixes"]["start"], Value::Null);

    assert!(stdout_of(&run(home, &["outbox", "consent", "--withdraw"])).contains("hand in no"));
    for command in [&args[..], &["outbox", "send", "--ca", "srv/cert.pem"]] {
        let output = run(home, command);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
        assert!(text(&output.stderr).contains("agree"), "{}", text(&output.stderr));
    }
    let list = stdout_of(&run(home, &["outbox", "list", "--state", "waiting", "--format", "jsonl"]));
    assert_eq!(list.lines().count(), 1, "it stays here");
}

#[test]
fn a_dead_server_is_a_result_that_fail_on_can_name() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("https://{closed}");
    let args = ["test", "--server", &url, "--share", "commune", "--format", "csv"];
    let csv = stdout_of(&run(home, &args));
    assert_eq!(csv.lines().count(), 2, "{csv}");
    let field = |name: &str| {
        let at = csv.lines().next().unwrap().split(',').position(|field| field == name).unwrap();
        csv.lines().nth(1).unwrap().split(',').nth(at).unwrap().to_owned()
    };
    assert_eq!(field("outcome"), "server_failed");
    assert_eq!(field("idle_ms"), "", "what was not measured is empty, never 0");
    for (fail_on, code) in [("nothing", 3), ("partial", 3)] {
        let output = run(home, &[&args[..], &["--fail-on", fail_on]].concat());
        assert_eq!(output.status.code(), Some(code), "{}", text(&output.stderr));
    }
    let list = stdout_of(&run(home, &["outbox", "list", "--state", "waiting", "--format", "jsonl"]));
    assert_eq!(list.lines().count(), 3, "every attempt is kept");
}

#[cfg(unix)]
#[test]
fn a_server_that_is_told_to_end_ends_in_order() {
    let home = tempfile::tempdir().unwrap();
    let mut server = Server::start(home.path());
    server.signal("-TERM");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}

#[cfg(unix)]
#[test]
fn sighup_takes_up_a_new_certificate_and_refuses_half_of_one() {
    let (home, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Server::start(home.path());
    drop(Server::start(other.path()));
    let (own, new) = (home.path().join("srv"), other.path().join("srv"));
    let old_ca = home.path().join("old.pem");
    std::fs::copy(own.join("cert.pem"), &old_ca).unwrap();
    let reaches = |ca: &Path| {
        run(home.path(), &["server-key", "--server", &server.url, "--ca", ca.to_str().unwrap()]).status.success()
    };
    assert!(reaches(&old_ca) && !reaches(&new.join("cert.pem")));

    server.signal("-HUP");
    server.says("the certificate is unchanged");
    std::fs::copy(new.join("cert.pem"), own.join("cert.pem")).unwrap();
    server.signal("-HUP");
    let line = server.says("kept");
    assert!(line.contains("srv/cert.pem and srv/key.pem are no pair"), "{line}");
    assert!(reaches(&old_ca));
    std::fs::copy(new.join("key.pem"), own.join("key.pem")).unwrap();
    server.signal("-HUP");
    // Should the server have looked by itself in between, it is unchanged by now.
    server.says("ispeed: the");
    assert!(reaches(&new.join("cert.pem")) && !reaches(&old_ca));
}
