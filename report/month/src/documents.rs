//! What makes the documents of a month; this crate hands over figures and keeps what comes back.

use ispeed_report::{MonthFile, MonthHead, NationMonth, ProvinceMonth};

use crate::manifest::TemplateNote;

/// Makes documents. Equal figures give equal bytes. May be called by several threads at once.
pub trait DocumentWriter: Sync {
    /// The templates it works by.
    fn templates(&self) -> Vec<TemplateNote>;

    /// Called once before the others, with what officials typed in, as it was when the month was closed: JSON of whoever made
    /// this writer.
    ///
    /// # Errors
    /// One line: it cannot be read.
    fn begin(&self, typed_in: &str) -> Result<(), String>;

    /// The documents of a province with the table of its communes.
    ///
    /// # Errors
    /// One line: what is wrong with the template or the document.
    fn province(&self, head: &MonthHead<'_>, province: &ProvinceMonth) -> Result<Vec<MonthFile>, String>;

    /// The documents of each commune of a province.
    ///
    /// # Errors
    /// As [`Self::province`].
    fn communes(&self, head: &MonthHead<'_>, province: &ProvinceMonth) -> Result<Vec<MonthFile>, String>;

    /// The documents of the nation with the table of its provinces.
    ///
    /// # Errors
    /// As [`Self::province`].
    fn nation(
        &self,
        head: &MonthHead<'_>,
        nation: &NationMonth,
        provinces: &[ProvinceMonth],
    ) -> Result<Vec<MonthFile>, String>;
}

/// Makes none.
pub struct NoDocuments;

impl DocumentWriter for NoDocuments {
    fn templates(&self) -> Vec<TemplateNote> {
        Vec::new()
    }

    fn begin(&self, _: &str) -> Result<(), String> {
        Ok(())
    }

    fn province(&self, _: &MonthHead<'_>, _: &ProvinceMonth) -> Result<Vec<MonthFile>, String> {
        Ok(Vec::new())
    }

    fn communes(&self, _: &MonthHead<'_>, _: &ProvinceMonth) -> Result<Vec<MonthFile>, String> {
        Ok(Vec::new())
    }

    fn nation(&self, _: &MonthHead<'_>, _: &NationMonth, _: &[ProvinceMonth]) -> Result<Vec<MonthFile>, String> {
        Ok(Vec::new())
    }
}
