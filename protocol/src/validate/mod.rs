//! Whether a body is a sample, and whether every value in it can be: what a collector asks before it stores one.
//!
//! [`parse`] answers with all that is wrong at once, each with a JSON Pointer (RFC 6901), the value found and what was
//! expected. Nothing here judges whether a sample *counts*; a slow, foreign or stale sample is a valid one.

mod checker;
mod context;
mod measured;
mod place;

use serde_json::Value;

use crate::Sample;
use crate::consent::Share;
use crate::facts::Facts;
use crate::problem::FieldError;
use checker::Checker;

/// A report stops here: a body with more errors than this is of another kind altogether.
pub const ERRORS_MAX: usize = 50;
/// Longest excerpt of a wrong value, characters.
pub const EXCERPT_MAX_CHARS: usize = 80;
/// Longest free text: a model name or a campaign code, not a diary.
pub const TEXT_MAX_CHARS: usize = 200;
/// Most bins of a series: 10 s of 50 ms bins five times over.
pub const SERIES_BINS_MAX: usize = 1_024;

/// Reads a body and checks every value. Errors are at most [`ERRORS_MAX`], in the order of the members.
pub fn parse(body: &[u8]) -> Result<Sample, Vec<FieldError>> {
    let sample = decode(body).map_err(|error| vec![error])?;
    let errors = validate(&sample);
    if errors.is_empty() { Ok(sample) } else { Err(errors) }
}

/// Every value that cannot be, in a sample whose types are right.
pub fn validate(sample: &Sample) -> Vec<FieldError> {
    let mut check = Checker::default();
    context::sample(sample, &mut check);
    place::place(sample, &mut check);
    measured::figures(sample, &mut check);
    check.into_errors()
}

/// Every value that cannot be in what a shell pushes, so that it is refused while the shell can still be told, and not later
/// by a collector.
pub fn validate_facts(facts: &Facts) -> Vec<FieldError> {
    let mut check = Checker::default();
    place::fixes(&facts.fixes, Share::Precise, &mut check);
    context::facts(facts, &mut check);
    check.into_errors()
}

fn decode(body: &[u8]) -> Result<Sample, FieldError> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let decoded = serde_path_to_error::deserialize(&mut reader);
    let sample = decoded.map_err(|error| {
        let path = pointer(error.path());
        describe(path, &error.into_inner(), body)
    })?;
    reader.end().map_err(|error| describe(String::new(), &error, body))?;
    Ok(sample)
}

/// A path of serde as a JSON Pointer: `~` and `/` are escaped (RFC 6901 section 3).
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut out = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => out.push_str(&format!("/{index}")),
            Segment::Map { key } | Segment::Enum { variant: key } => {
                out.push('/');
                out.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            Segment::Unknown => {}
        }
    }
    out
}

fn describe(pointer: String, error: &serde_json::Error, body: &[u8]) -> FieldError {
    let text = error.to_string();
    let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
    if !error.is_data() {
        let place = format!("line {} column {}", error.line(), error.column());
        return FieldError { pointer: String::new(), value: place, expected: format!("a JSON document: {message}") };
    }
    if let Some(member) = message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
        return FieldError {
            pointer: format!("{pointer}/{member}"),
            value: "nothing".into(),
            expected: "this member, which every sample has".into(),
        };
    }
    let document: Option<Value> = serde_json::from_slice(body).ok();
    let found = document.as_ref().and_then(|document| document.pointer(&pointer));
    let value = found.map_or_else(|| checker::excerpt(message), |value| checker::excerpt(&value.to_string()));
    let expected = [", expected ", "; expected "].iter().find_map(|mark| message.split_once(mark));
    FieldError { pointer, value, expected: expected.map_or(message, |(_, expected)| expected).to_owned() }
}

#[cfg(test)]
mod tests;
