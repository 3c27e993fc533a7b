//! A store into a file.

use std::borrow::Cow;
use std::io::{self, Write};

use super::line::Line;
use super::{ARCHIVE_VERSION, ArchiveError, Content, Tally, moves};
use crate::store::Store;

/// Samples read at once: some megabytes.
const PAGE: u32 = 500;

/// zstd's default: a tenth of the size at the speed of a disk.
const LEVEL: i32 = 3;

/// Writes everything a store holds; what it was.
///
/// # Errors
/// What the store or the file says.
pub async fn export(store: &dyn Store, out: impl Write) -> Result<Content, ArchiveError> {
    let mut out = zstd::Encoder::new(out, LEVEL)?;
    out.include_checksum(true)?;
    write_line(&mut out, &Line::Archive { version: ARCHIVE_VERSION })?;
    let mut tally = Tally::default();
    every_line(store, |line| {
        let text = text(line)?;
        tally.add(line, &text);
        out.write_all(&text)?;
        out.write_all(b"\n")
    })
    .await?;
    let lines = tally.lines();
    let content = tally.finish();
    write_line(&mut out, &Line::End { lines, sha256: content.sha256.clone() })?;
    out.finish()?.flush()?;
    Ok(content)
}

/// What a store holds, without writing it anywhere.
///
/// # Errors
/// What the store says.
pub async fn content(store: &dyn Store) -> Result<Content, ArchiveError> {
    let mut tally = Tally::default();
    every_line(store, |line| {
        let text = text(line)?;
        tally.add(line, &text);
        Ok(())
    })
    .await?;
    Ok(tally.finish())
}

fn text(line: &Line<'_>) -> io::Result<Vec<u8>> {
    serde_json::to_vec(line).map_err(io::Error::other)
}

fn write_line(out: &mut impl Write, line: &Line<'_>) -> io::Result<()> {
    out.write_all(&text(line)?)?;
    out.write_all(b"\n")
}

/// Hands out what a store holds, a line at a time: keys, samples, deletions, records.
async fn every_line(store: &dyn Store, mut take: impl FnMut(&Line<'_>) -> io::Result<()>) -> Result<(), ArchiveError> {
    for key in store.keys().await? {
        take(&Line::key(&key))?;
    }
    let mut after = 0;
    loop {
        let page = store.export(after, PAGE).await?;
        let Some((last, _)) = page.last() else { break };
        after = *last;
        for (_, sample) in &page {
            take(&Line::sample(sample))?;
        }
    }
    let mut after = None;
    loop {
        let page = store.deleted(after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        for deleted in &page {
            take(&Line::Deleted { deleted: Cow::Borrowed(deleted) })?;
        }
    }
    for record in store.every_record().await?.iter().filter(|record| moves(record)) {
        take(&Line::record(record))?;
    }
    Ok(())
}
