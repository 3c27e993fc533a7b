//! A sample as the statistics need it: 72 bytes, copied, no text.

use ispeed_protocol::device::MeasurerKind;
use ispeed_protocol::sample::Outcome;

use crate::group::{OperatorGroup, TechnologyGroup};
use crate::sample::MonthSample;

/// No device number (a masked row of a public set), no cell.
pub(crate) const NONE: u32 = u32::MAX;

/// Reasons that go with a failed attempt and do not make it another thing than an attempt over mobile radio in the
/// commune: what a run that never reached a measuring end cannot have. Every other reason (Wi-Fi, VPN, roaming, a
/// mocked or unknown place, a repetition, a made-up sample) takes the attempt out.
const FAILURE_REASONS: [&str; 10] = [
    "no_service",
    "server_failed",
    "partial",
    "figures_missing",
    "evidence_missing",
    "server_unknown",
    "operator_unknown",
    "transport_unknown",
    "clock_unknown",
    "unattested",
];

/// What a row takes part in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Marks(u8);

impl Marks {
    pub(crate) const COUNTED: Self = Self(1);
    pub(crate) const ATTEMPT: Self = Self(2);
    pub(crate) const FAILED: Self = Self(4);
    /// Left out of means: a 5G sample that the byte budget ended.
    pub(crate) const CAPPED: Self = Self(8);
    /// The public set shows no device number.
    pub(crate) const MASKED: Self = Self(16);

    pub(crate) fn has(self, mark: Self) -> bool {
        self.0 & mark.0 != 0
    }

    pub(crate) fn set(&mut self, mark: Self, on: bool) {
        if on {
            self.0 |= mark.0;
        }
    }
}

/// A counted sample or a failed attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) down_bps: f64,
    pub(crate) up_bps: f64,
    pub(crate) idle_ms: f64,
    pub(crate) loaded_down_ms: f64,
    pub(crate) loaded_up_ms: f64,
    pub(crate) pdv_ms: f64,
    pub(crate) echo_sent: u32,
    pub(crate) echo_lost: u32,
    pub(crate) device: u32,
    /// What intervals take for independent: the device, or all devices of a masked commune together.
    pub(crate) cluster: u32,
    pub(crate) cell: u32,
    /// Of the month, from 1, UTC+7.
    pub(crate) day: u8,
    /// Operator and technology: see [`leaf`].
    pub(crate) leaf: u8,
    pub(crate) marks: Marks,
    pub(crate) measurer: MeasurerKind,
}

pub(crate) fn operator_index(sample: &MonthSample) -> usize {
    let group = OperatorGroup::of(&sample.operator);
    OperatorGroup::EACH.iter().position(|o| *o == group).unwrap_or(OperatorGroup::EACH.len() - 1)
}

pub(crate) fn technology_index(sample: &MonthSample) -> usize {
    let group = TechnologyGroup::of(sample.technology);
    TechnologyGroup::EACH.iter().position(|t| *t == group).unwrap_or(TechnologyGroup::EACH.len() - 1)
}

/// Number of an operator and a technology together.
pub(crate) const fn leaf(operator: usize, technology: usize) -> usize {
    operator * TechnologyGroup::EACH.len() + technology
}

/// Counts, and came in before the cut-off.
pub(crate) fn marks(sample: &MonthSample, late: bool) -> Marks {
    let mut marks = Marks::default();
    let counted = sample.counts && !late;
    let bare = !late && sample.reasons.iter().all(|reason| FAILURE_REASONS.contains(&reason.as_str()));
    let failed = matches!(sample.outcome, Outcome::NoService | Outcome::ServerFailed) && bare && !sample.counts;
    let partial = sample.outcome == Outcome::Partial && bare && !sample.counts;
    marks.set(Marks::COUNTED, counted);
    marks.set(Marks::FAILED, failed);
    marks.set(Marks::ATTEMPT, counted || failed || partial);
    let capped_5g = sample.byte_capped && TechnologyGroup::of(sample.technology) == TechnologyGroup::G5;
    marks.set(Marks::CAPPED, capped_5g);
    marks
}

impl Row {
    /// Everything but device, cluster and cell, which are numbers of tables.
    pub(crate) fn of(sample: &MonthSample, marks: Marks) -> Self {
        let value = |v: Option<f64>| v.filter(|v| v.is_finite()).unwrap_or(f64::NAN);
        Self {
            down_bps: value(sample.down_bps),
            up_bps: value(sample.up_bps),
            idle_ms: value(sample.idle_ms),
            loaded_down_ms: value(sample.loaded_down_ms),
            loaded_up_ms: value(sample.loaded_up_ms),
            pdv_ms: value(sample.pdv_ms),
            echo_sent: sample.echo.sent,
            echo_lost: sample.echo.lost.min(sample.echo.sent),
            device: NONE,
            cluster: NONE,
            cell: NONE,
            day: sample.started_at.in_vietnam().day().unsigned_abs(),
            leaf: leaf(operator_index(sample), technology_index(sample)) as u8,
            marks,
            measurer: sample.measurer,
        }
    }

    /// Place in [`OperatorGroup::EACH`].
    pub(crate) fn operator(&self) -> usize {
        usize::from(self.leaf) / TechnologyGroup::EACH.len()
    }

    /// Place in [`TechnologyGroup::EACH`].
    pub(crate) fn technology(&self) -> usize {
        usize::from(self.leaf) % TechnologyGroup::EACH.len()
    }

    pub(crate) fn counted(&self) -> bool {
        self.marks.has(Marks::COUNTED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_small() {
        assert_eq!(size_of::<Row>(), 72, "a million of them are to fit in 72 MB");
    }
}
