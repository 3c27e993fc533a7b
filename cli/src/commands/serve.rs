//! `ispeed serve`: measuring end and collector.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use ispeed_protocol::plan::{Spacing, UPLOAD_CUTOFF_DAY};
use ispeed_protocol::signing::PublicKey;
use ispeed_server::accept::Renewed;
use ispeed_server::collect::PlanSettings;
use ispeed_server::interop::Interop;
use ispeed_server::server::{self, Certificate, Config, ServerError};
use ispeed_verdict::Lang;
use ispeed_verdict::limits::SPACING;

use super::demo::address_of;
use crate::demo::link::Link;
use crate::demo::relay::Relay;
use crate::error::{CliError, Result};
use crate::http;
use crate::lang::pick;
use crate::output::live::say;
use crate::{files, place, store};

/// Where to listen unless told otherwise: every address of both protocol versions.
const DEFAULT_LISTEN: &str = "[::]:8443";

/// Measuring end and collector in one.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Addresses to listen on; `[::]` takes IPv4 too.
    #[arg(long, value_name = "ADDR", num_args = 1.., default_value = DEFAULT_LISTEN, value_parser = parse_address)]
    listen: Vec<SocketAddr>,
    /// Folder of database, keys and self-signed certificate.
    #[arg(long, value_name = "DIR", default_value = files::DEFAULT_DATA)]
    data: PathBuf,
    /// Keep samples in PostgreSQL instead of DATA/ispeed.sqlite; any number of servers may share one. Keys stay in DATA.
    /// $ISPEED_DATABASE unless given: better for a password, since others on this machine see command lines.
    #[arg(long, value_name = "postgres://USER@HOST/DB")]
    database: Option<String>,
    /// Test points to list and to take evidence of (JSON, see docs/PROTOCOL.md).
    #[arg(long, value_name = "FILE")]
    servers: Option<PathBuf>,
    /// Boundary bundle; $ISPEED_BOUNDARIES, DATA/communes.bundle or what `boundaries fetch` brought unless given.
    #[arg(long, value_name = "FILE")]
    boundaries: Option<PathBuf>,
    /// Certificate chain (PEM). It and the key are looked at again every 20 s and on SIGHUP; a new pair is used from the next
    /// connection on.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its key (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Make a certificate and write it to DATA/cert.pem, which clients take with --ca. The default.
    #[arg(long, conflicts_with = "tls_cert")]
    self_signed: bool,
    /// Host name clients use; also the name in receipts and on the page.
    #[arg(long, value_name = "NAME")]
    public_name: Option<String>,
    /// Id of this measuring end in lists of test points.
    #[arg(long, value_name = "ID", default_value = "local", value_parser = parse_id)]
    server_id: String,
    /// Take tokens of another collector with this public key too. May be given several times.
    #[arg(long, value_name = "KEY", value_parser = parse_key)]
    trust_issuer: Vec<PublicKey>,
    /// Networks by address: a line `prefix<TAB>AS number` each.
    #[arg(long, value_name = "FILE")]
    as_table: Option<PathBuf>,
    /// Speak the other side of other speed tests too: ndt7, librespeed, cloudflare, nq, rmbt, with commas between. They
    /// carry no token, so whoever reaches the server may load it within the server's limits.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = str::parse::<Interop>)]
    interop: Vec<Interop>,
    /// Least seconds between counted samples of one device, 30 to 3600; what comes sooner is kept and not counted.
    #[arg(long, value_name = "N", default_value_t = SPACING.seconds)]
    spacing_seconds: u32,
    /// Least metres between the 200 m cells of a device's counted samples of a day, up to 2000; 0: no such rule, 200: another cell.
    #[arg(long, value_name = "N", default_value_t = SPACING.metres)]
    spacing_metres: u32,
    /// Most counted samples of one device in one commune on one day, 1 to 100.
    #[arg(long, value_name = "N", default_value_t = SPACING.per_day)]
    spacing_per_day: u32,
    /// Day of the next month up to whose end samples of a month are merged, 1 to 9; later ones are late.
    #[arg(long, value_name = "DAY", default_value_t = UPLOAD_CUTOFF_DAY)]
    upload_cutoff_day: u8,
    /// Congestion control of sockets that carry load; the laboratory compares tools with it.
    #[arg(long, value_name = "NAME", hide = true)]
    congestion_control: Option<String>,
    /// Carry what comes to 127.0.0.1 and the server's port over a simulated mobile link, as `ispeed demo` does; the server itself
    /// listens on another loopback address. Tests of the phones measure over it.
    #[arg(long, value_name = "RATE/RATE/MS", hide = true)]
    link: Option<Link>,
}

fn parse_id(text: &str) -> std::result::Result<String, String> {
    let good = (1..=32).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if good { Ok(text.to_owned()) } else { Err(format!("{text:?} is not an id; expected 1 to 32 of a-z, 0-9 and -")) }
}

fn parse_address(text: &str) -> std::result::Result<SocketAddr, String> {
    let wrong =
        |_| format!("{text:?} is not an address to listen on; expected IP:PORT, such as 127.0.0.1:8443 or [::]:8443");
    text.parse().map_err(wrong)
}

fn parse_key(text: &str) -> std::result::Result<PublicKey, String> {
    PublicKey::parse(text).map_err(|error| error.to_string())
}

