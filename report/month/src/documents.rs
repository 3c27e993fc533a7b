//! What makes the documents of a month; this crate hands over figures and keeps what comes back.

use ispeed_protocol::{Month, UtcMicros};
use ispeed_report::{NationMonth, ProvinceMonth, Settings};

use crate::manifest::TemplateNote;

/// What every document prints at its head.
#[derive(Clone, Debug)]
pub struct Head<'a> {
    /// Month.
    pub month: Month,
    /// `VN`, or the code of a province.
    pub scope: &'a str,
    /// Version of the closed month; 0 of a provisional one.
    pub version: u32,
    /// The month was still going on.
    pub provisional: bool,
    /// Samples are made up.
    pub made_up: bool,
    /// Table of communes, `None` without borders.
    pub boundaries: Option<&'a str>,
    /// Hash of the frozen set.
    pub set_sha256: &'a str,
    /// When the newest sample came in.
    pub as_of: Option<UtcMicros>,
    /// The last instant at which a sample was in time.
    pub cut_off: UtcMicros,
    /// Program and its version.
    pub program: &'a str,
    /// What the figures were computed with.
    pub settings: &'a Settings,
    /// What officials typed in, as it was when the month was closed: JSON of whoever made [`DocumentWriter`].
    pub typed_in: &'a str,
}

/// A document.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Document {
    /// Path below `documents/`, such as `75/bao-cao.xlsx`.
    pub path: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Makes documents. Equal figures give equal bytes. May be called by several threads at once.
pub trait DocumentWriter: Sync {
    /// The templates it works by.
    fn templates(&self) -> Vec<TemplateNote>;

    /// Called once before the others, with what they all have in common.
    ///
    /// # Errors
    /// One line: [`Head::typed_in`] cannot be read.
    fn begin(&self, head: &Head<'_>) -> Result<(), String>;

    /// The documents of a province with the table of its communes.
    ///
    /// # Errors
    /// One line: what is wrong with the template or the document.
    fn province(&self, head: &Head<'_>, province: &ProvinceMonth) -> Result<Vec<Document>, String>;

    /// The documents of each commune of a province.
    ///
    /// # Errors
    /// As [`Self::province`].
    fn communes(&self, head: &Head<'_>, province: &ProvinceMonth) -> Result<Vec<Document>, String>;

    /// The documents of the nation with the table of its provinces.
    ///
    /// # Errors
    /// As [`Self::province`].
    fn nation(
        &self,
        head: &Head<'_>,
        nation: &NationMonth,
        provinces: &[ProvinceMonth],
    ) -> Result<Vec<Document>, String>;
}

/// Makes none.
pub struct NoDocuments;

impl DocumentWriter for NoDocuments {
    fn templates(&self) -> Vec<TemplateNote> {
        Vec::new()
    }

    fn begin(&self, _: &Head<'_>) -> Result<(), String> {
        Ok(())
    }

    fn province(&self, _: &Head<'_>, _: &ProvinceMonth) -> Result<Vec<Document>, String> {
        Ok(Vec::new())
    }

    fn communes(&self, _: &Head<'_>, _: &ProvinceMonth) -> Result<Vec<Document>, String> {
        Ok(Vec::new())
    }

    fn nation(&self, _: &Head<'_>, _: &NationMonth, _: &[ProvinceMonth]) -> Result<Vec<Document>, String> {
        Ok(Vec::new())
    }
}
