//! QR codes of campaigns: drawn for a terminal or as a picture, and their text checked without a network.

use std::path::PathBuf;

use ispeed_protocol::campaign::{Join, is_role_code};
use ispeed_protocol::signing::PublicKey;
use ispeed_verdict::Lang;
use qrcodegen::{QrCode, QrCodeEcc};

use super::read;
use crate::error::{CliError, Result};
use crate::lang::pick;
use crate::output::Out;
use crate::store::Local;
use crate::{files, http};

#[derive(clap::Args, Debug)]
pub(super) struct QrArgs {
    /// Code of the campaign.
    #[arg(value_name = "CODE")]
    code: String,
    /// Role code of the phones that read it.
    #[arg(long, value_name = "CODE")]
    role: Option<String>,
    /// Address of the collector.
    #[arg(long, value_name = "URL", value_parser = http::parse_url)]
    url: Option<reqwest::Url>,
    /// Write an SVG picture here.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Print the text alone.
    #[arg(long, conflicts_with = "svg")]
    text: bool,
    #[command(flatten)]
    local: Local,
}

#[derive(clap::Args, Debug)]
pub(super) struct CheckArgs {
    /// The text, or - for standard input.
    #[arg(value_name = "TEXT")]
    text: String,
    /// Public key of a collector to trust; without one the key in the text is named and has to be compared.
    // A key is base64url: one in 64 begins with a hyphen.
    #[arg(
        long,
        value_name = "KEY",
        allow_hyphen_values = true,
        value_parser = |text: &str| PublicKey::parse(text).map_err(|e| e.to_string())
    )]
    key: Vec<PublicKey>,
}

pub(super) fn draw(args: &QrArgs) -> Result<()> {
    if let Some(role) = args.role.as_deref().filter(|role| !is_role_code(role)) {
        let cause = format_args!("--role is {role:?}");
        return Err(CliError::usage(cause, "give a code, no name: 1 to 32 of A-Z, 0-9 and -, such as TO-01"));
    }
    let campaign = read(&args.local, &args.code)?;
    let url = args.url.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned());
    let text = Join::of(&campaign, url, args.role.clone())
        .text(&args.local.server.key()?)
        .map_err(|error| CliError::failed(error, "shorten --url or the campaign's title"))?;
    let mut out = Out::new();
    if args.text {
        out.line(text)?;
        return out.flush();
    }
    let code = QrCode::encode_text(&text, QrCodeEcc::Medium)
        .map_err(|error| CliError::failed(error, "shorten --url or the campaign's title"))?;
    match &args.svg {
        Some(path) => files::write_whole(path, svg(&code).as_bytes())?,
        None => {
            terminal(&code).into_iter().try_for_each(|line| out.line(line))?;
            out.line(text)?;
        }
    }
    out.flush()
}

/// Modules of white around a code (ISO/IEC 18004: four).
const QUIET: i32 = 4;

/// Two rows of modules a line, light on dark terminals too: both colours are drawn.
fn terminal(code: &QrCode) -> Vec<String> {
    let dark = |x: i32, y: i32| code.get_module(x, y);
    let range = -QUIET..code.size() + QUIET;
    let line = |y: i32| -> String {
        let blocks = range.clone().map(|x| match (dark(x, y), dark(x, y + 1)) {
            (false, false) => '█',
            (false, true) => '▀',
            (true, false) => '▄',
            (true, true) => ' ',
        });
        blocks.collect()
    };
    range.clone().step_by(2).map(line).collect()
}

fn svg(code: &QrCode) -> String {
    let side = code.size() + 2 * QUIET;
    let mut path = String::new();
    for y in 0..code.size() {
        for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
            path.push_str(&format!("M{},{}h1v1h-1z", x + QUIET, y + QUIET));
        }
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
         <path fill=\"#fff\" d=\"M0,0h{side}v{side}h-{side}z\"/><path d=\"{path}\"/></svg>\n"
    )
}

pub(super) fn check(args: &CheckArgs, lang: Lang) -> Result<()> {
    let text = if args.text == "-" {
        let bytes = files::read_all("-".as_ref(), 4_096)?;
        String::from_utf8_lossy(&bytes).into_owned()
    } else {
        args.text.clone()
    };
    let join = Join::read(&text, &args.key)
        .map_err(|error| CliError::failed(error, "read the code again, or ask who organises the campaign"))?;
    let mut out = Out::new();
    out.json_line(&join)?;
    out.flush()?;
    if args.key.is_empty() {
        crate::output::live::say(format!(
            "ispeed: {} {}",
            pick(
                lang,
                "chưa đối chiếu khóa; hãy so với khóa của máy chủ:",
                "the key was not compared; compare it with the collector's:"
            ),
            join.key
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_drawn_whole_with_its_quiet_zone() {
        let code = QrCode::encode_text("ispeed:campaign:x", QrCodeEcc::Medium).unwrap();
        let lines = terminal(&code);
        let width = code.size() + 2 * QUIET;
        assert!(lines.iter().all(|line| line.chars().count() == width as usize));
        assert_eq!(lines.len(), (width as usize).div_ceil(2));
        assert!(lines[0].chars().all(|c| c == '█') && lines[1].chars().all(|c| c == '█'), "four white rows");
        let svg = svg(&code);
        let modules = (0..code.size()).flat_map(|y| (0..code.size()).map(move |x| (x, y)));
        assert_eq!(svg.matches("h1v1h-1z").count(), modules.filter(|(x, y)| code.get_module(*x, *y)).count());
    }
}
