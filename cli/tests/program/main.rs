//! Runs the real program, as a person or a script would.
#![allow(clippy::unwrap_used, reason = "a failed unwrap in a helper of a test is a failed test")]

mod admin;
mod boundaries;
mod database;
mod demo;
mod help;
mod month;
mod plan;
#[path = "../../../server/tests/common/postgres.rs"]
mod postgres_server;
mod serve;
mod verify;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The program in a home of its own, with nothing of this machine's environment that it reads.
pub(crate) fn ispeed(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ispeed"));
    command.current_dir(home).env("HOME", home).env("XDG_DATA_HOME", home.join("share")).env("LANG", "C");
    for name in
        ["ISPEED_BOUNDARIES", "ISPEED_COLLECTOR", "ISPEED_DATABASE", "ISPEED_LOG", "LC_ALL", "LC_MESSAGES", "NO_COLOR"]
    {
        command.env_remove(name);
    }
    command
}

/// Runs to the end without input.
pub(crate) fn run(home: &Path, args: &[&str]) -> Output {
    ispeed(home).args(args).stdin(Stdio::null()).output().unwrap()
}

/// Runs to the end with `input` on standard input.
pub(crate) fn run_with(home: &Path, args: &[&str], input: &[u8]) -> Output {
    let mut child =
        ispeed(home).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // From a thread: the program may answer before it has read everything.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Standard output of a run that was to succeed.
#[track_caller]
pub(crate) fn stdout_of(output: &Output) -> String {
    assert!(output.status.success(), "{:?}: {}", output.status, text(&output.stderr));
    text(&output.stdout)
}
