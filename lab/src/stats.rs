//! The few statistics tables are made of: values in order, each with the weight of its run.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::view::{Run, Side};

/// More void runs than one of this many, and a scenario was not measured.
const VOID_ONE_OF: usize = 20;

/// Lines that may judge: the emulator was not starved.
pub fn valid(runs: &[Value]) -> Vec<&Value> {
    runs.iter().filter(|line| Run::new(line).void().is_none()).collect()
}

/// Runs that answer one question: those that may judge, and how many may not.
#[derive(Clone, Debug, Default)]
pub struct Scenario<'a> {
    /// Runs the emulator was not starved in.
    pub valid: Vec<Run<'a>>,
    /// Runs it was starved in.
    pub void: usize,
    /// Links the runs are of, void ones included.
    pub cells: usize,
}

impl<'a> Scenario<'a> {
    /// The runs for which `holds`.
    pub fn of(runs: &[Run<'a>], holds: impl Fn(Run<'a>) -> bool) -> Self {
        let here: Vec<Run> = runs.iter().copied().filter(|run| holds(*run)).collect();
        let cells: HashSet<_> = here.iter().map(|run| run.cell()).collect();
        let valid: Vec<Run> = here.iter().copied().filter(|run| run.void().is_none()).collect();
        Self { void: here.len() - valid.len(), cells: cells.len(), valid }
    }

    /// All runs, void ones included.
    pub fn runs(&self) -> usize {
        self.valid.len() + self.void
    }

    /// Whether at most 5 % of the runs are void, and there is any.
    pub fn is_measured(&self) -> bool {
        !self.valid.is_empty() && self.void * VOID_ONE_OF <= self.runs()
    }

    /// Share of void runs.
    pub fn void_share(&self) -> f64 {
        self.void as f64 / self.runs().max(1) as f64
    }

