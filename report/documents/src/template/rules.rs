//! What a template must keep beyond the form of its values.

use ispeed_report::Level;

use super::reader::{Errors, Node};
use super::{Column, Kind, RowsOf, Sheet, Source};

/// Spreadsheets allow so many characters in the name of a sheet.
const NAME_CHARS: usize = 31;

/// What the CSV file must have to be added to others of its kind.
const CSV_FIELDS: &[&str] = &["place_code", "place_name", "operator", "technology", "samples", "counted", "quota"];

/// Names of sheets, the columns each must have, the sheet that carries the disclaimers.
pub(super) fn sheets(errors: &mut Errors<'_>, nodes: &[Node<'_>], sheets: &[Option<Sheet>], level: Option<Level>) {
    let mut names: Vec<String> = Vec::new();
    for (node, sheet) in nodes.iter().zip(sheets) {
        // The names of sheets that could not be read count, too.
        if let Some(text) = node.get("name").and_then(|value| value.get_ref().as_str()) {
            name(errors, node, text, &mut names);
        }
        let Some(sheet) = sheet else { continue };
        let Kind::Table { rows, split, frozen, columns } = &sheet.kind else { continue };
        let mut wanted = vec!["counted"];
        if *split {
            wanted.extend(["operator", "technology"]);
        }
        if *rows != RowsOf::Place {
            wanted.extend(["place_code", "place_name"]);
            if level == Some(Level::Commune) {
                let expected = "\"place\": a commune has no parts";
                errors.say(&node.span_of("rows"), node.field("rows"), "of parts", expected);
            }
        }
        missing(errors, node, columns, &wanted);
        if usize::from(*frozen) >= columns.len() {
            let expected = format!("fewer than its {} columns", columns.len());
            errors.say(&node.span_of("frozen"), node.field("frozen"), frozen.to_string(), expected);
        }
    }
    let all_read = sheets.iter().all(Option::is_some);
    for (kind, word, why) in [
        (Kind::Method, "method", "it carries the disclaimers and the hash of the samples"),
        (Kind::Excluded, "excluded", "samples that do not count are shown by reason"),
    ] {
        if all_read && !sheets.iter().flatten().any(|sheet| sheet.kind == kind) {
            let span = nodes.first().map_or(0..0, |node| node.span.clone());
            errors.say(&span, "sheets", format!("without kind = {word:?}"), format!("a sheet of kind {word:?}: {why}"));
        }
    }
}

fn name(errors: &mut Errors<'_>, node: &Node<'_>, name: &str, names: &mut Vec<String>) {
    let (span, field) = (node.span_of("name"), node.field("name"));
    let forbidden = |c: char| "[]:*?/\\".contains(c);
    if name.chars().count() > NAME_CHARS || name.contains(forbidden) || name.starts_with('\'') || name.ends_with('\'') {
        let expected = format!("at most {NAME_CHARS} characters, none of [ ] : * ? / \\, no apostrophe at its ends");
        errors.say(&span, &field, format!("{name:?}"), expected);
    }
    let folded = name.to_lowercase();
    if names.contains(&folded) {
        errors.say(&span, &field, format!("{name:?} again"), "each name once");
    }
    names.push(folded);
}

fn missing(errors: &mut Errors<'_>, node: &Node<'_>, columns: &[Column], wanted: &[&str]) {
    for field in lacking(columns, wanted) {
        errors.say(
            &node.span_of("columns"),
            node.field("columns"),
            format!("without {field}"),
            format!("a column with field = {field:?}"),
        );
    }
}

fn lacking<'w>(columns: &[Column], wanted: &[&'w str]) -> Vec<&'w str> {
    let has = |code: &str| columns.iter().any(|c| matches!(&c.source, Source::Field(field) if field.code == code));
    wanted.iter().copied().filter(|code| !has(code)).collect()
}

/// The sheet named by `csv`: a table with the columns that identify a row.
pub(super) fn csv(errors: &mut Errors<'_>, root: &Node<'_>, sheets: &[Option<Sheet>]) -> Option<usize> {
    let wanted = root.text(errors, "csv")?;
    let span = root.span_of("csv");
    let all_read = sheets.iter().all(Option::is_some);
    let at = sheets.iter().position(|sheet| sheet.as_ref().is_some_and(|sheet| sheet.name == wanted));
    let table = at.and_then(|at| sheets[at].as_ref()).and_then(|sheet| match &sheet.kind {
        Kind::Table { columns, .. } => Some(columns),
        _ => None,
    });
    // Where a sheet could not be read, it may be the one.
    match table {
        _ if !all_read => {}
        None => errors.say(&span, "csv", format!("{wanted:?}"), "the name of a sheet of kind \"table\""),
        Some(columns) => {
            let lacking = lacking(columns, CSV_FIELDS);
            if !lacking.is_empty() {
                let expected = format!("a sheet that also has {}", lacking.join(", "));
                errors.say(&span, "csv", format!("{wanted:?}"), expected);
            }
        }
    }
    at
}

/// Says of a column that shows the same as an earlier one.
pub(super) fn duplicates(errors: &mut Errors<'_>, nodes: &[Node<'_>], columns: &[Option<Column>]) {
    for (at, (node, column)) in nodes.iter().zip(columns).enumerate() {
        let Some(column) = column else { continue };
        if matches!(column.source, Source::Text(_)) {
            continue;
        }
        let earlier = columns[..at].iter().position(|other| other.as_ref().is_some_and(|o| o.source == column.source));
        if let Some(earlier) = earlier {
            let key = if matches!(column.source, Source::Field(_)) { "field" } else { "metric" };
            let value = node.get(key).and_then(|value| value.get_ref().as_str()).unwrap_or_default();
            errors.say(
                &node.span_of(key),
                node.field(key),
                format!("{value:?} again"),
                format!("each column once (it is columns[{earlier}] already)"),
            );
        }
    }
}

/// "a field" and the words nearest to what was written.
pub(super) fn nearest<'w>(what: &str, written: &str, words: impl Iterator<Item = &'w str>) -> String {
    // A word that begins alike comes first: what is misspelt or left out is most often at the end.
    let begins = |word: &'w str| word.split('_').next();
    let first = written.split('_').next();
    let rank = |word: &'w str| (begins(word) != first, distance(written, word), word);
    let mut ranked: Vec<(bool, usize, &str)> = words.map(rank).collect();
    ranked.sort_unstable();
    let near: Vec<&str> = ranked.iter().take(3).map(|(_, _, word)| *word).collect();
    format!("{what} (nearest: {}); report/documents/README.md lists them", near.join(", "))
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_is_the_number_of_changed_letters() {
        for (a, b, wanted) in
            [("", "abc", 3), ("down_mean", "down_mean", 0), ("downmean", "down_mean", 1), ("kitten", "sitting", 3)]
        {
            assert_eq!(distance(a, b), wanted, "{a} {b}");
        }
    }
}
