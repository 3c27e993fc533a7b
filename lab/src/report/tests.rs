//! The document of made-up runs: every rule once.

use serde_json::{Value, json};

use super::bench::Bench;
use super::*;
use crate::cells::list::{RATES_MBIT, RTTS_MS};
use crate::plot::tests::assert_sane;

/// The whole fixed grid with two seeds, without a fault: every goal that rests on it is met.
fn perfect_grid() -> Vec<Value> {
    let cells = cells::full().into_iter().filter(|cell| cell.is_grid());
    cells
        .flat_map(|cell| {
            let (down, up) = (side(cell.down_mbit), side(cell.up_mbit));
            [1, 2].map(|seed| {
                json!({"tool": "ispeed", "cell": cell.name, "seed": seed, "grid": true, "group": "fixed", "fault": null,
                       "link": {"down_mbit": cell.down_mbit, "up_mbit": cell.up_mbit, "rtt_ms": cell.rtt_ms,
                                "queue": format!("{:?}", cell.queue), "client_cc": cell.client_cc},
                       "void": null, "outcome": "complete", "seconds": 2.4, "client_cpu_s": 0.2,
                       "wire_bytes": [7e6, 3e6], "latency": latency(0.2), "down": down, "up": up})
            })
        })
        .collect()
}

fn side(mbit: f64) -> Value {
    let truth = mbit * 1e6;
    json!({"truth_bps": truth, "goodput_bps": truth * 1.001, "error": 0.001, "flags": [],
           "interval_bps": [truth * 0.99, truth * 1.01], "next_10s_truth_bps": truth * 1.5, "window_ms": 500,
           "duration_ms": 700, "stop_reason": "converged", "flows": 4, "counter": "segments"})
}

fn latency(off_ms: f64) -> Value {
    let loss = json!({"sent": 50, "lost": 1, "truth_sent": 50, "truth_lost": 1});
    json!({"idle_ms": 40.0 + off_ms, "idle_truth_ms": 40.0, "idle_configured_ms": 39.0,
           "loaded_down_ms": 60.0, "loaded_down_truth_ms": 60.0 + off_ms,
           "loaded_up_ms": 70.0, "loaded_up_truth_ms": 70.0, "loss": {"down": loss, "up": loss}})
}

/// A run of another kind of link.
fn other(cell: &str, group: &str, fault: Value, seed: u64) -> Value {
    json!({"cell": cell, "seed": seed, "grid": false, "group": group, "fault": fault, "void": null,
           "link": {"down_mbit": 48.0, "up_mbit": 24.0, "rtt_ms": 40.0}, "outcome": "complete", "seconds": 3.0,
           "down": side(48.0), "up": side(24.0)})
}

fn bench() -> Bench {
    Bench::parse(
        r#"{"loopback": {"down_gbps": 9.0, "up_gbps": 6.5, "cpu_limited": true},
            "cpu_s_per_gbit": {"cipher": "AES", "ispeed": {"down": 0.04, "up": 0.06}, "ndt7": {"down": 0.05, "up": 0.07}},
            "simulation": {"runs": 10000, "silent_above_5_percent": 0, "coverage_lowest": 0.94, "coverage_highest": 0.985}}"#,
    )
    .unwrap()
}

/// Result and verdict of a row.
fn row_of(input: &Input, quantity: &str) -> (String, String) {
    goals::row(&Evidence::new(input), quantity)
}

fn row(runs: &[Value], quantity: &str) -> (String, String) {
    row_of(&Input { runs, ..Input::default() }, quantity)
}

fn verdict(runs: &[Value], quantity: &str) -> String {
    row(runs, quantity).1
}

fn set(runs: &mut [Value], which: impl Fn(&Value) -> bool, pointer: &str, value: &Value) {
    for run in runs.iter_mut().filter(|run| which(run)) {
        *run.pointer_mut(pointer).expect("a member of the run") = value.clone();
    }
}

const FIXED: &str = "fixed links, error";

