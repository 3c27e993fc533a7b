//! What `test` and `demo` share: the options of a run, and one run from its start to a document on standard output.

use clap::ValueEnum;
use ispeed_core::engine::Family;
use ispeed_core::history::{Detail, document};
use ispeed_core::outbox::AfterUpload;
use ispeed_core::{Ispeed, RunPlan};
use ispeed_protocol::consent::Share;
use ispeed_protocol::facts::Facts;
use ispeed_protocol::sample::Outcome;
use ispeed_verdict::Lang;
use tokio_util::sync::CancellationToken;

use crate::error::{CliError, Result};
use crate::output::human::Block;
use crate::output::live::{Live, say};
use crate::output::{Format, Out, colour_on, csv};

/// Exit code of an outcome `--fail-on` names.
const EXIT_OUTCOME: u8 = 3;

/// How results are printed and judged by the exit code.
#[derive(clap::Args, Debug)]
pub(crate) struct OutputArgs {
    /// How to print; `jsonl` prints progress as it goes, then the document.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    /// Nothing on standard error but errors.
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Exit with 3 when not both directions were measured, or when nothing was.
    #[arg(long, value_enum, value_name = "OUTCOME")]
    pub(crate) fail_on: Option<FailOn>,
}

/// `--fail-on`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum FailOn {
    /// Anything but both directions.
    Partial,
    /// Neither direction.
    Nothing,
}

impl FailOn {
    fn names(self, outcome: Outcome) -> bool {
        match self {
            Self::Partial => outcome != Outcome::Complete,
            Self::Nothing => !matches!(outcome, Outcome::Complete | Outcome::Partial),
        }
    }
}

/// Limits of a run, and the way its packets take.
#[derive(clap::Args, Debug)]
pub(crate) struct RunArgs {
    /// Most bytes to move, both directions together; MB and kB may follow.
    #[arg(long, value_name = "N", value_parser = parse_bytes)]
    pub(crate) max_bytes: Option<u64>,
    /// Most seconds of load, both directions together.
    #[arg(long, value_name = "S", value_parser = parse_seconds)]
    pub(crate) max_seconds: Option<f64>,
    /// Measure 10 s a direction instead of until the figure is precise enough.
    #[arg(long)]
    pub(crate) long: bool,
}

impl RunArgs {
    pub(crate) fn apply(&self, plan: &mut RunPlan) {
        plan.max_bytes = self.max_bytes;
        plan.max_seconds = self.max_seconds;
        plan.long = self.long;
    }
}

/// The network interface and the protocol version.
#[derive(clap::Args, Debug)]
pub(crate) struct PathArgs {
    /// Network interface to measure over.
    #[arg(long, value_name = "NAME")]
    interface: Option<String>,
    /// IPv4 only.
    #[arg(short = '4', conflicts_with = "v6")]
    v4: bool,
    /// IPv6 only.
    #[arg(short = '6')]
    v6: bool,
}

impl PathArgs {
    pub(crate) fn apply(&self, plan: &mut RunPlan) {
        plan.interface = self.interface.clone();
        plan.family = match (self.v4, self.v6) {
            (true, _) => Some(Family::V4),
            (_, true) => Some(Family::V6),
            _ => None,
        };
    }
}

/// `--share`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum ShareArg {
    /// No place at all; such a sample never counts.
    None,
    /// The commune and its 200 m cell, resolved on this machine.
    Commune,
    /// The position as well, so that the collector resolves it again.
    Precise,
}

impl From<ShareArg> for Share {
    fn from(share: ShareArg) -> Self {
        match share {
            ShareArg::None => Self::None,
            ShareArg::Commune => Self::Commune,
            ShareArg::Precise => Self::Precise,
        }
    }
}

fn parse_bytes(text: &str) -> std::result::Result<u64, String> {
    let wrong = || format!("{text:?} is not an amount of data; expected bytes, such as 60000000 or 60MB");
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match text[number.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        _ => return Err(wrong()),
    };
    let bytes = number.trim().parse::<f64>().map_err(|_| wrong())? * factor;
    if (1.0..=1e12).contains(&bytes) { Ok(bytes as u64) } else { Err(wrong()) }
}

fn parse_seconds(text: &str) -> std::result::Result<f64, String> {
    let seconds: f64 =
        text.trim_end_matches('s').parse().map_err(|_| format!("{text:?} is not a number of seconds"))?;
    if (0.1..=600.0).contains(&seconds) { Ok(seconds) } else { Err(format!("{text:?}: expected 0.1 to 600 seconds")) }
}

/// One run and what becomes of it.
pub(crate) struct Job<'a> {
    pub(crate) ispeed: &'a Ispeed,
    pub(crate) plan: &'a RunPlan,
    pub(crate) facts: Facts,
    pub(crate) output: &'a OutputArgs,
    pub(crate) lang: Lang,
    /// Commune to show while it runs.
    pub(crate) commune: Option<String>,
    /// Hand in what is due afterwards.
    pub(crate) upload: bool,
}

/// What a run left behind.
pub(crate) struct Done {
    pub(crate) detail: Detail,
    /// What failed, for a person.
    pub(crate) failure: Option<String>,
}

