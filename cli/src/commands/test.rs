//! `ispeed test`: one measurement.

use std::path::{Path, PathBuf};

use ispeed_core::engine::Target;
use ispeed_core::{Ispeed, RunPlan, Settings};
use ispeed_protocol::direction::CounterKind;
use ispeed_protocol::facts::Facts;
use ispeed_protocol::place::{Fix, FixSource, Fixes};
use ispeed_verdict::Lang;
use reqwest::Url;

use super::measure::{self, Job, OutputArgs, PathArgs, RunArgs, ShareArg, of_core};
use crate::error::{CliError, Result};
use crate::output::Out;
use crate::place::{At, Table};
use crate::{consent, files, http, place};

/// Largest file of facts.
const FACTS_MAX_BYTES: u64 = 1 << 20;
/// Environment variable that names the collector.
pub(crate) const COLLECTOR_ENV: &str = "ISPEED_COLLECTOR";

/// One measurement.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Test point: `auto` for the nearest the collector lists, its id in that list, or the address of one.
    #[arg(long, value_name = "auto|URL|ID", default_value = "auto")]
    server: String,
    /// Collector that issues tokens and takes the sample; the address given as --server unless named.
    #[arg(long, value_name = "URL", env = COLLECTOR_ENV, value_parser = http::parse_url)]
    collector: Option<Url>,
    /// Where this machine stands, if you know it. A declared position never counts to the 300.
    #[arg(long, value_name = "LAT,LON[,ACC_M]", allow_hyphen_values = true)]
    at: Option<At>,
    /// Position, radio and network as a modem or a phone gave them (JSON, the record `Facts`); - for standard input.
    #[arg(long, value_name = "FILE|-")]
    facts: Option<PathBuf>,
    /// Boundary bundle that resolves the commune.
    #[arg(long, value_name = "FILE")]
    boundaries: Option<PathBuf>,
    /// File that keeps samples until they are handed in; in the user's data folder unless given.
    #[arg(long, value_name = "FILE")]
    outbox: Option<PathBuf>,
    /// Keep the sample and do not hand it in now; `ispeed outbox send` does later.
    #[arg(long)]
    no_upload: bool,
    /// What of the place to share. Given here it records your consent to share it and to hand the sample in; without it a
    /// terminal is asked once, and a script agrees to `commune`.
    #[arg(long, value_enum, value_name = "WHAT")]
    share: Option<ShareArg>,
    /// Trust this certificate too (PEM).
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Count arrivals with this counter, whatever the kernel offers: what older kernels give, for the laboratory.
    #[arg(long, hide = true, value_name = "COUNTER", value_parser = parse_counter)]
    force_counter: Option<CounterKind>,
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    path: PathArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(args: &Args, lang: Lang) -> Result<u8> {
    let (target, collector) = target(&args.server, args.collector.as_ref())?;
    let facts = facts(args)?;
    let table = Table::find(args.boundaries.as_deref(), Some(Path::new(files::DEFAULT_DATA)))?;
    let outbox = outbox_path(args.outbox.as_deref())?;
    let mut settings = Settings::new(collector.as_str(), "ispeed-cli");
    settings.extra_ca_pem = http::read_ca_text(args.ca.as_deref())?;
    let mut plan = RunPlan::new(target);
    args.run.apply(&mut plan);
    args.path.apply(&mut plan);
    plan.forced_counter = args.force_counter;

    http::block_on(async {
        let ispeed = Ispeed::open(&outbox, settings, table.bundle()).map_err(of_core)?;
        let consent = consent::settle(ispeed.outbox(), args.share.map(Into::into), lang, ispeed_core::clock::now())?;
        let commune = facts.fixes.iter().find_map(|fix| commune_of(&table, fix));
        let job = Job {
            ispeed: &ispeed,
            plan: &plan,
            facts,
            output: &args.output,
            lang,
            commune,
            upload: consent.upload && !args.no_upload,
        };
        let mut out = Out::new();
        let results = [job.run(&mut out).await?];
        measure::print(&mut out, lang, &args.output, &results)?;
        Ok(measure::exit_code(&args.output, &results))
    })
}

/// A counter in the words of results.
fn parse_counter(text: &str) -> std::result::Result<CounterKind, String> {
    serde_json::from_value(text.into())
        .map_err(|_| format!("{text:?} is not a counter; expected tcp_info_segments, tcp_info_bytes or app_bytes"))
}

fn commune_of(table: &Table, fix: &Fix) -> Option<String> {
    let point = ispeed_commune::Point::new(fix.lat?, fix.lon?).ok()?;
    let found = table.resolve(At { point, accuracy_m: fix.accuracy_m });
    found.code.as_deref().map(place::name)
}

