//! `ispeed boundaries fetch`: a bundle from the public data set's files on GitHub, or from a collector.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use indicatif::ProgressBar;
use ispeed_commune::Boundaries;
use ispeed_commune::build::{self, BuildOptions};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use reqwest::{Client, Url};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha1::{Digest as _, Sha1};

use super::report_lines;
use crate::error::{CliError, Result};
use crate::output::{Out, live};
use crate::{files, http};

/// The public data set: borders of all communes, MIT licence.
const REPOSITORY: &str = "thanglequoc/vietnamese-provinces-database";
/// The release this program was written against: the first whose polygons are all valid.
const RELEASE: &str = "v4.2.0";
/// Day of the last change of communes that release contains (237/NQ-UBTVQH16).
pub(super) const RELEASE_VALID_FROM: &str = "2026-04-30";
/// Lists the files of a release with size and git hash.
const LIST_BASE: &str = "https://api.github.com/repos";
/// Serves the files themselves.
const FILE_BASE: &str = "https://raw.githubusercontent.com";
/// Files under way at once.
const PARALLEL: usize = 8;
/// A file that does not come is asked for this often.
const TRIES: u32 = 4;
/// Largest list and largest file taken; the largest commune has 4 MB.
const LIST_MAX_BYTES: usize = 64 << 20;
const FILE_MAX_BYTES: usize = 64 << 20;
/// Largest bundle taken from a collector.
const BUNDLE_MAX_BYTES: usize = 16 << 20;

/// Where a bundle comes from.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// A collector to take the bundle from, instead of the public data set.
    #[arg(long, value_name = "URL", value_parser = http::parse_url)]
    from: Option<Url>,
    /// Where to put the bundle; the user's data folder unless given, where every command finds it.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Another release of the public data set.
    #[arg(long, value_name = "TAG", requires = "valid_from", conflicts_with = "from")]
    release: Option<String>,
    /// First day on which that release is valid.
    #[arg(long, value_name = "DATE", requires = "release")]
    valid_from: Option<String>,
    /// Trust this certificate too (PEM).
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let ca = http::read_ca(args.ca.as_deref())?;
    let client = http::client(ca.as_deref())?;
    let dir = files::user_data_dir()?;
    let target = args.out.clone().unwrap_or_else(|| dir.join(files::BUNDLE_FILE));
    if args.out.is_none() {
        files::make_private_dir(&dir)?;
    }
    let mut out = Out::new();
    let bundle = match &args.from {
        Some(collector) => http::block_on(from_collector(&client, collector))?,
        None => {
            let release = args.release.as_deref().unwrap_or(RELEASE);
            let source = Source::public(release, args.valid_from.as_deref().unwrap_or(RELEASE_VALID_FROM));
            let (bundle, report) = from_public(&client, &source, &dir.join("download").join(release))?;
            report_lines(&report).into_iter().try_for_each(|line| out.line(line))?;
            bundle
        }
    };
    let boundaries = Boundaries::load(&bundle).map_err(|error| {
        CliError::failed(format_args!("what came is no bundle: {error}"), "try again, or another --from")
    })?;
    files::write_whole(&target, &bundle)?;
    out.line(format!("table           {}", boundaries.table().reference()))?;
    out.line(format!("written         {}", target.display()))?;
    out.flush()
}

async fn from_collector(client: &Client, collector: &Url) -> Result<Vec<u8>> {
    let url = http::endpoint(collector, "v1/boundaries")?;
    let answer = http::send(client.get(url)).await?;
    http::body(answer, BUNDLE_MAX_BYTES).await
}

/// A release of the data set and where its files are.
struct Source {
    list: String,
    files: String,
    options: BuildOptions,
}

impl Source {
    fn public(release: &str, valid_from: &str) -> Self {
        Self {
            list: format!("{LIST_BASE}/{REPOSITORY}/git/trees/{release}?recursive=1"),
            files: format!("{FILE_BASE}/{REPOSITORY}/{release}/"),
            options: BuildOptions {
                table: "vn-communes".into(),
                valid_from: valid_from.into(),
                source: format!("github.com/{REPOSITORY} {release}, MIT"),
                ..BuildOptions::default()
            },
        }
    }
}

