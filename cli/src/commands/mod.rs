//! One module a command: its arguments and what it does.

pub(crate) mod admin;
pub(crate) mod boundaries;
pub(crate) mod campaign;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod duties;
pub(crate) mod man;
pub(crate) mod me;
pub(crate) mod measure;
pub(crate) mod month;
pub(crate) mod outbox;
pub(crate) mod plan;
pub(crate) mod serve;
pub(crate) mod server_key;
pub(crate) mod test;
pub(crate) mod verify;
pub(crate) mod whose;

use crate::args::{Cli, Command};
use crate::error::Result;
use crate::lang;

/// Runs what was asked for; the exit code of a command that did what it was asked.
pub(crate) fn run(cli: Cli) -> Result<u8> {
    let lang = lang::choose(cli.lang);
    let done = |()| 0;
    match cli.command {
        Command::Demo(args) => demo::run(&args, lang),
        Command::Test(args) => test::run(&args, lang),
        Command::Serve(args) => serve::run(*args, lang).map(done),
        Command::Boundaries(args) => boundaries::run(args, lang).map(done),
        Command::Outbox(args) => outbox::run(&args, lang).map(done),
        Command::Verify(args) => verify::run(&args).map(done),
        Command::Month(args) => month::run(&args, lang).map(done),
        Command::Admin(args) => admin::run(&args, lang).map(done),
        Command::Plan(args) => plan::run(&args, lang).map(done),
        Command::Campaign(args) => campaign::run(*args, lang).map(done),
        Command::Duties(args) => duties::run(&args, lang).map(done),
        Command::ServerKey(args) => server_key::run(&args).map(done),
        Command::Me(args) => me::run(&args, lang).map(done),
        Command::Completions(args) => completions::run(&args).map(done),
        Command::Man(args) => man::run(&args).map(done),
    }
}
