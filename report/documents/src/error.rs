//! What can go wrong when a document is made.

use ispeed_report::Level;

use crate::template::TemplateErrors;

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// The template is not one.
    #[error(transparent)]
    Template(#[from] TemplateErrors),
    /// A template of one size of place was used for another.
    #[error(
        "template {template:?} is for level {wanted:?}, the report is of level {given:?}; use the template of that level"
    )]
    Level {
        /// Id of the template.
        template: String,
        /// Level of the template.
        wanted: Level,
        /// Level of the report.
        given: Level,
    },
    /// The writer of workbooks refused something.
    #[error("sheet {sheet:?}: {source}")]
    Workbook {
        /// Sheet.
        sheet: String,
        /// Its word.
        source: rust_xlsxwriter::XlsxError,
    },
    /// The typesetter refused something.
    #[error("the letter could not be set: {0}")]
    Letter(String),
    /// A container could not be written.
    #[error("the archive could not be written: {0}")]
    Archive(#[from] zip::result::ZipError),
    /// A writer of text failed.
    #[error("the text could not be written: {0}")]
    Text(#[from] std::io::Error),
    /// The writer of CSV failed.
    #[error("the CSV file could not be written: {0}")]
    Csv(#[from] csv::Error),
}
