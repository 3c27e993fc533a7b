//! A whole server: keys on disk, store, collector, measuring end and accept loop. What `ispeed serve` and `ispeed demo` run.

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ispeed_protocol::servers::{ServerClass, ServerEntry, ServerList};
use ispeed_protocol::signing::PublicKey;
use thiserror::Error;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::accept::{self, PairFiles, Renewal, RenewalError, Renewed, Security, ServeConfig, ServeError};
use crate::collect::asn::{AsTable, AsTableError};
use crate::collect::{
    self, Collector, CollectorConfig, CollectorError, KeyFileError, KeyPair, PlanSettings, ServerListError,
    TokenLimits, parse_server_list, system_clock,
};
use crate::interop::Interop;
use crate::limits;
use crate::measure::{Measure, MeasureConfig, MeasureLimits};
use crate::store::{self, StoreError};

/// File of the store in the data folder.
pub const STORE_FILE: &str = "ispeed.sqlite";
/// File of the boundary bundle in the data folder, used when no other is named.
pub const BUNDLE_FILE: &str = "communes.bundle";

/// Where the certificate comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Certificate {
    /// Files, PEM.
    Files {
        /// The chain.
        cert: PathBuf,
        /// Its key.
        key: PathBuf,
    },
    /// Made once, written to `cert.pem` in the data folder.
    SelfSigned,
    /// No TLS: tests, and loopback behind a proxy that ends TLS.
    Plain,
}

/// How to run a server. Start from [`Config::new`].
#[derive(Clone)]
pub struct Config {
    /// Addresses; `[::]` takes IPv4 too unless an IPv4 address is listed as well.
    pub listen: Vec<SocketAddr>,
    /// Folder of store, keys and self-signed certificate; made if it is not there.
    pub data: PathBuf,
    /// Address of a database, `postgres://…`; the file [`STORE_FILE`] of the data folder unless given.
    pub database: Option<String>,
    /// Certificate.
    pub certificate: Certificate,
    /// Host name clients reach it by; also its name in receipts and on the page.
    pub public_name: Option<String>,
    /// Id of the measuring end, as in the server list.
    pub server_id: String,
    /// Server list.
    pub servers: Option<PathBuf>,
    /// Boundary bundle; without one the file [`BUNDLE_FILE`] of the data folder, if it is there, else the gazetteer.
    pub boundaries: Option<PathBuf>,
    /// Further collectors whose tokens the measuring end takes.
    pub trusted_issuers: Vec<PublicKey>,
    /// Table of autonomous systems, `prefix<TAB>asn`.
    pub as_table: Option<PathBuf>,
    /// Takes samples with made-up facts, and counts them (demo only).
    pub accept_simulated: bool,
    /// Limits of tokens.
    pub token_limits: TokenLimits,
    /// Spacing of samples and the cut-off of a month.
    pub plan: PlanSettings,
    /// Limits of the measuring end.
    pub measure_limits: MeasureLimits,
    /// Protocols of other speed tests to speak too.
    pub interop: Vec<Interop>,
}

impl Config {
    /// These addresses and this folder, a self-signed certificate, and the defaults of [`limits`].
    pub fn new(listen: Vec<SocketAddr>, data: impl Into<PathBuf>) -> Self {
        Self {
            listen,
            data: data.into(),
            database: None,
            certificate: Certificate::SelfSigned,
            public_name: None,
            server_id: "local".to_owned(),
            servers: None,
            boundaries: None,
            trusted_issuers: Vec::new(),
            as_table: None,
            accept_simulated: false,
            token_limits: TokenLimits::default(),
            plan: PlanSettings::default(),
            measure_limits: MeasureLimits::default(),
            interop: Vec::new(),
        }
    }
}

