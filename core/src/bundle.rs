//! The boundary bundle on a device: which of those at hand is newer, and a newer one from the collector.
//!
//! A fetched bundle lies in the shell's data folder and is there whole or not at all. One that came half-way is gone on with
//! (`Range`, `If-Range`), and what has come is used only when its own checksum holds. Samples keep the table they were
//! resolved with.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ispeed_commune::Boundaries;
use reqwest::header::{IF_NONE_MATCH, IF_RANGE, RANGE};
use reqwest::{Client, Response, StatusCode};

use crate::error::{Error, Result};
use crate::files::write_whole;
use crate::http;
use crate::outbox::collector_url;

/// Largest bundle taken: that of Vietnam has 3 MB.
pub const BUNDLE_MAX_BYTES: u64 = 16 << 20;

/// Where a fetched bundle lies.
#[derive(Clone, Debug)]
pub struct BundleStore {
    dir: PathBuf,
}

/// What a refresh found.
#[derive(Clone, Debug)]
pub enum Refreshed {
    /// The one at hand is the collector's.
    Current,
    /// A newer one came and is kept.
    Taken(Arc<Boundaries>),
    /// The collector has none.
    NotOffered,
}

/// Reads a bundle. Errors: `input` that names the file when it is none.
pub fn load(path: &Path) -> Result<Arc<Boundaries>> {
    let wrong = |cause: &dyn std::fmt::Display| {
        Error::input("boundaries", path.display(), format!("a boundary bundle; this one cannot be read: {cause}"))
    };
    let bytes = fs::read(path).map_err(|error| wrong(&error))?;
    Boundaries::load(&bytes).map(Arc::new).map_err(|error| wrong(&error))
}

/// The newer of two, by the first day of its table; of equals the first.
pub fn newer(a: Option<Arc<Boundaries>>, b: Option<Arc<Boundaries>>) -> Option<Arc<Boundaries>> {
    match (a, b) {
        // Days are written so that the order of texts is that of time.
        (Some(a), Some(b)) => Some(if b.table().valid_from > a.table().valid_from { b } else { a }),
        (a, b) => a.or(b),
    }
}

impl BundleStore {
    /// Bundles in this folder.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// The one fetched last. A damaged one is removed, so that the next refresh fetches it again.
    pub fn fetched(&self) -> Option<Arc<Boundaries>> {
        let path = self.path();
        if !path.exists() {
            return None;
        }
        match load(&path) {
            Ok(boundaries) => Some(boundaries),
            Err(error) => {
                tracing::warn!(%error, "the fetched bundle is damaged and removed");
                fs::remove_file(&path).ok();
                // Its tag would say that it is still here.
                fs::remove_file(self.etag_path()).ok();
                None
            }
        }
    }

    /// Asks the collector for a newer bundle than `have`.
    ///
    /// Errors: those of any question; `server` when what came is no bundle. What came of a bundle that was cut is kept.
    pub async fn refresh(&self, client: &Client, collector: &str, have: Option<&Boundaries>) -> Result<Refreshed> {
        let url = format!("{}/v1/boundaries", collector_url(collector)?);
        let what = format!("GET {url}");
        let part = self.part();
        let mut begun = part.begun();
        let answer = loop {
            let mut request = client.get(&url);
            if let Some((etag, bytes)) = &begun {
                request = request.header(RANGE, format!("bytes={bytes}-")).header(IF_RANGE, etag);
            } else if have.is_some()
                && let Some(etag) = self.etag()
            {
                request = request.header(IF_NONE_MATCH, etag);
            }
            let answer = request.send().await;
            match answer.as_ref().map(Response::status) {
                Ok(StatusCode::NOT_MODIFIED) => return Ok(Refreshed::Current),
                Ok(StatusCode::NOT_FOUND) => return Ok(Refreshed::NotOffered),
                // What is here is not part of what there is: once more, from the beginning.
                Ok(StatusCode::RANGE_NOT_SATISFIABLE) if begun.is_some() => {
                    part.forget();
                    begun = None;
                }
                _ => break http::successful(answer, &what).await?,
            }
        };
        let etag = http::etag(&answer);
        let from = if answer.status() == StatusCode::PARTIAL_CONTENT { begun.map_or(0, |(_, bytes)| bytes) } else { 0 };
        part.receive(answer, etag.as_deref(), from, &what).await?;
        self.take(&part, etag.as_deref(), have, &what)
    }

