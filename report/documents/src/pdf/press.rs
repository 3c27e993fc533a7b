//! Typst in a closed room: one text, four fonts, no file, no package, no date of today.

use std::collections::HashSet;

use typst::diag::{FileError, FileResult, SourceDiagnostic};
use typst::foundations::{Bytes, Datetime, Duration, Smart};
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt, World};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards, Timestamp};

use super::markup;
use crate::error::DocumentError;
use crate::letter::LetterText;

/// Tinos: all of Vietnamese, as wide as Times New Roman; SIL Open Font License 1.1 (`report/documents/fonts`).
const FONTS: [&[u8]; 4] = [
    include_bytes!("../../fonts/Tinos-Regular.ttf"),
    include_bytes!("../../fonts/Tinos-Bold.ttf"),
    include_bytes!("../../fonts/Tinos-Italic.ttf"),
    include_bytes!("../../fonts/Tinos-BoldItalic.ttf"),
];

/// Letters for which typst keeps what it laid out: the fonts it shaped are of use to the next, a letter's text is not.
const KEEP_LETTERS: usize = 2;

/// Sets letters.
pub struct Press {
    library: LazyHash<Library>,
    book: LazyHash<FontBook>,
    fonts: Vec<Font>,
}

impl Default for Press {
    fn default() -> Self {
        let fonts: Vec<Font> = FONTS.iter().flat_map(|data| Font::iter(Bytes::new(*data))).collect();
        let book = LazyHash::new(FontBook::from_fonts(&fonts));
        Self { library: LazyHash::new(Library::default()), book, fonts }
    }
}

impl Press {
    /// A letter as PDF/A-2.
    pub(crate) fn print(&self, letter: &LetterText) -> Result<Vec<u8>, DocumentError> {
        let page = Page { press: self, main: Source::new(main_file()?, markup::of(letter)) };
        let compiled = typst::compile::<PagedDocument>(&page);
        let result = match compiled.output {
            Ok(document) => export(&document, letter),
            Err(errors) => Err(failed(&errors)),
        };
        typst::comemo::evict(KEEP_LETTERS);
        result
    }
}

fn export(document: &PagedDocument, letter: &LetterText) -> Result<Vec<u8>, DocumentError> {
    let standards =
        PdfStandards::new(&[PdfStandard::A_2a]).map_err(|e| DocumentError::Letter(e.message().to_string()))?;
    let options = PdfOptions {
        ident: Smart::Custom(letter.id.clone()),
        creator: Smart::Custom(Some("ispeed".to_owned())),
        // The document carries its own date; today's is not asked for.
        timestamp: None::<Timestamp>,
        standards,
        ..PdfOptions::default()
    };
    typst_pdf::pdf(document, &options).map_err(|errors| failed(&errors))
}

fn failed(errors: &[SourceDiagnostic]) -> DocumentError {
    let texts: HashSet<String> = errors.iter().map(|error| error.message.to_string()).collect();
    let mut texts: Vec<String> = texts.into_iter().collect();
    texts.sort_unstable();
    DocumentError::Letter(texts.join("; "))
}

fn main_file() -> Result<FileId, DocumentError> {
    let path = VirtualPath::new("letter.typ").map_err(|e| DocumentError::Letter(format!("{e:?}")))?;
    Ok(RootedPath::new(VirtualRoot::Project, path).intern())
}

/// One letter on the press.
struct Page<'p> {
    press: &'p Press,
    main: Source,
}

impl World for Page<'_> {
    fn library(&self) -> &LazyHash<Library> {
        &self.press.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &self.press.book
    }

    fn main(&self) -> FileId {
        self.main.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == self.main.id() { Ok(self.main.clone()) } else { Err(FileError::AccessDenied) }
    }

    fn file(&self, _: FileId) -> FileResult<Bytes> {
        Err(FileError::AccessDenied)
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.press.fonts.get(index).cloned()
    }

    fn today(&self, _: Option<Duration>) -> Option<Datetime> {
        None
    }
}
