//! Every file is there, unchanged, and no other.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Checks, Report};
use crate::error::Result;
use crate::manifest::{self, Annex, FileNote, MANIFEST_FILE};
use crate::staging;

/// Annexes: name, folder. They come only when asked for, so the manifest does not list them; each has its own.
const ANNEXES: [(&str, &str); 2] = [("sealed", "sealed"), ("communes", "documents/communes")];

pub(super) fn check(folder: &Path, checks: &Checks<'_>, report: &mut Report) -> Result<()> {
    let found = staging::notes(folder)?;
    let mut expected: Vec<FileNote> = report.manifest.files.clone();
    let mut listed: BTreeSet<String> = [MANIFEST_FILE.to_owned()].into();
    for (name, place) in ANNEXES {
        let path = format!("{place}/{MANIFEST_FILE}");
        if !found.iter().any(|note| note.path == path) {
            if name == "sealed" && checks.sealed {
                report
                    .refused
                    .push("the folder has no sealed table; it comes with `ispeed month close --sealed`".into());
            }
            continue;
        }
        listed.insert(path.clone());
        match manifest::read::<Annex>(folder, &path) {
            Ok((annex, _)) => {
                let holds = annex.verify(checks.trusted).and_then(|()| {
                    let inside = annex.files.iter().all(|note| note.path.starts_with(&format!("{place}/")));
                    if annex.of != report.manifest_sha256 {
                        Err(format!("it belongs to manifest {}, not to this one", annex.of))
                    } else if annex.key != report.manifest.key || annex.annex != name || !inside {
                        Err("it is the annex of something else".to_owned())
                    } else {
                        Ok(format!("the annex {name} belongs to this month"))
                    }
                });
                report.check(holds.map_err(|cause| format!("{path}: {cause}")));
                expected.extend(annex.files);
            }
            Err(error) => report.refused.push(error.to_string()),
        }
    }
    let mut right = 0;
    for note in &expected {
        listed.insert(note.path.clone());
        match found.iter().find(|held| held.path == note.path) {
            Some(held) if held == note => right += 1,
            Some(held) => report.refused.push(format!(
                "{}: its SHA-256 is {} ({} bytes), the manifest says {} ({} bytes)",
                note.path, held.sha256, held.bytes, note.sha256, note.bytes
            )),
            None => report.refused.push(format!("{}: it is in the manifest and not in the folder", note.path)),
        }
    }
    for held in found.iter().filter(|held| !listed.contains(&held.path)) {
        report.refused.push(format!("{}: it is in the folder and not in the manifest", held.path));
    }
    report.proven.push(format!("{right} of {} files are those of the manifest, byte for byte", expected.len()));
    Ok(())
}
