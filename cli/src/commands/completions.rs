//! `ispeed completions`: shell completion.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::args::Cli;
use crate::error::Result;
use crate::output::Out;

/// Prints the completion script of a shell.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "ispeed", &mut script);
    let mut out = Out::new();
    out.bytes(&script)?;
    out.flush()
}
