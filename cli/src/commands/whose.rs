//! Whose answer is asked for: that of a server on this machine or of its database, or that of a collector over the network.

use std::path::PathBuf;

use reqwest::Url;

use super::test::COLLECTOR_ENV;
use crate::error::{CliError, Result};
use crate::store::{self, Local, ServerArgs};
use crate::{files, http};

/// What is said on the command line goes before the environment, and a database before a collector.
#[derive(clap::Args, Debug)]
pub(crate) struct Whose {
    /// Folder of a server on this machine.
    #[arg(long, value_name = "DIR", conflicts_with = "server")]
    data: Option<PathBuf>,
    /// Its database, where that is PostgreSQL; $ISPEED_DATABASE unless given.
    #[arg(long, value_name = "postgres://USER@HOST/DB", conflicts_with = "server")]
    database: Option<String>,
    /// Boundary bundle, with --data or --database.
    #[arg(long, value_name = "FILE", conflicts_with = "server")]
    boundaries: Option<PathBuf>,
    /// A collector to ask; $ISPEED_COLLECTOR unless given.
    #[arg(long, value_name = "URL", value_parser = http::parse_url)]
    server: Option<Url>,
    /// Trust this certificate too (PEM).
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
}

/// Who answers.
pub(crate) enum Asked {
    /// A store that this program reads itself.
    Local(Local),
    /// A collector.
    Collector(Url),
}

impl Whose {
    /// Who answers; `what` is asked for.
    pub(crate) fn asked(&self, what: &str) -> Result<Asked> {
        if let Some(server) = &self.server {
            return Ok(Asked::Collector(server.clone()));
        }
        let database = store::database(self.database.as_deref());
        if self.data.is_some() || database.is_some() {
            let data = self.data.clone().unwrap_or_else(|| files::DEFAULT_DATA.into());
            let server = ServerArgs { data, database };
            return Ok(Asked::Local(Local { server, boundaries: self.boundaries.clone() }));
        }
        let Some(text) = std::env::var(COLLECTOR_ENV).ok().filter(|text| !text.is_empty()) else {
            let remedy = format!("give --data DIR, --database URL or --server URL, or set {COLLECTOR_ENV}");
            return Err(CliError::usage(format_args!("nothing says whose {what} is asked for"), remedy));
        };
        let mend = |error| CliError::usage(format_args!("{COLLECTOR_ENV}: {error}"), "mend the variable");
        http::parse_url(&text).map(Asked::Collector).map_err(mend)
    }
}
