//! A recorded run, read: what may be missing is an option, and what a missing figure means is decided here once.

use std::collections::HashMap;

use ispeed_meter::params::FAULT_FLAGS;
use serde_json::{Value, json};

use crate::cells::fault_name;

mod direction;

pub use direction::Direction;

/// An error above this wants a flag or an interval that holds the truth.
pub const SILENT_ABOVE: f64 = 0.05;

/// The kinds of links, in the order of the document. A cell's name begins with the name of its group.
pub const GROUPS: [&str; 13] = [
    "fixed",
    "loss",
    "trace",
    "bucket",
    "policer",
    "outage",
    "hand-over",
    "reorder",
    "small-buffer",
    "cpu-quota",
    "cross-traffic",
    "ipv6",
    "udp-blocked",
];

/// A direction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// Towards the client.
    Down,
    /// Towards the server.
    Up,
}

/// Both directions, in the order of the document.
pub const SIDES: [Side; 2] = [Side::Down, Side::Up];

impl Side {
    /// The member of a run that holds it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Up => "up",
        }
    }
}

/// One line of a file of runs.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a>(&'a Value);

impl<'a> Run<'a> {
    /// The run in a line.
    pub fn new(line: &'a Value) -> Self {
        Self(line)
    }

    /// The line itself.
    pub fn line(self) -> &'a Value {
        self.0
    }

    fn text(self, member: &str) -> Option<&'a str> {
        self.0[member].as_str()
    }

    fn number(self, pointer: &str) -> Option<f64> {
        self.0.pointer(pointer).and_then(Value::as_f64)
    }

    /// What the run was made with, such as `commit`.
    pub fn version(self, of: &str) -> Option<&'a str> {
        self.0["versions"][of].as_str()
    }

    /// What was measured with.
    pub fn tool(self) -> &'a str {
        self.text("tool").unwrap_or("ispeed")
    }

    /// Name of the link.
    pub fn cell(self) -> &'a str {
        self.text("cell").unwrap_or("?")
    }

    /// Seed of the run.
    pub fn seed(self) -> u64 {
        self.0["seed"].as_u64().unwrap_or(0)
    }

    /// The fallback counter that was forced.
    pub fn forced_counter(self) -> Option<&'a str> {
        self.text("forced_counter")
    }

    /// Whether the link is of the fixed grid, measured with the counter the kernel offers.
    pub fn is_grid(self) -> bool {
        self.0["grid"] == true && self.forced_counter().is_none()
    }

    /// The kind of link; lines without it say it in the name.
    pub fn group(self) -> &'a str {
        if self.forced_counter().is_some() {
            return "counter";
        }
        let by_name = || GROUPS.into_iter().find(|group| self.cell().starts_with(group)).unwrap_or("other");
        self.text("group").unwrap_or_else(by_name)
    }

    /// The fault of the run, in snake case.
    pub fn fault(self) -> Option<&'a str> {
        self.text("fault")
    }

    /// The fault between counter and link in one direction; that of the run where the direction does not say.
    pub fn fault_of(self, side: Side) -> Option<&'a str> {
        match self.0[side.name()].get("fault") {
            Some(own) => own.as_str(),
            None => self.fault(),
        }
    }

    /// Why the run may not judge.
    pub fn void(self) -> Option<&'a str> {
        self.text("void")
    }

    /// Why there is no sample at all.
    pub fn failure(self) -> Option<&'a str> {
        self.text("failure")
    }

    /// How the run ended.
    pub fn outcome(self) -> Option<&'a str> {
        self.text("outcome")
    }

    /// Rate of the link, Mbit/s of IP.
    pub fn mbit(self, side: Side) -> Option<f64> {
        self.number(&format!("/link/{}_mbit", side.name()))
    }

    /// Round trip without queues.
    pub fn rtt_ms(self) -> Option<f64> {
        self.number("/link/rtt_ms")
    }

    /// The queue of the link, and the client's congestion control.
    pub fn queue_and_cc(self) -> (&'a str, &'a str) {
        let link = |member: &str| self.0["link"][member].as_str().unwrap_or("?");
        (link("queue"), link("client_cc"))
    }

    /// All inputs beside name and seed: the link, and what else was set.
    pub fn inputs(self) -> [&'a Value; 2] {
        [&self.0["link"], &self.0["params"]]
    }

    /// The whole sample, from the first moment of the measurement to the last.
    pub fn sample_s(self) -> Option<f64> {
        self.number("/sample_s")
    }

    /// From start to end of the program: the whole sample and its delivery.
    pub fn seconds(self) -> Option<f64> {
        self.number("/seconds")
    }

    /// CPU time of the client.
    pub fn client_cpu_s(self) -> Option<f64> {
        self.number("/client_cpu_s")
    }

    /// What crossed the link, both directions, headers included.
    pub fn wire_bytes(self) -> Option<f64> {
        let both = self.0["wire_bytes"].as_array()?;
        both.iter().map(Value::as_f64).sum()
    }

    /// Client CPU time for 10⁹ bits on the wire.
    pub fn client_cpu_s_per_gbit(self) -> Option<f64> {
        let gbit = self.wire_bytes()? * 8.0 / 1e9;
        (gbit > 0.0).then_some(self.client_cpu_s()? / gbit)
    }

    /// Idle latency less the log's, or less the configured delay where the log says nothing.
    pub fn idle_difference_ms(self) -> Option<f64> {
        let measured = self.number("/latency/idle_ms").or_else(|| self.number("/idle_ms"))?;
        let truth = self.number("/latency/idle_truth_ms").or_else(|| self.number("/latency/idle_configured_ms"));
        Some(measured - truth.or(self.rtt_ms())?)
    }

    /// Measured less true latency; infinite where there is a truth and no figure, `None` where there is no truth.
    pub fn latency_difference_ms(self, measured: &str, truth: &str) -> Option<f64> {
        let at = |member: &str| self.number(&format!("/latency/{member}"));
        let truth = at(truth)?;
        Some(at(measured).map_or(f64::INFINITY, |ms| ms - truth))
    }

    /// Largest distance of the delay variation (95th percentile) to the log's, over phases and directions.
    pub fn variation_difference_ms(self) -> Option<f64> {
        let phases = self.0["latency"]["pdv95"].as_object()?;
        let sides = phases.values().flat_map(|phase| SIDES.map(|side| &phase[side.name()]));
        sides.filter_map(|side| Some((side["ms"].as_f64()? - side["truth_ms"].as_f64()?).abs())).reduce(f64::max)
    }

    /// Whether the counts of sent and lost probes are the log's; `None` where the log does not say.
    pub fn loss_is_exact(self, side: Side) -> Option<bool> {
        if self.group() == "policer" {
            // It drops behind the link: the log has those packets as delivered.
            return None;
        }
        let counts = self.loss(side);
        let truth = (counts["truth_sent"].as_u64()?, counts["truth_lost"].as_u64()?);
        Some((counts["sent"].as_u64(), counts["lost"].as_u64()) == (Some(truth.0), Some(truth.1)))
    }

    /// What the run and the log say of loss in a direction.
    pub fn loss(self, side: Side) -> &'a Value {
        &self.0["latency"]["loss"][side.name()]
    }

    /// The result of a direction.
    pub fn side(self, side: Side) -> Direction<'a> {
        Direction::new(&self.0[side.name()])
    }

    /// The larger error of the two directions.
    pub fn worst_error(self) -> f64 {
        SIDES.iter().map(|side| self.side(*side).abs_error()).fold(0.0, f64::max)
    }

    /// Whether the direction carries a flag that answers for the fault of its link. No flag answers for a clean link.
    pub fn is_answered(self, side: Side) -> bool {
        let flags = self.side(side).flags();
        self.fault_of(side).is_some_and(|fault| own_flags(fault).iter().any(|own| flags.contains(&own.as_str())))
    }

    /// An error above 5 % that neither the fault's own flag nor the interval owns up to.
    pub fn is_silent_error(self, side: Side) -> bool {
        let direction = self.side(side);
        direction.abs_error() > SILENT_ABOVE && !direction.covers() && !self.is_answered(side)
    }
}

