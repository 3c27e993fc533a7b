//! Weak cells and sharing candidates of a commune.

use ispeed_protocol::cell::Cell;

use super::devices::Distinct;
use super::row::{Marks, NONE, Row};
use crate::figure::Decimal;
use crate::group::{OperatorGroup, TechnologyGroup};
use crate::settings::CellRule;
use crate::statements::{CellEvidence, SharingCandidate, WeakCell, Weakness};

/// What is found in the cells of a commune.
#[derive(Debug, Default)]
pub(crate) struct CellFindings {
    pub(crate) weak: Vec<WeakCell>,
    pub(crate) sharing: Vec<SharingCandidate>,
    /// Attempts with a cell, by operator; at the end, of all.
    pub(crate) attempts: [u64; OperatorGroup::EACH.len() + 1],
}

/// An operator in a cell.
struct Served {
    evidence: CellEvidence,
    weakness: Option<Weakness>,
    good: bool,
    /// Median of download over target, of samples whose technology has one.
    ratio: Option<f64>,
}

/// Judges each operator in each cell. `cells`: the cell of each number. `targets`: bit/s by technology.
pub(crate) fn find(
    rows: &[Row],
    cells: &[Cell],
    targets: &[Option<f64>; TechnologyGroup::EACH.len()],
    rule: &CellRule,
    distinct: &mut Distinct,
) -> CellFindings {
    let mut found = CellFindings::default();
    let mut placed: Vec<(Cell, usize, u32)> = Vec::new();
    for (at, row) in rows.iter().enumerate().filter(|(_, row)| row.cell != NONE && row.marks.has(Marks::ATTEMPT)) {
        placed.push((cells[row.cell as usize], row.operator(), at as u32));
        found.attempts[row.operator()] += 1;
    }
    found.attempts[OperatorGroup::EACH.len()] = placed.len() as u64;
    placed.sort_unstable();
    for cell in placed.chunk_by(|a, b| a.0 == b.0) {
        let served: Vec<Served> = cell
            .chunk_by(|a, b| a.1 == b.1)
            .filter_map(|operator| {
                let own: Vec<&Row> = operator.iter().map(|(_, _, at)| &rows[*at as usize]).collect();
                judge(&own, targets, rule, distinct)
            })
            .collect();
        report(cell[0].0, &served, rule, &mut found);
    }
    found
}

fn report(cell: Cell, served: &[Served], rule: &CellRule, found: &mut CellFindings) {
    for weak in served {
        let Some(weakness) = weak.weakness else { continue };
        found.weak.push(WeakCell { cell, weakness, evidence: weak.evidence.clone() });
        for good in served.iter().filter(|other| other.good) {
            let far_apart = match (good.ratio, weak.ratio) {
                (Some(good), Some(weak)) => good >= rule.sharing_factor * weak,
                _ => false,
            };
            if weakness == Weakness::NoService || far_apart {
                let (good, weak) = (good.evidence.clone(), weak.evidence.clone());
                found.sharing.push(SharingCandidate { cell, good, weak, weakness });
            }
        }
    }
}

/// `None` with too little evidence.
fn judge(
    rows: &[&Row],
    targets: &[Option<f64>; TechnologyGroup::EACH.len()],
    rule: &CellRule,
    distinct: &mut Distinct,
) -> Option<Served> {
    let attempts = rows.len() as u64;
    let devices = distinct.of(rows.iter().map(|row| row.device));
    if attempts < u64::from(rule.min_attempts) || devices < u64::from(rule.min_devices) {
        return None;
    }
    let failed = rows.iter().filter(|row| row.marks.has(Marks::FAILED)).count() as u64;
    let failed_percent = 100.0 * failed as f64 / attempts as f64;
    let counted = || rows.iter().filter(|row| row.counted() && row.down_bps.is_finite());
    let ratios: Vec<f64> = counted().filter_map(|row| targets[row.technology()].map(|t| row.down_bps / t)).collect();
    let enough = ratios.len() as u64 >= u64::from(rule.min_attempts);
    let ratio = median(ratios).filter(|_| enough);
    let weakness = if failed_percent >= rule.no_service_percent {
        Some(Weakness::NoService)
    } else {
        ratio.filter(|r| *r < 1.0).map(|_| Weakness::BelowTarget)
    };
    let good = failed_percent <= rule.good_failed_percent && ratio.is_some_and(|r| r >= 1.0);
    let down_median_mbps = median(counted().map(|row| row.down_bps / 1e6).collect()).and_then(|v| Decimal::round(v, 2));
    let operator = OperatorGroup::EACH[rows[0].operator()];
    Some(Served {
        evidence: CellEvidence { operator, attempts, failed, devices, down_median_mbps },
        weakness,
        good,
        ratio,
    })
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let n = values.len();
    (n > 0).then(|| (values[(n - 1) / 2] + values[n / 2]) / 2.0)
}
