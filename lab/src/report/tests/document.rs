//! Tables, plots, and what the document says of itself.

use super::*;
use crate::cells::list::{RATES_MBIT, RTTS_MS};
use crate::plot::tests::assert_sane;

#[test]
fn the_peers_table_says_whether_it_is_valid() {
    let peers = peers();
    let text = made(&Input { peers: &peers, ..Input::default() }).markdown;
    // Published for ndt7 on these: down −2.7, −4.2, −0.9; up −2.6, −1.9, −0.6.
    assert!(text.contains("6 were measured here, 5 are within. **The table is NOT VALID for these:**"), "{text}");
    assert!(text.contains("| ndt7-client | 100/50 | down | -4.20 % | -2.00 % |"), "{text}");
    assert!(
        text.contains(
            "| 100/50 | ispeed | 1 | 0 | -2.00 % / -2.50 % | 2.00 % / 2.50 % | 10.00 / 10.00 | 3.00 | 21.00 |"
        ),
        "{text}"
    );
    let without = made(&Input::default()).markdown;
    assert!(without.contains("## The other tools on the same links and seeds\n\nNot measured."), "{without}");
}

#[test]
fn a_link_the_machine_cannot_do_is_named() {
    let mut quota = other("cpu-quota-client", "cpu-quota", json!("cpu_quota"), 1);
    quota["void"] = json!("NOT MEASURED: no cgroup");
    let text = made(&Input { runs: &[quota], ..Input::default() }).markdown;
    assert!(text.contains("counted as void:\n\n- cpu-quota-client: no cgroup\n"), "{text}");
}

#[test]
fn the_document_has_every_row_and_its_plots_are_pictures() {
    let (mut runs, peers, bench) = (perfect_grid(), peers(), bench());
    runs[5]["down"] = json!({});
    runs[6]["up"]["error"] = json!(1e300);
    runs.push(json!({"cell": "trace-x", "seed": 1}));
    runs.push(json!({}));
    let made = made(&Input { runs: &runs, peers: &peers, counters: &[], bench: Some(&bench) });
    let goals = made.markdown.split("## Figures to reach").nth(1).unwrap().split("\n## ").next().unwrap();
    assert_eq!(goals.lines().filter(|line| line.starts_with("| ")).count() - 2, 20, "{goals}");
    assert!(made.markdown.contains("- seeds: 0, 1, 2\n") && made.markdown.contains("--full --seeds 1,2"));
    assert_eq!(made.figures.len(), 5);
    for (file, svg) in &made.figures {
        assert!(made.markdown.contains(&format!("({FIGURES_FOLDER}/{file})")), "{file} is shown");
        assert_sane(svg);
    }
    for line in made.markdown.lines().filter(|line| line.starts_with('|')) {
        assert!(!line.contains("NaN") && !line.contains("inf"), "{line}");
    }
    for (_, svg) in super::document(
        &Input::default(),
        &Origin { machine: String::new(), program: String::new(), command: String::new() },
    )
    .figures
    {
        assert_sane(&svg);
    }
}

#[test]
fn every_table_has_as_many_cells_in_each_row() {
    let (mut runs, peers) = (perfect_grid(), peers());
    runs.push(other("bucket-5mb", "bucket", json!("token_bucket"), 1));
    let mut void = other("outage-1s", "outage", json!("outage"), 1);
    void["void"] = json!("starved");
    runs.push(void);
    let mut counters = perfect_grid();
    counters.truncate(2);
    counters.iter_mut().for_each(|run| run["forced_counter"] = json!("app_bytes"));
    let text = made(&Input { runs: &runs, peers: &peers, counters: &counters, bench: None }).markdown;
    let mut columns = None;
    for line in text.lines() {
        let here = line.starts_with('|').then(|| line.matches('|').count());
        if let (Some(before), Some(here)) = (columns, here) {
            assert_eq!(before, here, "{line}");
        }
        columns = here;
    }
    assert!(text.contains("| 0.5 BDP | reno | 64 | 0 | +0.10 % / +0.10 % |"), "{text}");
    assert!(text.contains("| 2 | 288 | 0 | +0.10 % / +0.10 % |"), "{text}");
    let rates = RATES_MBIT.len() * RTTS_MS.len();
    assert!(text.matches("\n| 0.5 | ").count() >= RTTS_MS.len() && rates == 32);
}
