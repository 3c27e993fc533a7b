//! A session: which runs, in which order, and what is in the file already.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::Value;

use crate::cells::order::{Part, interleave};
use crate::cells::{self, Cell, recorded};
use crate::emulator::LabError;
use crate::runner::Bench;

/// Why a session ended early.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The laboratory failed.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// The file of runs.
    #[error("{path}: {detail}")]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// No cell is left to run.
    #[error("only is {0:?}; expected a part of the name of a cell of this list")]
    NoCell(Vec<String>),
}

/// Which runs.
#[derive(Clone, Debug)]
pub struct Selection {
    /// Every cell, not the short subset.
    pub full: bool,
    /// The fixed grid with each fallback counter too.
    pub counters: bool,
    /// Every trace in this folder too.
    pub traces: Option<PathBuf>,
    /// Only cells whose name contains one of these; all when empty. A name of the full list need not be in the subset.
    pub only: Vec<String>,
    /// One run of each cell with each.
    pub seeds: Vec<u64>,
    /// A part of the runs.
    pub part: Part,
}

impl Selection {
    /// The runs, in order. It depends on the selection only, never on what ran before: that keeps parts disjoint.
    pub fn runs(&self) -> Result<Vec<(Cell, u64)>, SessionError> {
        let named = !self.only.is_empty();
        let mut cells = if self.full || named { cells::full() } else { cells::subset() };
        if self.counters || named {
            cells.extend(cells::counters());
        }
        if let Some(dir) = &self.traces {
            cells.extend(recorded::cells(dir)?);
        }
        cells.retain(|cell| !named || self.only.iter().any(|part| cell.name.contains(part.as_str())));
        // "fixed-…" is also the end of the name of a forced counter, which only its own words ask for.
        if !self.counters {
            cells.retain(|cell| cell.forced_counter.is_none() || !self.full && self.asks_for_counters());
        }
        if cells.is_empty() {
            return Err(SessionError::NoCell(self.only.clone()));
        }
        interleave(&mut cells);
        let all = self.seeds.iter().flat_map(|seed| cells.iter().map(|cell| (cell.clone(), *seed)));
        Ok(all.enumerate().filter(|(i, _)| self.part.has(*i)).map(|(_, run)| run).collect())
    }

    fn asks_for_counters(&self) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| part.contains("counter"))
    }
}

/// A file of runs: lines are only ever appended, and of several lines of one (tool, cell, seed) the last one counts.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    known: HashSet<(String, String, u64)>,
    starved: HashSet<(String, String, u64)>,
}

impl Journal {
    /// Opens or makes the file. A last line without its end (an interrupted session) is cut off.
    pub fn open(path: &Path) -> Result<Self, SessionError> {
        let wrong = |detail: String| SessionError::File { path: path.to_owned(), detail };
        let text = if path.exists() {
            std::fs::read_to_string(path).map_err(|e| wrong(e.to_string()))?
        } else {
            String::new()
        };
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(|e| wrong(e.to_string()))?;
        if whole < text.len() {
            file.set_len(whole as u64).map_err(|e| wrong(e.to_string()))?;
        }
        let mut journal = Self { path: path.to_owned(), file, known: HashSet::new(), starved: HashSet::new() };
        for (i, line) in text[..whole].lines().enumerate() {
            let line: Value = serde_json::from_str(line).map_err(|e| wrong(format!("line {}: {e}", i + 1)))?;
            journal.note(&line);
        }
        Ok(journal)
    }

    /// Whether there is a line of the run, void or not.
    pub fn has(&self, tool: &str, cell: &str, seed: u64) -> bool {
        self.known.contains(&(tool.to_owned(), cell.to_owned(), seed))
    }

    /// Whether the last line of the run is void for a reason that another try may not have.
    pub fn is_starved(&self, tool: &str, cell: &str, seed: u64) -> bool {
        self.starved.contains(&(tool.to_owned(), cell.to_owned(), seed))
    }

    /// Appends a line.
    pub fn append(&mut self, line: &Value) -> Result<(), SessionError> {
        self.note(line);
        // One write, so that an interrupted session leaves whole lines.
        let text = format!("{line}\n");
        self.file
            .write_all(text.as_bytes())
            .map_err(|e| SessionError::File { path: self.path.clone(), detail: e.to_string() })
    }

    fn note(&mut self, line: &Value) {
        let text = |member: &str| line[member].as_str();
        let seed = line["seed"].as_u64().unwrap_or(0);
        let key = (text("tool").unwrap_or("ispeed").to_owned(), text("cell").unwrap_or_default().to_owned(), seed);
        if text("void").is_some() && line["unavailable"] != true {
            self.starved.insert(key.clone());
        } else {
            self.starved.remove(&key);
        }
        self.known.insert(key);
    }
}

