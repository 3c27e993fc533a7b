//! What may be said of figures, as data: targets, comparisons of operators, weak cells, sharing candidates.

use ispeed_protocol::cell::Cell;

use crate::figure::Decimal;
use crate::group::{Group, OperatorGroup, TechnologyGroup};
use crate::metric::Metric;

/// Whether a target was reached. Never a word of conformity to a technical regulation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TargetVerdict {
    /// The whole interval is at or above it ("đạt").
    Reached,
    /// The whole interval is below it ("chưa đạt").
    NotReached,
    /// Too few samples or devices, or the interval holds the target: more samples are needed to tell ("chưa đủ mẫu").
    NotEnough,
    /// Printed for information: nothing is said (a technical regulation, which is tested another way).
    Informational,
}

/// A target beside the figure it is about.
#[derive(Clone, PartialEq, Debug)]
pub struct TargetStatement {
    /// What the figure is about; targets are judged per technology, of all operators and of each.
    pub group: Group,
    /// Metric of the target.
    pub metric: Metric,
    /// The paper.
    pub paper: String,
    /// Threshold, in the unit and with the decimals of the metric.
    pub at_least: Decimal,
    /// The answer.
    pub verdict: TargetVerdict,
    /// The figure, `None` where there is none.
    pub value: Option<Decimal>,
    /// Its 95 % interval.
    pub interval: Option<[Decimal; 2]>,
    /// Samples.
    pub n: u64,
    /// The median beside it, which is what i-Speed publishes; of speeds only.
    pub median: Option<Decimal>,
}

/// What a comparison of two operators says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The first is better.
    First,
    /// The second is better.
    Second,
    /// A draw: no difference that chance could not make.
    Draw,
    /// At least one has too few samples or devices: not compared.
    NotEnough,
}

/// Two operators, one technology, one metric.
#[derive(Clone, PartialEq, Debug)]
pub struct Comparison {
    /// The one.
    pub first: OperatorGroup,
    /// The other, later in the order of reports.
    pub second: OperatorGroup,
    /// What is said.
    pub outcome: Outcome,
    /// First over second, with its interval (95 % for all pairs of the ranking together); `None` when not compared.
    pub ratio: Option<[Decimal; 3]>,
}

impl Comparison {
    /// Who is shown to be better, and than whom; `None` for a draw and where nothing is said.
    pub const fn shown(&self) -> Option<(OperatorGroup, OperatorGroup)> {
        match self.outcome {
            Outcome::First => Some((self.first, self.second)),
            Outcome::Second => Some((self.second, self.first)),
            Outcome::Draw | Outcome::NotEnough => None,
        }
    }
}

/// A place of an operator in a ranking.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Standing {
    /// Operator.
    pub operator: OperatorGroup,
    /// 1 + the number of operators shown to be better; operators in a draw share it. `None`: too few samples, not ranked.
    pub rank: Option<u8>,
}

/// The operators of one place and technology against each other.
#[derive(Clone, PartialEq, Debug)]
pub struct Ranking {
    /// Technology: 4G or 5G, never both together.
    pub technology: TechnologyGroup,
    /// Metric: mean download or mean upload.
    pub metric: Metric,
    /// By rank, then in the order of reports; operators without samples are left out.
    pub standings: Vec<Standing>,
    /// Every pair of `standings`.
    pub comparisons: Vec<Comparison>,
}

/// Why a cell is weak.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Weakness {
    /// Attempts fail.
    NoService,
    /// Half of the samples or more are below the target of their technology.
    BelowTarget,
}

impl Weakness {
    /// In documents.
    pub const fn name_vi(self) -> &'static str {
        match self {
            Self::NoService => "Nghi lõm sóng (đo không thành công)",
            Self::BelowTarget => "Tốc độ dưới mức mục tiêu",
        }
    }
}

/// What an operator does in a cell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CellEvidence {
    /// Operator.
    pub operator: OperatorGroup,
    /// Attempts.
    pub attempts: u64,
    /// Of these failed.
    pub failed: u64,
    /// Devices they came from.
    pub devices: u64,
    /// Median download of its counted samples, Mbps with two decimals.
    pub down_median_mbps: Option<Decimal>,
}

/// A cell where an operator's service is weak.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WeakCell {
    /// The cell.
    pub cell: Cell,
    /// Why.
    pub weakness: Weakness,
    /// What it rests on.
    pub evidence: CellEvidence,
}

/// A cell that one operator serves well and another does not: where sharing of infrastructure would help.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SharingCandidate {
    /// The cell.
    pub cell: Cell,
    /// Who serves it well.
    pub good: CellEvidence,
    /// Who does not.
    pub weak: CellEvidence,
    /// Why not.
    pub weakness: Weakness,
}