/// The flags that answer for a fault, both as records name them; none for an unknown name.
pub fn own_flags(fault: &str) -> Vec<String> {
    let own = FAULT_FLAGS.iter().find(|(known, _)| fault_name(*known) == fault);
    let name = |flag| json!(flag).as_str().map(str::to_owned);
    own.map_or(Vec::new(), |(_, flags)| flags.iter().filter_map(name).collect())
}

/// The runs of a file: where (tool, cell, seed, forced counter) occurs several times the last line counts.
pub fn latest(lines: &[Value]) -> Vec<Run<'_>> {
    let mut at = HashMap::new();
    let mut runs: Vec<Run> = Vec::with_capacity(lines.len());
    for run in lines.iter().map(Run::new) {
        let key = (run.tool(), run.cell(), run.seed(), run.forced_counter());
        let place = *at.entry(key).or_insert(runs.len());
        if place == runs.len() { runs.push(run) } else { runs[place] = run }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn wrong_by_a_tenth() -> Value {
        json!({"cell": "bucket-5mb", "seed": 1, "fault": "token_bucket",
               "down": {"error": 0.1, "flags": [], "interval_bps": [105.0, 115.0], "truth_bps": 100.0}})
    }

    fn with(pointer: &str, value: Value) -> Value {
        let mut changed = wrong_by_a_tenth();
        *changed.pointer_mut(pointer).unwrap() = value;
        changed
    }

    #[test]
    fn only_the_faults_own_flag_or_a_covering_interval_excuses_an_error() {
        let silent = |line: &Value| Run::new(line).is_silent_error(Side::Down);
        assert!(silent(&wrong_by_a_tenth()));
        assert!(silent(&with("/down/flags", json!(["outage"]))), "another fault's flag");
        assert!(!silent(&with("/down/flags", json!(["variable", "burst"]))));
        assert!(!silent(&with("/down/interval_bps", json!([90.0, 130.0]))));
        assert!(!silent(&with("/down/error", json!(0.04))));
        let mut clean = with("/down/flags", json!(["burst", "unsaturated"]));
        clean["fault"] = Value::Null;
        assert!(silent(&clean), "no flag excuses a clean link");
        let mut other_direction = with("/down/flags", json!(["burst"]));
        other_direction["down"]["fault"] = Value::Null;
        assert!(silent(&other_direction), "the fault is in the other direction");
    }

    #[test]
    fn a_missing_figure_is_an_infinite_error() {
        let line = with("/down/error", Value::Null);
        assert_eq!(Run::new(&line).side(Side::Down).abs_error(), f64::INFINITY);
        assert!(Run::new(&line).is_silent_error(Side::Down));
        assert_eq!(Run::new(&wrong_by_a_tenth()).worst_error(), f64::INFINITY, "there is no upload");
    }

    #[test]
    fn every_fault_of_the_method_has_flags_by_its_name() {
        assert_eq!(own_flags("random_loss"), ["unsaturated"]);
        assert_eq!(own_flags("small_receive_buffer"), ["rwnd_limited", "unsaturated"]);
        assert!(FAULT_FLAGS.iter().all(|(fault, flags)| own_flags(fault_name(*fault)).len() == flags.len()));
        assert!(own_flags("no_such_fault").is_empty());
    }

    #[test]
    fn the_last_line_of_a_run_counts() {
        let line = |tool: Option<&str>, cell: &str, seed: u64, error: f64| {
            let mut line = json!({"cell": cell, "seed": seed, "down": {"error": error}});
            if let Some(tool) = tool {
                line["tool"] = json!(tool);
            }
            line
        };
        let lines = [
            line(None, "a", 1, 0.1),
            line(None, "a", 2, 0.2),
            line(Some("iperf3"), "a", 1, 0.3),
            line(Some("ispeed"), "a", 1, 0.4),
        ];
        let errors: Vec<_> = latest(&lines).iter().map(|run| run.side(Side::Down).error().unwrap()).collect();
        assert_eq!(errors, [0.4, 0.2, 0.3], "a run without a tool is ispeed's");
    }

    #[test]
    fn a_line_of_an_older_lab_says_its_group_in_the_name() {
        let group = |line: Value| Run::new(&line).group().to_owned();
        assert_eq!(group(json!({"cell": "hand-over"})), "hand-over");
        assert_eq!(group(json!({"cell": "fixed-5-10-1bdp-bbr"})), "fixed");
        assert_eq!(group(json!({"cell": "x", "group": "loss"})), "loss");
        assert_eq!(group(json!({"cell": "fixed-5", "group": "fixed", "forced_counter": "bytes"})), "counter");
        assert_eq!(group(json!({})), "other");
    }

    #[test]
    fn latency_and_loss_are_judged_only_where_the_log_knows() {
        let line = json!({"idle_ms": 41.0, "link": {"rtt_ms": 40.0}, "latency": {
            "idle_ms": 40.9, "idle_truth_ms": 40.5, "loaded_down_truth_ms": 60.0,
            "loss": {"down": {"sent": 100, "lost": 1, "truth_sent": 100, "truth_lost": 1},
                     "up": {"sent": 100, "lost": null, "truth_sent": 100, "truth_lost": 0}}}});
        let run = Run::new(&line);
        assert!((run.latency_difference_ms("idle_ms", "idle_truth_ms").unwrap() - 0.4).abs() < 1e-9);
        assert_eq!(run.latency_difference_ms("loaded_down_ms", "loaded_down_truth_ms"), Some(f64::INFINITY));
        assert_eq!(run.latency_difference_ms("loaded_up_ms", "loaded_up_truth_ms"), None);
        assert_eq!((run.loss_is_exact(Side::Down), run.loss_is_exact(Side::Up)), (Some(true), Some(false)));
        assert_eq!(Run::new(&json!({})).loss_is_exact(Side::Up), None);
        let mut policed = line.clone();
        policed["group"] = json!("policer");
        assert_eq!(Run::new(&policed).loss_is_exact(Side::Up), None, "the log does not see those drops");
    }
}