/// A file of the data set.
#[derive(Deserialize, Clone, PartialEq, Debug)]
struct Entry {
    path: String,
    sha: String,
    #[serde(default)]
    size: u64,
}

#[derive(Deserialize)]
struct Listing {
    tree: Vec<Entry>,
    truncated: bool,
}

impl Entry {
    /// `json/geojson/01_ha_noi/wards/00004_ba_dinh.geojson` is commune 00004 of province 01.
    fn codes(&self) -> Option<(&str, &str)> {
        let rest = self.path.strip_prefix("json/geojson/")?.strip_suffix(".geojson")?;
        let (province, commune) = rest.split_once("/wards/")?;
        let (province, commune) = (province.get(..2)?, commune.get(..5)?);
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        (digits(province) && digits(commune)).then_some((province, commune))
    }
}

fn from_public(client: &Client, source: &Source, cache: &Path) -> Result<(Vec<u8>, build::BuildReport)> {
    fs::create_dir_all(cache).map_err(|error| {
        CliError::failed(
            format_args!("cannot make the folder {}: {error}", cache.display()),
            "check its rights and the free space",
        )
    })?;
    let entries = http::block_on(async {
        let entries = list(client, source).await?;
        download_all(client, source, &entries, cache).await?;
        Ok(entries)
    })?;
    let features = Features { entries: entries.into(), cache: cache.to_owned(), line: io::Cursor::default() };
    let built = build::build(BufReader::new(features), &source.options).map_err(|error| {
        CliError::failed(format_args!("the data set cannot be built: {error}"), "try `--release` of another version")
    })?;
    // Only a download is in there; what cannot be removed costs space and nothing else.
    let _ = fs::remove_dir_all(cache);
    Ok(built)
}

async fn list(client: &Client, source: &Source) -> Result<Vec<Entry>> {
    let answer = http::send(client.get(&source.list)).await?;
    let bytes = http::body(answer, LIST_MAX_BYTES).await?;
    let remedy = "try again later, or take a bundle from a collector with --from URL";
    let listing: Listing = serde_json::from_slice(&bytes)
        .map_err(|error| CliError::failed(format_args!("{} is not a list of files: {error}", source.list), remedy))?;
    let mut entries: Vec<Entry> = listing.tree.into_iter().filter(|entry| entry.codes().is_some()).collect();
    if listing.truncated || entries.is_empty() {
        return Err(CliError::failed(format_args!("{} lists no communes or not all of them", source.list), remedy));
    }
    entries.sort_by(|a, b| a.codes().cmp(&b.codes()));
    Ok(entries)
}

async fn download_all(client: &Client, source: &Source, entries: &[Entry], cache: &Path) -> Result<()> {
    let bar = live::bar(entries.len() as u64, "communes");
    let result = stream::iter(entries)
        .map(|entry| async {
            let done = download(client, source, entry, cache).await;
            bar.inc(1);
            done
        })
        .buffer_unordered(PARALLEL)
        .try_for_each(|()| std::future::ready(Ok(())))
        .await;
    finish(&bar);
    result
}

fn finish(bar: &ProgressBar) {
    bar.finish_and_clear();
}

fn cached(entry: &Entry, cache: &Path) -> PathBuf {
    cache.join(&entry.sha)
}

/// Brings one file; one that is here already and whole is not asked for again.
async fn download(client: &Client, source: &Source, entry: &Entry, cache: &Path) -> Result<()> {
    let target = cached(entry, cache);
    if fs::read(&target).is_ok_and(|bytes| git_hash(&bytes) == entry.sha) {
        return Ok(());
    }
    let url = format!("{}{}", source.files, entry.path);
    let mut tries = 0;
    loop {
        tries += 1;
        match download_once(client, &url, entry).await {
            Ok(bytes) => return files::write_whole(&target, &bytes),
            Err(error) if tries == TRIES => {
                let cause = error.line().unwrap_or_default();
                return Err(CliError::failed(
                    format_args!("{}", cause.trim_start_matches("ispeed: ")),
                    "run the same command again: it goes on where it stopped",
                ));
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(500 << tries)).await,
        }
    }
}

