//! `ispeed outbox`: what is kept on this machine, and handing it in.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Subcommand, ValueEnum};
use ispeed_core::history::Entry;
use ispeed_core::outbox::{AfterUpload, Filter, Outbox, State};
use ispeed_core::{clock, upload};
use ispeed_protocol::consent::{Consent, Share};
use ispeed_verdict::Lang;
use serde::Serialize;
use uuid::Uuid;

use super::measure::{ShareArg, of_core};
use super::test::outbox_path;
use crate::error::{CliError, Result};
use crate::lang::{number, pick};
use crate::output::human::vietnam_time;
use crate::output::live::say;
use crate::output::{Format, Out, csv, print_entries, words};
use crate::{consent, http, place};

/// Samples kept on this machine.
#[derive(clap::Args, Debug)]
#[command(arg_required_else_help = true, subcommand_required = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// List samples, the newest first: sent, waiting, refused and why.
    #[command(after_help = "Example:\n  ispeed outbox list --state quarantined")]
    List(ListArgs),
    /// Hand in what waits.
    #[command(after_help = "Examples:\n  ispeed outbox send\n  ispeed outbox send --again --ca cert.pem")]
    Send(SendArgs),
    /// Print samples with their receipts, a line each, as a hand-over file.
    #[command(after_help = "Example:\n  ispeed outbox export > samples.jsonl && ispeed verify samples.jsonl")]
    Export(ExportArgs),
    /// Delete samples from this machine; one that was not sent is gone for good.
    #[command(after_help = "Example:\n  ispeed outbox delete 019a0b1c-0000-7000-8000-000000000000")]
    Delete(DeleteArgs),
    /// Show what was agreed to, agree, or withdraw.
    #[command(after_help = "Examples:\n  ispeed outbox consent\n  ispeed outbox consent --withdraw")]
    Consent(ConsentArgs),
}

#[derive(clap::Args, Debug)]
struct FileArgs {
    /// The outbox; in the user's data folder unless given.
    #[arg(long, value_name = "FILE")]
    outbox: Option<PathBuf>,
}

impl FileArgs {
    fn open(&self) -> Result<Outbox> {
        let path = outbox_path(self.outbox.as_deref())?;
        if self.outbox.is_some() && !path.is_file() {
            return Err(CliError::failed(
                format_args!("there is no outbox {}", path.display()),
                "check --outbox; `ispeed test` makes one",
            ));
        }
        Outbox::open(path, clock::now()).map_err(of_core)
    }
}

/// `--state`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum StateArg {
    Local,
    Waiting,
    Sending,
    Sent,
    Quarantined,
}

impl From<StateArg> for State {
    fn from(state: StateArg) -> Self {
        match state {
            StateArg::Local => Self::Local,
            StateArg::Waiting => Self::Waiting,
            StateArg::Sending => Self::Sending,
            StateArg::Sent => Self::Sent,
            StateArg::Quarantined => Self::Quarantined,
        }
    }
}

#[derive(clap::Args, Debug)]
struct ListArgs {
    #[command(flatten)]
    file: FileArgs,
    /// Only samples in this state.
    #[arg(long, value_enum)]
    state: Option<StateArg>,
    /// At most so many.
    #[arg(long, value_name = "N")]
    limit: Option<u32>,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(clap::Args, Debug)]
