//! The release program in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{Check, MONTH};
use crate::machine::Machine;
use crate::process::{self, Finished, Show};
use crate::walk;

/// A nation's month takes minutes to make.
const RUN_LIMIT: Duration = Duration::from_secs(60 * 60);
const BUNDLE: &str = "communes.bundle";

/// Program and folder.
pub(super) struct Stage {
    pub(super) program: PathBuf,
    pub(super) dir: PathBuf,
    /// The real communes, if they are here.
    bundle: Option<PathBuf>,
}

/// Where samples are kept.
#[derive(Clone)]
pub(super) struct Store {
    /// Folder with the receipt key, and the samples unless there is a database.
    pub(super) data: PathBuf,
    pub(super) database: Option<String>,
}

impl Store {
    fn words(&self) -> Vec<String> {
        let mut words = vec!["--data".to_owned(), self.data.display().to_string()];
        words.extend(self.database.iter().flat_map(|url| ["--database".to_owned(), url.clone()]));
        words
    }
}

impl Stage {
    pub(super) fn new(machine: &Machine, program: PathBuf) -> Result<Self, String> {
        let root = machine.target.join("month");
        let dir = root.join(std::process::id().to_string());
        std::fs::create_dir_all(&dir).map_err(|error| format!("{}: {error}", dir.display()))?;
        let mut stage = Self { program, dir, bundle: None };
        if let Some(source) = &machine.boundaries {
            let bundle = root.join(BUNDLE);
            if !bundle.exists() {
                let words = ["boundaries", "build", &source.display().to_string(), &bundle.display().to_string()];
                stage.succeeds(&words)?;
            }
            stage.bundle = Some(bundle);
        }
        Ok(stage)
    }

    /// A store in a database, with a folder for its key.
    pub(super) fn beside(&self, name: &str, database: &str) -> Store {
        Store { data: self.dir.join(name), database: Some(database.to_owned()) }
    }

    /// Makes the folder of a store: one key for all of them, the real borders where they are.
    fn furnish(&self, store: &Store) -> Result<(), String> {
        std::fs::create_dir_all(&store.data).map_err(|error| format!("{}: {error}", store.data.display()))?;
        let key = store.data.join("receipt.key");
        if !key.exists() {
            // The 32 bytes of a test key: two databases can give the same signatures only with the same one.
            write_private(&key, "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE\n")?;
        }
        if let Some(bundle) = &self.bundle {
            let copy = store.data.join(BUNDLE);
            std::fs::copy(bundle, &copy).map_err(|error| format!("{}: {error}", copy.display()))?;
        }
        Ok(())
    }

    /// Makes a month in a store; what the program said of it.
    pub(super) fn synth(&self, store: &Store, samples: u64, seed: u64, more: &[&str]) -> Result<String, String> {
        self.furnish(store)?;
        let (samples, seed) = (samples.to_string(), seed.to_string());
        let mut words = vec!["admin", "synth", "--month", MONTH, "--samples", &samples, "--seed", &seed];
        words.extend(more);
        let said = self.succeeds(&with(&words, &store.words()))?;
        eprintln!("   {said}");
        Ok(said)
    }

    /// The words of a close.
    pub(super) fn close_words(&self, store: &Store, out: &Path, more: &[&str]) -> Vec<String> {
        let mut words = vec!["month", "close", "--month", MONTH];
        words.extend(more);
        let mut words = with(&words, &store.words());
        words.extend(["--out".to_owned(), out.display().to_string()]);
        words
    }

    /// Runs the program; its standard output, or why it failed with what it said.
    pub(super) fn succeeds<W: AsRef<str>>(&self, words: &[W]) -> Result<String, String> {
        let finished = self.run(words);
        if finished.ok { Ok(finished.lines.join("\n")) } else { Err(told(&finished)) }
    }

    /// Runs the program, which has to refuse: with this exit code and one line that has these words.
    pub(super) fn refuses<W: AsRef<str>>(&self, words: &[W], code: i32, said: &[&str]) -> Result<(), String> {
        let finished = self.run(words);
        if finished.code != Some(code) {
            return Err(format!("expected exit code {code}, got {}", told(&finished)));
        }
        let lines: Vec<&String> = finished.lines.iter().filter(|line| !line.trim().is_empty()).collect();
        let [line] = lines[..] else {
            return Err(format!("expected one line, got {lines:?}"));
        };
        match said.iter().find(|word| !line.to_lowercase().contains(&word.to_lowercase())) {
            None => Ok(()),
            Some(word) => Err(format!("expected {word:?} in {line:?}")),
        }
    }

    /// [`Self::succeeds`] with these variables.
    pub(super) fn succeeds_with(&self, words: &[String], variables: &[(&str, &str)]) -> Result<String, String> {
        let finished = self.run_with(words, variables);
        if finished.ok { Ok(finished.lines.join("\n")) } else { Err(told(&finished)) }
    }

    /// Runs the program; both outputs are kept as one.
    pub(super) fn run<W: AsRef<str>>(&self, words: &[W]) -> Finished {
        self.run_with(words, &[])
    }

    fn run_with<W: AsRef<str>>(&self, words: &[W], variables: &[(&str, &str)]) -> Finished {
        let mut command = Command::new("sh");
        command.args(["-c", "exec \"$0\" \"$@\" 2>&1"]).arg(&self.program).args(words.iter().map(AsRef::as_ref));
        command.env_remove("ISPEED_BOUNDARIES").env("XDG_DATA_HOME", self.dir.join("home"));
        command.env("NO_COLOR", "1").env("LC_ALL", "C.UTF-8").current_dir(&self.dir);
        command.envs(variables.iter().copied());
        process::run(&mut command, RUN_LIMIT, Show::No)
    }

    /// What remains of a failed run is what its reader wants to see.
    pub(super) fn finish(&self, checks: &[Check]) {
        if checks.iter().all(|(_, result)| result.is_ok()) {
            let _ = std::fs::remove_dir_all(&self.dir);
        } else {
            eprintln!("   what was made is kept in {}", self.dir.display());
        }
    }
}

fn with(words: &[&str], more: &[String]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).chain(more.iter().cloned()).collect()
}

fn told(finished: &Finished) -> String {
    let last: Vec<&str> = finished.lines.iter().rev().take(3).rev().map(String::as_str).collect();
    format!("{}: {}", finished.why(), last.join(" / "))
}

fn write_private(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

/// Two folders hold the same files, byte for byte.
pub(super) fn same(one: &Path, other: &Path) -> Result<(), String> {
    let (left, right) = (walk::contents(one)?, walk::contents(other)?);
    if left.is_empty() {
        return Err(format!("{} is empty", one.display()));
    }
    let names = |files: &[(String, Vec<u8>)]| files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    if names(&left) != names(&right) {
        return Err(format!("the folders hold {:?} and {:?}", names(&left), names(&right)));
    }
    match left.iter().zip(&right).find(|(a, b)| a != b) {
        None => Ok(()),
        Some(((name, _), _)) => Err(format!("{name} differs")),
    }
}
