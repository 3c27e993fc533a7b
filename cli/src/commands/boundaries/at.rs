//! `ispeed boundaries at`: which commune a position lies in.

use std::io::BufRead as _;
use std::path::{Path, PathBuf};

use ispeed_protocol::place::{Candidate, PlaceVerdict};
use ispeed_verdict::Lang;
use serde::Serialize;

use crate::error::{CliError, Result};
use crate::files;
use crate::lang::{number, pick};
use crate::output::{Format, Out, csv};
use crate::place::{self, At, Table};

/// Which commune a position lies in.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The position in degrees, with its accuracy in metres if known; - reads one a line from standard input.
    #[arg(value_name = "LAT,LON[,ACC_M]|-", allow_hyphen_values = true)]
    at: String,
    /// The bundle to ask.
    #[arg(long, value_name = "FILE")]
    boundaries: Option<PathBuf>,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// The answer for one position.
#[derive(Serialize)]
struct Answer {
    lat: f64,
    lon: f64,
    accuracy_m: Option<f64>,
    verdict: PlaceVerdict,
    code: Option<String>,
    name: Option<String>,
    candidates: Vec<Candidate>,
    border_m: Option<f64>,
    cell: String,
    table: Option<String>,
}

const ANSWER_HEADER: [&str; 10] =
    ["lat", "lon", "accuracy_m", "verdict", "code", "name", "candidates", "border_m", "cell", "table"];

pub(super) fn run(args: &Args, lang: Lang) -> Result<()> {
    let table = Table::find(args.boundaries.as_deref(), Some(Path::new(files::DEFAULT_DATA)))?;
    let mut out = Out::new();
    if args.at != "-" {
        let at: At = args.at.parse().map_err(|error| CliError::usage(error, "see `ispeed boundaries at --help`"))?;
        if args.format == Format::Csv {
            out.bytes(&csv::line(&ANSWER_HEADER)?)?;
        }
        print_answer(&mut out, args.format, lang, &answer(&table, at))?;
        return out.flush();
    }
    if args.format == Format::Csv {
        out.bytes(&csv::line(&ANSWER_HEADER)?)?;
    }
    let mut answers = Vec::new();
    for (index, line) in files::open(Path::new("-"))?.lines().enumerate() {
        let line = line.map_err(|error| files::cannot_read(Path::new("-"), &error))?;
        let text = line.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let at = text.parse::<At>().map_err(|error| {
            CliError::failed(
                format_args!("line {}: {error}", index + 1),
                "mend the line; the ones before it are answered",
            )
        });
        let at = match at {
            Ok(at) => at,
            Err(error) => {
                out.flush()?;
                return Err(error);
            }
        };
        match args.format {
            // One document: it can only be closed at the end.
            Format::Json => answers.push(answer(&table, at)),
            _ => print_answer(&mut out, args.format, lang, &answer(&table, at))?,
        }
    }
    if args.format == Format::Json {
        out.json_line(&answers)?;
    }
    out.flush()
}

fn answer(table: &Table, at: At) -> Answer {
    let place = table.resolve(at);
    Answer {
        lat: at.point.lat,
        lon: at.point.lon,
        accuracy_m: at.accuracy_m,
        name: place.code.as_deref().map(place::name),
        verdict: place.verdict,
        code: place.code,
        candidates: place.candidates,
        border_m: place.border_m,
        cell: ispeed_commune::cell(at.point.lat, at.point.lon).to_string(),
        table: place.table,
    }
}

fn print_answer(out: &mut Out, format: Format, lang: Lang, answer: &Answer) -> Result<()> {
    match format {
        Format::Json | Format::Jsonl => out.json_line(answer),
        Format::Csv => out.bytes(&csv::line(&answer_row(answer))?),
        Format::Human => answer_text(lang, answer).into_iter().try_for_each(|line| out.line(line)),
    }
}

fn answer_row(answer: &Answer) -> [String; 10] {
    let optional = |value: Option<f64>, digits: usize| value.map(|v| format!("{v:.digits$}")).unwrap_or_default();
    [
        answer.lat.to_string(),
        answer.lon.to_string(),
        answer.accuracy_m.map(|v| v.to_string()).unwrap_or_default(),
        crate::output::csv::word(&answer.verdict),
        answer.code.clone().unwrap_or_default(),
        answer.name.clone().unwrap_or_default(),
        answer.candidates.iter().map(|c| format!("{}:{:.1}", c.code, c.distance_m)).collect::<Vec<_>>().join(" "),
        optional(answer.border_m, 1),
        answer.cell.clone(),
        answer.table.clone().unwrap_or_default(),
    ]
}

fn answer_text(lang: Lang, answer: &Answer) -> Vec<String> {
    let named = answer.name.clone().zip(answer.code.clone()).map(|(name, code)| format!("{name} ({code})"));
    let metres = |m: f64| {
        if m < 1_000.0 { format!("{} m", number(lang, m, 0)) } else { format!("{} km", number(lang, m / 1e3, 1)) }
    };
    let mut lines = vec![match (answer.verdict, named) {
        (PlaceVerdict::Certain, Some(named)) => named,
        (PlaceVerdict::Approximate, Some(named)) => format!(
            "{named} - {}",
            match lang {
                Lang::Vi => format!(
                    "gần đúng, {}: chỉ dựa vào tâm xã; `ispeed boundaries fetch` để có ranh giới",
                    place::hit_rate(lang)
                ),
                Lang::En => format!(
                    "approximate, right {}: by centres only; `ispeed boundaries fetch` brings the borders",
                    place::hit_rate(lang)
                ),
            }
        ),
        (PlaceVerdict::Ambiguous, Some(named)) => format!("{named} - {}", pick(lang, "gần ranh giới", "near a border")),
        _ => pick(lang, "Ngoài địa giới", "outside every commune").to_owned(),
    }];
    if answer.candidates.len() > 1 || answer.verdict == PlaceVerdict::Outside {
        for candidate in &answer.candidates {
            lines.push(format!(
                "  {}  {} ({})",
                metres(candidate.distance_m),
                place::name(&candidate.code),
                candidate.code
            ));
        }
    }
    if let Some(border_m) = answer.border_m {
        lines.push(format!("  {} {}", pick(lang, "cách ranh giới", "to the nearest border"), metres(border_m)));
    }
    lines
}