struct SendArgs {
    #[command(flatten)]
    file: FileArgs,
    /// Put refused samples back into the queue first.
    #[arg(long)]
    again: bool,
    /// Trust this certificate too (PEM).
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

#[derive(clap::Args, Debug)]
struct ExportArgs {
    #[command(flatten)]
    file: FileArgs,
    /// Only samples in this state.
    #[arg(long, value_enum)]
    state: Option<StateArg>,
}

#[derive(clap::Args, Debug)]
struct DeleteArgs {
    #[command(flatten)]
    file: FileArgs,
    /// Samples.
    #[arg(value_name = "ID", required = true, value_parser = parse_id)]
    ids: Vec<Uuid>,
}

fn parse_id(text: &str) -> std::result::Result<Uuid, String> {
    text.parse()
        .map_err(|_| format!("{text:?} is not the id of a sample; expected a UUID as `ispeed outbox list` shows it"))
}

#[derive(clap::Args, Debug)]
struct ConsentArgs {
    #[command(flatten)]
    file: FileArgs,
    /// Agree to measure, to hand in, and to share this of the place.
    #[arg(long, value_enum, value_name = "WHAT", conflicts_with = "withdraw")]
    share: Option<ShareArg>,
    /// Withdraw: no measurement, no place, nothing handed in until you agree again.
    #[arg(long)]
    withdraw: bool,
}

pub(crate) fn run(args: &Args, lang: Lang) -> Result<()> {
    match &args.command {
        Command::List(args) => list(args, lang),
        Command::Send(args) => send(args, lang),
        Command::Export(args) => export(args),
        Command::Delete(args) => delete(args),
        Command::Consent(args) => consent_command(args, lang),
    }
}

/// A line of the list.
#[derive(Serialize)]
struct Line {
    id: Uuid,
    started_at: String,
    state: &'static str,
    problem: Option<String>,
    outcome: String,
    commune: Option<String>,
    down_bps: Option<f64>,
    up_bps: Option<f64>,
    idle_ms: Option<f64>,
    counts: bool,
    reasons: Vec<String>,
    judged_by_collector: bool,
    next_at: Option<String>,
    sent_at: Option<String>,
    collector: String,
}

impl Line {
    fn of(entry: &Entry) -> Self {
        Self {
            id: entry.id,
            started_at: entry.started_at.to_string(),
            state: entry.state.text(),
            problem: entry.problem.as_ref().map(|problem| problem.text.clone()),
            outcome: csv::word(&entry.outcome),
            commune: entry.commune.clone(),
            down_bps: entry.down_bps,
            up_bps: entry.up_bps,
            idle_ms: entry.idle_ms,
            counts: entry.verdict.counts,
            reasons: entry.verdict.reasons.clone(),
            judged_by_collector: entry.judged_by_collector,
            next_at: entry.next_at.map(|at| at.to_string()),
            sent_at: entry.sent_at.map(|at| at.to_string()),
            collector: entry.collector.clone(),
        }
    }

    fn row(&self) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.started_at.clone(),
            self.state.to_owned(),
            self.problem.clone().unwrap_or_default(),
            self.outcome.clone(),
            self.commune.clone().unwrap_or_default(),
            csv::figure(self.down_bps, 0),
            csv::figure(self.up_bps, 0),
            csv::figure(self.idle_ms, 3),
            self.counts.to_string(),
            self.reasons.join(" "),
            self.judged_by_collector.to_string(),
            self.next_at.clone().unwrap_or_default(),
            self.sent_at.clone().unwrap_or_default(),
            self.collector.clone(),
        ]
    }
}

const HEADER: [&str; 15] = [
    "id",
    "started_at",
    "state",
    "problem",
    "outcome",
    "commune",
    "down_bps",
    "up_bps",
    "idle_ms",
    "counts",
    "reasons",
    "judged_by_collector",
    "next_at",
    "sent_at",
    "collector",
];

fn list(args: &ListArgs, lang: Lang) -> Result<()> {
    let filter = Filter { state: args.state.map(Into::into), before: None, limit: args.limit };
    let entries = args.file.open()?.history(filter).map_err(of_core)?;
    let mut out = Out::new();
    if args.format != Format::Human {
        let lines: Vec<Line> = entries.iter().map(Line::of).collect();
        return print_entries(&mut out, args.format, &lines, &HEADER, Line::row);
    }
    if entries.is_empty() {
        say(pick(lang, "Chưa có mẫu đo nào.", "No samples."));
    }
    for entry in &entries {
        out.line(text(lang, entry))?;
        if let Some(problem) = &entry.problem {
            out.line(format!("    {problem}"))?;
        }
    }
    out.flush()
}

fn text(lang: Lang, entry: &Entry) -> String {
    let rate = |bps: Option<f64>| bps.map_or_else(|| "-".to_owned(), |bps| number(lang, bps / 1e6, 2));
    let commune = entry.commune.as_deref().map_or_else(|| "-".to_owned(), place::name);
    format!(
        "{}  {}  {:<12} {:>8} / {:>8} Mbps  {}  {}  {commune}",
        entry.id,
        vietnam_time(entry.started_at),
        state(lang, entry.state),
        rate(entry.down_bps),
        rate(entry.up_bps),
        words::outcome(lang, entry.outcome),
        if entry.verdict.counts {
            pick(lang, "được tính", "counts")
        } else {
            pick(lang, "không tính", "does not count")
        },
    )
}

fn state(lang: Lang, state: State) -> &'static str {
    let (vi, en) = match state {
        State::Local => ("trên máy", "kept here"),
        State::Waiting => ("chờ gửi", "waiting"),
        State::Sending => ("đang gửi", "sending"),
        State::Sent => ("đã gửi", "sent"),
        State::Quarantined => ("bị từ chối", "refused"),
    };
    pick(lang, vi, en)
}

