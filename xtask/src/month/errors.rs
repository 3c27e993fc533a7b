//! What goes wrong: each one clear line or an honest document, and nothing half-written.

use std::path::Path;

use super::postgres::Postgres;
use super::relay;
use super::stage::{Stage, Store};
use super::{Check, Checks, MONTH};
use crate::server::free_port;

/// Enough for opening the database, too little for a month.
const CUT_AFTER_BYTES: u64 = 192 * 1024;

/// All of them.
pub(super) fn all(stage: &Stage, postgres: &Postgres, sqlite: &Store, postgresql: &Store, area: &[&str]) -> Vec<Check> {
    let mut checks = Checks::default();
    let out = |name: &str| stage.dir.join(format!("out-{name}"));
    checks.of("a bad template is one clear error", || bad_template(stage, sqlite, &out("template"), area));
    checks.of("a month that is none is one clear error", || {
        let words = swap(stage.close_words(sqlite, &out("month"), area), MONTH, "2026-13");
        let finished = stage.run(&words);
        let said = finished.lines.join(" ");
        let clear = finished.code == Some(2) && said.contains("2026-13");
        if clear { untouched(&out("month")) } else { Err(format!("{} {said}", finished.why())) }
    });
    checks.of("a month that is not over is one clear error", || {
        let words = swap(stage.close_words(sqlite, &out("future"), area), MONTH, "2199-11");
        stage.refuses(&words, 1, &["2199-11"])?;
        untouched(&out("future"))
    });
    checks.of("an empty month is one clear error or an honest document", || {
        let words = swap(stage.close_words(sqlite, &out("empty"), area), MONTH, "2026-03");
        error_or_whole(stage, &words, &out("empty"))
    });
    checks.of("a folder in the way is one clear error", || {
        let taken = out("taken");
        std::fs::create_dir_all(&taken).map_err(|error| error.to_string())?;
        std::fs::write(taken.join("mine.txt"), "mine").map_err(|error| error.to_string())?;
        stage.refuses(&stage.close_words(sqlite, &taken, area), 1, &["out-taken"])?;
        let files = crate::walk::files(&taken)?;
        if files.len() == 1 { Ok(()) } else { Err(format!("{} files in it", files.len())) }
    });
    checks.of("a closed month with other inputs is one clear error", || {
        closed_with_others(stage, sqlite, &out("others"), area)
    });
    checks.of("a boundary table that is damaged is one clear error", || {
        damaged_bundle(stage, sqlite, &out("bundle"), area)
    });
    checks.of("without a boundary table it is one clear error or an honest document", || {
        let bare = Store { data: stage.dir.join("bare"), database: postgresql.database.clone() };
        copy(&postgresql.data.join("receipt.key"), &bare.data)?;
        error_or_whole(stage, &stage.close_words(&bare, &out("bare"), area), &out("bare"))
    });
    checks.of("a database that does not answer is one clear error", || {
        let address = postgres.address(free_port()?, "month");
        let gone = Store { data: postgresql.data.clone(), database: Some(address) };
        stage.refuses(&stage.close_words(&gone, &out("gone"), area), 1, &["ispeed:"])?;
        untouched(&out("gone"))
    });
    checks.of("a database that goes away in the middle is one clear error", || {
        let address = postgres.address(relay::cut_after(postgres.port, CUT_AFTER_BYTES)?, "month");
        let cut = Store { data: postgresql.data.clone(), database: Some(address) };
        stage.refuses(&stage.close_words(&cut, &out("cut"), area), 1, &["ispeed:"])?;
        untouched(&out("cut"))
    });
    checks.list
}

/// Made-up samples do not go where others are, and a month is made once.
pub(super) fn synth_is_kept_apart(stage: &Stage, store: &Store) -> Result<(), String> {
    let words = |month: &str, seed: &str| {
        let data = store.data.display().to_string();
        ["admin", "synth", "--month", month, "--samples", "10", "--seed", seed, "--data", &data].map(str::to_owned)
    };
    stage.refuses(&words(MONTH, "1"), 1, &[MONTH, "already"])?;
    stage
        .refuses(&words("2026-13", "1"), 2, &[])
        .or_else(|why| if why.contains("expected one line") { Ok(()) } else { Err(why) })
}

fn bad_template(stage: &Stage, store: &Store, out: &Path, area: &[&str]) -> Result<(), String> {
    let template = stage.dir.join("bad-template.toml");
    std::fs::write(&template, "this is = [no template\n").map_err(|error| error.to_string())?;
    let path = template.display().to_string();
    let words = stage.close_words(store, out, &[area, &["--template", &path]].concat());
    // Which exit code it is, own failure or usage, is the program's to say.
    let finished = stage.run(&words);
    let said = finished.lines.join(" ");
    if matches!(finished.code, Some(1 | 2)) && said.contains("bad-template") && finished.lines.len() == 1 {
        return untouched(out);
    }
    Err(format!("{} {said}", finished.why()))
}

fn closed_with_others(stage: &Stage, store: &Store, out: &Path, area: &[&str]) -> Result<(), String> {
    let settings = stage.dir.join("other-settings.json");
    std::fs::write(&settings, "{\"quota\": 200}\n").map_err(|error| error.to_string())?;
    let path = settings.display().to_string();
    stage.refuses(&stage.close_words(store, out, &[area, &["--settings", &path]].concat()), 1, &["closed"])?;
    untouched(out)
}

fn damaged_bundle(stage: &Stage, store: &Store, out: &Path, area: &[&str]) -> Result<(), String> {
    let data = stage.dir.join("damaged");
    copy(&store.data.join("receipt.key"), &data)?;
    copy(&store.data.join("ispeed.sqlite"), &data)?;
    std::fs::write(data.join("communes.bundle"), b"no bundle").map_err(|error| error.to_string())?;
    let damaged = Store { data, database: None };
    stage.refuses(&stage.close_words(&damaged, out, area), 1, &["communes.bundle"])?;
    untouched(out)
}

fn error_or_whole(stage: &Stage, words: &[String], out: &Path) -> Result<(), String> {
    let finished = stage.run(words);
    if finished.ok {
        let whole = out.join("manifest.json").is_file();
        return if whole { Ok(()) } else { Err("it says done and left no manifest".to_owned()) };
    }
    let lines = finished.lines.len();
    if finished.code != Some(1) || lines != 1 {
        return Err(format!("expected one line and exit code 1, got {lines} lines, {}", finished.why()));
    }
    untouched(out)
}

/// Nothing was left at or beside the folder that was to be written.
fn untouched(out: &Path) -> Result<(), String> {
    let name = out.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let beside = std::fs::read_dir(out.parent().unwrap_or(out)).map_err(|error| error.to_string())?;
    let left: Vec<String> = beside
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|found| found.contains(&name))
        .collect();
    if left.is_empty() { Ok(()) } else { Err(format!("left behind: {left:?}")) }
}

fn copy(file: &Path, folder: &Path) -> Result<(), String> {
    let name = file.file_name().unwrap_or_default();
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    std::fs::copy(file, folder.join(name)).map(drop).map_err(|error| format!("{}: {error}", file.display()))
}

fn swap(words: Vec<String>, from: &str, to: &str) -> Vec<String> {
    words.into_iter().map(|word| if word == from { to.to_owned() } else { word }).collect()
}
