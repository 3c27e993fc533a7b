//! Deletions and revisions.

use std::fs;

use super::memory::{Memory, Office, memory, sample};
use crate::{Checks, MonthError, Published, verify};

/// A device of a large commune and one of a masked commune are deleted, a sample comes late, another is judged anew.
fn changed(store: &mut Memory) -> u64 {
    let of = |device: &str| sample(1, "", "", device).device_id;
    let before = store.samples.len();
    store.samples.retain(|s| s.device_id != of("a1") && s.device_id != of("b0"));
    (before - store.samples.len()) as u64
}

#[test]
fn a_deletion_is_told_and_the_published_folder_still_holds() {
    let (office, mut store) = (Office::new(), memory());
    office.close(&mut store, "v1").unwrap();
    let gone = changed(&mut store);
    assert!(gone > 10);
    let error = office.close(&mut store, "again").unwrap_err();
    assert!(matches!(error, MonthError::Deleted { missing, .. } if missing == gone), "{error}");
    assert!(error.to_string().contains(&format!("{gone} of the 220")) && error.remedy().contains("month revise"));
    assert_eq!(office.names(), ["v1"]);
    assert!(verify(&office.out("v1"), &Checks::default()).unwrap().holds());

    let mut store = memory();
    office.close(&mut store, "v1").unwrap();
    store.samples[0].counts = !store.samples[0].counts;
    assert!(matches!(office.close(&mut store, "again"), Err(MonthError::Changed { .. })));
}

#[test]
fn a_revision_lists_what_differs() {
    let (mut office, mut store) = (Office::new(), memory());
    assert!(matches!(office.revise(&mut store, "v2"), Err(MonthError::NeverClosed { .. })));
    let first = office.close(&mut store, "v1").unwrap();
    let gone = changed(&mut store);
    let mut late = sample(401, "75", "25217", "late");
    late.received_at = super::memory::month().next().end();
    late.counts = false;
    late.reasons = vec!["late".into()];
    store.samples.push(late);
    let judged = store.samples.iter_mut().find(|s| s.counts && s.commune.as_deref() == Some("26000")).unwrap();
    judged.counts = false;
    judged.reasons = vec!["vpn".into()];

    assert!(matches!(office.revise(&mut store, "v2"), Err(MonthError::NeedsPrevious { .. })));
    office.previous = Some(office.out("v1"));
    let second = office.revise(&mut store, "v2").unwrap();
    assert_eq!((second.manifest.version, &second.manifest.revises), (2, &Some(first.manifest_sha256)));
    let text = fs::read_to_string(office.out("v2/differences.csv")).unwrap();
    assert_eq!(text.lines().count() as u64, second.differences.unwrap() + 1);
    let count = |start: &str| text.lines().filter(|line| line.starts_with(start)).count() as u64;
    let (listed, hidden) = (count("sample_removed,commune,25195,"), count("samples_removed,commune,25200,,,,"));
    assert!(listed > 0 && hidden == 1, "{text}");
    let hidden: u64 =
        text.lines().find(|l| l.starts_with("samples_removed,")).unwrap().split(',').nth(6).unwrap().parse().unwrap();
    assert_eq!(listed + hidden, gone);
    assert_eq!(count("sample_removed,commune,25200,"), 0, "they would be one person's");
    assert!(text.contains(",late,came in after the cut-off"), "{text}");
    assert!(text.contains(",counts,vpn,judged otherwise"));
    assert!(
        count("figure,commune,25195,all,all,down_mean_mbps,") == 1
            && count("figure,nation,VN,all,all,samples_count,") == 1
    );
    assert!(text.contains("samples: 0 added; 0 removed; 1 judged otherwise"));
    assert!(!text.contains(&store.samples[0].id.to_string()));

    // Version 2 is made again too, and is the one that stands.
    let again = office.close(&mut store, "v2").unwrap();
    assert_eq!((again.published, again.manifest_sha256), (Published::Unchanged, second.manifest_sha256));
    let previous = office.out("v1");
    let report = verify(&office.out("v2"), &Checks { previous: Some(&previous), ..Checks::default() }).unwrap();
    assert!(
        report.holds() && report.proven.iter().any(|text| text.contains("revises month 2026-10 version 1")),
        "{report:?}"
    );
    let error = office.revise(&mut store, "v3").unwrap_err();
    assert!(matches!(error, MonthError::OtherFolder { .. }) && error.to_string().contains("version 2"), "{error}");
}
