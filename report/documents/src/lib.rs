//! Documents of a month: figures and a template in; XLSX, PDF, DOCX and CSV out, as bytes.
//!
//! Pure: no clock, no file, no locale, no system font. Equal input gives equal bytes on every machine. A document prints
//! figures it was handed and computes none; what a template may choose is checked by [`Template::parse`], whose errors name
//! file, line and field.

mod csv_file;
mod docx;
mod error;
mod field;
mod input;
mod letter;
mod month;
mod pdf;
mod ranking;
mod table;
mod template;
mod text;
mod value;
mod xlsx;

pub use error::DocumentError;
pub use field::{Field, Part};
pub use input::{
    Attainment, DocumentInput, Duties, Exclusion, FigureLookup, Header, ISpeedCount, Place, SharingSpot, Target,
    WeakSpot,
};
pub use month::MonthDocuments;
pub use pdf::Press;
pub use template::{
    Column, Kind, Letter, RowsOf, Section, Sheet, Show, Source, Template, TemplateError, TemplateErrors,
};
pub use value::{Unit, display};

/// Renders documents; holds the fonts, which are read once.
///
/// A call renders one file. Different threads may call at the same time; memory a letter was set with is let go after it.
#[derive(Default)]
pub struct Documents {
    press: Press,
}

impl Documents {
    /// Reads the fonts that are built in.
    pub fn new() -> Self {
        Self::default()
    }

    /// The workbook.
    pub fn xlsx(&self, input: &DocumentInput<'_>, template: &Template) -> Result<Vec<u8>, DocumentError> {
        same_level(input, template)?;
        xlsx::workbook(input, template)
    }

    /// The letter, as PDF/A.
    pub fn pdf(&self, input: &DocumentInput<'_>, template: &Template) -> Result<Vec<u8>, DocumentError> {
        same_level(input, template)?;
        self.press.print(&letter::write(input, template))
    }

    /// The letter, to be edited.
    pub fn docx(&self, input: &DocumentInput<'_>, template: &Template) -> Result<Vec<u8>, DocumentError> {
        same_level(input, template)?;
        docx::document(&letter::write(input, template))
    }

    /// The main table for machines and spreadsheets: UTF-8 with BOM, decimal point, every text quoted.
    pub fn csv(&self, input: &DocumentInput<'_>, template: &Template) -> Result<Vec<u8>, DocumentError> {
        same_level(input, template)?;
        csv_file::table(input, template)
    }
}

fn same_level(input: &DocumentInput<'_>, template: &Template) -> Result<(), DocumentError> {
    let (wanted, given) = (template.level, input.header.level);
    if wanted == given { Ok(()) } else { Err(DocumentError::Level { template: template.id.clone(), wanted, given }) }
}
