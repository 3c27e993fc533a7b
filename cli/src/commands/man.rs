//! `ispeed man`: manual pages from the same definitions as `--help`.

use std::path::PathBuf;

use clap::CommandFactory as _;
use clap_mangen::Man;

use crate::args::Cli;
use crate::error::{CliError, Result};
use crate::files;
use crate::output::Out;

/// Prints the manual page of the program, or writes one for each command.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Write `ispeed.1` and a page for each command into this folder.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let Some(dir) = &args.dir else {
        let mut out = Out::new();
        out.bytes(&page(command)?)?;
        return out.flush();
    };
    std::fs::create_dir_all(dir).map_err(|error| {
        CliError::failed(format_args!("cannot make the folder {}: {error}", dir.display()), "name one you may write to")
    })?;
    write_pages(command, "ispeed", dir)
}

fn write_pages(command: clap::Command, name: &str, dir: &std::path::Path) -> Result<()> {
    for sub in command.get_subcommands() {
        write_pages(sub.clone(), &format!("{name}-{}", sub.get_name()), dir)?;
    }
    // The renderer wants names that live as long as the program; a run makes about twenty.
    let title: &'static str = Box::leak(name.to_owned().into_boxed_str());
    files::write_whole(&dir.join(format!("{name}.1")), &page(command.name(title))?)
}

fn page(command: clap::Command) -> Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command).render(&mut page).map_err(|error| CliError::stdout(&error))?;
    Ok(page)
}
