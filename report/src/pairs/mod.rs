//! Paired measurement: two phones side by side, one per operator, that start within a second. Pure.
//!
//! A pair takes place and hour out of the comparison, since both phones had the same. What it leaves in: the phones themselves. So
//! the interval of a mean difference is taken over two kinds of clusters at once:
//!
//! - *place and day*: what one 200 m cell shows on one day is one observation, however often it is repeated;
//! - *device pair*: two phones that differ differ in all their pairs. With fewer than [`CLUSTERS_MIN`] pairs of phones this cannot
//!   be told, and [`Comparison::phones_confounded`] says so: the difference is one of operators *and* phones. Swapping the SIMs
//!   halfway makes two pairs of phones out of one.
//!
//! The variance of the mean is the two-way cluster-robust one (Cameron, Gelbach and Miller 2011: by place and day, plus by pair of
//! phones, less by both), with the factor G/(G−1) and the quantile of Student's t with G−1 degrees of freedom of the smaller number
//! of clusters (Cameron and Miller 2015, section VI); below six places and days no interval is stated.

mod compare;

use std::collections::BTreeMap;

use ispeed_protocol::Cell;

pub use self::compare::{CLUSTERS_MIN, Comparison, Finding, HEADER, PairedMetric, compare};
use crate::{MonthSample, OperatorGroup};

/// Two samples of a pair start at most so far apart, on the server's clock.
pub const START_APART_MAX_US: i64 = 1_000_000;

/// Why samples with a pair's id are no pair.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Unpaired {
    /// The other sample is missing.
    Single,
    /// More than two samples carry the id.
    TooMany,
    /// Both are of one device.
    SameDevice,
    /// Both are of one operator, or of one that is not known.
    SameOperator,
    /// They start more than a second apart.
    StartApart,
    /// They lie in different communes, or in cells that do not touch.
    Elsewhere,
    /// One of them does not count.
    NotCounted,
}

impl Unpaired {
    /// Stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::TooMany => "too_many",
            Self::SameDevice => "same_device",
            Self::SameOperator => "same_operator",
            Self::StartApart => "start_apart",
            Self::Elsewhere => "elsewhere",
            Self::NotCounted => "not_counted",
        }
    }
}

/// Two samples that were taken together; `first` is of the operator that reports list first.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Pair<'a> {
    /// One.
    pub first: &'a MonthSample,
    /// The other.
    pub second: &'a MonthSample,
}

/// What became of the samples that carry a pair's id.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Paired<'a> {
    /// Pairs, by id.
    pub pairs: Vec<Pair<'a>>,
    /// Ids that are no pair, by cause.
    pub unpaired: BTreeMap<Unpaired, u32>,
}

/// Puts the samples of a month together by their pair's id; the order of the samples does not matter.
pub fn pair_up(samples: &[MonthSample]) -> Paired<'_> {
    let mut by_id: BTreeMap<(&str, &str), Vec<&MonthSample>> = BTreeMap::new();
    for sample in samples {
        if let Some(id) = sample.pair_id.as_deref() {
            // An id is one campaign's: two teams may both number from 1.
            by_id.entry((sample.campaign.as_deref().unwrap_or_default(), id)).or_default().push(sample);
        }
    }
    let mut paired = Paired::default();
    for samples in by_id.into_values() {
        match pair(&samples) {
            Ok(pair) => paired.pairs.push(pair),
            Err(cause) => *paired.unpaired.entry(cause).or_default() += 1,
        }
    }
    paired
}

fn pair<'a>(samples: &[&'a MonthSample]) -> Result<Pair<'a>, Unpaired> {
    let (a, b) = match samples {
        [a, b] => (*a, *b),
        [] | [_] => return Err(Unpaired::Single),
        _ => return Err(Unpaired::TooMany),
    };
    let (operator_a, operator_b) = (OperatorGroup::of(&a.operator), OperatorGroup::of(&b.operator));
    if a.device_id == b.device_id {
        return Err(Unpaired::SameDevice);
    }
    if operator_a == operator_b || operator_a == OperatorGroup::Other || operator_b == OperatorGroup::Other {
        return Err(Unpaired::SameOperator);
    }
    if a.started_at.micros_since(b.started_at).abs() > START_APART_MAX_US {
        return Err(Unpaired::StartApart);
    }
    if a.commune != b.commune || !side_by_side(a.cell, b.cell) {
        return Err(Unpaired::Elsewhere);
    }
    if !a.counts || !b.counts {
        return Err(Unpaired::NotCounted);
    }
    let (first, second) = if operator_a < operator_b { (a, b) } else { (b, a) };
    Ok(Pair { first, second })
}

/// The same cell or one that touches it: two phones beside each other may have an edge between them. Rows are not aligned, so over
/// one row columns shift by up to two.
fn side_by_side(a: Option<Cell>, b: Option<Cell>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.row.abs_diff(b.row) <= 1 && a.column.abs_diff(b.column) <= 2,
        _ => true,
    }
}

#[cfg(test)]
mod tests;
