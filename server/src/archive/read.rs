//! A file into a store: read whole and checked first, so that nothing of a broken file is taken in.

use std::io::{self, BufRead, BufReader, Read};

use super::line::{Line, check_deleted, check_sample, stored_sample, used_key};
use super::{ARCHIVE_VERSION, ArchiveError, Content, Import, Tally, content, moves};
use crate::store::{DeletedSample, Imported, Record, Store, StoredSample, UsedKey};

/// Samples taken in by one transaction: ten megabytes.
const BATCH: usize = 500;

/// Receipts compared at once when the chains are walked.
const PAGE: u32 = 2_000;

/// Takes everything in that `open` gives to read, twice: once to check it. What the store holds already is left as it is; what
/// it holds otherwise is a conflict, and the import ends there. It may be begun again.
///
/// # Errors
/// The file is not whole, the store holds something else under the same names, or either cannot be read or written.
pub async fn import<R: Read>(store: &dyn Store, open: impl Fn() -> io::Result<R>) -> Result<Import, ArchiveError> {
    let file = check(open()?)?;
    let was_empty = store.chain_heads().await?.is_empty()
        && store.keys().await?.is_empty()
        && !store.every_record().await?.iter().any(moves);
    let mut lines = Lines::new(open()?)?;
    let mut imported = Imported::default();
    let mut waiting = Batch::default();
    while let Some((number, text)) = lines.next()? {
        match item(number, &text, false)? {
            Item::Key(key) => store.register_key(key).await?,
            Item::Sample(sample) => waiting.samples.push(*sample),
            Item::Deleted(deleted) => waiting.deleted.push(*deleted),
            Item::Record(record) => waiting.records.push(record),
            Item::Frame => {}
        }
        if waiting.len() >= BATCH {
            imported += waiting.write(store).await?;
        }
    }
    imported += waiting.write(store).await?;
    walk_chains(store).await?;
    let now = content(store).await?;
    if was_empty && now.sha256 != file.sha256 {
        return Err(ArchiveError::Differs { store: now.sha256, file: file.sha256 });
    }
    Ok(Import { file, store: now, imported })
}

#[derive(Default)]
struct Batch {
    samples: Vec<StoredSample>,
    deleted: Vec<DeletedSample>,
    records: Vec<Record>,
}

impl Batch {
    fn len(&self) -> usize {
        self.samples.len() + self.deleted.len() + self.records.len()
    }

    async fn write(&mut self, store: &dyn Store) -> Result<Imported, ArchiveError> {
        let mut imported = Imported::default();
        if !self.samples.is_empty() {
            imported += store.import(std::mem::take(&mut self.samples)).await?;
        }
        if !self.deleted.is_empty() {
            imported += store.import_deleted(std::mem::take(&mut self.deleted)).await?;
        }
        if !self.records.is_empty() {
            imported += store.import_records(std::mem::take(&mut self.records)).await?;
        }
        Ok(imported)
    }
}

/// What a line asks to be done.
enum Item {
    Key(UsedKey),
    Sample(Box<StoredSample>),
    Deleted(Box<DeletedSample>),
    Record(Record),
    /// The first or the last line.
    Frame,
}

/// The numbered lines of an archive.
struct Lines<R: Read> {
    reader: BufReader<zstd::Decoder<'static, BufReader<R>>>,
    number: u64,
}

impl<R: Read> Lines<R> {
    fn new(file: R) -> Result<Self, ArchiveError> {
        Ok(Self { reader: BufReader::new(zstd::Decoder::new(file)?), number: 0 })
    }

    fn next(&mut self) -> Result<Option<(u64, Vec<u8>)>, ArchiveError> {
        let mut text = Vec::new();
        let wrong = |line, e: io::Error| ArchiveError::Line {
            line,
            cause: format!("the file is damaged or not an archive of ispeed: {e}"),
        };
        let read = self.reader.read_until(b'\n', &mut text).map_err(|e| wrong(self.number + 1, e))?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        if text.pop_if(|last| *last == b'\n').is_none() {
            return Err(ArchiveError::Line { line: self.number, cause: "it has no end".into() });
        }
        Ok(Some((self.number, text)))
    }
}