#[test]
fn a_perfect_grid_meets_every_goal_that_rests_on_it() {
    let runs = perfect_grid();
    for quantity in [
        FIXED,
        "runs flagged",
        "seconds per direction",
        "RTT 100 ms",
        "whole sample",
        "upload at 0.5",
        "RTT 100 and 300",
    ] {
        assert_eq!(verdict(&runs, quantity), "met, stretch too", "{quantity}");
    }
    assert_eq!(verdict(&runs, "latency"), "met");
    assert_eq!(verdict(&runs, "loss"), "met");
    assert_eq!(
        row(&runs, "MB per sample"),
        (
            "RTT ≤ 40 ms: median 10.00, worst 10.00 (36 runs); peers' link, RTT 42.6 ms: median –".into(),
            "met, stretch too".into()
        )
    );
    assert_eq!(row(&runs, "following 10 s").0, "fixed 0.0 % / 0.0 %, traces – / –");
}

#[test]
fn of_a_hundred_fixed_links_one_may_be_off_in_either_direction() {
    let mut runs = perfect_grid();
    let cells: Vec<String> = runs.iter().step_by(2).map(|run| run["cell"].as_str().unwrap().to_owned()).collect();
    let off = |runs: &mut Vec<Value>, count: usize, side: &str| {
        let chosen = &cells[..count];
        set(runs, |run| chosen.iter().any(|c| run["cell"] == **c), &format!("/{side}/error"), &json!(-0.031));
    };
    off(&mut runs, 2, "up");
    assert_eq!(verdict(&runs, FIXED), "met, stretch too", "2 of 288");
    off(&mut runs, 3, "down");
    assert_eq!(verdict(&runs, FIXED), "missed", "3 of 288 links are more than one in a hundred");
    assert!(
        row(&runs, FIXED).0.starts_with("98.9 % of 576 runs within 3 % (98.9 % / 99.3 %)"),
        "{:?}",
        row(&runs, FIXED)
    );
}

#[test]
fn a_missing_figure_is_an_error_of_any_size() {
    let mut runs = perfect_grid();
    set(&mut runs, |run| run["link"]["rtt_ms"] == 300.0, "/down/error", &Value::Null);
    assert_eq!(verdict(&runs, FIXED), "missed");
    assert!(row(&runs, "RTT 100 and 300").0.ends_with("worst no figure"));
    assert!(row(&runs, "unflagged").0.starts_with("lab 0;"), "an interval that holds the truth owns up to it");
    set(&mut runs, |run| run["link"]["rtt_ms"] == 300.0, "/down/interval_bps", &Value::Null);
    assert!(row(&runs, "unflagged").0.starts_with("lab 144, of these 144 directions without a figure"));
}

#[test]
fn a_median_is_not_saved_by_the_share_and_stretch_not_by_the_goal() {
    let mut runs = perfect_grid();
    set(&mut runs, |_| true, "/up/error", &json!(0.006));
    assert_eq!(verdict(&runs, FIXED), "missed", "the median of the upload is above 0.5 %");
    let mut runs = perfect_grid();
    set(&mut runs, |run| run["link"]["rtt_ms"] == 10.0, "/down/error", &json!(0.025));
    assert_eq!(verdict(&runs, FIXED), "met", "not within 2 %");
}

#[test]
fn every_link_weighs_the_same() {
    let mut runs = perfect_grid();
    let wrong = runs[0].clone();
    for seed in 3..40 {
        let mut more = wrong.clone();
        more["seed"] = json!(seed);
        more["down"]["error"] = json!(0.5);
        runs.push(more);
    }
    assert_eq!(verdict(&runs, FIXED), "met, stretch too", "37 bad runs of one link are one link");
}

#[test]
fn above_five_percent_void_is_not_measured() {
    let mut runs = perfect_grid();
    set(
        &mut runs,
        |run| run["link"]["rtt_ms"] == 10.0 && run["link"]["down_mbit"] == 1000.0,
        "/void",
        &json!("starved"),
    );
    assert_eq!(verdict(&runs, FIXED), "met, stretch too", "18 of 576");
    set(&mut runs, |run| run["link"]["down_mbit"] == 1000.0, "/void", &json!("starved"));
    let (result, verdict) = row(&runs, FIXED);
    assert_eq!(verdict, "not measured: missed");
    assert!(result.starts_with("NOT MEASURED: 12.5 % of 576 runs void; the others: 100 % of 504"), "{result}");
    let text = made(&Input { runs: &runs, ..Input::default() }).markdown;
    assert!(text.contains("| 1000 | 10 | 18 | 18 | NOT MEASURED |"), "{text}");
    assert!(text.contains("| fixed | 288 | 576 | 72 (12.5 %) | NOT MEASURED |"), "{text}");
}

