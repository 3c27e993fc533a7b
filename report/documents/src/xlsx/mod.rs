//! The workbook: a sheet per table, set up for A4 landscape.

mod formats;

use ispeed_protocol::UtcMicros;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, Worksheet, XlsxError};

use crate::error::DocumentError;
use crate::input::DocumentInput;
use crate::table::{self, Table};
use crate::template::Template;
use crate::text::{DISCLAIMER_SHORT, fill, instant, utc, warnings};
use crate::value::Value;
use formats::{Formats, Look};

const A4: u8 = 9;
/// Rows above the table: title, what it is of, disclaimer.
const HEADING_ROW: u32 = 3;
/// From so many rows on a table can be filtered.
const FILTER_FROM: usize = 31;
/// Sentences beneath a table are as wide as about a page at most.
const NOTE_CHARS: u32 = 120;
const NOTE_LINE_POINTS: u32 = 15;
const LINE_POINTS: u32 = 15;
const HEADING_LINE_POINTS: u32 = 14;
/// Letters of Times New Roman 11 and bold 10 in a width of one, a digit of the workbook's default font.
const TEXT_CHARS: f64 = 1.2;
const HEADING_CHARS: f64 = 1.2;
/// Excel's bound for the text of a header or footer is 255 characters with its marks; ids longer than this are cut in it.
const ID_CHARS: usize = 60;

pub(crate) fn workbook(input: &DocumentInput<'_>, template: &Template) -> Result<Vec<u8>, DocumentError> {
    let whole = |source| DocumentError::Workbook { sheet: "(workbook)".to_owned(), source };
    let mut workbook = Workbook::new();
    workbook.set_properties(&properties(input, template).map_err(whole)?);
    let formats = Formats::new();
    for sheet in &template.sheets {
        let table = table::of_sheet(sheet, input, template);
        let fail = |source| DocumentError::Workbook { sheet: sheet.name.clone(), source };
        write_sheet(workbook.add_worksheet(), &table, input, &formats).map_err(fail)?;
    }
    workbook.save_to_buffer().map_err(whole)
}

/// The time of creation is that of the data, so that equal data give equal bytes.
fn properties(input: &DocumentInput<'_>, template: &Template) -> Result<DocProperties, XlsxError> {
    let header = &input.header;
    let body = table::body(input, template);
    Ok(DocProperties::new()
        .set_title(fill(&template.title, input, &body))
        .set_subject(format!("{} {}", header.place.name, header.month))
        .set_author(body)
        .set_comment(DISCLAIMER_SHORT)
        .set_creation_datetime(&datetime(header.as_of)?)
        .set_custom_property("report_id", header.report_id.as_str())
        .set_custom_property("sample_set_sha256", header.sample_set_sha256.as_str())
        .set_custom_property("template", template.stamp().as_str())
        .set_custom_property("software", header.software.as_str()))
}

fn datetime(at: UtcMicros) -> Result<ExcelDateTime, XlsxError> {
    let t = utc(at);
    ExcelDateTime::from_ymd(t.year, t.month, t.day)?.and_hms(t.hour, t.minute, f64::from(t.second))
}

fn write_sheet(sheet: &mut Worksheet, table: &Table, input: &DocumentInput<'_>, f: &Formats) -> Result<(), XlsxError> {
    sheet.set_name(&table.name)?;
    let header = &input.header;
    sheet.write_string_with_format(0, 0, &table.title, &f.title)?;
    let about = format!(
        "Mã báo cáo: {} – Phiên bản {} – Thời điểm chốt nhận mẫu: {}",
        header.report_id,
        header.revision,
        instant(header.cut_off)
    );
    sheet.write_string_with_format(1, 0, about, &f.about)?;
    let notice = [warnings(header), vec![DISCLAIMER_SHORT]].concat().join(" ");
    sheet.write_string_with_format(2, 0, notice, &f.about)?;
    for (column, head) in (0u16..).zip(&table.heads) {
        sheet.set_column_width(column, f64::from(head.width))?;
        sheet.write_string_with_format(HEADING_ROW, column, &head.heading, &f.heading)?;
    }
    let headings = table.heads.iter().map(|head| lines_of(&head.heading, head.width, HEADING_CHARS));
    sheet.set_row_height(HEADING_ROW, headings.max().unwrap_or(1) * HEADING_LINE_POINTS + 4)?;
    let mut row = HEADING_ROW + 1;
    for line in &table.lines {
        let cells = line.cells.iter().zip(&table.heads);
        let high = cells.filter_map(|(cell, head)| text_lines(&cell.value, head.width)).max().unwrap_or(1);
        if high > 1 {
            sheet.set_row_height(row, high * LINE_POINTS + 2)?;
        }
        for (column, (cell, head)) in (0u16..).zip(line.cells.iter().zip(&table.heads)) {
            let look = Look { faint: cell.faint, total: line.total, numeric: head.numeric };
            write_value(sheet, row, column, &cell.value, f, look)?;
        }
        row += 1;
    }
    if table.lines.len() >= FILTER_FROM
        && let Some(last) = (table.heads.len() as u16).checked_sub(1)
    {
        sheet.autofilter(HEADING_ROW, 0, row - 1, last)?;
    }
    write_notes(sheet, row + 1, table, &f.note)?;
    set_up(sheet, table, input)
}

