//! One table of strings for all phones: `tests/fixtures/screens/strings.json`, Vietnamese and English side by side, and what
//! Android and iOS read of it. `{0}`, `{1}` stand for values in both languages.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::counts::Counts;
use crate::ios_strings;
use crate::machine::Machine;

const TABLE: &str = "tests/fixtures/screens/strings.json";
const RESOURCES: &str = "android/app/src/main/res";
const KEYS: &str = "android/app/src/main/kotlin/vn/ispeed/app/screens/Say.kt";

/// `cargo xtask strings`: writes what is made of the table.
pub(crate) fn write(machine: &Machine, _: &[&str]) -> Counts {
    let written = made(&machine.root).and_then(|files| {
        for (path, text) in files {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
            }
            std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        Ok(())
    });
    match written {
        Ok(()) => Counts::of_one(true, "", ""),
        Err(why) => Counts::of_one(false, why, "cargo xtask strings"),
    }
}

/// Every file that is made of the table, and what it has to hold.
fn made(root: &Path) -> Result<Vec<(PathBuf, String)>, String> {
    let text = std::fs::read_to_string(root.join(TABLE)).map_err(|error| format!("{TABLE}: {error}"))?;
    let table: Map<String, Value> = serde_json::from_str(&text).map_err(|error| format!("{TABLE}: {error}"))?;
    let vi = android_resources(&table, "vi")?;
    let en = android_resources(&table, "en")?;
    Ok(vec![
        (root.join(RESOURCES).join("values/strings.xml"), vi),
        (root.join(RESOURCES).join("values-en/strings.xml"), en),
        (root.join(KEYS), kotlin_keys(&table)),
        (root.join(ios_strings::KEYS), ios_strings::swift_keys(&table).map_err(|error| format!("{TABLE}: {error}"))?),
    ])
}

fn android_resources(table: &Map<String, Value>, language: &str) -> Result<String, String> {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<!-- Made by `cargo xtask strings` of tests/fixtures/screens/strings.json. -->\n<resources>\n",
    );
    for (key, words) in table {
        let words = words.get(language).and_then(Value::as_str);
        let words = words.ok_or_else(|| format!("{TABLE}: {key} has no text in {language:?}"))?;
        let _ = writeln!(text, "    <string name=\"{key}\">{}</string>", android_text(words));
    }
    text.push_str("</resources>\n");
    Ok(text)
}

/// One text as Android's resource compiler and `String.format` read it.
fn android_text(words: &str) -> String {
    let formatted = words.contains("{0}");
    let mut text = String::new();
    let mut rest = words.chars().peekable();
    while let Some(letter) = rest.next() {
        match letter {
            '{' => {
                let digit = rest.next().and_then(|digit| digit.to_digit(10)).unwrap_or(0);
                rest.next();
                let _ = write!(text, "%{}$s", digit + 1);
            }
            '%' if formatted => text.push_str("%%"),
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '\'' => text.push_str("\\'"),
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            // Written out, so that nothing on the way folds a no-break space as it does other spaces.
            '\u{a0}' => text.push_str("\\u00a0"),
            // Runs of spaces would be folded into one.
            ' ' if rest.peek() == Some(&' ') => text.push_str("\\u0020"),
            other => text.push(other),
        }
    }
    text
}

/// The keys as a Kotlin enum, so that a screen cannot name a text that is not there.
fn kotlin_keys(table: &Map<String, Value>) -> String {
    let mut text = String::from(
        "// Made by `cargo xtask strings` of tests/fixtures/screens/strings.json.\n\
         package vn.ispeed.app.screens\n\nimport vn.ispeed.app.R\n\n\
         /** A text of the table that all phones share. */\nenum class Say(val id: Int) {\n",
    );
    for key in table.keys() {
        let _ = writeln!(text, "    {}(R.string.{key}),", key.to_uppercase());
    }
    text.push_str("}\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
    }

    #[test]
    fn what_is_made_of_the_table_is_fresh() {
        for (path, text) in made(&root()).unwrap() {
            let there = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(there == text, "{} is stale: cargo xtask strings", path.display());
        }
    }

    #[test]
    fn both_languages_take_the_same_values() {
        let text = std::fs::read_to_string(root().join(TABLE)).unwrap();
        let table: Map<String, Value> = serde_json::from_str(&text).unwrap();
        for (key, words) in &table {
            let values = |language: &str| -> Vec<String> {
                let words = words[language].as_str().unwrap_or_else(|| panic!("{key} lacks {language}"));
                assert!(!words.is_empty() && words.trim() == words, "{key} in {language}: {words:?}");
                let mut values: Vec<String> =
                    (0..9).map(|n| format!("{{{n}}}")).filter(|v| words.contains(v)).collect();
                values.sort();
                values
            };
            assert_eq!(values("vi"), values("en"), "{key}");
            assert_eq!(words.as_object().unwrap().len(), 2, "{key} has other members than vi and en");
        }
    }

    #[test]
    fn every_text_is_shown_somewhere() {
        let text = std::fs::read_to_string(root().join(TABLE)).unwrap();
        let table: Map<String, Value> = serde_json::from_str(&text).unwrap();
        let mut sources = std::fs::read_to_string(root().join("android/app/src/main/AndroidManifest.xml")).unwrap();
        let files = crate::walk::files(&root().join("android/app/src/main/kotlin")).unwrap();
        for path in files.iter().filter(|path| !path.ends_with("Say.kt")) {
            sources.push_str(&std::fs::read_to_string(path).unwrap());
        }
        // Codes of the core are looked up by their names.
        let by_name = |key: &str| key.starts_with("stop_") || key.starts_with("flag_");
        let shown = |key: &String| {
            let code = format!("Say.{}", key.to_uppercase());
            let ends = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
            sources.split(&code).skip(1).any(ends)
                || sources.contains(&format!("R.string.{key})"))
                || sources.contains(&format!("\"@string/{key}\""))
        };
        let unused: Vec<&String> = table.keys().filter(|key| !by_name(key) && !shown(key)).collect();
        assert!(unused.is_empty(), "nothing shows {unused:?}");
    }

    #[test]
    fn a_text_is_written_as_android_reads_it() {
        assert_eq!(android_text("It's {1} & {0} %"), "It\\'s %2$s &amp; %1$s %%");
        assert_eq!(android_text("95 % of \"all\""), "95 % of \\\"all\\\"");
        assert_eq!(android_text("a  b"), "a\\u0020 b");
        assert_eq!(android_text("{0}\u{a0}MB"), "%1$s\\u00a0MB");
    }
}
