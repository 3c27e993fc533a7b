//! `ispeed boundaries`: build, look into, ask, fetch and check boundary tables.

use std::io::BufRead as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use ispeed_commune::Point;
use ispeed_commune::build::{self, BuildOptions, CheckReport};
use ispeed_protocol::place::{Candidate, PlaceVerdict};
use ispeed_verdict::Lang;
use serde::Serialize;

use super::fetch;
use crate::error::{CliError, Result};
use crate::files;
use crate::lang::{number, pick};
use crate::output::{Format, Out, csv, print_entries};
use crate::place::{self, At, Table};

/// Name a table gets unless told otherwise.
const DEFAULT_TABLE: &str = "vn-communes";

/// Boundary tables: which commune a position lies in.
#[derive(clap::Args, Debug)]
#[command(arg_required_else_help = true, subcommand_required = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Make a bundle of a GeoJSON file.
    #[command(after_help = "Example:\n  ispeed boundaries build vn-communes-2025.geojsonl.zst communes.bundle")]
    Build(BuildArgs),
    /// Say what a bundle holds.
    #[command(after_help = "Example:\n  ispeed boundaries info communes.bundle")]
    Info(InfoArgs),
    /// Say which commune a position lies in.
    #[command(after_help = "Examples:\n  ispeed boundaries at 11.5209,106.899,10\n  \
                      cut -d, -f2,3 points.csv | ispeed boundaries at - --format csv")]
    At(AtArgs),
    /// Bring a bundle: of the public data set, or of a collector.
    #[command(
        after_help = "Examples:\n  ispeed boundaries fetch\n  ispeed boundaries fetch --from https://ispeed.example.vn"
    )]
    Fetch(fetch::Args),
    /// List holes, overlaps and invalid rings of a GeoJSON file.
    #[command(after_help = "Example:\n  ispeed boundaries check vn-communes-2025.geojsonl.zst --format csv")]
    Check(CheckArgs),
}

#[derive(clap::Args, Debug)]
struct BuildArgs {
    /// GeoJSON: a FeatureCollection, or one Feature a line; plain, .gz or .zst; - for standard input.
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// The bundle to write.
    #[arg(value_name = "OUT")]
    output: PathBuf,
    /// First day on which the table is valid.
    #[arg(long, value_name = "DATE", default_value = fetch::RELEASE_VALID_FROM)]
    valid_from: String,
    /// Name of the table; stored with every sample that is placed by it.
    #[arg(long, value_name = "NAME", default_value = DEFAULT_TABLE)]
    table: String,
    /// Where the borders come from, with the licence; shown by `info`. The name of the input unless given.
    #[arg(long, value_name = "TEXT")]
    source: Option<String>,
    /// Most metres a border may be moved, 2 to 10.
    #[arg(long, value_name = "METRES", default_value_t = BuildOptions::DEFAULT_TOLERANCE_M)]
    tolerance_m: f64,
}

