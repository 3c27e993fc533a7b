//! `ispeed campaign`: campaigns of a collector, and what phones join them by.

mod pairs;
mod qr;

use std::path::PathBuf;

use clap::Subcommand;
use ispeed_protocol::Day;
use ispeed_protocol::campaign::{CAMPAIGN_VERSION, Campaign, OperatorQuota};
use ispeed_server::collect::{
    KeptCampaign, PackFor, PlanAbout, PlanDesk, campaign, campaigns, keep_campaign, plan_pack, plan_settings,
};
use ispeed_server::store::Store;
use ispeed_verdict::Lang;
use uuid::Uuid;

use super::plan::operator_name;
use crate::error::{CliError, Result};
use crate::lang::pick;
use crate::output::{Format, Out, print_entries};
use crate::store::{self, Local};
use crate::{files, http};

/// Campaigns: who measures what where until when.
#[derive(clap::Args, Debug)]
#[command(arg_required_else_help = true, subcommand_required = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Make a campaign.
    #[command(after_help = "Example:\n  ispeed campaign create --code dong-nai-2026-11 --title 'Đợt đo tháng 11' \
                            --commune 25195 25198 --from 2026-11-10 --to 2026-11-25 --quota viettel=100 mobifone=100 --role TO-01 TO-02")]
    Create(CreateArgs),
    /// List campaigns.
    #[command(after_help = "Example:\n  ispeed campaign list --data ispeed-data --format csv")]
    List(ListArgs),
    /// Show one.
    #[command(after_help = "Example:\n  ispeed campaign show dong-nai-2026-11")]
    Show(OneArgs),
    /// End one before its last day; what was measured stays.
    #[command(after_help = "Example:\n  ispeed campaign close dong-nai-2026-11")]
    Close(OneArgs),
    /// Make the QR code that phones join by: on the terminal, or as SVG.
    #[command(
        after_help = "Example:\n  ispeed campaign qr dong-nai-2026-11 --url https://ispeed.example.vn --role TO-01 --svg to-01.svg"
    )]
    Qr(qr::QrArgs),
    /// Check the text of such a code, without a network.
    #[command(after_help = "Example:\n  ispeed campaign check 'ispeed:campaign:…' --key KEY")]
    Check(qr::CheckArgs),
    /// Compare operators by the campaign's paired measurements.
    #[command(after_help = "Example:\n  ispeed campaign pairs dong-nai-2026-11 --month 2026-11 --format csv")]
    Pairs(pairs::PairsArgs),
    /// Write the plan of a day without a network: one signed document.
    #[command(after_help = "Example:\n  ispeed campaign pack dong-nai-2026-11 --out plan.json")]
    Pack(PackArgs),
}

#[derive(clap::Args, Debug)]
struct CreateArgs {
    /// Code people type: 3 to 32 of a-z, 0-9 and -; made up unless given.
    #[arg(long, value_name = "CODE")]
    code: Option<String>,
    /// Title.
    #[arg(long, value_name = "TEXT")]
    title: String,
    /// Communes.
    #[arg(long, value_name = "CODE", num_args = 1.., required_unless_present = "province")]
    commune: Vec<String>,
    /// All communes of a province.
    #[arg(long, value_name = "CODE")]
    province: Option<String>,
    /// First day, YYYY-MM-DD.
    #[arg(long, value_name = "DATE")]
    from: Day,
    /// Last day.
    #[arg(long, value_name = "DATE")]
    to: Day,
    /// Samples wanted of an operator in each commune and month: viettel, vinaphone, mobifone, vietnamobile. Without: 30 of each.
    #[arg(long, value_name = "OPERATOR=N", num_args = 1.., value_parser = parse_quota)]
    quota: Vec<OperatorQuota>,
    /// Role codes of those who measure; never names.
    #[arg(long, value_name = "CODE", num_args = 1..)]
    role: Vec<String>,
    #[command(flatten)]
    local: Local,
}

#[derive(clap::Args, Debug)]
struct ListArgs {
    #[command(flatten)]
    local: Local,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(clap::Args, Debug)]
struct OneArgs {
    /// Code of the campaign.
    #[arg(value_name = "CODE")]
    code: String,
    #[command(flatten)]
    local: Local,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(clap::Args, Debug)]
struct PackArgs {
    /// Code of the campaign.
    #[arg(value_name = "CODE")]
    code: String,
    /// File to write; standard output unless given.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Name of the collector in the pack.
    #[arg(long, value_name = "NAME", default_value = "localhost")]
    public_name: String,
    #[command(flatten)]
    local: Local,
}

fn parse_quota(text: &str) -> std::result::Result<OperatorQuota, String> {
    let wrong = || format!("{text:?} is not a quota; expected OPERATOR=N, such as viettel=100");
    let (operator, samples) = text.split_once('=').ok_or_else(wrong)?;
    Ok(OperatorQuota { operator: operator.to_owned(), samples: samples.parse().map_err(|_| wrong())? })
}

pub(crate) fn run(args: Args, lang: Lang) -> Result<()> {
    match args.command {
        Command::Create(args) => create(args),
        Command::List(args) => list(&args, lang),
        Command::Show(args) => {
            let campaign = read(&args.local, &args.code)?;
            print(args.format, lang, &[campaign])
        }
        Command::Close(args) => close(&args, lang),
        Command::Qr(args) => qr::draw(&args),
        Command::Check(args) => qr::check(&args, lang),
        Command::Pairs(args) => pairs::run(&args, lang),
        Command::Pack(args) => pack(&args),
    }
}

