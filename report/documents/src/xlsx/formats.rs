//! Formats of cells, made once a workbook.
//!
//! Number formats are written in Excel's own form, where a comma parts thousands and a point decimals: a Vietnamese Excel shows
//! `#,##0.00` as 1.234,50.

use rust_xlsxwriter::{Color, Format, FormatAlign, FormatBorder};

use crate::value::Unit;

const FONT: &str = "Times New Roman";
const BORDER: Color = Color::RGB(0x80_80_80);
const FAINT: Color = Color::RGB(0x80_80_80);
const FAINT_GROUND: Color = Color::RGB(0xF2_F2_F2);
const HEADING_GROUND: Color = Color::RGB(0xD9_E2_F3);

/// How a cell looks beside its value.
#[derive(Clone, Copy)]
pub(super) struct Look {
    pub(super) faint: bool,
    pub(super) total: bool,
    pub(super) numeric: bool,
}

impl Look {
    fn index(self) -> usize {
        usize::from(self.faint) + 2 * usize::from(self.total)
    }
}

const LOOKS: [Look; 4] = [
    Look { faint: false, total: false, numeric: false },
    Look { faint: true, total: false, numeric: false },
    Look { faint: false, total: true, numeric: false },
    Look { faint: true, total: true, numeric: false },
];

/// Decimals a number format has.
const DECIMALS: usize = 4;

/// The formats of a workbook.
pub(super) struct Formats {
    pub(super) title: Format,
    pub(super) about: Format,
    pub(super) heading: Format,
    pub(super) note: Format,
    texts: [Format; 4],
    intervals: [Format; 4],
    numbers: Vec<[Format; 4]>,
    changes: [Format; 4],
}

fn font(points: f64) -> Format {
    Format::new().set_font_name(FONT).set_font_size(points)
}

fn cell(look: Look) -> Format {
    let mut format =
        font(11.0).set_border(FormatBorder::Thin).set_border_color(BORDER).set_align(FormatAlign::VerticalCenter);
    if look.total {
        format = format.set_bold();
    }
    if look.faint {
        format = format.set_italic().set_font_color(FAINT).set_background_color(FAINT_GROUND);
    }
    format
}

impl Formats {
    pub(super) fn new() -> Self {
        let number =
            |pattern: String| LOOKS.map(|look| cell(look).set_num_format(&pattern).set_align(FormatAlign::Right));
        let pattern = |decimals: usize| {
            // "_)": room as wide as a bracket between the number and the border.
            if decimals == 0 { "#,##0_)".to_owned() } else { format!("#,##0.{}_)", "0".repeat(decimals)) }
        };
        Self {
            title: font(14.0).set_bold(),
            about: font(10.0).set_italic(),
            heading: font(10.0)
                .set_bold()
                .set_text_wrap()
                .set_border(FormatBorder::Thin)
                .set_border_color(BORDER)
                .set_background_color(HEADING_GROUND)
                .set_align(FormatAlign::Center)
                .set_align(FormatAlign::VerticalCenter),
            note: font(10.0).set_text_wrap().set_align(FormatAlign::Top),
            // "@": what looks like a number stays a text when the cell is edited.
            texts: LOOKS.map(|look| cell(look).set_num_format("@").set_text_wrap()),
            intervals: LOOKS.map(|look| cell(look).set_num_format("@").set_align(FormatAlign::Center)),
            numbers: (0..DECIMALS).map(|decimals| number(pattern(decimals))).collect(),
            changes: number("+0.0_);-0.0_);0.0_)".to_owned()),
        }
    }

    /// Of a text or an empty cell; an empty cell in a column of numbers looks like them.
    pub(super) fn text(&self, look: Look) -> &Format {
        if look.numeric { &self.numbers[0][look.index()] } else { &self.texts[look.index()] }
    }

    pub(super) fn interval(&self, look: Look) -> &Format {
        &self.intervals[look.index()]
    }

    pub(super) fn number(&self, unit: Unit, decimals: u8, look: Look) -> &Format {
        match unit {
            Unit::Change => &self.changes[look.index()],
            Unit::Ms => &self.numbers[0][look.index()],
            _ => &self.numbers[usize::from(decimals).min(DECIMALS - 1)][look.index()],
        }
    }
}
