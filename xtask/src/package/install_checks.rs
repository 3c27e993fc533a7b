//! A package from its installation to its purge, in a root of its own.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::demo_checks::Check;

use super::release::said;
use super::tree;

const START_LIMIT: Duration = Duration::from_secs(30);

/// `ispeed serve` that runs until this is dropped.
pub(crate) struct Served {
    child: Child,
    pub(crate) url: String,
}

impl Served {
    /// Waits for the line that names the address.
    pub(crate) fn start(command: &mut Command) -> Result<Self, String> {
        command.env("LANG", "C").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("{:?}: {error}", command.get_program()))?;
        let stderr = child.stderr.take();
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            // Read to the end, or the server would wait for its log.
            for line in stderr.into_iter().flat_map(|stderr| BufReader::new(stderr).lines()).map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let mut served = Self { child, url: String::new() };
        let mut told = Vec::new();
        while let Ok(line) = receiver.recv_timeout(START_LIMIT) {
            if let Some((_, url)) = line.split_once("public page ") {
                url.clone_into(&mut served.url);
                return Ok(served);
            }
            told.push(line);
        }
        Err(format!("ispeed serve named no address: {}", told.join("; ")))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A root that holds nothing but dpkg's own records.
struct Root(PathBuf);

impl Root {
    fn make(work: &Path) -> Result<Self, String> {
        let root = std::path::absolute(work.join("installed")).map_err(|error| error.to_string())?;
        for folder in ["var/lib/dpkg/info", "var/lib/dpkg/updates", "etc"] {
            tree::make_folder(&root.join(folder))?;
        }
        let status = root.join("var/lib/dpkg/status");
        std::fs::write(&status, "").map_err(|error| tree::at(&status, &error))?;
        Ok(Self(root))
    }

    /// The maintainer's scripts run outside with `DPKG_ROOT`: there is no shell in there.
    fn dpkg(&self, words: &[&str]) -> Result<(), String> {
        let mut command = Command::new("dpkg");
        command.arg(format!("--root={}", self.0.display())).args(["--force-script-chrootless", "--force-depends"]);
        command.arg(format!("--log={}", self.0.join("dpkg.log").display())).args(words).stderr(Stdio::null());
        said(&mut command).map(drop)
    }

    fn has(&self, path: &str) -> bool {
        self.0.join(path).exists()
    }

    fn expect(&self, path: &str, there: bool) -> Result<(), String> {
        if self.has(path) == there {
            Ok(())
        } else {
            Err(format!("/{path} is {}there", if there { "not " } else { "" }))
        }
    }
}

/// What is done, and doing it.
type Step<'a> = (&'static str, &'a dyn Fn() -> Result<(), String>);

/// Installed, run, removed, purged.
pub(crate) fn life(package: &Path, work: &Path) -> Vec<Check> {
    let root = match Root::make(work) {
        Ok(root) => root,
        Err(why) => return vec![(".deb: a root of its own".to_owned(), Err(why))],
    };
    let steps: [Step<'_>; 4] = [
        ("installs, and makes its user", &|| installed(&root, package)),
        ("the installed program serves", &|| serves(&root)),
        ("removed, it leaves settings and data", &|| removed(&root)),
        ("purged, it leaves the data", &|| purged(&root)),
    ];
    let mut checks = Vec::new();
    for (name, step) in steps {
        let result = step();
        let ended = result.is_err();
        checks.push((format!(".deb: {name}"), result));
        if ended {
            break;
        }
    }
    checks
}

fn installed(root: &Root, package: &Path) -> Result<(), String> {
    root.dpkg(&["--install", &package.to_string_lossy()])?;
    let users = tree::read_text(&root.0.join("etc/passwd"))?;
    if !users.lines().any(|line| line.starts_with("ispeed:") && line.contains(":/var/lib/ispeed:")) {
        return Err(format!("no user ispeed in {users:?}"));
    }
    root.expect("usr/lib/systemd/system/ispeed.service", true)?;
    root.expect("etc/systemd/system/multi-user.target.wants/ispeed.service", false)?;
    let mut ask = Command::new("dpkg-query");
    ask.arg(format!("--admindir={}", root.0.join("var/lib/dpkg").display()));
    let settings = said(ask.args(["--show", "--showformat=${Conffiles}\\n", "ispeed"]))?;
    if settings.trim().starts_with("/etc/default/ispeed ") { Ok(()) } else { Err(format!("conffiles: {settings:?}")) }
}

fn serves(root: &Root) -> Result<(), String> {
    let (program, data) = (root.0.join("usr/bin/ispeed"), root.0.join("var/lib/ispeed"));
    let mut serve = Command::new(&program);
    serve.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(&data);
    let served = Served::start(&mut serve)?;
    let ca = data.join("cert.pem");
    said(Command::new(&program).args(["server-key", "--server", &served.url, "--ca"]).arg(ca)).map(drop)
}

fn removed(root: &Root) -> Result<(), String> {
    root.dpkg(&["--remove", "ispeed"])?;
    root.expect("usr/bin/ispeed", false)?;
    root.expect("etc/default/ispeed", true)
}

fn purged(root: &Root) -> Result<(), String> {
    root.dpkg(&["--purge", "ispeed"])?;
    root.expect("etc/default/ispeed", false)?;
    root.expect("var/lib/ispeed/ispeed.sqlite", true)
}
