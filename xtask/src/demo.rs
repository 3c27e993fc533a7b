//! The release program as a person first meets it: `ispeed demo --once`, and its receipt in the hands of `ispeed verify`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::build;
use crate::counts::Counts;
use crate::demo_checks::{self, Check};
use crate::machine::Machine;
use crate::process::{self, Finished, Show};

/// A demo takes seconds, a bundle of the whole country a minute or two.
const RUN_LIMIT: Duration = Duration::from_secs(10 * 60);

/// What the demo's program and folder are.
struct Stage {
    program: PathBuf,
    dir: PathBuf,
}

pub(crate) fn run(machine: &Machine, _: &[&str]) -> Counts {
    let program = match build::release(machine) {
        Ok(program) => program,
        Err(counts) => return counts,
    };
    let dir = machine.target.join("demo").join(std::process::id().to_string());
    if let Err(error) = std::fs::create_dir_all(&dir) {
        return Counts::of_one(false, format!("{}: {error}", dir.display()), "cargo xtask demo");
    }
    let stage = Stage { program, dir };
    let mut checks = stage.first_meeting();
    if let Some(source) = &machine.boundaries {
        checks.extend(stage.with_boundaries(source));
    }
    // What remains of a failed run is what its reader wants to see.
    if checks.iter().all(|(_, result)| result.is_ok()) {
        let _ = std::fs::remove_dir_all(&stage.dir);
    }
    Counts::of_checks(&checks)
}

impl Stage {
    /// A machine that has nothing: no boundaries, no data.
    fn first_meeting(&self) -> Vec<Check> {
        let document = match self.demo("first", &[]) {
            Ok(document) => document,
            Err(why) => return vec![("demo --once".into(), Err(why))],
        };
        let mut checks = vec![("demo --once".to_owned(), Ok(()))];
        checks.extend(parsed(&document, demo_checks::sample));
        checks.push(("the commune is a guess without boundaries".into(), self.expect_place(&document, "approximate")));
        checks.push(("verify accepts the document".into(), self.verify("as-printed.json", document.as_bytes())));
        checks.push(("verify refuses every changed byte".into(), self.refuses_changes(&document)));
        checks
    }

    fn with_boundaries(&self, source: &Path) -> Vec<Check> {
        let bundle = self.dir.join("communes.bundle");
        let mut build = self.command();
        build.args(["boundaries", "build"]).arg(source).arg(&bundle);
        let built = finish(&mut build).map(|_| ());
        let name = "boundaries build".to_owned();
        if built.is_err() {
            return vec![(name, built)];
        }
        let flags = ["--boundaries".to_owned(), bundle.display().to_string()];
        let certain = self.demo("second", &flags).and_then(|document| {
            self.expect_place(&document, "certain")?;
            self.verify("with-boundaries.json", document.as_bytes())
        });
        vec![(name, built), ("the commune is 25195, certain, with boundaries".into(), certain)]
    }

    /// Runs a demo in a folder of its own; its document.
    fn demo(&self, name: &str, more: &[String]) -> Result<String, String> {
        let mut demo = self.command();
        demo.args(["demo", "--once", "--format", "json", "--data"]).arg(self.dir.join(name)).args(more);
        finish(&mut demo)
    }

    /// The program, without anything this user may have set up for it.
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env_remove("ISPEED_BOUNDARIES").env("XDG_DATA_HOME", self.dir.join("home")).env("NO_COLOR", "1");
        command.current_dir(&self.dir);
        command
    }

    fn expect_place(&self, document: &str, verdict: &str) -> Result<(), String> {
        let document: Value = serde_json::from_str(document).map_err(|error| error.to_string())?;
        let place = &document["sample"]["place"];
        let right = place["verdict"] == verdict && (verdict != "certain" || place["code"] == "25195");
        if right { Ok(()) } else { Err(format!("expected {verdict}, the sample says {place}")) }
    }

    fn verify(&self, name: &str, document: &[u8]) -> Result<(), String> {
        let finished = self.verified(name, document)?;
        if finished.ok { Ok(()) } else { Err(finished.why()) }
    }

    fn verified(&self, name: &str, document: &[u8]) -> Result<Finished, String> {
        let path = self.dir.join(name);
        std::fs::write(&path, document).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(process::run(self.command().arg("verify").arg(&path).stderr(Stdio::null()), RUN_LIMIT, Show::No))
    }

    /// Letters and digits spread over the document, each replaced once by another. Refused means exit code 1: a crash is
    /// no refusal.
    fn refuses_changes(&self, document: &str) -> Result<(), String> {
        for at in demo_checks::places_to_change(document.as_bytes()) {
            let mut changed = document.as_bytes().to_vec();
            changed[at] = if changed[at] == b'1' { b'2' } else { b'1' };
            let finished = self.verified("changed.json", &changed)?;
            if finished.code != Some(1) {
                return Err(format!("byte {at} was changed; expected exit code 1, got {:?}", finished.code));
            }
        }
        Ok(())
    }
}

fn parsed(document: &str, checks: fn(&Value) -> Vec<Check>) -> Vec<Check> {
    match serde_json::from_str(document) {
        Ok(document) => checks(&document),
        Err(error) => vec![("standard output is one JSON document".into(), Err(error.to_string()))],
    }
}

fn finish(command: &mut Command) -> Result<String, String> {
    let finished = process::run(command, RUN_LIMIT, Show::No);
    if finished.ok { Ok(finished.lines.join("\n")) } else { Err(finished.why()) }
}