/// Runs what the file lacks, then once more what was void because the emulator was starved; a second try is appended only
/// when it is not void. Returns whether everything was done before `deadline`.
pub fn run(
    bench: &mut Bench,
    runs: &[(Cell, u64)],
    journal: &mut Journal,
    deadline: Instant,
    mut tell: impl FnMut(&Value),
) -> Result<bool, SessionError> {
    const TOOL: &str = "ispeed";
    for (cell, seed) in runs {
        if journal.has(TOOL, &cell.name, *seed) {
            continue;
        }
        if Instant::now() > deadline {
            return Ok(false);
        }
        let line = bench.run(cell, *seed)?;
        tell(&line);
        journal.append(&line)?;
    }
    let again: Vec<_> = runs.iter().filter(|(cell, seed)| journal.is_starved(TOOL, &cell.name, *seed)).collect();
    for (cell, seed) in again {
        if Instant::now() > deadline {
            return Ok(false);
        }
        let line = bench.run(cell, *seed)?;
        tell(&line);
        if line["void"].is_null() {
            journal.append(&line)?;
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn selection() -> Selection {
        Selection { full: true, counters: false, traces: None, only: vec![], seeds: vec![1, 2], part: Part::ALL }
    }

    #[test]
    fn parts_share_the_runs_out_and_seeds_come_one_after_the_other() {
        let all = selection().runs().unwrap();
        assert_eq!(all.len(), 2 * cells::full().len());
        assert!(all[..all.len() / 2].iter().all(|(_, seed)| *seed == 1));
        let part = |text: &str| Selection { part: text.parse().unwrap(), ..selection() }.runs().unwrap();
        let mut joined: Vec<_> = part("1/2").into_iter().chain(part("2/2")).map(|(c, seed)| (seed, c.name)).collect();
        let mut whole: Vec<_> = all.into_iter().map(|(c, seed)| (seed, c.name)).collect();
        joined.sort();
        whole.sort();
        assert_eq!(joined, whole);
    }

    #[test]
    fn names_choose_among_all_cells() {
        let only = |words: &[&str], counters| {
            let only = words.iter().map(|w| (*w).to_owned()).collect();
            Selection { full: false, counters, only, seeds: vec![1], ..selection() }.runs()
        };
        assert_eq!(only(&["udp-blocked"], false).unwrap().len(), 1);
        assert_eq!(only(&["fixed-0.5-300-1bdp-reno", "hand-over"], false).unwrap().len(), 2);
        assert_eq!(only(&["counter-app_bytes-fixed-20-40-1bdp-bbr"], false).unwrap().len(), 1);
        assert_eq!(only(&["fixed-20-40-1bdp-bbr"], true).unwrap().len(), 3);
        assert!(only(&["no-such-cell"], false).unwrap_err().to_string().contains("no-such-cell"));
        assert_eq!(only(&[], false).unwrap().len(), cells::subset().len());
    }

    #[test]
    fn a_file_goes_on_behind_its_last_whole_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("runs.jsonl");
        let line = |seed: u64, void: Option<&str>| json!({"tool": "ispeed", "cell": "a", "seed": seed, "void": void});
        std::fs::write(&path, format!("{}\n{}\n{{\"cell\": \"a\", \"se", line(1, None), line(2, Some("starved"))))
            .unwrap();
        let mut journal = Journal::open(&path).unwrap();
        assert!(journal.has("ispeed", "a", 1) && journal.has("ispeed", "a", 2) && !journal.has("ispeed", "a", 3));
        assert!(!journal.has("iperf3", "a", 1));
        assert!(journal.is_starved("ispeed", "a", 2) && !journal.is_starved("ispeed", "a", 1));
        journal.append(&line(2, None)).unwrap();
        assert!(!journal.is_starved("ispeed", "a", 2), "the last line counts");
        let mut cannot = line(3, Some("NOT MEASURED: no nft"));
        cannot["unavailable"] = json!(true);
        journal.append(&cannot).unwrap();
        assert!(!journal.is_starved("ispeed", "a", 3), "a second try has no nft either");
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().filter(|l| serde_json::from_str::<Value>(l).is_ok()).count(), 4);
        std::fs::write(&path, "{}\nno json\n").unwrap();
        assert!(Journal::open(&path).unwrap_err().to_string().contains("line 2"));
    }
}
