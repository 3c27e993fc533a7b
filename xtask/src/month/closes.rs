//! A month closed on both databases: equal folders, equal again, checked by `month verify`; its figures from the raw export.

use std::path::Path;

use super::python::{Python, text};
use super::servers::S3;
use super::stage::{Stage, Store, same};
use super::{Check, Checks, MONTH};

const BUCKET: &str = "raw";

/// Closes on both and compares; the folder `closed` is what is published.
pub(super) fn both(stage: &Stage, sqlite: &Store, postgresql: &Store, area: &[&str]) -> Vec<Check> {
    let mut checks = Checks::default();
    let (closed, other, again) =
        (stage.dir.join("closed"), stage.dir.join("closed-pg"), stage.dir.join("closed-again"));
    let sealed = [area, &["--sealed"]].concat();
    let close = |store: &Store, out: &Path| stage.succeeds(&stage.close_words(store, out, &sealed));
    checks.of("month close on SQLite", || close(sqlite, &closed));
    checks.of("month close on PostgreSQL", || close(postgresql, &other));
    checks.of("both folders are equal to the byte", || same(&closed, &other));
    checks.of("closing again gives the same bytes", || close(sqlite, &again).and_then(|_| same(&closed, &again)));
    let verify = |words: &[&str], folder: &Path| {
        let mut all = vec!["month".to_owned(), "verify".to_owned(), text(folder)];
        all.extend(words.iter().map(|word| (*word).to_owned()));
        all
    };
    checks.of("month verify", || stage.succeeds(&verify(&[], &closed)));
    checks.of("month verify --sealed", || stage.succeeds(&verify(&["--sealed"], &closed)));
    checks.of("month verify finds a changed figure", || {
        change_a_figure(&again)?;
        let finished = stage.run(&verify(&[], &again));
        let said = finished.lines.join(" ");
        if finished.code == Some(1) && said.contains("figures.csv") {
            return Ok(());
        }
        Err(format!("expected exit code 1 and figures.csv, got {} {said}", finished.why()))
    });
    checks.list
}

/// One digit of one figure.
fn change_a_figure(folder: &Path) -> Result<(), String> {
    let path = folder.join("figures.csv");
    let mut bytes = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let middle = bytes.len() / 2;
    let digit = bytes[middle..].iter().position(u8::is_ascii_digit).ok_or("no digit in figures.csv")?;
    let at = middle + digit;
    bytes[at] = if bytes[at] == b'1' { b'2' } else { b'1' };
    std::fs::write(&path, bytes).map_err(|error| format!("{}: {error}", path.display()))
}

/// The raw export to a folder and to an S3-compatible store, and the figures by another engine from it.
pub(super) fn raw(stage: &Stage, python: &Python, store: &Store, closed: &Path) -> Vec<Check> {
    let mut checks = Checks::default();
    let raw = stage.dir.join("raw");
    let words = |out: &str, more: &[&str]| {
        let mut words: Vec<String> =
            ["admin", "parquet", "--month", MONTH, "--data"].iter().map(|word| (*word).to_owned()).collect();
        words.push(text(&store.data));
        words.extend(store.database.iter().flat_map(|url| ["--database".to_owned(), url.clone()]));
        words.extend(["--out".to_owned(), out.to_owned()]);
        words.extend(more.iter().map(|word| (*word).to_owned()));
        words
    };
    checks.of("raw export to a folder", || stage.succeeds(&words(&text(&raw), &[])));
    checks.of("raw export to an S3-compatible store (moto)", || {
        let s3 = S3::start(python, &stage.dir, BUCKET)?;
        // The store takes any key; a real one is in the environment of whoever runs it.
        let credentials =
            [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"), ("AWS_REGION", "us-east-1")];
        stage.succeeds_with(&words(&format!("s3://{BUCKET}/months"), &["--endpoint", &s3.endpoint]), &credentials)?;
        let fetched = stage.dir.join("from-s3");
        let script = format!(
            "import os\nfor page in s3.get_paginator('list_objects_v2').paginate(Bucket={BUCKET:?}):\n \
             for item in page.get('Contents', []):\n  path = os.path.join({:?}, item['Key'])\n  \
             os.makedirs(os.path.dirname(path), exist_ok=True)\n  s3.download_file({BUCKET:?}, item['Key'], path)",
            text(&fetched)
        );
        s3.client(python, &script)?;
        parts_are_equal(&raw, &fetched.join("months"))
    });
    checks.of("a wrong secret is one clear error", || {
        let nobody = crate::server::free_port()?;
        let endpoint = format!("http://127.0.0.1:{nobody}");
        stage.refuses(
            &words(&format!("s3://{BUCKET}/months"), &["--endpoint", &endpoint]),
            1,
            &["could not be written"],
        )
    });
    let month = raw.join(format!("month={MONTH}"));
    let figures = closed.join("figures.csv");
    let by_sql: [&dyn AsRef<std::ffi::OsStr>; 6] = [&"--engine", &"duckdb", &"--raw", &month, &"--figures", &figures];
    checks.extend(python.checks("by_sql.py", &by_sql));
    checks.list
}

/// The manifests name the prefix, everything else is equal.
fn parts_are_equal(one: &Path, other: &Path) -> Result<(), String> {
    let parts = |folder: &Path| -> Result<Vec<(String, Vec<u8>)>, String> {
        let mut parts = crate::walk::contents(folder)?;
        parts.retain(|(name, _)| name.ends_with(".parquet"));
        Ok(parts)
    };
    let (left, right) = (parts(one)?, parts(other)?);
    if !left.is_empty() && left == right {
        Ok(())
    } else {
        Err(format!("{} and {} files differ", left.len(), right.len()))
    }
}