/// Lines a text takes in a cell so many characters wide; words are not broken.
///
/// Spreadsheets leave rows as high as the file says, and some give a row of which it says nothing one line.
fn lines_of(text: &str, width: u16, chars_per_width: f64) -> u32 {
    let room = (f64::from(width) * chars_per_width).floor().max(1.0) as usize;
    let (mut lines, mut used) = (1, 0);
    for word in text.split_whitespace() {
        let long = word.chars().count();
        if used > 0 && used + 1 + long > room {
            lines += 1;
            used = 0;
        }
        used += long + usize::from(used > 0);
    }
    lines
}

fn text_lines(value: &Value, width: u16) -> Option<u32> {
    match value {
        Value::Text(text) => Some(lines_of(text, width, TEXT_CHARS)),
        _ => None,
    }
}

fn write_value(
    sheet: &mut Worksheet,
    row: u32,
    column: u16,
    value: &Value,
    f: &Formats,
    look: Look,
) -> Result<(), XlsxError> {
    match value {
        Value::Empty => sheet.write_blank(row, column, f.text(look))?,
        Value::Text(text) => sheet.write_string_with_format(row, column, text, f.text(look))?,
        Value::Number(number, unit) => {
            sheet.write_number_with_format(row, column, number.as_f64(), f.number(*unit, number.decimals, look))?
        }
        Value::Interval(..) => sheet.write_string_with_format(row, column, value.show(), f.interval(look))?,
    };
    Ok(())
}

/// Sentences over merged cells: a long text in one cell is cut off in print.
fn write_notes(sheet: &mut Worksheet, mut row: u32, table: &Table, format: &Format) -> Result<(), XlsxError> {
    let mut width = 0;
    let mut last = 0u16;
    for (column, head) in (0u16..).zip(&table.heads) {
        if width >= NOTE_CHARS {
            break;
        }
        width += u32::from(head.width);
        last = column;
    }
    for note in &table.notes {
        let lines = (note.chars().count() as u32).div_ceil(width.max(1)).max(1);
        if last == 0 {
            sheet.write_string_with_format(row, 0, note, format)?;
        } else {
            sheet.merge_range(row, 0, row, last, note, format)?;
        }
        sheet.set_row_height(row, lines * NOTE_LINE_POINTS + 2)?;
        row += 1;
    }
    Ok(())
}

/// View and print: frozen panes, A4 landscape, headings on every page, page numbers.
fn set_up(sheet: &mut Worksheet, table: &Table, input: &DocumentInput<'_>) -> Result<(), XlsxError> {
    sheet.set_freeze_panes(HEADING_ROW + 1, table.frozen)?;
    sheet.set_paper_size(A4).set_landscape();
    // Inches: left, right, top, bottom, header, footer.
    sheet.set_margins(0.5, 0.4, 0.7, 0.7, 0.3, 0.3);
    sheet.set_print_fit_to_pages(table.pages_wide, 0);
    sheet.set_repeat_rows(HEADING_ROW, HEADING_ROW)?;
    if table.frozen > 0 && table.pages_wide > 1 {
        sheet.set_repeat_columns(0, table.frozen - 1)?;
    }
    // Across, then down: the pages of a row are laid side by side.
    sheet.set_page_order(false);
    let escape = |text: &str| text.chars().take(ID_CHARS).collect::<String>().replace('&', "&&");
    let header = &input.header;
    sheet.set_header(format!(
        "&L&8Mã báo cáo: {}&R&8SHA-256 tập mẫu: {}",
        escape(&header.report_id),
        header.sample_set_sha256.chars().take(64).collect::<String>()
    ));
    sheet.set_footer(format!("&L&8{DISCLAIMER_SHORT}&R&8Trang &P/&N"));
    Ok(())
}
