//! A nation's month out of a generator: `ISPEED_SAMPLES=996300 cargo test --release -p ispeed-month --lib speed -- --ignored --nocapture`.

use std::time::Instant;

use ispeed_report::sample::ChainHead;
use ispeed_report::{MonthSample, Place};
use uuid::Uuid;

use super::memory::{key, month, sample};
use crate::{Checks, MonthStore, NoDocuments, Request, RowQuery, verify};

const COMMUNES: u64 = 3_321;
const PER_PROVINCE: u64 = 98;

/// Makes sample `n` when it is asked for.
struct Generated {
    samples: u64,
}

fn place(commune: u64) -> (String, String) {
    (format!("{:02}", 1 + commune / PER_PROVINCE), format!("{:05}", 10_000 + commune))
}

impl MonthStore for Generated {
    fn heads(&mut self) -> Result<Vec<ChainHead>, String> {
        Ok(vec![ChainHead { key: "k".into(), sequence: self.samples, sha256: "0".repeat(64) }])
    }

    fn rows(&mut self, query: RowQuery) -> Result<Vec<MonthSample>, String> {
        let from = query.after.map_or(0, |(_, _, id)| id.as_u128() as u64 + 1);
        let to = (from + u64::from(query.limit)).min(self.samples);
        let row = |n: u64| {
            let commune = n * COMMUNES / self.samples;
            let (province, code) = place(commune);
            let mut row = sample(n, &province, &code, &format!("{commune} {}", n % 30));
            row.id = Uuid::from_u128(n.into());
            row.receipt_key = "k".into();
            row
        };
        Ok((from..to).map(row).collect())
    }

    fn record(&mut self, _: &str, _: &str) -> Result<Option<String>, String> {
        Ok(None)
    }

    fn records(&mut self, _: &str, _: &str) -> Result<Vec<(String, String)>, String> {
        Ok(Vec::new())
    }

    fn put_record(&mut self, _: &str, _: &str, _: String, _: bool) -> Result<bool, String> {
        Ok(true)
    }
}

/// Most memory this process ever had, MB.
fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or_default() / 1024
}

#[test]
#[ignore = "prints seconds and megabytes, in a minute"]
fn speed_of_a_nation() {
    let samples = std::env::var("ISPEED_SAMPLES").ok().and_then(|text| text.parse().ok()).unwrap_or(996_300);
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("vn");
    let places: Vec<Place> = (0..COMMUNES)
        .map(|commune| {
            let (province_code, code) = place(commune);
            let (name, province_name) = (format!("Xã {code}"), format!("Tỉnh {province_code}"));
            Place { code, name, province_code, province_name, area_km2: None }
        })
        .collect();
    let settings = ispeed_report::Settings::default();
    let began = Instant::now();
    let request = Request {
        month: month(),
        scope: "VN",
        now: month().next().end(),
        settings: &settings,
        places: &places,
        boundaries: None,
        key: &key(),
        program: "test",
        typed_in: "",
        documents: &NoDocuments,
        communes: false,
        sealed: false,
        provisional: false,
        previous: None,
        out: &out,
    };
    let closed = crate::close(&mut Generated { samples }, &request).unwrap();
    println!("close  {samples} samples: {:.1} s, {} MB at most", began.elapsed().as_secs_f64(), peak_mb());
    for file in &closed.manifest.files {
        println!("       {} {:.1} MB", file.path, file.bytes as f64 / 1e6);
    }
    let began = Instant::now();
    let report = verify(&out, &Checks::default()).unwrap();
    assert!(report.holds(), "{:?}", report.refused);
    println!(
        "verify {} public figures: {:.1} s, {} MB at most",
        report.public_figures,
        began.elapsed().as_secs_f64(),
        peak_mb()
    );
}
