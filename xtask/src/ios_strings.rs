//! What iOS reads of the table of strings that all phones share: the keys as a Swift enum, with both languages in it, so that
//! the Vietnamese text is there whatever the app's bundle holds, and the tests on Linux see what a phone shows.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// Where it lies in the repository.
pub(crate) const KEYS: &str = "ios/Sources/IspeedCore/Screens/Say.swift";

/// The file of the table.
pub(crate) fn swift_keys(table: &Map<String, Value>) -> Result<String, String> {
    let mut text = String::from(
        "// Made by `cargo xtask strings` of tests/fixtures/screens/strings.json.\n// swift-format-ignore-file\n\n\
         /// A text of the table that all phones share.\npublic enum Say: String, Sendable, CaseIterable {\n",
    );
    for key in table.keys() {
        let _ = writeln!(text, "    case {} = \"{key}\"", case_name(key));
    }
    for language in ["vi", "en"] {
        let _ = write!(text, "\n    /// The text; `{{0}}`, `{{1}}` stand for values.\n    var {language}: String {{\n");
        text.push_str("        switch self {\n");
        for (key, words) in table {
            let words = words.get(language).and_then(Value::as_str);
            let words = words.ok_or_else(|| format!("{key} has no text in {language:?}"))?;
            let _ = writeln!(text, "        case .{}: \"{}\"", case_name(key), literal(words));
        }
        text.push_str("        }\n    }\n");
    }
    text.push_str("}\n");
    Ok(text)
}

/// `technology_5g_nsa` as `technology5gNsa`.
fn case_name(key: &str) -> String {
    let mut name = String::new();
    for (index, part) in key.split('_').enumerate() {
        let mut letters = part.chars();
        match letters.next() {
            Some(first) if index > 0 => name.extend(first.to_uppercase()),
            Some(first) => name.push(first),
            None => {}
        }
        name.push_str(letters.as_str());
    }
    name
}

/// A text inside the quotes of a Swift string.
fn literal(words: &str) -> String {
    words.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_case_and_a_text_a_literal_in_both_languages() {
        let table = serde_json::from_str(r#"{"technology_5g_nsa": {"vi": "5G \"{0}\" \\", "en": "a\nb"}}"#).unwrap();
        let text = swift_keys(&table).unwrap();
        assert!(text.contains("case technology5gNsa = \"technology_5g_nsa\""), "{text}");
        assert!(text.contains(r#"case .technology5gNsa: "5G \"{0}\" \\""#), "{text}");
        assert!(text.contains(r#"case .technology5gNsa: "a\nb""#), "{text}");
        assert_eq!(case_name("no"), "no");
    }

    #[test]
    fn a_text_that_lacks_a_language_is_named() {
        let table = serde_json::from_str(r#"{"no": {"vi": "không"}}"#).unwrap();
        assert_eq!(swift_keys(&table).unwrap_err(), "no has no text in \"en\"");
    }
}
