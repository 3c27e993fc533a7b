//! `ispeed demo`: the whole way of a sample on one machine, over a simulated mobile link.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};

use ispeed_commune::gazetteer;
use ispeed_core::engine::Target;
use ispeed_core::{Ispeed, RunPlan, Settings};
use ispeed_protocol::consent::Share;
use ispeed_protocol::device::{Radio, RadioSpan, RadioTechnology, Transport, TransportKind};
use ispeed_protocol::facts::Facts;
use ispeed_protocol::place::{Fix, FixSource, Fixes};
use ispeed_protocol::receipt::Receipt;
use ispeed_protocol::signing::PublicKey;
use ispeed_server::server::{self, Config, Running};
use ispeed_verdict::Lang;

use super::measure::{self, Done, Job, OutputArgs, RunArgs, of_core};
use super::serve;
use super::test::fix;
use crate::demo::link::{Link, goodput_bps};
use crate::demo::relay::Relay;
use crate::error::{CliError, Result};
use crate::lang::{mbps, pick};
use crate::output::human::Block;
use crate::output::live::say;
use crate::output::{Format, Out, colour_on};
use crate::place::{At, Table};
use crate::{consent, files, http, place};

/// Accuracy of the default position: what a phone reports in the open.
const DEMO_ACCURACY_M: f64 = 10.0;
/// Apart in the simulated time of `--samples`: more than the two minutes after which a device's next sample counts.
const SAMPLE_GAP_MICROS: i64 = 180_000_000;
/// File in the data folder with the port of the last demo.
const PORT_FILE: &str = "demo.port";
/// Serving network and SIM of the simulated phone: Viettel.
const DEMO_PLMN: &str = "452-04";

/// The whole way of a sample on this machine: server, simulated mobile link, measurement, commune, outbox, receipt.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Folder of the demo's database, keys and outbox.
    #[arg(long, value_name = "DIR", default_value = files::DEFAULT_DATA)]
    data: PathBuf,
    /// The simulated link: rates down and up in Mbit/s (IP layer) and round trip in ms; or `none`.
    #[arg(long, value_name = "RATE/RATE/MS|none", default_value = "40/20/40", value_parser = parse_link)]
    link: LinkArg,
    /// The simulated position; in Phường Bình Phước (25195) unless given.
    #[arg(long, value_name = "LAT,LON[,ACC_M]", allow_hyphen_values = true)]
    at: Option<At>,
    /// Boundary bundle that resolves the commune; without one the answer is approximate and does not count.
    #[arg(long, value_name = "FILE")]
    boundaries: Option<PathBuf>,
    /// End after the measurement instead of leaving the server up.
    #[arg(long)]
    once: bool,
    /// Measurements in a row, their start times 3 minutes apart (simulated).
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=300))]
    samples: u16,
    /// Address of the server, on this machine; port 0 takes a free one.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// `--link`.
#[derive(Clone, Copy, PartialEq, Debug)]
enum LinkArg {
    Simulated(Link),
    None,
}

fn parse_link(text: &str) -> std::result::Result<LinkArg, String> {
    if text == "none" { Ok(LinkArg::None) } else { text.parse().map(LinkArg::Simulated) }
}

pub(crate) fn run(args: &Args, lang: Lang) -> Result<u8> {
    let bundle = place::bundle_path(args.boundaries.as_deref(), Some(&args.data));
    let table = Table::load(bundle.as_deref())?;
    files::make_private_dir(&args.data)?;
    http::block_on(async {
        let server = server::start(config(args, bundle)).await.map_err(|error| serve::of_server(&error))?;
        note_port(args, &server);
        let mut out = Out::new();
        let results = measure_all(args, lang, &server, &table, &mut out).await?;
        measure::print(&mut out, lang, &args.output, &results)?;
        say_quota(args, lang, &server, &results, &mut out).await?;
        if !args.once {
            say(format!(
                "{}  {}\n{}",
                pick(lang, "Trang công khai:", "public page:"),
                server.url(),
                pick(lang, "Ctrl-C để kết thúc", "Ctrl-C ends the server")
            ));
            serve::until_told().await?;
        }
        server.shutdown().await.map_err(|error| serve::of_server(&error))?;
        if let Some(done) = results.iter().find(|done| done.detail.stored.receipt.is_none()) {
            // Collector and link are this program's own: here that is no bad network.
            let why = done.detail.entry.problem.as_ref().map(|problem| format!(": {problem}")).unwrap_or_default();
            return Err(CliError::failed(
                format_args!("sample {} got no receipt{why}", done.detail.sample.id),
                "run the demo again; the sample is kept and handed in then",
            ));
        }
        Ok(measure::exit_code(&args.output, &results))
    })
}

