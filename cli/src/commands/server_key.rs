//! `ispeed server-key`: the public keys that receipts and evidence are signed with.

use std::path::{Path, PathBuf};

use ispeed_protocol::servers::Info;
use ispeed_server::collect::KeyPair;
use reqwest::Url;
use serde::Serialize;

use crate::error::{CliError, Result};
use crate::output::{Format, Out, print_entries};
use crate::{files, http};

/// The public keys of a server.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Folder of a server on this machine; keys that are not there yet are made.
    #[arg(long, value_name = "DIR", default_value = files::DEFAULT_DATA, conflicts_with = "server")]
    data: PathBuf,
    /// A server to ask.
    #[arg(long, value_name = "URL", value_parser = http::parse_url)]
    server: Option<Url>,
    /// Trust this certificate too (PEM).
    #[arg(long, value_name = "FILE", requires = "server")]
    ca: Option<PathBuf>,
    /// How to print; `json` is what `ispeed verify --key` reads.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Serialize)]
struct Keys {
    /// Of receipts and tokens.
    public_key: String,
    /// Of evidence.
    evidence_key: String,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let keys = match &args.server {
        Some(server) => ask(server, args.ca.as_deref())?,
        None => read(&args.data)?,
    };
    let mut out = Out::new();
    match args.format {
        Format::Human => {
            out.line(format!("receipts and tokens  {}", keys.public_key))?;
            out.line(format!("evidence             {}", keys.evidence_key))?;
        }
        Format::Json | Format::Jsonl => out.json_line(&keys)?,
        Format::Csv => {
            return print_entries(&mut out, Format::Csv, &[keys], &["public_key", "evidence_key"], |keys| {
                vec![keys.public_key.clone(), keys.evidence_key.clone()]
            });
        }
    }
    out.flush()
}

fn ask(server: &Url, ca: Option<&Path>) -> Result<Keys> {
    let client = http::client(http::read_ca(ca)?.as_deref())?;
    let url = http::endpoint(server, "v1/info")?;
    let info: Info = http::block_on(http::json(client.get(url)))?;
    Ok(Keys { public_key: info.public_key, evidence_key: info.evidence_key })
}

fn read(data: &Path) -> Result<Keys> {
    files::make_private_dir(data)?;
    let keys = KeyPair::load_or_create(data)
        .map_err(|error| CliError::failed(error, "name the server's folder with --data"))?;
    Ok(Keys { public_key: keys.receipt.public().text(), evidence_key: keys.evidence.public().text() })
}
