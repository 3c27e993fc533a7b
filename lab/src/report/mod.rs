//! `docs/ACCURACY.md` and its plots, generated of files of runs: what was reached beside what was to be reached.
//!
//! - [`Input`]: the files; [`bench::Bench`]: what other commands measured;
//! - `goals`: every row of the table of figures to reach, by its definition;
//! - `tables`, `peers`, `worst`: the figures behind it; `figures`: the plots.

pub mod bench;
mod figures;
mod format;
mod goals;
mod header;
mod origin;
mod peers;
mod tables;
#[cfg(test)]
mod tests;
mod worst;

use serde_json::Value;

use crate::cells;
use crate::report::bench::Bench;
use crate::stats::Scenario;
use crate::view::{Run, Side, latest};

pub use origin::Origin;

/// The tool under test.
const OURS: &str = "ispeed";

/// Lines of the files the document is made of.
#[derive(Clone, Copy, Debug, Default)]
pub struct Input<'a> {
    /// The matrix, and whatever else was appended to the same file.
    pub runs: &'a [Value],
    /// All tools on the links of the peers.
    pub peers: &'a [Value],
    /// The fixed grid with each fallback counter forced.
    pub counters: &'a [Value],
    /// What other commands measured.
    pub bench: Option<&'a Bench>,
}

/// The document and the plots it refers to.
#[derive(Clone, Debug)]
pub struct Document {
    /// `ACCURACY.md`.
    pub markdown: String,
    /// (file name, SVG), to be put into the folder [`FIGURES_FOLDER`] beside the document.
    pub figures: Vec<(&'static str, String)>,
}

/// Folder of the plots, beside the document.
pub const FIGURES_FOLDER: &str = "accuracy";

/// Makes the document.
pub fn document(input: &Input, origin: &Origin) -> Document {
    let evidence = Evidence::new(input);
    let sections = [
        header::section(&evidence, origin),
        goals::section(&evidence),
        figures::section(),
        tables::by_link(&evidence),
        tables::by_queue(&evidence),
        tables::by_seed(&evidence),
        tables::faults(&evidence),
        tables::probes(&evidence),
        tables::counters(&evidence),
        peers::section(&evidence),
        worst::section(&evidence),
    ];
    Document { markdown: sections.concat(), figures: figures::all(&evidence) }
}

/// The runs, sorted by what they may say.
struct Evidence<'a> {
    /// Our runs of the matrix, each with the counter the kernel offers.
    ours: Vec<Run<'a>>,
    /// Our runs with a forced counter.
    counters: Vec<Run<'a>>,
    /// All tools on the peers' links, ours among them.
    peers: Vec<Run<'a>>,
    bench: Option<&'a Bench>,
}

impl<'a> Evidence<'a> {
    fn new(input: &Input<'a>) -> Self {
        let (own, others): (Vec<Run>, Vec<Run>) = latest(input.runs).into_iter().partition(|run| run.tool() == OURS);
        let (mut counters, ours): (Vec<Run>, Vec<Run>) =
            own.into_iter().partition(|run| run.forced_counter().is_some());
        counters.extend(latest(input.counters).into_iter().filter(|run| run.forced_counter().is_some()));
        let mut peers = latest(input.peers);
        peers.extend(others);
        if !peers.iter().any(|run| run.tool() == OURS) {
            // Ours may have run on the same links with the matrix.
            let same: Vec<Run> =
                ours.iter().copied().filter(|run| peers.iter().any(|peer| peer.cell() == run.cell())).collect();
            peers.extend(same);
        }
        Self { ours, counters, peers, bench: input.bench }
    }

    /// The links of the fixed grid for which `holds` (rate towards the client in Mbit/s, RTT in ms).
    fn grid(&self, holds: impl Fn(f64, f64) -> bool) -> Scenario<'a> {
        Scenario::of(&self.ours, |run| {
            run.is_grid() && holds(run.mbit(Side::Down).unwrap_or(0.0), run.rtt_ms().unwrap_or(0.0))
        })
    }

    fn group(&self, name: &str) -> Scenario<'a> {
        Scenario::of(&self.ours, |run| run.group() == name)
    }

    /// Groups our runs are of, in the order of the document.
    fn groups(&self) -> Vec<&'a str> {
        let mut groups: Vec<&str> = Vec::new();
        for run in &self.ours {
            if !groups.contains(&run.group()) {
                groups.push(run.group());
            }
        }
        let place = |group: &&str| crate::view::GROUPS.iter().position(|known| known == group).unwrap_or(usize::MAX);
        groups.sort_by_key(place);
        groups
    }
}

/// How many cells the fixed grid has for which `holds`.
fn grid_cells(holds: impl Fn(f64, f64) -> bool) -> usize {
    cells::full().iter().filter(|cell| cell.is_grid() && holds(cell.down_mbit, cell.rtt_ms)).count()
}
