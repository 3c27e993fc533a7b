//! Paired measurements of a campaign: two phones side by side, one per operator.

use ispeed_protocol::Month;
use ispeed_protocol::plan::{NOT_I_SPEED_EN, NOT_I_SPEED_VI};
use ispeed_report::TechnologyGroup;
use ispeed_report::pairs::{Comparison, Finding, HEADER, Paired, compare, pair_up};
use ispeed_server::collect::campaign_samples;
use ispeed_verdict::Lang;
use serde::Serialize;

use super::find;
use crate::error::Result;
use crate::http;
use crate::lang::pick;
use crate::output::{Format, Out, print_entries};
use crate::store::{self, Local};

#[derive(clap::Args, Debug)]
pub(super) struct PairsArgs {
    /// Code of the campaign.
    #[arg(value_name = "CODE")]
    code: String,
    /// The month, YYYY-MM; this one unless given.
    #[arg(long, value_name = "YYYY-MM")]
    month: Option<Month>,
    #[command(flatten)]
    local: Local,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// A comparison for machines: figures as they are printed.
#[derive(Serialize)]
struct Entry(std::collections::BTreeMap<&'static str, String>);

pub(super) fn run(args: &PairsArgs, lang: Lang) -> Result<()> {
    let month = args.month.unwrap_or_else(|| ispeed_core::clock::now().month());
    let samples = http::block_on(async {
        let store = args.local.server.open_existing().await?;
        let campaign = find(&*store, &args.code).await?.campaign;
        campaign_samples(&*store, &campaign, month).await.map_err(|error| store::failed(&error))
    })?;
    let paired = pair_up(&samples);
    let comparisons = compare(&paired.pairs);
    if args.format != Format::Human {
        let entries: Vec<Entry> =
            comparisons.iter().map(|c| Entry(HEADER.into_iter().zip(c.fields()).collect())).collect();
        return print_entries(&mut Out::new(), args.format, &entries, &HEADER, |entry| {
            HEADER.iter().map(|name| entry.0.get(name).cloned().unwrap_or_default()).collect()
        });
    }
    let mut out = Out::new();
    lines(lang, &paired, &comparisons).into_iter().try_for_each(|line| out.line(line))?;
    out.flush()
}

fn lines(lang: Lang, paired: &Paired<'_>, comparisons: &[Comparison]) -> Vec<String> {
    let mut lines = vec![format!("{} {}", pick(lang, "Số cặp đo:", "Pairs:"), paired.pairs.len())];
    for (cause, n) in &paired.unpaired {
        lines.push(format!("  {} {n}  {}", pick(lang, "không thành cặp:", "not a pair:"), cause.code()));
    }
    for comparison in comparisons {
        let figure = |value: Option<ispeed_report::Decimal>| value.map_or_else(|| "–".to_owned(), |v| v.to_string());
        let interval = comparison.interval.map_or_else(|| "–".to_owned(), |[low, high]| format!("{low} … {high}"));
        let technology = match comparison.technology {
            TechnologyGroup::All => pick(lang, "Tất cả", "all"),
            technology => technology.name_vi(),
        };
        lines.push(format!(
            "  {} – {}  {technology}  {}  {} [{interval}]  {}",
            comparison.first.name_vi(),
            comparison.second.name_vi(),
            comparison.metric.code(),
            figure(comparison.mean),
            finding(lang, comparison)
        ));
    }
    if comparisons.iter().any(|comparison| comparison.phones_confounded) {
        let text = pick(
            lang,
            "Quá ít cặp máy: chênh lệch là của nhà mạng và của máy. Hãy đổi SIM giữa hai máy hoặc thêm máy.",
            "Too few pairs of phones: the difference is one of operators and phones. Swap the SIMs, or take more phones.",
        );
        lines.push(text.to_owned());
    }
    lines.push(pick(lang, NOT_I_SPEED_VI, NOT_I_SPEED_EN).to_owned());
    lines
}

fn finding(lang: Lang, comparison: &Comparison) -> String {
    match comparison.finding {
        Finding::First => format!("{} {}", comparison.first.name_vi(), pick(lang, "tốt hơn", "is better")),
        Finding::Second => format!("{} {}", comparison.second.name_vi(), pick(lang, "tốt hơn", "is better")),
        Finding::Draw => pick(lang, "ngang nhau", "a draw").to_owned(),
        Finding::TooFew => pick(lang, "chưa đủ số liệu", "too few").to_owned(),
    }
}
