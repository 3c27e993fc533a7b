//! Words in columns: an enum is kept as the text it has in JSON, so that both databases and every export say the same.

use serde::de::value::{Error, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde::{Deserialize, Serialize};

use super::StoreError;

/// The word of a value of an enum without members.
pub(super) fn word<T: Serialize>(value: T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        other => unreachable!("an enum without members is written as text, not {other:?}"),
    }
}

/// The value of a word.
pub(super) fn of_word<'a, T: Deserialize<'a>>(what: &'static str, word: &'a str) -> Result<T, StoreError> {
    let deserializer: StrDeserializer<'_, Error> = word.into_deserializer();
    T::deserialize(deserializer).map_err(|e| StoreError::Unreadable { what, cause: e.to_string() })
}

/// A document as it is stored.
pub(super) fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("stored records hold no maps with other than text keys")
}

/// Reads a stored JSON document.
pub(super) fn parse<T: DeserializeOwned>(what: &'static str, json: &str) -> Result<T, StoreError> {
    serde_json::from_str(json).map_err(|e| StoreError::Unreadable { what, cause: e.to_string() })
}

/// '' stands for nothing in columns that are part of a key.
pub(super) fn text_or_none(text: String) -> Option<String> {
    if text.is_empty() { None } else { Some(text) }
}

/// Reason under which a verdict is tallied; empty when it counts.
pub(super) fn first_reason(counts: bool, reasons: &[String]) -> &str {
    if counts { "" } else { reasons.first().map_or("unstated", String::as_str) }
}

#[cfg(test)]
mod tests {
    use ispeed_protocol::device::RadioTechnology;

    use super::*;

    #[test]
    fn a_word_comes_back() {
        assert_eq!(word(RadioTechnology::G5Nsa), "5g_nsa");
        assert_eq!(of_word::<RadioTechnology>("technology", "5g_nsa").unwrap(), RadioTechnology::G5Nsa);
        let error = of_word::<RadioTechnology>("technology", "6g").unwrap_err().to_string();
        assert!(error.contains("technology") && error.contains("6g"), "{error}");
    }
}
