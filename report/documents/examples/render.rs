//! Writes the documents of a made-up month into a folder and prints what each cost:
//! `cargo run --release -p ispeed-documents --example render -- DIR [all]`. With `all` every province, as a close of the nation does.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "an example for the eye")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::path::PathBuf;
use std::time::Instant;

use ispeed_documents::{Documents, Template};

fn main() {
    let mut args = std::env::args().skip(1);
    let dir = PathBuf::from(args.next().unwrap_or_else(|| "documents".into()));
    std::fs::create_dir_all(&dir).unwrap();
    let mut reports = vec![("commune".to_owned(), common::commune()), ("nation".to_owned(), common::nation())];
    if args.next().is_some() {
        reports.extend(common::provinces().iter().map(|p| (format!("province-{}", p.code), common::province(&p.code))));
    } else {
        reports.push(("province".to_owned(), common::province(common::PROVINCE)));
    }
    let start = Instant::now();
    let documents = Documents::new();
    for (name, report) in &reports {
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
            println!("{name}.{kind}: {} bytes, {:?}", bytes.len(), before.elapsed());
            std::fs::write(dir.join(format!("{name}.{kind}")), bytes).unwrap();
        }
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM: not known");
    println!("{} reports in {:?}; {peak}", reports.len(), start.elapsed());
}
