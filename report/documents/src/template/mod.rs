//! The template of a report: columns, order, headings, issuing body, roll-up, letter. Data, not code, so that the real
//! annex of a letter can be dropped in.

mod parse;
mod reader;
mod rules;

use ispeed_report::{Level, Metric, OperatorGroup, TechnologyGroup};

use crate::field::{Field, Part};

pub use reader::{TemplateError, TemplateErrors};

/// Version of the form of template files.
pub(crate) const FORMAT: i64 = 1;

/// A checked template.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Template {
    /// Id.
    pub id: String,
    /// Version.
    pub version: u32,
    /// Size of the place it is for.
    pub level: Level,
    /// Title of documents.
    pub title: String,
    /// Body above the issuing one, where there is one.
    pub superior: Option<String>,
    /// Issuing body.
    pub body: String,
    /// Operators of split tables, in order.
    pub operators: Vec<OperatorGroup>,
    /// Technologies of split tables, in order.
    pub technologies: Vec<TechnologyGroup>,
    /// Sheets of the workbook, in order.
    pub sheets: Vec<Sheet>,
    /// Which of [`Self::sheets`] is the CSV file.
    pub csv_sheet: usize,
    /// The letter.
    pub letter: Letter,
}

/// A sheet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sheet {
    /// Name of its tab.
    pub name: String,
    /// Title above it.
    pub title: String,
    /// Pages a print is wide.
    pub pages_wide: u16,
    /// What it holds.
    pub kind: Kind,
}

/// What a sheet holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A table of figures.
    Table {
        /// Whose rows.
        rows: RowsOf,
        /// A row per operator and technology, or one in all.
        split: bool,
        /// Columns that stay in view and are printed on each page.
        frozen: u16,
        /// Columns.
        columns: Vec<Column>,
    },
    /// Operators against each other.
    Ranking,
    /// Cells with weak service.
    Weak,
    /// Cells where sharing would help.
    Sharing,
    /// Samples that do not count, by reason.
    Excluded,
    /// Communication work, difficulties, proposals, i-Speed's count.
    Duties,
    /// Method, disclaimers, head of the report.
    Method,
}

/// Whose rows a table has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RowsOf {
    /// The place of the report.
    Place,
    /// Its communes or provinces.
    Children,
    /// Those that did not reach the quota.
    Short,
}

/// A column.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Column {
    /// What it shows.
    pub source: Source,
    /// Heading.
    pub heading: String,
    /// Width in characters.
    pub width: u16,
}

/// Where a column comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// One of the fields of the report.
    Field(Field),
    /// Any metric.
    Metric(Metric, Show),
    /// A text, equal in every row; empty: to be filled by hand.
    Text(String),
}

/// What is shown of a metric.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Show {
    /// Its value.
    Value,
    /// Its 95 % interval.
    Interval,
    /// The samples it is computed from.
    Samples,
}

/// The letter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Letter {
    /// Number and signs, such as `Số: …/BC-UBND`.
    pub number: String,
    /// Place before the date.
    pub place: String,
    /// Subject under the title.
    pub subject: String,
    /// "Kính gửi".
    pub to: Vec<String>,
    /// First paragraphs.
    pub opening: Vec<String>,
    /// Parts of the body, in order.
    pub sections: Vec<Section>,
    /// Last paragraphs.
    pub closing: Vec<String>,
    /// "Nơi nhận".
    pub recipients: Vec<String>,
    /// Lines above the signature.
    pub sign: Vec<String>,
}

/// A part of the letter's body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Section {
    /// Samples against the quota, with the places that are short.
    Quota,
    /// Quality by operator and technology.
    Quality,
    /// Weak spots and sharing.
    Weak,
    /// Communication work and installs.
    Duties,
    /// i-Speed's own count.
    ISpeed,
    /// Difficulties and proposals.
    Difficulties,
    /// Method, disclaimers, hash.
    Method,
}

const COMMUNE: &str = include_str!("../../../templates/commune-1.toml");
const PROVINCE: &str = include_str!("../../../templates/province-1.toml");
const NATION: &str = include_str!("../../../templates/nation-1.toml");

impl Template {
    /// Reads and checks the text of a template file; `file` is its name in errors, of which all are listed.
    pub fn parse(file: &str, text: &str) -> Result<Self, TemplateErrors> {
        parse::template(file, text)
    }

    /// Text and file name of the template that ships for a level.
    pub const fn shipped_text(level: Level) -> (&'static str, &'static str) {
        match level {
            Level::Commune => ("commune-1.toml", COMMUNE),
            Level::Province => ("province-1.toml", PROVINCE),
            Level::Nation => ("nation-1.toml", NATION),
        }
    }

    /// The template that ships for a level.
    pub fn shipped(level: Level) -> Result<Self, TemplateErrors> {
        let (file, text) = Self::shipped_text(level);
        Self::parse(file, text)
    }

    /// Id and version, as documents and manifests state them.
    pub fn stamp(&self) -> String {
        format!("{}-{}", self.id, self.version)
    }
}

impl Column {
    /// Field or metric alike: what to show.
    pub(crate) fn part(&self) -> Option<Part> {
        match &self.source {
            Source::Field(field) => Some(field.part),
            Source::Metric(metric, Show::Value) => Some(Part::Value(*metric)),
            Source::Metric(metric, Show::Interval) => Some(Part::Interval(*metric)),
            Source::Metric(_, Show::Samples) | Source::Text(_) => None,
        }
    }

    pub(crate) fn numeric(&self) -> bool {
        matches!(self.source, Source::Metric(_, Show::Samples)) || self.part().is_some_and(Part::numeric)
    }

    pub(crate) fn interval(&self) -> bool {
        self.part().is_some_and(Part::interval)
    }
}
