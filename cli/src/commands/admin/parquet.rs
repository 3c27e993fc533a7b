//! `ispeed admin parquet`: the rows of a month for the engines of clusters.

use std::path::PathBuf;
use std::sync::Arc;

use ispeed_protocol::Month;
use ispeed_server::raw::{RawError, export_month};
use ispeed_verdict::Lang;
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use reqwest::Url;

use super::s3;
use crate::error::{CliError, Result};
use crate::http;
use crate::lang::number;
use crate::output::Out;
use crate::store::{self, ServerArgs};

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The month, YYYY-MM.
    #[arg(long, value_name = "YYYY-MM")]
    month: Month,
    /// Where to: a folder, or s3://bucket/prefix with credentials in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
    #[arg(long, value_name = "DIR|S3URL")]
    out: String,
    #[command(flatten)]
    server: ServerArgs,
    /// Address of the S3-compatible store, if it is not Amazon's.
    #[arg(long, value_name = "URL", value_parser = http::parse_url)]
    endpoint: Option<Url>,
    /// Region of the bucket; $AWS_REGION unless given.
    #[arg(long, value_name = "NAME")]
    region: Option<String>,
    /// Trust this certificate too (PEM).
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

pub(super) fn run(args: &Args, lang: Lang) -> Result<()> {
    let (out, prefix) = destination(args)?;
    let exported = http::block_on(async {
        let store = args.server.open_existing().await?;
        let exported = export_month(&*store, &*out, &prefix, args.month).await.map_err(|error| match error {
            RawError::Empty(_) => CliError::failed(error, "check --month; nothing was written"),
            RawError::Out(_) => CliError::failed(http::with_causes(&error), "check --out, its rights and credentials"),
            _ => CliError::failed(
                http::with_causes(&error),
                "run it again: an export without _manifest.json is not whole",
            ),
        })?;
        store.close().await.map_err(|error| store::failed(&error))?;
        Ok(exported)
    })?;
    let bytes: u64 = exported.parts.iter().map(|part| part.bytes).sum();
    let mut out = Out::new();
    let n = |value: u64| number(lang, value as f64, 0);
    out.line(match lang {
        Lang::Vi => {
            format!("Tháng {}: {} dòng, {} tệp, {} byte", args.month, n(exported.rows), exported.parts.len(), n(bytes))
        }
        Lang::En => {
            format!("{}: {} rows, {} files, {} bytes", args.month, n(exported.rows), exported.parts.len(), n(bytes))
        }
    })?;
    out.flush()
}

/// The folder, or the bucket and the prefix in it.
fn destination(args: &Args) -> Result<(Arc<dyn ObjectStore>, Path)> {
    let Some(rest) = args.out.strip_prefix("s3://") else {
        let folder = PathBuf::from(&args.out);
        std::fs::create_dir_all(&folder).map_err(|error| {
            CliError::failed(format_args!("cannot make the folder {}: {error}", folder.display()), "check its rights")
        })?;
        let store = LocalFileSystem::new_with_prefix(&folder).map_err(|error| {
            CliError::failed(format_args!("{}: {error}", folder.display()), "name a folder with --out")
        })?;
        return Ok((Arc::new(store), Path::default()));
    };
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        return Err(CliError::usage(format_args!("--out {:?} names no bucket", args.out), "give s3://bucket/prefix"));
    }
    let prefix = Path::parse(prefix)
        .map_err(|error| CliError::usage(format_args!("--out {:?}: {error}", args.out), "give s3://bucket/prefix"))?;
    let client = http::client(http::read_ca(args.ca.as_deref())?.as_deref())?;
    Ok((s3::open(bucket, args.endpoint.as_ref(), args.region.as_deref(), client)?, prefix))
}
