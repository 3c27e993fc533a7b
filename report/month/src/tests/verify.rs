//! Checking: everything that is tampered with is named.

use std::fs;
use std::path::Path;

use ispeed_protocol::signing::{SecretKey, canonical_json};

use super::memory::{Office, key, memory};
use crate::manifest::{self, Annex, MANIFEST_FILE, Manifest};
use crate::rows::{PublicRow, RowReader, RowWriter};
use crate::{Checks, Report, staging, verify};

fn closed() -> Office {
    let office = Office { sealed: true, communes: true, ..Office::new() };
    office.close(&mut memory(), "m").unwrap();
    office
}

fn checked(office: &Office) -> Report {
    verify(&office.out("m"), &Checks { trusted: &[key().public()], sealed: true, previous: None }).unwrap()
}

fn names(report: &Report, text: &str) -> bool {
    report.refused.iter().any(|refused| refused.contains(text))
}

/// As somebody with a key would who changes the folder and signs it anew.
fn sign_again(folder: &Path, key: &SecretKey) {
    let (mut manifest, _) = manifest::read::<Manifest>(folder, MANIFEST_FILE).unwrap();
    for note in &mut manifest.files {
        *note = staging::note(folder, note.path.clone()).unwrap();
    }
    let manifest = manifest.sign(key).unwrap();
    fs::write(folder.join(MANIFEST_FILE), manifest.bytes().unwrap()).unwrap();
    for annex_file in ["sealed/manifest.json", "documents/communes/manifest.json"] {
        let (mut annex, _) = manifest::read::<Annex>(folder, annex_file).unwrap();
        annex.of = ispeed_protocol::signing::sha256_hex(&manifest.bytes().unwrap());
        for note in &mut annex.files {
            *note = staging::note(folder, note.path.clone()).unwrap();
        }
        fs::write(folder.join(annex_file), canonical_json(&annex.sign(key).unwrap()).unwrap()).unwrap();
    }
}

#[test]
fn what_was_closed_holds_in_the_open_and_sealed() {
    let office = closed();
    let report = checked(&office);
    assert!(report.holds(), "{:#?}", report.refused);
    assert!(report.public_figures > 500 && report.figures > report.public_figures, "{report:?}");
    let other = SecretKey::from_bytes(&[9; 32]).public();
    let report = verify(&office.out("m"), &Checks { trusted: &[other], ..Checks::default() }).unwrap();
    assert!(names(&report, "not a key you trust"), "{report:?}");
    // Without the annexes it still holds.
    fs::remove_dir_all(office.out("m/sealed")).unwrap();
    fs::remove_dir_all(office.out("m/documents/communes")).unwrap();
    assert!(verify(&office.out("m"), &Checks::default()).unwrap().holds());
    assert!(names(&checked(&office), "no sealed table"));
}

#[test]
fn a_changed_figure_is_named_even_when_it_is_signed_anew() {
    let office = closed();
    let path = office.out("m/figures.csv");
    let text = fs::read_to_string(&path).unwrap();
    let line = text.lines().find(|line| line.starts_with("commune,25195,viettel,4g,down_mean_mbps,")).unwrap();
    let stated = line.split(',').nth(5).unwrap();
    fs::write(&path, text.replace(line, &line.replacen(stated, "99.99", 1))).unwrap();
    let report = checked(&office);
    assert!(names(&report, "figures.csv: its SHA-256"), "{report:?}");
    sign_again(&office.out("m"), &key());
    let report = checked(&office);
    assert!(!names(&report, "its SHA-256"), "{report:?}");
    let expected = "25195 viettel 4g down_mean_mbps is the first figure that differs: stated (99.99,";
    assert!(names(&report, expected) && names(&report, &format!("recomputed ({stated},")), "{:#?}", report.refused);

    // A figure that is left out, and one that is not public, are found too: the latter only in the sealed table.
    fs::write(&path, text.replace(&format!("{line}\n"), "")).unwrap();
    sign_again(&office.out("m"), &key());
    assert!(names(
        &checked(&office),
        "25195 viettel 4g down_mean_mbps is the first figure that differs: stated nothing"
    ));
    let line = text.lines().find(|line| line.starts_with("commune,25195,all,all,cells_count,")).unwrap();
    let fields: Vec<&str> = line.split(',').collect();
    let more = line.replacen(&format!("cells_count,{},", fields[5]), "cells_count,77,", 1);
    fs::write(&path, text.replace(line, &more)).unwrap();
    sign_again(&office.out("m"), &key());
    assert!(verify(&office.out("m"), &Checks::default()).unwrap().holds(), "nobody outside can tell");
    assert!(names(&checked(&office), "25195 all all cells_count is the first figure that differs"));
}