impl Job<'_> {
    /// Runs, keeps, and hands in. Ctrl-C ends the measurement; what was measured is kept.
    pub(crate) async fn run(self, out: &mut Out) -> Result<Done> {
        let run = self.ispeed.start(self.plan, self.facts).map_err(of_core)?;
        let stop_listening = cancel_on_interrupt(run.cancel_token());
        let live = Live::new(self.lang, self.output.quiet, self.commune);
        live.follow(run.progress(), self.output.format, out).await?;
        let result = run.outcome().await.map_err(of_core)?;
        stop_listening.cancel();
        if self.upload {
            if result.sample.server.is_some() {
                // A server answered just now: whatever kept the collector waiting is over.
                self.ispeed.outbox().retry_now().map_err(of_core)?;
            }
            let drained = self.ispeed.drain().await.map_err(of_core)?;
            for (id, after) in &drained.uploads {
                if let (AfterUpload::Retry { problem, .. } | AfterUpload::Quarantined { problem }, false) =
                    (after, self.output.quiet)
                {
                    say(format!(
                        "ispeed: sample {id} is not handed in: {problem}; it is kept, see `ispeed outbox list`"
                    ));
                }
            }
        }
        let detail = self.ispeed.outbox().detail(run.id()).map_err(of_core)?;
        Ok(Done { detail, failure: result.detail })
    }
}

/// Cancels `run` on the first Ctrl-C; the second ends the program as it would without this.
fn cancel_on_interrupt(run: CancellationToken) -> CancellationToken {
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = stopped.cancelled() => {}
            Ok(()) = tokio::signal::ctrl_c() => {
                say("ispeed: stopping; what was measured is kept");
                run.cancel();
                if tokio::signal::ctrl_c().await.is_ok() {
                    std::process::exit(130);
                }
            }
        }
    });
    stop
}

/// Prints results in the format asked for.
pub(crate) fn print(out: &mut Out, lang: Lang, output: &OutputArgs, results: &[Done]) -> Result<()> {
    match output.format {
        Format::Human => {
            let colour = colour_on(&std::io::stdout());
            for done in results {
                let mut block = Block::new(lang, colour);
                block.result(&done.detail, done.failure.as_deref());
                block.lines().into_iter().try_for_each(|line| out.line(line))?;
            }
        }
        Format::Json => {
            let documents = results.iter().map(document_of).collect::<Result<Vec<_>>>()?;
            match documents.as_slice() {
                [one] => out.bytes(one)?,
                many => {
                    out.bytes(b"[")?;
                    out.bytes(&many.join(&b",\n"[..]))?;
                    out.bytes(b"]")?;
                }
            }
            out.line("")?;
        }
        Format::Jsonl => {
            for done in results {
                out.bytes(&document_of(done)?)?;
                out.line("")?;
            }
        }
        Format::Csv => {
            out.bytes(&csv::line(&csv::SAMPLE_HEADER)?)?;
            for done in results {
                out.bytes(&csv::line(&csv::sample_row(&done.detail))?)?;
            }
        }
    }
    out.flush()
}

fn document_of(done: &Done) -> Result<Vec<u8>> {
    document(&done.detail.stored).map_err(of_core)
}

/// The exit code of results: 0, or 3 for an outcome that `--fail-on` names.
pub(crate) fn exit_code(output: &OutputArgs, results: &[Done]) -> u8 {
    let named = |done: &Done| output.fail_on.is_some_and(|fail_on| fail_on.names(done.detail.sample.outcome));
    if results.iter().any(named) { EXIT_OUTCOME } else { 0 }
}

/// An error of the core with what to do about it.
pub(crate) fn of_core(error: ispeed_core::Error) -> CliError {
    let remedy = match error.kind() {
        "consent" => "agree with `--share commune`, or answer the question on a terminal",
        "full" => "`ispeed outbox send` hands in what waits",
        "budget" => "allow more with --max-bytes, or measure next month",
        "busy" => "wait until the other measurement is over",
        "tls" => "give the server's own certificate with --ca FILE if you trust it",
        "storage" => "check the file of --outbox, its rights and the free space",
        "no_network" | "timeout" | "server" => "try again later; nothing that was measured is lost",
        "input" => "see --help",
        "not_found" => "`ispeed outbox list` shows what is there",
        _ => "report this as a defect",
    };
    if error.kind() == "input" { CliError::usage(error, remedy) } else { CliError::failed(error, remedy) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_of_data() {
        assert_eq!(parse_bytes("60000000"), Ok(60_000_000));
        assert_eq!(parse_bytes("1.5MB"), Ok(1_500_000));
        for wrong in ["", "x", "0", "-5", "5 apples", "MB", "nan", "inf"] {
            assert!(parse_bytes(wrong).is_err(), "{wrong}");
        }
        assert_eq!(parse_seconds("2.5s"), Ok(2.5));
        assert!(parse_seconds("0").is_err() && parse_seconds("x").is_err());
    }

    #[test]
    fn which_outcome_fails() {
        assert!(FailOn::Partial.names(Outcome::Partial) && !FailOn::Partial.names(Outcome::Complete));
        assert!(!FailOn::Nothing.names(Outcome::Partial) && FailOn::Nothing.names(Outcome::NoService));
    }
}
