//! `ispeed admin`: what the keeper of a collector's store does with it.

mod export;
mod import;

use clap::Subcommand;

use crate::error::Result;

/// A collector's store: move it, keep a copy.
#[derive(clap::Args, Debug)]
#[command(arg_required_else_help = true, subcommand_required = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Write everything a store holds into one file, and print its hash.
    #[command(after_help = "Examples:\n  ispeed admin export --data /var/lib/ispeed --out ispeed.archive\n  \
                            ISPEED_DATABASE=postgres://… ispeed admin export --out ispeed.archive\n\n\
                            The file is JSON lines in zstd (docs/OPERATIONS.md): `zstd -dc ispeed.archive | head`. Keys of the \
                            server are not in it: keep the folder of --data too.")]
    Export(export::Args),
    /// Take in what `admin export` wrote, into either database, and print the hash of what it holds then.
    #[command(
        after_help = "Examples:\n  ispeed admin import --database postgres://ispeed@db.example.vn/ispeed ispeed.archive\n  \
                            ispeed admin import --data /var/lib/ispeed ispeed.archive\n\n\
                            What is held already is left as it is; the same file again changes nothing. Something else under the \
                            same id, or at the same place of a chain of receipts, ends the import."
    )]
    Import(import::Args),
}

pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.command {
        Command::Export(args) => export::run(args),
        Command::Import(args) => import::run(args),
    }
}