fn line<'a>(number: u64, text: &'a [u8]) -> Result<Line<'a>, ArchiveError> {
    serde_json::from_slice(text)
        .map_err(|e| ArchiveError::Line { line: number, cause: format!("not a line of an archive: {e}") })
}

/// What a line asks for; `verify`: and whether the hashes and signatures in it hold.
fn item(number: u64, text: &[u8], verify: bool) -> Result<Item, ArchiveError> {
    let wrong = |cause| ArchiveError::Line { line: number, cause };
    Ok(match line(number, text)? {
        Line::Archive { .. } | Line::End { .. } => Item::Frame,
        Line::Key { purpose, key, since } => Item::Key(used_key(purpose, key.into_owned(), since)),
        Line::Sample { row, receipt, place, body, body_hex } => {
            let place = place.map(std::borrow::Cow::into_owned);
            let sample = stored_sample(row.into_owned(), receipt.into_owned(), place, body, body_hex).map_err(wrong)?;
            if verify {
                check_sample(&sample).map_err(wrong)?;
            }
            Item::Sample(Box::new(sample))
        }
        Line::Deleted { deleted } => {
            if verify {
                check_deleted(&deleted).map_err(wrong)?;
            }
            Item::Deleted(Box::new(deleted.into_owned()))
        }
        Line::Record { record, key, revision, json, at } => Item::Record(Record {
            kind: record.into_owned(),
            key: key.into_owned(),
            revision,
            json: json.into_owned(),
            at,
        }),
    })
}

/// Reads a file to its end: every line is of its form and signed, and the last one says what they are together.
fn check<R: Read>(file: R) -> Result<Content, ArchiveError> {
    let mut lines = Lines::new(file)?;
    let mut tally = Tally::default();
    let mut end = None;
    while let Some((number, text)) = lines.next()? {
        let wrong = |cause: String| ArchiveError::Line { line: number, cause };
        if end.is_some() {
            return Err(wrong("something follows the last line".into()));
        }
        let line = line(number, &text)?;
        match &line {
            Line::Archive { version } if number == 1 && *version == ARCHIVE_VERSION => continue,
            Line::Archive { version } if number == 1 => {
                return Err(wrong(format!("version {version}; this program reads {ARCHIVE_VERSION}")));
            }
            _ if number == 1 => return Err(wrong("expected the first line of an archive".into())),
            Line::Archive { .. } => return Err(wrong("a second first line".into())),
            Line::End { lines, sha256 } => end = Some((number, *lines, sha256.clone())),
            _ => {
                item(number, &text, true)?;
                tally.add(&line, &text);
            }
        }
    }
    let counted = tally.lines();
    let content = tally.finish();
    match end {
        None => {
            Err(ArchiveError::Line { line: lines.number, cause: "the file ends here, before its last line".into() })
        }
        Some((line, lines, sha256)) if lines != counted || sha256 != content.sha256 => Err(ArchiveError::Line {
            line,
            cause: format!(
                "it speaks of {lines} lines with hash {sha256}; there are {counted} with {}",
                content.sha256
            ),
        }),
        Some(_) => Ok(content),
    }
}

/// Every chain is whole: each receipt follows the one before it. Their signatures were checked line by line.
async fn walk_chains(store: &dyn Store) -> Result<(), ArchiveError> {
    for head in store.chain_heads().await? {
        let (mut after, mut previous) = (0, ispeed_protocol::receipt::CHAIN_START.to_owned());
        loop {
            let page = store.receipts(head.key.clone(), after, PAGE).await?;
            if page.is_empty() {
                break;
            }
            for receipt in page {
                if receipt.sequence != after + 1 || receipt.previous != previous {
                    return Err(ArchiveError::Chain { key: head.key, after });
                }
                after = receipt.sequence;
                previous = receipt.sha256();
            }
        }
    }
    Ok(())
}
