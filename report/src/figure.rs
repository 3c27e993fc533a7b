//! A figure: one value of one metric of one group, as it is printed everywhere.

use std::fmt;
use std::str::FromStr;

use crate::group::Group;
use crate::metric::Metric;

/// A number with a fixed number of decimals: rounded once, equal on every machine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Decimal {
    /// Value × 10^`decimals`.
    pub units: i64,
    /// Decimals.
    pub decimals: u8,
}

impl Decimal {
    /// Rounds half to even; `None` for what is no number or too large.
    pub fn round(value: f64, decimals: u8) -> Option<Self> {
        let scaled = (value * 10f64.powi(i32::from(decimals))).round_ties_even();
        // Beyond 2^53 a double no longer holds every integer.
        (scaled.abs() < 9.0e15).then_some(Self { units: scaled as i64, decimals })
    }

    /// A count.
    pub fn count(count: u64) -> Self {
        Self { units: i64::try_from(count).unwrap_or(i64::MAX), decimals: 0 }
    }

    /// As a double, for plots and comparisons.
    pub fn as_f64(self) -> f64 {
        self.units as f64 / 10f64.powi(i32::from(self.decimals))
    }
}

/// With a decimal point, as machine files have it.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.units < 0 { "-" } else { "" };
        let scale = 10u64.pow(u32::from(self.decimals));
        let (whole, part) = (self.units.unsigned_abs() / scale, self.units.unsigned_abs() % scale);
        if self.decimals == 0 {
            return write!(f, "{sign}{whole}");
        }
        write!(f, "{sign}{whole}.{part:0width$}", width = usize::from(self.decimals))
    }
}

impl FromStr for Decimal {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("{text:?} is not a decimal number such as 38.69");
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let decimals = u8::try_from(part.len()).ok().filter(|n| *n <= 9).ok_or_else(wrong)?;
        let digits = format!("{}{part}", whole.strip_prefix('-').unwrap_or(whole));
        if whole.trim_start_matches('-').is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(wrong());
        }
        let units: i64 = digits.parse().map_err(|_| wrong())?;
        let parsed = Self { units: if whole.starts_with('-') { -units } else { units }, decimals };
        // One text a number: `-0`, `01` and `1.` are refused.
        if parsed.to_string() == text { Ok(parsed) } else { Err(wrong()) }
    }
}

/// One line of `figures.csv`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Figure {
    /// What it is about.
    pub group: Group,
    /// What it measures.
    pub metric: Metric,
    /// Value; `None` where there is nothing to compute it from (printed as nothing, never as 0).
    pub value: Option<Decimal>,
    /// 95 % interval, where the metric has one and there are enough devices.
    pub interval: Option<[Decimal; 2]>,
    /// Samples (of pooled loss: packets) the value is computed from.
    pub n: u64,
    /// Distinct devices they came from; of counts the devices of the counted samples.
    pub devices: u64,
    /// An outsider can recompute it from the public set.
    pub public: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_rounded_half_to_even_and_has_one_text() {
        for (value, decimals, text) in
            [(38.685, 2, "38.68"), (38.695, 2, "38.70"), (-0.004, 2, "0.00"), (-1.25, 1, "-1.2"), (7.0, 0, "7")]
        {
            let decimal = Decimal::round(value, decimals).unwrap();
            assert_eq!(decimal.to_string(), text, "{value}");
            assert_eq!(text.parse(), Ok(decimal));
        }
        assert_eq!(Decimal::round(f64::NAN, 2), None);
        for wrong in ["", "-", "-0", "01", "1.", ".5", "1,5", "1e3", "+1"] {
            assert!(wrong.parse::<Decimal>().is_err(), "{wrong}");
        }
    }
}
