//! Numbers and dates, as readers of each language expect them.

use std::fmt;

use ispeed_protocol::{Month, UtcMicros};

use super::strings::Lang;

/// Text inside HTML, escaped for elements and quoted attributes.
pub(super) struct Esc<'a>(pub(super) &'a str);

impl fmt::Display for Esc<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => fmt::Write::write_char(f, c)?,
            }
        }
        Ok(())
    }
}

/// A whole number with its thousands apart: 1.234 in Vietnamese, 1,234 in English.
pub(super) fn integer(value: u64, lang: Lang) -> String {
    let digits = value.to_string();
    let separator = match lang {
        Lang::Vi => '.',
        Lang::En => ',',
    };
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(separator);
        }
        out.push(digit);
    }
    out
}

/// A share in per cent with one decimal, such as 1.234,5 % in Vietnamese; the sign stays with its number.
pub(super) fn percent(part: u64, whole: u64, lang: Lang) -> String {
    let tenths = (part * 1_000 + whole / 2).checked_div(whole).unwrap_or(0);
    let point = match lang {
        Lang::Vi => ',',
        Lang::En => '.',
    };
    format!("{}{point}{}\u{a0}%", integer(tenths / 10, lang), tenths % 10)
}

/// `11/2026` in Vietnamese, `November 2026` in English.
pub(super) fn month(month: Month, lang: Lang) -> String {
    const NAMES: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let name = NAMES[usize::from(month.month.clamp(1, 12)) - 1];
    match lang {
        Lang::Vi => format!("{}/{}", month.month, month.year),
        Lang::En => format!("{name} {}", month.year),
    }
}

/// Day and minute in Vietnam: `23/11/2026 14:04`, in English `23 November 2026, 14:04`.
pub(super) fn minute(at: UtcMicros, lang: Lang) -> String {
    let local = at.in_vietnam();
    let clock = format!("{:02}:{:02}", local.hour(), local.minute());
    match lang {
        Lang::Vi => format!("{clock} {:02}/{:02}/{:04}", local.day(), local.month(), local.year()),
        Lang::En => format!("{} {}, {clock}", local.day(), self::month(at.month(), lang)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_the_language() {
        assert_eq!(integer(1_234_567, Lang::Vi), "1.234.567");
        assert_eq!(integer(1_234_567, Lang::En), "1,234,567");
        assert_eq!((integer(0, Lang::Vi), integer(999, Lang::Vi)), ("0".into(), "999".into()));
        assert_eq!(percent(1, 3, Lang::Vi), "33,3\u{a0}%");
        assert_eq!(percent(3321, 3321, Lang::En), "100.0\u{a0}%");
        assert_eq!(percent(0, 0, Lang::En), "0.0\u{a0}%");
    }

    #[test]
    fn dates_are_vietnamese_civil_time() {
        let at: UtcMicros = "2026-11-30T17:04:00Z".parse().unwrap();
        assert_eq!(minute(at, Lang::Vi), "00:04 01/12/2026");
        assert_eq!(minute(at, Lang::En), "1 December 2026, 00:04");
        assert_eq!(month("2026-08".parse().unwrap(), Lang::Vi), "8/2026");
    }

    #[test]
    fn markup_in_a_name_stays_text() {
        assert_eq!(Esc("<b a='1'>&\"").to_string(), "&lt;b a=&#39;1&#39;&gt;&amp;&quot;");
    }
}
