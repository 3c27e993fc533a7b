//! Closing, checking and revising a month by the program itself.

use std::path::Path;

use serde_json::Value;

use crate::{run, stdout_of, text};

/// A folder of a collector with one sample of this month, which is a demo's and does not count.
fn collector(home: &Path) -> String {
    let demo = run(
        home,
        &["demo", "--once", "--data", "d", "--link", "20/10/20", "--max-seconds", "1", "--format", "json", "--quiet"],
    );
    let document: Value = serde_json::from_str(&stdout_of(&demo)).unwrap();
    document["receipt"]["key"].as_str().unwrap().to_owned()
}

#[test]
fn a_month_is_closed_once_and_checked_by_anyone() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let key = collector(home);

    // A month long ago has no samples, and is closed all the same.
    let close = ["month", "close", "--month", "2026-01", "--province", "75", "--data", "d", "--out"];
    let closed = stdout_of(&run(home, &[&close[..], &["jan"]].concat()));
    assert!(closed.contains("closed; 0 samples") && closed.contains("no samples"), "{closed}");
    let again = stdout_of(&run(home, &[&close[..], &["jan"]].concat()));
    assert!(again.contains("equal to the byte"), "{again}");
    stdout_of(&run(home, &[&close[..], &["again"]].concat()));
    for name in ["manifest.json", "figures.csv", "samples.parquet", "places.csv"] {
        let read = |folder: &str| std::fs::read(home.join(folder).join(name)).unwrap();
        assert_eq!(read("jan"), read("again"), "{name}");
    }
    let verified = stdout_of(&run(home, &["month", "verify", "jan", "--key", &key, "--lang", "vi"]));
    assert!(verified.starts_with("tháng 2026-01 của 75, phiên bản 1: đúng"), "{verified}");

    // The one that is going on: refused, or marked.
    let this = stdout_of(&run(home, &["month", "status", "--data", "d", "--format", "json"]));
    let this: Value = serde_json::from_str(&this).unwrap();
    let this = this["month"].as_str().unwrap();
    let early = ["month", "close", "--month", this, "--province", "75", "--data", "d", "--out", "now", "--sealed"];
    let refused = run(home, &early);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("--provisional") && !home.join("now").exists());
    let marked = stdout_of(&run(home, &[&early[..], &["--provisional"]].concat()));
    assert!(
        marked.contains("provisional, not closed; 1 samples, of which 0 count") && marked.contains("made up"),
        "{marked}"
    );
    let report = stdout_of(&run(home, &["month", "verify", "now", "--sealed", "--format", "json"]));
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!((&report["holds"], &report["version"]), (&true.into(), &0.into()));

    // Tampered with.
    let figures = home.join("jan/figures.csv");
    let changed = std::fs::read_to_string(&figures).unwrap().replacen("missing_count,300,", "missing_count,0,", 1);
    std::fs::write(&figures, changed).unwrap();
    let wrong = run(home, &["month", "verify", "jan"]);
    assert_eq!(wrong.status.code(), Some(1), "{}", text(&wrong.stdout));
    let told = text(&wrong.stdout);
    assert!(told.contains("DOES NOT HOLD") && told.contains("figures.csv: its SHA-256"), "{told}");
    assert!(told.contains("missing_count is the first figure that differs: stated (0,"), "{told}");
    let taken = run(home, &[&close[..], &["jan"]].concat());
    assert!(text(&taken.stderr).contains("jan is there and holds something else"), "{}", text(&taken.stderr));

    // The next version needs the folder of the one before, as it was.
    let revise = ["month", "revise", "--month", "2026-01", "--province", "75", "--data", "d", "--out", "v2"];
    let bare = run(home, &revise);
    assert!(text(&bare.stderr).contains("--previous DIR"), "{}", text(&bare.stderr));
    let revised = stdout_of(&run(home, &[&revise[..], &["--previous", "again"]].concat()));
    assert!(revised.contains("version 2") && revised.contains("0 differences"), "{revised}");
    let going_on = run(home, &[&revise[..], &["--previous", "again", "--provisional"]].concat());
    assert!(text(&going_on.stderr).contains("only a closed one is revised"), "{}", text(&going_on.stderr));
    let follows = stdout_of(&run(home, &["month", "verify", "v2", "--previous", "again"]));
    assert!(follows.contains("it revises month 2026-01 version 1"), "{follows}");
}

#[test]
fn what_cannot_be_closed_is_said_in_one_line_and_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    collector(home);
    std::fs::write(home.join("bad.toml"), "level = \"county\"\n").unwrap();
    std::fs::write(home.join("settings.json"), r#"{"qouta": 100}"#).unwrap();
    let base = ["month", "close", "--month", "2026-01", "--out", "out"];
    for (more, told) in [
        (&["--data", "no-such-dir"][..], "receipt.key is not there"),
        (&["--data", "d", "--boundaries", "no-such-bundle"], "no-such-bundle"),
        (&["--data", "d", "--template", "bad.toml"], "bad.toml"),
        (&["--data", "d", "--settings", "settings.json"], "qouta"),
        (&["--data", "d", "--database", "postgres://127.0.0.1:1/none"], "127.0.0.1"),
    ] {
        let output = run(home, &[&base[..], more].concat());
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{more:?}: {stderr}");
        assert!(
            stderr.starts_with("ispeed: ") && stderr.lines().count() == 1 && stderr.contains(told),
            "{more:?}: {stderr}"
        );
        assert!(!home.join("out").exists(), "{more:?}");
    }
    let left = std::fs::read_dir(home).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    assert!(left.into_iter().all(|name| !name.contains(".part-")));
}
