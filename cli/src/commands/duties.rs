//! `ispeed duties`: what a commune reports beside its measurements, and VNNIC's own count.

use std::path::PathBuf;

use clap::Subcommand;
use ispeed_protocol::campaign::is_role_code;
use ispeed_protocol::duty::{DUTY_VERSION, Duty, ISpeedCount};
use ispeed_protocol::{Day, Month};
use ispeed_report::duties::{DeviceCount, DutyTexts};
use ispeed_server::collect::{
    Communes, check_count, duties, duty_texts, ispeed_counts, keep_duty, keep_ispeed_count, parse_count_file,
    parse_duty_file,
};
use ispeed_server::store::Store;
use ispeed_verdict::Lang;
use serde::Serialize;

use crate::error::{CliError, Result};
use crate::lang::pick;
use crate::output::{Format, Out, print_entries};
use crate::place::known_commune;
use crate::store::{self, Local};
use crate::{files, http};

/// A file that somebody typed is far smaller.
const FILE_MAX_BYTES: u64 = 1 << 20;

/// Duties outside measuring: communication work, difficulties, proposals, installs, VNNIC's own count.
#[derive(clap::Args, Debug)]
#[command(arg_required_else_help = true, subcommand_required = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Keep what a commune reports of a month: a TOML file with communication, difficulties and proposals.
    #[command(after_help = "Example:\n  ispeed duties set --commune 25195 --month 2026-11 --file duty.toml\n\n\
                            The file:\n  role = \"XA-25195-VH\"\n  difficulties = [\"Vùng lõm sóng tại ấp 3\"]\n  \
                            proposals = [\"Bổ sung trạm tại ấp 3\"]\n\n  [[communication]]\n  \
                            form = \"Bài trên cổng thông tin điện tử\"\n  items = 3")]
    Set(SetArgs),
    /// Show a commune's duties of a month, as documents print them.
    #[command(after_help = "Example:\n  ispeed duties show --commune 25195 --month 2026-11")]
    Show(ShowArgs),
    /// List the duties of a month: of all communes that reported, or of every commune of a province.
    #[command(after_help = "Example:\n  ispeed duties export --month 2026-11 --province 75 --format csv")]
    Export(ExportArgs),
    /// Keep the count that VNNIC published of i-Speed: typed, or a CSV file code,count,source,date.
    #[command(
        after_help = "Examples:\n  ispeed duties ispeed-count --month 2026-11 --commune 25195 --count 412 --source speedtest.vn \
                            --date 2026-12-05\n  ispeed duties ispeed-count --month 2026-11 --file counts.csv"
    )]
    IspeedCount(CountArgs),
}

#[derive(clap::Args, Debug)]
struct SetArgs {
    /// Commune.
    #[arg(long, value_name = "CODE")]
    commune: String,
    /// Month, YYYY-MM.
    #[arg(long, value_name = "YYYY-MM")]
    month: Month,
    /// The file; - for standard input.
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// Role code of who typed it in, in place of the file's.
    #[arg(long, value_name = "CODE")]
    role: Option<String>,
    #[command(flatten)]
    local: Local,
}

#[derive(clap::Args, Debug)]
struct ShowArgs {
    /// Commune.
    #[arg(long, value_name = "CODE")]
    commune: String,
    /// Month, YYYY-MM.
    #[arg(long, value_name = "YYYY-MM")]
    month: Month,
    #[command(flatten)]
    local: Local,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(clap::Args, Debug)]
struct ExportArgs {
    /// Month, YYYY-MM.
    #[arg(long, value_name = "YYYY-MM")]
    month: Month,
    /// Every commune of this province.
    #[arg(long, value_name = "CODE", value_parser = crate::place::parse_province)]
    province: Option<String>,
    #[command(flatten)]
    local: Local,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
}

#[derive(clap::Args, Debug)]
struct CountArgs {
    /// Month, YYYY-MM.
    #[arg(long, value_name = "YYYY-MM")]
    month: Month,
    /// CSV file; - for standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["commune", "count", "source", "date"], required_unless_present = "commune")]
    file: Option<PathBuf>,
    /// Commune.
    #[arg(long, value_name = "CODE", requires_all = ["count", "source", "date"])]
    commune: Option<String>,
    /// Samples of i-Speed, as published.
    #[arg(long, value_name = "N")]
    count: Option<u32>,
    /// Where it was published.
    #[arg(long, value_name = "TEXT")]
    source: Option<String>,
    /// Day on which it was read there, YYYY-MM-DD.
    #[arg(long, value_name = "DATE")]
    date: Option<Day>,
    #[command(flatten)]
    local: Local,
}