/// Why a server could not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServerError {
    /// A file or folder.
    #[error("{what} {path}: {source}", path = path.display())]
    File {
        /// What it is for.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The server list.
    #[error("server list {path}: {source}", path = path.display())]
    Servers {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        source: ServerListError,
    },
    /// The AS table.
    #[error("{path}: {source}", path = path.display())]
    AsTable {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        source: AsTableError,
    },
    /// A key file.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The collector.
    #[error(transparent)]
    Collector(#[from] CollectorError),
    /// The certificate.
    #[error("certificate: {0}")]
    Certificate(#[from] RenewalError),
    /// Sockets and certificate files.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// A server that runs.
pub struct Running {
    sockets: accept::Running,
    collector: Arc<Collector>,
    measure: Measure,
    url: String,
    ca: Option<PathBuf>,
    renewal: Option<Arc<Renewal>>,
    watching: DropGuard,
}

impl Running {
    /// Base URL clients use.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Addresses listened on, ports filled in.
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        self.sockets.local_addrs()
    }

    /// UDP port of the echo.
    pub fn udp_port(&self) -> u16 {
        self.sockets.udp_port()
    }

    /// The collector.
    pub fn collector(&self) -> &Arc<Collector> {
        &self.collector
    }

    /// The measuring end.
    pub fn measure(&self) -> &Measure {
        &self.measure
    }

    /// Certificate that clients have to be given (`--ca`) because nobody else vouches for it.
    pub fn ca(&self) -> Option<&Path> {
        self.ca.as_deref()
    }

    /// Looks at the files of the certificate now; they are looked at every [`limits::CERTIFICATE_LOOK_EVERY`] anyway.
    /// `None` without TLS.
    pub async fn renew_certificate(&self) -> Option<Renewed> {
        match &self.renewal {
            Some(renewal) => Some(renewal.look().await),
            None => None,
        }
    }

    /// Lets running tests and answers finish, then closes the store.
    ///
    /// # Errors
    /// When the store could not be closed in order; what was answered is kept all the same.
    pub async fn shutdown(self) -> Result<(), ServerError> {
        drop(self.watching);
        self.sockets.shutdown().await;
        Ok(self.collector.close().await?)
    }
}

/// Starts a server.
///
/// # Errors
/// What cannot be read, opened or listened on, by name.
pub async fn start(config: Config) -> Result<Running, ServerError> {
    make_private_folder(&config.data).map_err(file("data folder", &config.data))?;
    let keys = KeyPair::load_or_create(&config.data)?;
    let (renewal, ca) = certificate(&config)?;
    let as_table = config.as_table.as_deref().map(read_as_table).transpose()?.map(Arc::new);
    let store = store::open(config.database.as_deref(), &config.data).await?;

    let mut issuers = vec![keys.receipt.public()];
    issuers.extend(config.trusted_issuers.iter().cloned());
    let measure = Measure::new(MeasureConfig {
        server_id: config.server_id.clone(),
        evidence_key: keys.evidence.clone(),
        issuers,
        asn: as_table.clone().map(|table| Arc::new(move |address: IpAddr| table.find(address)) as _),
        limits: config.measure_limits.clone(),
    });
    let collector = Collector::open(collector_config(&config, keys, as_table)?, store).await?;
    let collector = Arc::new(collector);
    collector.also_report({
        let (stats, renewal) = (Arc::clone(measure.stats()), renewal.clone());
        move |out: &mut String| {
            collect::render_measuring_end(&stats.snapshot(), out);
            if let Some(renewal) = &renewal {
                collect::render_certificate(renewal.counts(), out);
            }
        }
    });

    let serve = ServeConfig {
        interop: config.interop.clone(),
        public_name: config.public_name.clone(),
        ..ServeConfig::new(config.listen.clone(), security(renewal.as_deref()))
    };
    let sockets = accept::serve(serve, measure.clone(), collect::router(Arc::clone(&collector))).await?;
    let url = base_url(&config, &sockets.local_addrs());
    collector.listening(url.clone(), sockets.udp_port());
    let watching = watch(renewal.clone());
    Ok(Running { sockets, collector, measure, url, ca, renewal, watching })
}

/// Looks at the files of the certificate until the guard is dropped.
fn watch(renewal: Option<Arc<Renewal>>) -> DropGuard {
    let ended = CancellationToken::new();
    if let Some(renewal) = renewal {
        let ended = ended.clone();
        tokio::spawn(async move { renewal.watch(ended).await });
    }
    ended.drop_guard()
}

/// Makes the folder, for its owner only; one that is there is left as its owner made it.
fn make_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn file(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ServerError {
    let path = path.to_owned();
    move |source| ServerError::File { what, path, source }
}

/// The pair that is served, and the certificate that clients have to be given.
fn certificate(config: &Config) -> Result<(Option<Arc<Renewal>>, Option<PathBuf>), ServerError> {
    let (files, ca) = match &config.certificate {
        Certificate::Plain => return Ok((None, None)),
        Certificate::Files { cert, key } => (PairFiles { cert: cert.clone(), key: key.clone() }, None),
        Certificate::SelfSigned => {
            let made = accept::self_signed(&config.data, &config.listen, config.public_name.as_deref())?;
            let key = config.data.join(accept::KEY_FILE);
            (PairFiles { cert: made.cert_path.clone(), key }, Some(made.cert_path))
        }
    };
    Ok((Some(Arc::new(Renewal::open(files)?)), ca))
}

fn security(renewal: Option<&Renewal>) -> Security {
    renewal.map_or(Security::Plain, |renewal| Security::Tls(renewal.served().clone()))
}

fn read_as_table(path: &Path) -> Result<AsTable, ServerError> {
    let text = fs::read_to_string(path).map_err(file("AS table", path))?;
    AsTable::parse(&text).map_err(|source| ServerError::AsTable { path: path.to_owned(), source })
}

fn read_servers(path: &Path) -> Result<ServerList, ServerError> {
    let json = fs::read(path).map_err(file("server list", path))?;
    parse_server_list(&json).map_err(|source| ServerError::Servers { path: path.to_owned(), source })
}

fn read_boundaries(config: &Config) -> Result<Option<Vec<u8>>, ServerError> {
    let own = config.data.join(BUNDLE_FILE);
    match config.boundaries.as_deref().or_else(|| own.exists().then_some(own.as_path())) {
        None => Ok(None),
        Some(path) => fs::read(path).map(Some).map_err(file("boundary bundle", path)),
    }
}

fn collector_config(
    config: &Config,
    keys: KeyPair,
    as_table: Option<Arc<AsTable>>,
) -> Result<CollectorConfig, ServerError> {
    let name = config.public_name.clone().unwrap_or_else(|| "localhost".to_owned());
    Ok(CollectorConfig {
        own_server: ServerEntry {
            id: config.server_id.clone(),
            name: name.clone(),
            place: String::new(),
            host_network: String::new(),
            // Whoever wants its samples to count says in the server list which network it sits in.
            class: ServerClass::Lab,
            url: base_url(config, &config.listen),
            udp_port: None,
            public_key: keys.evidence.public().text(),
        },
        name,
        keys,
        servers: config.servers.as_deref().map(read_servers).transpose()?.unwrap_or_default(),
        boundaries: read_boundaries(config)?,
        accept_simulated: config.accept_simulated,
        oldest_method: limits::OLDEST_METHOD,
        oldest_version: limits::OLDEST_VERSION.to_owned(),
        token_limits: config.token_limits,
        plan: config.plan,
        as_table,
        clock: system_clock(),
    })
}

/// The public name, else the first address; an address that means "all" is reached as localhost.
fn base_url(config: &Config, addrs: &[SocketAddr]) -> String {
    let scheme = if config.certificate == Certificate::Plain { "http" } else { "https" };
    let first = addrs.first();
    let port = first.map_or(0, SocketAddr::port);
    let host = match (&config.public_name, first.map(|a| a.ip().to_canonical())) {
        (Some(name), _) => name.clone(),
        (None, Some(IpAddr::V6(v6))) if !v6.is_unspecified() => format!("[{v6}]"),
        (None, Some(ip)) if !ip.is_unspecified() => ip.to_string(),
        (None, _) => "localhost".to_owned(),
    };
    if (scheme, port) == ("https", 443) { format!("{scheme}://{host}") } else { format!("{scheme}://{host}:{port}") }
}
