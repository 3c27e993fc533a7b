//! The file an official types: TOML in, a duty out, or every wrong field with its line. Pure.
//!
//! ```toml
//! role = "XA-25195-VH"
//! difficulties = ["Vùng lõm sóng tại ấp 3"]
//! proposals = ["Bổ sung trạm tại ấp 3"]
//!
//! [[communication]]
//! form = "Bài trên cổng thông tin điện tử"
//! items = 3
//! ```

use std::fmt;
use std::ops::Range;

use ispeed_protocol::Month;
use ispeed_protocol::campaign::is_role_code;
use ispeed_protocol::duty::{Communication, DUTY_VERSION, Duty};
use serde::Deserialize;
use thiserror::Error;
use toml::Spanned;

/// Forms of communication work in one file.
const FORMS_MAX: usize = 50;
/// News items, posts and broadcasts of one form in a month: more is a slip of the keyboard.
const ITEMS_MAX: i64 = 10_000;
/// Difficulties, and proposals.
const ENTRIES_MAX: usize = 50;
/// Characters of one of them: three lines of a table.
const ENTRY_MAX_CHARS: usize = 500;

/// What is wrong with a file, all of it.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub struct DutyFileError(pub Vec<WrongField>);

/// One wrong field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WrongField {
    /// Line, from 1.
    pub line: usize,
    /// Field.
    pub field: String,
    /// What is there and what was expected.
    pub cause: String,
}

impl fmt::Display for DutyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, wrong) in self.0.iter().enumerate() {
            let comma = if i > 0 { "; " } else { "" };
            write!(f, "{comma}line {}, {}: {}", wrong.line, wrong.field, wrong.cause)?;
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    month: Option<Spanned<String>>,
    commune: Option<Spanned<String>>,
    role: Option<Spanned<String>>,
    #[serde(default)]
    communication: Vec<Work>,
    #[serde(default)]
    difficulties: Vec<Spanned<String>>,
    #[serde(default)]
    proposals: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Work {
    form: Spanned<String>,
    items: Spanned<i64>,
}

/// Reads the file of a commune and month.
///
/// # Errors
/// Every wrong field, with its line.
pub fn parse_duty_file(text: &str, month: Month, commune: &str) -> Result<Duty, DutyFileError> {
    let file: File = toml::from_str(text).map_err(|error| DutyFileError(vec![of_toml(text, &error)]))?;
    let mut check = Check { text, wrong: Vec::new() };
    check.same("month", file.month.as_ref(), &month.to_string());
    check.same("commune", file.commune.as_ref(), commune);
    if let Some(role) = &file.role {
        let expected = "a code, no name: 1 to 32 of A-Z, 0-9 and -, such as XA-25195-VH";
        check.require(is_role_code(role.get_ref()), role.span(), "role", role.get_ref(), expected);
    }
    check.many("communication", file.communication.len(), FORMS_MAX);
    for (i, work) in file.communication.iter().enumerate() {
        check.entry(&format!("communication[{i}].form"), &work.form);
        let (field, items) = (format!("communication[{i}].items"), *work.items.get_ref());
        let good = (0..=ITEMS_MAX).contains(&items);
        check.require(good, work.items.span(), &field, &items.to_string(), "a number from 0 to 10000");
    }
    for (name, entries) in [("difficulties", &file.difficulties), ("proposals", &file.proposals)] {
        check.many(name, entries.len(), ENTRIES_MAX);
        entries.iter().enumerate().for_each(|(i, entry)| check.entry(&format!("{name}[{i}]"), entry));
    }
    if !check.wrong.is_empty() {
        return Err(DutyFileError(check.wrong));
    }
    let texts = |entries: Vec<Spanned<String>>| -> Vec<String> {
        entries.into_iter().map(|entry| entry.into_inner().trim().to_owned()).collect()
    };
    let work = |work: Work| Communication {
        form: work.form.into_inner().trim().to_owned(),
        items: u32::try_from(work.items.into_inner()).unwrap_or(0),
    };
    Ok(Duty {
        v: DUTY_VERSION,
        month,
        commune: commune.to_owned(),
        communication: file.communication.into_iter().map(work).collect(),
        difficulties: texts(file.difficulties),
        proposals: texts(file.proposals),
        role: file.role.map(Spanned::into_inner),
    })
}

struct Check<'a> {
    text: &'a str,
    wrong: Vec<WrongField>,
}

