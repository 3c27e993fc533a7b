//! `ispeed month`: how a month stands.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use ispeed_protocol::Month;
use ispeed_protocol::plan::{CommuneQuota, MonthStatus, NOT_I_SPEED_EN, NOT_I_SPEED_VI};
use ispeed_server::collect::{Communes, month_status};
use ispeed_server::server::STORE_FILE;
use ispeed_server::store::SqliteStore;
use ispeed_verdict::{Lang, explain};
use reqwest::Url;

use super::measure::of_core;
use super::test::COLLECTOR_ENV;
use crate::error::{CliError, Result};
use crate::lang::{number, pick};
use crate::output::{Format, Out, print_entries};
use crate::{files, http, place};

/// How a month stands: communes with counted, excluded and missing samples.
#[derive(clap::Args, Debug)]
#[command(arg_required_else_help = true, subcommand_required = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Communes with counted, excluded by reason, missing to 300.
    #[command(after_help = "Examples:\n  ispeed month status --data ispeed-data --province 75\n  \
                      ispeed month status --server https://ispeed.example.vn --month 2026-11 --format csv")]
    Status(StatusArgs),
}

#[derive(clap::Args, Debug)]
struct StatusArgs {
    /// The month, YYYY-MM; this one unless given.
    #[arg(long, value_name = "YYYY-MM")]
    month: Option<Month>,
    /// Only this province, with all its communes.
    #[arg(long, value_name = "CODE", value_parser = parse_province)]
    province: Option<String>,
    /// Folder of a server on this machine.
    #[arg(long, value_name = "DIR", conflicts_with = "server")]
    data: Option<PathBuf>,
    /// A collector to ask; $ISPEED_COLLECTOR unless given.
    #[arg(long, value_name = "URL", value_parser = http::parse_url)]
    server: Option<Url>,
    /// Trust this certificate too (PEM).
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

fn parse_province(text: &str) -> std::result::Result<String, String> {
    match ispeed_commune::gazetteer::province(text) {
        Some(_) => Ok(text.to_owned()),
        None => Err(format!("{text:?} is not the code of a province; expected two digits, such as 75 for Đồng Nai")),
    }
}

pub(crate) fn run(args: &Args, lang: Lang) -> Result<()> {
    let Command::Status(args) = &args.command;
    let month = args.month.unwrap_or_else(|| ispeed_core::clock::now().month());
    let status = match (&args.data, collector(args)?) {
        (Some(data), _) => read(data, args, month)?,
        (None, Some(server)) => ask(&server, args, month)?,
        (None, None) => {
            let remedy = format!("give --data DIR or --server URL, or set {COLLECTOR_ENV}");
            return Err(CliError::usage("nothing says whose month is asked for", remedy));
        }
    };
    print(args.format, lang, &status)
}

/// The collector asked for, else that of the environment.
fn collector(args: &StatusArgs) -> Result<Option<Url>> {
    let of_environment = || std::env::var(COLLECTOR_ENV).ok().filter(|text| !text.is_empty());
    let parse = |text: String| {
        http::parse_url(&text)
            .map_err(|error| CliError::usage(format_args!("{COLLECTOR_ENV}: {error}"), "mend the variable"))
    };
    args.server.clone().map(Ok).or_else(|| of_environment().map(parse)).transpose()
}

fn ask(server: &Url, args: &StatusArgs, month: Month) -> Result<MonthStatus> {
    let ca = http::read_ca_text(args.ca.as_deref())?;
    let client = ispeed_core::http::client(ca.as_deref()).map_err(of_core)?;
    http::block_on(async {
        let status = ispeed_core::history::month_status(&client, server.as_str(), month, args.province.as_deref());
        status.await.map_err(of_core)
    })
}

fn read(data: &Path, args: &StatusArgs, month: Month) -> Result<MonthStatus> {
    let file = data.join(STORE_FILE);
    if !file.is_file() {
        return Err(CliError::failed(
            format_args!("{} is not there", file.display()),
            "name the server's folder with --data",
        ));
    }
    let failed = |error: &dyn std::fmt::Display| {
        CliError::failed(format_args!("{}: {error}", file.display()), "name the server's folder with --data")
    };
    let bundle = place::bundle_path(None, Some(data)).map(|path| files::read_all(&path, 64 << 20)).transpose()?;
    let communes = Communes::new(bundle).map_err(|error| failed(&error))?;
    http::block_on(async {
        let store = SqliteStore::open(&file).map_err(|error| failed(&error))?;
        month_status(&store, &communes, month, args.province.as_deref(), ispeed_core::clock::now())
            .await
            .map_err(|error| failed(&error))
    })
}

const HEADER: [&str; 8] = ["code", "name", "province_code", "province", "counted", "missing", "devices", "excluded"];

fn print(format: Format, lang: Lang, status: &MonthStatus) -> Result<()> {
    let mut out = Out::new();
    match format {
        Format::Json => {
            out.json_line(status)?;
            return out.flush();
        }
        Format::Jsonl | Format::Csv => {
            return print_entries(&mut out, format, &status.communes, &HEADER, |commune| {
                vec![
                    commune.code.clone(),
                    commune.name.clone(),
                    commune.province_code.clone(),
                    commune.province.clone(),
                    commune.counted.to_string(),
                    commune.missing.to_string(),
                    commune.devices.to_string(),
                    excluded(commune),
                ]
            });
        }
        Format::Human => {}
    }
    summary(lang, status).into_iter().try_for_each(|line| out.line(line))?;
    for commune in &status.communes {
        let missing = if commune.missing == 0 {
            pick(lang, "đạt", "reached").to_owned()
        } else {
            format!("{} {}", pick(lang, "còn thiếu", "missing"), commune.missing)
        };
        let left_out = if commune.excluded.is_empty() {
            String::new()
        } else {
            format!("  {} {}", pick(lang, "loại:", "excluded:"), excluded(commune))
        };
        out.line(format!(
            "  {}  {:>5}  {missing:<14}  {}, {}{left_out}",
            commune.code, commune.counted, commune.name, commune.province
        ))?;
    }
    out.line(pick(lang, NOT_I_SPEED_VI, NOT_I_SPEED_EN))?;
    out.flush()
}

fn excluded(commune: &CommuneQuota) -> String {
    commune.excluded.iter().map(|(reason, n)| format!("{reason}={n}")).collect::<Vec<_>>().join(" ")
}

fn summary(lang: Lang, status: &MonthStatus) -> Vec<String> {
    let n = |value: u32| number(lang, f64::from(value), 0);
    let mut lines = vec![match lang {
        Lang::Vi => format!(
            "Tháng {:02}/{}: {} trên {} xã, phường, đặc khu đạt 300 mẫu; {} mẫu hợp lệ; còn {} ngày",
            status.month.month,
            status.month.year,
            n(status.communes_reached),
            n(status.communes_total),
            n(status.counted),
            status.days_left
        ),
        Lang::En => format!(
            "{}: {} of {} communes reached 300 samples; {} samples count; {} days left",
            status.month,
            n(status.communes_reached),
            n(status.communes_total),
            n(status.counted),
            status.days_left
        ),
    }];
    for (reason, count) in &status.excluded {
        lines.push(format!(
            "  {} {count}  {reason}: {}",
            pick(lang, "loại", "excluded"),
            explain(reason, lang).unwrap_or_default()
        ));
    }
    if status.without_commune > 0 {
        lines.push(format!(
            "  {} {}",
            pick(lang, "không rõ xã, phường:", "without a commune:"),
            status.without_commune
        ));
    }
    if status.unattested > 0 {
        lines.push(format!(
            "  {} {}",
            pick(lang, "không có bằng chứng của điểm đo:", "without evidence:"),
            status.unattested
        ));
    }
    lines
}
