//! `ispeed admin`: what the keeper of a collector's store does with it.

mod export;
mod import;
mod parquet;
mod s3;
mod synth;

use clap::Subcommand;
use ispeed_verdict::Lang;

use crate::error::Result;

/// A collector's store: move it, keep a copy, made-up months, raw export.
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
    /// Make up a month of samples, for load tests and rehearsals.
    #[command(
        after_help = "Example:\n  ispeed admin synth --month 2026-10 --samples 28500 --seed 1 --province 75 --data rehearsal\n\n\
                      The samples say that they are synthetic, and a real collector refuses them. A store that holds samples \
                      from anywhere else is refused. The same seed gives the same samples on every machine and in every database."
    )]
    Synth(synth::Args),
    /// Export the rows of a month as Parquet, by province, for DuckDB, Spark or Trino.
    #[command(after_help = "Examples:\n  ispeed admin parquet --month 2026-10 --out raw --data /var/lib/ispeed\n  \
                      AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… ispeed admin parquet --month 2026-10 --out s3://bucket/raw \
                      --endpoint https://s3.example.vn\n\nFiles: month=YYYY-MM/province=NN/part-N.parquet; _manifest.json is written last.")]
    Parquet(parquet::Args),
}

pub(crate) fn run(args: &Args, lang: Lang) -> Result<()> {
    match &args.command {
        Command::Export(args) => export::run(args),
        Command::Import(args) => import::run(args),
        Command::Synth(args) => synth::run(args, lang),
        Command::Parquet(args) => parquet::run(args, lang),
    }
}
