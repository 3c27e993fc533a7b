//! Which database: the file in the data folder, unless an address names another.

use std::path::Path;
use std::sync::Arc;

use super::{PostgresStore, SqliteStore, Store, StoreError};
use crate::server::STORE_FILE;

/// Opens the database of an address, else the file of the data folder, and brings it to the newest schema.
///
/// # Errors
/// The address is none, the database does not answer, or it is not a store this program knows.
pub async fn open(database: Option<&str>, data: &Path) -> Result<Arc<dyn Store>, StoreError> {
    if let Some(address) = database {
        return Ok(Arc::new(PostgresStore::open(address).await?));
    }
    let path = data.join(STORE_FILE);
    let opened = tokio::task::spawn_blocking(move || SqliteStore::open(&path)).await;
    Ok(Arc::new(opened.unwrap_or(Err(StoreError::Panicked))?))
}
