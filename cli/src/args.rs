//! The command line.

use clap::{Parser, Subcommand};

use crate::commands::{
    admin, boundaries, campaign, completions, demo, duties, man, me, month, outbox, plan, serve, server_key, test,
    verify,
};
use crate::lang::LangArg;

/// Measures mobile broadband, tags the sample with its commune, keeps it, hands it in and counts it.
#[derive(Parser, Debug)]
#[command(
    name = "ispeed",
    version,
    arg_required_else_help = true,
    subcommand_required = true,
    after_help = "Example:\n  ispeed demo --once\n\nEach command has its own --help with an example.\n\nExit codes: 0 done (a bad \
                  network is a result), 1 own failure, 2 usage, 3 the outcome --fail-on names."
)]
pub(crate) struct Cli {
    /// Language of results; that of the locale unless given.
    #[arg(long, global = true, value_enum, value_name = "LANG")]
    pub(crate) lang: Option<LangArg>,
    /// Say on standard error what happens; twice: how.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// The whole way of a sample on this machine, over a simulated mobile link.
    #[command(after_help = "Examples:\n  ispeed demo\n  ispeed demo --once --format json | ispeed verify -\n  \
                            ispeed demo --link 100/50/25 --samples 3 --boundaries communes.bundle")]
    Demo(Box<demo::Args>),
    /// One measurement.
    #[command(after_help = "Examples:\n  ispeed test --server https://ispeed.example.vn --share commune\n  \
                      ispeed test --server auto --collector https://ispeed.example.vn --facts modem.json --format json\n\n\
                      On a terminal you are asked once what to share. A script agrees by starting this command: results are \
                      handed in with commune and 200 m cell (--share commune); --share none --no-upload refuses.")]
    Test(Box<test::Args>),
    /// Measuring end and collector.
    #[command(after_help = "Examples:\n  ispeed serve --listen [::]:8443 --data /var/lib/ispeed --self-signed\n  \
                            ispeed serve --listen [::]:443 --data /var/lib/ispeed --tls-cert chain.pem --tls-key key.pem \
                            --public-name ispeed.example.vn")]
    Serve(Box<serve::Args>),
    /// Boundary tables: which commune a position lies in.
    #[command(after_help = "Example:\n  ispeed boundaries at 11.5209,106.899,10")]
    Boundaries(boundaries::Args),
    /// Samples kept on this machine: list, hand in, export.
    #[command(after_help = "Example:\n  ispeed outbox list")]
    Outbox(outbox::Args),
    /// Check a receipt, or a sample with its receipt.
    #[command(
        after_help = "Examples:\n  ispeed verify sample.json\n  ispeed outbox export | ispeed verify - --key collector.key"
    )]
    Verify(verify::Args),
    /// How a month stands; closing, revising and checking the official month.
    #[command(after_help = "Examples:\n  ispeed month status --data ispeed-data --province 75\n  \
                      ispeed month close --month 2026-10 --data ispeed-data --out 2026-10\n  ispeed month verify 2026-10")]
    Month(Box<month::Args>),
    /// A collector's store: move it, keep a copy, made-up months, raw export.
    #[command(after_help = "Examples:\n  ispeed admin export --data ispeed-data --out ispeed.archive\n  \
                      ispeed admin synth --month 2026-10 --samples 28500 --province 75 --data rehearsal")]
    Admin(admin::Args),
    /// What to measure next: which commune is short, with which operator, in which cells.
    #[command(after_help = "Examples:\n  ispeed plan --at 11.52,106.90 --server https://ispeed.example.vn\n  \
                      ispeed plan --commune 25195 --data ispeed-data --format csv")]
    Plan(Box<plan::Args>),
    /// Campaigns of a collector: make, show, end, QR codes, plans for a day offline.
    #[command(after_help = "Example:\n  ispeed campaign list --data ispeed-data")]
    Campaign(Box<campaign::Args>),
    /// Duties outside measuring: communication work, difficulties, proposals, installs, VNNIC's own count.
    #[command(after_help = "Example:\n  ispeed duties set --commune 25195 --month 2026-11 --file duty.toml")]
    Duties(Box<duties::Args>),
    /// Print the public keys of a server.
    #[command(
        after_help = "Examples:\n  ispeed server-key --data ispeed-data\n  ispeed server-key --server https://ispeed.example.vn --format json > collector.key"
    )]
    ServerKey(server_key::Args),
    /// What a collector holds of this device: show, delete.
    #[command(after_help = "Example:\n  ispeed me show --server https://ispeed.example.vn")]
    Me(me::Args),
    /// Print the completion script of a shell.
    #[command(after_help = "Example:\n  ispeed completions bash > /etc/bash_completion.d/ispeed")]
    Completions(completions::Args),
    /// Print the manual page, or write one for each command.
    #[command(after_help = "Example:\n  ispeed man --dir /usr/local/share/man/man1")]
    Man(man::Args),
}