pub(crate) fn run(args: Args, lang: Lang) -> Result<()> {
    let mut config = Config::new(args.listen, args.data);
    config.database = store::database(args.database.as_deref());
    if let (Some(cert), Some(key)) = (args.tls_cert, args.tls_key) {
        config.certificate = Certificate::Files { cert, key };
    }
    config.public_name = args.public_name;
    config.server_id = args.server_id;
    config.servers = args.servers;
    config.boundaries = place::bundle_path(args.boundaries.as_deref(), Some(&config.data));
    config.trusted_issuers = args.trust_issuer;
    config.as_table = args.as_table;
    config.interop = args.interop;
    let spacing = Spacing { seconds: args.spacing_seconds, metres: args.spacing_metres, per_day: args.spacing_per_day };
    config.plan = PlanSettings { spacing, upload_cutoff_day: args.upload_cutoff_day };
    config.plan.check().map_err(|wrong| CliError::usage(wrong, "see `ispeed serve --help`"))?;
    if let Some(name) = args.congestion_control {
        config.measure_limits.congestion_control = name;
    }
    let link = args.link;
    http::block_on(async {
        let hang_ups = HangUps::expect()?;
        let server = server::start(config).await.map_err(|error| of_server(&error))?;
        let _relay = link.map(|link| link_before(&server, &link)).transpose()?;
        for address in server.local_addrs() {
            say(format!("ispeed: {} {address}", pick(lang, "đang phục vụ tại", "serving on")));
        }
        say(format!("ispeed: {} {}", pick(lang, "trang công khai", "public page"), server.url()));
        if let Some(ca) = server.ca() {
            let url = server.url();
            say(format!("ispeed: ispeed test --server {url} --ca {}", ca.display()));
        }
        if server.collector().communes().table().is_none() {
            say(format!(
                "ispeed: {}",
                pick(
                    lang,
                    "chưa có ranh giới xã, phường: chưa mẫu nào được tính; chạy `ispeed boundaries fetch` hoặc dùng --boundaries",
                    "no boundary bundle: no sample counts; `ispeed boundaries fetch` brings one, --boundaries names it",
                )
            ));
        }
        attend(&server, hang_ups, lang).await?;
        say(format!(
            "ispeed: {}",
            pick(lang, "đang kết thúc: chờ các phép đo xong", "ending: waits for running tests")
        ));
        server.shutdown().await.map_err(|error| of_server(&error))
    })
}

/// The simulated link before the server; what the server says of itself leads through it with `--public-name 127.0.0.1`.
fn link_before(server: &server::Running, link: &Link) -> Result<Relay> {
    let address = address_of(server)?;
    let (near, udp) = ((Ipv4Addr::LOCALHOST, address.port()), (address.ip(), server.udp_port()));
    Relay::start(near.into(), address, udp.into(), link).map_err(|error| {
        CliError::failed(
            format_args!("cannot start the simulated link before {address}: {error}"),
            "listen on another loopback address: --listen 127.0.0.2:0",
        )
    })
}

/// Orders to look at the files of the certificate: SIGHUP, where the system has it.
struct HangUps {
    #[cfg(unix)]
    signals: tokio::signal::unix::Signal,
}

impl HangUps {
    /// From here on the signal does not end the program.
    #[cfg(unix)]
    fn expect() -> Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { signals: signal(SignalKind::hangup()).map_err(|error| no_signals(&error))? })
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        self.signals.recv().await;
    }

    #[cfg(not(unix))]
    fn expect() -> Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        std::future::pending::<()>().await;
    }
}

/// Until told to end; takes up a new certificate when told to.
async fn attend(server: &server::Running, mut hang_ups: HangUps, lang: Lang) -> Result<()> {
    let mut ended = std::pin::pin!(until_told());
    loop {
        tokio::select! {
            result = &mut ended => return result,
            () = hang_ups.next() => say_renewed(server.renew_certificate().await.as_ref(), lang),
        }
    }
}

fn say_renewed(renewed: Option<&Renewed>, lang: Lang) {
    let (vi, en) = match renewed {
        Some(Renewed::Taken) => ("đã dùng chứng chỉ mới", "the new certificate is in use"),
        Some(Renewed::Unchanged) => ("chứng chỉ không thay đổi", "the certificate is unchanged"),
        None => ("không dùng TLS: không có chứng chỉ", "there is no certificate: TLS is off"),
        // The server has said why.
        Some(Renewed::Kept(_)) => return,
    };
    say(format!("ispeed: {}", pick(lang, vi, en)));
}

fn no_signals(error: &std::io::Error) -> CliError {
    CliError::failed(format_args!("cannot wait for signals: {error}"), "report this as a defect")
}

/// Waits for Ctrl-C or SIGTERM.
pub(crate) async fn until_told() -> Result<()> {
    let cannot = |error: std::io::Error| no_signals(&error);
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
        tokio::select! {
            result = tokio::signal::ctrl_c() => result.map_err(cannot),
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await.map_err(cannot)
}

/// An error of the server with what to do about it.
pub(crate) fn of_server(error: &ServerError) -> CliError {
    let remedy = match error {
        ServerError::Serve(_) => "choose another address with --listen, or end what uses it",
        ServerError::Store(error) => store::remedy(error),
        ServerError::Key(_) | ServerError::File { .. } => "check the path and its rights",
        ServerError::Servers { .. } | ServerError::AsTable { .. } => "mend the file",
        ServerError::Certificate(_) => "give a certificate and its key as PEM with --tls-cert and --tls-key",
        ServerError::Collector(_) => "make the bundle anew with `ispeed boundaries build` or `fetch`",
        _ => "see `ispeed serve --help`",
    };
    CliError::failed(http::with_causes(error), remedy)
}
