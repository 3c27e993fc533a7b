//! `ispeed month verify`: what the folder of a closed month proves.

use std::path::PathBuf;

use ispeed_month::{Checks, Report, verify};
use ispeed_verdict::Lang;
use serde_json::json;

use super::close::of_month;
use crate::commands::verify::read_keys;
use crate::error::{CliError, Result};
use crate::lang::pick;
use crate::output::{Format, Out};

/// Checks the folder of a closed month.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The folder.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Public key of the collector you trust: the key itself, or a file that holds it. May be given several times.
    // A key is base64url: one in 64 begins with a hyphen.
    #[arg(long, value_name = "KEY|FILE", allow_hyphen_values = true)]
    key: Vec<String>,
    /// Check the sealed table too: the frozen set, every figure, the caps of each device.
    #[arg(long)]
    sealed: bool,
    /// Folder of the month before, or of the version before: checks that this one follows it.
    #[arg(long, value_name = "DIR")]
    previous: Option<PathBuf>,
    /// How to print: human or json.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(args: &Args, lang: Lang) -> Result<()> {
    let trusted = read_keys(&args.key)?;
    let checks = Checks { trusted: &trusted, sealed: args.sealed, previous: args.previous.as_deref() };
    let report = verify(&args.folder, &checks).map_err(|error| of_month(&error))?;
    let mut out = Out::new();
    if args.format == Format::Human {
        lines(&report, lang).into_iter().try_for_each(|line| out.line(line))?;
    } else {
        out.json_line(&json!({
            "month": report.manifest.month,
            "scope": report.manifest.scope,
            "version": report.manifest.version,
            "manifest_sha256": report.manifest_sha256,
            "key": report.manifest.key,
            "holds": report.holds(),
            "figures": report.figures,
            "public_figures": report.public_figures,
            "proven": report.proven,
            "refused": report.refused,
            "not_proven": report.not_proven,
        }))?;
    }
    out.flush()?;
    if report.holds() { Ok(()) } else { Err(CliError::Told) }
}

fn lines(report: &Report, lang: Lang) -> Vec<String> {
    let manifest = &report.manifest;
    let answer =
        if report.holds() { pick(lang, "đúng", "holds") } else { pick(lang, "KHÔNG ĐÚNG", "DOES NOT HOLD") };
    let title = match lang {
        Lang::Vi => {
            format!("tháng {} của {}, phiên bản {}: {answer}", manifest.month, manifest.scope, manifest.version)
        }
        Lang::En => format!("month {} of {}, version {}: {answer}", manifest.month, manifest.scope, manifest.version),
    };
    let mut lines = vec![title];
    let groups = [
        (pick(lang, "sai       ", "wrong     "), &report.refused),
        (pick(lang, "chứng minh", "proven    "), &report.proven),
        (pick(lang, "chưa rõ   ", "not proven"), &report.not_proven),
    ];
    for (word, texts) in groups {
        lines.extend(texts.iter().map(|text| format!("  {word}  {text}")));
    }
    lines
}
