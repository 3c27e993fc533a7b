//! `ispeed boundaries check`: what is wrong with a boundary file.

use std::path::PathBuf;

use ispeed_commune::Point;
use ispeed_commune::build::{self, CheckReport};
use serde::Serialize;

use super::cannot_use;
use crate::error::Result;
use crate::files;
use crate::output::{Format, Out, print_entries};

/// Holes, overlaps and invalid rings of a GeoJSON file.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// GeoJSON as for `build`; - for standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
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

pub(super) fn run(args: &Args) -> Result<()> {
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
