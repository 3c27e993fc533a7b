//! Closing.

use std::fs;

use ispeed_report::{Level, Metric};

use super::memory::{Memory, Office, bytes_of, memory, month, sample};
use crate::rows::{PublicRow, RowReader};
use crate::{Checks, FigureFile, MonthError, Published, verify};

#[test]
fn closing_again_gives_the_same_bytes_whatever_came_in_since() {
    let (office, mut store) = (Office::new(), memory());
    let first = office.close(&mut store, "first").unwrap();
    assert_eq!((first.published, first.again), (Published::Written, false));
    let files = bytes_of(&office.out("first"));
    for name in
        ["manifest.json", "figures.csv", "samples.parquet", "places.csv", "settings.json", "documents/75/lines.txt"]
    {
        assert!(files.contains_key(name), "{name}: {:?}", files.keys());
    }

    // Late ones: of known chains, and of a chain that began after the close.
    store.samples.push(sample(300, "75", "25195", "new"));
    let mut of_another = sample(301, "75", "25200", "new");
    of_another.receipt_key = "collector-9".into();
    of_another.receipt_sequence = 1;
    store.samples.push(of_another);
    store.samples.reverse();

    let again = office.close(&mut store, "first").unwrap();
    assert_eq!((again.published, again.again), (Published::Unchanged, true));
    let office = Office { dir: tempfile::tempdir().unwrap(), ..office };
    let other = office.close(&mut store, "other").unwrap();
    assert_eq!((other.published, &other.manifest_sha256), (Published::Written, &first.manifest_sha256));
    assert_eq!(bytes_of(&office.out("other")), files);
    assert_eq!(office.names(), ["other"], "nothing else is left");
}

#[test]
fn annexes_leave_the_manifest_as_it_is() {
    let (office, mut store) = (Office::new(), memory());
    let plain = office.close(&mut store, "plain").unwrap();
    let office = Office { sealed: true, communes: true, ..office };
    let full = office.close(&mut store, "full").unwrap();
    assert_eq!(plain.manifest_sha256, full.manifest_sha256);
    let files = bytes_of(&office.out("full"));
    for name in ["sealed/samples.parquet", "sealed/manifest.json", "documents/communes/75/25217.txt"] {
        assert!(files.contains_key(name), "{name}: {:?}", files.keys());
    }
    assert!(matches!(office.close(&mut store, "plain"), Err(MonthError::OutTaken(_))), "it lacks the annexes");
}