    /// A value a run; runs of which it is `None` are left out. Every cell weighs the same however many runs it has.
    pub fn values(&self, of: impl Fn(Run<'a>) -> Option<f64>) -> Ordered {
        let known: Vec<_> = self.valid.iter().filter_map(|run| Some((run.tool(), run.cell(), of(*run)?))).collect();
        let mut runs_of_cell = HashMap::new();
        for (tool, cell, _) in &known {
            *runs_of_cell.entry((*tool, *cell)).or_insert(0.0) += 1.0;
        }
        Ordered::new(known.into_iter().map(|(tool, cell, value)| (value, 1.0 / runs_of_cell[&(tool, cell)])).collect())
    }

    /// Absolute errors of a direction.
    pub fn errors(&self, side: Side) -> Ordered {
        self.values(|run| Some(run.side(side).abs_error()))
    }

    /// Share of runs for which `holds`, every cell with the same weight.
    pub fn share(&self, holds: impl Fn(Run<'a>) -> bool) -> Option<f64> {
        let values = self.values(|run| Some(if holds(run) { 1.0 } else { 0.0 }));
        (!values.is_empty()).then(|| values.share(|v| v > 0.5))
    }

    /// How many runs `holds` of.
    pub fn count(&self, holds: impl Fn(Run<'a>) -> bool) -> usize {
        self.valid.iter().filter(|run| holds(**run)).count()
    }
}

/// Values in order with their weights.
#[derive(Clone, Debug, Default)]
pub struct Ordered(Vec<(f64, f64)>);

impl Ordered {
    /// Orders (value, weight).
    pub fn new(mut values: Vec<(f64, f64)>) -> Self {
        values.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self(values)
    }

    /// Values of equal weight.
    pub fn equal(values: impl IntoIterator<Item = f64>) -> Self {
        Self::new(values.into_iter().map(|v| (v, 1.0)).collect())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    fn weight(&self) -> f64 {
        self.0.iter().map(|(_, weight)| weight).sum()
    }

    /// The smallest value that at least the share `q` of all weight does not exceed.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        // Weights are sums of fractions: without the slack a third of three thirds may miss its rank.
        let wanted = self.weight() * q - 1e-9;
        let mut sum = 0.0;
        let at = self.0.iter().find(|(_, weight)| {
            sum += weight;
            sum >= wanted
        });
        at.or(self.0.last()).map(|(value, _)| *value)
    }

    /// Mean of the finite values.
    pub fn mean(&self) -> Option<f64> {
        let finite = || self.0.iter().filter(|(value, _)| value.is_finite());
        let weight: f64 = finite().map(|(_, weight)| weight).sum();
        (weight > 0.0).then(|| finite().map(|(value, weight)| value * weight).sum::<f64>() / weight)
    }

    /// The middle.
    pub fn median(&self) -> Option<f64> {
        self.quantile(0.5)
    }

    /// The largest.
    pub fn worst(&self) -> Option<f64> {
        self.0.last().map(|(value, _)| *value)
    }

    /// Share of the weight for which `holds`; 0 of nothing.
    pub fn share(&self, holds: impl Fn(f64) -> bool) -> f64 {
        // A sum of nothing is −0, and would be printed so.
        let held = self.0.iter().filter(|(value, _)| holds(*value)).fold(0.0, |sum, (_, weight)| sum + weight);
        if self.is_empty() { 0.0 } else { held / self.weight() }
    }

    /// Share of the weight up to `limit`.
    pub fn within(&self, limit: f64) -> f64 {
        self.share(|value| value <= limit)
    }

    /// (value, share of weight up to and with it): the empirical distribution.
    pub fn distribution(&self) -> Vec<(f64, f64)> {
        let (total, mut sum) = (self.weight(), 0.0);
        self.0
            .iter()
            .map(|(value, weight)| {
                sum += weight;
                (*value, sum / total)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line(cell: &str, seed: u64, error: impl Into<Value>) -> Value {
        json!({"cell": cell, "seed": seed, "void": null, "down": {"error": error.into()}})
    }

    #[test]
    fn a_missing_figure_is_an_infinite_error() {
        let lines = [line("a", 1, 0.01), line("a", 2, Value::Null)];
        let runs: Vec<Run> = lines.iter().map(Run::new).collect();
        let errors = Scenario::of(&runs, |_| true).errors(Side::Down);
        assert_eq!((errors.len(), errors.worst(), errors.within(0.03)), (2, Some(f64::INFINITY), 0.5));
    }

    #[test]
    fn a_cell_with_many_runs_weighs_as_much_as_one_with_few() {
        let lines = [line("a", 1, 0.1), line("a", 2, -0.1), line("a", 3, 0.1), line("a", 4, 0.1), line("b", 1, 0.01)];
        let runs: Vec<Run> = lines.iter().map(Run::new).collect();
        let errors = Scenario::of(&runs, |_| true).errors(Side::Down);
        assert_eq!(errors.within(0.03), 0.5);
        assert_eq!((errors.quantile(0.5), errors.quantile(0.51)), (Some(0.01), Some(0.1)));
    }

    #[test]
    fn more_than_one_void_run_in_twenty_leaves_a_scenario_unmeasured() {
        let mut lines: Vec<Value> = (0..20).map(|seed| line("a", seed, 0.0)).collect();
        lines[3]["void"] = json!("starved");
        let measured = |lines: &[Value]| {
            let runs: Vec<Run> = lines.iter().map(Run::new).collect();
            Scenario::of(&runs, |_| true).is_measured()
        };
        assert!(measured(&lines), "exactly 5 % void");
        assert!(!measured(&lines[..19]), "above 5 %");
        assert!(!measured(&[]), "nothing is not a measurement");
    }

    #[test]
    fn quantiles_are_ranks() {
        let of = |values: &[f64]| Ordered::equal(values.iter().copied());
        let ten = of(&[9.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0]);
        assert_eq!((ten.median(), ten.quantile(0.9), ten.worst()), (Some(5.0), Some(9.0), Some(10.0)));
        assert_eq!((of(&[]).median(), of(&[]).within(1.0), of(&[]).mean()), (None, 0.0, None));
        assert_eq!(of(&[1.0, f64::INFINITY, 4.0]).mean(), Some(2.5));
        assert_eq!(of(&[2.0, 1.0]).distribution(), [(1.0, 0.5), (2.0, 1.0)]);
    }
}
