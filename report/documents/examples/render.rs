//! Writes the documents of a made-up month into a folder and prints what each cost:
//! `cargo run --release -p ispeed-documents --example render -- DIR [all]`. With `all` every province, as a close of the nation does.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "an example for the eye")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use ispeed_documents::{Documents, Template};
use ispeed_report::Level;

fn main() {
    let mut args = std::env::args().skip(1);
    let dir = PathBuf::from(args.next().unwrap_or_else(|| "documents".into()));
    std::fs::create_dir_all(&dir).unwrap();
    // Made one after the other, so that the peak is that of documents and not of 34 made-up provinces.
    let mut levels = vec![Level::Commune, Level::Nation, Level::Province];
    let provinces = common::provinces();
    let codes: Vec<&str> = match args.next() {
        Some(_) => provinces.iter().map(|province| province.code.as_str()).collect(),
        None => vec![common::PROVINCE],
    };
    levels.extend(std::iter::repeat_n(Level::Province, codes.len() - 1));
    let mut codes = codes.into_iter();
    let start = Instant::now();
    let documents = Documents::new();
    let mut spent = Duration::ZERO;
    for level in &levels {
        let (name, report) = match level {
            Level::Commune => ("commune".to_owned(), common::commune()),
            Level::Nation => ("nation".to_owned(), common::nation()),
            Level::Province => {
                let code = codes.next().unwrap();
                (format!("province-{code}"), common::province(code))
            }
        };
        let input = report.input();
        let template = Template::shipped(input.header.level).unwrap();
        for kind in ["xlsx", "pdf", "docx", "csv"] {
            let before = Instant::now();
            let bytes = match kind {
                "xlsx" => documents.xlsx(&input, &template),
                "pdf" => documents.pdf(&input, &template),
                "docx" => documents.docx(&input, &template),
                _ => documents.csv(&input, &template),
            };
            let bytes = bytes.unwrap();
            spent += before.elapsed();
            println!("{name}.{kind}: {} bytes, {:?}", bytes.len(), before.elapsed());
            std::fs::write(dir.join(format!("{name}.{kind}")), bytes).unwrap();
        }
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM: not known");
    println!("{} reports: documents {spent:?}, all {:?}; {peak}", levels.len(), start.elapsed());
}
