//! `ispeed me`: what a collector holds of this device, and having it deleted.

use std::io::{BufRead as _, IsTerminal as _};
use std::path::PathBuf;

use clap::Subcommand;
use ispeed_core::outbox::Outbox;
use ispeed_core::{clock, me};
use ispeed_protocol::mine::OwnSamples;
use ispeed_verdict::Lang;
use reqwest::Url;
use serde::Serialize;

use super::measure::of_core;
use super::test::{COLLECTOR_ENV, outbox_path};
use crate::error::{CliError, Result};
use crate::http;
use crate::lang::pick;
use crate::output::Out;
use crate::output::live::say;

/// What a collector holds of this device.
#[derive(clap::Args, Debug)]
#[command(arg_required_else_help = true, subcommand_required = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Print everything a collector holds of this device, a line of JSON each month.
    #[command(after_help = "Example:\n  ispeed me show --server https://ispeed.example.vn")]
    Show(AskArgs),
    /// Have a collector delete everything of this device; prints its receipts.
    #[command(after_help = "Example:\n  ispeed me delete --server https://ispeed.example.vn --yes")]
    Delete(DeleteArgs),
}

#[derive(clap::Args, Debug)]
struct AskArgs {
    /// The collector.
    #[arg(long, value_name = "URL", env = COLLECTOR_ENV, value_parser = http::parse_url)]
    server: Url,
    /// The outbox, which holds this device's keys; in the user's data folder unless given.
    #[arg(long, value_name = "FILE")]
    outbox: Option<PathBuf>,
    /// Trust this certificate too (PEM).
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

#[derive(clap::Args, Debug)]
struct DeleteArgs {
    #[command(flatten)]
    ask: AskArgs,
    /// Do not ask again.
    #[arg(long)]
    yes: bool,
}

#[derive(Serialize)]
struct Month<'a> {
    month: String,
    holds: &'a OwnSamples,
}

pub(crate) fn run(args: &Args, lang: Lang) -> Result<()> {
    match &args.command {
        Command::Show(args) => show(args, lang),
        Command::Delete(args) => delete(args, lang),
    }
}

impl AskArgs {
    fn open(&self) -> Result<(Outbox, reqwest::Client)> {
        let path = outbox_path(self.outbox.as_deref())?;
        if !path.is_file() {
            return Err(CliError::failed(
                format_args!("there is no outbox {}", path.display()),
                "name the one whose samples were handed in with --outbox",
            ));
        }
        let ca = http::read_ca_text(self.ca.as_deref())?;
        let client = ispeed_core::http::client(ca.as_deref()).map_err(of_core)?;
        Ok((Outbox::open(path, clock::now()).map_err(of_core)?, client))
    }
}

fn show(args: &AskArgs, lang: Lang) -> Result<()> {
    let (outbox, client) = args.open()?;
    let months = http::block_on(async { me::read(&outbox, &client, args.server.as_str()).await.map_err(of_core) })?;
    if months.is_empty() {
        say(pick(lang, "Máy này chưa có mẫu nào cho máy chủ đó.", "This device made no samples for that collector."));
    }
    let mut out = Out::new();
    for month in &months {
        out.json_line(&Month { month: month.month.to_string(), holds: &month.answer })?;
    }
    out.flush()
}

fn delete(args: &DeleteArgs, lang: Lang) -> Result<()> {
    if !args.yes && !confirmed(lang)? {
        say(pick(lang, "Không xóa gì.", "Nothing was deleted."));
        return Ok(());
    }
    let (outbox, client) = args.ask.open()?;
    let receipts = http::block_on(async {
        me::delete(&outbox, &client, args.ask.server.as_str(), clock::now()).await.map_err(of_core)
    })?;
    say(match lang {
        Lang::Vi => format!("Yêu cầu đã được ghi nhận: đã xóa {} mẫu.", receipts.len()),
        Lang::En => format!("{} samples were deleted.", receipts.len()),
    });
    let mut out = Out::new();
    receipts.iter().try_for_each(|receipt| out.json_line(receipt))?;
    out.flush()
}

fn confirmed(lang: Lang) -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Err(CliError::usage("deleting needs a confirmation", "repeat with --yes"));
    }
    say(pick(
        lang,
        "Xóa tất cả dữ liệu của máy này trên máy chủ? Gõ \"xoa\" để xác nhận:",
        "Delete everything of this device at the collector? Type \"delete\" to confirm:",
    ));
    let mut answer = String::new();
    // No answer is no.
    let _ = std::io::stdin().lock().read_line(&mut answer);
    Ok(matches!(answer.trim().to_lowercase().as_str(), "xoa" | "xóa" | "delete"))
}
