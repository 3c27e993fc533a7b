use serde_json::Value;

use crate::{run, run_with, stdout_of, text};

/// IP-layer rates of the link, and the payload share of a full segment.
const DOWN_BPS: f64 = 80e6;
const UP_BPS: f64 = 40e6;
const PAYLOAD: f64 = 1448.0 / 1500.0;

/// Goodput over the link's, or why there is none.
fn ratio(sample: &Value, direction: &str, link_bps: f64) -> f64 {
    let goodput_bps = sample[direction]["goodput_bps"].as_f64();
    goodput_bps.unwrap_or_else(|| panic!("{direction} was not measured: {sample}")) / (link_bps * PAYLOAD)
}

#[test]
fn the_whole_way_of_a_sample() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let demo = ["demo", "--once", "--data", "d", "--link", "80/40/20", "--format"];
    let output = run(home, &[&demo[..], &["json"]].concat());
    let stdout = stdout_of(&output);
    let document: Value = serde_json::from_str(&stdout).unwrap();
    let sample = &document["sample"];
    assert_eq!(sample["outcome"], "complete", "{stdout}");
    for (direction, link_bps) in [("down", DOWN_BPS), ("up", UP_BPS)] {
        let ratio = ratio(sample, direction, link_bps);
        assert!((0.95..1.05).contains(&ratio), "{direction} {ratio}: {}", text(&output.stderr));
    }
    assert_eq!((&sample["place"]["verdict"], &sample["place"]["code"]), (&"approximate".into(), &"25195".into()));
    assert_eq!(sample["simulated"], true);
    assert!(sample["latency"]["idle_ms"].as_f64().unwrap() >= 20.0);
    assert!(
        sample["latency"]["loaded_down_ms"].as_f64() > sample["latency"]["idle_ms"].as_f64(),
        "a full link shows in the round trips of UDP"
    );
    assert!(text(&output.stderr).contains("simulated"), "{}", text(&output.stderr));

    stdout_of(&run_with(home, &["verify", "-"], stdout.as_bytes()));
    let at = stdout.find("\"bytes_down\":").unwrap() + "\"bytes_down\":".len();
    let mut changed = stdout.clone().into_bytes();
    changed[at] = if changed[at] == b'1' { b'2' } else { b'1' };
    assert_eq!(run_with(home, &["verify", "-"], &changed).status.code(), Some(1));

    let key = stdout_of(&run(home, &["server-key", "--data", "d", "--format", "json"]));
    std::fs::write(home.join("key.json"), key).unwrap();
    stdout_of(&run_with(home, &["verify", "-", "--key", "key.json"], stdout.as_bytes()));

    let list = stdout_of(&run(home, &["outbox", "list", "--outbox", "d/outbox.db", "--format", "jsonl"]));
    let line: Value = serde_json::from_str(&list).unwrap();
    assert_eq!((&line["id"], &line["state"]), (&sample["id"], &"sent".into()));
    let exported = stdout_of(&run(home, &["outbox", "export", "--outbox", "d/outbox.db"]));
    assert_eq!(exported, stdout, "the hand-over file holds what was printed, byte for byte");

    let month = stdout_of(&run(home, &["month", "status", "--data", "d", "--province", "75", "--format", "json"]));
    let month: Value = serde_json::from_str(&month).unwrap();
    assert_eq!(month["communes"].as_array().unwrap().len(), 95);
    assert_eq!(month["excluded"]["place_approximate"], 1, "without borders it is a guess: {month}");
}

#[test]
fn progress_comes_as_lines_before_the_document() {
    let home = tempfile::tempdir().unwrap();
    let output = run(
        home.path(),
        &["demo", "--once", "--link", "20/10/20", "--max-seconds", "1", "--format", "jsonl", "--quiet"],
    );
    let stdout = stdout_of(&output);
    let lines: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (document, events) = lines.split_last().unwrap();
    assert!(document.get("sample").is_some() && document.get("receipt").is_some());
    let phases: Vec<&str> = events.iter().map(|event| event["phase"].as_str().unwrap()).collect();
    for phase in ["latency", "download", "upload"] {
        assert!(phases.contains(&phase), "{phases:?}");
    }
    assert!(output.stderr.is_empty(), "--quiet: {}", text(&output.stderr));
    stdout_of(&run_with(home.path(), &["verify", "-"], stdout.as_bytes()));
    assert!(home.path().join("ispeed-data/ispeed.sqlite").is_file(), "the default folder");
}
