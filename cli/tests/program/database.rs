//! Every command that opens a store names its database alike: --database, else $ISPEED_DATABASE.

use crate::{ispeed, run, stdout_of, text};

const UNREACHED: &str = "check that the database runs";

/// Of every command that opens a store, and its words beside --data and --database.
const COMMANDS: [&[&str]; 13] = [
    &["serve", "--listen", "127.0.0.1:0"],
    &["plan", "--commune", "25195"],
    &["campaign", "list"],
    &["campaign", "create", "--title", "x", "--commune", "25195", "--from", "2026-11-01", "--to", "2026-11-30"],
    &["campaign", "pairs", "dot-1"],
    &["duties", "show", "--commune", "25195", "--month", "2026-11"],
    &["month", "status"],
    &["month", "close", "--month", "2026-01", "--province", "75", "--out", "closed"],
    &["month", "revise", "--month", "2026-01", "--province", "75", "--out", "closed"],
    &["admin", "synth", "--month", "2026-10", "--samples", "1", "--province", "75"],
    &["admin", "parquet", "--month", "2026-10", "--out", "raw"],
    &["admin", "export", "--out", "x"],
    &["admin", "import", "archive"],
];

#[test]
fn all_commands_go_by_the_named_database_and_else_by_that_of_the_environment() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    stdout_of(&run(home, &["server-key"]));
    std::fs::write(home.join("archive"), b"").unwrap();
    for command in COMMANDS {
        let line = |more: &[&str], of_environment: &str| {
            let output = ispeed(home).env("ISPEED_DATABASE", of_environment).args(command).args(more).output().unwrap();
            assert!(!output.status.success(), "{command:?} {more:?}");
            text(&output.stderr)
        };
        // Nothing listens on the first ports of this machine.
        let environment = line(&[], "postgres://127.0.0.1:1/none");
        assert!(environment.contains("127.0.0.1:1") && environment.contains(UNREACHED), "{command:?}: {environment}");
        let named = line(&["--database", "postgres://127.0.0.1:2/none"], "postgres://127.0.0.1:1/none");
        assert!(named.contains("127.0.0.1:2") && named.contains(UNREACHED), "{command:?}: {named}");
    }
}

#[test]
fn an_empty_variable_names_no_database_and_a_folder_is_no_database_of_the_environment() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let line = |args: &[&str], of_environment: &str| {
        text(&ispeed(home).env("ISPEED_DATABASE", of_environment).args(args).output().unwrap().stderr)
    };
    let absent = line(&["campaign", "list", "--data", "d"], "");
    assert!(absent.contains("ispeed.sqlite is not there") && !home.join("d").exists(), "{absent}");
    // Moving a store: the folder that is named is meant, whatever the environment says.
    let moved = line(&["admin", "export", "--data", "d", "--out", "x"], "postgres://127.0.0.1:1/none");
    assert!(moved.contains("ispeed.sqlite is not there") && !moved.contains("127.0.0.1"), "{moved}");
}

#[test]
fn a_campaign_is_signed_with_the_collector_s_key_and_never_with_a_new_one() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let create = ["campaign", "create", "--code", "dot-1", "--title", "x", "--commune", "25195", "--data", "d"];
    stdout_of(&run(home, &[&create[..], &["--from", "2026-11-01", "--to", "2026-11-30"]].concat()));
    for command in [&["campaign", "pack", "dot-1"][..], &["campaign", "qr", "dot-1"]] {
        let output = run(home, &[command, &["--data", "d"]].concat());
        let line = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{line}");
        assert!(line.contains("receipt.key is not there") && line.contains("--data"), "{line}");
        assert!(!home.join("d").join("receipt.key").exists());
    }
}
