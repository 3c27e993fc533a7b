//! How figures are written. A figure that is not there is a dash; an infinite one says that a run gave none.

/// A share or an error of parts of one, in percent.
pub(super) fn percent(value: Option<f64>) -> String {
    figure(value.map(|v| v * 100.0), |v| format!("{v:.2} %"))
}

/// The same with its sign.
pub(super) fn signed_percent(value: Option<f64>) -> String {
    figure(value.map(|v| v * 100.0), |v| format!("{v:+.2} %"))
}

/// A share of runs, in percent, never rounded up to 100.
pub(super) fn share(value: Option<f64>) -> String {
    figure(value, |v| {
        let percent = v * 100.0;
        if v < 1.0 { format!("{:.1} %", (percent * 10.0).floor() / 10.0) } else { "100 %".to_owned() }
    })
}

/// A number with two decimals.
pub(super) fn number(value: Option<f64>) -> String {
    figure(value, |v| format!("{v:.2}"))
}

/// A ratio below one as one part of so many.
pub(super) fn one_of(value: Option<f64>) -> String {
    figure(value, |v| if v > 0.0 { format!("1/{:.1}", 1.0 / v) } else { "0".to_owned() })
}

/// Two figures of the same kind, down first.
pub(super) fn pair(values: [String; 2]) -> String {
    values.join(" / ")
}

fn figure(value: Option<f64>, write: impl Fn(f64) -> String) -> String {
    match value {
        None => "–".to_owned(),
        Some(v) if v.is_finite() => write(v),
        Some(_) => "no figure".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_no_number() {
        assert_eq!([percent(None), percent(Some(f64::INFINITY)), percent(Some(0.0123))], ["–", "no figure", "1.23 %"]);
        assert_eq!([signed_percent(Some(-0.5)), number(Some(2.0)), one_of(Some(0.1))], ["-50.00 %", "2.00", "1/10.0"]);
    }

    #[test]
    fn a_share_below_one_is_never_written_as_all() {
        assert_eq!([share(Some(0.9999)), share(Some(1.0)), share(Some(0.98999))], ["99.9 %", "100 %", "98.9 %"]);
    }
}
