use std::path::Path;

use serde_json::{Value, json};

use crate::{run, run_with, stdout_of, text};

/// Three made-up communes of a grid in the sea: two that touch, and one apart.
fn geojson(home: &Path) -> String {
    let square = |code: &str, name: &str, west: f64, south: f64| {
        let (east, north) = (west + 0.1, south + 0.1);
        json!({
            "type": "Feature",
            "id": code,
            "properties": {"code": code, "name": name, "province": "75", "area_km2": 120.6},
            "geometry": {"type": "MultiPolygon", "coordinates": [[[
                [west, south], [east, south], [east, north], [west, north], [west, south]
            ]]]}
        })
    };
    let lines = [
        square("25195", "Phường Tây", 110.0, 10.0),
        square("25210", "Phường Đông", 110.1, 10.0),
        square("25217", "Xã Xa", 111.0, 10.0),
    ];
    let path = home.join("made-up.geojsonl");
    std::fs::write(&path, lines.map(|line| line.to_string()).join("\n")).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_bundle_is_built_described_and_asked() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let source = geojson(home);
    let built = stdout_of(&run(
        home,
        &["boundaries", "build", &source, "c.bundle", "--valid-from", "2026-04-30", "--table", "made-up"],
    ));
    assert!(built.contains("communes        3"), "{built}");

    let info: Value =
        serde_json::from_str(&stdout_of(&run(home, &["boundaries", "info", "c.bundle", "--format", "json"]))).unwrap();
    assert_eq!(
        (&info["name"], &info["valid_from"], &info["communes"]),
        (&json!("made-up"), &json!("2026-04-30"), &json!(3))
    );
    let listed = stdout_of(&run(home, &["boundaries", "info", "c.bundle", "--format", "csv"]));
    assert_eq!(listed.lines().count(), 4, "{listed}");
    assert!(listed.contains("25210,Phường Đông,75"), "{listed}");

    let points = b"10.05,110.05,10\n\n# a comment\n10.05,110.1,10\n10.05 111.05\n10.05,112.0,5\n";
    let answers =
        stdout_of(&run_with(home, &["boundaries", "at", "-", "--boundaries", "c.bundle", "--format", "jsonl"], points));
    let answers: Vec<Value> = answers.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let verdicts: Vec<&str> = answers.iter().map(|answer| answer["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["certain", "ambiguous", "certain", "outside"]);
    assert_eq!(answers[0]["code"], "25195");
    assert_eq!(answers[1]["candidates"].as_array().unwrap().len(), 2);
    assert_eq!(answers[2]["accuracy_m"], Value::Null, "what was not given is null");
    assert_eq!(answers[3]["code"], Value::Null);
    assert!(answers.iter().all(|answer| answer["table"].as_str().unwrap().starts_with("made-up@2026-04-30#")));

    let csv =
        stdout_of(&run_with(home, &["boundaries", "at", "-", "--boundaries", "c.bundle", "--format", "csv"], points));
    assert_eq!(csv.lines().count(), 5);
    assert!(csv.starts_with("lat,lon,accuracy_m,verdict,code,name,candidates,border_m"), "{csv}");
    let array: Value = serde_json::from_str(&stdout_of(&run_with(
        home,
        &["boundaries", "at", "-", "--boundaries", "c.bundle", "--format", "json"],
        points,
    )))
    .unwrap();
    assert_eq!(array.as_array().unwrap().len(), 4);
}

#[test]
fn bundles_are_found_where_they_are_put() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let source = geojson(home);
    let verdict = |command: &mut std::process::Command| {
        let output = command.args(["boundaries", "at", "10.05,110.05,10", "--format", "json"]).output().unwrap();
        serde_json::from_str::<Value>(&stdout_of(&output)).unwrap()["verdict"].clone()
    };
    assert_eq!(verdict(&mut crate::ispeed(home)), "approximate", "the gazetteer answers");
    stdout_of(&run(home, &["boundaries", "build", &source, "c.bundle"]));
    assert_eq!(verdict(crate::ispeed(home).env("ISPEED_BOUNDARIES", "c.bundle")), "certain");
    let user = home.join("share/ispeed");
    std::fs::create_dir_all(&user).unwrap();
    std::fs::rename(home.join("c.bundle"), user.join("communes.bundle")).unwrap();
    assert_eq!(verdict(&mut crate::ispeed(home)), "certain", "the folder `fetch` puts it in");
}

#[test]
fn check_lists_what_is_wrong_with_codes_and_areas() {
    let home = tempfile::tempdir().unwrap();
    let ring = |west: f64, east: f64| json!([[[[west, 10.0], [east, 10.0], [east, 10.1], [west, 10.1], [west, 10.0]]]]);
    let feature = |code: &str, west, east| {
        json!({"type": "Feature", "id": code, "properties": {"code": code, "name": format!("Xã {code}"), "province": "75"},
               "geometry": {"type": "MultiPolygon", "coordinates": ring(west, east)}})
    };
    let collection = json!({"type": "FeatureCollection", "features": [feature("00001", 110.0, 110.1), feature("00002", 110.09, 110.2)]});
    let output =
        run_with(home.path(), &["boundaries", "check", "-", "--format", "json"], collection.to_string().as_bytes());
    let faults: Value = serde_json::from_str(&stdout_of(&output)).unwrap();
    let overlap = faults.as_array().unwrap().iter().find(|fault| fault["kind"] == "overlap").expect("an overlap");
    assert_eq!(overlap["codes"], json!(["00001", "00002"]));
    let area_km2 = overlap["area_km2"].as_f64().unwrap();
    assert!((10.0..14.0).contains(&area_km2), "0.01° × 0.1° is about 12 km², not {area_km2}");
}

#[test]
fn wrong_input_is_named_by_line_and_what_came_before_is_answered() {
    let home = tempfile::tempdir().unwrap();
    let output = run_with(home.path(), &["boundaries", "at", "-", "--format", "jsonl"], b"10.7,106.7\nhere\n");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout).lines().count(), 1);
    assert!(text(&output.stderr).contains("line 2") && text(&output.stderr).contains("here"));
    let broken = run_with(home.path(), &["boundaries", "build", "-", "out"], b"{\"type\":\"Feature\"}");
    assert_eq!(broken.status.code(), Some(1));
    assert!(!home.path().join("out").exists(), "nothing half-made");
}

#[test]
fn fetching_from_nowhere_says_so() {
    let home = tempfile::tempdir().unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output = run(home.path(), &["boundaries", "fetch", "--from", &format!("http://{closed}"), "--out", "b"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("cannot reach 127.0.0.1"), "{}", text(&output.stderr));
}
