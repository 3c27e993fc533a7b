//! The store of a server on this machine, or of a database it can reach.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ispeed_server::server::STORE_FILE;
use ispeed_server::store::{self, Store, StoreError};

use crate::error::{CliError, Result};

/// Address of the database; it may hold a password, which command lines show to everybody.
pub(crate) const DATABASE_ENV: &str = "ISPEED_DATABASE";

/// Which store.
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
        let database = database(self.database.as_deref(), self.data.is_some());
        open_existing(database.as_deref(), self.data.as_deref()).await
    }

    /// Opens a store, and makes it where there is none.
    pub(crate) async fn open_or_make(&self) -> Result<Arc<dyn Store>> {
        let database = database(self.database.as_deref(), self.data.is_some());
        if let (None, Some(data)) = (&database, &self.data) {
            crate::files::make_private_dir(data)?;
        }
        open(database.as_deref(), self.data.as_deref()).await
    }
}

/// The database that is named, else that of the environment unless a folder is named.
pub(crate) fn database(named: Option<&str>, folder_named: bool) -> Option<String> {
    let of_environment = || std::env::var(DATABASE_ENV).ok().filter(|text| !text.is_empty() && !folder_named);
    named.map(str::to_owned).or_else(of_environment)
}

/// Opens a store that is there: looking must not make one.
pub(crate) async fn open_existing(database: Option<&str>, data: Option<&Path>) -> Result<Arc<dyn Store>> {
    if let (None, Some(data)) = (database, data) {
        let file = data.join(STORE_FILE);
        if !file.is_file() {
            let cause = format_args!("{} is not there", file.display()).to_string();
            return Err(CliError::failed(cause, "name the server's folder with --data"));
        }
    }
    open(database, data).await
}

async fn open(database: Option<&str>, data: Option<&Path>) -> Result<Arc<dyn Store>> {
    let Some(data) = data.or_else(|| database.map(|_| Path::new("."))) else {
        let remedy = format!("give --data DIR or --database URL, or set {DATABASE_ENV}");
        return Err(CliError::usage("nothing says which store", remedy));
    };
    store::open(database, data).await.map_err(|error| {
        let place = if database.is_some() { String::new() } else { format!("{}: ", data.join(STORE_FILE).display()) };
        CliError::failed(format_args!("{place}{error}"), remedy(&error))
    })
}

/// An error of the store with what to do about it.
pub(crate) fn failed(error: &StoreError) -> CliError {
    CliError::failed(error, remedy(error))
}

/// What to do about an error of the store.
pub(crate) fn remedy(error: &StoreError) -> &'static str {
    match error {
        StoreError::Unreachable { .. } => "check that the database runs and is reached under this address",
        StoreError::Address { .. } => "mend --database or the variable ISPEED_DATABASE",
        StoreError::TooNew { .. } => "install the newer program",
        StoreError::Foreign(_) => "name a server's folder with --data, or a database of its own with --database",
        StoreError::Busy => "try again later",
        StoreError::Conflict { .. } => "the two stores are no copies of one another: import into an empty one",
        _ => "check the folder of --data or the database, its rights and the free space",
    }
}