fn send(args: &SendArgs, lang: Lang) -> Result<()> {
    let outbox = Arc::new(args.file.open()?);
    let ca = http::read_ca_text(args.ca.as_deref())?;
    let agreed = outbox.consent().map_err(of_core)?.is_some_and(|consent| consent.upload);
    if !agreed {
        return Err(CliError::failed(
            "nobody agreed to hand samples in",
            "agree with `ispeed outbox consent --share commune`",
        ));
    }
    outbox.retry_now().map_err(of_core)?;
    if args.again {
        outbox.requeue_all(clock::now()).map_err(of_core)?;
    }
    let drained = http::block_on(async {
        let client = ispeed_core::http::client(ca.as_deref()).map_err(of_core)?;
        upload::drain(Arc::clone(&outbox), &client, Arc::new(clock::now)).await.map_err(of_core)
    })?;
    let mut out = Out::new();
    for (id, after) in &drained.uploads {
        out.line(match after {
            AfterUpload::Sent => format!("{id}  {}", pick(lang, "đã gửi", "sent")),
            AfterUpload::Retry { until, problem } => {
                format!("{id}  {} {}: {problem}", pick(lang, "chờ đến", "waits until"), vietnam_time(*until))
            }
            AfterUpload::Quarantined { problem } => format!("{id}  {}: {problem}", pick(lang, "bị từ chối", "refused")),
            AfterUpload::Settled { .. } => format!("{id}  {}", pick(lang, "đã xong trước đó", "settled before")),
        })?;
    }
    let stock = outbox.stock().map_err(of_core)?;
    out.line(match lang {
        Lang::Vi => format!("{} đã gửi, {} chờ gửi, {} bị từ chối", drained.sent(), stock.waiting, stock.quarantined),
        Lang::En => format!("{} sent, {} waiting, {} refused", drained.sent(), stock.waiting, stock.quarantined),
    })?;
    out.flush()?;
    if stock.waiting > 0 && drained.sent() == 0 && !drained.uploads.is_empty() {
        return Err(CliError::failed(
            "nothing could be handed in",
            "nothing is lost; try again when the collector can be reached",
        ));
    }
    Ok(())
}

fn export(args: &ExportArgs) -> Result<()> {
    let outbox = args.file.open()?;
    let mut stdout = std::io::BufWriter::new(std::io::stdout());
    let mut broken: Option<std::io::Error> = None;
    let filter = Filter { state: args.state.map(Into::into), ..Filter::default() };
    let written = outbox.each_sample(filter, |stored| {
        let mut line = ispeed_core::history::document(&stored)?;
        line.push(b'\n');
        stdout.write_all(&line).map_err(|error| {
            let reason = error.to_string();
            broken = Some(error);
            ispeed_core::Error::Storage { reason }
        })
    });
    if let Some(error) = broken {
        return Err(CliError::stdout(&error));
    }
    written.map_err(of_core)?;
    stdout.flush().map_err(|error| CliError::stdout(&error))
}

fn delete(args: &DeleteArgs) -> Result<()> {
    let outbox = args.file.open()?;
    args.ids.iter().try_for_each(|id| outbox.erase(*id, clock::now()).map_err(of_core))
}

fn consent_command(args: &ConsentArgs, lang: Lang) -> Result<()> {
    let path = outbox_path(args.file.outbox.as_deref())?;
    let outbox = Outbox::open(path, clock::now()).map_err(of_core)?;
    if args.withdraw {
        outbox.withdraw_consent(clock::now()).map_err(of_core)?;
    }
    if let Some(share) = args.share {
        outbox.record_consent(&consent::consent(clock::now(), share.into(), true)).map_err(of_core)?;
    }
    let mut out = Out::new();
    match outbox.consent().map_err(of_core)? {
        Some(consent) => out.line(consent_text(lang, &consent))?,
        None => out.line(pick(lang, "Chưa có sự đồng ý nào.", "Nothing was agreed to."))?,
    }
    out.flush()
}

fn consent_text(lang: Lang, consent: &Consent) -> String {
    let yes = |agreed: bool| if agreed { pick(lang, "có", "yes") } else { pick(lang, "không", "no") };
    let share = match consent.share {
        Share::None => pick(lang, "không", "nothing"),
        Share::Commune => pick(lang, "xã, phường và ô 200 m", "commune and 200 m cell"),
        Share::Precise => pick(lang, "cả tọa độ", "the position as well"),
    };
    format!(
        "{} ({}): {} {}; {} {}; {} {share}",
        vietnam_time(consent.at),
        consent.version,
        pick(lang, "đo", "measure"),
        yes(consent.run),
        pick(lang, "gửi", "hand in"),
        yes(consent.upload),
        pick(lang, "chia sẻ nơi đo:", "share of the place:"),
    )
}
