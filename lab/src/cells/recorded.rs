//! Cells of recorded traces: Mahimahi files in a folder a person names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Cell, Group, Kind, Queue};
use crate::emulator::service::SCHEDULE_OPPORTUNITY_BYTES;
use crate::emulator::{LabError, Rate};

/// Congestion controls of the phone on each trace.
const CONGESTION_CONTROLS: [&str; 2] = ["cubic", "bbr"];
/// Recordings hold rates only; the round trip without queues of an LTE network (`reference/measurement.md` section 4).
const RTT_MS: f64 = 40.0;

#[derive(Default)]
struct Pair {
    down: Option<PathBuf>,
    up: Option<PathBuf>,
}

/// Cells `file-NAME-CC` of every file in `dir`: `NAME.down` and `NAME.up` are the two directions of one link, any other file
/// is both.
pub fn cells(dir: &Path) -> Result<Vec<Cell>, LabError> {
    let wrong = |value: String, expected| LabError::Config {
        field: "traces",
        value: format!("{}: {value}", dir.display()),
        expected,
    };
    let entries = std::fs::read_dir(dir).map_err(|e| wrong(e.to_string(), "a folder of Mahimahi files"))?;
    let mut pairs: BTreeMap<String, Pair> = BTreeMap::new();
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_file()) {
        let Some(name) = path.file_name().and_then(|n| n.to_str()).filter(|n| !n.starts_with('.')) else { continue };
        if let Some(name) = name.strip_suffix(".down") {
            pairs.entry(name.to_owned()).or_default().down = Some(path.clone());
        } else if let Some(name) = name.strip_suffix(".up") {
            pairs.entry(name.to_owned()).or_default().up = Some(path.clone());
        } else {
            let whole = Pair { down: Some(path.clone()), up: Some(path.clone()) };
            pairs.insert(name.to_owned(), whole);
        }
    }
    if pairs.is_empty() {
        return Err(wrong("no file".into(), "at least one Mahimahi file"));
    }
    let mut cells = Vec::new();
    for (name, pair) in pairs {
        let (Some(down), Some(up)) = (pair.down.as_ref().or(pair.up.as_ref()), pair.up.as_ref().or(pair.down.as_ref()))
        else {
            continue;
        };
        let (down, up) = (schedule(down)?, schedule(up)?);
        for cc in CONGESTION_CONTROLS {
            let kind = Kind::Recorded { down: down.clone(), up: up.clone() };
            cells.push(Cell {
                down_mbit: mean_mbit(&down),
                up_mbit: mean_mbit(&up),
                rtt_ms: RTT_MS,
                queue: Queue::Ms250,
                ..Cell::named(format!("file-{name}-{cc}"), Group::Trace, kind, cc)
            });
        }
    }
    Ok(cells)
}

fn schedule(path: &Path) -> Result<Arc<Vec<u64>>, LabError> {
    let wrong = |value: String| LabError::Config {
        field: "traces",
        value: format!("{}: {value}", path.display()),
        expected: "a Mahimahi file: milliseconds, one number a line, in order",
    };
    let text = std::fs::read_to_string(path).map_err(|e| wrong(e.to_string()))?;
    match Rate::parse_schedule(&text, 0).map_err(|e| wrong(e.to_string()))? {
        Rate::Schedule { at_ms, .. } => Ok(at_ms),
        other => Err(wrong(format!("{other:?}"))),
    }
}

fn mean_mbit(at_ms: &[u64]) -> f64 {
    let bits = (at_ms.len() as u64 * SCHEDULE_OPPORTUNITY_BYTES * 8) as f64;
    bits / at_ms.last().copied().unwrap_or(1).max(1) as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_files_are_one_link_and_one_file_is_both_directions() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write("town.down", "1\n2\n3\n4\n");
        write("town.up", "2\n4\n");
        write("bus.pps", "5\n10\n");
        write(".hidden", "no");
        let cells = cells(dir.path()).unwrap();
        let names: Vec<&str> = cells.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["file-bus.pps-cubic", "file-bus.pps-bbr", "file-town-cubic", "file-town-bbr"]);
        assert_eq!((cells[0].down_mbit, cells[0].up_mbit), (2.4, 2.4));
        assert_eq!((cells[2].down_mbit, cells[2].up_mbit), (12.0, 6.0));
        let offsets: std::collections::BTreeSet<_> =
            (0..20).map(|seed| format!("{:?}", cells[2].link(seed).down.rate)).collect();
        assert!(offsets.len() > 2, "the seed decides where the trace begins");
    }

    #[test]
    fn a_file_that_is_no_schedule_is_named() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("x.down"), "1\nzwei\n").unwrap();
        let said = cells(dir.path()).unwrap_err().to_string();
        assert!(said.contains("x.down") && said.contains("zwei"), "{said}");
        assert!(cells(&dir.path().join("none")).is_err());
    }
}
