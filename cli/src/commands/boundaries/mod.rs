//! `ispeed boundaries`: build, look into, ask, fetch and check boundary tables.

mod at;
mod check;
mod fetch;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use ispeed_commune::build::{self, BuildOptions};
use ispeed_verdict::Lang;

use crate::error::{CliError, Result};
use crate::output::{Format, Out, print_entries};
use crate::{files, place};

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
    At(at::Args),
    /// Bring a bundle: of the public data set, or of a collector.
    #[command(
        after_help = "Examples:\n  ispeed boundaries fetch\n  ispeed boundaries fetch --from https://ispeed.example.vn"
    )]
    Fetch(fetch::Args),
    /// List holes, overlaps and invalid rings of a GeoJSON file.
    #[command(after_help = "Example:\n  ispeed boundaries check vn-communes-2025.geojsonl.zst --format csv")]
    Check(check::Args),
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

pub(crate) fn run(args: Args, lang: Lang) -> Result<()> {
    match args.command {
        Command::Build(args) => build(&args),
        Command::Info(args) => info(&args),
        Command::At(args) => at::run(&args, lang),
        Command::Fetch(args) => fetch::run(&args),
        Command::Check(args) => check::run(&args),
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
