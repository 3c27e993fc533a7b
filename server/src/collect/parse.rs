//! A body to a record, or every wrong member of it.
//!
//! serde stops at the first wrong member. A person who writes a client wants all of them, so after a failure the document
//! is repaired in memory, member by member, with a value of the expected form, and read again; what had to be repaired is
//! the list of errors. The repaired document is thrown away.

use ispeed_protocol::problem::FieldError;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

use crate::limits;

/// Longest excerpt of a wrong value in an answer.
const EXCERPT_CHARS: usize = 80;

/// Reads `body`; on failure every wrong member, at least one.
pub(crate) fn record<T: DeserializeOwned>(body: &[u8]) -> Result<T, Vec<FieldError>> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let first = match serde_path_to_error::deserialize::<_, T>(&mut reader) {
        Ok(record) => {
            return match reader.end() {
                Ok(()) => Ok(record),
                Err(e) => Err(vec![whole("text after the end of the document", &format!("one JSON object ({e})"))]),
            };
        }
        Err(error) => error,
    };
    let Ok(document) = serde_json::from_slice::<Value>(body) else {
        return Err(vec![whole("not JSON", &format!("a JSON object ({})", first.inner()))]);
    };
    if !document.is_object() {
        return Err(vec![whole(&excerpt(&document), "a JSON object")]);
    }
    let errors = wrong_members::<T>(document);
    if errors.is_empty() {
        // Wrong only as text: a member that stands there twice.
        return Err(vec![whole(&first.inner().to_string(), "each member once")]);
    }
    Err(errors)
}

fn whole(value: &str, expected: &str) -> FieldError {
    FieldError { pointer: String::new(), value: value.to_owned(), expected: expected.to_owned() }
}

/// A failure: where, and what serde said.
struct Failure {
    /// Keys and indices from the root.
    path: Vec<String>,
    message: String,
}

