//! VNNIC's own counts from a CSV file: `code,count,source,date`, a header line first. Pure: all rows or none.

use std::fmt;

use ispeed_protocol::duty::{DUTY_VERSION, ISpeedCount};
use ispeed_protocol::{Day, Month};
use thiserror::Error;

const HEADER: [&str; 4] = ["code", "count", "source", "date"];
/// Samples of i-Speed in one commune and month: the busiest province had 65,000 in all.
const COUNT_MAX: u32 = 1_000_000;
const SOURCE_MAX_CHARS: usize = 200;

/// What is wrong with a file: the first wrong field.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("line {line}, {field}: {cause}")]
pub struct CountFileError {
    /// Line, from 1.
    pub line: u64,
    /// Field.
    pub field: String,
    /// What is there and what was expected.
    pub cause: String,
}

fn wrong(line: u64, field: &str, cause: impl Into<String>) -> CountFileError {
    CountFileError { line, field: field.to_owned(), cause: cause.into() }
}

/// Reads the counts of a month; `known` says whether a commune has this code.
///
/// # Errors
/// The first wrong field, with its line.
pub fn parse_count_file(
    text: &str,
    month: Month,
    known: impl Fn(&str) -> bool,
) -> Result<Vec<ISpeedCount>, CountFileError> {
    // Excel writes a mark in front.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|e| wrong(1, "header", e.to_string()))?.clone();
    if header.iter().ne(HEADER) {
        let found = header.iter().collect::<Vec<_>>().join(",");
        return Err(wrong(1, "header", format!("{found:?}; expected code,count,source,date")));
    }
    let mut counts: Vec<ISpeedCount> = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|e| wrong(e.position().map_or(0, csv::Position::line), "row", e.to_string()))?;
        let line = row.position().map_or(0, csv::Position::line);
        let fields: Vec<&str> = row.iter().collect();
        let [code, count, source, date] = fields[..] else {
            return Err(wrong(line, "row", format!("{} fields; expected code,count,source,date", row.len())));
        };
        if !known(code) {
            return Err(wrong(line, "code", format!("{code:?}; expected the five digits of a commune, as text")));
        }
        if counts.iter().any(|other| other.commune == code) {
            return Err(wrong(line, "code", format!("{code:?} a second time; expected each commune once")));
        }
        let count = count.parse().map_err(|_| wrong(line, "count", wrong_count(count)))?;
        let date: Day = date.parse().map_err(|cause: String| wrong(line, "date", cause))?;
        let (commune, source) = (code.to_owned(), source.to_owned());
        let count = ISpeedCount { v: DUTY_VERSION, month, commune, count, source, date };
        check_count(&count).map_err(|(field, cause)| wrong(line, field, cause))?;
        counts.push(count);
    }
    Ok(counts)
}

fn wrong_count(found: impl fmt::Debug) -> String {
    format!("{found:?}; expected a number from 0 to {COUNT_MAX}, without dots")
}

/// Whether a count can be one, typed or imported.
///
/// # Errors
/// The field that is wrong, and what is there and was expected.
pub fn check_count(count: &ISpeedCount) -> Result<(), (&'static str, String)> {
    let ISpeedCount { month, source, date, .. } = count;
    if count.count > COUNT_MAX {
        return Err(("count", wrong_count(count.count)));
    }
    if source.is_empty() || source.chars().count() > SOURCE_MAX_CHARS || source.chars().any(char::is_control) {
        return Err((
            "source",
            format!("{source:?}; expected where it was published, 1 to {SOURCE_MAX_CHARS} characters"),
        ));
    }
    if *date < Day::of(month.start()) {
        return Err(("date", format!("{date}, before {month}; expected a day from then on")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<ISpeedCount>, String> {
        let known = |code: &str| ["00004", "25195"].contains(&code);
        parse_count_file(text, "2026-11".parse().unwrap(), known).map_err(|e| e.to_string())
    }

    #[test]
    fn codes_keep_their_zeros_and_a_mark_of_excel_is_passed_over() {
        let text = "\u{feff}code,count,source,date\r\n00004,412,\"speedtest.vn, mục Số liệu\",2026-12-05\n25195,0,VNNIC,2026-12-05\n";
        let counts = parse(text).unwrap();
        assert_eq!((counts[0].commune.as_str(), counts[0].count, counts[1].count), ("00004", 412, 0));
        assert_eq!(counts[0].source, "speedtest.vn, mục Số liệu");
    }

    #[test]
    fn errors_name_line_and_field() {
        for (row, expected) in [
            ("4,412,x,2026-12-05", "line 3, code: \"4\""),
            ("25195,1,x,2026-12-05", "line 3, code: \"25195\" a second time"),
            ("00004,1.234,x,2026-12-05", "line 3, count: \"1.234\"; expected a number from 0 to 1000000, without dots"),
            ("00004,-1,x,2026-12-05", "line 3, count"),
            ("00004,1000001,x,2026-12-05", "line 3, count: 1000001; expected a number from 0 to 1000000"),
            ("00004,1,,2026-12-05", "line 3, source"),
            ("00004,1,x,05/12/2026", "line 3, date: \"05/12/2026\" is not a day"),
            ("00004,1,x,2026-10-31", "line 3, date: 2026-10-31, before 2026-11"),
            ("00004,1,x", "line 3, row: 3 fields"),
        ] {
            let error = parse(&format!("code,count,source,date\n25195,7,x,2026-12-05\n{row}\n")).unwrap_err();
            assert!(error.starts_with(expected), "{row}: {error}");
        }
        assert!(parse("mã,số\n").unwrap_err().starts_with("line 1, header"));
        assert_eq!(parse("code,count,source,date\n").unwrap(), []);
    }
}
