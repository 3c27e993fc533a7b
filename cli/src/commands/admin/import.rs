//! `ispeed admin import`: such a file into a store.

use std::fs::File;
use std::path::PathBuf;

use ispeed_server::archive;

use super::export::{failed, print};
use crate::error::Result;
use crate::output::Out;
use crate::store::{self, StoreArgs};
use crate::{files, http};

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(flatten)]
    store: StoreArgs,
    /// File that `admin export` wrote.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<()> {
    // Before a store is made for a file that is not there.
    drop(File::open(&args.file).map_err(|error| files::cannot_read(&args.file, &error))?);
    let done = http::block_on(async {
        let store = args.store.open_or_make().await?;
        let done = archive::import(&*store, || File::open(&args.file)).await;
        let closed = store.close().await.map_err(|error| store::failed(&error));
        let done = done.map_err(|error| failed(&args.file, &error))?;
        closed.map(|()| done)
    })?;
    let mut out = Out::new();
    print(&mut out, "file", &done.file)?;
    print(&mut out, "store", &done.store)?;
    let imported = done.imported;
    out.line(format!(
        "taken in: {}, held already: {}, deleted here before: {}",
        imported.stored, imported.held, imported.deleted
    ))?;
    out.flush()
}
