//! `ispeed`: the one program a person installs.
//!
//! Data goes to standard output, everything else to standard error. Exit codes: 0 done (a bad network is a result), 1 own
//! failure, 2 usage, 3 the outcome `--fail-on` names.
#![allow(clippy::print_stderr, reason = "this crate is the edge that speaks with the person")]

mod args;
mod commands;
mod consent;
mod demo;
mod error;
mod files;
mod http;
mod lang;
mod output;
mod place;
mod store;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let cli = args::Cli::parse();
    start_log(cli.verbose);
    match commands::run(cli) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            if let Some(line) = error.line() {
                eprintln!("{line}");
            }
            ExitCode::from(error.exit_code())
        }
    }
}

/// The log goes to standard error: `-v` for what happens, `-vv` for how; `ISPEED_LOG` for a filter by module.
fn start_log(verbose: u8) {
    let default = match verbose {
        // A lost database is told once, by the error of whoever needed it, not by the pool of its connections too.
        0 => "warn,deadpool=error",
        1 => "info,ispeed=debug",
        _ => "debug",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("ISPEED_LOG").unwrap_or_else(|_| default.into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(output::colour_on(&std::io::stderr()))
        .without_time()
        .init();
}
