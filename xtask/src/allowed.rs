//! `xtask/allowed-skips`: parts that may be skipped in CI, each with its reason.

use std::path::Path;

/// Part and reason, one a line; a line without a reason is no permission.
pub(crate) fn read(root: &Path) -> Vec<(String, String)> {
    parse(&std::fs::read_to_string(root.join("xtask/allowed-skips")).unwrap_or_default())
}

fn parse(text: &str) -> Vec<(String, String)> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(char::is_whitespace))
        .map(|(part, reason)| (part.to_owned(), reason.trim().to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_needs_a_reason() {
        let found = parse("# comment here\n\nadvisories   needs a network\nnetns\n  demo two words \n");
        let expected = [("advisories", "needs a network"), ("demo", "two words")];
        assert_eq!(found, expected.map(|(part, reason)| (part.to_owned(), reason.to_owned())));
    }

    #[test]
    fn the_committed_file_names_existing_parts() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        for (part, reason) in read(root) {
            assert!(crate::PARTS.iter().any(|known| known.name == part), "{part}");
            assert!(reason.len() > 20, "{part}: {reason}");
        }
    }
}