pub(crate) fn run(args: &Args, lang: Lang) -> Result<()> {
    match &args.command {
        Command::Set(args) => set(args),
        Command::Show(args) => show(args, lang),
        Command::Export(args) => export(args, lang),
        Command::IspeedCount(args) => count(args, lang),
    }
}

fn text_of(file: &std::path::Path) -> Result<String> {
    String::from_utf8(files::read_all(file, FILE_MAX_BYTES)?).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|b| **b == b'\n').count() + 1;
        CliError::failed(format_args!("{}: line {line} is not UTF-8", file.display()), "save the file as UTF-8")
    })
}

fn set(args: &SetArgs) -> Result<()> {
    known_commune(&*args.local.communes()?, &args.commune)?;
    let text = text_of(&args.file)?;
    let mut duty: Duty = parse_duty_file(&text, args.month, &args.commune).map_err(|error| {
        CliError::failed(format_args!("{}: {error}", args.file.display()), "mend the file; nothing was kept")
    })?;
    if let Some(role) = &args.role {
        if !is_role_code(role) {
            let cause = format_args!("--role is {role:?}");
            return Err(CliError::usage(cause, "give a code, no name: 1 to 32 of A-Z, 0-9 and -, such as XA-25195-VH"));
        }
        duty.role = Some(role.clone());
    }
    http::block_on(async {
        let store = args.local.server.open_or_make().await?;
        keep_duty(&*store, &duty).await.map_err(|error| store::failed(&error))
    })?;
    Ok(())
}

/// A commune's duties as they are printed.
#[derive(Serialize)]
struct Entry {
    code: String,
    name: String,
    month: Month,
    /// `null` where there are one to four.
    installs_month: Option<u32>,
    installs_year: Option<u32>,
    active_devices: Option<u32>,
    communication: String,
    communication_items: u32,
    difficulties: String,
    proposals: String,
    ispeed_count: Option<u32>,
    ispeed: String,
}

const HEADER: [&str; 12] = [
    "code",
    "name",
    "month",
    "installs_month",
    "installs_year",
    "active_devices",
    "communication",
    "communication_items",
    "difficulties",
    "proposals",
    "ispeed_count",
    "ispeed",
];

impl Entry {
    fn of(communes: &Communes, code: &str, month: Month, texts: &DutyTexts) -> Self {
        Self {
            code: code.to_owned(),
            name: communes.get(code).map(|commune| commune.name.clone()).unwrap_or_default(),
            month,
            installs_month: texts.installs_month.number(),
            installs_year: texts.installs_year.number(),
            active_devices: texts.active_devices.number(),
            communication: texts.communication.clone(),
            communication_items: texts.communication_items,
            difficulties: texts.difficulties.clone(),
            proposals: texts.proposals.clone(),
            ispeed_count: texts.ispeed_count,
            ispeed: texts.ispeed.clone(),
        }
    }

    fn row(&self) -> Vec<String> {
        let devices = |count: Option<u32>| count.map_or_else(|| DeviceCount::Few.to_string(), |n| n.to_string());
        vec![
            self.code.clone(),
            self.name.clone(),
            self.month.to_string(),
            devices(self.installs_month),
            devices(self.installs_year),
            devices(self.active_devices),
            self.communication.clone(),
            self.communication_items.to_string(),
            self.difficulties.clone(),
            self.proposals.clone(),
            self.ispeed_count.map(|n| n.to_string()).unwrap_or_default(),
            self.ispeed.clone(),
        ]
    }
}

async fn entry(store: &dyn Store, communes: &Communes, code: &str, month: Month) -> Result<(Entry, DutyTexts)> {
    let texts = duty_texts(store, month, code).await.map_err(|error| store::failed(&error))?;
    Ok((Entry::of(communes, code, month, &texts), texts))
}

