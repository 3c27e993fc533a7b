//! Checking a closed month without any store: signature, files, chain, and the figures over again.

mod figures;
mod files;
mod sealed;

use std::path::Path;

use ispeed_protocol::signing::PublicKey;
use ispeed_report::{History, Settings};

use crate::close::SETTINGS_FILE;
use crate::error::{MonthError, Result};
use crate::ledger::{self, HISTORY_FILE};
use crate::manifest::{self, MANIFEST_FILE, Manifest};

/// What is to be checked, and by which keys.
#[derive(Clone, Copy, Default)]
pub struct Checks<'a> {
    /// Keys that are trusted; none: the key that the manifest names.
    pub trusted: &'a [PublicKey],
    /// The sealed table too.
    pub sealed: bool,
    /// Folder of the month before, or of the version before.
    pub previous: Option<&'a Path>,
}

/// What was found.
#[derive(Clone, PartialEq, Debug)]
pub struct Report {
    /// The manifest, as it stands there.
    pub manifest: Manifest,
    /// SHA-256 of its file.
    pub manifest_sha256: String,
    /// What holds.
    pub proven: Vec<String>,
    /// What does not.
    pub refused: Vec<String>,
    /// What nobody can tell from this folder.
    pub not_proven: Vec<String>,
    /// Figures recomputed from the public table.
    pub public_figures: u64,
    /// Figures of the file.
    pub figures: u64,
}

impl Report {
    /// Everything that was checked holds.
    pub fn holds(&self) -> bool {
        self.refused.is_empty()
    }

    fn check(&mut self, what: std::result::Result<String, String>) {
        match what {
            Ok(proven) => self.proven.push(proven),
            Err(refused) => self.refused.push(refused),
        }
    }
}

/// Checks the folder of a closed month.
///
/// # Errors
/// There is no readable manifest: nothing can be said of the folder. Everything else that is wrong stands in the report.
pub fn verify(folder: &Path, checks: &Checks<'_>) -> Result<Report> {
    let (manifest, manifest_sha256) = manifest::read::<Manifest>(folder, MANIFEST_FILE)?;
    let mut report = Report {
        manifest,
        manifest_sha256,
        proven: Vec::new(),
        refused: Vec::new(),
        not_proven: Vec::new(),
        public_figures: 0,
        figures: 0,
    };
    let signature = report.manifest.verify(checks.trusted);
    let key = report.manifest.key.clone();
    report.check(match signature {
        Ok(()) => Ok(format!("the manifest is signed by {key}")),
        Err(cause) => Err(format!("{MANIFEST_FILE}: {cause}")),
    });
    if checks.trusted.is_empty() {
        let text = format!("whose key {key} is: compare it with the collector's published key, or give --key");
        report.not_proven.push(text);
    }
    files::check(folder, checks, &mut report)?;
    check_previous(checks, &mut report);
    match Basis::read(folder) {
        Ok(basis) => {
            figures::check(folder, &basis, &mut report);
            if checks.sealed {
                sealed::check(folder, &basis, &mut report);
            }
        }
        Err(error) => report.refused.push(error.to_string()),
    }
    Ok(report)
}

/// What figures are computed with, out of the folder.
struct Basis {
    settings: Settings,
    places: Vec<ispeed_report::Place>,
    history: History,
}

impl Basis {
    fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(SETTINGS_FILE);
        let settings = std::fs::read(&path).map_err(MonthError::io("read", &path))?;
        let settings: Settings = serde_json::from_slice(&settings)
            .map_err(|error| MonthError::malformed(SETTINGS_FILE, error.to_string()))?;
        settings.check().map_err(|cause| MonthError::malformed(SETTINGS_FILE, cause))?;
        let path = folder.join(HISTORY_FILE);
        let history = match std::fs::read(&path) {
            Ok(bytes) => ledger::read_history(&bytes)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => History::default(),
            Err(error) => return Err(MonthError::io("read", &path)(error)),
        };
        Ok(Self { settings, places: crate::places_csv::read(folder)?, history })
    }
}

fn check_previous(checks: &Checks<'_>, report: &mut Report) {
    let Some(folder) = checks.previous else {
        if let Some(previous) = &report.manifest.previous {
            report
                .not_proven
                .push(format!("that it follows the month before ({previous}): give its folder with --previous"));
        }
        return;
    };
    let (manifest, sha256) = match manifest::read::<Manifest>(folder, MANIFEST_FILE) {
        Ok(read) => read,
        Err(error) => return report.refused.push(format!("--previous {}: {error}", folder.display())),
    };
    let link = [("previous", &report.manifest.previous), ("revises", &report.manifest.revises)]
        .into_iter()
        .find(|(_, hash)| hash.as_deref() == Some(&sha256));
    let found = match (link, manifest.verify(checks.trusted)) {
        (None, _) => Err(format!(
            "{MANIFEST_FILE}: previous: this folder does not follow {} (manifest {sha256} of month {} version {})",
            folder.display(),
            manifest.month,
            manifest.version
        )),
        (Some(_), Err(cause)) => Err(format!("{}: {cause}", folder.display())),
        (Some(_), Ok(())) if manifest.scope != report.manifest.scope => {
            Err(format!("{MANIFEST_FILE}: previous: {} is of {}", folder.display(), manifest.scope))
        }
        (Some((name, _)), Ok(())) => Ok(format!(
            "it {} month {} version {}",
            if name == "previous" { "follows" } else { "revises" },
            manifest.month,
            manifest.version
        )),
    };
    report.check(found);
}
