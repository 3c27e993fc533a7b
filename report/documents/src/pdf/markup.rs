//! A letter as typst's code. Texts are string literals, so nothing in them is code.

use std::fmt::Write as _;

use crate::letter::{Align, Block, LetterRow, LetterTable, LetterText};
use crate::text::utc;

const LOOK: &str = include_str!("letter.typ");

pub(super) fn of(letter: &LetterText) -> String {
    let mut out = String::from(LOOK);
    let t = utc(letter.as_of);
    let stamp = format!(
        "datetime(year: {}, month: {}, day: {}, hour: {}, minute: {}, second: {})",
        t.year, t.month, t.day, t.hour, t.minute, t.second
    );
    let keywords = format!("({},)", literal(&format!("sha256:{}", letter.sample_set_sha256)));
    add(
        &mut out,
        format_args!(
            "\n#show: letter.with(title: {}, author: {}, stamp: {stamp}, keywords: {keywords})\n",
            literal(&letter.title),
            literal(&letter.body)
        ),
    );
    add(
        &mut out,
        format_args!(
            "#masthead(superior: {}, body: {}, number: {}, date: {})\n",
            list(&letter.masthead.0),
            list(&letter.masthead.1),
            literal(&letter.number),
            literal(&letter.place_and_date)
        ),
    );
    add(&mut out, format_args!("#heading-block(subject: {}, to: {})\n", literal(&letter.subject), list(&letter.to)));
    for block in &letter.blocks {
        write_block(&mut out, block);
    }
    let (closing, recipients, sign) = (list(&letter.closing), list(&letter.recipients), list(&letter.sign));
    add(&mut out, format_args!("#ending(closing: {closing}, recipients: {recipients}, sign: {sign})\n"));
    out
}

/// Writing to a `String` cannot fail.
fn add(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}

fn write_block(out: &mut String, block: &Block) {
    match block {
        Block::Heading(text) => add(out, format_args!("#heading(level: 1, {})\n", literal(text))),
        Block::Paragraph(text) => add(out, format_args!("#par({})\n", literal(text))),
        Block::Note(text) => add(out, format_args!("#note({})\n", literal(text))),
        Block::Table(table) => write_table(out, table),
    }
}

fn write_table(out: &mut String, table: &LetterTable) {
    let shares: Vec<String> = table.heads.iter().map(|head| head.share.to_string()).collect();
    let shares = format!("({},)", shares.join(", "));
    let caption = literal(&table.caption);
    if table.facts {
        add(out, format_args!("#facts(caption: {caption}, shares: {shares}, (\n"));
    } else {
        let aligns: Vec<&str> = table.heads.iter().map(|head| side(head.align)).collect();
        let heads: Vec<String> = table.heads.iter().map(|head| head.heading.clone()).collect();
        add(
            out,
            format_args!(
                "#figures(caption: {caption}, shares: {shares}, aligns: ({},), heads: {}, (\n",
                aligns.join(", "),
                list(&heads)
            ),
        );
    }
    for row in &table.rows {
        write_row(out, row);
    }
    out.push_str("))\n");
}

fn write_row(out: &mut String, row: &LetterRow) {
    out.push_str("  ");
    for (text, grey) in &row.cells {
        let kind = match (grey, row.bold) {
            (true, _) => 'g',
            (false, true) => 'b',
            (false, false) => 'n',
        };
        add(out, format_args!("{kind}({}), ", literal(text)));
    }
    out.push('\n');
}

const fn side(align: Align) -> &'static str {
    match align {
        Align::Left => "left",
        Align::Center => "center",
        Align::Right => "right",
    }
}

fn list(texts: &[String]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| literal(text)).collect();
    if texts.is_empty() { "()".to_owned() } else { format!("({},)", texts.join(", ")) }
}

/// A string literal; control characters, which a line of a letter has not, become spaces.
fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_leaves_its_literal() {
        assert_eq!(literal("a\"); #evil(\"\\"), "\"a\\\"); #evil(\\\"\\\\\"");
        assert_eq!(literal("một\ndòng"), "\"một dòng\"");
        assert_eq!(list(&[]), "()");
        assert_eq!(list(&["a".into()]), "(\"a\",)");
    }
}
