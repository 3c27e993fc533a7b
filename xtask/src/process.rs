//! Runs a command with its output shown and kept, and a limit on its time.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// What a command did.
pub(crate) struct Finished {
    /// It ended by itself with exit code 0.
    pub(crate) ok: bool,
    /// Its exit code, if it ended by itself.
    pub(crate) code: Option<i32>,
    /// What it wrote to standard output.
    pub(crate) lines: Vec<String>,
    /// It was ended because it took too long, or could not be started.
    pub(crate) trouble: Option<String>,
}

impl Finished {
    /// Why it is not `ok`.
    pub(crate) fn why(&self) -> String {
        match (&self.trouble, self.code) {
            (Some(trouble), _) => trouble.clone(),
            (None, Some(code)) => format!("exit code {code}"),
            (None, None) => "ended by a signal".to_owned(),
        }
    }
}

/// Whether standard output is shown while it is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Show {
    Yes,
    No,
}

/// Runs `command` for at most `limit`; its standard error is this program's own.
pub(crate) fn run(command: &mut Command, limit: Duration, show: Show) -> Finished {
    own_group(command).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            let trouble = Some(format!("{:?} could not be started: {error}", command.get_program()));
            return Finished { ok: false, code: None, lines: Vec::new(), trouble };
        }
    };
    let (sender, receiver) = channel();
    if let Some(stdout) = child.stdout.take() {
        std::thread::spawn(move || forward(stdout, &sender));
    }
    let begun = Instant::now();
    let (mut lines, mut trouble) = (Vec::new(), None);
    loop {
        match receiver.recv_timeout(limit.saturating_sub(begun.elapsed())) {
            Ok(line) => {
                if show == Show::Yes {
                    println!("{line}");
                }
                lines.push(line);
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                end(&mut child);
                trouble = Some(format!("did not end within {} minutes", limit.as_secs().div_ceil(60)));
                break;
            }
        }
    }
    let code = child.wait().ok().and_then(|status| status.code());
    Finished { ok: trouble.is_none() && code == Some(0), code, lines, trouble }
}

/// The same command with its outputs as a shell redirects them, such as `2>&1`.
pub(crate) fn redirected(command: &Command, outputs: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("exec \"$0\" \"$@\" {outputs}"));
    shell.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            shell.env(name, value);
        }
    }
    if let Some(folder) = command.get_current_dir() {
        shell.current_dir(folder);
    }
    shell
}

fn forward(stdout: impl Read, sender: &Sender<String>) {
    for line in BufReader::new(stdout).split(b'\n') {
        let Ok(line) = line else { return };
        let line = String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned();
        if sender.send(line).is_err() {
            return;
        }
    }
}

/// A group of its own, so that what the command starts can be ended with it.
#[cfg(unix)]
fn own_group(command: &mut Command) -> &mut Command {
    std::os::unix::process::CommandExt::process_group(command, 0)
}

#[cfg(not(unix))]
fn own_group(command: &mut Command) -> &mut Command {
    command
}

fn end(child: &mut Child) {
    if cfg!(unix) {
        let group = format!("-{}", child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
    }
    // Where there are no groups this ends the command itself; elsewhere it is ended already.
    let _ = child.kill();
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str, limit_ms: u64) -> Finished {
        run(Command::new("sh").args(["-c", script]), Duration::from_millis(limit_ms), Show::No)
    }

    #[test]
    fn output_and_exit_code_are_kept() {
        let finished = shell("echo one; echo two; exit 3", 60_000);
        assert_eq!(finished.lines, ["one", "two"]);
        assert_eq!((finished.ok, finished.code), (false, Some(3)));
        assert!(shell("true", 60_000).ok);
    }

    #[test]
    fn what_hangs_is_ended_with_its_children() {
        let begun = Instant::now();
        let finished = shell("echo begun; sleep 300 & sleep 300", 300);
        assert!(finished.trouble.is_some_and(|trouble| trouble.contains("did not end")));
        assert!(begun.elapsed() < Duration::from_secs(100));
    }

    #[test]
    fn a_missing_program_is_named() {
        let finished = run(&mut Command::new("no-such-program"), Duration::from_secs(60), Show::No);
        assert!(finished.why().contains("no-such-program"), "{}", finished.why());
    }
}
