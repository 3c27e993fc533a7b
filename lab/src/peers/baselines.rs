//! What other people's measurements of the same tools gave on these links, and whether ours agree.
//!
//! The table of peers is valid only if every tool does here what it does against its own server: our server must not
//! handicap it. The figures were made with another emulator, two to three runs a link.

use serde_json::Value;

use crate::stats::valid;

/// Largest distance to a baseline, in parts of one: the noise of two or three runs.
pub const TOLERANCE: f64 = 0.02;

/// Tool, link, signed error in percent down and up.
type Baseline = (&'static str, &'static str, f64, f64);

const BASELINES: &[Baseline] = &[
    ("ndt7-client", "1/1", -0.9, -0.6),
    ("ndt7-client", "5/2.5", -2.2, -0.6),
    ("ndt7-client", "20/10", -3.1, -1.0),
    ("ndt7-client", "48/24", -3.7, -1.4),
    ("ndt7-client", "100/50", -4.2, -1.9),
    ("ndt7-client", "300/150", -2.7, -2.6),
    ("ndt7-client", "48/24-rtt-10", -2.1, -0.4),
    ("ndt7-client", "48/24-rtt-100", -7.2, -4.6),
    ("ndt7-client", "48/24-loss-1", -4.9, -85.9),
    ("ndt7-client", "48/24-server-cubic", -1.3, -1.4),
    ("ndt7-client", "48/24-loss-1-server-cubic", -92.7, -85.4),
    ("iperf3", "1/1", 0.0, -0.6),
    ("iperf3", "5/2.5", -0.3, -0.5),
    ("iperf3", "20/10", -1.0, -0.9),
    ("iperf3", "48/24", -1.5, -1.3),
    ("iperf3", "100/50", -1.9, -1.9),
    ("iperf3", "300/150", -2.6, -2.5),
    ("iperf3", "48/24-rtt-10", -0.4, -0.2),
    ("iperf3", "48/24-rtt-100", -5.0, -4.5),
    ("iperf3", "48/24-loss-1", -2.6, -83.4),
    ("iperf3", "48/24-server-cubic", -1.4, -1.4),
    ("iperf3", "48/24-loss-1-server-cubic", -91.6, -84.5),
    ("iperf3-8", "48/24", -0.3, -0.6),
    ("iperf3-8", "48/24-rtt-100", -1.9, -1.8),
    ("iperf3-8", "48/24-loss-1", -0.6, -4.4),
    ("iperf3-8", "48/24-loss-1-server-cubic", -41.5, -6.5),
    ("rmbt-client", "1/1", -3.6, -0.5),
    ("rmbt-client", "5/2.5", -2.6, -0.5),
    ("rmbt-client", "20/10", -0.8, -1.4),
    ("rmbt-client", "48/24", -1.5, -1.1),
    ("rmbt-client", "100/50", -1.8, -1.9),
    ("rmbt-client", "300/150", -3.0, -3.0),
    ("rmbt-client", "48/24-rtt-10", -0.2, -0.2),
    ("rmbt-client", "48/24-rtt-100", -5.3, -3.9),
    ("rmbt-client", "48/24-loss-1", -1.6, -61.1),
    ("cloudflare-speedtest", "5/2.5", -2.8, -0.9),
    ("cloudflare-speedtest", "48/24", -3.3, -1.3),
    ("cloudflare-speedtest", "300/150", -9.3, -20.8),
    ("cloudflare-speedtest", "48/24-rtt-100", -6.4, -3.0),
    ("cloudflare-speedtest", "48/24-loss-1", -5.3, -86.3),
];

/// A baseline and what this laboratory measured. Errors are in parts of one, signed.
#[derive(Clone, PartialEq, Debug)]
pub struct Validity {
    /// As in `tool` of a run.
    pub tool: &'static str,
    /// As in `cell` of a run.
    pub cell: &'static str,
    /// `down` or `up`.
    pub side: &'static str,
    /// The published error.
    pub baseline_error: f64,
    /// Mean over the runs that are not void; none without such a run.
    pub our_error: Option<f64>,
    /// Whether the two are within [`TOLERANCE`].
    pub within: bool,
}

/// Every baseline against `runs`, in the order of the published table.
pub fn validity(runs: &[Value]) -> Vec<Validity> {
    let valid = valid(runs);
    let one = |&(tool, cell, down, up): &Baseline| {
        let here: Vec<&Value> =
            valid.iter().copied().filter(|run| run["tool"] == tool && run["cell"] == cell).collect();
        [("down", down), ("up", up)].map(|(side, percent)| {
            let our_error = mean(here.iter().filter_map(|run| run[side]["error"].as_f64()));
            let baseline_error = percent / 100.0;
            let within = our_error.is_some_and(|error| (error - baseline_error).abs() <= TOLERANCE);
            Validity { tool, cell, side, baseline_error, our_error, within }
        })
    };
    BASELINES.iter().flat_map(one).collect()
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn run(tool: &str, error: f64, void: Option<&str>) -> Value {
        json!({"tool": tool, "cell": "48/24", "void": void, "down": {"error": error}, "up": {"error": -0.013}})
    }

    #[test]
    fn every_baseline_is_of_a_link_and_a_tool_of_the_laboratory() {
        let cells = crate::peers::cells::all();
        for (tool, cell, ..) in BASELINES {
            assert!(cells.iter().any(|known| known.name == *cell), "{cell}");
            assert!(crate::peers::Peer::parse(tool).is_ok(), "{tool}");
        }
    }

    #[test]
    fn the_mean_of_the_runs_that_judge_is_compared() {
        let runs = [run("iperf3", -0.01, None), run("iperf3", -0.03, None), run("iperf3", -0.9, Some("starved"))];
        let all = validity(&runs);
        let found = |tool: &str, side: &str| {
            all.iter().find(|v| (v.tool, v.cell, v.side) == (tool, "48/24", side)).unwrap().clone()
        };
        let down = found("iperf3", "down");
        assert!((down.our_error.unwrap() + 0.02).abs() < 1e-12 && down.within, "{down:?}");
        assert!(found("iperf3", "up").within);
        assert_eq!((found("ndt7-client", "down").our_error, found("ndt7-client", "down").within), (None, false));
        let far = validity(&[run("iperf3", -0.036, None)]);
        assert!(!far.iter().find(|v| v.tool == "iperf3" && v.cell == "48/24").unwrap().within);
    }
}
