//! The official letter as blocks of text and tables, independent of the file it goes to.

mod sections;

use ispeed_protocol::UtcMicros;

use crate::input::DocumentInput;
use crate::table;
use crate::template::Template;
use crate::text::{fill, letter_date, warnings};

/// A letter.
pub(crate) struct LetterText {
    /// Title in the file's properties.
    pub(crate) title: String,
    /// Lines of the superior body and of the issuing one.
    pub(crate) masthead: (Vec<String>, Vec<String>),
    /// Issuing body in one line.
    pub(crate) body: String,
    pub(crate) number: String,
    pub(crate) place_and_date: String,
    pub(crate) subject: String,
    pub(crate) to: Vec<String>,
    pub(crate) blocks: Vec<Block>,
    /// Last paragraphs.
    pub(crate) closing: Vec<String>,
    pub(crate) recipients: Vec<String>,
    pub(crate) sign: Vec<String>,
    /// Stamped as the time of creation: that of the data.
    pub(crate) as_of: UtcMicros,
    /// Identifies the document in its properties.
    pub(crate) id: String,
    pub(crate) sample_set_sha256: String,
}

/// A part of the body.
pub(crate) enum Block {
    Heading(String),
    Paragraph(String),
    /// Small print.
    Note(String),
    Table(LetterTable),
}

/// A table of the letter.
#[derive(Default)]
pub(crate) struct LetterTable {
    pub(crate) caption: String,
    pub(crate) heads: Vec<LetterHead>,
    pub(crate) rows: Vec<LetterRow>,
    /// Name and value only: small, without headings.
    pub(crate) facts: bool,
}

/// A column: heading, share of the width, alignment.
pub(crate) struct LetterHead {
    pub(crate) heading: String,
    pub(crate) share: u16,
    pub(crate) align: Align,
}

/// Alignment of a column.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Center,
    Right,
}

/// A row: texts, each greyed or not.
pub(crate) struct LetterRow {
    pub(crate) cells: Vec<(String, bool)>,
    pub(crate) bold: bool,
}

/// A name of a body in the lines of the masthead: `|` breaks it.
fn lines(name: Option<&str>) -> Vec<String> {
    name.map(|name| name.split('|').map(|line| line.trim().to_owned()).collect()).unwrap_or_default()
}

/// Writes the letter of a report.
pub(crate) fn write(input: &DocumentInput<'_>, template: &Template) -> LetterText {
    let body = table::body(input, template);
    let text = |text: &str| fill(text, input, &body);
    let texts = |list: &[String]| list.iter().map(|item| text(item)).collect::<Vec<_>>();
    let letter = &template.letter;
    let header = &input.header;
    let warnings = warnings(header).into_iter();
    let mut blocks: Vec<Block> = warnings.map(|warning| Block::Heading(warning.to_owned())).collect();
    blocks.extend(texts(&letter.opening).into_iter().map(Block::Paragraph));
    blocks.extend(sections::write(&letter.sections, input, template, &body));
    LetterText {
        title: text(&template.title),
        masthead: (
            lines(template.superior.as_deref().map(text).as_deref()),
            lines(Some(&table::body_lines(input, template))),
        ),
        body: body.clone(),
        number: text(&letter.number),
        place_and_date: format!("{}, {}", text(&letter.place), letter_date(header.date)),
        subject: text(&letter.subject),
        to: texts(&letter.to),
        blocks,
        closing: texts(&letter.closing),
        recipients: texts(&letter.recipients),
        sign: texts(&letter.sign),
        as_of: header.as_of,
        id: format!("{} {} {}", header.report_id, header.revision, header.sample_set_sha256),
        sample_set_sha256: header.sample_set_sha256.clone(),
    }
}