fn config(args: &Args, boundaries: Option<PathBuf>) -> Config {
    let mut config = Config::new(vec![args.listen.unwrap_or_else(|| free_address(&args.data))], &args.data);
    config.server_id = "demo".to_owned();
    config.boundaries = boundaries;
    config.accept_simulated = true;
    config.token_limits.device = None;
    config
}

async fn measure_all(args: &Args, lang: Lang, server: &Running, table: &Table, out: &mut Out) -> Result<Vec<Done>> {
    let address = address_of(server)?;
    let relay = match args.link {
        LinkArg::Simulated(link) => Some(Relay::before(address, server.udp_port(), &link).map_err(|error| {
            CliError::failed(
                format_args!("cannot start the simulated link before {address}: {error}"),
                "leave --listen out, or use `--link none`",
            )
        })?),
        LinkArg::None => None,
    };
    let key = collector_key(&args.data)?;
    let url = format!("https://{}", relay.as_ref().map_or(address, Relay::address));
    let mut settings = Settings::new(&url, "ispeed-cli");
    settings.accept_simulated = true;
    settings.collector_keys = vec![key.text()];
    settings.extra_ca_pem = server.ca().map(std::fs::read_to_string).transpose().map_err(|error| {
        CliError::failed(
            format_args!("cannot read the demo's certificate: {error}"),
            "remove cert.pem and key.pem from --data",
        )
    })?;
    let ispeed = Ispeed::open(args.data.join(files::OUTBOX_FILE), settings, table.bundle()).map_err(of_core)?;
    agree(&ispeed)?;

    let target =
        Target::Url(url.parse().map_err(|error| CliError::failed(format_args!("{url}: {error}"), "see --listen"))?);
    let mut plan = RunPlan::new(target);
    args.run.apply(&mut plan);
    let at = position(args);
    let commune = table.resolve(at).code.as_deref().map(place::name);
    let mut results = Vec::new();
    for i in 0..args.samples {
        plan.simulated_shift_micros = -i64::from(args.samples - 1 - i) * SAMPLE_GAP_MICROS;
        let job = Job {
            ispeed: &ispeed,
            plan: &plan,
            facts: facts(at),
            output: &args.output,
            lang,
            commune: commune.clone(),
            upload: true,
        };
        let done = job.run(out).await?;
        check_receipt(&done, &key)?;
        results.push(done);
    }
    Ok(results)
}

/// A loopback address that leaves another one for the link: `::1`, or `127.0.0.1` where there is no IPv6. With the port
/// of the last demo in this folder if it is free, so that what it left unsent finds its collector again.
fn free_address(data: &Path) -> SocketAddr {
    let free = |ip: IpAddr, port: u16| TcpListener::bind((ip, port)).is_ok() && UdpSocket::bind((ip, port)).is_ok();
    let v6 = IpAddr::V6(Ipv6Addr::LOCALHOST);
    let has_ipv6 = free(v6, 0);
    let (server, link) = if has_ipv6 { (1, v6) } else { (2, Ipv4Addr::LOCALHOST.into()) };
    let server = IpAddr::V4(Ipv4Addr::new(127, 0, 0, server));
    let last = std::fs::read_to_string(data.join(PORT_FILE)).ok().and_then(|text| text.trim().parse().ok());
    let port = last.filter(|port| free(server, *port) && free(link, *port)).unwrap_or(0);
    SocketAddr::new(server, port)
}

/// Notes the port for the next demo; one that cannot be noted is merely another one next time.
fn note_port(args: &Args, server: &Running) {
    if let (None, Some(address)) = (args.listen, server.local_addrs().first()) {
        let _ = std::fs::write(args.data.join(PORT_FILE), format!("{}\n", address.port()));
    }
}

/// Where the server listens; an address that means all of them is reached as this machine.
pub(super) fn address_of(server: &Running) -> Result<SocketAddr> {
    let mut address = server
        .local_addrs()
        .first()
        .copied()
        .ok_or_else(|| CliError::failed("the server listens nowhere", "see --listen"))?;
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    Ok(address)
}

/// The demo's own data folder holds simulated samples only, so the person at the demo agrees by starting it.
fn agree(ispeed: &Ispeed) -> Result<()> {
    let outbox = ispeed.outbox();
    let recorded = outbox.consent().map_err(of_core)?;
    if recorded.is_some_and(|consent| consent.run && consent.upload && consent.share == Share::Precise) {
        return Ok(());
    }
    outbox.record_consent(&consent::consent(ispeed_core::clock::now(), Share::Precise, true)).map_err(of_core)
}

fn position(args: &Args) -> At {
    args.at.unwrap_or(At { point: gazetteer::DEMO_POINT, accuracy_m: Some(DEMO_ACCURACY_M) })
}

