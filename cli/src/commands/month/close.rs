//! `ispeed month close` and `ispeed month revise`.

use std::path::{Path, PathBuf};

use ispeed_month::{Closed, MonthError, Published, Request};
use ispeed_protocol::Month;
use ispeed_report::group::NATION;
use ispeed_report::{Place, Settings};
use ispeed_server::collect::Communes;
use ispeed_verdict::Lang;

use super::documents;
use super::store::Blocking;
use crate::error::{CliError, Result};
use crate::lang::{number, pick};
use crate::output::Out;
use crate::store::Local;
use crate::{files, http};

/// Program and version, as manifests name it.
const PROGRAM: &str = concat!("ispeed ", env!("CARGO_PKG_VERSION"));

/// Which month, with what, into which folder.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The month, YYYY-MM.
    #[arg(long, value_name = "YYYY-MM")]
    month: Month,
    /// Only this province; the nation unless given.
    #[arg(long, value_name = "CODE", value_parser = crate::place::parse_province)]
    province: Option<String>,
    /// Folder to write; it must not be there, or hold the same.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Also the documents of each commune.
    #[arg(long)]
    communes: bool,
    /// Also the sealed table, for auditors: cells, exact times, numbered devices. Not for publication.
    #[arg(long)]
    sealed: bool,
    /// Figures of a month that is going on: marked so, not recorded, not chained.
    #[arg(long)]
    provisional: bool,
    /// Folder of the version before: the next version lists what differs from it.
    #[arg(long, value_name = "DIR")]
    previous: Option<PathBuf>,
    /// Quota, cut-off, targets, floors: a JSON file of what differs from the defaults (REPORTING.md).
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    #[command(flatten)]
    documents: documents::Look,
    #[command(flatten)]
    local: Local,
}

/// Which version of the month is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Version {
    /// The one that stands, else the first.
    First,
    /// The one after it.
    Next,
}

pub(super) fn run(args: &Args, version: Version, lang: Lang) -> Result<()> {
    if version == Version::Next && args.provisional {
        let cause = "--provisional is of a month that is going on, and only a closed one is revised";
        return Err(CliError::usage(cause, "leave it out, or use `ispeed month close`"));
    }
    ispeed_wire::sys::share_heaps();
    let settings = settings(args.settings.as_deref())?;
    let communes = args.local.communes()?;
    let places = places(&communes, args.province.as_deref());
    let key = args.local.server.key()?;
    let closed = http::block_on(async {
        let store = args.local.server.open_existing().await?;
        let mut writer = documents::writer(&args.documents, &places)?;
        let typed_in = writer.typed_in(store.as_ref(), args.month).await?;
        let runtime = tokio::runtime::Handle::current();
        let request = Request {
            month: args.month,
            scope: args.province.as_deref().unwrap_or(NATION),
            now: ispeed_core::clock::now(),
            settings: &settings,
            places: &places,
            boundaries: communes.table(),
            key: &key,
            program: PROGRAM,
            typed_in: &typed_in,
            documents: &writer,
            communes: args.communes,
            sealed: args.sealed,
            provisional: args.provisional,
            previous: args.previous.as_deref(),
            out: &args.out,
        };
        let work = match version {
            Version::First => ispeed_month::close,
            Version::Next => ispeed_month::revise,
        };
        let mut store = Blocking::new(store, runtime);
        tokio::task::block_in_place(|| work(&mut store, &request)).map_err(|error| of_month(&error))
    })?;
    let mut out = Out::new();
    lines(&closed, &args.out, lang).into_iter().try_for_each(|line| out.line(line))?;
    out.flush()
}

fn settings(file: Option<&Path>) -> Result<Settings> {
    let Some(file) = file else { return Ok(Settings::default()) };
    let wrong = |error: &dyn std::fmt::Display| {
        CliError::failed(
            format_args!("{}: {error}", file.display()),
            "REPORTING.md lists the settings with their defaults",
        )
    };
    let bytes = files::read_all(file, 1 << 20)?;
    let read = serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(&bytes));
    let settings: Settings = read.map_err(|error| wrong(&error))?;
    settings.check().map_err(|error| wrong(&error))?;
    Ok(settings)
}

fn places(communes: &Communes, province: Option<&str>) -> Vec<Place> {
    let of_scope = communes.all().iter().filter(|c| province.is_none_or(|code| c.province_code == code));
    let place = |c: &ispeed_server::collect::CommuneName| Place {
        code: c.code.clone(),
        name: c.name.clone(),
        province_code: c.province_code.clone(),
        province_name: c.province.clone(),
        area_km2: c.area_km2,
    };
    of_scope.map(place).collect()
}

/// An error of a month with what to do about it.
pub(super) fn of_month(error: &MonthError) -> CliError {
    CliError::failed(error, error.remedy())
}

fn lines(closed: &Closed, out: &Path, lang: Lang) -> Vec<String> {
    let manifest = &closed.manifest;
    let inputs = &manifest.inputs;
    let n = |value: u64| number(lang, value as f64, 0);
    let what = match (closed.published, closed.again, manifest.provisional) {
        (Published::Unchanged, ..) => pick(lang, "đã có sẵn, giống từng byte", "there already, equal to the byte"),
        (_, _, true) => pick(lang, "tạm tính, chưa chốt", "provisional, not closed"),
        (_, true, _) => pick(lang, "lập lại đúng như đã chốt", "made again as it was closed"),
        _ => pick(lang, "đã chốt", "closed"),
    };
    let mut lines = vec![match lang {
        Lang::Vi => format!(
            "Tháng {:02}/{} của {}, phiên bản {}: {what}; {} mẫu, {} mẫu hợp lệ",
            manifest.month.month,
            manifest.month.year,
            manifest.scope,
            manifest.version,
            n(inputs.samples),
            n(inputs.counted)
        ),
        Lang::En => format!(
            "month {} of {}, version {}: {what}; {} samples, of which {} count",
            manifest.month,
            manifest.scope,
            manifest.version,
            n(inputs.samples),
            n(inputs.counted)
        ),
    }];
    if inputs.samples == 0 {
        lines.push(pick(lang, "  không có mẫu nào", "  no samples").to_owned());
    }
    if inputs.made_up > 0 {
        lines.push(format!(
            "  {} {}",
            n(inputs.made_up),
            pick(lang, "mẫu là mẫu giả (thử nghiệm)", "samples are made up (a test)")
        ));
    }
    if manifest.boundaries.table.is_none() {
        let text = pick(
            lang,
            "không có bảng ranh giới: chạy `ispeed boundaries fetch`",
            "no boundary table: run `ispeed boundaries fetch`",
        );
        lines.push(format!("  {text}"));
    }
    if let Some(differences) = closed.differences {
        lines.push(format!(
            "  {} {}",
            n(differences),
            pick(lang, "khác biệt, xem differences.csv", "differences, see differences.csv")
        ));
    }
    lines.push(format!("  {}  manifest {}", out.display(), closed.manifest_sha256));
    lines
}