fn public_rows(office: &Office, name: &str) -> Vec<PublicRow> {
    RowReader::public(&office.out(name)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn the_public_table_shows_no_more_than_it_may() {
    let (office, mut store) = (Office { sealed: true, ..Office::new() }, memory());
    office.close(&mut store, "m").unwrap();
    let rows = public_rows(&office, "m");
    assert_eq!(rows.len(), store.samples.len());
    let of = |code: &str| rows.iter().filter(|row| row.commune.as_deref() == Some(code)).collect::<Vec<_>>();
    let hidden = |row: &PublicRow| row.device.is_none() && row.hour.is_none() && row.cell.is_none();
    assert!(of("25200").iter().all(|row| hidden(row)), "three devices are too few");
    assert!(rows.iter().filter(|row| row.commune.is_none()).all(hidden), "nowhere is no crowd");
    let open = of("25195");
    assert!(open.iter().all(|row| row.device.is_some() && row.hour.is_some_and(|hour| hour.0 % 3_600_000_000 == 0)));
    // One cell has many devices, every other one has one.
    assert!(open.iter().any(|row| row.cell.is_some()));
    assert!(open.iter().all(|row| row.cell.is_none_or(|cell| cell.column == 58_000)));
    // Order tells nothing: by row number within a commune.
    assert!(open.is_sorted_by(|a, b| a.row < b.row));
    let sealed: Vec<_> = RowReader::sealed(&office.out("m")).unwrap().map(Result::unwrap).collect();
    assert!(
        !sealed
            .iter()
            .filter(|row| row.sample.commune.as_deref() == Some("25195"))
            .is_sorted_by_key(|row| row.sample.id)
    );
    let ids: Vec<&str> = store.samples.iter().map(|s| s.device_id.as_str()).collect();
    assert!(rows.iter().all(|row| row.device.as_deref().is_none_or(|device| !ids.contains(&device))));
    assert!(sealed.iter().zip(&rows).all(|(s, p)| s.row == p.row && p.device.as_ref() != Some(&s.sample.device_id)));
}

#[test]
fn a_month_that_is_not_over_is_refused_or_marked() {
    let (mut office, mut store) = (Office::new(), memory());
    office.now = month().next().start();
    let error = office.close(&mut store, "early").unwrap_err();
    assert!(matches!(error, MonthError::NotOver { .. }) && error.remedy().contains("--provisional"), "{error}");
    assert_eq!(office.names(), [] as [&str; 0]);
    office.provisional = true;
    let closed = office.close(&mut store, "early").unwrap();
    assert!(closed.manifest.provisional && closed.manifest.version == 0);
    assert!(store.records.is_empty(), "not recorded");
    assert!(verify(&office.out("early"), &Checks::default()).unwrap().holds());
}

#[test]
fn an_empty_month_is_an_honest_one() {
    let (office, mut store) = (Office { sealed: true, ..Office::new() }, Memory::default());
    let closed = office.close(&mut store, "empty").unwrap();
    assert_eq!((closed.manifest.inputs.samples, closed.manifest.inputs.as_of), (0, None));
    let mut figures = FigureFile::open(&office.out("empty")).unwrap();
    let of_commune = figures.of(Level::Commune, "25195").unwrap();
    let value = |metric| of_commune.iter().find(|f| f.metric == metric).and_then(|f| f.value).map(|v| v.to_string());
    assert_eq!(value(Metric::Missing).as_deref(), Some("300"));
    assert_eq!(value(Metric::Counted).as_deref(), Some("0"));
    assert_eq!(value(Metric::DownMean), None, "not measured is not zero");
    let report = verify(&office.out("empty"), &Checks { sealed: true, ..Checks::default() }).unwrap();
    assert!(report.holds(), "{:?}", report.refused);
}

#[test]
fn whatever_fails_nothing_half_written_stays() {
    let (office, mut store) = (Office::new(), memory());
    store.fails_at_row = Some(10);
    let error = office.close(&mut store, "m").unwrap_err();
    assert!(error.to_string().contains("it went away") && matches!(error, MonthError::Store(_)), "{error}");
    assert!(office.names().is_empty() && store.records.is_empty(), "{:?}", office.names());
    store.fails_at_row = None;

    store.refuses_records = true;
    assert!(matches!(office.close(&mut store, "m"), Err(MonthError::Raced { .. })));
    assert!(office.names().is_empty());
    store.refuses_records = false;

    let file = office.out("file");
    fs::write(&file, b"x").unwrap();
    let within = office.close(&mut store, "file/m").unwrap_err();
    assert!(within.to_string().contains("file"), "{within}");
    assert!(matches!(office.close(&mut store, "file"), Err(MonthError::OutTaken(_))));
    fs::create_dir(office.out("other")).unwrap();
    fs::write(office.out("other/thesis.txt"), b"x").unwrap();
    assert!(matches!(office.close(&mut store, "other"), Err(MonthError::OutTaken(_))));
    let closed = store.records.keys().filter(|(kind, _)| kind == crate::CLOSED_KIND);
    assert_eq!(closed.count(), 0, "refused before anything was recorded");
}

#[test]
fn other_inputs_are_named() {
    let (mut office, mut store) = (Office::new(), memory());
    office.close(&mut store, "m").unwrap();
    let case = |office: &Office, store: &mut Memory, named: &str| {
        let error = office.close(store, "n").unwrap_err();
        assert!(matches!(error, MonthError::OtherInput { .. }) && error.to_string().contains(named), "{error}");
    };
    office.settings.quota = 100;
    case(&office, &mut store, "settings");
    office.settings.quota = 300;
    office.key = ispeed_protocol::signing::SecretKey::from_bytes(&[8; 32]);
    case(&office, &mut store, "a key");
    office.key = super::memory::key();
    office.places.pop();
    case(&office, &mut store, "communes");
    assert_eq!(office.names(), ["m"]);
}

#[test]
fn a_province_is_closed_apart_and_months_are_chained() {
    let (office, mut store) = (Office { scope: "75", ..Office::new() }, memory());
    let nation = Office { ..Office::new() };
    nation.close(&mut store, "vn").unwrap();
    let first = office.close(&mut store, "oct").unwrap();
    assert_eq!(first.manifest.previous, None, "the nation's chain is another one");
    let codes: Vec<String> =
        FigureFile::open(&office.out("oct")).unwrap().places().map(|(_, code)| code.to_owned()).collect();
    assert_eq!(codes, ["75", "25195", "25200", "25217"]);

    let mut november = memory();
    for sample in &mut november.samples {
        let shift = month().end().0 - month().start().0;
        sample.started_at.0 += shift;
        sample.received_at.0 += shift;
        sample.id = uuid::Uuid::from_u128(sample.id.as_u128() + 1_000_000);
        sample.receipt_sequence += 1_000;
    }
    store.samples.append(&mut november.samples);
    let office = Office { month: month().next(), now: month().next().next().end(), ..office };
    let second = office.close(&mut store, "nov").unwrap();
    assert_eq!(second.manifest.previous.as_ref(), Some(&first.manifest_sha256));
    assert_eq!(second.manifest.history.get(&month()), Some(&first.manifest_sha256));
    let mut figures = FigureFile::open(&office.out("nov")).unwrap();
    let change = figures.of(Level::Commune, "25195").unwrap().into_iter().find(|f| f.metric == Metric::DownMeanChange);
    assert_eq!(change.unwrap().value.map(|v| v.to_string()).as_deref(), Some("0.0"), "the same speeds as a month ago");
    let previous = office.out("oct");
    let report = verify(&office.out("nov"), &Checks { previous: Some(&previous), ..Checks::default() }).unwrap();
    assert!(report.holds() && report.proven.iter().any(|text| text.contains("follows month 2026-10")), "{report:?}");
    let wrong = nation.out("vn");
    let report = verify(&office.out("nov"), &Checks { previous: Some(&wrong), ..Checks::default() }).unwrap();
    assert!(report.refused.iter().any(|text| text.contains("does not follow")), "{report:?}");
}
