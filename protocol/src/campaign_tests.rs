use super::*;

fn campaign() -> Campaign {
    Campaign {
        v: 1,
        code: "dong-nai-2026-11".into(),
        title: "Đợt đo tháng 11, thành phố Đồng Nai".into(),
        communes: vec!["25195".into(), "25198".into()],
        quotas: vec![OperatorQuota { operator: "mobifone".into(), samples: 100 }],
        starts_on: "2026-11-10".parse().unwrap(),
        ends_on: "2026-11-25".parse().unwrap(),
        roles: vec!["TO-01".into()],
        closed: false,
    }
}

fn key() -> SecretKey {
    SecretKey::from_bytes(&[3; 32])
}

#[test]
fn a_join_text_is_trusted_offline_and_any_changed_letter_is_refused() {
    let join = Join::of(&campaign(), Some("https://ispeed.example.vn".into()), Some("TO-01".into()));
    let text = join.text(&key()).unwrap();
    let read = Join::read(&text, &[key().public()]).unwrap();
    assert_eq!((read.code.as_str(), read.communes.len(), read.role.as_deref()), ("dong-nai-2026-11", 2, Some("TO-01")));
    assert_eq!(Join::read(&text, &[]).unwrap(), read);
    let other = SecretKey::from_bytes(&[4; 32]).public();
    assert!(matches!(Join::read(&text, &[other]), Err(CampaignError::UntrustedKey(_))));
    for at in 0..text.len() {
        let mut changed = text.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert!(Join::read(&changed, &[key().public()]).is_err(), "letter {at}");
    }
    for wrong in ["", "ispeed:campaign:", "ispeed:campaign:e30.AA", "https://example.vn"] {
        assert!(Join::read(wrong, &[]).is_err(), "{wrong}");
    }
}

#[test]
fn a_large_campaign_still_fits_a_code() {
    let communes = (0..168).map(|n| format!("{:05}", 26_000 + n)).collect();
    let large = Campaign { communes, title: "Đ".repeat(TITLE_MAX_CHARS), ..campaign() };
    assert_eq!(large.wrong(), Vec::<String>::new());
    let text = Join::of(&large, Some("https://ispeed.example.vn".into()), None).text(&key()).unwrap();
    assert!(Join::read(&text, &[]).unwrap().communes.is_empty(), "asked of the collector");
    let long = Join::of(&large, Some(format!("https://{}.vn", "x".repeat(900))), None);
    assert!(matches!(long.text(&key()), Err(CampaignError::TooLong(_))));
}

#[test]
fn what_is_wrong_is_named_with_its_value() {
    assert_eq!(campaign().wrong(), Vec::<String>::new());
    let quota = |operator: &str, samples| vec![OperatorQuota { operator: operator.into(), samples }];
    let cases: Vec<(&str, Campaign)> = vec![
        ("code is \"Đồng Nai\"", Campaign { code: "Đồng Nai".into(), ..campaign() }),
        ("title is \"\"", Campaign { title: String::new(), ..campaign() }),
        ("communes is \"0\"", Campaign { communes: vec![], ..campaign() }),
        ("communes is \"2519\"", Campaign { communes: vec!["2519".into()], ..campaign() }),
        ("communes is \"25195 25195\"", Campaign { communes: vec!["25195".into(); 2], ..campaign() }),
        ("quotas is \"itel\"", Campaign { quotas: quota("itel", 3), ..campaign() }),
        ("quotas is \"0\"", Campaign { quotas: quota("viettel", 0), ..campaign() }),
        ("ends_on is \"2026-11-09\"", Campaign { ends_on: "2026-11-09".parse().unwrap(), ..campaign() }),
        ("roles is \"Nguyễn Văn A\"", Campaign { roles: vec!["Nguyễn Văn A".into()], ..campaign() }),
    ];
    for (expected, wrong) in cases {
        let found = wrong.wrong();
        assert!(found.iter().any(|text| text.starts_with(expected)), "{expected}: {found:?}");
    }
}

#[test]
fn quotas_of_a_campaign_and_the_thirty_of_one_without() {
    assert_eq!((campaign().wanted("mobifone"), campaign().wanted("viettel")), (Some(100), None));
    let plain = Campaign { quotas: vec![], ..campaign() };
    assert_eq!((plain.wanted("viettel"), plain.wanted("other")), (Some(30), None));
    assert!(plain.covers("2026-11-10".parse().unwrap()) && plain.covers("2026-11-25".parse().unwrap()));
    assert!(!plain.covers("2026-11-26".parse().unwrap()));
}

#[test]
fn a_pack_holds_until_its_time_and_not_when_a_member_was_changed() {
    let month: Month = "2026-11".parse().unwrap();
    let pack = PlanPack {
        v: 1,
        collector: "test".into(),
        campaign: Some(campaign()),
        month,
        made_at: month.start(),
        valid_until: month.start().plus_micros(86_400_000_000),
        calendar: PlanCalendar::of(month, 8, month.start()),
        spacing: Spacing { seconds: 120, metres: 200, per_day: 20 },
        boundaries: None,
        communes: Vec::new(),
        key: String::new(),
        signature: String::new(),
    }
    .sign(&key())
    .unwrap();
    let json = serde_json::to_string(&pack).unwrap();
    let read: PlanPack = serde_json::from_str(&json).unwrap();
    assert_eq!(read.verify(&[key().public()], month.start()), Ok(()));
    assert!(matches!(read.verify(&[], read.valid_until), Err(CampaignError::Outdated(_))));
    let other = SecretKey::from_bytes(&[4; 32]).public();
    assert!(matches!(read.verify(&[other], month.start()), Err(CampaignError::UntrustedKey(_))));
    let changed: PlanPack = serde_json::from_str(&json.replace("\"metres\":200", "\"metres\":0")).unwrap();
    assert!(matches!(changed.verify(&[], month.start()), Err(CampaignError::Signature(_))));
}
