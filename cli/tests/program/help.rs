use std::path::Path;
use std::process::Stdio;

use crate::{ispeed, run, stdout_of, text};

/// Every command, found the way a person finds them: in the list of the one above.
fn commands(home: &Path, above: &[String], found: &mut Vec<(Vec<String>, String)>) {
    let args: Vec<&str> = above.iter().map(String::as_str).chain(["--help"]).collect();
    let help = stdout_of(&run(home, &args));
    let list = help.split("Commands:\n").nth(1).unwrap_or_default().split("\n\n").next().unwrap_or_default();
    let names = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    for name in names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help") {
        let below: Vec<String> = above.iter().cloned().chain([name.to_owned()]).collect();
        commands(home, &below, found);
    }
    found.push((above.to_vec(), help));
}

#[test]
fn every_command_has_help_with_an_example_of_itself() {
    let home = tempfile::tempdir().unwrap();
    let mut found = Vec::new();
    commands(home.path(), &[], &mut found);
    let names: Vec<String> = found.iter().map(|(path, _)| path.join(" ")).collect();
    for expected in [
        "demo",
        "test",
        "serve",
        "boundaries build",
        "boundaries info",
        "boundaries at",
        "boundaries fetch",
        "boundaries check",
        "outbox list",
        "outbox send",
        "outbox export",
        "verify",
        "month status",
        "admin synth",
        "admin parquet",
        "month close",
        "month revise",
        "month verify",
        "admin export",
        "admin import",
        "plan",
        "campaign create",
        "campaign list",
        "campaign show",
        "campaign close",
        "campaign qr",
        "campaign check",
        "campaign pairs",
        "campaign pack",
        "duties set",
        "duties show",
        "duties export",
        "duties ispeed-count",
        "server-key",
        "me show",
        "me delete",
        "completions",
        "man",
    ] {
        assert!(names.iter().any(|name| name == expected), "{expected} is missing from {names:?}");
    }
    for (path, help) in &found {
        let example = help.split("Example").nth(1).unwrap_or_else(|| panic!("{path:?} has no example"));
        assert!(example.contains(&format!("ispeed {}", path.join(" "))), "{path:?}: {example}");
    }
}

#[test]
fn options_are_those_of_the_interface() {
    let home = tempfile::tempdir().unwrap();
    let has = |command: &[&str], options: &[&str]| {
        let help = stdout_of(&run(home.path(), &[command, &["--help"]].concat()));
        for option in options {
            assert!(help.contains(option), "{command:?} lacks {option}");
        }
    };
    has(
        &["test"],
        &[
            "--server",
            "--at",
            "--facts",
            "--outbox",
            "--no-upload",
            "--max-bytes",
            "--max-seconds",
            "--long",
            "--interface",
            "-4",
            "-6",
            "--ca",
            "--share",
            "--boundaries",
            "--format",
            "--fail-on",
        ],
    );
    has(&["demo"], &["--data", "--link", "--at", "--once", "--samples", "--boundaries", "--format"]);
    has(
        &["serve"],
        &[
            "--listen",
            "--data",
            "--servers",
            "--boundaries",
            "--tls-cert",
            "--tls-key",
            "--self-signed",
            "--public-name",
        ],
    );
    has(&["month", "status"], &["--month", "--province", "--data", "--server"]);
    has(
        &["month", "close"],
        &[
            "--month",
            "--province",
            "--template",
            "--out",
            "--communes",
            "--sealed",
            "--data",
            "--database",
            "--provisional",
        ],
    );
    has(&["month", "verify"], &["--key", "--sealed", "--previous"]);
}

#[test]
fn a_wrong_command_line_exits_with_2_and_says_why() {
    let home = tempfile::tempdir().unwrap();
    for args in [
        &["nonsense"][..],
        &["test", "--server", "auto"],
        &["test", "--server", "hn1"],
        &["test", "--server", "ftp://x"],
        &["test", "--server", "https://127.0.0.1:1", "-4", "-6"],
        &["test", "--server", "https://127.0.0.1:1", "--max-bytes", "lots"],
        &["test", "--server", "https://127.0.0.1:1", "--at", "91,0"],
        &["demo", "--link", "fast"],
        &["demo", "--samples", "0"],
        &["boundaries", "at", "here"],
        &["boundaries", "fetch", "--release", "v1"],
        &["verify"],
        &["verify", "x", "--key", "tooshort"],
        &["month", "status"],
        &["month", "status", "--data", "x", "--month", "2026-13"],
        &["month", "status", "--data", "x", "--province", "99"],
        &["month", "close", "--month", "2026-13", "--out", "x"],
        &["month", "close", "--month", "2026-10"],
        &["month", "close", "--month", "2026-10", "--out", "x", "--province", "99"],
        &["month", "close", "--month", "2026-10", "--out", "x", "--date", "9/12/2026"],
        &["serve", "--tls-cert", "x"],
        &["me", "delete", "--server", "https://127.0.0.1:1"],
    ] {
        let output = run(home.path(), args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", text(&output.stderr));
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn an_own_failure_exits_with_1_and_one_line() {
    let home = tempfile::tempdir().unwrap();
    for args in [
        &["verify", "no-such-file"][..],
        &["boundaries", "info", "no-such-file"],
        &["boundaries", "build", "no-such-file", "out"],
        &["outbox", "list", "--outbox", "no-such-file"],
        &["month", "status", "--data", "no-such-dir"],
        &["month", "verify", "no-such-dir"],
        &["serve", "--listen", "192.0.2.1:1", "--data", "d"],
    ] {
        let output = run(home.path(), args);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {stderr}");
        assert!(stderr.starts_with("ispeed: ") && stderr.lines().count() == 1 && stderr.contains(';'), "{stderr}");
    }
}

#[test]
fn completions_and_manual_pages_are_made() {
    let home = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(stdout_of(&run(home.path(), &["completions", shell])).contains("boundaries"), "{shell}");
    }
    let page = stdout_of(&run(home.path(), &["man"]));
    assert!(page.contains(".TH ispeed 1") && page.contains("Example"));
    stdout_of(&run(home.path(), &["man", "--dir", "man1"]));
    let pages: Vec<_> = std::fs::read_dir(home.path().join("man1")).unwrap().map(|e| e.unwrap().file_name()).collect();
    for expected in ["ispeed.1", "ispeed-test.1", "ispeed-boundaries-at.1"] {
        assert!(pages.iter().any(|page| page == expected), "{pages:?}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let home = tempfile::tempdir().unwrap();
    for args in [&["completions", "bash"][..], &["man"], &["--help"]] {
        let mut child = ispeed(home.path())
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let stderr = text(&output.stderr);
        assert!(!stderr.contains("panicked"), "{args:?}: {stderr}");
        if args != ["--help"] {
            assert_eq!(output.status.code(), Some(0), "{args:?}: {stderr}");
        }
    }
}
