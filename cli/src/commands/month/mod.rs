//! `ispeed month`: how a month stands, and the official month: closed, revised, checked.

mod close;
mod documents;
mod status;
mod store;
mod verify;

use clap::Subcommand;
use ispeed_verdict::Lang;

use crate::error::Result;

/// How a month stands; closing, revising and checking the official month.
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
    Status(status::Args),
    /// Close a month: freeze the samples, compute, write the documents, chain and sign. Run again: the same bytes.
    #[command(after_help = "Examples:\n  ispeed month close --month 2026-10 --data ispeed-data --out 2026-10\n  \
                      ispeed month close --month 2026-10 --province 75 --sealed --database postgres://ispeed@db/ispeed --out dong-nai\n\n\
                      ispeed is not VNNIC's i-Speed app, and its samples do not enter VNNIC's count of 300.")]
    Close(close::Args),
    /// Make the next version of a closed month, with a list of what differs from the version before.
    #[command(
        after_help = "Example:\n  ispeed month revise --month 2026-10 --previous 2026-10 --data ispeed-data --out 2026-10-v2"
    )]
    Revise(close::Args),
    /// Check the folder of a closed month, without any server: signature, files, figures.
    #[command(after_help = "Examples:\n  ispeed month verify 2026-10 --key collector.key\n  \
                      ispeed month verify 2026-11 --previous 2026-10\n  ispeed month verify 2026-10 --sealed")]
    Verify(verify::Args),
}

pub(crate) fn run(args: &Args, lang: Lang) -> Result<()> {
    match &args.command {
        Command::Status(args) => status::run(args, lang),
        Command::Close(args) => close::run(args, close::Version::First, lang),
        Command::Revise(args) => close::run(args, close::Version::Next, lang),
        Command::Verify(args) => verify::run(args, lang),
    }
}
