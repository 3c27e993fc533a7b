//! Every goal by its definition.

use super::*;

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
fn our_runs_of_the_matrix_stand_beside_the_peers_that_ran_on_the_same_link() {
    let peers: Vec<Value> = peers().into_iter().filter(|run| run["tool"] == "ndt7-client").collect();
    let ours = super::peers().into_iter().filter(|run| run["tool"] == "ispeed");
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
    let simulated = "97.0 % over all kinds of process (94.0 % to 99.8 % of each), METHOD.md section 15";
    assert_eq!(at(&bench, "stationary"), (simulated.into(), "met".into()));
    assert_eq!(at(&bench, "loopback"), ("9.0 (`server_limited`) / 6.5 (`cpu_limited`)".into(), "met".into()));
    for (pooled, lowest) in [(0.97, 0.92), (0.991, 0.94)] {
        let simulation = bench.simulation.as_mut().unwrap();
        (simulation.coverage_pooled, simulation.coverage_lowest) = (pooled, lowest);
        assert_eq!(at(&bench, "stationary").1, "missed", "{pooled} {lowest}");
    }
    bench.loopback.as_mut().unwrap().up_limit = None;
    assert_eq!(at(&bench, "loopback").1, "missed");
}
