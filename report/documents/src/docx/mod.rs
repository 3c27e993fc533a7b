//! The letter to be edited. The parts are written here: the writers of this format that exist number their paragraphs from a counter
//! of the process, which makes the second file of a run differ from the first.

mod parts;
mod xml;

use std::io::{Cursor, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::error::DocumentError;
use crate::letter::{Align, Block, LetterRow, LetterTable, LetterText};
use xml::{Paragraph, Run, cell, mm, row, table};

/// Width of the text: A4 less 30 mm and 20 mm.
const TEXT_WIDTH: u32 = mm(160);
const BODY: Run = Run::new(26);
const TABLE: Run = Run::new(20);

pub(crate) fn document(letter: &LetterText) -> Result<Vec<u8>, DocumentError> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    for (name, text) in parts::fixed() {
        zip.start_file(*name, options)?;
        zip.write_all(text.as_bytes())?;
    }
    for (name, text) in
        [("docProps/core.xml", parts::core(letter)), ("word/document.xml", parts::document(&body(letter)))]
    {
        zip.start_file(name, options)?;
        zip.write_all(text.as_bytes())?;
    }
    Ok(zip.finish()?.into_inner())
}

fn body(letter: &LetterText) -> String {
    let mut out = masthead(letter);
    out.push_str(&heading(letter));
    for block in &letter.blocks {
        out.push_str(&match block {
            Block::Heading(text) => heading_of_section(text),
            Block::Paragraph(text) => paragraph(text),
            Block::Note(text) => Paragraph::new("both").space(60, 120).xml(&Run::new(22).italic().xml(text)),
            Block::Table(table) => figures(table),
        });
    }
    for text in &letter.closing {
        let stays = Paragraph { first_line: mm(10), with_next: true, ..Paragraph::new("both") };
        out.push_str(&stays.space(0, 120).xml(&BODY.xml(text)));
    }
    out.push_str(&ending(letter));
    out
}

fn masthead(letter: &LetterText) -> String {
    let widths = [mm(62), mm(98)];
    let centre = Paragraph::new("center");
    let rule = |side: u32| Paragraph { rule: Some(side), ..centre }.xml("");
    let superior: String =
        letter.masthead.0.iter().map(|line| centre.xml(&Run::new(24).xml(&line.to_uppercase()))).collect();
    let body: String =
        letter.masthead.1.iter().map(|line| centre.xml(&Run::new(24).bold().xml(&line.to_uppercase()))).collect();
    let left = format!("{superior}{body}{}", rule(mm(19)));
    let nation = centre.xml(&Run::new(24).bold().xml("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"));
    let motto = centre.xml(&BODY.bold().xml("Độc lập - Tự do - Hạnh phúc"));
    let right = format!("{nation}{motto}{}", rule(mm(20)));
    let number = centre.space(120, 0).xml(&BODY.xml(&letter.number));
    let date = centre.space(120, 0).xml(&BODY.italic().xml(&letter.place_and_date));
    let top = |content: &str, width| cell(width, false, content).replace("<w:vAlign w:val=\"center\"/>", "");
    let rows = [
        row(&(top(&left, widths[0]) + &top(&right, widths[1])), false),
        row(&(top(&number, widths[0]) + &top(&date, widths[1])), false),
    ];
    table(&widths, false, &rows.concat())
}

fn heading(letter: &LetterText) -> String {
    let centre = Paragraph::new("center");
    let mut out = centre.space(300, 0).xml(&Run::new(28).bold().xml("BÁO CÁO"));
    out.push_str(&centre.xml(&BODY.bold().xml(&letter.subject)));
    out.push_str(&Paragraph { rule: Some(mm(60)), ..centre }.xml(""));
    if let [to] = letter.to.as_slice() {
        out.push_str(&centre.space(200, 200).xml(&BODY.xml(&format!("Kính gửi: {to}."))));
        return out;
    }
    let start = Paragraph { first_line: mm(35), ..Paragraph::new("left") };
    out.push_str(&start.space(200, 0).xml(&BODY.xml("Kính gửi:")));
    for (at, to) in letter.to.iter().enumerate() {
        let last = at + 1 == letter.to.len();
        let line = Paragraph { first_line: mm(50), ..start }.space(60, if last { 200 } else { 0 });
        out.push_str(&line.xml(&BODY.xml(&format!("- {to}{}", if last { "." } else { ";" }))));
    }
    out
}

fn heading_of_section(text: &str) -> String {
    let style = Paragraph { style: Some("Heading1"), with_next: true, first_line: mm(10), ..Paragraph::new("both") };
    style.space(120, 120).xml(&BODY.bold().xml(text))
}

fn paragraph(text: &str) -> String {
    Paragraph { first_line: mm(10), ..Paragraph::new("both") }.space(0, 120).xml(&BODY.xml(text))
}

const fn jc(align: Align) -> &'static str {
    match align {
        Align::Left => "left",
        Align::Center => "center",
        Align::Right => "right",
    }
}

fn figures(content: &LetterTable) -> String {
    let shares: u32 = content.heads.iter().map(|head| u32::from(head.share)).sum();
    let widths: Vec<u32> =
        content.heads.iter().map(|head| TEXT_WIDTH * u32::from(head.share) / shares.max(1)).collect();
    let caption = Paragraph { with_next: true, ..Paragraph::new(if content.facts { "left" } else { "center" }) };
    let mut out = caption.space(160, 80).xml(&Run::new(24).bold().xml(&content.caption));
    let mut rows = String::new();
    if !content.facts {
        let heads = content.heads.iter().zip(&widths);
        let cells: String = heads
            .map(|(head, width)| cell(*width, false, &Paragraph::new("center").xml(&TABLE.bold().xml(&head.heading))))
            .collect();
        rows.push_str(&row(&cells, true));
    }
    for line in &content.rows {
        rows.push_str(&row(&line_cells(line, content, &widths), false));
    }
    out.push_str(&table(&widths, true, &rows));
    out.push_str(&Paragraph { small: true, ..Paragraph::new("left") }.space(0, 60).xml(""));
    out
}

fn line_cells(line: &LetterRow, content: &LetterTable, widths: &[u32]) -> String {
    let look = if content.facts { Run::new(20) } else { TABLE };
    let each = line.cells.iter().zip(&content.heads).zip(widths);
    each.map(|(((text, grey), head), width)| {
        let run = Run { grey: *grey, italic: *grey, bold: line.bold && !grey, ..look };
        cell(*width, *grey, &Paragraph::new(jc(head.align)).xml(&run.xml(text)))
    })
    .collect()
}

fn ending(letter: &LetterText) -> String {
    let widths = [mm(80), mm(80)];
    let left = Paragraph::new("left");
    let mut recipients = left.xml(&Run::new(24).bold().italic().xml("Nơi nhận:"));
    for who in &letter.recipients {
        recipients.push_str(&left.xml(&Run::new(22).xml(&format!("- {who}"))));
    }
    let centre = Paragraph::new("center");
    let sign = letter.sign.iter().map(|part| centre.xml(&BODY.bold().xml(part)));
    // Room for signature and seal.
    let room = centre.space(0, mm(26)).xml("");
    let sign: String = sign.chain(std::iter::once(room)).collect();
    let top = |content: &str, width| cell(width, false, content).replace("<w:vAlign w:val=\"center\"/>", "");
    let cells = top(&recipients, widths[0]) + &top(&sign, widths[1]);
    Paragraph { with_next: true, ..left }.xml("") + &table(&widths, false, &row(&cells, false)) + &left.xml("")
}
