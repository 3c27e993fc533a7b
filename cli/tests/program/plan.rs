use serde_json::Value;

use crate::{run, run_with, stdout_of, text};

#[test]
fn a_campaign_from_its_making_to_the_pack_of_a_day() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let create = [
        "campaign",
        "create",
        "--code",
        "dot-1",
        "--title",
        "Đợt 1",
        "--commune",
        "25270",
        "25195",
        "--from",
        "2026-11-01",
        "--to",
        "2027-10-31",
        "--quota",
        "viettel=100",
        "--role",
        "TO-01",
        "--data",
        "srv",
    ];
    assert_eq!(stdout_of(&run(home, &create)), "dot-1\n");
    let again = run(home, &create);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("has the code \"dot-1\" already"), "{}", text(&again.stderr));

    let listed: Value =
        serde_json::from_str(&stdout_of(&run(home, &["campaign", "list", "--data", "srv", "--format", "json"])))
            .unwrap();
    assert_eq!(listed[0]["communes"], serde_json::json!(["25195", "25270"]));
    let csv = stdout_of(&run(home, &["campaign", "show", "DOT-1", "--data", "srv", "--format", "csv"]));
    assert!(csv.contains("dot-1,Đợt 1,2026-11-01,2027-10-31,false,25195 25270,viettel=100,TO-01"), "{csv}");

    let keys: Value =
        serde_json::from_str(&stdout_of(&run(home, &["server-key", "--data", "srv", "--format", "json"]))).unwrap();
    let key = keys["public_key"].as_str().unwrap();
    let join = stdout_of(&run(home, &["campaign", "qr", "dot-1", "--role", "TO-01", "--text", "--data", "srv"]));
    let checked = run_with(home, &["campaign", "check", "-", "--key", key], join.as_bytes());
    let checked: Value = serde_json::from_str(&stdout_of(&checked)).unwrap();
    assert_eq!((checked["code"].as_str(), checked["role"].as_str()), (Some("dot-1"), Some("TO-01")));
    let forged = run_with(home, &["campaign", "check", "-", "--key", &"A".repeat(43)], join.as_bytes());
    assert!(!forged.status.success());
    stdout_of(&run(home, &["campaign", "qr", "dot-1", "--svg", "dot-1.svg", "--data", "srv"]));
    let svg = std::fs::read_to_string(home.join("dot-1.svg")).unwrap();
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));

    stdout_of(&run(home, &["campaign", "pack", "dot-1", "--out", "plan.json", "--data", "srv"]));
    let pack: Value = serde_json::from_slice(&std::fs::read(home.join("plan.json")).unwrap()).unwrap();
    assert_eq!((pack["campaign"]["code"].as_str(), pack["key"].as_str()), (Some("dot-1"), Some(key)));
    let closed = stdout_of(&run(home, &["campaign", "close", "dot-1", "--data", "srv", "--format", "json"]));
    assert!(closed.contains("\"closed\":true"));
}

#[test]
fn a_name_is_no_role_and_a_commune_has_five_digits() {
    let home = tempfile::tempdir().unwrap();
    let create = |more: &[&str]| {
        let basic =
            ["campaign", "create", "--title", "x", "--from", "2026-11-01", "--to", "2026-11-30", "--data", "srv"];
        let output = run(home.path(), &[&basic, more].concat());
        (output.status.code(), text(&output.stderr))
    };
    for (more, said) in [
        (&["--commune", "25195", "--role", "Nguyễn Văn A"][..], "a code, no name"),
        (&["--commune", "2519"], "no commune"),
        (&["--province", "00"], "no communes"),
        (&["--commune", "25195", "--quota", "itel=3"], "viettel, vinaphone"),
        (&["--commune", "25195", "--quota", "viettel"], "OPERATOR=N"),
        (&[], "--commune"),
    ] {
        let (code, line) = create(more);
        assert_eq!(code, Some(2), "{more:?}: {line}");
        assert!(line.contains(said), "{more:?}: {line}");
    }
}