    fn take(&self, part: &Part, etag: Option<&str>, have: Option<&Boundaries>, what: &str) -> Result<Refreshed> {
        let bytes = fs::read(&part.path).map_err(Error::storage)?;
        part.forget();
        let boundaries = Boundaries::load(&bytes)
            .map_err(|error| Error::Server { status: 200, detail: format!("{what}: no boundary bundle: {error}") })?;
        // Equal days are another making of one table: the collector's is what it resolves with.
        if have.is_some_and(|have| {
            have.table().sha256 == boundaries.table().sha256 || have.table().valid_from > boundaries.table().valid_from
        }) {
            self.note_etag(etag)?;
            return Ok(Refreshed::Current);
        }
        write_whole(&self.path(), &bytes)?;
        self.note_etag(etag)?;
        Ok(Refreshed::Taken(Arc::new(boundaries)))
    }

    fn path(&self) -> PathBuf {
        self.dir.join("communes.bundle")
    }

    fn etag_path(&self) -> PathBuf {
        self.dir.join("communes.bundle.etag")
    }

    fn part(&self) -> Part {
        Part { path: self.dir.join("communes.bundle.part"), etag: self.dir.join("communes.bundle.part.etag") }
    }

    fn etag(&self) -> Option<String> {
        fs::read_to_string(self.etag_path()).ok().filter(|etag| is_etag(etag))
    }

    fn note_etag(&self, etag: Option<&str>) -> Result<()> {
        write_whole(&self.etag_path(), etag.unwrap_or_default().as_bytes())
    }
}

fn is_etag(text: &str) -> bool {
    text.len() > 2 && text.len() <= 200 && text.starts_with('"') && text.bytes().all(|b| b.is_ascii_graphic())
}

/// A bundle on its way.
struct Part {
    path: PathBuf,
    etag: PathBuf,
}

impl Part {
    fn begun(&self) -> Option<(String, u64)> {
        let etag = fs::read_to_string(&self.etag).ok().filter(|etag| is_etag(etag))?;
        let bytes = fs::metadata(&self.path).ok()?.len();
        (bytes > 0 && bytes < BUNDLE_MAX_BYTES).then_some((etag, bytes))
    }

    async fn receive(&self, mut answer: Response, etag: Option<&str>, from: u64, what: &str) -> Result<()> {
        if let Some(dir) = self.path.parent() {
            fs::create_dir_all(dir).map_err(Error::storage)?;
        }
        let mut options = fs::OpenOptions::new();
        let mut file = if from > 0 {
            options.append(true).open(&self.path).map_err(Error::storage)?
        } else {
            fs::write(&self.etag, etag.unwrap_or_default()).map_err(Error::storage)?;
            fs::File::create(&self.path).map_err(Error::storage)?
        };
        let mut bytes = from;
        loop {
            let chunk = match answer.chunk().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break,
                // What came stays for the next time.
                Err(error) => return Err(http::unreached(what, &error)),
            };
            bytes += chunk.len() as u64;
            if bytes > BUNDLE_MAX_BYTES {
                self.forget();
                let detail = format!("{what}: more than {BUNDLE_MAX_BYTES} bytes");
                return Err(Error::Server { status: 200, detail });
            }
            file.write_all(&chunk).map_err(Error::storage)?;
        }
        file.sync_all().map_err(Error::storage)
    }

    fn forget(&self) {
        for path in [&self.path, &self.etag] {
            fs::remove_file(path).ok();
        }
    }
}