/// What a phone would know: made up, and marked as such.
fn facts(at: At) -> Facts {
    let here = Fix { mock: Some(false), speed_mps: Some(0.0), ..fix(at, FixSource::Simulated) };
    let radio = Radio {
        technology: RadioTechnology::G4,
        rsrp_dbm: Some(-95.0),
        rsrq_db: Some(-10.0),
        sinr_db: Some(13.0),
        cell_id: None,
        pci: None,
        area_code: None,
        arfcn: None,
        band: Some("B3".to_owned()),
        missing: None,
    };
    Facts {
        fixes: Fixes { start: Some(here.clone()), mid: Some(here.clone()), end: Some(here) },
        radio: RadioSpan { start: Some(radio.clone()), end: Some(radio) },
        transport: Transport {
            kind: TransportKind::Cellular,
            vpn: Some(false),
            roaming: Some(false),
            metered: Some(true),
            captive_portal: Some(false),
            changed: false,
            serving_plmn: Some(DEMO_PLMN.to_owned()),
            sim_plmn: Some(DEMO_PLMN.to_owned()),
            sim_brand: None,
        },
        simulated: true,
        ..Facts::default()
    }
}

fn collector_key(data: &Path) -> Result<PublicKey> {
    let keys = ispeed_server::collect::KeyPair::load_or_create(data)
        .map_err(|error| CliError::failed(error, "name another folder with --data"))?;
    Ok(keys.receipt.public())
}

/// The demo proves what it shows: the receipt is checked as `ispeed verify` would.
fn check_receipt(done: &Done, key: &PublicKey) -> Result<()> {
    let stored = &done.detail.stored;
    let Some(json) = stored.receipt.as_deref() else { return Ok(()) };
    let checked = Receipt::parse(json).and_then(|receipt| {
        receipt.verify(std::slice::from_ref(key))?;
        receipt.covers(stored.id, &stored.body)
    });
    checked.map_err(|error| {
        CliError::failed(format_args!("the receipt of sample {}: {error}", stored.id), "report this as a defect")
    })
}

/// The quota of the commune this month, and what of all this was made up.
async fn say_quota(args: &Args, lang: Lang, server: &Running, results: &[Done], out: &mut Out) -> Result<()> {
    let Some(done) = results.last() else { return Ok(()) };
    let place =
        done.detail.answer.as_ref().and_then(|answer| answer.place.as_ref()).unwrap_or(&done.detail.sample.place);
    let month = done.detail.sample.started_at.month();
    let mut block = Block::new(lang, args.output.format == Format::Human && colour_on(&std::io::stdout()));
    if let Some(commune) = place.code.as_deref().and_then(gazetteer::commune) {
        let status = server
            .collector()
            .month_status(month, Some(commune.province))
            .await
            .map_err(|error| CliError::failed(error, "see the folder of --data"))?;
        if let Some(quota) = status.communes.iter().find(|quota| quota.code == commune.code) {
            block.quota(&month.to_string(), quota);
        }
    }
    block.simulated(&simulated_parts(args, lang));
    for line in block.lines() {
        match args.output.format {
            Format::Human => out.line(line)?,
            _ if args.output.quiet => {}
            _ => say(line),
        }
    }
    out.flush()
}

fn simulated_parts(args: &Args, lang: Lang) -> Vec<String> {
    let mut parts = Vec::new();
    if let LinkArg::Simulated(link) = args.link {
        let goodput = format!("{} / {}", mbps(lang, goodput_bps(link.down_bps)), mbps(lang, goodput_bps(link.up_bps)));
        parts.push(match lang {
            Lang::Vi => format!("đường truyền di động {link} (đúng ra đo được {goodput}; là proxy nên có cờ proxy)"),
            Lang::En => {
                format!("the mobile link {link} (its goodput is {goodput}; being a relay it is seen as a proxy)")
            }
        });
    }
    parts.push(pick(lang, "vị trí", "the position").to_owned());
    parts.push(pick(lang, "nhà mạng và sóng (Viettel 4G)", "operator and radio (Viettel 4G)").to_owned());
    if args.samples > 1 {
        parts.push(pick(lang, "thời điểm đo, cách nhau 3 phút", "start times, 3 minutes apart").to_owned());
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_link_is_an_ordinary_cell_and_none_is_none() {
        assert_eq!(parse_link("40/20/40"), Ok(LinkArg::Simulated(Link::default())));
        assert_eq!(parse_link("none"), Ok(LinkArg::None));
        assert!(parse_link("fast").is_err());
    }

    #[test]
    fn everything_made_up_is_marked() {
        let facts = facts(At { point: gazetteer::DEMO_POINT, accuracy_m: Some(10.0) });
        assert!(facts.simulated);
        assert!(facts.fixes.iter().all(|fix| fix.source == FixSource::Simulated));
    }
}