fn target(server: &str, collector: Option<&Url>) -> Result<(Target, Url)> {
    let named = || {
        collector.cloned().ok_or_else(|| {
            CliError::usage(
                format_args!("--server {server} needs a collector that lists test points"),
                format_args!(
                    "give --collector URL or set {COLLECTOR_ENV}; or give the address of a server as --server"
                ),
            )
        })
    };
    if server == "auto" {
        let collector = named()?;
        return Ok((Target::Auto { collector: collector.clone() }, collector));
    }
    if server.contains("://") {
        let url = http::parse_url(server).map_err(|error| CliError::usage(error, "see `ispeed test --help`"))?;
        return Ok((Target::Url(url.clone()), collector.cloned().unwrap_or(url)));
    }
    let collector = named()?;
    Ok((Target::Id { collector: collector.clone(), id: server.to_owned() }, collector))
}

fn facts(args: &Args) -> Result<Facts> {
    let mut facts = match &args.facts {
        Some(path) => read_facts(path)?,
        None => Facts::default(),
    };
    if let Some(at) = args.at {
        if facts.fixes.iter().next().is_some() {
            return Err(CliError::usage("both --at and the facts give a position", "leave one of them out"));
        }
        facts.fixes = Fixes { start: Some(fix(at, FixSource::Declared)), mid: None, end: None };
    }
    Ok(facts)
}

/// A position as a fix of this moment.
pub(crate) fn fix(at: At, source: FixSource) -> Fix {
    Fix {
        lat: Some(at.point.lat),
        lon: Some(at.point.lon),
        accuracy_m: at.accuracy_m,
        at: None,
        age_ms: Some(0),
        speed_mps: None,
        altitude_m: None,
        mock: None,
        source,
    }
}

fn read_facts(path: &Path) -> Result<Facts> {
    const REMEDY: &str = "docs/PROTOCOL.md shows an example; what is not known is left out";
    let bytes = files::read_all(path, FACTS_MAX_BYTES)?;
    // An array would be taken for a record without names of its members.
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(CliError::usage(
            format_args!(
                "the facts in {} are not JSON of the record `Facts`; expected an object {{…}}",
                path.display()
            ),
            REMEDY,
        ));
    }
    let mut json = serde_json::Deserializer::from_slice(&bytes);
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let member = match error.path().to_string() {
            whole if whole == "." => String::new(),
            path => format!("member {path}: "),
        };
        CliError::usage(format_args!("the facts in {}: {member}{}", path.display(), error.inner()), REMEDY)
    })
}

/// The outbox asked for, else the user's; its folder is made.
pub(crate) fn outbox_path(asked: Option<&Path>) -> Result<PathBuf> {
    match asked {
        Some(path) => Ok(path.to_owned()),
        None => {
            let dir = files::user_data_dir()?;
            files::make_private_dir(&dir)?;
            Ok(dir.join(files::OUTBOX_FILE))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_point_is_an_address_an_id_or_the_nearest() {
        let collector: Url = "https://c.example".parse().unwrap();
        let (by_url, at) = target("https://s.example:8443", None).unwrap();
        assert_eq!(by_url, Target::Url(at.clone()));
        assert_eq!(at.host_str(), Some("s.example"));
        let (_, handed_to) = target("https://s.example", Some(&collector)).unwrap();
        assert_eq!(handed_to, collector, "measuring end and collector may be two machines");
        assert!(matches!(target("hn1", Some(&collector)).unwrap().0, Target::Id { id, .. } if id == "hn1"));
        assert!(matches!(target("auto", Some(&collector)).unwrap().0, Target::Auto { .. }));
        for needs in ["auto", "hn1"] {
            assert_eq!(target(needs, None).unwrap_err().exit_code(), 2);
        }
    }

    #[test]
    fn a_counter_is_named_as_in_results() {
        assert_eq!(parse_counter("app_bytes"), Ok(CounterKind::AppBytes));
        assert_eq!(parse_counter("tcp_info_bytes"), Ok(CounterKind::TcpInfoBytes));
        assert!(parse_counter("bytes").unwrap_err().contains("\"bytes\""));
    }

    #[test]
    fn a_wrong_fact_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("facts.json");
        std::fs::write(&path, br#"{"transport":{"kind":"carrier_pigeon"}}"#).unwrap();
        let line = read_facts(&path).unwrap_err().line().unwrap();
        assert!(line.contains("transport.kind") && line.contains("carrier_pigeon"), "{line}");
        for wrong in ["", "[]", "null", "\u{feff}{}", "{\"transport\":"] {
            std::fs::write(&path, wrong).unwrap();
            let error = read_facts(&path).unwrap_err();
            assert!(error.exit_code() == 2 && !error.line().unwrap().contains("member ."), "{wrong:?}: {error:?}");
        }
        std::fs::write(&path, br#"{"transport":{"kind":"cellular","serving_plmn":"452-04"}}"#).unwrap();
        assert_eq!(read_facts(&path).unwrap().transport.serving_plmn.as_deref(), Some("452-04"));
    }
}
