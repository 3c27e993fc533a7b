//! Reads TOML with the place of every value, so that an error says file, line and field; goes on after the first.

use std::fmt;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::text::PLACEHOLDERS;

/// One thing that is wrong with a template.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TemplateError {
    /// File.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Field, such as `sheets[0].columns[3].field`.
    pub field: String,
    /// What stands there.
    pub value: String,
    /// What was expected.
    pub expected: String,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, field, value, expected } = self;
        write!(f, "{file}:{line}: {field} is {value}; expected {expected}")
    }
}

/// Everything that is wrong with a template, in the order of lines.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TemplateErrors(pub Vec<TemplateError>);

impl fmt::Display for TemplateErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, error) in self.0.iter().enumerate() {
            write!(f, "{}{error}", if at == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for TemplateErrors {}

/// Collects errors.
pub(super) struct Errors<'a> {
    file: &'a str,
    text: &'a str,
    found: Vec<TemplateError>,
}

impl<'a> Errors<'a> {
    pub(super) fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text, found: Vec::new() }
    }

    pub(super) fn say(
        &mut self,
        span: &Range<usize>,
        field: impl Into<String>,
        value: impl Into<String>,
        expected: impl Into<String>,
    ) {
        let before = self.text.as_bytes().get(..span.start).unwrap_or(self.text.as_bytes());
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let (field, value, expected) = (field.into(), value.into(), expected.into());
        self.found.push(TemplateError { file: self.file.to_owned(), line, field, value, expected });
    }

    /// What was found, in the order of lines.
    pub(super) fn into_result<T>(mut self, value: Option<T>) -> Result<T, TemplateErrors> {
        self.found.sort_by_key(|error| error.line);
        match value {
            Some(value) if self.found.is_empty() => Ok(value),
            _ => Err(TemplateErrors(self.found)),
        }
    }

    pub(super) fn none(&self) -> bool {
        self.found.is_empty()
    }
}

/// A table of the file and where it stands.
#[derive(Clone)]
pub(super) struct Node<'t> {
    pub(super) table: &'t DeTable<'t>,
    pub(super) span: Range<usize>,
    pub(super) path: String,
}

/// A value in words.
fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(number) => number.as_str().to_owned(),
        other => format!("a value of type {}", other.type_str()),
    }
}

impl<'t> Node<'t> {
    pub(super) fn field(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    pub(super) fn get(&self, key: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.table.get(key)
    }

    pub(super) fn span_of(&self, key: &str) -> Range<usize> {
        self.get(key).map_or_else(|| self.span.clone(), Spanned::span)
    }

    /// Says of every other key that it is unknown.
    pub(super) fn only(&self, errors: &mut Errors<'_>, keys: &[&str]) {
        for key in self.table.keys() {
            let name: &str = key.get_ref();
            if !keys.contains(&name) {
                let expected = format!("one of: {}", keys.join(", "));
                errors.say(&key.span(), self.field(name), "an unknown key", expected);
            }
        }
    }

    fn required(&self, errors: &mut Errors<'_>, key: &str, expected: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        let found = self.get(key);
        if found.is_none() {
            errors.say(&self.span, self.field(key), "missing", expected);
        }
        found
    }

    /// A text that is not empty, its placeholders checked.
    pub(super) fn text(&self, errors: &mut Errors<'_>, key: &str) -> Option<String> {
        let value = self.required(errors, key, "a text")?;
        let text = text_at(errors, value, &self.field(key))?;
        if text.trim().is_empty() {
            errors.say(&value.span(), self.field(key), "empty", "a text");
            return None;
        }
        Some(text)
    }

    /// A text that may be absent.
    pub(super) fn optional_text(&self, errors: &mut Errors<'_>, key: &str) -> Option<String> {
        self.get(key).and_then(|value| text_at(errors, value, &self.field(key)))
    }

    /// A whole number within bounds; `default` where the key is absent and may be.
    pub(super) fn number(
        &self,
        errors: &mut Errors<'_>,
        key: &str,
        bounds: std::ops::RangeInclusive<i64>,
        default: Option<i64>,
    ) -> Option<i64> {
        let expected = if bounds.start() == bounds.end() {
            bounds.start().to_string()
        } else {
            format!("a whole number from {} to {}", bounds.start(), bounds.end())
        };
        if self.get(key).is_none() && default.is_some() {
            return default;
        }
        let value = self.required(errors, key, &expected)?;
        let number = value.get_ref().as_integer().and_then(|i| i64::from_str_radix(i.as_str(), i.radix()).ok());
        match number.filter(|number| bounds.contains(number)) {
            Some(number) => Some(number),
            None => {
                errors.say(&value.span(), self.field(key), shown(value.get_ref()), expected);
                None
            }
        }
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, errors: &mut Errors<'_>, key: &str, default: bool) -> Option<bool> {
        let Some(value) = self.get(key) else { return Some(default) };
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            errors.say(&value.span(), self.field(key), shown(value.get_ref()), "true or false");
        }
        flag
    }

