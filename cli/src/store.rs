//! The store of a server on this machine, or of a database it can reach: one way to name it, one way to open it.
//!
//! What is named is the database of --database, else of $ISPEED_DATABASE, else the file in the folder of --data. Where --data
//! and --database exclude one another, a folder that is named is meant, and not the environment's database.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ispeed_protocol::signing::SecretKey;
use ispeed_server::collect::{Communes, RECEIPT_KEY_FILE, load_or_create};
use ispeed_server::server::STORE_FILE;
use ispeed_server::store::{self, Store, StoreError};

use crate::error::{CliError, Result};
use crate::{files, place};

/// Address of the database; it may hold a password, which command lines show to everybody.
pub(crate) const DATABASE_ENV: &str = "ISPEED_DATABASE";

/// A server's folder and database, as `ispeed serve` takes them.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct ServerArgs {
    /// Folder of the server: its keys, and its database unless --database names another.
    #[arg(long, value_name = "DIR", default_value = files::DEFAULT_DATA)]
    pub(crate) data: PathBuf,
    /// Its database, where that is PostgreSQL; $ISPEED_DATABASE unless given.
    #[arg(long, value_name = "postgres://USER@HOST/DB")]
    pub(crate) database: Option<String>,
}

impl ServerArgs {
    /// Opens the store: one that is not there is not made.
    pub(crate) async fn open_existing(&self) -> Result<Arc<dyn Store>> {
        open_existing(database(self.database.as_deref()).as_deref(), &self.data).await
    }

    /// Opens the store; makes folder and file where there are none yet.
    pub(crate) async fn open_or_make(&self) -> Result<Arc<dyn Store>> {
        open_or_make(database(self.database.as_deref()).as_deref(), &self.data).await
    }

    /// The key it signs with; never a new one: what that signed would be nobody's.
    pub(crate) fn key(&self) -> Result<SecretKey> {
        let file = self.data.join(RECEIPT_KEY_FILE);
        if !file.is_file() {
            return Err(CliError::failed(
                format_args!("{} is not there, the key this is signed with", file.display()),
                "name the collector's folder with --data",
            ));
        }
        self.key_or_make()
    }

    /// The key it signs with, made where there is none yet.
    pub(crate) fn key_or_make(&self) -> Result<SecretKey> {
        files::make_private_dir(&self.data)?;
        load_or_create(&self.data.join(RECEIPT_KEY_FILE))
            .map_err(|error| CliError::failed(error, "name the collector's folder with --data"))
    }
}

/// A server on this machine, with the communes it knows.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Local {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// Boundary bundle; $ISPEED_BOUNDARIES, DATA/communes.bundle or what `boundaries fetch` brought unless given.
    #[arg(long, value_name = "FILE")]
    pub(crate) boundaries: Option<PathBuf>,
}

impl Local {
    /// The communes it knows.
    pub(crate) fn communes(&self) -> Result<Arc<Communes>> {
        place::communes(self.boundaries.as_deref(), &self.server.data)
    }
}

/// A store alone: in a folder, or a database.
#[derive(clap::Args, Debug)]
pub(crate) struct StoreArgs {
    /// Folder of a server on this machine.
    #[arg(long, value_name = "DIR", conflicts_with = "database")]
    data: Option<PathBuf>,
    /// Its database, where that is PostgreSQL; $ISPEED_DATABASE unless given.
    #[arg(long, value_name = "postgres://USER@HOST/DB")]
    database: Option<String>,
}

impl StoreArgs {
    /// Opens a store that is there.
    pub(crate) async fn open_existing(&self) -> Result<Arc<dyn Store>> {
        let (database, data) = self.named()?;
        open_existing(database.as_deref(), &data).await
    }

    /// Opens a store, and makes it where there is none.
    pub(crate) async fn open_or_make(&self) -> Result<Arc<dyn Store>> {
        let (database, data) = self.named()?;
        open_or_make(database.as_deref(), &data).await
    }

    /// Nothing is taken for granted: an archive is not read into a folder that nobody named.
    fn named(&self) -> Result<(Option<String>, PathBuf)> {
        if let Some(data) = &self.data {
            return Ok((None, data.clone()));
        }
        let Some(database) = database(self.database.as_deref()) else {
            let remedy = format!("give --data DIR or --database URL, or set {DATABASE_ENV}");
            return Err(CliError::usage("nothing says which store", remedy));
        };
        Ok((Some(database), PathBuf::new()))
    }
}

/// The database that is named, else that of the environment.
pub(crate) fn database(named: Option<&str>) -> Option<String> {
    let of_environment = || std::env::var(DATABASE_ENV).ok().filter(|text| !text.is_empty());
    named.map(str::to_owned).or_else(of_environment)
}

/// Looking must not make a store.
async fn open_existing(database: Option<&str>, data: &Path) -> Result<Arc<dyn Store>> {
    let file = data.join(STORE_FILE);
    if database.is_none() && !file.is_file() {
        return Err(CliError::failed(
            format_args!("{} is not there", file.display()),
            "name the server's folder with --data or its database with --database",
        ));
    }
    open(database, data).await
}

async fn open_or_make(database: Option<&str>, data: &Path) -> Result<Arc<dyn Store>> {
    if database.is_none() {
        files::make_private_dir(data)?;
    }
    open(database, data).await
}

async fn open(database: Option<&str>, data: &Path) -> Result<Arc<dyn Store>> {
    store::open(database, data).await.map_err(|error| {
        let place = if database.is_some() { String::new() } else { format!("{}: ", data.join(STORE_FILE).display()) };
        CliError::failed(format_args!("{place}{}", crate::http::with_causes(&error)), remedy(&error))
    })
}

/// An error of the store with what to do about it.
pub(crate) fn failed(error: &StoreError) -> CliError {
    CliError::failed(crate::http::with_causes(error), remedy(error))
}

/// What to do about an error of the store.
pub(crate) fn remedy(error: &StoreError) -> &'static str {
    match error {
        StoreError::Unreachable { .. } => "check that the database runs and is reached under this address",
        StoreError::Address { .. } => "mend --database or the variable ISPEED_DATABASE",
        StoreError::TooNew { .. } => "install the newer program",
        StoreError::Foreign(_) => "name a server's folder with --data, or a database of its own with --database",
        StoreError::Busy => "try again later",
        StoreError::Conflict { .. } => "somebody else changed it at this moment: look at it and run this again",
        _ => "check the folder of --data or the database, its rights and the free space",
    }
}