fn create(args: CreateArgs) -> Result<()> {
    let communes = args.local.communes()?;
    let mut codes = args.commune;
    if let Some(province) = &args.province {
        let of_province = communes.all().iter().filter(|c| c.province_code == *province).map(|c| c.code.clone());
        let before = codes.len();
        codes.extend(of_province);
        if codes.len() == before {
            let cause = format_args!("--province is {province:?}, which has no communes");
            return Err(CliError::usage(cause, "give two digits, such as 75"));
        }
    }
    codes.sort_unstable();
    codes.dedup();
    codes.iter().try_for_each(|code| crate::place::known_commune(&communes, code))?;
    let made = Campaign {
        v: CAMPAIGN_VERSION,
        code: args.code.unwrap_or_else(made_up_code),
        title: args.title,
        communes: codes,
        quotas: args.quota,
        starts_on: args.from,
        ends_on: args.to,
        roles: args.role,
        closed: false,
    };
    if let Some(wrong) = made.wrong().into_iter().next() {
        return Err(CliError::usage(wrong, "see `ispeed campaign create --help`"));
    }
    http::block_on(async {
        let store = args.local.server.open_or_make().await?;
        if campaign(&*store, &made.code).await.map_err(|error| store::failed(&error))?.is_some() {
            let cause = format_args!("a campaign has the code {:?} already", made.code);
            return Err(CliError::failed(cause, "choose another one with --code"));
        }
        keep_campaign(&*store, &made, 0).await.map_err(|error| store::failed(&error))
    })?;
    let mut out = Out::new();
    out.line(&made.code)?;
    out.flush()
}

/// Eight digits of chance: nobody guesses it by trying.
fn made_up_code() -> String {
    let id = Uuid::now_v7().simple().to_string();
    format!("dot-{}", &id[24..])
}

pub(super) async fn find(store: &dyn Store, code: &str) -> Result<KeptCampaign> {
    let kept = campaign(store, code).await.map_err(|error| store::failed(&error))?;
    kept.ok_or_else(|| {
        CliError::failed(format_args!("no campaign has the code {code:?}"), "`ispeed campaign list` names them")
    })
}

/// The campaign alone.
fn read(local: &Local, code: &str) -> Result<Campaign> {
    http::block_on(async {
        let store = local.server.open_existing().await?;
        Ok(find(&*store, code).await?.campaign)
    })
}

fn list(args: &ListArgs, lang: Lang) -> Result<()> {
    let kept = http::block_on(async {
        let store = args.local.server.open_existing().await?;
        campaigns(&*store).await.map_err(|error| store::failed(&error))
    })?;
    let all: Vec<Campaign> = kept.into_iter().map(|kept| kept.campaign).collect();
    print(args.format, lang, &all)
}

fn close(args: &OneArgs, lang: Lang) -> Result<()> {
    let closed = http::block_on(async {
        let store = args.local.server.open_existing().await?;
        let KeptCampaign { campaign, revision } = find(&*store, &args.code).await?;
        let closed = Campaign { closed: true, ..campaign };
        keep_campaign(&*store, &closed, revision).await.map_err(|error| store::failed(&error))?;
        Ok(closed)
    })?;
    print(args.format, lang, &[closed])
}

const HEADER: [&str; 8] = ["code", "title", "starts_on", "ends_on", "closed", "communes", "quotas", "roles"];

fn print(format: Format, lang: Lang, campaigns: &[Campaign]) -> Result<()> {
    let mut out = Out::new();
    let quotas = |campaign: &Campaign| {
        let quotas = campaign.quotas.iter().map(|quota| format!("{}={}", quota.operator, quota.samples));
        quotas.collect::<Vec<_>>().join(" ")
    };
    if format != Format::Human {
        return print_entries(&mut out, format, campaigns, &HEADER, |campaign| {
            vec![
                campaign.code.clone(),
                campaign.title.clone(),
                campaign.starts_on.to_string(),
                campaign.ends_on.to_string(),
                campaign.closed.to_string(),
                campaign.communes.join(" "),
                quotas(campaign),
                campaign.roles.join(" "),
            ]
        });
    }
    for campaign in campaigns {
        let state = if campaign.closed { pick(lang, "đã kết thúc", "closed") } else { "" };
        out.line(format!(
            "{}  {}  {} … {}  {} {}  {state}",
            campaign.code,
            campaign.title,
            campaign.starts_on,
            campaign.ends_on,
            campaign.communes.len(),
            pick(lang, "xã, phường", "communes")
        ))?;
        for quota in &campaign.quotas {
            out.line(format!("    {:<18} {}", operator_name(&quota.operator), quota.samples))?;
        }
    }
    out.flush()
}

fn pack(args: &PackArgs) -> Result<()> {
    let communes = args.local.communes()?;
    let key = args.local.server.key()?;
    let pack = http::block_on(async {
        let store = args.local.server.open_existing().await?;
        let about = PlanAbout::Campaign(Box::new(find(&*store, &args.code).await?.campaign));
        let asked = PackFor { about, collector: &args.public_name, key: &key };
        let now = ispeed_core::clock::now();
        let settings = plan_settings(&*store).await.map_err(|error| store::failed(&error))?;
        plan_pack(&PlanDesk::default(), &*store, &communes, settings, asked, now)
            .await
            .map_err(|error| CliError::failed(error, "see `ispeed campaign show`"))
    })?;
    let json = crate::output::json::line(&pack.0)?;
    match &args.out {
        Some(path) => files::write_whole(path, json.as_bytes()),
        None => {
            let mut out = Out::new();
            out.line(json)?;
            out.flush()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_read_and_made_up_codes_are_codes() {
        assert_eq!(parse_quota("viettel=100").unwrap().samples, 100);
        for wrong in ["viettel", "viettel=", "viettel=x", "=-1"] {
            assert!(parse_quota(wrong).unwrap_err().contains(wrong), "{wrong}");
        }
        assert!(ispeed_protocol::campaign::is_code(&made_up_code()));
    }
}
