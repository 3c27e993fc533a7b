//! `ispeed admin export`: a store into one file.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use ispeed_server::archive::{self, ArchiveError, Content};
use ispeed_server::store::StoreError;

use crate::error::{CliError, Result};
use crate::http;
use crate::output::Out;
use crate::store::{self, StoreArgs};

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(flatten)]
    store: StoreArgs,
    /// File to write; it must not be there yet.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<()> {
    if args.out.exists() {
        let cause = format!("{} is there already", args.out.display());
        return Err(CliError::failed(cause, "name another file with --out, or remove it"));
    }
    let content = http::block_on(async {
        let store = args.store.open_existing().await?;
        let mut part = args.out.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let written = write(&*store, &part, &args.out).await;
        if written.is_err() {
            // Nothing half-written stays behind; that it may not exist is fine.
            let _ = fs::remove_file(&part);
        }
        written.map_err(|error| failed(&args.out, &error))
    })?;
    let mut out = Out::new();
    print(&mut out, "exported", &content)?;
    out.flush()
}

async fn write(
    store: &dyn ispeed_server::store::Store,
    part: &Path,
    path: &Path,
) -> std::result::Result<Content, ArchiveError> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    // What people measured is nobody else's to read.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = BufWriter::new(options.open(part)?);
    let content = archive::export(store, &mut file).await?;
    file.flush()?;
    file.get_ref().sync_all()?;
    fs::rename(part, path)?;
    Ok(content)
}

/// One line for people and for scripts that compare.
pub(super) fn print(out: &mut Out, what: &str, content: &Content) -> Result<()> {
    out.line(format!(
        "{what}: {} samples, {} deleted, {} records, {} keys, sha256 {}",
        content.samples, content.deleted, content.records, content.keys, content.sha256
    ))
}

pub(super) fn failed(path: &Path, error: &ArchiveError) -> CliError {
    let path = path.display();
    match error {
        ArchiveError::Store(StoreError::Conflict { .. }) => CliError::failed(
            format_args!("{path}: {error}"),
            "the two stores are no copies of one another: import into an empty one",
        ),
        ArchiveError::Store(error) => store::failed(error),
        ArchiveError::File(_) => {
            CliError::failed(format_args!("{path}: {error}"), "check the path, its rights and the free space")
        }
        ArchiveError::Line { .. } => CliError::failed(
            format_args!("{path}: {error}"),
            "export again, and copy the file whole; nothing was taken in",
        ),
        _ => CliError::failed(format_args!("{path}: {error}"), "export again from the store it was made of"),
    }
}
