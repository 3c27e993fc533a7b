//! docs/REPORTING.md names every metric, as the program has it.

use crate::publicness::is_public;
use crate::{Metric, Settings};

fn document() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/REPORTING.md");
    std::fs::read_to_string(path).expect("docs/REPORTING.md is part of the repository")
}

#[test]
fn the_table_of_metrics_is_that_of_the_program() {
    let document = document();
    let after = document.split_once("| metric | decimals |").expect("REPORTING.md has a table of metrics").1;
    let table = after.split_once("\n\n").expect("the table ends").0;
    let rows: Vec<[String; 3]> = table
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            [cells[1].trim_matches('`'), cells[2], cells[4]].map(str::to_owned)
        })
        .collect();
    let public = |metric| match (is_public(metric, true), is_public(metric, false)) {
        (true, true) => "yes",
        (true, false) => "where all are shown",
        _ => "no",
    };
    let of = |m: &Metric| [m.code().to_owned(), m.decimals().to_string(), public(*m).to_owned()];
    let wanted: Vec<[String; 3]> = Metric::ALL.iter().map(of).collect();
    assert_eq!(rows, wanted, "docs/REPORTING.md, table of metrics: code, decimals, public");
}

#[test]
fn the_numbers_in_the_text_are_the_defaults() {
    let (document, settings) = (document(), Settings::default());
    for (name, value) in [
        ("quota", settings.quota),
        ("min_samples", settings.min_samples),
        ("min_devices_public", settings.min_devices_public),
        ("min_devices_interval", settings.min_devices_interval),
        ("cut_off_day", u32::from(settings.cut_off_day)),
        ("cells.min_attempts", settings.cells.min_attempts),
        ("cells.min_devices", settings.cells.min_devices),
    ] {
        let row = format!("| `{name}` | {value} |");
        assert!(document.contains(&row), "docs/REPORTING.md lacks {row:?}");
    }
    for target in &settings.targets {
        assert!(document.contains(&target.paper) && document.contains(&target.valid_from), "{}", target.paper);
    }
}