#[test]
fn what_was_not_run_is_not_met() {
    for quantity in [
        FIXED,
        "cellular traces",
        "1 % random loss",
        "bytes against",
        "CPU-s per sample",
        "latency",
        "loopback",
        "simulation, stationary",
    ] {
        assert_eq!(verdict(&[], quantity), "not measured: missed", "{quantity}");
    }
    let some: Vec<Value> = perfect_grid().into_iter().take(6).collect();
    let (result, verdict) = row(&some, FIXED);
    assert!(result.ends_with("(on 3 of 288 links)") && verdict == "met on a part", "{result}: {verdict}");
}

#[test]
fn flags_on_clean_links_are_counted_and_far_or_fast_links_are_not() {
    let mut runs = perfect_grid();
    set(&mut runs, |run| run["link"]["rtt_ms"] == 300.0, "/up/flags", &json!(["variable"]));
    assert_eq!(verdict(&runs, "runs flagged"), "met, stretch too");
    set(&mut runs[..2], |_| true, "/up/flags", &json!(["variable"]));
    assert_eq!(row(&runs, "runs flagged"), ("0.62 % (2 of 324 runs)".into(), "met".into()));
    set(&mut runs[..6], |_| true, "/down/flags", &json!(["variable"]));
    assert_eq!(verdict(&runs, "runs flagged"), "missed");
}

#[test]
fn only_the_own_flag_of_a_fault_makes_an_error_a_flagged_one() {
    let mut runs = perfect_grid();
    let mut bucket = other("bucket-5mb", "bucket", json!("token_bucket"), 1);
    bucket["down"]["error"] = json!(0.4);
    bucket["down"]["interval_bps"] = json!([1e8, 2e8]);
    bucket["down"]["flags"] = json!(["burst"]);
    runs.push(bucket.clone());
    let bench = bench();
    let with = |runs: &[Value]| row_of(&Input { runs, bench: Some(&bench), ..Input::default() }, "unflagged");
    assert_eq!(with(&runs), ("lab 0; 0 in 10000 simulations".into(), "met, stretch too".into()));
    assert_eq!(verdict(&runs, "unflagged"), "not measured: missed", "simulations are half of it");
    bucket["down"]["flags"] = json!(["unsaturated", "variable"]);
    runs.push(bucket);
    assert_eq!(with(&runs), ("lab 1; 0 in 10000 simulations".into(), "missed".into()), "the last line counts");
    let text = made(&Input { runs: &runs, ..Input::default() }).markdown;
    let said = "| bucket-5mb | token_bucket | burst | 1 | 0 | +40.00 % / +0.10 % | 40.00 % / 0.10 % | 1 | 0 of 1 | 1 | unsaturated 1, variable 1 |";
    assert!(text.contains(said), "{text}");
    assert!(text.contains("- **bucket-5mb**, seed 1") && text.contains("down +40.00 % (silent)"), "{text}");
}

#[test]
fn a_small_group_that_was_starved_leaves_the_matrix_unmeasured() {
    let mut runs = perfect_grid();
    runs.push(other("cpu-quota-client", "cpu-quota", json!("cpu_quota"), 1));
    runs.push(other("cpu-quota-client", "cpu-quota", json!("cpu_quota"), 2));
    runs.last_mut().unwrap()["void"] = json!("starved");
    let bench = bench();
    let (result, verdict) = row_of(&Input { runs: &runs, bench: Some(&bench), ..Input::default() }, "unflagged");
    assert_eq!(verdict, "not measured: missed");
    assert!(result.ends_with("NOT MEASURED: cpu-quota"), "{result}");
}

#[test]
fn an_upload_under_loss_is_near_or_owns_up() {
    let lossy = |seed: u64, error: f64, flags: Value, interval: [f64; 2]| {
        let mut run = other("loss-1-cubic", "loss", json!("random_loss"), seed);
        run["up"]["error"] = json!(error);
        run["up"]["flags"] = flags;
        run["up"]["interval_bps"] = json!(interval);
        run
    };
    let (wide, narrow) = ([1e6, 3e7], [1e7, 1.1e7]);
    let near = lossy(1, 0.01, json!([]), narrow);
    assert_eq!(verdict(std::slice::from_ref(&near), "1 % random loss"), "met, stretch too");
    let owned = lossy(2, -0.4, json!(["unsaturated"]), wide);
    assert_eq!(verdict(&[near.clone(), owned], "1 % random loss"), "met");
    for short in [lossy(2, -0.4, json!(["unsaturated"]), narrow), lossy(2, -0.4, json!([]), wide)] {
        assert_eq!(verdict(&[near.clone(), short], "1 % random loss"), "missed");
    }
}

