//! Values of cells and how a Vietnamese reader sees them.

use ispeed_report::{Decimal, Metric};

/// Unit of a number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Unit {
    /// A count.
    Count,
    /// Mbps, two decimals.
    Mbps,
    /// Milliseconds, shown without decimals.
    Ms,
    /// Percent.
    Percent,
    /// A change in percent, with its sign.
    Change,
}

impl Unit {
    /// Unit of a metric.
    pub fn of(metric: Metric) -> Self {
        match (metric, metric.code().rsplit('_').next()) {
            (Metric::DownMeanChange, _) => Self::Change,
            (_, Some("mbps")) => Self::Mbps,
            (_, Some("ms")) => Self::Ms,
            (_, Some("percent")) => Self::Percent,
            _ => Self::Count,
        }
    }
}

/// What a cell holds.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Value {
    /// Nothing to print: not measured, or not asked of this row.
    Empty,
    /// A text; codes are texts.
    Text(String),
    /// A number.
    Number(Decimal, Unit),
    /// A 95 % interval.
    Interval([Decimal; 2], Unit),
}

impl Value {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.is_empty() { Self::Empty } else { Self::Text(text) }
    }

    pub(crate) fn count(count: u64) -> Self {
        Self::Number(Decimal::count(count), Unit::Count)
    }

    /// As text in Vietnamese.
    pub(crate) fn show(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) => text.clone(),
            Self::Number(number, unit) => display(*number, *unit),
            Self::Interval([low, high], unit) => format!("{} – {}", display(*low, *unit), display(*high, *unit)),
        }
    }
}

/// A cell: a value, greyed where it rests on too few samples.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Cell {
    pub(crate) value: Value,
    pub(crate) faint: bool,
}

impl From<Value> for Cell {
    fn from(value: Value) -> Self {
        Self { value, faint: false }
    }
}

/// A number as Vietnamese text: decimal comma, dot between thousands. Percent without the sign: headings carry units.
pub fn display(number: Decimal, unit: Unit) -> String {
    let shown = if unit == Unit::Ms { whole(number) } else { number };
    let text = shown.to_string();
    let (sign, text) = text.strip_prefix('-').map_or(("", text.as_str()), |rest| ("-", rest));
    let (integer, fraction) = text.split_once('.').map_or((text, None), |(a, b)| (a, Some(b)));
    let mut out = String::from(sign);
    if unit == Unit::Change && sign.is_empty() && number.units > 0 {
        out.push('+');
    }
    for (at, digit) in integer.char_indices() {
        if at > 0 && (integer.len() - at) % 3 == 0 {
            out.push('.');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push(',');
        out.push_str(fraction);
    }
    out
}

/// Without decimals, halves away from zero as spreadsheets show them.
fn whole(number: Decimal) -> Decimal {
    let scale = 10i64.pow(u32::from(number.decimals));
    let half = if number.units < 0 { -scale / 2 } else { scale / 2 };
    Decimal { units: number.units.saturating_add(half) / scale, decimals: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_vietnamese_offices_write_them() {
        for (text, unit, shown) in [
            ("1234.50", Unit::Mbps, "1.234,50"),
            ("38.69", Unit::Mbps, "38,69"),
            ("0", Unit::Count, "0"),
            ("996300", Unit::Count, "996.300"),
            ("1000000", Unit::Count, "1.000.000"),
            ("12.5", Unit::Ms, "13"),
            ("12.4", Unit::Ms, "12"),
            ("3.4", Unit::Change, "+3,4"),
            ("-3.4", Unit::Change, "-3,4"),
            ("0.0", Unit::Change, "0,0"),
            ("99.9", Unit::Percent, "99,9"),
        ] {
            assert_eq!(display(text.parse().unwrap(), unit), shown, "{text}");
        }
    }
}