#[test]
fn a_changed_file_or_manifest_is_named() {
    let office = closed();
    let m = office.out("m");
    let manifest = fs::read_to_string(m.join(MANIFEST_FILE)).unwrap();
    fs::write(m.join(MANIFEST_FILE), manifest.replace("\"samples\":220", "\"samples\":221")).unwrap();
    let report = checked(&office);
    assert!(
        names(&report, "manifest.json: the signature does not match") && names(&report, "220 samples"),
        "{report:?}"
    );
    fs::write(m.join(MANIFEST_FILE), manifest.replace("{", "{ ")).unwrap();
    assert!(verify(&m, &Checks::default()).unwrap_err().to_string().contains("manifest.json"));
    fs::write(m.join(MANIFEST_FILE), &manifest).unwrap();

    let documents = m.join("documents/75/lines.txt");
    let text = fs::read(&documents).unwrap();
    fs::write(&documents, b"other").unwrap();
    assert!(names(&checked(&office), "documents/75/lines.txt: its SHA-256"));
    fs::remove_file(&documents).unwrap();
    assert!(names(&checked(&office), "documents/75/lines.txt: it is in the manifest and not"));
    fs::write(&documents, text).unwrap();
    fs::write(m.join("extra.csv"), b"x").unwrap();
    assert!(names(&checked(&office), "extra.csv: it is in the folder and not"));
    fs::remove_file(m.join("extra.csv")).unwrap();

    let samples = m.join("samples.parquet");
    let mut bytes = fs::read(&samples).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&samples, &bytes).unwrap();
    assert!(names(&checked(&office), "samples.parquet: its SHA-256"));
    bytes.truncate(middle);
    fs::write(&samples, &bytes).unwrap();
    assert!(!checked(&office).holds(), "a broken file is no panic");
}

fn rewrite(office: &Office, change: impl Fn(usize, &mut PublicRow)) {
    let m = office.out("m");
    let rows: Vec<PublicRow> = RowReader::public(&m).unwrap().map(Result::unwrap).collect();
    let mut writer = RowWriter::public(&m).unwrap();
    for (n, mut row) in rows.into_iter().enumerate() {
        change(n, &mut row);
        writer.write_public(&row).unwrap();
    }
    writer.finish().unwrap();
    sign_again(&m, &key());
}

#[test]
fn a_changed_sample_is_found_by_its_figures_or_by_the_sealed_table() {
    let office = closed();
    rewrite(&office, |n, row| {
        if n == 100 {
            row.facts.down_bps = row.facts.down_bps.map(|bps| bps * 3.0).or(Some(1e9));
        }
    });
    let report = checked(&office);
    assert!(names(&report, "is the first figure that differs") && names(&report, "does not show what"), "{report:#?}");

    let office = closed();
    rewrite(&office, |_, row| {
        if row.commune.as_deref() == Some("25200") {
            row.device = Some("00000000000000aa".into());
        }
    });
    assert!(names(&checked(&office), "25200: shows numbers of 1 devices; expected at least 5"));
}

/// A month in which one device has so many more counted samples on one day in one commune.
fn with_busy_device(samples: u64) -> Office {
    let mut store = memory();
    let first = super::memory::sample(10_000, "75", "25195", "busy");
    store.samples.extend((0..samples).map(|n| {
        let sample = super::memory::sample(10_000 + n, "75", "25195", "busy");
        let started_at = first.started_at.plus_micros(n as i64);
        ispeed_report::MonthSample { started_at, counts: true, reasons: Vec::new(), ..sample }
    }));
    let office = Office { sealed: true, communes: true, ..Office::new() };
    office.close(&mut store, "m").unwrap();
    office
}

#[test]
fn more_than_a_collector_may_count_of_a_device_is_refused_and_more_than_usual_is_told() {
    let told = |report: &Report| report.not_proven.iter().any(|text| text.contains("counted samples in commune 25195"));
    for (samples, tells, refuses) in [(20, false, false), (21, true, false), (101, false, true)] {
        let report = checked(&with_busy_device(samples));
        let refused = names(&report, &format!("has {samples} counted samples in commune 25195 on 2026-10-"));
        assert_eq!((told(&report), refused), (tells, refuses), "{samples}: {report:#?}");
        assert_eq!(report.holds(), !refuses, "{:?}", report.refused);
    }
}
