use ispeed_commune::cell;
use ispeed_protocol::campaign::OperatorQuota;
use ispeed_verdict::limits::SPACING;

use super::super::fixtures::sample;
use super::*;

fn name(code: &str) -> CommuneName {
    CommuneName {
        code: code.into(),
        name: format!("Phường {code}"),
        province_code: "75".into(),
        province: "Thành phố Đồng Nai".into(),
        area_km2: None,
        rank: 0,
    }
}

fn question() -> Question {
    Question {
        month: "2026-11".parse().unwrap(),
        now: "2026-11-29T18:00:00Z".parse().unwrap(),
        cutoff_day: 8,
        spacing: SPACING,
        point: None,
        campaign: None,
        communes: 10,
        cells: 5,
        public: false,
        table: Some("t@2026-04-30#0".into()),
    }
}

/// A board with so many samples of each of the four operators, in no cell.
fn board(viettel: u32, vinaphone: u32, mobifone: u32, vietnamobile: u32) -> Board {
    let counts =
        [("viettel", viettel), ("vinaphone", vinaphone), ("mobifone", mobifone), ("vietnamobile", vietnamobile)];
    let samples: Vec<_> = counts
        .iter()
        .flat_map(|(operator, n)| (0..*n).map(move |i| (operator, i)))
        .map(|(operator, i)| {
            let mut one = sample(u128::from(i), (i % 5) as u8);
            one.operator = (*operator).to_owned();
            one.campaign = (i < 10).then(|| "dot-1".to_owned());
            one
        })
        .collect();
    Board::of(&samples)
}

fn candidate(commune: &CommuneName, board: &Board, distance_m: Option<f64>) -> Candidate {
    let (commune, board) = (commune.clone(), Arc::new(board.clone()));
    Candidate { commune, asked: distance_m == Some(0.0), distance_m, board }
}

/// A collector without borders.
fn no_borders(_: &str) -> Cells {
    None
}

#[test]
fn for_a_point_the_nearest_short_commune_is_first_and_reached_ones_are_left_out() {
    let (near, far, reached, here) = (name("1"), name("2"), name("3"), name("4"));
    let (little, full) = (board(10, 10, 10, 0), board(100, 100, 70, 30));
    let plan = plan(
        &question(),
        vec![
            candidate(&far, &little, Some(4_000.4)),
            candidate(&reached, &full, Some(100.0)),
            candidate(&near, &little, Some(804.0)),
            candidate(&here, &full, Some(0.0)),
        ],
        no_borders,
    );
    let codes: Vec<_> = plan.communes.iter().map(|c| (c.code.as_str(), c.distance_m, c.progress.missing)).collect();
    assert_eq!(codes, [("4", Some(0), 0), ("1", Some(800), 270), ("2", Some(4_000), 270)]);
    assert_eq!(plan.here.as_deref(), Some("4"), "the own commune is told though it has its 300");
    let next = plan.next.unwrap();
    assert_eq!((next.commune.as_str(), next.missing, next.operator.as_deref()), ("1", 270, Some("vietnamobile")));
    assert_eq!(plan.calendar.days_left, 1);
    assert_eq!(plan.calendar.upload_until.to_string(), "2026-12-08T17:00:00.000000Z");
    assert_eq!(plan.calendar.report_by.to_string(), "2026-12-09");
}

#[test]
fn without_a_point_the_one_with_most_missing_is_first_and_the_rest_is_counted() {
    let names: Vec<CommuneName> = (0..5).map(|n| name(&n.to_string())).collect();
    let boards: Vec<Board> = (0..5).map(|n| board(n * 60, 0, 0, 0)).collect();
    let candidates = names.iter().zip(&boards).map(|(name, board)| candidate(name, board, None)).collect();
    let plan = plan(&Question { communes: 2, ..question() }, candidates, no_borders);
    let codes: Vec<_> = plan.communes.iter().map(|c| (c.code.as_str(), c.progress.missing)).collect();
    assert_eq!(codes, [("0", 300), ("1", 240)]);
    assert_eq!((plan.left_off, plan.here), (3, None));
}

#[test]
fn an_operator_is_under_sampled_below_thirty_and_the_worst_is_first() {
    let commune = name("1");
    let board = board(200, 29, 5, 30);
    let plan = commune_plan(&question(), &candidate(&commune, &board, None), None);
    let under: Vec<_> = plan.under_sampled.iter().map(|o| (o.operator.as_str(), o.counted, o.missing)).collect();
    assert_eq!(under, [("mobifone", 5, 25), ("vinaphone", 29, 1)]);
    assert_eq!(plan.groups.len(), 4);
    assert_eq!((plan.cells_total, plan.cells_unmeasured), (None, None), "no borders: nothing is said of cells");
}

