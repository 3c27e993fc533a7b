//! docs/REPORTING.md names every metric, as the program has it.

use crate::{Metric, Settings};

fn document() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/REPORTING.md");
    std::fs::read_to_string(path).expect("docs/REPORTING.md is part of the repository")
}

#[test]
fn the_table_of_metrics_is_that_of_the_program() {
    let document = document();
    let rows: Vec<(&str, &str)> = document
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| `")?.split('|');
            let code = cells.next()?.trim().strip_suffix('`')?;
            Some((code, cells.next()?.trim()))
        })
        .filter(|(code, _)| ["count", "mbps", "ms", "percent"].iter().any(|unit| code.ends_with(&format!("_{unit}"))))
        .collect();
    let wanted: Vec<(&str, String)> = Metric::ALL.iter().map(|m| (m.code(), m.decimals().to_string())).collect();
    let wanted: Vec<(&str, &str)> = wanted.iter().map(|(code, decimals)| (*code, decimals.as_str())).collect();
    assert_eq!(rows, wanted, "docs/REPORTING.md, table of metrics: code, decimals");
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
