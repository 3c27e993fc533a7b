//! Raw export: the rows of a month as Parquet, for the engines of clusters (DuckDB, Spark, Trino).
//!
//! `month=YYYY-MM/province=NN/part-N.parquet` in a folder or an S3-compatible store; rows without a province lie in
//! `province=none`. Each file also says the province as a column, since engines read `01` in a path as a number. The same
//! store gives the same bytes. `_manifest.json`, which engines skip, is written last: without it an export is not whole.

mod columns;

use futures_util::TryStreamExt as _;
use ispeed_protocol::Month;
use ispeed_protocol::signing::sha256_hex;
use ispeed_report::MonthSample;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutPayload};
use serde::Serialize;
use thiserror::Error;

use crate::store::{MonthQuery, Store, StoreError};

/// Rows read at once.
const PAGE: u32 = 10_000;
/// Rows of one file: some 50 MB at most, so that the export of any month fits in memory.
const PART_ROWS: usize = 250_000;
/// Name of what is written last.
pub const MANIFEST: &str = "_manifest.json";
/// Partition of what lies in no province.
pub const NO_PROVINCE: &str = "none";

/// Why an export failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RawError {
    /// Nothing to export.
    #[error("month {0} has no samples in this store")]
    Empty(Month),
    /// The collector's store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The place to write to failed.
    #[error("the export could not be written: {0}")]
    Out(#[from] object_store::Error),
    /// A file could not be made.
    #[error("the rows could not be written as Parquet: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
}

/// One file of an export.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Part {
    /// Its place, from the folder or bucket prefix.
    pub path: String,
    /// Rows in it.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its bytes.
    pub sha256: String,
}

/// What was exported.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Exported {
    /// The month.
    pub month: Month,
    /// Rows in all.
    pub rows: u64,
    /// The files, in order of their path.
    pub parts: Vec<Part>,
}

/// Exports a month under a prefix; files of an earlier export of the month that this one does not have are deleted.
///
/// # Errors
/// The month is empty, the store or the place to write to fails. What was written then has no [`MANIFEST`].
pub async fn export_month(
    store: &dyn Store,
    out: &dyn ObjectStore,
    prefix: &Path,
    month: Month,
) -> Result<Exported, RawError> {
    let root = Path::from_iter(prefix.parts().chain(Path::from(format!("month={month}")).parts()));
    let mut writer = Writer { out, root: &root, exported: Exported { month, rows: 0, parts: Vec::new() } };
    let mut query = MonthQuery::new(month, PAGE);
    let (mut rows, mut number): (Vec<MonthSample>, usize) = (Vec::new(), 0);
    let mut begun = false;
    loop {
        let page = store.month_samples(query.clone()).await?;
        let Some(last) = page.last() else { break };
        query.after = Some(last.owned_order());
        if !begun {
            // An export that stops half way must not look like the one before it.
            delete_if_there(out, &root.clone().join(MANIFEST)).await?;
            begun = true;
        }
        for row in page {
            let same = rows.first().is_none_or(|first| first.province == row.province);
            if !same || rows.len() == PART_ROWS {
                writer.write(&mut rows, number).await?;
                number = if same { number + 1 } else { 0 };
            }
            rows.push(row);
        }
    }
    if !begun {
        return Err(RawError::Empty(month));
    }
    writer.write(&mut rows, number).await?;
    let exported = writer.exported;
    delete_others(out, &root, &exported).await?;
    let json = serde_json::to_vec_pretty(&exported).expect("a list of files has text keys only");
    out.put(&root.join(MANIFEST), PutPayload::from(json)).await?;
    Ok(exported)
}

struct Writer<'a> {
    out: &'a dyn ObjectStore,
    root: &'a Path,
    exported: Exported,
}

impl Writer<'_> {
    /// Writes the collected rows, all of one province, and forgets them.
    async fn write(&mut self, rows: &mut Vec<MonthSample>, number: usize) -> Result<(), RawError> {
        let Some(first) = rows.first() else { return Ok(()) };
        let province = first.province.as_deref().unwrap_or(NO_PROVINCE);
        let path = self.root.clone().join(format!("province={province}")).join(format!("part-{number}.parquet"));
        let file = columns::encode(rows)?;
        self.exported.rows += rows.len() as u64;
        self.exported.parts.push(Part {
            path: path.to_string(),
            rows: rows.len() as u64,
            bytes: file.len() as u64,
            sha256: sha256_hex(&file),
        });
        self.out.put(&path, PutPayload::from(file)).await?;
        rows.clear();
        Ok(())
    }
}

async fn delete_others(out: &dyn ObjectStore, root: &Path, exported: &Exported) -> Result<(), RawError> {
    let held: Vec<Path> = out.list(Some(root)).map_ok(|object| object.location).try_collect().await?;
    let ours = |path: &Path| exported.parts.iter().any(|part| part.path == path.as_ref());
    for path in held.iter().filter(|path| path.as_ref().ends_with(".parquet") && !ours(path)) {
        delete_if_there(out, path).await?;
    }
    Ok(())
}

async fn delete_if_there(out: &dyn ObjectStore, path: &Path) -> Result<(), RawError> {
    match out.delete(path).await {
        Err(object_store::Error::NotFound { .. }) => Ok(()),
        other => Ok(other?),
    }
}