fn show(args: &ShowArgs, lang: Lang) -> Result<()> {
    let communes = args.local.communes()?;
    known_commune(&communes, &args.commune)?;
    let (made, texts) = http::block_on(async {
        let store = args.local.server.open_existing().await?;
        entry(&*store, &communes, &args.commune, args.month).await
    })?;
    if args.format != Format::Human {
        return print_entries(&mut Out::new(), args.format, &[made], &HEADER, Entry::row);
    }
    let mut out = Out::new();
    out.line(format!("{}  {}  {}", made.code, made.name, args.month))?;
    let none = pick(lang, "chưa nhập", "not typed in");
    for (name, text) in [
        (pick(lang, "Số lượt cài đặt", "Installs"), &texts.installs),
        (pick(lang, "Tuyên truyền", "Communication"), &texts.communication),
        (pick(lang, "Khó khăn, vướng mắc", "Difficulties"), &texts.difficulties),
        (pick(lang, "Đề xuất, kiến nghị", "Proposals"), &texts.proposals),
        (pick(lang, "Số liệu i-Speed (VNNIC)", "i-Speed (VNNIC)"), &texts.ispeed),
    ] {
        out.line(format!("  {name}: {}", if text.is_empty() { none } else { text }))?;
    }
    out.line(pick(lang, ispeed_protocol::plan::NOT_I_SPEED_VI, ispeed_protocol::plan::NOT_I_SPEED_EN))?;
    out.flush()
}

fn export(args: &ExportArgs, lang: Lang) -> Result<()> {
    let communes = args.local.communes()?;
    let entries = http::block_on(async {
        let store = args.local.server.open_existing().await?;
        let codes: Vec<String> = match &args.province {
            Some(province) => {
                communes.all().iter().filter(|c| c.province_code == *province).map(|c| c.code.clone()).collect()
            }
            None => reported(&*store, args.month).await?,
        };
        let mut entries = Vec::with_capacity(codes.len());
        for code in codes {
            entries.push(entry(&*store, &communes, &code, args.month).await?.0);
        }
        Ok(entries)
    })?;
    if args.format != Format::Human {
        return print_entries(&mut Out::new(), args.format, &entries, &HEADER, Entry::row);
    }
    let mut out = Out::new();
    for entry in &entries {
        out.line(format!(
            "  {}  {}  {} {}  {}",
            entry.code,
            entry.name,
            pick(lang, "tin, bài, lượt:", "items:"),
            entry.communication_items,
            entry.ispeed
        ))?;
    }
    out.flush()
}

/// Communes of which something was typed in.
async fn reported(store: &dyn Store, month: Month) -> Result<Vec<String>> {
    let typed = duties(store, month).await.map_err(|error| store::failed(&error))?;
    let counts = ispeed_counts(store, month).await.map_err(|error| store::failed(&error))?;
    let mut codes: Vec<String> =
        typed.into_iter().map(|duty| duty.commune).chain(counts.into_iter().map(|count| count.commune)).collect();
    codes.sort_unstable();
    codes.dedup();
    Ok(codes)
}

fn count(args: &CountArgs, lang: Lang) -> Result<()> {
    let communes = args.local.communes()?;
    let counts = match (&args.file, &args.commune) {
        (Some(file), _) => {
            parse_count_file(&text_of(file)?, args.month, |code| communes.get(code).is_some()).map_err(|error| {
                CliError::failed(format_args!("{}: {error}", file.display()), "mend the file; nothing was kept")
            })?
        }
        (None, commune) => {
            let code = commune.clone().unwrap_or_default();
            known_commune(&communes, &code)?;
            let source = args.source.clone().unwrap_or_default();
            let date = args.date.unwrap_or(Day::of(args.month.end()));
            let count = ISpeedCount {
                v: DUTY_VERSION,
                month: args.month,
                commune: code,
                count: args.count.unwrap_or(0),
                source: source.trim().to_owned(),
                date,
            };
            check_count(&count).map_err(|(field, cause)| {
                CliError::usage(format_args!("--{field} is {cause}"), "mend the argument; nothing was kept")
            })?;
            vec![count]
        }
    };
    http::block_on(async {
        let store = args.local.server.open_or_make().await?;
        for count in &counts {
            keep_ispeed_count(&*store, count).await.map_err(|error| store::failed(&error))?;
        }
        Ok(())
    })?;
    crate::output::live::say(format!("ispeed: {} {}", counts.len(), pick(lang, "số liệu đã lưu", "counts kept")));
    Ok(())
}