#[test]
fn traces_are_judged_by_their_p90_and_intervals_by_group() {
    let mut runs = perfect_grid();
    for seed in 0..10 {
        let mut trace = other("trace-lte-static-cubic", "trace", json!("variation"), seed);
        if seed == 0 {
            trace["down"] = json!({"error": 0.5, "truth_bps": 1.0, "interval_bps": [2.0, 3.0], "flags": ["variable"]});
        }
        runs.push(trace);
    }
    assert_eq!(row(&runs, "cellular traces"), ("p90 0.10 % / 0.10 % (10 runs)".into(), "met, stretch too".into()));
    assert_eq!(
        row(&runs, "fixed links and traces"),
        ("fixed 100 % (100 % / 100 %), traces 95.0 % (90.0 % / 100 %)".into(), "met".into())
    );
    let last = runs.len() - 1;
    runs[last]["up"]["interval_bps"] = Value::Null;
    runs[last]["down"]["error"] = json!(-0.017);
    assert_eq!(verdict(&runs, "cellular traces"), "met");
    assert_eq!(verdict(&runs, "fixed links and traces"), "missed", "90 % of the traces' intervals");
}

#[test]
fn seconds_are_judged_by_the_slower_direction() {
    let mut runs = perfect_grid();
    set(&mut runs, |run| run["link"]["rtt_ms"] == 40.0, "/up/duration_ms", &json!(1400));
    assert_eq!(
        row(&runs, "seconds per direction"),
        ("median 0.70 / 0.70, p90 0.70 / 1.40 (216 runs)".into(), "met".into())
    );
    set(&mut runs, |run| run["link"]["rtt_ms"] == 10.0, "/up/duration_ms", &json!(1100));
    assert_eq!(verdict(&runs, "seconds per direction"), "missed");
    set(&mut runs, |run| run["link"]["rtt_ms"] == 100.0, "/down/duration_ms", &Value::Null);
    assert!(row(&runs, "… RTT 100").0.starts_with("median no figure / 0.70"));
    let mut slow = other("outage-1s", "outage", json!("outage"), 1);
    slow["seconds"] = json!(10.5);
    runs.push(slow);
    assert_eq!(verdict(&runs, "whole sample"), "missed", "never above 10 s");
}

#[test]
fn latency_and_loss_are_judged_by_the_log() {
    let mut runs = perfect_grid();
    set(&mut runs, |_| true, "/latency", &latency(0.6));
    let (result, verdict) = row(&runs, "latency");
    assert_eq!(verdict, "missed");
    assert!(result.starts_with("idle 0.60 (576 runs), loaded down 0.60"), "{result}");
    set(&mut runs[..1], |_| true, "/latency/loss/up/lost", &json!(2));
    assert_eq!(row(&runs, "loss"), ("equal in 1151 of 1152 directions".into(), "missed".into()));
    let mut variation = runs.split_off(575);
    variation[0]["latency"]["pdv95"] = json!({"idle": {"down": {"ms": 1.0, "truth_ms": 1.25}, "up": {"ms": 3.0}}});
    runs.extend(variation);
    let text = made(&Input { runs: &runs, ..Input::default() }).markdown;
    assert!(
        text.contains("| fixed | 576 | 0 | 0.60 / 0.60 | 0.60 / 0.60 | 0.00 / 0.00 | 0.25 / 0.25 | 1151 of 1152 |"),
        "{text}"
    );
}

fn peers() -> Vec<Value> {
    let run = |tool: &str, cell: &str, megabytes: f64, cpu_s: f64| {
        json!({"tool": tool, "cell": cell, "seed": 1, "void": null, "seconds": 3.0, "client_cpu_s": cpu_s,
               "wire_bytes": [megabytes * 5e5, megabytes * 5e5], "idle_ms": 43.0, "link": {"rtt_ms": 42.6},
               "down": {"error": -0.02, "duration_ms": 10_000}, "up": {"error": -0.025, "duration_ms": 10_000}})
    };
    vec![
        run("ndt7-client", "300/150", 560.0, 1.0),
        run("ispeed", "300/150", 50.0, 0.15),
        run("ndt7-client", "100/50", 190.0, 0.5),
        run("ispeed", "100/50", 21.0, 0.1),
        run("ndt7-client", "1/1", 2.0, 0.1),
        run("ispeed", "1/1", 0.5, 0.1),
    ]
}