#[derive(clap::Args, Debug)]
struct InfoArgs {
    /// A bundle.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How to print; `csv` and `jsonl` list the communes.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(clap::Args, Debug)]
struct AtArgs {
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

#[derive(clap::Args, Debug)]
struct CheckArgs {
    /// GeoJSON as for `build`; - for standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) fn run(args: Args, lang: Lang) -> Result<()> {
    match args.command {
        Command::Build(args) => build(&args),
        Command::Info(args) => info(&args),
        Command::At(args) => at(&args, lang),
        Command::Fetch(args) => fetch::run(&args),
        Command::Check(args) => check(&args),
    }
}

fn build(args: &BuildArgs) -> Result<()> {
    let named = args.input.file_name().map(|name| name.to_string_lossy().into_owned());
    let options = BuildOptions {
        table: args.table.clone(),
        valid_from: args.valid_from.clone(),
        source: args.source.clone().or(named).unwrap_or_else(|| "standard input".to_owned()),
        tolerance_m: args.tolerance_m,
    };
    let (bundle, report) =
        build::build(files::open(&args.input)?, &options).map_err(|error| cannot_use(&args.input, &error))?;
    files::write_whole(&args.output, &bundle)?;
    let mut out = Out::new();
    for line in report_lines(&report) {
        out.line(line)?;
    }
    out.line(format!("written         {}", args.output.display()))?;
    out.flush()
}

/// What the builder did, for people.
pub(super) fn report_lines(report: &build::BuildReport) -> Vec<String> {
    let check = &report.check;
    vec![
        format!("communes        {}", report.communes),
        format!("bytes           {}", report.bytes),
        format!("vertices        {} of {}", report.vertices, report.source_vertices),
        format!(
            "displacement    {:.2} m at most (Hausdorff; measured {:.2} m and {:.2} m)",
            report.displacement_m, report.source_to_bundle_m, report.bundle_to_source_m
        ),
        format!(
            "source          {} holes, {} overlaps, {} invalid rings",
            check.holes.len(),
            check.overlaps.len(),
            check.invalid_rings.len()
        ),
    ]
}

fn cannot_use(path: &Path, error: &build::BuildError) -> CliError {
    CliError::failed(
        format_args!("{}: {error}", path.display()),
        "the input is GeoJSON with code, name and province of each commune; see `ispeed boundaries build --help`",
    )
}

fn info(args: &InfoArgs) -> Result<()> {
    let boundaries = place::load(&args.file)?;
    let mut out = Out::new();
    match args.format {
        Format::Human => {
            let table = boundaries.table();
            out.line(format!("table           {}", table.reference()))?;
            out.line(format!("valid from      {}", table.valid_from))?;
            out.line(format!("communes        {}", table.communes))?;
            out.line(format!("vertices        {}", table.vertices))?;
            out.line(format!("displacement    {:.2} m at most", table.displacement_m))?;
            out.line(format!("source          {}", table.source))?;
            out.line(format!("sha256          {}", table.sha256))?;
            out.flush()
        }
        Format::Json => {
            out.json_line(boundaries.table())?;
            out.flush()
        }
        Format::Jsonl | Format::Csv => {
            let communes: Vec<_> = boundaries.communes().collect();
            let header = ["code", "name", "province", "province_name", "area_km2"];
            print_entries(&mut out, args.format, &communes, &header, |commune| {
                vec![
                    commune.code.clone(),
                    commune.name.clone(),
                    commune.province.clone(),
                    commune.province_name.clone().unwrap_or_default(),
                    commune.area_km2.to_string(),
                ]
            })
        }
    }
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

fn at(args: &AtArgs, lang: Lang) -> Result<()> {
    let table = Table::find(args.boundaries.as_deref(), None)?;
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

/// One fault of a boundary file.
#[derive(Serialize)]
struct Fault {
    kind: &'static str,
    codes: Vec<String>,
    area_km2: f64,
    lat: Option<f64>,
    lon: Option<f64>,
    given_to: Option<String>,
    detail: Option<String>,
}

const FAULT_HEADER: [&str; 7] = ["kind", "codes", "area_km2", "lat", "lon", "given_to", "detail"];

fn check(args: &CheckArgs) -> Result<()> {
    let report = build::check(files::open(&args.file)?).map_err(|error| cannot_use(&args.file, &error))?;
    let faults = faults(&report);
    let mut out = Out::new();
    if args.format != Format::Human {
        return print_entries(&mut out, args.format, &faults, &FAULT_HEADER, fault_row);
    }
    out.line(format!("communes        {}", report.communes))?;
    for kind in ["hole", "overlap", "invalid_ring"] {
        let of_kind: Vec<_> = faults.iter().filter(|fault| fault.kind == kind).collect();
        let area_km2: f64 = of_kind.iter().map(|fault| fault.area_km2).sum();
        out.line(format!("{kind:14}  {} ({area_km2:.4} km²)", of_kind.len()))?;
        of_kind.into_iter().try_for_each(|fault| out.line(fault_text(fault)))?;
    }
    out.flush()
}

fn fault_row(fault: &Fault) -> Vec<String> {
    let degrees = |value: Option<f64>| value.map(|degrees| format!("{degrees:.6}")).unwrap_or_default();
    vec![
        fault.kind.to_owned(),
        fault.codes.join(" "),
        format!("{:.6}", fault.area_km2),
        degrees(fault.lat),
        degrees(fault.lon),
        fault.given_to.clone().unwrap_or_default(),
        fault.detail.clone().unwrap_or_default(),
    ]
}

fn fault_text(fault: &Fault) -> String {
    let mut text = format!("  {:.6} km²  {}", fault.area_km2, fault.codes.join(" "));
    if let (Some(lat), Some(lon)) = (fault.lat, fault.lon) {
        text.push_str(&format!("  at {lat:.6},{lon:.6}"));
    }
    if let Some(code) = &fault.given_to {
        text.push_str(&format!("  goes to {code}"));
    }
    if let Some(detail) = &fault.detail {
        text.push_str(&format!("  {detail}"));
    }
    text
}

fn faults(report: &CheckReport) -> Vec<Fault> {
    let fault = |kind, codes, area_km2, at: Option<Point>, given_to, detail| Fault {
        kind,
        codes,
        area_km2,
        lat: at.map(|at| at.lat),
        lon: at.map(|at| at.lon),
        given_to,
        detail,
    };
    let holes = report
        .holes
        .iter()
        .map(|hole| fault("hole", hole.codes.clone(), hole.area_km2, Some(hole.at), hole.given_to.clone(), None));
    let overlaps = report.overlaps.iter().map(|overlap| {
        fault("overlap", overlap.codes.clone(), overlap.area_km2, Some(overlap.at), overlap.given_to.clone(), None)
    });
    let rings = report.invalid_rings.iter().map(|ring| {
        fault("invalid_ring", vec![ring.code.clone()], ring.area_km2, ring.at, None, Some(ring.fault.clone()))
    });
    holes.chain(overlaps).chain(rings).collect()
}