fn attempt<T: DeserializeOwned>(document: &Value) -> Option<Failure> {
    let error = serde_path_to_error::deserialize::<_, T>(document).err()?;
    let message = error.inner().to_string();
    let mut path: Vec<String> = error
        .path()
        .iter()
        .filter_map(|segment| match segment {
            Segment::Map { key } => Some(key.clone()),
            Segment::Seq { index } => Some(index.to_string()),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect();
    path.extend(missing_member(&message).map(str::to_owned));
    Some(Failure { path, message })
}

fn missing_member(message: &str) -> Option<&str> {
    message.strip_prefix("missing field `")?.split('`').next()
}

fn wrong_members<T: DeserializeOwned>(mut document: Value) -> Vec<FieldError> {
    let mut errors: Vec<FieldError> = Vec::new();
    let mut reported: Vec<Vec<String>> = Vec::new();
    // A stand-in object lacks members of its own; repairing those is no news, but costs attempts.
    for _ in 0..limits::FIELD_REPAIRS_MAX {
        let Some(failure) = attempt::<T>(&document) else { break };
        if !reported.iter().any(|path| failure.path.starts_with(path)) {
            errors.push(describe(&document, &failure));
            reported.push(failure.path.clone());
        }
        if errors.len() >= limits::FIELD_ERRORS_MAX || failure.path.is_empty() || !repair::<T>(&mut document, &failure)
        {
            break;
        }
    }
    errors
}

/// Puts values of many forms in the place of the wrong one until reading fails elsewhere or not at all.
fn repair<T: DeserializeOwned>(document: &mut Value, failure: &Failure) -> bool {
    for stand_in in stand_ins(&failure.message) {
        if !put(document, &failure.path, stand_in) {
            return false;
        }
        let moved_on = match attempt::<T>(document) {
            None => true,
            // A missing member below the stand-in is progress; anything else at or above it is not.
            Some(next) => next.path != failure.path && !failure.path.starts_with(&next.path),
        };
        if moved_on {
            return true;
        }
    }
    false
}

fn stand_ins(message: &str) -> Vec<Value> {
    let variant = message.split("expected one of `").nth(1).or_else(|| message.split("expected `").nth(1));
    let mut values: Vec<Value> = variant.and_then(|v| v.split('`').next()).map(Value::from).into_iter().collect();
    values.extend([Value::Null, 0.into(), false.into()]);
    values.extend(["01900000-0000-7000-8000-000000000000", "2026-01-01T00:00:00Z", "c0_0"].map(Value::from));
    // Objects before arrays: serde also reads a record from an array, member by member.
    values.extend([Value::Object(serde_json::Map::new()), Value::Array(Vec::new()), serde_json::json!([0.0, 0.0])]);
    values
}

fn put(document: &mut Value, path: &[String], value: Value) -> bool {
    let Some((last, parents)) = path.split_last() else { return false };
    let mut at = document;
    for key in parents {
        let next = match at {
            Value::Object(members) => members.get_mut(key),
            Value::Array(items) => key.parse::<usize>().ok().and_then(|i| items.get_mut(i)),
            _ => None,
        };
        let Some(next) = next else { return false };
        at = next;
    }
    match at {
        Value::Object(members) => {
            members.insert(last.clone(), value);
            true
        }
        Value::Array(items) => match last.parse::<usize>().ok().and_then(|i| items.get_mut(i)) {
            Some(item) => {
                *item = value;
                true
            }
            None => false,
        },
        _ => false,
    }
}

fn describe(document: &Value, failure: &Failure) -> FieldError {
    let pointer: String = failure.path.iter().map(|key| format!("/{}", escape(key))).collect();
    let value = document.pointer(&pointer).map_or_else(|| "absent".to_owned(), excerpt);
    let expected = if missing_member(&failure.message).is_some() {
        "a value: the member is required".to_owned()
    } else {
        let (_, after) = failure.message.split_once("expected ").unwrap_or(("", &failure.message));
        after.to_owned()
    };
    FieldError { pointer, value, expected }
}

/// RFC 6901 section 3.
fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The value as JSON, shortened.
pub(crate) fn excerpt(value: &Value) -> String {
    let json = match value {
        Value::Object(_) => "an object".to_owned(),
        Value::Array(items) => format!("an array of {}", items.len()),
        scalar => scalar.to_string(),
    };
    match json.char_indices().nth(EXCERPT_CHARS) {
        Some((end, _)) => format!("{}…", &json[..end]),
        None => json,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ispeed_protocol::token::TokenRequest;

    fn errors(body: &str) -> Vec<FieldError> {
        record::<TokenRequest>(body.as_bytes()).unwrap_err()
    }

    #[test]
    fn every_wrong_member_is_listed_with_what_was_expected() {
        let found = errors(r#"{"sample_id":"x","servers":["a",7,{}],"long":"yes"}"#);
        let pointers: Vec<_> = found.iter().map(|e| e.pointer.as_str()).collect();
        for expected in ["/sample_id", "/device_id", "/servers/1", "/servers/2", "/long"] {
            assert!(pointers.contains(&expected), "{expected} in {found:?}");
        }
        assert_eq!(found.len(), 5, "{found:?}");
        let long = found.iter().find(|e| e.pointer == "/long").unwrap();
        assert_eq!((long.value.as_str(), long.expected.as_str()), ("\"yes\"", "a boolean"));
        let device = found.iter().find(|e| e.pointer == "/device_id").unwrap();
        assert_eq!(device.value, "absent");
    }

    #[test]
    fn what_is_no_object_is_said_once() {
        for body in ["", "{", "[]", "7", "null", "{} {}", "\u{feff}{}", "{\"a\":\u{1}}"] {
            let found = errors(body);
            assert_eq!((found.len(), found[0].pointer.as_str()), (1, ""), "{body}: {found:?}");
        }
        let twice = r#"{"sample_id":"01900000-0000-7000-8000-000000000000","device_id":"a","device_id":"b"}"#;
        assert!(errors(twice)[0].value.contains("duplicate field"), "{:?}", errors(twice));
    }

    #[test]
    fn pointers_are_escaped_and_values_are_shortened() {
        assert_eq!(escape("a/b~c"), "a~1b~0c");
        assert_eq!(excerpt(&Value::from("ặ".repeat(200))).chars().count(), EXCERPT_CHARS + 1);
    }
}