#[test]
fn bytes_and_cpu_are_those_of_ndt7_on_the_same_links() {
    let (runs, peers, bench) = (perfect_grid(), peers(), bench());
    let input = Input { runs: &runs, peers: &peers, ..Input::default() };
    let (result, verdict) = row_of(&input, "bytes against");
    assert_eq!((result.as_str(), verdict.as_str()), ("median 1/9.0 over 3 links (1/11.2 to 1/4.0)", "missed"));
    assert_eq!(
        row_of(&input, "CPU-s per sample"),
        ("1/6.7 on the peers' link 300/150 (0.15 s against 1.00 s)".into(), "met".into())
    );
    assert_eq!(row_of(&input, "MB per sample").1, "missed", "21 MB on the peers' link");
    assert_eq!(row_of(&input, "CPU-s per Gbit").1, "missed", "0.375 s/Gbit against 0.223");
    let (result, verdict) = row_of(&Input { bench: Some(&bench), ..input }, "CPU-s per Gbit");
    assert_eq!(verdict, "met", "0.8 down is the stretch, 0.86 up is not: {result}");
    assert!(
        result.starts_with("0.80 / 0.86 (0.040 / 0.060 against 0.050 / 0.070; AES); on the peers' link"),
        "{result}"
    );
}

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
fn our_runs_of_the_matrix_stand_beside_the_peers_that_ran_on_the_same_link() {
    let peers: Vec<Value> = peers().into_iter().filter(|run| run["tool"] == "ndt7-client").collect();
    let ours = super::tests::peers().into_iter().filter(|run| run["tool"] == "ispeed");
    let runs: Vec<Value> = ours.chain(peers).collect();
    assert_eq!(row(&runs, "bytes against").0, "median 1/9.0 over 3 links (1/11.2 to 1/4.0)");
}

#[test]
fn forced_counters_are_apart() {
    let mut counters = perfect_grid();
    counters.truncate(4);
    for run in &mut counters {
        run["forced_counter"] = json!("app_bytes");
        run["group"] = json!("counter");
        run["down"]["error"] = json!(0.5);
        run["down"]["interval_bps"] = Value::Null;
    }
    let runs = perfect_grid();
    let input = Input { runs: &runs, counters: &counters, ..Input::default() };
    assert_eq!(row_of(&input, FIXED).1, "met, stretch too");
    assert!(
        row_of(&input, "unflagged").0.starts_with("lab 0; forced counters, apart: 4;"),
        "{:?}",
        row_of(&input, "unflagged")
    );
    let mut same_file = runs.clone();
    same_file.extend(counters.iter().cloned());
    assert_eq!(row(&same_file, FIXED).1, "met, stretch too", "in the same file too");
    assert!(made(&input).markdown.contains("| app_bytes | all | all | 4 | 0 | +50.00 % / +0.10 %"));
}

#[test]
fn simulation_and_loopback_come_from_the_bench() {
    let mut bench = bench();
    let at = |bench: &Bench, quantity: &str| row_of(&Input { bench: Some(bench), ..Input::default() }, quantity);
    assert_eq!(at(&bench, "stationary"), ("94.0 % to 98.5 %, METHOD.md section 15".into(), "met".into()));
    assert_eq!(at(&bench, "loopback"), ("9.0 / 6.5, `cpu_limited` set".into(), "met".into()));
    bench.simulation.as_mut().unwrap().coverage_highest = 0.998;
    bench.loopback.as_mut().unwrap().cpu_limited = false;
    assert_eq!(at(&bench, "stationary").1, "missed");
    assert_eq!(at(&bench, "loopback").1, "missed");
}

fn made(input: &Input) -> Document {
    let origin = Origin {
        machine: "a machine".into(),
        program: "ispeed at abc".into(),
        command: "cargo xtask lab --full --seeds 1,2".into(),
    };
    document(input, &origin)
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
    let rates = RATES_MBIT.len() * RTTS_MS.len();
    assert!(text.matches("\n| 0.5 | ").count() >= RTTS_MS.len() && rates == 32);
}