#[test]
fn a_campaign_has_its_own_quota_of_its_own_samples_on_its_own_days() {
    let campaign = Campaign {
        v: 1,
        code: "dot-1".into(),
        title: "Đợt 1".into(),
        communes: vec!["25195".into()],
        quotas: vec![
            OperatorQuota { operator: "viettel".into(), samples: 10 },
            OperatorQuota { operator: "mobifone".into(), samples: 40 },
        ],
        starts_on: "2026-11-01".parse().unwrap(),
        ends_on: "2026-11-30".parse().unwrap(),
        roles: vec![],
        closed: false,
    };
    let (commune, board) = (name("25195"), board(200, 0, 200, 0));
    let asked = Question { campaign: Some(campaign.clone()), ..question() };
    let made = plan(&asked, vec![candidate(&commune, &board, None)], no_borders);
    let under: Vec<_> =
        made.communes[0].under_sampled.iter().map(|o| (o.operator.as_str(), o.counted, o.missing)).collect();
    assert_eq!(under, [("mobifone", 10, 30)], "only ten of each are of the campaign; the 300 are reached");
    assert_eq!(made.next.unwrap().operator.as_deref(), Some("mobifone"));
    let over = Campaign { closed: true, ..campaign.clone() };
    let asked = Question { campaign: Some(over), ..question() };
    assert_eq!(plan(&asked, vec![candidate(&commune, &board, None)], no_borders).next, None, "over");
    let earlier = Campaign { ends_on: "2026-11-22".parse().unwrap(), ..campaign };
    let asked = Question { campaign: Some(earlier), ..question() };
    assert_eq!(operators(&asked, &board)[1].counted, 0, "the samples are of the 23rd");
}

#[test]
fn cells_are_those_of_the_commune_less_the_measured() {
    let corner = cell(11.52, 106.89);
    let all: Vec<Cell> = (0..6).map(|n| Cell { row: corner.row, column: corner.column + n }).collect();
    let mut measured = sample(1, 1);
    measured.cell = Some(all[0]);
    let (commune, board) = (name("1"), Board::of(&[measured]));
    let here = candidate(&commune, &board, Some(0.0));
    let at = Question { point: Some(ispeed_commune::cell::centre(all[0])), ..question() };
    let made = plan(&at, vec![here.clone()], |_| Some(all.clone().into()));
    let told = &made.communes[0];
    assert_eq!((told.cells_total, told.cells_unmeasured, told.unmeasured.len()), (Some(6), Some(5), 5));
    assert_eq!(made.next.as_ref().unwrap().cell, Some(all[1]), "the neighbour of where one stands");
    assert!(told.unmeasured.iter().all(|c| c.distance_m.is_some()));
    let spread = commune_plan(&question(), &here, Some(&all));
    assert_eq!(spread.unmeasured[0].cell, all[5], "without a point the far end of the gap");
    let json = serde_json::to_string(&made).unwrap();
    assert!(!json.contains("106.89") && !json.contains("\"point\""), "the point is not in the answer");
}

#[test]
fn where_few_devices_were_is_told_to_the_administrator_only() {
    let corner = cell(11.52, 106.89);
    let all: Vec<Cell> = (0..6).map(|n| Cell { row: corner.row, column: corner.column + n }).collect();
    let commune = name("1");
    for (devices, hidden) in [(1, true), (4, true), (5, false)] {
        let samples: Vec<_> = (0..devices)
            .map(|n| {
                let mut one = sample(u128::from(n), n);
                one.cell = Some(all[0]);
                one
            })
            .collect();
        let board = Board::of(&samples);
        let here = candidate(&commune, &board, None);
        let told = commune_plan(&Question { public: true, cells: 6, ..question() }, &here, Some(&all));
        assert_eq!((told.cells_hidden, told.cells_unmeasured), (hidden, (!hidden).then_some(5)), "{devices} devices");
        assert_eq!(told.unmeasured.len(), if hidden { 6 } else { 5 }, "{devices}: as though nobody had been there");
        assert_eq!(
            commune_plan(&question(), &here, Some(&all)).cells_unmeasured,
            Some(5),
            "{devices}: the administrator"
        );
    }
}