async fn download_once(client: &Client, url: &str, entry: &Entry) -> Result<Vec<u8>> {
    // The files are indented JSON; compressed they are a tenth.
    let answer = http::send(client.get(url).header(ACCEPT_ENCODING, "gzip")).await?;
    let is_gzip = answer.headers().get(CONTENT_ENCODING).is_some_and(|encoding| encoding == "gzip");
    let body = http::body(answer, FILE_MAX_BYTES).await?;
    let bytes = if is_gzip { gunzip(&body, url)? } else { body };
    let found = git_hash(&bytes);
    if found != entry.sha {
        return Err(CliError::failed(
            format_args!(
                "{url} came with {} of {} bytes or changed (git hash {found}, expected {})",
                bytes.len(),
                entry.size,
                entry.sha
            ),
            "try again",
        ));
    }
    Ok(bytes)
}

fn gunzip(body: &[u8], url: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut reader = flate2::read::MultiGzDecoder::new(body).take(FILE_MAX_BYTES as u64);
    reader
        .read_to_end(&mut bytes)
        .map_err(|error| CliError::failed(format_args!("{url} is not compressed as it says: {error}"), "try again"))?;
    Ok(bytes)
}

/// The name git gives a file's content.
fn git_hash(bytes: &[u8]) -> String {
    let header = format!("blob {}\0", bytes.len());
    ispeed_protocol::signing::hex(&Sha1::new().chain_update(header).chain_update(bytes).finalize())
}

/// The downloaded files as the builder's input: one Feature a line, read one at a time.
struct Features {
    entries: VecDeque<Entry>,
    cache: PathBuf,
    line: io::Cursor<Vec<u8>>,
}

impl Read for Features {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let n = self.line.read(out)?;
            if n > 0 {
                return Ok(n);
            }
            let Some(entry) = self.entries.pop_front() else { return Ok(0) };
            let bytes = fs::read(cached(&entry, &self.cache))?;
            let line = feature_line(&entry, &bytes)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {error}", entry.path)))?;
            self.line = io::Cursor::new(line);
        }
    }
}

#[derive(Deserialize)]
struct Collection<'a> {
    #[serde(borrow)]
    features: Vec<SourceFeature<'a>>,
}

#[derive(Deserialize)]
struct SourceFeature<'a> {
    properties: SourceProperties,
    #[serde(borrow)]
    geometry: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SourceProperties {
    code: String,
    full_name: String,
    area_km2: Option<f64>,
}

fn feature_line(entry: &Entry, bytes: &[u8]) -> std::result::Result<Vec<u8>, String> {
    let collection: Collection<'_> = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let [feature] = collection.features.as_slice() else {
        return Err(format!("{} features, expected 1", collection.features.len()));
    };
    let (province, code) = entry.codes().ok_or("the path names no commune")?;
    if feature.properties.code != code {
        return Err(format!("code is {:?}, expected {code:?} as the file is named", feature.properties.code));
    }
    let properties = serde_json::json!({
        "code": code,
        "name": feature.properties.full_name,
        "province": province,
        "area_km2": feature.properties.area_km2,
    });
    let mut line = format!(r#"{{"type":"Feature","id":"{code}","properties":{properties},"geometry":"#).into_bytes();
    // Geometry holds numbers and the one word of its type: white space in it is indentation.
    line.extend(feature.geometry.get().bytes().filter(|b| !b.is_ascii_whitespace()));
    line.extend_from_slice(b"}\n");
    Ok(line)
}

#[cfg(test)]
#[path = "fetch_tests.rs"]
mod tests;
