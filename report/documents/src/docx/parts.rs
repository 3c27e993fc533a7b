//! The parts of the container around the letter's text.

use super::xml::{escape, mm};
use crate::letter::LetterText;

const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";

/// Parts that are the same in every letter, in the order of the file.
pub(super) const fn fixed() -> &'static [(&'static str, &'static str)] {
    &[
        ("[Content_Types].xml", include_str!("parts/content_types.xml")),
        ("_rels/.rels", include_str!("parts/rels.xml")),
        ("word/_rels/document.xml.rels", include_str!("parts/document_rels.xml")),
        ("word/styles.xml", include_str!("parts/styles.xml")),
        ("word/settings.xml", include_str!("parts/settings.xml")),
        ("word/header1.xml", include_str!("parts/header1.xml")),
    ]
}

/// Title, author, time: that of the data.
pub(super) fn core(letter: &LetterText) -> String {
    let at = letter.as_of.to_string();
    // To the second: "2026-12-08T16:59:59.000000Z" without its fraction.
    let seconds = at.split('.').next().unwrap_or_default();
    format!(
        "{XML}<cp:coreProperties xmlns:cp=\"http://schemas.openxmlformats.org/package/2006/metadata/core-properties\" \
         xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:dcterms=\"http://purl.org/dc/terms/\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><dc:title>{}</dc:title><dc:creator>{}</dc:creator>\
         <cp:keywords>sha256:{}</cp:keywords><dc:language>vi-VN</dc:language>\
         <dcterms:created xsi:type=\"dcterms:W3CDTF\">{seconds}Z</dcterms:created>\
         <dcterms:modified xsi:type=\"dcterms:W3CDTF\">{seconds}Z</dcterms:modified></cp:coreProperties>",
        escape(&letter.title),
        escape(&letter.body),
        escape(&letter.sample_set_sha256)
    )
}

/// The text within its page: A4, margins of the decree, page number above from the second page on.
pub(super) fn document(body: &str) -> String {
    let (width, height) = (11_906, 16_838);
    let (top, left, right, header) = (mm(20), mm(30), mm(20), mm(10));
    format!(
        "{XML}<w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\" \
         xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\"><w:body>{body}<w:sectPr>\
         <w:headerReference w:type=\"default\" r:id=\"rId3\"/><w:pgSz w:w=\"{width}\" w:h=\"{height}\"/>\
         <w:pgMar w:top=\"{top}\" w:right=\"{right}\" w:bottom=\"{top}\" w:left=\"{left}\" w:header=\"{header}\" \
         w:footer=\"{header}\" w:gutter=\"0\"/><w:titlePg/></w:sectPr></w:body></w:document>"
    )
}
