//! The main table as CSV.
//!
//! UTF-8 with BOM (Excel then shows the diacritics), comma, CRLF, decimal point, every text in quotes, numbers bare. An interval is two
//! columns. A text that a spreadsheet would run as a formula gets an apostrophe before it. The last columns say on every row which
//! set of samples it comes from and what it is not: rows of several files can be put together without losing that.

use csv::{QuoteStyle, Terminator, WriterBuilder};

use crate::error::DocumentError;
use crate::input::DocumentInput;
use crate::table::{self, Head};
use crate::template::Template;
use crate::text::DISCLAIMER_SHORT;
use crate::value::Value;

/// Columns after those of the template.
const ORIGIN: [&str; 4] = ["Kỳ báo cáo", "Mã báo cáo", "SHA-256 của tập mẫu", "Lưu ý"];

const BOM: &[u8] = "\u{feff}".as_bytes();

pub(crate) fn table(input: &DocumentInput<'_>, template: &Template) -> Result<Vec<u8>, DocumentError> {
    let table = table::of_sheet(&template.sheets[template.csv_sheet], input, template);
    let mut file = BOM.to_vec();
    // The writer's own rules leave a code such as "00004" bare: texts are told from numbers here.
    let mut writer =
        WriterBuilder::new().quote_style(QuoteStyle::Never).terminator(Terminator::CRLF).from_writer(&mut file);
    let header = &input.header;
    let origin =
        [&header.month.to_string(), &header.report_id, &header.sample_set_sha256, DISCLAIMER_SHORT].map(quoted);
    let mut headings: Vec<String> = table.heads.iter().flat_map(heading).collect();
    headings.extend(ORIGIN.map(quoted));
    writer.write_record(&headings)?;
    for line in &table.lines {
        let fields = line.cells.iter().zip(&table.heads);
        let mut record: Vec<String> = fields.flat_map(|(cell, head)| field(&cell.value, head)).collect();
        record.extend(origin.clone());
        writer.write_record(&record)?;
    }
    writer.flush()?;
    drop(writer);
    Ok(file)
}

fn heading(head: &Head) -> Vec<String> {
    if head.interval {
        return vec![quoted(&format!("{} – từ", head.heading)), quoted(&format!("{} – đến", head.heading))];
    }
    vec![quoted(&head.heading)]
}

fn field(value: &Value, head: &Head) -> Vec<String> {
    match value {
        Value::Interval([low, high], _) => vec![low.to_string(), high.to_string()],
        Value::Empty if head.interval => vec![String::new(), String::new()],
        Value::Empty => vec![String::new()],
        Value::Number(number, _) => vec![number.to_string()],
        Value::Text(text) => vec![quoted(text)],
    }
}

/// RFC 4180 quotes.
fn quoted(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    format!("\"{}{}\"", if formula { "'" } else { "" }, text.replace('"', "\"\""))
}
