//! A collector's own database and folder, for commands of its administrator.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ispeed_protocol::signing::SecretKey;
use ispeed_server::collect::{Communes, RECEIPT_KEY_FILE, load_or_create};
use ispeed_server::server::STORE_FILE;
use ispeed_server::store::{self, Store};

use crate::error::{CliError, Result};
use crate::{files, place};

/// Where a collector keeps what it has.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Local {
    /// Folder of the server: its keys, and its database unless --database names another.
    #[arg(long, value_name = "DIR", default_value = files::DEFAULT_DATA)]
    pub(crate) data: PathBuf,
    /// Database of the server, postgres://…
    #[arg(long, value_name = "URL")]
    pub(crate) database: Option<String>,
    /// Boundary bundle; $ISPEED_BOUNDARIES, DATA/communes.bundle or what `boundaries fetch` brought unless given.
    #[arg(long, value_name = "FILE")]
    pub(crate) boundaries: Option<PathBuf>,
}

impl Local {
    /// Opens the database to read: one that is not there is not made.
    pub(crate) async fn read(&self) -> Result<Arc<dyn Store>> {
        let file = self.data.join(STORE_FILE);
        if self.database.is_none() && !file.is_file() {
            return Err(CliError::failed(
                format_args!("{} is not there", file.display()),
                "name the server's folder with --data or its database with --database",
            ));
        }
        open(self.database.as_deref(), &self.data).await
    }

    /// Opens the database to write; makes folder and file where there are none yet.
    pub(crate) async fn write(&self) -> Result<Arc<dyn Store>> {
        files::make_private_dir(&self.data)?;
        open(self.database.as_deref(), &self.data).await
    }

    /// The communes it knows.
    pub(crate) fn communes(&self) -> Result<Arc<Communes>> {
        communes(self.boundaries.as_deref(), Some(&self.data))
    }

    /// The key it signs with.
    pub(crate) fn key(&self) -> Result<SecretKey> {
        files::make_private_dir(&self.data)?;
        load_or_create(&self.data.join(RECEIPT_KEY_FILE))
            .map_err(|error| CliError::failed(error, "name the server's folder with --data"))
    }
}

async fn open(database: Option<&str>, data: &Path) -> Result<Arc<dyn Store>> {
    store::open(database, data).await.map_err(|error| of_store(&error))
}

/// The communes of a bundle, else of the gazetteer.
pub(crate) fn communes(boundaries: Option<&Path>, data: Option<&Path>) -> Result<Arc<Communes>> {
    let path = place::bundle_path(boundaries, data);
    let bytes = path.as_deref().map(|path| files::read_all(path, 64 << 20)).transpose()?;
    let shown = path.unwrap_or_default();
    let communes = Communes::new(bytes).map_err(|error| {
        CliError::failed(
            format_args!("{}: {error}", shown.display()),
            "make it with `ispeed boundaries build` or `ispeed boundaries fetch`",
        )
    })?;
    Ok(Arc::new(communes))
}

/// An error of the store with what to do about it.
pub(crate) fn of_store(error: &dyn std::error::Error) -> CliError {
    CliError::failed(
        crate::http::with_causes(error),
        "check --data and --database, their rights and that nobody changed the same at this moment",
    )
}

/// Five digits that the table knows.
pub(crate) fn known_commune(communes: &Communes, code: &str) -> Result<()> {
    if communes.get(code).is_some() {
        return Ok(());
    }
    Err(CliError::usage(
        format_args!("--commune is {code:?}, which is no commune"),
        "give five digits, such as 25195 for Phường Bình Phước",
    ))
}