    /// A list of texts.
    pub(super) fn texts(&self, errors: &mut Errors<'_>, key: &str) -> Option<Vec<(String, Range<usize>)>> {
        let value = self.required(errors, key, "a list of texts")?;
        let Some(list) = value.get_ref().as_array() else {
            errors.say(&value.span(), self.field(key), shown(value.get_ref()), "a list of texts");
            return None;
        };
        let item = |(at, value): (usize, &Spanned<DeValue<'t>>)| {
            text_at(errors, value, &format!("{}[{at}]", self.field(key))).map(|text| (text, value.span()))
        };
        Some(list.iter().enumerate().filter_map(item).collect())
    }

    /// One of several words.
    pub(super) fn choice<T: Copy>(&self, errors: &mut Errors<'_>, key: &str, words: &[(&str, T)]) -> Option<T> {
        let expected = one_of(words);
        let value = self.required(errors, key, &expected)?;
        let found = value.get_ref().as_str().and_then(|text| words.iter().find(|(word, _)| *word == text));
        if found.is_none() {
            errors.say(&value.span(), self.field(key), shown(value.get_ref()), expected);
        }
        found.map(|(_, choice)| *choice)
    }

    /// A list of words, each at most once.
    pub(super) fn choices<T: Copy>(&self, errors: &mut Errors<'_>, key: &str, words: &[(&str, T)]) -> Option<Vec<T>> {
        let texts = self.texts(errors, key)?;
        let mut seen: Vec<&str> = Vec::new();
        let mut chosen = Vec::new();
        for (at, (text, span)) in texts.iter().enumerate() {
            let field = format!("{}[{at}]", self.field(key));
            match words.iter().find(|(word, _)| word == text) {
                None => errors.say(span, field, format!("{text:?}"), one_of(words)),
                Some((word, _)) if seen.contains(word) => {
                    errors.say(span, field, format!("{text:?} again"), "each once")
                }
                Some((word, choice)) => {
                    seen.push(word);
                    chosen.push(*choice);
                }
            }
        }
        if texts.is_empty() {
            errors.say(&self.span_of(key), self.field(key), "empty", one_of(words));
        }
        Some(chosen)
    }

    /// A table inside this one.
    pub(super) fn node(&self, errors: &mut Errors<'_>, key: &str) -> Option<Node<'t>> {
        let value = self.required(errors, key, "a table")?;
        node_at(errors, value, self.field(key))
    }

    /// A list of tables.
    pub(super) fn nodes(&self, errors: &mut Errors<'_>, key: &str) -> Vec<Node<'t>> {
        let Some(value) = self.required(errors, key, "a list of tables") else { return Vec::new() };
        let Some(list) = value.get_ref().as_array() else {
            errors.say(&value.span(), self.field(key), shown(value.get_ref()), "a list of tables");
            return Vec::new();
        };
        if list.is_empty() {
            errors.say(&value.span(), self.field(key), "empty", "a list of tables");
        }
        let item = |(at, value)| node_at(errors, value, format!("{}[{at}]", self.field(key)));
        list.iter().enumerate().filter_map(item).collect()
    }
}

fn node_at<'t>(errors: &mut Errors<'_>, value: &'t Spanned<DeValue<'t>>, path: String) -> Option<Node<'t>> {
    match value.get_ref().as_table() {
        Some(table) => Some(Node { table, span: value.span(), path }),
        None => {
            errors.say(&value.span(), path, shown(value.get_ref()), "a table");
            None
        }
    }
}

fn one_of<T>(words: &[(&str, T)]) -> String {
    let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    format!("one of: {}", words.join(", "))
}

fn text_at(errors: &mut Errors<'_>, value: &Spanned<DeValue<'_>>, field: &str) -> Option<String> {
    let Some(text) = value.get_ref().as_str() else {
        errors.say(&value.span(), field, shown(value.get_ref()), "a text");
        return None;
    };
    if let Some(wrong) = wrong_placeholder(text) {
        let list: Vec<String> = PLACEHOLDERS.iter().map(|word| format!("{{{word}}}")).collect();
        errors.say(
            &value.span(),
            field,
            format!("{text:?} with {wrong}"),
            format!("placeholders of: {}", list.join(" ")),
        );
    }
    if text.chars().any(char::is_control) {
        errors.say(&value.span(), field, format!("{text:?}"), "a text of one line without control characters");
    }
    Some(text.to_owned())
}

/// The first brace of a text that opens or closes no known placeholder.
fn wrong_placeholder(text: &str) -> Option<String> {
    let mut rest = text;
    loop {
        let at = rest.find(['{', '}'])?;
        if rest[at..].starts_with('}') {
            return Some("a } without {".to_owned());
        }
        let Some(close) = rest[at..].find('}') else { return Some("a { without }".to_owned()) };
        let word = &rest[at + 1..at + close];
        if !PLACEHOLDERS.contains(&word) {
            return Some(format!("{{{word}}}"));
        }
        rest = &rest[at + close + 1..];
    }
}