impl Check<'_> {
    fn require(&mut self, good: bool, span: Range<usize>, field: &str, value: &str, expected: &str) {
        if !good {
            let shown: String = value.chars().take(60).collect();
            let cause = format!("{shown:?}; expected {expected}");
            self.wrong.push(WrongField { line: line_of(self.text, span.start), field: field.to_owned(), cause });
        }
    }

    /// A field that may be left out, and says what the command says where it is not.
    fn same(&mut self, field: &str, value: Option<&Spanned<String>>, expected: &str) {
        if let Some(value) = value {
            let wanted = format!("{expected:?}, as on the command line");
            self.require(value.get_ref() == expected, value.span(), field, value.get_ref(), &wanted);
        }
    }

    fn entry(&mut self, field: &str, entry: &Spanned<String>) {
        let text = entry.get_ref();
        let good =
            !text.trim().is_empty() && text.chars().count() <= ENTRY_MAX_CHARS && !text.chars().any(char::is_control);
        self.require(good, entry.span(), field, text, "1 to 500 characters on one line");
    }

    fn many(&mut self, field: &str, count: usize, most: usize) {
        let at = self.text.find(field).unwrap_or(0);
        self.require(count <= most, at..at, field, &format!("{count} entries"), &format!("at most {most}"));
    }
}

/// Where the form itself is wrong: the field is the word before the sign of equality.
fn of_toml(text: &str, error: &toml::de::Error) -> WrongField {
    let at = error.span().map_or(0, |span| span.start);
    let line = line_of(text, at);
    let found = text.lines().nth(line - 1).unwrap_or_default();
    let field = found.split('=').next().unwrap_or_default().trim().trim_matches(['[', ']']);
    let field = if field.is_empty() { "file" } else { field };
    WrongField {
        line,
        field: field.to_owned(),
        cause: error.message().split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|b| **b == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "role = \"XA-25195-VH\"\ndifficulties = [\"Vùng lõm sóng tại ấp 3\"]\nproposals = []\n\n[[communication]]\nform = \"Bài trên cổng thông tin điện tử\"\nitems = 3\n";

    fn parse(text: &str) -> Result<Duty, String> {
        parse_duty_file(text, "2026-11".parse().unwrap(), "25195").map_err(|e| e.to_string())
    }

    #[test]
    fn a_file_is_read() {
        let duty = parse(GOOD).unwrap();
        assert_eq!((duty.communication[0].items, duty.difficulties.len(), duty.proposals.len()), (3, 1, 0));
        assert_eq!(parse("").unwrap().communication, []);
        assert!(parse("month = \"2026-11\"\ncommune = \"25195\"\n").is_ok());
    }

    #[test]
    fn errors_name_line_and_field() {
        for (from, to, expected) in [
            ("items = 3", "items = -3", "line 7, communication[0].items: \"-3\"; expected a number from 0 to 10000"),
            ("items = 3", "items = \"ba\"", "line 7, items: invalid type: string"),
            ("items = 3", "item = 3", "line 7, item: unknown field `item`"),
            ("XA-25195-VH", "Nguyễn Văn A", "line 1, role: \"Nguyễn Văn A\"; expected a code, no name"),
            ("proposals = []", "proposals = [\"\"]", "line 3, proposals[0]: \"\"; expected 1 to 500 characters"),
            (
                "role = ",
                "commune = \"25198\"\nrole = ",
                "line 1, commune: \"25198\"; expected \"25195\", as on the command line",
            ),
            ("role = ", "month = \"2026-10\"\nrole = ", "line 1, month: \"2026-10\"; expected \"2026-11\""),
            ("proposals = []", "proposals = [", "line "),
        ] {
            let error = parse(&GOOD.replace(from, to)).unwrap_err();
            assert!(error.contains(expected), "{to}: {error}");
        }
        let two = parse(&GOOD.replace("items = 3", "items = -3").replace("XA-25195-VH", "xa")).unwrap_err();
        assert!(two.contains("line 1, role") && two.contains("; line 7, communication[0].items"), "{two}");
    }
}
