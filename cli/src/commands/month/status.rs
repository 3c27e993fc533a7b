//! `ispeed month status`: how a month stands.

use ispeed_protocol::Month;
use ispeed_protocol::plan::{CommuneQuota, MonthStatus, NOT_I_SPEED_EN, NOT_I_SPEED_VI};
use ispeed_server::collect::month_status;
use ispeed_verdict::{Lang, explain};
use reqwest::Url;

use crate::commands::measure::of_core;
use crate::commands::whose::{Asked, Whose};
use crate::error::Result;
use crate::http;
use crate::lang::{number, pick};
use crate::output::{Format, Out, print_entries};
use crate::store::{self, Local};

/// Communes with counted, excluded by reason, missing to 300.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The month, YYYY-MM; this one unless given.
    #[arg(long, value_name = "YYYY-MM")]
    month: Option<Month>,
    /// Only this province, with all its communes.
    #[arg(long, value_name = "CODE", value_parser = crate::place::parse_province)]
    province: Option<String>,
    #[command(flatten)]
    whose: Whose,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) fn run(args: &Args, lang: Lang) -> Result<()> {
    let month = args.month.unwrap_or_else(|| ispeed_core::clock::now().month());
    let status = match args.whose.asked("month")? {
        Asked::Local(local) => read(&local, args, month)?,
        Asked::Collector(server) => ask(&server, args, month)?,
    };
    print(args.format, lang, &status)
}

fn ask(server: &Url, args: &Args, month: Month) -> Result<MonthStatus> {
    let ca = http::read_ca_text(args.whose.ca.as_deref())?;
    let client = ispeed_core::http::client(ca.as_deref()).map_err(of_core)?;
    http::block_on(async {
        let status = ispeed_core::history::month_status(&client, server.as_str(), month, args.province.as_deref());
        status.await.map_err(of_core)
    })
}

fn read(local: &Local, args: &Args, month: Month) -> Result<MonthStatus> {
    let communes = local.communes()?;
    http::block_on(async {
        let store = local.server.open_existing().await?;
        month_status(&*store, &communes, month, args.province.as_deref(), ispeed_core::clock::now())
            .await
            .map_err(|error| store::failed(&error))
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