#[test]
fn a_plan_of_a_folder_is_told_in_both_languages_and_says_what_ispeed_is_not() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let missing = run(home, &["plan", "--commune", "25195", "--data", "nowhere"]);
    assert_eq!(missing.status.code(), Some(1));
    stdout_of(&run(
        home,
        &[
            "campaign",
            "create",
            "--code",
            "dot-1",
            "--title",
            "x",
            "--commune",
            "25195",
            "--from",
            "2026-11-01",
            "--to",
            "2027-10-01",
            "--data",
            "srv",
        ],
    ));
    let vi =
        stdout_of(&run(home, &["--lang", "vi", "plan", "--at", "11.5209,106.899", "--data", "srv", "--limit", "2"]));
    for expected in [
        "ngày để đo",
        "24:00 ngày 08/",
        "Việc tiếp theo: đo tại Phường Bình Phước (còn thiếu 300 mẫu)",
        "ít mẫu: Viettel 0/30",
        "không phải là ứng dụng i-Speed của VNNIC",
    ] {
        assert!(vi.contains(expected), "{expected}: {vi}");
    }
    let en = stdout_of(&run(home, &["plan", "--commune", "25195", "--data", "srv"]));
    assert!(
        en.contains("Next: measure in Phường Bình Phước (missing 300)") && en.contains("not VNNIC's i-Speed app"),
        "{en}"
    );
    let csv = stdout_of(&run(home, &["plan", "--campaign", "dot-1", "--data", "srv", "--format", "csv"]));
    assert!(
        csv.lines().nth(1).unwrap().starts_with("25195,Phường Bình Phước,75,Thành phố Đồng Nai,,all,all,0,300,"),
        "{csv}"
    );
    let json: Value = serde_json::from_str(&stdout_of(&run(
        home,
        &["plan", "--commune", "25195", "--data", "srv", "--format", "json"],
    )))
    .unwrap();
    assert_eq!(json["communes"][0]["missing"], 300);
    assert_eq!(run(home, &["plan", "--data", "srv"]).status.code(), Some(2), "of what?");
    let nobody = run(home, &["plan", "--commune", "25195"]);
    assert!(text(&nobody.stderr).contains("nothing says whose plan"), "{}", text(&nobody.stderr));
    let status = stdout_of(&run(home, &["month", "status", "--data", "srv", "--province", "75"]));
    assert!(status.contains("not VNNIC's i-Speed app"), "{status}");
}

#[test]
fn duties_are_typed_shown_and_exported_and_a_wrong_file_keeps_nothing() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let here = ["--commune", "25195", "--month", "2026-11", "--data", "srv"];
    let set = |file: &str| run_with(home, &[&["duties", "set", "--file", "-"][..], &here].concat(), file.as_bytes());
    let wrong = set("difficulties = [\"Lõm sóng\"]\n[[communication]]\nform = \"Phát thanh\"\nitems = -1\n");
    assert_eq!(wrong.status.code(), Some(1));
    assert!(text(&wrong.stderr).contains("line 4, communication[0].items"), "{}", text(&wrong.stderr));
    stdout_of(&set("difficulties = [\"Lõm sóng\"]\n[[communication]]\nform = \"Phát thanh\"\nitems = 12\n"));
    std::fs::write(
        home.join("counts.csv"),
        "code,count,source,date\n25195,412,speedtest.vn,2026-12-05\n00004,7,speedtest.vn,2026-12-05\n",
    )
    .unwrap();
    stdout_of(&run(home, &["duties", "ispeed-count", "--month", "2026-11", "--file", "counts.csv", "--data", "srv"]));
    let vi = stdout_of(&run(home, &[&["--lang", "vi", "duties", "show"][..], &here].concat()));
    for expected in [
        "Tuyên truyền: Phát thanh: 12",
        "Khó khăn, vướng mắc: Lõm sóng",
        "Đề xuất, kiến nghị: chưa nhập",
        "412 mẫu",
        "không phải",
    ] {
        assert!(vi.contains(expected), "{expected}: {vi}");
    }
    let csv = stdout_of(&run(home, &["duties", "export", "--month", "2026-11", "--data", "srv"]));
    let codes: Vec<&str> = csv.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!(codes, ["00004", "25195"]);
    let bad = run_with(
        home,
        &["duties", "ispeed-count", "--month", "2026-11", "--file", "-", "--data", "srv"],
        b"code,count,source,date\n25195,a,b,2026-12-05\n",
    );
    assert!(text(&bad.stderr).contains("line 2, count"), "{}", text(&bad.stderr));
    // What is typed is held to what a file is held to.
    for (count, source, date, said) in [
        ("1000001", "x", "2026-12-05", "--count is 1000001; expected a number from 0 to 1000000"),
        ("1", " ", "2026-12-05", "--source is \"\"; expected where it was published"),
        ("1", "x", "2026-10-31", "--date is 2026-10-31, before 2026-11"),
    ] {
        let typed = ["duties", "ispeed-count", "--count", count, "--source", source, "--date", date];
        let output = run(home, &[&typed[..], &here].concat());
        let line = text(&output.stderr);
        assert!(output.status.code() == Some(2) && line.contains(said), "{line}");
    }
    let nowhere = run(home, &["duties", "export", "--month", "2026-11", "--province", "7", "--data", "srv"]);
    assert!(text(&nowhere.stderr).contains("\"7\" is not the code of a province"), "{}", text(&nowhere.stderr));
}
