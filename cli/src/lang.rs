//! Vietnamese first, English second: which of the two, and numbers as each writes them.

use clap::ValueEnum;
use ispeed_verdict::Lang;

/// `--lang`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum LangArg {
    /// Tiếng Việt.
    Vi,
    /// English.
    En,
}

/// The language asked for, else the one of the locale (`LC_ALL`, `LC_MESSAGES`, `LANG`).
pub(crate) fn choose(asked: Option<LangArg>) -> Lang {
    match asked {
        Some(LangArg::Vi) => Lang::Vi,
        Some(LangArg::En) => Lang::En,
        None => of_locale(["LC_ALL", "LC_MESSAGES", "LANG"].map(|name| std::env::var(name).ok())),
    }
}

fn of_locale(values: [Option<String>; 3]) -> Lang {
    // The first variable that is set decides, as in POSIX (XBD 8.2).
    match values.into_iter().flatten().find(|value| !value.is_empty()) {
        Some(locale) if locale.to_ascii_lowercase().starts_with("vi") => Lang::Vi,
        _ => Lang::En,
    }
}

/// The word of a pair.
pub(crate) fn pick<'a>(lang: Lang, vi: &'a str, en: &'a str) -> &'a str {
    lang.pick(vi, en)
}

/// A number with `digits` decimals and grouped thousands: `1.234,5` in Vietnamese, `1,234.5` in English.
pub(crate) fn number(lang: Lang, value: f64, digits: usize) -> String {
    let (group, point) = match lang {
        Lang::Vi => ('.', ','),
        Lang::En => (',', '.'),
    };
    let plain = format!("{:.digits$}", value.abs());
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let mut out = String::new();
    if value < 0.0 && plain.bytes().any(|b| (b'1'..=b'9').contains(&b)) {
        out.push('-');
    }
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            out.push(group);
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        out.push(point);
        out.push_str(fraction);
    }
    out
}

/// Bits a second as people read them: `38,62 Mbps`.
pub(crate) fn mbps(lang: Lang, bps: f64) -> String {
    format!("{} Mbps", number(lang, bps / 1e6, 2))
}

/// Bytes as people read them: `25,3 MB`.
pub(crate) fn megabytes(lang: Lang, bytes: u64) -> String {
    format!("{} MB", number(lang, bytes as f64 / 1e6, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_decides_unless_asked() {
        let of = |all: &str, messages: &str, lang: &str| {
            of_locale([all, messages, lang].map(|text| (!text.is_empty()).then(|| text.to_owned())))
        };
        assert_eq!(of("", "", "vi_VN.UTF-8"), Lang::Vi);
        assert_eq!(of("", "en_GB.UTF-8", "vi_VN.UTF-8"), Lang::En);
        assert_eq!(of("vi", "en_GB.UTF-8", ""), Lang::Vi);
        assert_eq!(of("", "", ""), Lang::En);
        assert_eq!(choose(Some(LangArg::Vi)), Lang::Vi);
    }

    #[test]
    fn numbers_are_written_as_each_language_writes_them() {
        assert_eq!(number(Lang::Vi, 1_234.56, 1), "1.234,6");
        assert_eq!(number(Lang::En, 1_234_567.0, 0), "1,234,567");
        assert_eq!(number(Lang::En, -0.001, 1), "0.0");
        assert_eq!(number(Lang::En, -12.5, 1), "-12.5");
        assert_eq!(mbps(Lang::Vi, 38_620_000.0), "38,62 Mbps");
        assert_eq!(megabytes(Lang::En, 25_300_000), "25.3 MB");
    }
}
